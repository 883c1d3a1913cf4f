"""What stands around a table: its title, the totals in words, and the conventions that they follow."""

from __future__ import annotations

from archcalc import escapes
from archcalc.algebra import Poly, unicode
from archcalc.cost import Table
from archcalc.memory import CONVENTION as MEMORY_CONVENTION
from archcalc.memory import KEPT, attention_told, state_told
from archcalc.render import numbers, times
from archcalc.render.columns import Form


def title(table: Table, form: Form = unicode) -> str:
    """`GoogLeNet · input 3x224x224`."""
    inputs = ", ".join(
        f"{escapes.plain(name)} {numbers.shape(shape, form)}".rstrip() for name, shape in table.inputs.items()
    )
    batch = "" if table.batch == 1 else f" · batch {numbers.exact(table.batch, form)}"
    if table.graph.samples > 1 and not batch:
        batch = (
            f" · a run of {table.graph.samples} samples"
            if table.graph.whole
            else f" · batch {table.graph.samples} in the file"
        )
    return f"{escapes.plain(table.name)} · {inputs}{batch}{' · training' if table.train else ''}"


def _width(table: Table) -> str:
    if table.stored is not None:
        return "as the file stores them"
    others = not table.is_of_file and any(node.stored or node.dtype for node in table.graph.nodes)
    return f"in {table.dtype}{', but where the spec says other widths' if others else ''}"


def facts(table: Table, form: Form = unicode) -> list[tuple[str, str]]:
    """The totals, exact."""
    totals = table.totals
    trainable = (
        ""
        if totals["trainable_params"] == totals["params"]
        else f", {numbers.exact(totals['trainable_params'], form)} of them trainable"
    )
    buffers = f", and {numbers.exact(totals['buffers'], form)} numbers in buffers" if totals["buffers"] != 0 else ""
    incomplete = ", incomplete" if table.graph.uncounted else ""
    found = [
        ("params", f"{numbers.exact(totals['params'], form)}{trainable}{buffers}{incomplete}"),
        *(
            [("active", f"{numbers.exact(totals['active_params'], form)} params that a position meets")]
            if totals["active_params"] != totals["params"]
            else []
        ),
        *(
            (title, f"{numbers.exact(table.total(name), form)} {_per(table)}{incomplete}")
            for name, title in table.convention.titles.items()
        ),
    ]
    if table.timing is not None:
        found = [*times.facts(table, table.timing, form), *found]
    if table.train:
        found.append(("backward", f"{numbers.exact(totals['backward_macs'], form)} MACs"))
        state = numbers.size_in_bytes(totals["optimizer_bytes"], form)
        found.append(("optimiser", f"{state} ({state_told(table.training)})"))
        found += _training(table, form)
    found.append(("weights", f"{numbers.size_in_bytes(totals['weight_bytes'], form)} {_width(table)}"))
    if totals["cache_bytes"] != 0:
        found.append(("cache", f"{numbers.size_in_bytes(totals['cache_bytes'], form)} of keys and values"))
    found.append(("activations", f"{numbers.size_in_bytes(totals['act_peak_bytes'], form)} alive at most"))
    found.append(("", f"{numbers.size_in_bytes(totals['act_sum_bytes'], form)} kept for training"))
    found += [("depth", _depth(table, form)), ("field", _field(table, form)), ("coverage", _coverage(table, form))]
    if table.free:
        found.append(("valid for", ", ".join(table.domain) or "every value"))
        found += [("", f"{', '.join(conditions)} for {NARROWER[name]}") for name, conditions in table.narrower.items()]
    return found


def _training(table: Table, form: Form) -> list[tuple[str, str]]:
    """What training holds in all, and what is computed again for that."""
    parts, again = table.totals["training_bytes"], table.totals.get("recomputed_macs")
    told = [
        f"{name} {numbers.size_in_bytes(value, form)}"
        for name, value in parts.items()
        if name != "total" and value != 0
    ]
    found = [("training", f"{numbers.size_in_bytes(parts['total'], form)} in all: {', '.join(told)}")]
    return found if again is None else [*found, ("recomputed", f"{numbers.exact(again, form)} MACs more")]


