"""Options that are taken as they are.

typer has pydantic judge every option of a command, those that weren't given too. To import that and to make its
adapters takes longer than counting a network does, and nearly all that is written on a command line is right: a text, a
whole number, a flag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from typer.core import TyperCommand, TyperGroup

from archcalc import escapes
from archcalc.cli.saying import told

Process = Callable[[Any, Any], Any]  # of a context and of what was given, or the default
JUDGE = object()


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

    def make_context(self, *words: Any, **extra: Any) -> Any:
        with _printable():
            return super().make_context(*words, **extra)  # type: ignore[misc]

    def invoke(self, ctx: Any) -> Any:
        with _printable():
            return super().invoke(ctx)  # type: ignore[misc]

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            described = getattr(param, "type_descriptor", None)
            if described is not None and "process_value" not in vars(param):
                param.process_value = _process(param, described.annotation, described.parameter_info)
        return params


FORMERLY = {  # where `-o` was short for --format, and what it took then
    "check", "compare", "count", "diagram", "explain", "measure", "memory", "ops", "predict", "verify", "zoo",
}  # fmt: skip
FORMATS = {
    "csv", "github", "html", "json", "junit", "latex", "markdown", "mermaid", "rst", "table", "text",
}  # fmt: skip
_SHORT = re.compile(r"(-q*)o(.*)", re.DOTALL)


class Command(_Plain, TyperCommand):
    """One of the commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        return super().parse_args(ctx, _as_now(args) if self.name in FORMERLY else args)


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


def _process(param: Any, kind: Any, info: Any) -> Process:
    judged: Process = param.process_value

    def process(context: Any, value: Any) -> Any:
        taken = _plain(value, kind, info)
        if taken is JUDGE or (taken is None and param.required):
            return judged(context, value)
        return taken if param.callback is None else param.callback(context, param, taken)

    return process


def _plain(value: Any, kind: Any, info: Any) -> Any:
    """What a value plainly stands for, or that it must be judged."""
    if info.parser is not None:
        return JUDGE
    if value is None or (kind in (str, bool, float) and type(value) is kind):
        return value
    if kind == list[str] and value and not isinstance(value, str) and all(isinstance(each, str) for each in value):
        return list(value)
    if kind is int and (
        type(value) is int or (isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 19)
    ):
        number = int(value)
        return (
            number if (info.min is None or info.min <= number) and (info.max is None or number <= info.max) else JUDGE
        )
    return JUDGE
