"""What the rules of an operator from outside give, checked where they give it: a wrong answer is said with the name of
the class that gave it, and never added up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps

from archcalc.algebra import Poly
from archcalc.errors import ArchcalcError, ShapeError
from archcalc.ops.base import Op, Reach, Saved, Window
from archcalc.tuples import NamedTuple


class Answer(NamedTuple):
    """What a rule has to give: in words, and whether it is."""

    words: str
    fits: Callable[[object], bool]


def _is_size(value: object) -> bool:
    return isinstance(value, (int, Poly)) and not isinstance(value, bool)


def _is_amount(value: object) -> bool:
    return _is_size(value) and not (isinstance(value, int) and value < 0)


def _is_shape(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_size, value))


def _is_tensors(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) and _is_shape(value[name]) for name in value)


def _is_windows(value: object) -> bool:
    return isinstance(value, Reach) or (isinstance(value, tuple) and all(isinstance(each, Window) for each in value))


AMOUNT = Answer("a whole number of at least 0, or a closed form", _is_amount)
TENSORS = Answer("a dict of shapes, tuples of whole numbers or closed forms, by name", _is_tensors)
ANSWERS = {
    "shape": Answer("a tuple of whole numbers or closed forms", _is_shape),
    "weights": TENSORS,
    "buffers": TENSORS,
    "weights_read": TENSORS,
    "macs": AMOUNT,
    "emitted_macs": AMOUNT,
    "elementwise": AMOUNT,
    "inside": AMOUNT,
    "cached": AMOUNT,
    "active": AMOUNT,
    "backward": AMOUNT,
    "saves": Answer("a Saved", lambda value: isinstance(value, Saved)),
    "windows": Answer("a Reach, or a tuple of a Window each axis", _is_windows),
    "emit": Answer("what builder.node gives", lambda value: value is not None),
}


def check_answers(op: type[Op]) -> None:
    """Check what a class's rules give from now on, those that archcalc didn't write."""
    for rule, answer in ANSWERS.items():
        owner = next(cls for cls in op.__mro__ if rule in vars(cls))
        function = vars(owner)[rule]
        if not _is_ours(owner) and not hasattr(function, "__wrapped__"):
            setattr(op, rule, _checked(function, rule, answer))


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def _checked(function: Callable[..., object], rule: str, answer: Answer) -> Callable[..., object]:
    """A rule that gives what it should, or raises ShapeError."""

    @wraps(function)
    def checked(self: Op, *shapes: object, **wanted: object) -> object:
        try:
            found = function(self, *shapes, **wanted)
        except ArchcalcError:
            raise
        except Exception as error:
            raise ShapeError(f"{_called(self)}: {rule} fails: {_told(error)}") from error
        if not answer.fits(found):
            raise ShapeError(f"{_called(self)}: {rule} gives {found!r:.80}, not {answer.words}")
        return found

    return checked


def _called(op: Op) -> str:
    cls = type(op)
    return f"operator {op.word!r} ({cls.__module__}.{cls.__qualname__})"


def _told(error: Exception) -> str:
    """What went wrong, and in which line of whose file."""
    import traceback

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"


__all__ = ["check_answers"]
