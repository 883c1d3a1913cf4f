"""What must hold for every network: totals, scaling, closed forms, expansion, the DAG, sharing, freezing, training and
JSON.

The networks are random (`fuzz.networks`), and written in the language as a person writes it.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import networkx
import pytest
from fuzz.networks import SMALLEST, Item, Network, flow, network_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc.algebra import Poly, integral, to_sympy
from archcalc.cost import Table
from archcalc.cost.row import Row
from archcalc.expand import expand
from archcalc.graph import Input
from archcalc.model import Model
from archcalc.ops import size as elements
from archcalc.receptive import Field
from archcalc.render import render
from archcalc.render.grouping import BY, SUMS, flat, tree
from archcalc.spec import read_spec

from shipping import families, shipped  # isort: skip


def quick(examples: int) -> settings:
    """The same examples on every run."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=slow)


# ---- random networks -------------------------------------------------------------------------------------------------


def networks() -> st.SearchStrategy[Network]:
    """Random networks; the first number to shrink is how many items they have."""
    return st.builds(network_of, st.integers(1, 6), st.integers(0, 2**32 - 1))


def model_of(text: str) -> Model:
    return Model(read_spec(text, "random.yaml"))


def bindings(network: Network, draw: st.DataObject) -> dict[str, Any]:
    """A point to count at."""
    ranges = {"size": (SMALLEST, 45), "other": (SMALLEST, 30), "width": (1, 5), "classes": (1, 20)}
    return {name: draw.draw(st.integers(*ranges[name]), label=name) for name in network.parameters}


# ---- what is compared ------------------------------------------------------------------------------------------------

COUNTED = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "flops",
    "elementwise",
    "activations",
    "weight_bytes",
    "bytes",
)
AS_THEY_ARE = ("name", "op", "block", "inputs", "depth", "layers")


def at(value: Any, point: dict[str, int]) -> Any:
    """A quantity, or something made of quantities, at a point."""
    if isinstance(value, Poly):
        return value.evaluate(point)
    if isinstance(value, tuple):
        return tuple(at(part, point) for part in value)
    if isinstance(value, dict):
        return {name: at(part, point) for name, part in value.items()}
    return value


def seen(found: Field, point: dict[str, int]) -> Any:
    """A receptive field, span by span, at a point."""
    spans = tuple(
        (span.jump, at(span.lows, point), at(span.highs, point), at(span.size, point)) for span in found.spans
    )
    return found.reach, spans, found.gated


def values(row: Row, point: dict[str, int] | None = None) -> dict[str, Any]:
    """Everything that a row says of its layer, at a point; where it stands in the file is left out."""
    there = point or {}
    found = {name: at(getattr(row, name), there) for name in (*COUNTED, "shape", "backward_macs")}
    return found | {"field": {name: seen(part, there) for name, part in row.field.items()}}


def summed(rows: list[Row], name: str) -> Any:
    return sum(getattr(row, name) for row in rows)


def agree(one: Table, two: Table) -> None:
    """Two tables of the same network."""
    assert one.totals == two.totals
    assert [row.name for row in one.rows] == [row.name for row in two.rows]
    for a, b in zip(one.rows, two.rows, strict=True):
        assert {name: getattr(a, name) for name in ("op", "text", "inputs", "depth")} == {
            name: getattr(b, name) for name in ("op", "text", "inputs", "depth")
        }
        assert values(a) == values(b)
    assert (one.last_map is None) == (two.last_map is None)
    if one.last_map and two.last_map:
        assert one.last_map[1:] == two.last_map[1:]


def reread(table: Table) -> Table:
    """The expanded network, read back and counted."""
    text = expand(table)
    return Model(read_spec(text, "expanded.yaml")).count(train=table.train)


# ---- totals ----------------------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans())
def test_totals_are_the_sums_of_the_rows_however_they_are_grouped(network: Network, train: bool) -> None:
    table = model_of(network.text).count(train=train, batch=3)
    for by in BY:
        for depth in (1, 2, 3, 9):
            rows = flat(table, by, depth)
            for name in (*COUNTED, "layers"):
                assert summed(rows, name) == table.totals[name], (by, depth, name)
            if train:
                assert summed(rows, "backward_macs") == table.totals["backward_macs"]
    for depth in (1, 2, 3):
        tops = [entry.row for entry in tree(table, depth) if entry.level == 0]
        for name in SUMS:
            assert summed(tops, name) == table.totals[name]


