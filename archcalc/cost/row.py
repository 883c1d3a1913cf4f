"""What a layer costs, and how rows are told and added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archcalc.algebra import Dim, Number, Poly
from archcalc.duration import Time
from archcalc.graph import Range
from archcalc.ops import Shape
from archcalc.receptive import Field
from archcalc.records import Record
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    pass


DTYPES = {"fp64": 8, "fp32": 4, "fp16": 2, "bf16": 2, "int8": 1}


class Convention(NamedTuple):
    """Who counts: what the numbers of operations are called, the first one first, and what is in them."""

    name: str
    titles: Mapping[str, str]  # `macs` and `flops`, those that are told
    definition: str
    version: str = ""  # of the tool


class Cost(NamedTuple):
    """What one layer costs; memoised by operator and input shapes."""

    params: Dim
    buffers: Dim
    macs: Dim
    elementwise: Dim
    activations: Dim
    stored: Dim  # bytes of the learned tensors and buffers
    active: Dim = 0  # of the parameters, those that one position meets
    cached: Dim = 0  # bytes kept for the positions to come
    met: Dim = 0  # of the bytes stored, those that the batch reads
    moved: Dim = 0  # bytes of activations read and written


class Row(Record):
    """One layer, or a group of layers.

    `params` are the sizes of its learned tensors (0 where it shares another's), `macs`, `elementwise` and `activations`
    (elements written) are for the batch, `field` maps each input that it depends on to what it sees of it.
    """

    name: str
    op: str
    text: str
    block: str
    line: int
    inputs: tuple[str, ...]
    shape: Shape
    params: Dim
    trainable_params: Dim
    buffers: Dim
    macs: Number
    elementwise: Number
    activations: Dim
    weight_bytes: Dim
    bytes: Dim
    backward_macs: Number | None
    field: dict[str, Field]
    depth: int = 0
    layers: Dim = 1
    ranges: tuple[Range, ...] = ()  # the loops that it stands for: its figures are those of all repeats together
    time: Time | None = None  # predicted; None unless the table has a timing
    nodes: tuple[int, ...] = ()  # the positions of the layers that it stands for

    @property
    def flops(self) -> Number:
        """2 x MACs + the elementwise operations."""
        return 2 * self.macs + self.elementwise

    @property
    def latency_ms(self) -> Number | None:
        """Predicted milliseconds."""
        return None if self.time is None else self.time.total

    @property
    def intensity(self) -> Fraction | None:
        """FLOPs a byte of weights and activations moved; None where it isn't a number."""
        flops = self.flops
        if isinstance(flops, Poly) or isinstance(self.bytes, Poly) or not self.bytes:
            return None
        return Fraction(flops) / self.bytes


def total(values: Iterable[Number]) -> Any:
    """A sum that keeps ints and closed forms as they are."""
    return whole_number(sum(values))


def whole_number(value: Number) -> Number:
    """An expected value that is a whole number, as an int."""
    return value.numerator if type(value) is Fraction and value.denominator == 1 else value
