"""The command line: a command reads its arguments, calls one function and prints.

Exit codes, everywhere: 0 fine; 1 a budget, reference, proof or docs check failed; 2 could not tell (a bad spec, bad usage).
Results go to stdout, everything else to stderr. Imports stand inside the commands: a command pays only for what it uses.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from archcalc.errors import ArchcalcError, UsageError

if TYPE_CHECKING:
    from archcalc.check import Verdict
    from archcalc.cost import Table
    from archcalc.model import Model

app = typer.Typer(
    name="archcalc",
    help="What a neural network costs, exactly: parameters, MACs, activations, memory and receptive field from a page of YAML.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)

Specs = Annotated[list[str], typer.Argument(metavar="SPEC...", help="A spec file, file.yaml@variant, or the name of a network that ships (archcalc zoo).")]
Set = Annotated[list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="Give a design parameter a value: --set size=320. Repeatable.")]
Free = Annotated[list[str] | None, typer.Option("--free", "-f", metavar="K,K", help="Leave parameters as symbols: --free size,classes; --free all.")]
Without = Annotated[list[str] | None, typer.Option("--without", "-w", metavar="L,L", help="Leave out layers or groups by label: --without fc6,fc7.")]
Train = Annotated[bool, typer.Option("--train", help="Count training: train-only heads, backward MACs, optimiser state, stochastic depth.")]
Batch = Annotated[int, typer.Option("--batch", "-b", min=1, help="Samples in a batch.")]
Dtype = Annotated[str, typer.Option("--dtype", help="fp64, fp32, fp16, bf16 or int8: the width that bytes are counted in.")]
Format = Annotated[str, typer.Option("--format", "-o", help="table, markdown, csv, json, html or latex.")]


def _columns(names: str | None) -> str | None:
    """`--columns help` explains them, with no network named."""
    if names == "help":
        from archcalc.render.columns import COLUMNS

        width = max(map(len, COLUMNS))
        for name, column in COLUMNS.items():
            typer.echo(f"{name:<{width}}  {column.help}")
        raise typer.Exit
    return names


Columns = Annotated[
    str | None, typer.Option("--columns", "-c", metavar="C,C", callback=_columns, is_eager=True, help="Which columns: `--columns help` explains them.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]


def _version(wanted: bool) -> None:
    if wanted:
        from archcalc import __version__

        typer.echo(f"archcalc {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    pass


@app.command()
def count(
    specs: Specs,
    sets: Set = None,
    free: Free = None,
    depth: Annotated[int | None, typer.Option("--depth", "-d", min=0, help="Levels of blocks to show: 0 the totals, 1 what the spec lists (default).")] = None,
    by: Annotated[str | None, typer.Option("--by", help="layer (every one), block (without what is inside) or op.")] = None,
    columns: Columns = None,
    sort: Annotated[str | None, typer.Option("--sort", help="The dearest first: macs, params, flops, activations, bytes ...")] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Only so many rows, and one for the others together.")] = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    flops: Annotated[bool, typer.Option("--flops", help="A column of FLOPs: 2 x MACs + elementwise operations.")] = False,
    form: Format = "table",
    quiet: Quiet = False,
) -> None:
    """Count parameters, MACs, activations, memory and receptive field, as numbers or closed forms.

    \b
    archcalc count googlenet                          the table of a network that ships
    archcalc count net.yaml --set size=320            another input size
    archcalc count resnet50 --free size --depth 0     the closed form in the input size
    archcalc count vgg16 --sort params --top 5        where the parameters are
    archcalc count alexnet --without fc6,fc7          an ablation
    """
    from archcalc.model import Question
    from archcalc.render import render

    tables = []
    for model in _models(specs):
        table = model.answer(Question(_bindings(sets), _names(free), batch, train, dtype, _names(without)))
        _notes(table, model.dropped, quiet)
        tables.append(table)
    typer.echo(render(tables, form, by=by, depth=depth, sort=sort, top=top, columns=columns, flops=flops, width=_width()))


@app.command()
def check(specs: Specs, form: Annotated[str, typer.Option("--format", "-o", help="text or json.")] = "text", quiet: Quiet = False) -> None:
    """Is each spec right on its own: shapes, published references, absolute budgets. A file is checked with all its variants."""
    from archcalc.check import check as verdicts_of
    from archcalc.model import Model

    if form not in ("text", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, json")
    found = []
    for model in _models(specs):
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


@app.command()
def expand(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A spec file, file.yaml@variant, or a network that ships.")],
    sets: Set = None,
    without: Without = None,
) -> None:
    """Print the flat network, every option spelled out: a spec that counts the same."""
    from archcalc.expand import expand as expanded
    from archcalc.model import Question

    (model,) = _models([spec])
    typer.echo(expanded(model.answer(Question(_bindings(sets), without=_names(without)))), nl=False)


@app.command()
def zoo(form: Annotated[str, typer.Option("--format", "-o", help="table, markdown or json.")] = "table") -> None:
    """List the networks that ship, with their totals."""
    from archcalc.zoo import listing

    typer.echo(listing(form, _width()))


@app.command()
def ops(
    words: Annotated[list[str] | None, typer.Argument(metavar="[OP]...", help="Only these operators.")] = None,
    form: Annotated[str, typer.Option("--format", "-o", help="text, markdown or json.")] = "text",
) -> None:
    """The operator reference: how each layer is written, its options and what it counts."""
    from archcalc.reference import printed

    typer.echo(printed(words or [], form, _width()))


@app.command()
def schema() -> None:
    """Print the JSON Schema (draft-07) of a spec, for editors."""
    import json

    from archcalc.schema import spec_schema

    typer.echo(json.dumps(spec_schema(), indent=2))


# ---- what commands share ------------------------------------------------------------------------------------------------


def _models(names: Iterable[str]) -> list[Model]:
    """Load every spec before anything is printed; mistakes in several are reported together."""
    from archcalc.errors import SpecError
    from archcalc.model import load

    models, problems = [], []
    for name in names:
        try:
            models.append(load(name))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return models


def _bindings(sets: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for pair in sets or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"--set takes name=value, got '{pair}'")
        found[name.strip()] = value.strip()
    return found


def _names(lists: Sequence[str] | None) -> tuple[str, ...]:
    """The names in `a,b`, given once or several times."""
    return tuple(name.strip() for names in lists or () for name in names.split(",") if name.strip())


def _notes(table: Table, dropped: Sequence[str], quiet: bool) -> None:
    """What a reader should know besides the table."""
    if quiet:
        return
    from archcalc.ops.base import show

    for name in dropped:
        typer.echo(f"note: {name} stays {show(table.binding.values[name])}: it decides the structure", err=True)
    for node in table.graph.dead_ends():
        typer.echo(f"{node.mark}: warning: nothing reads {node.name}; list it under `outputs:` if it is one", err=True)


def _width() -> int | None:
    """The terminal's width; None where the output goes elsewhere and lines may be long."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def _print_verdicts_json(found: list[tuple[Model, list[Verdict]]]) -> None:
    import json

    from archcalc import __version__
    from archcalc.render.json import verdict

    networks = [
        {"spec": model.spec.path, "variant": model.variant, "figures": [verdict(v) for v in verdicts], "failed": sum(v.fails for v in verdicts)}
        for model, verdicts in found
    ]
    typer.echo(json.dumps({"schema": "archcalc/check/1", "tool": {"name": "archcalc", "version": __version__}, "networks": networks}, indent=1))


def main() -> None:
    """Run, and turn what goes wrong into a message and an exit code: never a traceback for a mistake in the input."""
    gc.disable()  # a command is short, and what it allocates is needed to its end
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except ArchcalcError as error:
        _fail(str(error))
    except RecursionError:
        _fail("the spec is nested too deeply")
    except MemoryError:
        _fail("out of memory: the network is too large for this machine")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(message: str) -> None:
    sys.stdout.flush()
    print(message if message[:1].isupper() or "\n" in message or ":" in message.split(" ")[0] else f"archcalc: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(2)