NARROWER = {
    "act_peak_bytes": "what is alive at most",
    "act_sum_bytes": "what training keeps",
    "depth": "the depth",
    "receptive_field": "the field",
}


def _coverage(table: Table, form: Form) -> str:
    layers = numbers.exact(table.totals["layers"], form)
    missing = table.graph.uncounted
    counted = numbers.exact(table.totals["layers"] - sum(found.nodes for found in missing), form) if missing else layers
    without = "; ".join(map(str, missing))
    return f"{counted} of {layers} layer{'s' * (layers != '1')} counted{', without ' + without if missing else ''}"


def _per(table: Table) -> str:
    if table.graph.whole:
        return f"a run of {table.graph.samples} samples"
    return "a run" if table.graph.is_run else "a sample" if table.batch == 1 else "a batch"


def legend(table: Table) -> list[str]:
    """The conventions that the totals follow."""
    told = table.convention
    lines = [
        f"{', '.join(told.titles.values()) or told.name}: {told.definition}",
        "; ".join([f"alive: {MEMORY_CONVENTION}", *filter(None, [attention_told(table.graph)])]),
        f"kept: {KEPT}",
    ]
    if table.timing is not None:
        lines = [*times.legend(table.timing), *lines]
    if table.train:
        lines.append("backward: gradients of weights and of inputs; none for the input of the first layer that learns")
    if table.graph.loops:
        lines.append(
            "1..n: repeats that are alike, in one row with the sum of their figures; its output and field are those of"
            " repeat i, counted from 0"
        )
    return lines


def _depth(table: Table, form: Form) -> str:
    totals = table.totals
    expected = totals["expected_depth" if "expected_depth" in totals else "depth"]
    exact = numbers.exact(expected, form) if isinstance(expected, Poly) else f"{float(expected):.4g}"
    training = "" if expected == totals["depth"] else f"; {exact} expected in training"
    depth, pooling = numbers.exact(totals["depth"], form), numbers.exact(totals["depth_with_pooling"], form)
    return f"{depth} layer{'s' * (depth != '1')} with weights on the longest path, {pooling} with pooling{training}"


def _field(table: Table, form: Form) -> str:
    if table.last_map is None:
        return "everything"
    label, source, field = table.last_map
    if not field.spans:
        return f"{numbers.one_field(field, form)}, at {label}"
    on = f" of {source}" if len(table.inputs) > 1 else ""
    sizes, strides = tuple(span.size for span in field.spans), tuple(span.stride for span in field.spans)
    size = " x ".join(numbers.axes((value,), form) for value in sizes)
    gates = "; everything through its global gates" if field.gated else ""
    bound = "at most " if any(span.is_bound for span in field.spans) else ""
    return f"{bound}{size}{on} at stride {numbers.axes(strides, form)}, at {label}{gates}"


def caption(table: Table, form: Form = unicode) -> str:
    """A sentence with the totals and their convention."""
    totals = table.totals
    field = _field(table, form)
    operations = "".join(
        f", {numbers.exact(table.total(name), form)} {title}" for name, title in table.convention.titles.items()
    )
    return (
        f"{title(table, form)}: {numbers.exact(totals['params'], form)} parameters{operations}"
        f" ({table.convention.definition}); depth {numbers.exact(totals['depth'], form)}; receptive field {field};"
        f" {_coverage(table, form)}.{_predicted(table, form)}"
    )


def _predicted(table: Table, form: Form) -> str:
    if table.timing is None:
        return ""
    (_, time), *_, (_, device) = times.facts(table, table.timing, form)
    return f" Predicted: {time} ({device})."


__all__ = ["caption", "facts", "legend", "title"]
