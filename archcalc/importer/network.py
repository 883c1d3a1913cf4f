"""A model file as a source of graphs: its open dimensions are parameters, which stay free until they are set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from mmap import ACCESS_READ, mmap
from typing import Any, ClassVar, NamedTuple

from archcalc import reading
from archcalc.algebra import Dim, Poly, symbol
from archcalc.collector import uncollected
from archcalc.errors import ArchcalcError, ExpressionError, Mark, Problem, SpecError, UsageError
from archcalc.graph import Graph
from archcalc.importer.batch import Leading, leads, multiplies, spelled, written_batch
from archcalc.importer.described import Named
from archcalc.importer.holding import held
from archcalc.importer.names import identifier
from archcalc.importer.proto import GraphProto, ModelProto, read_model
from archcalc.importer.seen import Watch
from archcalc.importer.sized import decided_by
from archcalc.importer.walk import Walker
from archcalc.importer.wire import Bad, Malformed, Stretch
from archcalc.patterns import pattern
from archcalc.question import ALL, Built, Question, Seen, Stored
from archcalc.records import Record
from archcalc.spec import Binding, Spec, bind
from archcalc.spec.expressions import compile_expression
from archcalc.spec.items import Chain
from archcalc.spec.parts import Declared
from archcalc.spec.text import Scalar

_BATCH = pattern(r"(?i)batch|^(?:bs|bsz)$")
_SHORT = ("b", "B", "n", "N")  # names of a batch, the likeliest first
_NAMELESS = pattern(r"unk__\d+$|\?$")  # tf2onnx numbers what has no name
_LENGTH = pattern(r"(?i)seq|len|time|step|height|width|token|num|frame|point|box|past|^[hwlt]$")
POINTER = b"version https://git-lfs."
READ_WHOLE = 1 << 20  # bytes: a small file is read at once


class Taken(NamedTuple):
    """What was taken for a batch that the file has written down."""

    samples: int = 1  # of that batch, of which one is counted
    whole: bool = False  # whether all of them are: the network doesn't follow from one
    perhaps: int = 1  # a number that every input begins with, and that may be a batch or a length

    @property
    def counted(self) -> int:
        """Of how many samples the graph is one."""
        return 1 if self.whole else self.samples


class ModelFile(Record):
    """A network in an ONNX file, as a source of graphs: its open dimensions are parameters."""

    is_file: ClassVar[bool] = True

    spec: Spec
    proto: ModelProto
    batch: str = ""  # what the file calls the batch
    dims: Mapping[tuple[str, int], str] = {}  # of each open dim; "1" for the batch
    written: Leading | None = None  # a number that every input begins with, and that may be a batch
    guessed: bool = False  # whether the batch is only the first open axis, whatever its name means

    def built(self, question: Question) -> Built:
        """The graph of one sample; dimensions that the file leaves open are free unless they are set."""
        if question.without:
            raise UsageError("--without leaves out layers of a spec; `archcalc import` makes one of a model file")
        if self._sets_batch(question):
            return self._as_length.built(question)
        binding = self._binding(spec := self._met(question), question)
        graph, walker, taken = self._decided(binding, question.folds)
        if taken.whole and (question.batch != 1 or "batch" in (*question.bindings, *question.free)):
            raise UsageError(
                f"{spec.path} is of a batch of {taken.samples}, and one sample can't be told from it: another batch"
                " can't be counted"
            )
        self._note(graph, taken)
        if question.tensors:
            graph.tensors = held(walker)
        values = binding.values
        met = {n: at for n, at in walker.symbols.items() if n not in values or isinstance(values[n], Poly)}
        free = (*binding.free, *(name for name in met if name not in binding.free))
        free = tuple(name for name in free if name == "batch" or name in met or _is_read(name, graph))
        spec = _declaring(spec, (*walker.symbols, *walker.bounded))
        binding = binding._replace(values={**values, **met}, free=free) if met or free != binding.free else binding
        return Built(spec, binding, graph)

    def freed(self, question: Question) -> Question:
        """What is open is free anyway."""
        return question._replace(free=tuple(name for name in question.free if name != ALL))

    def seen(self, question: Question) -> list[Seen]:
        """The nodes of the file, as a question's walk meets them: one of what was counted."""
        question = self.freed(question)
        if self._sets_batch(question):
            return self._as_length.seen(question)
        binding = self._binding(self._met(question), question)
        *_, taken = self._decided(binding, question.folds)
        watch = Watch()
        graph, walker = self._walked(binding, taken.counted, question.folds, watch)
        return watch.settled(walker.moved if walker.moved is not None else {n: n for n in range(len(graph.nodes))})

    def stored(self, question: Question) -> Stored:
        """The file as it is run: its inputs in numbers, and its nodes."""
        if self._sets_batch(question):
            return self._as_length.stored(question)
        binding = self._binding(self._met(question), question)
        *_, taken = self._decided(binding, question.folds)
        watch = Watch()
        graph, walker = self._walked(binding, taken.counted, question.folds, watch)
        assert self.proto.graph is not None
        inputs, free = [], dict[str, None]()
        for named in inputs_of(self.proto.graph):
            if named.dims is None or not named.is_tensor:
                raise UsageError(f"{self.spec.path}: input '{named.name}' has no shape that it could be run with")
            sizes = [
                question.batch
                if self.dims.get((named.name, axis)) == "1"
                else dim
                if isinstance(dim, int) and dim >= 0
                else walker.sized(named, axis, walker.free)
                for axis, dim in enumerate(named.dims)
            ]
            free.update((str(dim), None) for dim in sizes if isinstance(dim, Poly))
            inputs.append((named.name, named.kind, tuple(dim for dim in sizes if isinstance(dim, int))))
        if free:
            raise UsageError(f"{self.spec.path} is run with numbers: {' '.join(f'--set {name}=N' for name in free)}")
        nodes = watch.settled(walker.moved if walker.moved is not None else {n: n for n in range(len(graph.nodes))})
        return Stored(self.spec.path, tuple(inputs), tuple(nodes), taken.samples, bool(walker.bounded))

    def _sets_batch(self, question: Question) -> bool:
        """Whether somebody gives a value to what was guessed to be the batch: then it is a size like any other."""
        return self.guessed and identifier(self.batch) in (*question.bindings, *question.free)

    @cached_property
    def _as_length(self) -> ModelFile:
        """The network with its first open axis as a size like any other."""
        dims, names, _ = open_dims(self.proto, guess=False)
        spec = copy(self.spec)
        spec.parameters = {name: declared(name) for name in names}
        return self._replace(spec=spec, batch="", dims=dims, guessed=False)

    def _met(self, question: Question) -> Spec:
        """The spec, with the sizes that only a run would tell if somebody asks about those."""
        known = self.spec.parameters
        if all(name in known or name == "batch" for name in (*question.bindings, *question.free)):
            return self.spec
        _, walker, _ = self._decided(self._binding(self.spec, question, known_only=True), question.folds)
        return _declaring(self.spec, (*walker.symbols, *walker.bounded))

    @staticmethod
    def _binding(spec: Spec, question: Question, known_only: bool = False) -> Binding:
        """Values for the parameters; those that aren't set are free. `known_only`: what the spec has no word for is
        passed over.
        """
        known = spec.parameters
        sets = {name: v for name, v in question.bindings.items() if not known_only or name in known or name == "batch"}
        asked = () if known_only else question.free
        left = [name for name in known if name not in question.bindings and name not in asked]
        return bind(spec, None, sets, (*asked, *left), question.batch)

    def _decided(self, binding: Binding, folds: bool) -> tuple[Graph, Walker, Taken]:
        """The graph of one sample, and what was taken for the batch that the file has written down: so many samples if
        the work is that of one so many times, else all of them are one.
        """
        found, written = self._walked(binding, 1, folds), self.written
        if written is None or not leads(found[0], written.samples):
            return *found, Taken()
        try:
            one: tuple[Graph, Walker] | None = self._walked(binding, written.samples, folds)
        except SpecError:
            one = None
        if one is not None and not one[1].samples:
            return *found, Taken()
        if one is not None and multiplies(found[0], one[0], written.samples):
            return *one, Taken(written.samples)
        return *found, Taken(written.samples, whole=True) if written.plainly else Taken(perhaps=written.samples)

    def _note(self, graph: Graph, taken: Taken) -> None:
        """Say what was taken for the batch."""
        if self.guessed:
            graph.notes.append(
                f"{self.batch}, the first open axis, is taken as the batch and counted by the sample;"
                f" --set {identifier(self.batch)}=N makes it a length"
            )
        if taken.samples > 1:
            graph.samples, graph.whole = taken.samples, taken.whole
            graph.notes.append(spelled(taken.samples, taken.whole))
        elif taken.perhaps > 1:
            graph.is_run = True
            graph.notes.append(
                f"every input begins with {taken.perhaps}: if that is a batch, the figures are of a run of"
                f" {taken.perhaps} samples"
            )

    def _walked(
        self, binding: Binding, samples: int, folds: bool = True, watch: Watch | None = None
    ) -> tuple[Graph, Walker]:
        """The graph of one sample where the file has written down so many."""
        values = binding.values

        def size_of(named: Named, axis: int, free: Callable[[str], Dim]) -> Dim:
            assert named.dims is not None
            dim, expression = named.dims[axis], self.dims.get((named.name, axis))
            if expression is None and isinstance(dim, int) and dim >= 0:
                return 1 if axis == 0 and samples > 1 and dim == samples and len(named.dims) > 1 else dim
            return self._evaluated(
                expression or (dim if isinstance(dim, str) else f"{named.name}_{axis}"), values, free
            )

        walker = Walker(self.proto, self.spec.path, size_of, folds)
        walker.samples, walker.watch = samples, watch
        walker.given = {name: value for name, value in values.items() if isinstance(value, (int, Poly))}
        with readable(self.spec.path), uncollected():
            try:
                graph = walker.build()
            except Bad as error:
                if not (given := decided_by(walker)):
                    raise
                raise Bad(f"{error}; {given}") from None
        return graph, walker

    def _evaluated(self, expression: str, values: Mapping[str, Any], free: Callable[[str], Dim]) -> Dim:
        """A dim as the file names it: a symbol of an input, an expression in such, or a name of its own."""
        if expression in ("1", self.batch) or (expression.isidentifier() and _BATCH.search(expression)):
            return 1
        values = {**values, identifier(self.batch): 1} if self.batch else values
        name = identifier(expression)
        if name in values:
            return values[name]  # type: ignore[no-any-return]
        try:
            found = compile_expression(expression)
            if found.names and all(identifier(part) in values for part in found.names):
                value = found.run({part: values[identifier(part)] for part in found.names}, ())
                if isinstance(value, (int, Poly)) and not isinstance(value, bool):
                    return value
        except (ExpressionError, ArchcalcError):
            pass
        return free(expression)


