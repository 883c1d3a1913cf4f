"""What varies in a space of designs, and over which values: `width=0.25..2:0.05`, `size=96,224`, `act=relu,silu`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import prod

from archcalc.algebra import Poly
from archcalc.errors import Problem, SpecError, UsageError, among
from archcalc.model import Model
from archcalc.ops.kinds import show
from archcalc.patterns import pattern
from archcalc.records import Record
from archcalc.spec import bind
from archcalc.spec.text import outside
from archcalc.spec.values import Value

FARTHEST = 1 << 60  # where an axis without an end is given up
MOST_VALUES = 10**7  # of one axis
VARIANT, BATCH = "variant", "batch"
_RANGE = pattern(r"\s*(?P<low>[^.:,\s]+(?:\.\d+)?)\s*\.\.\s*(?P<high>[^:,\s]+?)\s*(?::\s*(?P<step>\S+)\s*)?$")
_RANGE_LIKE = pattern(r"\s*[\d.:+-]*\.\.[\d.:+-]*\s*$")  # it has two dots and numbers, but an end is missing


class Axis(Record):
    """A parameter, a member of one that is a list (`depths.2`), `variant` or `batch`, and its values in order."""

    name: str
    values: Sequence[Value]  # a tuple, or a range of whole numbers

    @property
    def parameter(self) -> str:
        """The parameter that is set."""
        return self.name.partition(".")[0]

    @property
    def position(self) -> int | None:
        """Which member of a list is set, from 0."""
        _, dot, place = self.name.partition(".")
        return int(place) if dot else None

    @property
    def is_numeric(self) -> bool:
        """Whether a closed form may run over it."""
        return "." not in self.name and self.name != VARIANT and all(map(_is_number, self.values))

    def __str__(self) -> str:
        if len(self.values) > 4:
            return f"{self.name} {show(self.values[0])}..{show(self.values[-1])} ({len(self.values):,} values)"
        return f"{self.name} {', '.join(map(show, self.values))}"


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, Fraction)) and not isinstance(value, bool)


def is_open(axis: Axis) -> bool:
    """Whether an axis has no end of its own."""
    return isinstance(axis.values, range) and axis.values.stop >= FARTHEST


def designs(axes: Iterable[Axis]) -> int:
    """How many designs a space has."""
    return prod(len(axis.values) for axis in axes)


def read_axes(model: Model, over: Iterable[str] | Mapping[str, object] = ()) -> list[Axis]:
    """The axes of a space: those of the spec's own `space`, with those that are given in their place or beside them.

    Raises UsageError for names that can't vary, and ranges that hold nothing; SpecError with all of them that the spec
    has, where they stand.
    """
    given = dict(over) if isinstance(over, Mapping) else _pairs(over)
    found, problems = list[Axis](), list[Problem]()
    for name, text in {**model.spec.space, **given}.items():
        try:
            found.append(_axis(model, name, text))
        except UsageError as error:
            if name in given:
                typed = str(error).startswith(f"{name}=") and not isinstance(over, Mapping)
                raise UsageError(f"--over {error}" if typed else str(error)) from None
            problems.append(Problem(f"space: {error}", model.spec.space_marks.get(name, model.spec.mark)))
    if problems:
        raise SpecError(problems)
    names = [axis.parameter for axis in found if axis.position is None]
    for axis in found:
        if axis.position is not None and axis.parameter in names:
            raise UsageError(f"{axis.parameter} varies as a whole and by its members: one of the two")
    return found


def _pairs(over: Iterable[str]) -> dict[str, str]:
    """What `--over` gives, by name. Raises UsageError for a name that is given twice."""
    found: dict[str, str] = {}
    for name, values in map(_pair, over):
        if name in found:
            raise UsageError(f"--over {name} is given twice: {found[name]} and {values}")
        found[name] = values
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise UsageError(f"--over takes name=range, got '{text}': width=0.25..2:0.05, size=96,224, act=relu,silu")
    return name.strip(), values.strip()


def _axis(model: Model, name: str, given: object) -> Axis:
    _check_name(model, name)
    values = _values(name, given)
    if not values:
        raise UsageError(f"{name}={given} holds no value")
    if len(set(values)) < len(values):
        raise UsageError(f"{name} has a value twice: {given}")
    _check_choices(model, name, values)
    if name == BATCH and not all(isinstance(value, int) and value >= 1 for value in values):
        raise UsageError(f"batch must be positive whole numbers, got {given}")
    return Axis(name, values)


def _check_choices(model: Model, name: str, values: Iterable[Value]) -> None:
    """Raise UsageError for a value that a parameter with a list of choices, or a variant, can't have."""
    spec = model.spec
    if name == VARIANT:
        known = list(spec.variants)
    else:
        limits = spec.parameters[name].limits if name in spec.parameters else None
        known = list(limits.in_ or ()) if limits else []
    for value in values:
        if known and value not in known:
            raise UsageError(f"{name} can't be {show(value)}{among(show(value), list(map(show, known)))}")


