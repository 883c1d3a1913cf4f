"""What is asked of a network, who answers it with a graph, and the table that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Number
from types import MappingProxyType
from typing import ClassVar, Literal, Protocol

from archcalc.algebra import Dim, Poly
from archcalc.build import build
from archcalc.collector import uncollected
from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.errors import Problem, SpecError, Undecided, UsageError, among
from archcalc.graph import Graph
from archcalc.memory import ATTENTION, TRAINING, Training, alike, attending, of_file, refused, settled
from archcalc.ops import Shape
from archcalc.records import Record
from archcalc.spec import Binding, Spec, bind, numeric
from archcalc.spec.values import Value
from archcalc.tuples import NamedTuple

# what type checkers know of words: misspelt ones are found before a run
Dtype = Literal["fp64", "fp32", "fp16", "bf16", "int8"]
Attention = Literal["", "eager", "fused"]
Optimizer = Literal["sgd", "momentum", "adam", "adafactor", "adam8bit"]
Precision = Literal["fp32", "amp", "bf16"]

ALL = "all"  # leaves every parameter free that can be


class Question(NamedTuple):
    """What to count: values for parameters, the ones left free, and the mode."""

    bindings: Mapping[str, object] = MappingProxyType({})
    free: tuple[str, ...] = ()
    batch: int = 1
    train: bool = False
    dtype: str = "fp32"
    without: tuple[str, ...] = ()
    convention: str | None = None  # of another tool
    device: str = ""  # a profile to predict times with
    attention: str = ""  # "eager" or "fused", for every attention, whatever its line says
    training: Training = TRAINING
    fold_bn: bool = False  # batch normalisation into the layers before it
    as_stored: bool = True  # whether numbers are as wide as a model file has them, while dtype is fp32
    folds: bool = True  # whether products of a model file's constants are known before the network runs
    fit: tuple[str, ...] = ()  # devices whose memory is to be enough, where limits are judged
    tensors: bool = False  # whether every tensor of a model file is listed
    hot: bool = False  # whether times are those of a run that follows at once on another of its own


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names in a list, or in a text as the command line has them: `fc6,fc7`. Raises TypeError for anything else."""
    if isinstance(names, str):
        return tuple(name.strip() for name in names.split(",") if name.strip())
    found: tuple[Value, ...] = tuple(names) if isinstance(names, Iterable) else (names,)
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"names are texts in a list, or one text with commas, not {names!r}")
    return found


def whole(name: str, value: object) -> int:
    """A size that was given, as a number. Raises UsageError."""
    try:
        return int(str(value))
    except ValueError:
        raise UsageError(f"{name} must be a whole number, got {value}") from None


def of_kinds(question: Question) -> None:
    """Raises TypeError, with a sentence, for what no question can hold, whatever the network is."""
    for name, value in question.bindings.items():
        if not (value is None or isinstance(value, (str, Number, Sequence, Mapping, Poly))):
            raise TypeError(f"{name} is a number, a word or a list, not of type {type(value).__name__}")
    for name in ("dtype", "attention", "convention"):
        value = getattr(question, name)
        if not (isinstance(value, str) or (value is None and name == "convention")):
            raise TypeError(f"{name} is a text, not of type {type(value).__name__}")


class Built(Record):
    """A graph with the values that it was built for. `spec` declares the parameters that were met on the way, too."""

    spec: Spec
    binding: Binding
    graph: Graph
    without: tuple[str, ...] = ()


class Seen(NamedTuple):
    """A node. Shapes have the batch's axis; None is unknown, or left out.

    `layer`: the position of the layer that it became, or a part of; None where it depends on constants and sizes alone.
    `learned`: elements of the initializers that it is the first to read.
    """

    op: str
    name: str
    attributes: Mapping[str, Value]
    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape | None, ...]
    layer: int | None
    learned: Dim
    values: tuple[str, ...] = ()  # the names of its outputs


class Stored(NamedTuple):
    """A model file as a runtime takes it. `inputs`: (name, the number of ONNX's kind, shape with the batch's axis), of
    all that it has; `samples`: of a batch that it has written down, of which the layers are one.
    """

    path: str
    inputs: tuple[tuple[str, int, tuple[int, ...]], ...]
    nodes: tuple[Seen, ...]
    samples: int
    at_most: bool = False  # whether sizes that only a run tells were taken at their most


class Source(Protocol):
    """Where a network comes from. Answering changes nothing: the same question has the same answer."""

    is_file: ClassVar[bool]  # whether it is a model file, whose nodes other tools count

    def built(self, question: Question) -> Built:
        """The graph for a question. Raises SpecError for mistakes, UsageError for what can't be asked."""

    def freed(self, question: Question) -> Question:
        """The question with names in place of `all`, the parameters that could be left free."""

    def seen(self, question: Question) -> list[Seen] | None:
        """The nodes of a model file, as a question's walk meets them; None for a spec."""

    def stored(self, question: Question) -> Stored | None:
        """A model file as it is run; None for a spec. Raises UsageError where a size has no number."""


