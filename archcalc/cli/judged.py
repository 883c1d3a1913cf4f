"""The command line as typer reads, judges, explains and completes it.

typer has pydantic judge every option of a command, those that weren't given too. To import that and to make its
adapters takes longer than counting a network does, and nearly all that is written on a command line is right: a text, a
whole number, a flag.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from archcalc import __version__, escapes
from archcalc.cli.commands import COMMANDS, overview
from archcalc.cli.declared import FORMATS, FORMERLY, JUDGE, Declared, Function, Parameter, called, parameters, plain
from archcalc.cli.saying import out, told
from archcalc.patterns import pattern
from archcalc.signatures import REQUIRED

Process = Callable[[Any, Any], Any]  # of a context and of what was given, or the default


@contextmanager
def _printable() -> Iterator[None]:
    """What typer says of a command line quotes it; names of files get there, too."""
    try:
        yield
    except Exception as error:
        if hasattr(error, "exit_code") and isinstance(said := getattr(error, "message", None), str):
            error.message = escapes.report(said)  # type: ignore[attr-defined]
        raise


class _Plain:
    """A command whose options go to typer only where there is something to judge: what is wrong, missing, or of another
    type.
    """

    def make_context(self, *words: object, **extra: object) -> Any:
        with _printable():
            return super().make_context(*words, **extra)  # type: ignore[misc]

    def invoke(self, ctx: object) -> Any:
        with _printable():
            return super().invoke(ctx)  # type: ignore[misc]

    def get_params(self, ctx: object) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            described = getattr(param, "type_descriptor", None)
            if described is not None and "process_value" not in vars(param):
                param.process_value = _process(param, described.annotation, described.parameter_info)
        return params


_SHORT = pattern(r"(-q*)o(.*)", re.DOTALL)


class Command(_Plain, TyperCommand):
    """One of the commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read a command line, whatever `-o` was short for."""
        try:
            return super().parse_args(ctx, _as_now(args) if self.name in FORMERLY else args)
        except Exception as error:
            unknown = getattr(error, "option_name", None) if hasattr(error, "possibilities") else None
            if takers := _takers(unknown):
                error.possibilities = None  # type: ignore[attr-defined]
                error.message += f"; it is an option of {', '.join(takers[:3])}"  # type: ignore[attr-defined]
            elif type(error).__name__ == "MissingParameter":  # what it is for, and so what to type
                error.message = getattr(error.param, "help", None) or ""  # type: ignore[attr-defined]
            raise


def _takers(option: str | None) -> list[str]:
    """The commands that take an option."""
    from importlib import import_module

    from archcalc.cli.entry import FUNCTIONS

    for module in COMMANDS.values() if option else ():
        import_module(f"archcalc.cli.{module}")
    known = FUNCTIONS.items() if option else ()
    return [name for name, function in known if any(option in each.declared.words for each in parameters(function))]


def _as_now(args: list[str]) -> list[str]:
    """A command line with `--format` where `-o` was short for it, which is said on stderr; `-o` names a file now."""
    words, now = list(args), []
    while words:
        word = words.pop(0)
        short = _SHORT.fullmatch(word)
        value = (short[2] or (words[0] if words else "")) if short else ""
        if short and value.partition("=")[0] in FORMATS:
            if not short[2]:
                words.pop(0)
            told(f"warning: -o {value}: -o names a file now, as --output does; write --format {value}")
            now += [*([short[1]] if short[1] != "-" else []), "--format", value]
            continue
        now.append(word)
        if word == "--":
            break
    return [*now, *words]


class Group(_Plain, TyperGroup):
    """What they are commands of."""

    def get_help(self, ctx: object) -> str:
        """The overview: commands, grouped by what one wants."""
        return overview().rstrip("\n")

    def list_commands(self, ctx: object) -> list[str]:
        """In the order of the overview."""
        return [name for name in COMMANDS if name in self.commands]


def app_of(functions: Mapping[str, Function]) -> typer.Typer:
    """The app that has these commands."""
    app = typer.Typer(
        name="archcalc",
        cls=Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    )
    app.callback()(_main)
    for name, function in functions.items():
        app.command(name, cls=Command)(_typed(function))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        out(f"archcalc {__version__}")
        raise SystemExit


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _typed(function: Function) -> Function:
    """A function of its own that is annotated as typer wants it, one parameter for each option."""

    def made(**values: object) -> object:
        return called(function, values)

    found = parameters(function)
    hints = {each.name: Annotated[each.hint, _info(each.declared)] for each in found}
    made.__name__, made.__doc__, made.__module__ = function.__name__, function.__doc__, function.__module__
    made.__annotations__ = hints
    kind = inspect.Parameter.KEYWORD_ONLY
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(each.name, kind, default=_default(each), annotation=hints[each.name]) for each in found]
    )
    return made


def _default(parameter: Parameter) -> Any:
    return inspect.Parameter.empty if parameter.default is REQUIRED else parameter.default


def _info(declared: Declared) -> Any:
    settings = dict(declared.settings)
    settings.pop("autocompletion", None)  # shells are answered by `completing.py`
    return getattr(typer, declared.kind)(*declared.words, **settings)


def _process(param: Any, kind: Any, info: object) -> Process:
    judged: Process = param.process_value

    def process(context: Any, value: object) -> Any:
        taken = plain(value, kind, vars(info))
        if taken is JUDGE or (taken is None and param.required):
            return judged(context, value)
        return taken if param.callback is None else param.callback(context, param, taken)

    return process
