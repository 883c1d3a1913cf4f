"""How commands declare their arguments, and the plain reading of a command line by those declarations.

A parameter of a command is annotated with `Option` or `Argument`. typer is made of them where a command line has
something to judge, explain or complete (`judged.py`); to import it takes as long as half a count. What is nearly always
typed (texts, whole numbers, flags, each written out) has one meaning, and is read here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from archcalc import signatures
from archcalc.signatures import REQUIRED
from archcalc.tuples import NamedTuple

JUDGE = object()
FORMERLY = {  # where `-o` was short for --format, and what it took then
    "check", "compare", "count", "diagram", "explain", "measure", "memory", "ops", "predict", "verify", "zoo",
}  # fmt: skip
FORMATS = {
    "csv", "github", "html", "json", "junit", "latex", "markdown", "mermaid", "rst", "table", "text",
}  # fmt: skip

Function = Callable[..., object]


class Declared(NamedTuple):
    """What typer's `Option` or `Argument` is made of."""

    kind: str
    words: tuple[str, ...]
    settings: Mapping[str, Any]


def Option(*words: str, **settings: object) -> object:  # named as typer's is, which it stands for
    """An option: the words it is given by, and typer's settings."""
    return Declared("Option", words, settings)


def Argument(**settings: object) -> object:  # likewise
    """An argument that has no word."""
    return Declared("Argument", (), settings)


class Takes(NamedTuple):
    """Which of the options that commands share one of them takes, as a value of the class that this annotates: in the
    order of its help, in which options of its own may be named, too.
    """

    names: tuple[str, ...]


def takes(names: str) -> Takes:
    """The options of these names, blanks between them."""
    return Takes(tuple(names.split()))


class Parameter(NamedTuple):
    """A parameter of a command: `hint` is its type, `default` `REQUIRED` where it must be given, and
    `is_shared` if it belongs to the one value that the shared ones are.
    """

    name: str
    hint: object
    declared: Declared
    default: Any
    is_shared: bool = False

    @property
    def kind(self) -> Any:
        """Its type, without None."""
        return _certain(self.hint)

    @property
    def many(self) -> bool:
        """Whether it may be given several times."""
        return get_origin(self.kind) is list


@cache
def parameters(function: Function) -> tuple[Parameter, ...]:
    """What a command takes, in the order in which it is declared."""
    own, found = _declared(function), dict[str, Parameter]()
    taken = _taken_by(function)
    placed = set(taken[2].names) if taken else set()
    for name, each in own.items():
        if each is not None and name not in placed:
            found[name] = each
        elif each is None and taken is not None:
            shared = _shared(taken[1])
            found |= {name: own.get(name) or shared[name] for name in taken[2].names}
    return tuple(found.values())


def called(function: Function, values: Mapping[str, object]) -> object:
    """Call a command with the values of its parameters, by their names."""
    taken = _taken_by(function)
    if taken is None:
        return function(**values)
    name, kind, _ = taken
    shared = {each.name: values[each.name] for each in parameters(function) if each.is_shared}
    return function(**{name: kind(**shared)}, **{name: values[name] for name in values if name not in shared})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """The types of what a function takes, or of a class's fields. Nearly all are names, and to look these up takes far
    less than `typing` needs, which compiles each as an expression.
    """
    try:
        module = sys.modules[kind.__module__]
        return {name: attrgetter(text)(module) for name, text in kind.__annotations__.items() if name != "return"}
    except (AttributeError, KeyError, TypeError):
        return get_type_hints(kind, include_extras=True)


def _declared(function: Function) -> dict[str, Parameter | None]:
    """The parameters of a command, None for the value of the shared ones."""
    hints = _hints(function)
    return {name: _parameter(name, hints[name], default) for name, _, _, default in signatures.parameters(function)}


def _parameter(name: str, hint: Any, default: Any) -> Parameter | None:
    declared = next((one for one in hint.__metadata__ if isinstance(one, Declared)), None)
    if declared is None:
        return None
    words = declared.words or (f"--{name.replace('_', '-')}",)
    declared = declared if declared.kind == "Argument" else declared._replace(words=words)
    return Parameter(name, hint.__origin__, declared, default)


