"""The typer app, and how a run ends.

Exit codes, everywhere: 0 fine; 1 a budget, reference, proof or docs check failed; 2 could not tell (a bad spec, bad usage).
Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from archcalc.errors import ArchcalcError

app = typer.Typer(
    name="archcalc",
    help="What a neural network costs, exactly: parameters, MACs, activations, memory and receptive field from a page of YAML.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


OPTIONAL = frozenset({"numpy", "onnx", "onnxruntime"})  # what only some commands need


def _version(wanted: bool) -> None:
    if wanted:
        from archcalc import __version__

        typer.echo(f"archcalc {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    pass


def main() -> None:
    """Run, and turn what goes wrong into a message and an exit code: never a traceback for a mistake in the input."""
    gc.disable()  # a command is short, and what it allocates is needed to its end
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except ArchcalcError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        _fail(f"this needs the package {error.name}: pip install 'archcalc[run]'")
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
