"""`archcalc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archcalc.cli.app import app
from archcalc.cli.options import Quiet, Specs, models
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.check import Verdict
    from archcalc.model import Model


@app.command()
def check(specs: Specs, form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text", quiet: Quiet = False) -> None:
    """Is each spec right on its own: shapes, published references, absolute budgets. A file is checked with all its variants."""
    from archcalc.check import check as verdicts_of
    from archcalc.model import Model

    if form not in ("text", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, json")
    found = []
    for model in models(specs):
        members = [model, *(Model(model.spec, name) for name in model.spec.variants)] if model.variant is None else [model]
        for member in members:
            found.append((member, list(verdicts_of(member)), member.graph))
    failed = sum(verdict.fails for _, verdicts, _ in found for verdict in verdicts)
    if form == "json":
        _print_verdicts_json([(member, verdicts) for member, verdicts, _ in found])
    else:
        for member, verdicts, graph in found:
            layers = len(graph.layers())
            typer.echo(f"{member.name}: {layers:,} layer{'s' * (layers != 1)}, {len(verdicts)} figure{'s' * (len(verdicts) != 1)} checked")
            for verdict in verdicts:
                if not quiet or verdict.fails:
                    typer.echo(f"  {verdict}")
        figures = sum(len(verdicts) for _, verdicts, _ in found)
        typer.echo(f"{figures - failed} of {figures} figures hold in {len(found)} network{'s' * (len(found) != 1)}")
    if failed:
        raise typer.Exit(1)


def _print_verdicts_json(found: list[tuple[Model, list[Verdict]]]) -> None:
    import json

    from archcalc import __version__
    from archcalc.render.json import verdict

    networks = [
        {"spec": model.spec.path, "variant": model.variant, "figures": [verdict(v) for v in verdicts], "failed": sum(v.fails for v in verdicts)}
        for model, verdicts in found
    ]
    typer.echo(json.dumps({"schema": "archcalc/check/1", "tool": {"name": "archcalc", "version": __version__}, "networks": networks}, indent=1))