@cache
def _taken_by(function: Function) -> tuple[str, Any, Takes] | None:
    """The parameter of a command that holds the shared options, its class, and which of them it takes."""
    for name, hint in _hints(function).items():
        for one in getattr(hint, "__metadata__", ()):
            if isinstance(one, Takes):
                return name, hint.__origin__, one
    return None


def _shared(kind: Any) -> dict[str, Parameter]:
    """The fields of the class of the shared options."""
    found = {name: _parameter(name, hint, kind._field_defaults[name]) for name, hint in _hints(kind).items()}
    return {name: each._replace(is_shared=True) for name, each in found.items() if each is not None}


def _certain(kind: Any) -> object:
    """A type without None."""
    if get_origin(kind) not in (Union, UnionType):
        return kind
    kinds = [each for each in get_args(kind) if each is not type(None)]
    return kinds[0] if len(kinds) == 1 else kind


def plainly(name: str, function: Function, words: Sequence[str]) -> dict[str, object] | None:
    """The arguments that words give a command; None where typer must judge them. Raises what callbacks do."""
    known = parameters(function)
    options = {word: each for each in known for word in each.declared.words}
    given: dict[str, list[Any]] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        word, equals, value = word.partition("=")
        option = options.get(word)
        if option is None or (equals and not word.startswith("--")):
            return None
        if option.kind is not bool:
            value = value if equals else next(left, "-")
        if (option.kind is bool and equals) or (value.startswith("-") and not equals and value != ""):
            return None
        if word == "-o" and name in FORMERLY and value in FORMATS:
            return None
        given.setdefault(option.name, []).append(option.kind is bool or value)
    return _taken(known, given, rest)


def _taken(known: Sequence[Parameter], given: dict[str, list[Any]], rest: list[str]) -> dict[str, object] | None:
    """The values of all parameters, of what is given by words and of the rest."""
    arguments = [each for each in known if each.declared.kind == "Argument"]
    many = any(each.many for each in arguments)
    if len(rest) > len(arguments) and not (many and len(arguments) == 1):
        return None
    if many and len(arguments) > 1:
        return None
    for each in arguments if rest else ():
        given[each.name] = rest if each.many else rest[:1]
        rest = [] if each.many else rest[1:]
        if not rest:
            break
    taken: dict[str, Any] = {}
    for each in known:
        value = _value(each, given.get(each.name))
        if value is JUDGE:
            return None
        taken[each.name] = value
    return _called_back(known, taken)


def _value(parameter: Parameter, given: list[object] | None) -> object:
    """What a parameter is where it is given so, or not at all."""
    if given is None:
        return JUDGE if parameter.default is REQUIRED else parameter.default
    if not parameter.many and len(given) != 1:
        return JUDGE
    return plain(given if parameter.many else given[0], parameter.kind, parameter.declared.settings)


def plain(value: Any, kind: Any, limits: Mapping[str, Any]) -> Any:
    """What a value plainly stands for, or that it must be judged."""
    if limits.get("parser") is not None:
        return JUDGE
    if value is None or (kind in (str, bool, float) and type(value) is kind):
        return value
    if kind == list[str] and value and not isinstance(value, str) and all(isinstance(each, str) for each in value):
        return list(value)
    if kind is int and (
        type(value) is int or (isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 19)
    ):
        number, least, most = int(value), limits.get("min"), limits.get("max")
        return number if (least is None or least <= number) and (most is None or number <= most) else JUDGE
    return JUDGE


def _called_back(known: Iterable[Parameter], taken: dict[str, Any]) -> dict[str, object]:
    """Each value as its callback has it; the eager ones come first, for they may be all that is wanted."""
    called = [each for each in known if "callback" in each.declared.settings]
    for each in sorted(called, key=lambda each: not each.declared.settings.get("is_eager")):
        taken[each.name] = each.declared.settings["callback"](taken[each.name])
    return taken
