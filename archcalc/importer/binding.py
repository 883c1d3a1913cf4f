"""What a rule's signature asks for: the inputs and attributes of its node, by the names that ONNX gives them.

`def conv(call, X: Value, W: Value, B: Value | None = None, *, group: int = 1)` reads three inputs in that order, of
which the last may be left out, and an attribute. The annotation says how one is read; several attributes that always
come together are a class of such fields. What older versions of an operator have as an attribute is read as the input
that it became, where both have one name. A signature is looked at once, when the first node asks for the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import isfinite, isinf
from typing import TYPE_CHECKING, Literal, get_args

from archcalc.algebra import Poly
from archcalc.errors import ShapeError
from archcalc.importer.proto import Computed, Referred, Subgraph
from archcalc.importer.tensors import FLOAT, INT64
from archcalc.importer.values import Unknown, Value, Values
from archcalc.importer.wire import Bad
from archcalc.signatures import REQUIRED, parameters
from archcalc.untyped import Attribute

if TYPE_CHECKING:
    from archcalc.importer.call import Call

Promise = Literal["", "moving", "all"]  # of which inputs a rule looks at no more than shapes and kinds; no further
Reader = Callable[[str, Attribute], Attribute]
_WHOLE = frozenset((int, bool))
BEYOND = 1 << 128  # more than any number that a float holds


class Attributes:
    """Attributes that always come together; a subclass names them with their defaults."""


def whole(name: str, found: Attribute) -> int:
    """A whole number that an attribute holds. Raises ShapeError for anything else."""
    if not isinstance(found, int):
        raise ShapeError(f"{name} must be a whole number")
    return found


def flag(name: str, found: Attribute) -> bool:
    """True or false, which ONNX writes as a whole number. Raises ShapeError for anything else."""
    return bool(whole(name, found))


def ints(name: str, found: Attribute) -> list[int]:
    """A list of whole numbers that an attribute holds. Raises ShapeError for anything else."""
    if not isinstance(found, list) or not _WHOLE.issuperset(map(type, found)):
        raise ShapeError(f"{name} must be a list of whole numbers")
    return found


def real(name: str, found: Attribute) -> Fraction:
    """A number, as exact as it was written; what is none is 0."""
    if not isinstance(found, (int, float, Fraction)) or not isfinite(found):
        return Fraction(0)
    return _rounded(found) if isinstance(found, float) else Fraction(found)


@lru_cache(maxsize=1 << 8)
def _rounded(number: float) -> Fraction:
    """A number as somebody would write it: of 1e-5 a float holds a little more."""
    return Fraction(repr(round(number, 7)))


def text(name: str, found: Attribute) -> Attribute:
    """The text that an attribute holds; None, which takes the default, where it holds something else."""
    return found if isinstance(found, str) else None


def graph(name: str, found: Attribute) -> Subgraph:
    """The graph that an attribute holds, a branch or a body. Raises ShapeError where there is none."""
    if not isinstance(found, Subgraph):
        raise ShapeError(f"it has no {name}")
    return found


def once(found: Attribute) -> Value | None:
    """What older versions of an operator have as an attribute, as the input that it became."""
    values = found if isinstance(found, list) else [found]
    if not all(isinstance(value, (int, float, Fraction, Poly)) for value in values):
        return None
    kind = FLOAT if any(isinstance(value, float) for value in values) else INT64
    return Value((len(values),) if isinstance(found, list) else (), kind, None, tuple(map(_finite, values)))


def _finite(value: object) -> object:
    if isinstance(value, float) and isinf(value):
        return BEYOND if value > 0 else -BEYOND
    return real("", value) if isinstance(value, float) else value


def others(given: list[Value | Values | None], kind: str) -> list[Attribute]:
    """The further inputs of an operator that takes any number of them; of tensors alone, those that are there."""
    if kind != "Operand" and any(isinstance(value, Values) for value in given):
        raise Unknown("it reads a sequence")
    return [value for value in given if value is not None or kind != "Value"]


READERS: dict[str, Reader] = {
    "int": whole, "bool": flag, "list[int]": ints, "Fraction": real, "str": text, "Subgraph": graph,
    "Attribute": lambda name, found: found,
}  # fmt: skip


class Rule:
    """A function that says what a node is, called with what its signature asks for."""

    def __init__(self, function: Callable[..., object], alike: Promise = "") -> None:
        self.function, self.alike = function, alike
        self.inputs: list[tuple[str, str, bool]] = []  # name, annotation, whether it has to be there
        self.attributes: dict[str, tuple[Reader, str, Attribute]] = {}  # how it is read, the parameter, its class
        self.together: dict[str, type[Attributes]] = {}
        self.needed: list[str] = []
        self.rest = ""  # the annotation of further inputs
        self.is_read = False

    def __call__(self, call: Call) -> object:
        self.read()
        given, attributes = call.inputs, call.node.attributes
        count = len(given)
        inputs: list[Attribute] = []
        for n, (name, kind, needed) in enumerate(self.inputs):
            value = given[n] if n < count else None
            if value is None:
                if name in attributes:
                    value = once(call.plain(attributes[name]))
                elif needed:
                    raise Bad(f"node {call.where} ({call.op}) lacks its input {n + 1}")
            elif kind != "Operand" and isinstance(value, Values) != (kind == "Values"):
                raise Unknown("it reads a sequence" if kind != "Values" else "a sequence that isn't known")
            inputs.append(value)
        if self.rest:
            inputs += others(given[len(self.inputs) :], self.rest)
        return self.function(call, *inputs, **self.named(call))

    def named(self, call: Call) -> dict[str, Attribute]:
        """The attributes that are given, as the function takes them."""
        given: dict[str, Attribute] = {}
        if not self.attributes:
            return given
        for name, found in call.node.attributes.items():
            asked = self.attributes.get(name)
            if asked is None:
                continue
            reader, parameter, cls = asked
            if isinstance(found, (Referred, Computed)):
                found = call.plain(found)
            value = None if found is None else reader(name, found)
            if value is not None and cls is None:
                given[parameter] = value
            elif value is not None:
                setattr(given.setdefault(parameter, cls()), name, value)
        for parameter, group in self.together.items():
            given.setdefault(parameter, group())
        for parameter in self.needed:
            if parameter not in given:
                raise ShapeError(f"it has no {parameter}")
        return given

    def called(self, n: int) -> str:
        """What an input is called."""
        return self.inputs[n][0] if n < len(self.inputs) else ""

    def read(self) -> None:
        """Look at the signature, once. A name that Python has its own use for ends with an underscore."""
        if self.is_read:
            return
        _, *asked = parameters(self.function)
        for name, place, annotation, default in asked:
            kind, called = _written(annotation).removesuffix(" | None"), name.rstrip("_")
            if place == "rest":
                self.rest = kind
            elif place == "first":
                self.inputs.append((called, kind, default is REQUIRED))
            elif (group := _group(self.function, kind)) is None:
                self.attributes[called] = READERS.get(kind, READERS["Attribute"]), name, None
                self.needed += [name] if default is REQUIRED else []
            else:
                self.together[name] = group
                for field, how in group.__annotations__.items():
                    self.attributes[field] = READERS[how.removesuffix(" | None")], name, group
        self.is_read = True


def _group(function: Callable[..., object], kind: str) -> type[Attributes] | None:
    """The class of attributes that come together which an annotation names. What it names else, or where there is no
    annotation, is one attribute as it is.
    """
    around = getattr(getattr(function, "__wrapped__", function), "__globals__", {})
    found = around.get(kind) if kind not in READERS else None
    return found if isinstance(found, type) and issubclass(found, Attributes) else None


def _written(annotation: object) -> str:
    """An annotation as it stands in a rule; one that isn't there is that of a tensor."""
    if annotation is None:
        return "Value"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).rpartition(".")[2]


__all__ = ["Attributes", "Rule"]
