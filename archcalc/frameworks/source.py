"""A module as a source of graphs: traced when it is asked for, once for each set of sizes that decides its graph."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import ClassVar

from archcalc.errors import Mark, UsageError
from archcalc.frameworks import aten, keras_road
from archcalc.frameworks.asking import Input, Named, names_of
from archcalc.frameworks.building import checked, made, network
from archcalc.frameworks.exporting import traced
from archcalc.frameworks.guards import Guard, Tie
from archcalc.frameworks.onnx_road import through_onnx
from archcalc.frameworks.translating import translated
from archcalc.importer.network import ModelFile, declared
from archcalc.importer.proto import ModelProto
from archcalc.question import Built, Question
from archcalc.records import Record
from archcalc.spec import Spec
from archcalc.spec.items import Chain
from archcalc.tuples import NamedTuple
from archcalc.untyped import Torch

assert aten  # registers the rules that graphs are walked with
Key = tuple[tuple[tuple[str, Torch], ...], tuple[tuple[str, int], ...] | None]


class Translated(NamedTuple):
    """What the importer walks, what to say beside its figures, and what open sizes have to be."""

    file: ModelFile
    notes: list[str]
    guards: tuple[Guard | Tie, ...] = ()


class Module(Record):
    """A network in a framework, as a source of graphs. Its open sizes are parameters; what else is set are arguments
    of its factory.
    """

    is_file: ClassVar[bool] = False

    spec: Spec
    inputs: tuple[Input, ...]
    named: Named | None = None
    given: Torch = None  # the module itself, where there is no factory
    via: str = ""  # "onnx": it is run once by torch's exporter for ONNX
    files: dict[Key, Translated] = {}

    def built(self, question: Question) -> Built:
        """The graph of one sample."""
        if question.without:
            raise UsageError("--without leaves out layers of a spec; `archcalc import` makes one of a module")
        sizes, arguments = self._parted(question.bindings)
        found = self._file(sizes, arguments)
        built = found.file.built(question._replace(bindings={**sizes, **_numbers(arguments)}, tensors=question.tensors))
        built.graph.notes[:0] = found.notes
        said = [guard.said(built.binding.values) for guard in found.guards]
        built.graph.assumed += [each for each in said if each and each not in built.graph.assumed]
        return built

    def freed(self, question: Question) -> Question:
        """What is open is free anyway."""
        return question._replace(free=tuple(name for name in question.free if name != "all"))

    def seen(self, question: Question) -> None:
        """It is counted by layers; its nodes are torch's, and no tool's that reads files."""
        return

    def stored(self, question: Question) -> None:
        """It is run as it is exported by archcalc."""
        return

    def _parted(self, bindings: Mapping[str, object]) -> tuple[dict[str, Torch], dict[str, Torch]]:
        """Sizes of inputs, and arguments of the factory."""
        open_ = names_of(self.inputs)
        sizes = {name: _size(name, value) for name, value in bindings.items() if name in open_}
        arguments = {name: literal(value) for name, value in bindings.items() if name not in open_}
        if arguments and self.named is None:
            known = ", ".join(open_) or "none"
            raise UsageError(f"{self.spec.path} has no parameter '{next(iter(arguments))}'; there are {known}")
        return sizes, arguments

    def _file(self, sizes: Mapping[str, int], arguments: Mapping[str, object]) -> Translated:
        """What the importer walks. Where every size is a number the graph is that of these numbers, unless there is one
        for open sizes that these are among.
        """
        given = tuple(sorted(arguments.items(), key=lambda pair: pair[0]))
        open_key: Key = (given, None)
        key: Key = (given, tuple(sorted(sizes.items())))
        whole = set(sizes) >= set(names_of(self.inputs))
        if not whole and open_key not in self.files:
            self.files[open_key] = self._traced({}, arguments)
        found = self.files.get(open_key)
        if found is not None and not any(guard.fails(sizes) for guard in found.guards):
            return found
        if key not in self.files:
            self.files[key] = self._traced(sizes, arguments)
        return self.files[key]

    def _traced(self, sizes: Mapping[str, int], arguments: Mapping[str, object]) -> Translated:
        package = self.named.module if self.named is not None else type(self.given).__module__
        if self.via == "onnx":
            module = self.given if self.named is None else checked(made(self.named, arguments), self.named)
            inputs = keras_road.ordered(module, self.inputs)
            note = f"{self.spec.path} was run once, with weights, to make an ONNX model in memory"
            file = through_onnx(module, inputs, sizes, self.spec.path, package)
            return Translated(file, [note])
        module, notes = (self.given, []) if self.named is None else network(self.named, arguments)
        inputs = keras_road.ordered(module, self.inputs)
        trace = traced(module, inputs, sizes, self.spec.path, package)
        proto = translated(trace, module, package)
        spec = copy(self.spec)
        spec.parameters = {**spec.parameters, **{name: declared(name) for name in _numbers(arguments)}}
        file = ModelFile(spec, _open(proto, inputs), "", _dims(proto, inputs))
        return Translated(file, notes, trace.guards)


def _open(proto: ModelProto, inputs: tuple[Input, ...]) -> ModelProto:
    """The model with the names of sizes in its inputs, those that are numbers for this graph too."""
    assert proto.graph is not None
    by_name = {each.name: each for each in inputs if each.name}
    plain = iter([each for each in inputs if not each.name])
    for n, named in enumerate(proto.graph.inputs):
        asked = by_name.get(named.name) or next(plain, None)
        if asked is not None:
            proto.graph.inputs[n] = named._replace(dims=(1, *asked.sizes))
    return proto


def _dims(proto: ModelProto, inputs: tuple[Input, ...]) -> dict[tuple[str, int], str]:
    """The expression of every open dim."""
    assert proto.graph is not None
    return {
        (named.name, axis): dim
        for named in proto.graph.inputs
        for axis, dim in enumerate(named.dims or ())
        if isinstance(dim, str)
    }


def _size(name: str, value: object) -> int:
    try:
        found = int(str(value))
    except ValueError:
        found = 0
    if found < 1:
        raise UsageError(f"{name} is a size of an input, a positive whole number, not {value}")
    return found


def _numbers(arguments: Mapping[str, object]) -> dict[str, int]:
    """The arguments that a table can show as parameters."""
    return {
        name: value
        for name, value in arguments.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 0 and name.isidentifier()
    }


WORDS = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}


def literal(value: object) -> object:
    """An argument as the command line has it: a number, a word of Python's, a list of numbers, or text."""
    if not isinstance(value, str):
        return value
    if value in WORDS:
        return WORDS[value]
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    if value.startswith(("[", "(")) and value.endswith(("]", ")")):
        found = [literal(part.strip()) for part in value[1:-1].split(",") if part.strip()]
        return found if value[0] == "[" else tuple(found)
    return value


def source_of(
    called: str, inputs: tuple[Input, ...], named: Named | None = None, given: object = None, via: str = ""
) -> Module:
    """A module with its inputs. Raises UsageError where there are none."""
    if via not in ("", "onnx"):
        raise UsageError(f"--via is onnx, not '{via}'")
    if not inputs:
        raise UsageError(f"{called} needs --input: the sizes of a sample, as 3x224x224")
    mark = Mark(called, 1, 1)
    title = named.variant or named.factory.rpartition(".")[2] if named is not None else called
    spec = Spec(called, mark, title, Chain(mark, ()), parameters={name: declared(name) for name in names_of(inputs)})
    return Module(spec, inputs, named, given, via)


__all__ = ["Module", "source_of"]
