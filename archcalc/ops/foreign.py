"""Layers of a model file that the language has no operator for: they carry their figures with them.

A rule of `archcalc.importer.rules` works the figures out from the shapes in the file; `word` and `words` say what the
layer is.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.ops.base import Op, Plain, Reach, Saved, Shape, Windows, size
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.opaque import SEES, Opaque
from archcalc.ops.saving import CAST, PRECISE, Layer, over_its_input, saved

FLAGS = ("is_layer", "is_pooling", "in_place", "is_view", "is_gate", "is_constant")
LIKE = (
    "is_identity", "is_normalization", "folds_norm", "runs", "autocast", "expands", "is_sum", "multiplies", "hides",
    "has_given_weight", "features_last", "reads_indices", "copies_operands",
)  # fmt: skip


class Foreign(Plain):
    """A layer with given figures: `size_` is what one sample's output is, the others are those that an operator's rules
    would give.
    """

    is_foreign: ClassVar[bool] = True

    words: str = ""
    size_: Any = ()
    weights_: Any = {}
    buffers_: Any = {}
    macs_: Any = 0
    elementwise_: Any = 0
    reach: Any = Reach.PASS
    known: Any = {}  # quantities that other tools' conventions ask for, by name
    moving: Any = 1  # how many of its operands are computed: those gradients flow back to
    called: str = ""  # what a framework calls it, where that tells more of what it keeps
    inplace: bool = False  # whether training writes it over its first input

    def shape(self, *inputs: Shape) -> Shape:
        return tuple(self.size_)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return dict(self.weights_)

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        return dict(self.buffers_)

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return self.macs_  # type: ignore[no-any-return]

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        return self.elementwise_  # type: ignore[no-any-return]

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """The gradient of each operand of a product is a product of the same size."""
        products = (sum(dx) if self.moving > 1 else any(dx)) + dw
        return products * self.macs_  # type: ignore[no-any-return]

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """What PyTorch's layer of that name does; nothing where it only shows its first input."""
        if self.is_view:
            return Saved(shows=True)
        layer = Layer(self.word, output, inputs, self.weights_, dx, dw, self.called, self.buffers_, self.known)
        return over_its_input(layer) if self.inplace else saved(layer)

    def windows(self, *inputs: Shape) -> Windows:
        return self.reach  # type: ignore[no-any-return]

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        raise ShapeError(
            f"`{self.words or self.word}` comes from a model file, and the language has no operator for it"
        )

    def line(self, every: bool = False, rank: int = 0, run: bool = False) -> str:
        """What the layer is called, or with every option a line of the language that counts the same."""
        return self.opaque().line(every=True) if every else self.words or self.word

    def opaque(self) -> Opaque:
        """The language's layer with the same figures."""
        kinds = {
            "is_view": "view",
            "is_layer": "layer",
            "is_pooling": "pooling",
            "is_gate": "gate",
            "in_place": "inplace",
        }
        return Opaque(
            shape_=tuple(self.size_) or (1,),
            params=_elements(self.weights_),
            buffers_=_elements(self.buffers_),
            macs_=self.macs_,
            elementwise_=self.elementwise_,
            sees=(
                next(word for word, reach in SEES.items() if reach is self.reach)
                if isinstance(self.reach, Reach)
                else "unknown"
            ),
            kind=next((kind for flag, kind in kinds.items() if getattr(self, flag)), "plain"),
        )


def _elements(tensors: Any) -> Dim:
    total: Dim = 0
    for shape in tensors.values():
        total = total + size(shape)
    return total


def _autocast(word: str) -> str:
    return "wide" if word in PRECISE else "single" if word in CAST else ""


@lru_cache(maxsize=4096)
def _kind(word: str, flags: tuple[str, ...]) -> type[Foreign]:
    from archcalc.ops import OPS

    own = OPS.get(word)  # a runtime and other tools treat it as ours of that word
    like = {name: getattr(own, name) for name in LIKE} if own else {"autocast": _autocast(word)}
    return type("Foreign", (Foreign,), {"__module__": __name__, "word": word, **like, **dict.fromkeys(flags, True)})


def foreign(word: str, flags: tuple[str, ...] = (), **figures: object) -> Foreign:
    """A layer of that word; `flags` are among FLAGS."""
    return _kind(word, flags).unchecked(**figures)


def flags_of(op: Op) -> tuple[str, ...]:
    """Which flags are set for an operator, by name."""
    return tuple(flag for flag in FLAGS if getattr(op, flag))


def figures(op: Op, shape: Shape, into: Sequence[Shape]) -> dict[str, Any]:
    """What an operator comes to."""
    return {
        "size_": shape,
        "macs_": op.macs(shape, *into),
        "elementwise_": op.elementwise(shape, *into),
        "reach": op.windows(*into),
    }


__all__ = ["FLAGS", "Foreign", "figures", "flags_of", "foreign"]
