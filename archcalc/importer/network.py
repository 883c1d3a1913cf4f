"""A model file as a `Model`: its open dimensions are parameters, which stay free until they are set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from archcalc.algebra import Dim, Poly, symbol
from archcalc.build import uncollected
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, ExpressionError, Mark, Problem, SpecError, UsageError
from archcalc.graph import Graph
from archcalc.importer.batch import Written, leads, multiplies, spelled, written_batch
from archcalc.importer.names import identifier
from archcalc.importer.proto import GraphProto, ModelProto, Named, read_model
from archcalc.importer.seen import Seen, Watch
from archcalc.importer.walk import Walker
from archcalc.importer.wire import Bad, Malformed, Stretch
from archcalc.model import Model, Question
from archcalc.spec import Binding, Spec, bind
from archcalc.spec.expressions import compile_expression
from archcalc.spec.items import Chain
from archcalc.spec.parts import Declared
from archcalc.spec.text import Scalar

_BATCH = re.compile(r"(?i)batch|^(?:bs|bsz)$")
_SHORT = ("b", "B", "n", "N")  # names of a batch, the likeliest first
_NAMELESS = re.compile(r"unk__\d+$|\?$")  # tf2onnx numbers what has no name
_LENGTH = re.compile(r"(?i)seq|len|time|step|height|width|token|num|frame|point|box|past|^[hwlt]$")
POINTER = b"version https://git-lfs."
READ_WHOLE = 1 << 20  # bytes: a small file is read at once


@dataclass(repr=False)
class Imported(Model):
    """A network in an ONNX file."""

    proto: ModelProto = field(default_factory=ModelProto)
    names: frozenset[str] = frozenset()
    batch: str = ""  # what the file calls the batch
    dims: Mapping[tuple[str, int], str] = field(
        default_factory=dict
    )  # the expression of each open dim of an input; "1" for the batch
    written: Written | None = None  # a number that every input begins with, and that may be a batch
    samples: int = 1  # of that batch, of which one is counted
    whole: bool = False  # whether all of them are: the network doesn't follow from one
    guessed: bool = False  # whether the batch is only the first open axis, whatever its name means
    perhaps: int = 1  # a number that every input begins with, and that may be a batch or a length

    @property
    def open_names(self) -> frozenset[str]:
        """The parameters that are open dimensions of inputs."""
        return frozenset(name for name in self.spec.parameters if name in self.names)

    @cached_property
    def graph(self) -> Graph:
        """The graph with every open dimension free."""
        return self.answer(Question()).graph

    def answer(self, question: Question) -> Table:
        """Count what a question asks for; dimensions that the file leaves open are free unless they are set."""
        if question.without:
            raise UsageError("--without leaves out layers of a spec; `archcalc import` makes one of a model file")
        if self.guessed and identifier(self.batch) in (*question.bindings, *question.free):
            return self._as_length().answer(question)
        known = self.spec.parameters
        asked = [name for name in (*question.bindings, *question.free) if name not in (*known, "all", "batch")]
        if asked:  # sizes that only a run would tell are met on the way
            self._walk(self._binding(question, ()))
        return super().answer(question._replace(free=tuple(name for name in question.free if name != "all")))

    def _as_length(self) -> Imported:
        """The network with its first open axis as a size like any other: somebody gives it a value."""
        dims, names, _ = open_dims(self.proto, guess=False)
        spec = copy(self.spec)
        spec.parameters = {name: declared(name) for name in names}
        return replace(self, spec=spec, names=frozenset(names), batch="", dims=dims, guessed=False)

    def _binding(self, question: Question, free: tuple[str, ...]) -> Binding:
        left = [name for name in self.spec.parameters if name not in question.bindings and name not in free]
        sets = {
            name: value
            for name, value in question.bindings.items()
            if name in self.spec.parameters or name == "batch" or free != ()
        }
        return bind(self.spec, None, sets, (*free, *left), question.batch)

    def _table(self, question: Question) -> Table:
        binding = self._binding(
            question, question.free or tuple(name for name in self.spec.parameters if name not in question.bindings)
        )
        graph, met = self._walk(binding)
        if self.whole and (question.batch != 1 or "batch" in (*question.bindings, *question.free)):
            raise UsageError(
                f"{self.spec.path} is of a batch of {self.samples}, and one sample can't be told from it: another batch"
                " can't be counted"
            )
        values = {**binding.values, **met}
        free = (*binding.free, *(name for name in met if name not in binding.free))
        free = tuple(name for name in free if name == "batch" or name in met or self._is_read(name, graph))
        table = Table(
            self.spec, None, replace(binding, values=values, free=free), graph, question.train, question.dtype
        )
        return self._timed(table, question.device) if question.device else table

    @staticmethod
    def _is_read(name: str, graph: Graph) -> bool:
        """Whether a free dimension is one of an input that the network reads."""
        return any(
            isinstance(dim, Poly) and name in dim.symbols for n in graph.inputs.values() for dim in graph.nodes[n].shape
        )

    def _walk(self, binding: Binding) -> tuple[Graph, dict[str, Poly]]:
        """The graph, and the sizes that only a run would tell; those are parameters from then on."""
        graph, walker = (
            self._decided(binding, self.written)
            if self.written
            else self._walked(binding, 1 if self.whole else self.samples)
        )
        for name in (*walker.symbols, *walker.bounded):
            if name not in self.spec.parameters:
                self.spec.parameters[name] = declared(name)
        if self.guessed:
            graph.notes.append(
                f"{self.batch}, the first open axis, is taken as the batch and counted by the sample; --set"
                f" {identifier(self.batch)}=N makes it a length"
            )
        if self.samples > 1:
            graph.samples, graph.whole = self.samples, self.whole
            graph.notes.append(spelled(self.samples, self.whole))
        elif self.perhaps > 1:
            graph.is_run = True
            graph.notes.append(
                f"every input begins with {self.perhaps}: if that is a batch, the figures are of a run of"
                f" {self.perhaps} samples"
            )
        return graph, {
            name: found
            for name, found in walker.symbols.items()
            if name not in binding.values or isinstance(binding.values[name], Poly)
        }

    def _decided(self, binding: Binding, written: Written) -> tuple[Graph, Walker]:
        """The graph of one sample if what every input begins with is a batch and its work is that of one so many times;
        else of all.
        """
        self.written = None
        found = self._walked(binding, 1)
        if not leads(found[0], written.samples):
            return found
        try:
            one: tuple[Graph, Walker] | None = self._walked(binding, written.samples)
        except SpecError:
            one = None
        if one is not None and not one[1].samples:
            return found
        if one is not None and multiplies(found[0], one[0], written.samples):
            self.samples = written.samples
            return one
        if written.plainly:
            self.samples, self.whole = written.samples, True
        else:
            self.perhaps = written.samples
        return found

    def seen(self, question: Question) -> list[Seen]:
        """The nodes of the file, as a question's walk meets them: one of what `answer` counted before."""
        binding = self._binding(
            question, question.free or tuple(name for name in self.spec.parameters if name not in question.bindings)
        )
        watch = Watch()
        graph, walker = self._walked(binding, 1 if self.whole else self.samples, watch)
        return watch.settled(walker.moved if walker.moved is not None else {n: n for n in range(len(graph.nodes))})

    def _converted(self, question: Question, tool: str) -> Table:
        """The answer in a tool's convention: node by node where the tool counts those, and else with what it couldn't
        be asked about.
        """
        from archcalc.conventions import counted, of_file

        ran = self.answer(question._replace(convention=None, train=False))
        return of_file(
            counted(ran, ran, tool),
            lambda: self.seen(question._replace(free=tuple(name for name in question.free if name != "all"))),
        )

    def _walked(self, binding: Binding, samples: int, watch: Watch | None = None) -> tuple[Graph, Walker]:
        """The graph of one sample where the file has written down so many."""
        values = binding.values

        def size_of(named: Named, axis: int) -> Dim:
            assert named.dims is not None
            expression = self.dims.get((named.name, axis))
            dim = named.dims[axis]
            if expression is None and isinstance(dim, int) and dim > 0:
                return 1 if axis == 0 and samples > 1 and dim == samples and len(named.dims) > 1 else dim
            return self._evaluated(
                expression or (dim if isinstance(dim, str) else f"{named.name}_{axis}"), values, walker
            )

        walker = Walker(self.proto, self.spec.path, size_of)
        walker.samples, walker.watch = samples, watch
        walker.given = {name: value for name, value in values.items() if isinstance(value, (int, Poly))}
        with readable(self.spec.path), uncollected():
            graph = walker.build()
        return graph, walker

    def _evaluated(self, expression: str, values: Mapping[str, Any], walker: Walker) -> Dim:
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
        return walker.free(expression)