def load_onnx(path: str, data: bytes | None = None) -> ModelFile:
    """Read a model file, or the `data` of one that was called `path`. Raises UsageError for one that can't be read,
    SpecError for one that is no model.
    """
    mark = Mark(path, 1, 1)
    with readable(path), uncollected():
        proto = read_model(opened(path) if data is None else whole(data))
        if proto.graph is None:
            raise Bad("there is no graph in it")
        dims, names, batch = open_dims(proto)
    called = os.path.basename(path if data is None else path.rpartition(":")[2])  # `main@1a2b3c4:net.onnx`
    stem = os.path.splitext(called)[0]
    name = proto.graph.name if proto.producer == "archcalc" else stem
    spec = Spec(path, mark, name or stem, Chain(mark, ()), parameters={name: declared(name) for name in names})
    written = written_batch(inputs_of(proto.graph)) if not batch and "1" not in dims.values() else None
    return ModelFile(spec, proto, batch, dims, written, guessed=bool(batch) and not _says_batch(batch))


def _declaring(spec: Spec, names: Iterable[str]) -> Spec:
    """The spec with these among its parameters."""
    new = [name for name in names if name not in spec.parameters]
    if not new:
        return spec
    spec = copy(spec)
    spec.parameters = {**spec.parameters, **{name: declared(name) for name in new}}
    return spec