@quick(40)
@given(networks(), st.integers(2, 6), st.booleans())
def test_work_is_linear_in_the_batch_and_parameters_do_not_change(network: Network, batch: int, train: bool) -> None:
    model = model_of(network.text)
    one, many = model.count(train=train), model.count(train=train, batch=batch)
    linear = [
        "macs",
        "elementwise",
        "flops",
        "activations",
        "act_peak_bytes",
        *(["backward_macs"] if train else []),
    ]
    affine = ("bytes", "act_sum_bytes", "training_bytes")  # weights and statistics are there once
    for name, value in one.totals.items():
        if name in linear:
            assert many.totals[name] == batch * value, name
        elif name not in affine:
            assert many.totals[name] == value, name
    for a, b in zip(one.rows, many.rows, strict=True):
        assert (b.macs, b.elementwise, b.activations) == (batch * a.macs, batch * a.elementwise, batch * a.activations)
        assert (b.params, b.shape, b.weight_bytes) == (a.params, a.shape, a.weight_bytes)
    two = model.count(train=train, batch=2)
    for name in ("bytes", "act_sum_bytes"):
        assert many.totals[name] - one.totals[name] == (batch - 1) * (two.totals[name] - one.totals[name])
    for part, value in one.totals.get("training_bytes", {}).items():
        more = two.totals["training_bytes"][part] - value
        assert many.totals["training_bytes"][part] - value == (batch - 1) * more


