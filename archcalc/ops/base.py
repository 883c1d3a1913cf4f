"""What an operator is.

An operator is one frozen class. Its fields are what a spec may set; its rules stand side by side and are pure: shapes
in, values out, with no graph, no names and no state. Sizes are `Dim`s (an int, or a polynomial in free symbols), so
rule bodies use only `+ - *` and `//` by a positive int, and one body serves numbers and closed forms.

A shape is one sample, channels first; the batch axis is implied. To add an operator, write one class in the family's
file and one row in `tests/test_ops.py`; nothing else needs to know.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from math import prod
from typing import ClassVar

from archcalc.algebra import Dim, Poly, less, text
from archcalc.errors import ShapeError, Undecided
from archcalc.fields import Checked
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.fresh import Level, Spread
from archcalc.tuples import NamedTuple

Shape = tuple[Dim, ...]


class Window(NamedTuple):
    """How one axis of the output looks at the same axis of the input.

    Output `o` reads the inputs `(o * stride - before + t * dilation) / up` for `t` in `0..kernel-1`, where that is
    whole: an ordinary window has `up` 1; a transposed convolution first spreads its input `up` apart.
    """

    kernel: Dim = 1
    stride: int = 1
    dilation: int = 1
    before: Dim = 0
    up: int = 1


class Reach(enum.Enum):
    """What an output sees where no window describes it."""

    PASS = "passes through"  # position by position
    ALL = "sees everything"  # every output reads the whole map
    MIXED = "not uniform"  # axes are reordered or cut so that no single window fits


Windows = tuple[Window, ...] | Reach


class Runs(enum.Flag):
    """How onnxruntime runs an operator, besides alone (1.31, on a CPU with all optimisations): what it takes with what.
    Read off the models that it writes for each pair of operators.
    """

    ALONE = 0
    WITH_CONV = enum.auto()  # the convolution before it does it on the side
    WITH_LINEAR = enum.auto()  # and so does the matrix product
    IN_BLOCKS = enum.auto()  # works on blocks of channels where its inputs are in blocks
    AS_ONE = enum.auto()  # the nodes that it is written as become one, after the others were made
    FOR_NOTHING = enum.auto()  # costs nothing where it is done on the side


class Hides(enum.Enum):
    """Where an output may stay as it is though one of its inputs grows and all weights are positive."""

    NEVER = "it grows with it"
    ALWAYS = "it starts from another number than zero, or subtracts"
    MAPS = "it multiplies two maps: one is zero where the other grows"
    OTHERS = "an input that doesn't grow may be the larger one"
    ALONE = "a single channel, normalised, is always the same"


class Own(NamedTuple):
    """A tensor that is kept for the backward pass and that no layer puts out: indices, statistics, a mask.

    `what` it is as a table says it. `width` is the bytes of a number, where that isn't the network's own; `autocast` is
    the same under mixed precision, where it differs again. Either is -1 where there is none then. There is one a
    sample, or `once` for all of them.
    """

    what: str
    elements: Dim
    width: int = 0
    once: bool = False
    autocast: int = 0


class Saved(NamedTuple):
    """What a layer keeps for its backward pass: inputs by position, its output, and tensors of its own.

    `shows` means that the output stands in the first input's memory: it is a view of it, or was written over it.
    `plain` are inputs that are kept as they are unless mixed precision has copies of them among what is `own`.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    own: tuple[Own, ...] = ()
    shows: bool = False
    plain: tuple[int, ...] = ()


NOTHING = Saved()
INDEX, SINGLE, HALF = 8, 4, 2  # bytes of an int64, of an fp32, and of an fp16 or bf16

UNSHOWN = ("inplace", "copy")  # options that a table doesn't show: they say how a layer is run, not what it computes

RULES = ("shape", "weights", "macs", "elementwise", "inside", "saves", "windows", "emit")


