"""The typer app, and how a run begins and ends.

Exit codes, everywhere: 0 fine; 1 a budget, reference, proof or docs check failed; 2 could not tell (a bad spec, bad
usage). Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from errno import EBADF, EFBIG, EIO, ENOSPC, EPIPE
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

from archcalc import reading
from archcalc.cli.commands import COMMANDS, overview
from archcalc.cli.declared import called, plainly
from archcalc.cli.saying import failed, out, refused
from archcalc.errors import ArchcalcError
from archcalc.escapes import report as reported

if TYPE_CHECKING:
    import typer

UNWRITTEN = frozenset({ENOSPC, EPIPE, EIO, EBADF, EFBIG})  # errors of the streams that a command writes to
OPTIONAL = {  # what only some commands need, and the extra that has it
    "numpy": "run", "onnx": "run", "onnxruntime": "run", "pygls": "editor", "lsprotocol": "editor",
    "pyarrow": "parquet",
}  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., object])


FUNCTIONS: dict[str, Callable[..., object]] = {}  # of the commands whose modules are imported


def command(name: str | None = None) -> Callable[[Function], Function]:
    """Declares a command, called as its function is unless named."""

    def declare(function: Function) -> Function:
        FUNCTIONS[name or function.__name__] = function
        return function

    return declare


def judged(*names: str) -> typer.Typer:
    """The app with these commands, or with all."""
    from archcalc.cli.judged import app_of

    for name in names or COMMANDS:
        import_module(f"archcalc.cli.{COMMANDS[name]}")
    return app_of({name: FUNCTIONS[name] for name in names or COMMANDS})


def start() -> NoReturn:
    """The command in a process of its own, which ends at once: to take down what it has built would take as long as a
    small count.

    What waits for the end of the interpreter, a profiler for one, gets it from `python -m archcalc`.
    """
    code: object = 0
    for step in (main, _flush):
        try:
            step()
        except SystemExit as end:
            code = end.code or code
        except KeyboardInterrupt:
            code = 130
    if not isinstance(code, int):
        failed(str(code))
        code = 1
    os._exit(code)


def _flush() -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:
        _unwritten(error)


def main() -> None:
    """Run, and turn what goes wrong into a message and an exit code, never a traceback unless ARCHCALC_TRACEBACK=1
    asks for one.
    """
    reading.begin()
    gc.disable()  # a command is short, and what it allocates is needed to its end
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    try:
        _run()
    except ArchcalcError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            _fail_unexpected(error)
        _fail(f"this needs the package {error.name}: pip install 'archcalc[{OPTIONAL[error.name]}]'")
    except RecursionError:
        _fail("the spec is nested too deeply")
    except MemoryError:
        _fail("out of memory: the network is too large for this machine")
    except OSError as error:
        _unwritten(error)
    except Exception as error:  # nothing else stands between a bug and a person at a terminal
        _fail_unexpected(error)


def _nowhere() -> TextIO:
    """A stream in place of one that was closed with `>&-`."""
    return open(os.devnull, "w")


def _unwritten(error: OSError) -> NoReturn:
    """End a run whose output went nowhere: without a word where the reader of a pipe has had enough, with one where a
    disk is full or a file can't be had.
    """
    if error.errno not in UNWRITTEN and error.filename is None:
        _fail_unexpected(error)
    if error.errno not in UNWRITTEN:
        _fail(f"{error.filename}: {error.strerror}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        sys.exit(1)
    _fail(f"the output can't be written: {error.strerror or error}")


def _run() -> None:
    """Do what the command line says: by the plain reading of it where there is one, else by typer's."""
    words = sys.argv[1:]
    if "_ARCHCALC_COMPLETE" in os.environ:
        from archcalc.cli.completing import asked

        if not asked(FUNCTIONS):
            judged()()
    elif words in ([], ["--help"], ["-h"]):
        out(overview(), newline=False)
        sys.exit(0 if words else 2)
    elif words == ["--version"]:
        from archcalc import __version__

        out(f"archcalc {__version__}")
    elif words[0] not in COMMANDS:
        _refuse_stray(words)
        judged()()
    else:
        import_module(f"archcalc.cli.{COMMANDS[words[0]]}")
        function = FUNCTIONS[words[0]]
        taken = plainly(words[0], function, words[1:])
        if taken is None:
            judged(words[0])()
        else:
            called(function, taken)


def _refuse_stray(words: list[str]) -> None:
    """Say what was meant by a line that begins with no command, where that is plain."""
    from archcalc.files import find, parted

    first, commands = words[0], [word for word in words if word in COMMANDS]
    if first in ("version", "-V", "-v"):
        _fail("archcalc: the version is what `archcalc --version` prints")
    if first.startswith("--") and commands and not any(word in ("--version", "--help") for word in words):
        _fail(f"archcalc: {reported(first)} stands behind its command: `archcalc {commands[0]} ... {reported(first)}`")
    name = parted(first)[0]
    if not first.startswith("-") and (os.path.exists(name) or find(name) is not None):
        _fail(f"archcalc: {reported(first)} is no command; to count it: `archcalc count {reported(first)}`")


def _fail_unexpected(error: Exception) -> NoReturn:
    """End a run that met a bug of ours: a line that says what, and how to report it."""
    from archcalc import __version__

    if os.environ.get("ARCHCALC_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error)
    said = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())[:300]
    _fail(
        f"archcalc: a bug in archcalc {__version__}, not in what it was given: {type(error).__name__}"
        f"{f': {said}' if said else ''}; please report it with the command, its input and what it prints with"
        " ARCHCALC_TRACEBACK=1"
    )


def _fail(message: str) -> NoReturn:
    with suppress(OSError):  # whoever can't be told has the exit code
        refused(message)
    sys.exit(2)