def _check_name(model: Model, name: str) -> None:
    spec, parameter = model.spec, name.partition(".")[0]
    if name == VARIANT:
        if not spec.variants:
            raise UsageError(f"{model.name} has no variants to choose from")
        return
    if name == BATCH:
        return
    if parameter not in spec.parameters:
        known = [*spec.parameters, BATCH, *([VARIANT] if spec.variants else [])]
        raise UsageError(f"{spec.path} has no parameter '{parameter}'{among(parameter, known)}")
    if "." not in name:
        return
    place, value = name.partition(".")[2], bind(spec, model.variant).values[parameter]
    if not isinstance(value, tuple):
        raise UsageError(f"{parameter} is no list: it is {show(value)}, and has no member {place}")
    if not place.isdigit() or int(place) >= len(value):
        raise UsageError(f"{parameter} has the members 0 to {len(value) - 1}, not {place}")


def _values(name: str, given: Value) -> tuple[Value, ...]:
    if isinstance(given, str):
        match = _RANGE.match(given)
        if not match and _RANGE_LIKE.match(given):
            raise UsageError(f"{name}={given} is no range; a range is written low..high:step, 0.25..2:0.05")
        parts = [part.strip() for part in outside(given, ",")]
        return _ranged(name, given, match) if match else tuple(_read(part) for part in parts if part)
    if isinstance(given, range):
        return tuple(given)
    values = given if isinstance(given, Sequence) else [given]
    found: list[Value] = []
    for value in values:  # what a spec or Python gives: members of a list may be ranges themselves
        match = _RANGE.match(value) if isinstance(value, str) else None
        found += _ranged(name, value, match) if match else [_plain(value)]
    return tuple(found)


def _ranged(name: str, text: str, match: re.Match[str]) -> tuple[Value, ...]:
    low, high, step = (_number(name, text, match.group(part) or "1") for part in ("low", "high", "step"))
    if step <= 0:
        raise UsageError(f"{name}={text}: the step must be more than 0")
    if high < low:
        raise UsageError(f"{name}={text} holds no value: {show(_whole(high))} is less than {show(_whole(low))}")
    if match.group("step") is None and low.denominator != 1:
        raise UsageError(f"{name}={text} needs a step: {text}:0.05")
    count = int((high - low) // step) + 1
    if count > MOST_VALUES:
        raise UsageError(f"{name}={text} has {count:,} values, over {MOST_VALUES:,}")
    by = math.lcm(low.denominator, step.denominator)  # numerators over it are whole
    numerators = range(int(low * by), int(low * by) + count * int(step * by), int(step * by))
    return tuple(numerators) if by == 1 else tuple(_whole(Fraction(value, by)) for value in numerators)


def _number(name: str, text: str, part: str) -> Fraction:
    try:
        return Fraction(part)
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{name}={text}: '{part}' is no number; a range is written 0.25..2:0.05") from None


def _read(text: str) -> Value:
    """A value as `--set` takes it."""
    from archcalc.spec.composing import compose
    from archcalc.spec.text import Sequence as Items

    try:
        node = compose(text, "--over")
    except SpecError:
        raise UsageError(f"--over: can't read '{text}'") from None
    value = (
        [getattr(item, "value", text) for item in node.items]
        if isinstance(node, Items)
        else getattr(node, "value", text)
    )
    return _plain(value)


def _plain(value: object) -> Value:
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    if isinstance(value, float):
        return _whole(Fraction(repr(value)))
    if isinstance(value, str):
        try:
            return _whole(Fraction(value))
        except ValueError:
            return value
    if isinstance(value, Poly) or not isinstance(value, (int, Fraction, bool, type(None))):
        raise UsageError(f"a value of an axis is a number, a word or a list, not {type(value).__name__}")
    return value if isinstance(value, bool) or value is None else _whole(value)


def _whole(value: int | Fraction) -> int | Fraction:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def plain(value: Value) -> Value:
    """A value as JSON has it."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return [plain(part) for part in value] if isinstance(value, tuple) else value


__all__ = ["BATCH", "FARTHEST", "VARIANT", "Axis", "Value", "designs", "is_open", "plain", "read_axes"]