class Op(Checked):
    """An operator. Class attributes say how it is written and how other analyses treat it."""

    word: ClassVar[str] = ""  # its name in a spec; a class without one is a family's base
    positional: ClassVar[tuple[str, ...]] = ()  # the fields that may be written without their key, in order
    variadic: ClassVar[bool] = False  # the only positional field takes all the words
    arity: ClassVar[tuple[int, int | None]] = (1, 1)  # how many inputs: at least, at most
    is_constant: ClassVar[bool] = False  # puts out the same whatever arrives
    is_layer: ClassVar[bool] = False  # counted in `depth`: it contracts its input with learned weights
    has_body: ClassVar[bool] = False  # what it is made of stands behind it: `moe 8: [linear 64, linear 16]`
    is_pooling: ClassVar[bool] = False  # counted in `depth_with_pooling`
    in_place: ClassVar[bool] = False  # may overwrite its first input at inference
    is_view: ClassVar[bool] = False  # moves no data
    autocast: ClassVar[str] = ""  # mixed precision takes "half" or "single", or what arrives; "wide" puts out single
    unspoken: ClassVar[tuple[str, ...]] = ()  # options that a line names only where they are set
    is_gate: ClassVar[bool] = False  # a global input only scales the others
    is_identity: ClassVar[bool] = False  # puts out what it gets, when it isn't trained
    is_normalization: ClassVar[bool] = False  # may stand in another layer's line as `norm=`
    reads_map: ClassVar[bool] = False  # normalises by statistics of the whole map, which fields leave out
    folds_norm: ClassVar[bool] = False  # its weights can take a batch normalisation that follows
    may_be_tied: ClassVar[bool] = False  # may read the weight of another layer, transposed
    may_be_like: ClassVar[str] = ""  # the field that `like=LABEL` takes from the spatial size of another layer
    runs: ClassVar[Runs] = Runs.ALONE
    expands: ClassVar[str] = ""  # the first node, where onnxruntime runs it as several that have no names
    is_sum: ClassVar[bool] = False  # the sum of its inputs
    copies_operands: ClassVar[bool] = False  # PyTorch copies what it reads where that is only a view
    multiplies: ClassVar[bool] = False  # puts out nothing where one of its inputs is zero
    hides: ClassVar[Hides] = Hides.NEVER
    level: ClassVar[Level] = Level.ARRIVING
    deviation: ClassVar[float] = 1.0  # of fresh weights that contract nothing
    may_pass_on: ClassVar[bool] = False  # its weight, `out x in x window`, can be all but an identity
    reads_indices: ClassVar[bool] = False  # what arrives are whole numbers that say which
    is_given: ClassVar[bool] = False  # its figures are given and none is worked out
    is_idle: ClassVar[bool] = False  # it holds parameters that no layer reads, and computes nothing
    has_given_weight: ClassVar[bool] = False  # a second input of its node in a model file is its weight
    features_last: ClassVar[bool] = False  # a model file's node has what it puts out along the last axis
    block: ClassVar[str] = ""  # what a block is called that holds it, or that ends in it where it joins branches
    short: ClassVar[str] = ""  # what `norm=` may call it, beside its word
    may_act: ClassVar[bool] = False  # `act=` takes it though it is no function of one element
    extra: ClassVar[tuple[str, ...]] = ()  # options of its lines that aren't its own fields

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        missing = [rule for rule in RULES if getattr(cls, rule) is getattr(Op, rule)] if cls.word else []
        if missing:
            raise TypeError(f"operator {cls.word!r} lacks {', '.join(missing)}: write a zero down if it is one")

    def shape(self, *inputs: Shape) -> Shape:
        """The output's shape, or a ShapeError."""
        raise NotImplementedError

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """The learned tensors, by name. Parameters are their sizes, and an exporter allocates the same tensors."""
        raise NotImplementedError

    def buffers(self, *inputs: Shape) -> dict[str, Shape]:
        """Tensors that are kept but not learned by gradient, such as running statistics."""
        return {}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Multiply-accumulates of the contraction, a sample; bias not included."""
        raise NotImplementedError

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """Every other arithmetic operation, a sample: each + - x / max exp log sqrt erf tanh counts one."""
        raise NotImplementedError

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """Elements that are alive while it runs beside its inputs and its output, a sample: attention's scores, the
        gates of a recurrent layer. What only some implementations need (the columns of a convolution) is not counted.
        """
        raise NotImplementedError

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """What PyTorch's autograd keeps of a call for the backward pass, where the gradients of the inputs (`dx`, one
        each) and of the weights (`dw`) are wanted; weights themselves are left out. Asked where one of them is.
        """
        raise NotImplementedError

    def emitted_macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Multiply-accumulates of the nodes that it is exported as, where these can't leave out what it leaves out."""
        return self.macs(output, *inputs)

    def cached(self, *inputs: Shape) -> Dim:
        """Numbers that it keeps for the positions to come, a sample."""
        return 0

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        """Multiply-accumulates of the backward pass: the gradients of the inputs (`dx`, one each) and of the weights
        (`dw`), where wanted.
        """
        return (any(dx) + dw) * self.macs(output, *inputs)

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """Conditions of the spec language under which it can be built, beside sizes of at least 1: on what is free."""
        return ()

    def positive(self, *inputs: Shape) -> Iterator[Poly]:
        """What has to be at least 1 of its options that are free, beside the sizes of its output."""
        for name, field in self.fields.items():
            free = list(_free_in(self.__dict__[name]))
            if free and (least := field.least) is not None:
                yield from (above for one in free if isinstance(above := one + (1 - least), Poly))

    def channels_read(self, *inputs: Shape) -> range | None:
        """The channels that it cuts out of its input, where it leaves others and changes nothing; else None."""
        return None

    def channels_joined(self, *inputs: Shape) -> tuple[int, ...] | None:
        """How many channels of its output are those of each input, in order, where it joins them; else None."""
        return None

    def spread(self, arriving: Sequence[Spread], *inputs: Shape) -> Spread:
        """How large its numbers are where fresh weights don't set it, roughly, from those that arrive."""
        return arriving[0]

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        """About what the numbers of a learned tensor are, so that with positive ones an output is a mean of what it
        reads; 0 for what is only added.
        """
        return 1 / weight[1] if name == "weight" and len(weight) > 1 else 1.0

    def doubt(self, *inputs: Shape) -> str:
        """What is likely not meant, though it can be built; most often nothing."""
        return ""

    def windows(self, *inputs: Shape) -> Windows:
        """How outputs look at inputs, an axis (spatial axes only)."""
        raise NotImplementedError

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """Write the ONNX nodes that compute the output, and give its value. Learned tensors are those of `weights` and
        `buffers`, and no others.
        """
        raise NotImplementedError

    def active(self, *inputs: Shape) -> Dim:
        """Learned numbers that one position meets: all, but where it takes a few of many experts."""
        return sum(map(size, self.weights(*inputs).values()))

    def weights_read(self, batch: Dim, *inputs: Shape) -> dict[str, Shape]:
        """Of its learned tensors, what a batch of so many samples reads at most: all, but where positions choose."""
        return self.weights(*inputs)

    @property
    def deep(self) -> int:
        """How many layers with weights it is in `depth`."""
        return int(self.is_layer)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What a table of another tool may call it: what sets it apart from others of its word, then the word."""
        return (self.word,)

    @property
    def signature(self) -> str:
        """The canonical line with every option, which decides whether two operators are the same."""
        return self.line(every=True)

    def line(self, every: bool = False, rank: int = 0, run: bool = False) -> str:
        """The operator as a line of the spec language: options that differ from their default, or every one; where
        `run` is said those too that say how a layer is run, not what it computes.

        With the number of spatial axes known, a kernel is spelled for each of them: `3x3`.
        """
        words = [self.word]
        for name in self.positional:
            value = getattr(self, name)
            if name == "kernel" and not isinstance(value, tuple) and rank > 1:
                value = (value,) * rank
            words += [spell(v) for v in value] if self.variadic else [spell(value)]
        for name, field in self.fields.items():
            if name == "body":  # stands behind the line
                continue
            value = getattr(self, name)
            said = every and value is not None and name not in self.unspoken
            if name not in self.positional and (
                said or (value != field.default and (every or run or name not in UNSHOWN))
            ):
                words.append(f"{name.rstrip('_')}={spell(value)}")
        return " ".join(words)


class Plain(Op):
    """An operator that needs no room to work in."""

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        return 0


class Free(Plain):
    """An operator that learns nothing and contracts nothing: its weights and its MACs are zero."""

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        return {}

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        return 0


def spell(value: object, inside: bool = False) -> str:
    """A value as the spec language reads it back."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        if len(value) > 1 and not inside and all(isinstance(v, int) and v >= 1 for v in value):
            return "x".join(map(str, value))
        return "(" + ",".join(spell(v, True) for v in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Poly):
        written = text(value)
        return f"({written})" if " " in written and not inside else written
    return decimal(value) if isinstance(value, Fraction) else str(value)