class Written(Record):
    """A spec, or one variant of it, as a source."""

    is_file: ClassVar[bool] = False

    spec: Spec
    variant: str | None = None

    def built(self, question: Question) -> Built:
        """One node a layer, with sizes."""
        binding = bind(self.spec, self.variant, question.bindings, question.free, question.batch)
        graph = build(self.spec, binding, question.train, question.without)
        return Built(self.spec, binding, graph, tuple(dict.fromkeys([*binding.without, *question.without])))

    def freed(self, question: Question) -> Question:
        """Every parameter with a number that isn't set, after those that were named."""
        named = [name for name in question.free if name != ALL]
        rest = [name for name in numeric(self.spec, self.variant) if name not in (*question.bindings, *named)]
        return question._replace(free=(*named, *rest))

    def seen(self, question: Question) -> None:
        """A spec has layers, and no nodes."""
        return

    def stored(self, question: Question) -> None:
        """A spec is run as it is exported."""
        return


Finish = Callable[[Table], Table]


@uncollected()
def table_of(source: Source, variant: str | None, question: Question, finish: Finish = lambda table: table) -> Table:
    """The costs that a question asks for, in our own convention. What `finish` adds, such as times, has to have a
    closed form as well.

    Raises UsageError for what can't be asked, SpecError for mistakes in the spec.
    """
    if isinstance(question.batch, bool) or not isinstance(question.batch, int) or question.batch < 1:
        raise UsageError(f"batch must be a positive whole number, got {question.batch!r}")
    if question.dtype not in DTYPES:
        raise UsageError(f"unknown dtype '{question.dtype}'{among(question.dtype, DTYPES)}")
    if question.attention not in ("", *ATTENTION):
        raise UsageError(f"unknown attention '{question.attention}'{among(question.attention, ATTENTION)}")
    if wrong := refused(question.training, question.dtype):
        raise UsageError(wrong)
    if ALL not in question.free:
        return finish(_table(source, variant, question))
    return _freest(source, variant, source.freed(question), finish)


def _table(source: Source, variant: str | None, question: Question, dropped: tuple[str, ...] = ()) -> Table:
    built = source.built(question)
    graph = _folded(built.graph) if question.fold_bn else built.graph
    graph = attending(graph, question.attention) if question.attention else graph
    as_stored = question.as_stored and question.dtype == "fp32"
    is_plain = graph is built.graph
    graph, dtype = _typed(graph, question.dtype, source.is_file, as_stored)
    table = Table(
        built.spec,
        variant,
        built.binding,
        graph,
        question.train,
        dtype,
        built.without,
        dropped,
        question.training,
        as_stored=as_stored and is_plain,
        is_of_file=source.is_file,
    )
    if graph.loops:
        _settle(table)
    return table


def _typed(graph: Graph, dtype: str, is_file: bool, as_stored: bool) -> tuple[Graph, str]:
    """The graph with the widths that it is counted in, and the type of what says none."""
    if not is_file:
        return settled(graph, dtype), dtype
    return of_file(graph) if as_stored else (alike(graph), dtype)


def _folded(graph: Graph) -> Graph:
    from archcalc.build.folding import folded

    return folded(graph)


def _freest(source: Source, variant: str | None, question: Question, finish: Finish) -> Table:
    """With as many free parameters as have a closed form: one that decides the structure stays a number."""
    dropped: tuple[str, ...] = ()
    while True:
        try:
            return finish(_table(source, variant, question, dropped))
        except (SpecError, Undecided) as error:
            problems = error.problems if isinstance(error, SpecError) else [error]
            blocking = {symbol for problem in problems for symbol in problem.symbols} & set(question.free)
            if not blocking:
                raise
            dropped = (*dropped, *(name for name in question.free if name in blocking))
            question = question._replace(free=tuple(name for name in question.free if name not in blocking))


def _settle(table: Table) -> None:
    """Raise SpecError where a total has no closed form in the number of repeats: what is summed or compared over them
    is known only now.
    """
    try:
        _ = table.totals, table.fields, table.narrower
    except Undecided as error:
        stops = [loop.range.stop for loop in table.graph.loops.values() if isinstance(loop.range.stop, Poly)]
        counts = sorted({symbol for stop in stops for symbol in stop.symbols} & set(table.free))
        names = " and ".join(f"`{name}`" for name in counts)
        message = f"{error}; {names} {'is' if len(counts) == 1 else 'are'} free and counts repeats; bind it with --set"
        mark = table.graph.nodes[next(iter(table.graph.loops.values())).entry].mark
        raise SpecError([Problem(message, mark, (), tuple(counts))]) from None


__all__ = [
    "Attention", "Built", "Dtype", "Optimizer", "Precision", "Question", "Seen", "Source", "Written", "listed",
    "of_kinds", "table_of", "whole",
]  # fmt: skip
