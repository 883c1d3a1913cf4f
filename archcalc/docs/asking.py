"""What a region's command takes: its words and options, and the question that they ask."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

from archcalc.errors import UsageError
from archcalc.picture import METRICS
from archcalc.picture.mermaid import DIRECTIONS
from archcalc.question import Question

Arguments: TypeAlias = argparse.Namespace
Takes: TypeAlias = Callable[[argparse.ArgumentParser], None]


class _Parser(argparse.ArgumentParser):
    """argparse, with mistakes as UsageErrors instead of an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def parser(name: str, takes: Takes) -> argparse.ArgumentParser:
    """What reads the words of a command; it raises UsageError."""
    made = _Parser(prog=name, add_help=False, allow_abbrev=False)
    takes(made)
    for option, convert in (("--set", _pair), ("--free", _names), ("--without", _names)):
        made.add_argument(option, action="append", type=convert, default=[])
    made.add_argument("--train", action="store_true")
    made.add_argument("--batch", type=_whole, default=1)
    made.add_argument("--dtype", default="fp32")
    return made


def question(given: Arguments) -> Question:
    """What the options that all commands share ask of a network."""
    free, without = (tuple(name for names in lists for name in names) for lists in (given.free, given.without))
    return Question(dict(given.set), free, given.batch, given.train, given.dtype, without)


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"takes name=value, got '{word}'")
    return name.strip(), value.strip()


def _names(word: str) -> list[str]:
    return [name.strip() for name in word.split(",") if name.strip()]


def _whole(word: str) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 18 or int(word) < 1:
        raise argparse.ArgumentTypeError(f"takes a whole number from 1 on, got '{word}'")
    return int(word)


def takes_table(parser: argparse.ArgumentParser) -> None:
    """Those of `table`."""
    parser.add_argument("spec")
    for option in ("--by", "--sort", "--columns"):
        parser.add_argument(option)
    parser.add_argument("--depth", type=_level)
    parser.add_argument("--top", type=_whole)
    parser.add_argument("--flops", action="store_true")
    parser.add_argument("--no-caption", action="store_true")


def _level(word: str) -> int:
    return 0 if word == "0" else _whole(word)


def takes_figure(forms: Sequence[str]) -> Callable[[argparse.ArgumentParser], None]:
    """Those of a command about a figure, in one of some forms, the first unless it is told."""

    def takes(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("spec")
        parser.add_argument("metric")
        parser.add_argument("--layer")
        parser.add_argument("--form", choices=forms, default=forms[0])
        parser.add_argument("--define")

    return takes


def takes_value(parser: argparse.ArgumentParser) -> None:
    """Those of `value`."""
    takes_figure(("short", "exact", "plain"))(parser)
    for option in ("--badge", "--label", "--color"):
        parser.add_argument(option)


def takes_models(parser: argparse.ArgumentParser) -> None:
    """Those of `models`."""
    parser.add_argument("specs", nargs="+")
    parser.add_argument("--columns", default="network,input,params,macs,depth,field")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--form", choices=("short", "exact", "plain"), default="short")


def takes_diagram(parser: argparse.ArgumentParser) -> None:
    """Those of `diagram`."""
    parser.add_argument("spec")
    parser.add_argument("--depth", type=_whole, default=1)
    parser.add_argument("--direction", choices=DIRECTIONS, default="TD")
    parser.add_argument("--format", dest="form", choices=("mermaid", "svg"))
    parser.add_argument("--metric", choices=tuple(METRICS))
    _takes_file(parser)


def takes_plot(parser: argparse.ArgumentParser) -> None:
    """Those of `plot`."""
    parser.add_argument("specs", nargs="+")
    parser.add_argument("--kind", required=True)
    parser.add_argument("--metric", default="macs")
    parser.add_argument("--depth", type=_whole, default=1)
    parser.add_argument("--device", action="append", default=[])
    _takes_file(parser)


def _takes_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", "-o")
    parser.add_argument("--alt")


def takes_diff(parser: argparse.ArgumentParser) -> None:
    """Those of `diff`."""
    parser.add_argument("base")
    parser.add_argument("head")
    parser.add_argument("--by", choices=("total", "layer"), default="total")