def _free_in(value: object) -> Iterator[Poly]:
    """The closed forms of an option: a number, or one an axis, or two an axis."""
    if isinstance(value, Poly):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _free_in(part)


def is_less(a: Dim, b: Dim) -> bool | None:
    """Whether a < b; None where what is free decides."""
    try:
        return less(a, b)
    except Undecided:
        return None


def reaching(value: Dim, least: Dim) -> tuple[str, ...]:
    """The condition that a value is at least another, where what is free decides."""
    return (f"{text(value)} >= {text(least)}",) if is_less(value, least) is None else ()


def decimal(value: Fraction | int) -> str:
    """A fraction as its exact decimal where that is short: `0.4`, else `1/3`."""
    for digits in range(1, 7):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            return f"{float(value):.{digits}f}"
    return str(value)


def size(shape: Iterable[Dim]) -> Dim:
    """The number of elements."""
    return prod(shape)  # closed forms multiply as numbers do


def number(dim: Dim) -> int:
    """A size that must be a number by now. Raises ShapeError where it is free."""
    if isinstance(dim, Poly):
        raise ShapeError(f"`{dim}` must be a number here, and it is free")
    return dim


def spell_shape(shape: Shape, dim: Callable[[Dim], str] = str) -> str:
    """`64x56x56`."""
    return "x".join(dim(d) for d in shape)


def need_rank(word: str, shape: Shape, low: int, high: int, hint: str = "") -> None:
    """Raises ShapeError where an input has not that many axes, channels included."""
    if not low <= len(shape) <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        raise ShapeError(
            f"{word} needs an input of {wanted} axes (channels first), got {spell_shape(shape)}{hint and '; ' + hint}"
        )


# ---- the types of fields: each accepts what an expression yields and says what is wrong in one sentence --------------
