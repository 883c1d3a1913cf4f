"""`archcalc advise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import TEXT_OR_JSON, Given
from archcalc.cli.saying import told
from archcalc.errors import UsageError, suggest
from archcalc.untyped import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archcalc.space.advice import Advice

Asked = Annotated[Given, takes("inputs via form json output quiet")]
Apply = Annotated[str, Option("--apply", metavar="ID", help="Write the spec with this advice taken.")]
Top = Annotated[int | None, Option("--top", min=1, help="Only so many, those that save most first.")]


@command()
def advise(
    spec: options.Spec, apply: Apply = "", top: Top = None, *, given: Asked, form: options.TextOrJson = "text"
) -> None:
    """What lectures teach that a network could use: each rewrite with what it comes to, exactly.

    \b
    archcalc advise alexnet
    archcalc advise alexnet --apply drop:fc7 -o smaller.yaml
    """
    from archcalc.space.advice import advise as advised

    form = given.form(form, TEXT_OR_JSON)
    model = given.loaded(spec)
    found = advised(model)
    if apply:
        given.say(_applied(found, apply), newline=False)
        return
    shown = found[:top]
    if form == "json":
        given.say(_json(model.name, shown))
    elif not shown:
        given.say(f"{model.name}: no lesson applies: no wide kernel, dense head or layer that could be left out")
    else:
        given.say("\n".join(_text(shown)))
    if not given.quiet and form == "text" and shown:
        told("costs are exact; what a network learns is another matter, of which nothing is claimed")


def _applied(found: Sequence[Advice], name: str) -> str:
    """The spec with one advice taken. Raises UsageError."""
    taken = next((one for one in found if one.id == name), None)
    if taken is None:
        known = [one.id for one in found]
        if not known:
            raise UsageError(f"there is no advice '{name}', for no lesson applies")
        raise UsageError(f"there is no advice '{name}'{suggest(name, known, 'there are ' + ', '.join(known))}")
    return taken.text


def _text(found: Sequence[Advice]) -> list[str]:
    from archcalc.render.grid import listing
    from archcalc.space.advice import difference

    rows = []
    for one in found:
        changes = [difference(one.before[name], one.after[name]) for name in ("params", "macs", "depth", "field")]
        rows.append([one.id, one.title, *changes, f"{one.after['params']:,}", f"{one.after['macs']:,}"])
    headings = ["advice", "lesson", "params", "MACs", "depth", "field", "params then", "MACs then"]
    return [listing(headings, rows, ("advice", "lesson")), "", f"e.g. --apply {found[0].id} -o new.yaml"]


def _json(name: str, found: Sequence[Advice]) -> str:
    from archcalc import __version__, escapes
    from archcalc.space.advice import as_json

    def figures(values: dict[str, object]) -> dict[str, Json]:
        return {key: as_json(value) for key, value in values.items()}

    advice = [
        {
            **one.told(),
            "before": figures(one.before),
            "after": figures(one.after),
        }
        for one in found
    ]
    tool = {"name": "archcalc", "version": __version__}
    return escapes.json({"schema": "archcalc/advise/1", "tool": tool, "name": name, "advice": advice})