def load_onnx(path: str, data: bytes | None = None) -> Imported:
    """Read a model file, or the `data` of one that was called `path`. Raises UsageError for one that can't be read,
    SpecError for one that is no model.
    """
    mark = Mark(path, 1, 1)
    with readable(path), uncollected():
        proto = read_model(opened(path) if data is None else whole(data))
        if proto.graph is None:
            raise Bad("there is no graph in it")
        dims, names, batch = open_dims(proto)
    file = Path(path if data is None else path.rpartition(":")[2])  # `main@1a2b3c4:net.onnx`
    name = proto.graph.name if proto.producer == "archcalc" else file.stem
    spec = Spec(path, mark, name or file.stem, Chain(mark, ()), parameters={name: declared(name) for name in names})
    written = written_batch(inputs_of(proto.graph)) if not batch and "1" not in dims.values() else None
    return Imported(
        spec,
        proto=proto,
        names=frozenset(names),
        batch=batch,
        dims=dims,
        written=written,
        guessed=bool(batch) and not _says_batch(batch),
    )


def declared(name: str) -> Declared:
    """A parameter of an open dimension: at least 1, with no value of its own."""
    mark = Mark(name, 1, 1, 1, "1")
    return Declared(Scalar(mark, "1"), mark)


def opened(path: str) -> Stretch:
    """The bytes of a file, where they lie: nothing is read before it is looked at."""
    file = Path(path)
    if file.is_dir():
        raise UsageError(f"{path} is a directory; name a model file in it")
    try:
        with file.open("rb") as source:
            length = source.seek(0, 2)
            source.seek(0)
            data = source.read() if length <= READ_WHOLE else mmap(source.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
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
                if dim < 1:
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


__all__ = ["Imported", "load_onnx", "symbol"]