def _is_read(name: str, graph: Graph) -> bool:
    """Whether a free dimension is one of an input that the network reads."""
    shapes = [graph.nodes[n].shape for n in graph.inputs.values()]
    return any(isinstance(dim, Poly) and name in dim.symbols for shape in shapes for dim in shape)


def declared(name: str) -> Declared:
    """A parameter of an open dimension: at least 1, with no value of its own."""
    mark = Mark(name, 1, 1, 1, "1")
    return Declared(Scalar(mark, "1"), mark)


def opened(path: str) -> Stretch:
    """The bytes of a file, where they lie: nothing is read before it is looked at."""
    with reading.opened(path, "a model file") as source:
        length = source.seek(0, 2)
        source.seek(0)
        data = source.read(length) if length <= READ_WHOLE else mmap(source.fileno(), 0, access=ACCESS_READ)
    return whole(data)


def whole(data: bytes | mmap) -> Stretch:
    """All of a file. Raises Malformed for what is none."""
    if not data:
        raise Malformed("the file is empty")
    if data[: len(POINTER)] == POINTER:
        raise Malformed("it is a pointer of Git LFS; `git lfs pull` brings the file")
    return Stretch(data if isinstance(data, mmap) else bytes(data), 0, len(data))


@contextmanager
def readable(path: str) -> Iterator[None]:
    """What is wrong with a model file, with its name."""
    try:
        yield
    except Malformed as error:
        raise SpecError([Problem(f"{path}: not an ONNX file, or a part of one: {error}")]) from None
    except Bad as error:
        raise SpecError([Problem(f"{path}: {error}")]) from None
    except RecursionError:
        raise SpecError([Problem(f"{path}: graphs inside graphs, nested too deeply")]) from None