@quick(60)
@given(networks().filter(lambda network: network.fixed_weights), st.data())
def test_parameters_do_not_depend_on_the_size_of_the_input(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    sizes: dict[str, Any] = {name: point[name] for name in ("size", "other") if name in point}
    one, other = model.count(), model.count(**sizes)
    for name in ("params", "trainable_params", "buffers", "weight_bytes"):
        assert one.totals[name] == other.totals[name]
    free = model.count(free=list(sizes))
    assert free.totals["params"] == one.totals["params"], "a closed form without the size"


@quick(50)
@given(networks())
def test_training_costs_no_less(network: Network) -> None:
    model = model_of(re.sub(r" survive=(\([^ ]*\)|[\d./]+)", "", network.text))  # stochastic depth does save work
    inference, training = model.count().totals, model.count(train=True).totals
    for name in (*COUNTED, "act_peak_bytes", "act_sum_bytes", "layers", "depth"):
        assert training[name] >= inference[name], name
    scores = sum(
        row.macs for row in model.count(train=True).rows if row.op == "attention"
    )  # its two products have two gradients each
    assert training["backward_macs"] <= 2 * training["macs"] + scores
    assert training["optimizer_bytes"] == 8 * training["trainable_params"]


# ---- closed forms ----------------------------------------------------------------------------------------------------


@settings(quick(90))
@given(networks(), st.data())
def test_binding_before_counting_is_substituting_afterwards(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    point["batch"] = data.draw(st.integers(1, 4), label="batch")
    free = data.draw(st.lists(st.sampled_from(sorted(point)), min_size=1, unique=True), label="free")
    train = data.draw(st.booleans(), label="train")
    fixed = {name: value for name, value in point.items() if name not in free}
    closed, counted = model.count(free=free, train=train, **fixed), model.count(train=train, **point)
    for name, value in counted.totals.items():
        form = closed.totals[name]
        found = (
            {part: at(bytes_, point) for part, bytes_ in form.items()} if isinstance(form, dict) else at(form, point)
        )
        assert found == value, name
    assert len(closed.rows) == len(counted.rows)
    for one, other in zip(closed.rows, counted.rows, strict=True):
        assert [getattr(one, name) for name in AS_THEY_ARE] == [getattr(other, name) for name in AS_THEY_ARE]
        assert values(one, point) == values(other), one.name


@settings(quick(15))
@given(networks(), st.data())
def test_sympy_and_python_read_a_closed_form_as_it_was_meant(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    closed, counted = model.count(free=list(point)).totals, model.count(**point).totals
    for name in ("params", "macs", "act_sum_bytes"):
        form = closed[name]
        assert eval(str(form), {}, dict(point)) == counted[name]
        if isinstance(form, Poly):
            assert integral(form)
            expression = to_sympy(form)
            assert expression.subs({symbol: point[symbol.name] for symbol in expression.free_symbols}) == counted[name]


# ---- expansion -------------------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans(), st.data())
def test_the_expanded_network_counts_the_same(network: Network, train: bool, data: st.DataObject) -> None:
    table = model_of(network.text).count(train=train, **bindings(network, data))
    again = reread(table)
    agree(table, again)
    assert expand(again) == expand(table)


HARD_TO_EXPAND = {
    "a name inside a group hides one outside": ["conv 4 3", {"n1": {"add": ["identity", "conv 4 5"]}}],
    "and so does the group's own": [
        {"add": ["identity", "conv 4 3"]},
        {"n1": [{"add": ["identity", {"add": ["identity", "conv 4 5"]}]}]},
    ],
    "a join without a label": [
        {"add": ["identity", "conv 4 3"]},
        {"concat": ["identity", "identity"]},
        {"mul": ["identity", ["gap", "linear 8 act=sigmoid"]]},
    ],
    "a layer that could be a join": ["flatten start=1", "attention 2"],
    "a join inside a branch that may be skipped": [
        {"add survive=1/2": ["identity", {"mul": ["conv 4 3", ["gap", "linear 4"]]}]}
    ],
    "a sum inside a branch that may be skipped": [{"add survive=1/2": ["identity", {"add": ["conv 4 1", "conv 4 3"]}]}],
    "chances that multiply": [{"add survive=1/2": ["identity", {"add survive=1/3": ["identity", "conv 4 3 norm=bn"]}]}],
}


@pytest.mark.parametrize("items", HARD_TO_EXPAND.values(), ids=HARD_TO_EXPAND)
def test_names_joins_and_chances_survive_expansion(items: list[Item]) -> None:
    layers = "".join(f"  - {flow(item)}\n" for item in items)
    table = model_of(f"archcalc: 1\nname: hard\ninput: [4, 8, 8]\nlayers:\n{layers}").count(train=True)
    agree(table, reread(table))


# ---- the graph -------------------------------------------------------------------------------------------------------


@quick(50)
@given(networks(), st.booleans())
def test_the_graph_is_acyclic_and_its_edges_are_the_inputs(network: Network, train: bool) -> None:
    graph = model_of(network.text).count(train=train).graph
    dag = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(dag)
    assert list(dag) == [node.name for node in graph.nodes], "every name once, in the order of the list"
    place = {name: n for n, name in enumerate(dag)}
    assert all(place[source] < place[target] for source, target in dag.edges)
    for node in graph.nodes:
        ports = {port: source for source, _, data in dag.in_edges(node.name, data=True) for port in data["ports"]}
        assert tuple(ports[n] for n in range(len(ports))) == tuple(graph.nodes[n].name for n in node.inputs)
        assert dag.nodes[node.name]["node"] is node
    sources = {name for name, degree in dag.in_degree() if degree == 0}
    assert sources == set(graph.inputs) == {node.name for node in graph.nodes if isinstance(node.op, Input)}


# ---- sharing and freezing --------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans())
def test_freezing_changes_what_is_trainable_and_nothing_else(network: Network, train: bool) -> None:
    frozen = model_of(network.text).count(train=train)
    thawed = model_of(re.sub(r" frozen(=true)?\b", "", network.text)).count(train=train)
    for name, value in thawed.totals.items():
        if name in ("trainable_params", "optimizer_bytes", "backward_macs", "act_sum_bytes"):
            assert frozen.totals[name] <= value
        elif name == "training_bytes":
            assert all(frozen.totals[name][part] <= bytes_ for part, bytes_ in value.items())
        else:
            assert frozen.totals[name] == value, name
    for one, other in zip(frozen.rows, thawed.rows, strict=True):
        assert other.trainable_params == other.params
        assert one.trainable_params in (0, one.params)
        assert (one.name, one.params, one.macs, one.shape) == (other.name, other.params, other.macs, other.shape)


@quick(60)
@given(networks().filter(lambda network: "share=" in network.text))
def test_shared_weights_count_once_and_work_every_time(network: Network) -> None:
    shared = model_of(network.text).count()
    apart = model_of(re.sub(r" share=\w+", "", network.text)).count()
    saved: dict[str, Any] = {"params": 0, "buffers": 0}
    nodes = shared.graph.nodes
    row_at = dict(zip(shared.graph.layers(), shared.rows, strict=True))
    for n, row in row_at.items():
        owner = nodes[n].share
        if owner is None:
            continue
        assert nodes[owner].share is None
        assert (row.params, row.trainable_params, row.buffers, row.weight_bytes) == (0, 0, 0, 0)
        saved["params"] += row_at[owner].params
        saved["buffers"] += row_at[owner].buffers
    assert saved["params"] > 0
    for name in ("macs", "elementwise", "activations", "act_peak_bytes", "act_sum_bytes", "depth", "layers", "bytes"):
        assert shared.totals[name] == apart.totals[name], name
    for name, value in saved.items():
        assert shared.totals[name] == apart.totals[name] - value


# ---- JSON ------------------------------------------------------------------------------------------------------------


def in_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_json(item) for name, item in value.items()}
    return str(value) if isinstance(value, Poly) else float(value) if isinstance(value, Fraction) else value


@quick(40)
@given(networks(), st.booleans(), st.booleans())
def test_json_holds_the_exact_table(network: Network, train: bool, free: bool) -> None:
    table = model_of(network.text).count(train=train, free=["size", "width"] if free else [])
    found = json.loads(json.dumps(table.to_json()))
    assert found == json.loads(render([table], "json"))
    for name, value in table.totals.items():
        written = found["totals"][name]
        assert written == in_json(value), name
        assert isinstance(written, (int, str, list, dict)) or isinstance(value, Fraction)
    assert len(found["layers"]) == table.totals["layers"]
    for row, layer in zip(table.rows, found["layers"], strict=True):
        assert (layer["name"], layer["op"], layer["inputs"]) == (row.name, row.op, list(row.inputs))
        assert layer["shape"] == [str(dim) if isinstance(dim, Poly) else dim for dim in row.shape]
        assert layer["params"] == (str(row.params) if isinstance(row.params, Poly) else row.params)


# ---- the networks that ship ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped(8))
def test_a_network_that_ships_expands_to_the_same(name: str) -> None:
    table = archcalc.load(name).count(train=True)
    again = reread(table)
    agree(table, again)
    assert again.totals["layers"] == len(again.rows)


@pytest.mark.parametrize("name", shipped(4))
def test_the_totals_of_a_network_that_ships_are_the_same_at_every_depth(name: str) -> None:
    table = archcalc.load(name).count()
    for by, depth in [("layer", None), ("op", None), ("block", 1), ("block", 2), ("block", 9)]:
        rows = flat(table, by, depth)
        for column in (*COUNTED, "layers"):
            assert summed(rows, column) == table.totals[column], (by, depth, column)
    views = ("flatten", "reshape", "dropout")
    rows = [row for row in table.rows if row.op not in views and not (row.op == "opaque" and row.activations == 0)]
    assert table.totals["activations"] == sum(elements(row.shape) for row in rows)


@pytest.mark.parametrize("name", families(12))
def test_answering_changes_nothing(name: str) -> None:
    """A model is a value: the second answer to a question is the first, and other questions in between don't matter."""
    model = archcalc.load(name)
    once = model.count(free=["all"]), model.count()
    model.count(batch=2, train=True)
    again = model.count(free=["all"]), model.count()
    assert [table.dropped for table in again] == [table.dropped for table in once]
    assert [table.to_json() for table in again] == [table.to_json() for table in once]


@pytest.mark.parametrize("inputs", ["input: [3, 8, 8]", "inputs: {a: [3, 8, 8], b: [3, 8]}\noutputs: [b, a]"])
def test_a_network_without_layers_expands_to_one_that_can_be_read(inputs: str) -> None:
    start = "identity" if inputs.startswith("input:") else "ref a"
    table = model_of(f"archcalc: 1\nname: t\n{inputs}\nlayers:\n  - {start}\n").count()
    again = reread(table)
    assert (again.inputs, again.graph.outputs) == (table.inputs, table.graph.outputs)
