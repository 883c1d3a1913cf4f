"""`archcalc advise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import Inputs, Json, Output, Quiet, Spec, Via, chosen, loaded
from archcalc.cli.saying import out, told
from archcalc.errors import UsageError, suggest

if TYPE_CHECKING:
    from archcalc.advice import Advice


@command()
def advise(
    spec: Spec,
    apply: Annotated[str, Option("--apply", metavar="ID", help="Write the spec with this advice taken.")] = "",
    top: Annotated[int | None, Option("--top", min=1, help="Only so many, those that save most first.")] = None,
    inputs: Inputs = None,
    via: Via = "",
    form: Annotated[str, Option("--format", help="text or json.")] = "text",
    json: Json = False,
    output: Output = None,
    quiet: Quiet = False,
) -> None:
    """What lectures teach that a network could use: each rewrite with what it comes to, exactly.

    \b
    archcalc advise alexnet
    archcalc advise alexnet --apply drop:fc7 -o smaller.yaml
    """
    from archcalc.advice import advise as advised
    from archcalc.space.report import check_format

    form = chosen(form, json)
    check_format(form, ("text", "json"))
    model = loaded(spec, inputs, via)
    found = advised(model)
    if apply:
        _apply(found, apply, output)
        return
    shown = found[:top]
    if form == "json":
        out(_json(model.name, shown), into=output)
    elif not shown:
        out(f"{model.name}: no lesson applies: no wide kernel, dense head or layer that could be left out", into=output)
    else:
        out("\n".join(_text(shown)), into=output)
    if not quiet and form == "text" and shown:
        told("costs are exact; what a network learns is another matter, of which nothing is claimed")


def _apply(found: list[Advice], name: str, output: str | None) -> None:
    taken = next((one for one in found if one.id == name), None)
    if taken is None:
        known = [one.id for one in found]
        raise UsageError(f"there is no advice '{name}'{suggest(name, known, 'there are ' + ', '.join(known))}")
    out(taken.text, newline=False, into=output)


def _text(found: list[Advice]) -> list[str]:
    from archcalc.advice import difference
    from archcalc.render.grid import listing

    rows = []
    for one in found:
        changes = [difference(one.before[name], one.after[name]) for name in ("params", "macs", "depth", "field")]
        rows.append([one.id, one.title, *changes, f"{one.after['params']:,}", f"{one.after['macs']:,}"])
    headings = ["advice", "lesson", "params", "MACs", "depth", "field", "params then", "MACs then"]
    return [listing(headings, rows, ("advice", "lesson")), "", f"e.g. --apply {found[0].id} -o new.yaml"]


def _json(name: str, found: list[Advice]) -> str:
    from archcalc import __version__, escapes
    from archcalc.space.sweep import plain

    def figures(values: dict[str, Any]) -> dict[str, Any]:
        return {key: plain(value) for key, value in values.items()}

    advice = [
        {
            "id": one.id,
            "lesson": one.title,
            "source": one.source,
            "line": one.place.line,
            "old": one.old,
            "new": one.new,
            "before": figures(one.before),
            "after": figures(one.after),
        }
        for one in found
    ]
    tool = {"name": "archcalc", "version": __version__}
    return escapes.json({"schema": "archcalc/advise/1", "tool": tool, "name": name, "advice": advice})