def open_dims(proto: ModelProto, guess: bool = True) -> tuple[dict[tuple[str, int], str], list[str], str]:
    """The expression of every open dim of the inputs, and the parameters among them: all names but the batch's, which
    is one sample.
    """
    graph = proto.graph
    assert graph is not None
    inputs = [named for named in inputs_of(graph) if named.dims is not None]
    batch = _batch_name(inputs, guess)
    dims: dict[tuple[str, int], str] = {}
    names: dict[str, None] = {}
    for named in inputs:
        for axis, dim in enumerate(named.dims or ()):
            if isinstance(dim, int) and dim != -1:
                if dim < 0:
                    raise Bad(f"input '{named.name}' has a size of {dim}")
                continue
            if _is_batch(named, axis, dim, batch):
                dims[named.name, axis] = "1"
                continue
            expression = dim if isinstance(dim, str) and not _NAMELESS.match(dim) else _called(named, axis)
            dims[named.name, axis] = expression
            if identifier(expression) not in names and not _follows(expression, names):
                names[identifier(expression)] = None
    return dims, list(names), batch or ""


def inputs_of(graph: GraphProto) -> list[Named]:
    """The inputs that are not initializers as well, as older files have them."""
    own = {tensor.name for tensor in graph.initializers}
    return [named for named in graph.inputs if named.name not in own]


def _says_batch(name: str) -> bool:
    return bool(_BATCH.search(name)) or name in _SHORT


def _batch_name(inputs: list[Named], guess: bool) -> str | None:
    """The name that the batch has: one that says so, else that of the first axis if it may be guessed."""
    found = [dim for named in inputs for dim in named.dims or () if isinstance(dim, str) and not _NAMELESS.match(dim)]
    leading = {
        dim
        for named in inputs
        for axis, dim in enumerate((named.dims or ())[:2])
        if axis == 0 or isinstance((named.dims or ("",))[0], str)
    }
    said = [dim for dim in found if _BATCH.search(dim)] + [short for short in _SHORT if short in leading]
    if said or not guess:
        return said[0] if said else None
    first = next(
        (named.dims[0] for named in inputs if named.dims and len(named.dims) > 1 and named.dims[0] in found), None
    )
    return first if isinstance(first, str) and not _LENGTH.search(first) else None


def _is_batch(named: Named, axis: int, dim: int | str | None, batch: str | None) -> bool:
    if isinstance(dim, str) and not _NAMELESS.match(dim):
        return dim == batch
    return axis == 0 and len(named.dims or ()) > 1


def _called(named: Named, axis: int) -> str:
    """A name for a dim that has none: `height` and `width` of an image, else the input's and the axis'."""
    dims = named.dims or ()
    if len(dims) == 4:
        first = 1 if isinstance(dims[3], int) and dims[3] in (1, 3, 4) and dims[1] not in (1, 3, 4) else 2
        if axis in (first, first + 1):
            return ("height", "width")[axis - first]
    return identifier(f"{named.name}_{axis}")


def _follows(expression: str, names: Mapping[str, None]) -> bool:
    """Whether a dim is an expression in others."""
    try:
        found = compile_expression(expression)
    except ExpressionError:
        return False
    return (
        bool(found.names) and not expression.isidentifier() and all(identifier(name) in names for name in found.names)
    )


__all__ = ["ModelFile", "load_onnx", "symbol"]
