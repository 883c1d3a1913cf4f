"""A network that can be counted: what the command line and the public API share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from archcalc import reading
from archcalc.build import problems_beside
from archcalc.cost import Table
from archcalc.errors import SpecError, UsageError, suggest
from archcalc.files import find, is_config, is_folder, is_model_file, is_yaml, parted, shown, zoo_names
from archcalc.graph import Graph
from archcalc.memory import Training
from archcalc.question import Question, Source, Written, listed, of_kinds, table_of, whole
from archcalc.records import Record
from archcalc.spec import Disk, Shelf, Spec, decoded, read_spec, read_text
from archcalc.untyped import Torch

if TYPE_CHECKING:
    from archcalc.measure.latency import Latency
    from archcalc.measure.proof import Proof
    from archcalc.onnx import Exported
    from archcalc.question import Attention, Dtype, Optimizer, Precision
    from archcalc.space import Solution, Sweep
    from archcalc.space.advice import Advised
    from archcalc.spec.again import Again


class Model(Record):
    """A spec, one variant of it, or a model file. It is a value: counting changes nothing."""

    spec: Spec
    variant: str | None = None
    file: Source | None = None  # where the graph comes from, if not from the spec
    ships: bool = False  # with archcalc, and is no part of the user's repository

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def _repr_html_(self) -> str:
        """As a notebook shows it: what it costs as it stands."""
        return self.count()._repr_mimebundle_()["text/html"]

    @property
    def name(self) -> str:
        """The path, and the variant: `specs/vgg.yaml@vgg16`."""
        return f"{self.spec.path}@{self.variant}" if self.variant else self.spec.path

    @property
    def source(self) -> Source:
        """What answers questions with graphs."""
        return self.file if self.file is not None else Written(self.spec, self.variant)

    @property
    def graph(self) -> Graph:
        """The graph with every parameter at its default (of a model file: with every open size free), train-only heads
        included.
        """
        return self.source.built(Question(train=self.file is None)).graph

    def count(
        self,
        *,
        free: str | Sequence[str] = (),
        batch: int = 1,
        train: bool = False,
        dtype: Dtype = "fp32",
        without: str | Sequence[str] = (),
        convention: str | None = None,
        device: str = "",
        attention: Attention = "",
        optimizer: Optimizer = "adam",
        precision: Precision = "fp32",
        checkpoint: str = "none",
        fold_bn: bool = False,
        fold: bool = True,
        hot: bool = False,
        **bindings: object,
    ) -> Table:
        """Count with these parameters; those in `free` stay symbols (`["all"]`: all that can), labels in `without` are
        left out. With a `convention` ("thop") as that tool counts; with `attention` ("eager" or "fused") every
        attention so.

        Training (`train`) holds what `optimizer` ("sgd", "momentum", "adam", "adafactor", "adam8bit"), `precision`
        ("fp32", "amp", "bf16") and `checkpoint` ("none", "sqrt", "best", or labels) say. `fold_bn` counts the network
        as it is deployed, with batch normalisation folded into the layers before it; without `fold`, products of a
        model file's constants count as what runs.

        With a `device` (a profile's file, or the name of one that ships) the table has times (of a `hot` run). Raises
        SpecError with every mistake in the spec, UsageError for names and profiles that don't exist.
        """
        names, training = (listed(free), listed(without)), Training(optimizer, precision, checkpoint)
        asked = bindings, names[0], batch, train, dtype, names[1], convention, device, attention, training, fold_bn
        return self.answer(Question(*asked, folds=fold, hot=hot))

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        free: str | Sequence[str] = (),
        batch: int = 1,
        train: bool = False,
        dtype: str = "fp32",
        without: str | Sequence[str] = (),
        weights: str = "random",
        seed: int = 0,
        external_data: bool = False,
        opset: int | None = None,
        **bindings: object,
    ) -> Exported:
        """Write the network as an ONNX model, with seeded weights or (`weights="none"`) with its structure alone.

        Parameters in `free`, and "batch", become axes of that name; `opset` is 21 unless given, and
        13 at least. Raises UsageError for what has no such model,
        OSError where it can't be written; either way the file is as it was.
        """
        from archcalc.onnx import OPSET, export

        table = self.answer(Question(bindings, listed(free), batch, train, dtype, listed(without)))
        return export(
            table,
            path,
            weights=weights,
            seed=seed,
            external_data=external_data,
            opset=OPSET if opset is None else opset,
        )

    def verify(
        self,
        *,
        batch: int = 1,
        train: bool = False,
        without: str | Sequence[str] = (),
        fields: Sequence[str] | None = None,
        seed: int = 0,
        **bindings: object,
    ) -> Proof:
        """Run the network with onnxruntime and hold what is real against what is counted: shapes, learned tensors,
        receptive fields.

        `fields` names layers whose receptive field is shown by perturbing pixels (None: the deepest that fits into the
        input). Raises UsageError where nothing can be run.
        """
        return self.proved(Question(bindings, (), batch, train, without=listed(without)), fields, seed)[1]

    def proved(self, question: Question, fields: Sequence[str] | None = None, seed: int = 0) -> tuple[Table, Proof]:
        """The count with what running the network shows: a spec as it is exported, a model file as it is. Raises
        UsageError.
        """
        from archcalc.measure.proof import verify
        from archcalc.measure.stored import prove

        file = self.source.stored(question)
        if file is None:
            table = self.answer(question)
            return table, verify(table, fields=fields, seed=seed)
        table = self.answer(question._replace(tensors=True))
        return table, prove(table, file, seed)

    def measure(
        self,
        *,
        device: str = "cpu",
        batch: int = 1,
        dtype: str = "fp32",
        threads: int | None = None,
        runs: int | None = None,
        profile: bool = False,
        without: str | Sequence[str] = (),
        **bindings: object,
    ) -> Latency:
        """Measure how long a run takes on "cpu" or "cuda": so many `runs`, or until the median stands still; by layer
        with `profile`.

        Raises UsageError where it can't be run there: CUDA that isn't there is never the CPU instead.
        """
        from archcalc.measure.device import Device
        from archcalc.measure.latency import measure

        question = Question(bindings, (), batch, dtype=dtype, without=listed(without))
        files = [self.source.stored(question)]
        return measure([self.answer(question)], Device(device, threads), runs=runs, profile=profile, files=files)[0]

    def sweep(
        self,
        over: Mapping[str, object] | Sequence[str] = (),
        *,
        figures: str | Sequence[str] = (),
        where: str | Sequence[str] = (),
        pareto: str | Sequence[str] = (),
        sample: int | None = None,
        seed: int = 0,
        device: str | Sequence[str] = (),
        **asked: object,
    ) -> Sweep:
        """Count every design of a space: `over={"size": range(96, 225, 32), "width": "0.25..2:0.05"}`, or as the
        command line has it; beside the spec's own `space`.

        `where` are conditions (`"macs <= 150M"`), `pareto` what to be on the front of (`"macs,-size"`), `sample` how
        many designs to draw; `asked` are `train`, `batch`, `dtype` and `bindings`. Each `device` has its own figure
        where there are several, `latency_rtx4090`. Raises UsageError.
        """
        from archcalc.space import space_of, sweep

        conditions = [where] if isinstance(where, str) and where else list(where)
        return sweep(space_of(self, over, device, **asked), listed(figures), conditions, pareto, sample, seed)

    def solve(
        self,
        over: Mapping[str, object] | Sequence[str] = (),
        *,
        maximize: str | Sequence[str] = (),
        minimize: str | Sequence[str] = (),
        most: Mapping[str, object] = MappingProxyType({}),
        least: Mapping[str, object] = MappingProxyType({}),
        where: str | Sequence[str] = (),
        device: str | Sequence[str] = (),
        **asked: object,
    ) -> Solution:
        """The best design under limits, proved: `solve(maximize="size", most={"macs": "2G"})`.

        `most` and `least` are amounts by metric, the others as in `sweep`. Raises UsageError.
        """
        from archcalc.space import read_limit, solve, space_of

        space = space_of(self, over, device, **asked)
        limits = [
            limit
            for kind, amounts in (("max", most), ("min", least))
            for name, amount in amounts.items()
            for limit in read_limit(kind, f"{name}={amount}", space)
        ]
        conditions = [where] if isinstance(where, str) and where else list(where)
        return solve(space, maximize=maximize, minimize=minimize, limits=limits, where=conditions)

    def advise(self) -> Advised:
        """What lectures would change, exactly: a tuple of `Advice`, those that save most multiply-accumulates first.

        Raises UsageError for a model file, which has no lines to rewrite.
        """
        from archcalc.space.advice import advise

        return advise(self)

    def to_spec(self, **defaults: object) -> tuple[str, list[str]]:
        """A model file as a spec that counts the same, and what to know about it. `defaults` are values of the sizes
        that the file leaves open.

        Raises UsageError for one that is missing, for a network that no spec can hold, and for what is a spec.
        """
        from archcalc.expand.losing import noted
        from archcalc.expand.writing import spec_text

        if self.file is None:
            raise UsageError(f"{self.name} is a spec already; `archcalc expand` writes it flat")
        given = {name: whole(name, value) for name, value in defaults.items()}
        open_ = {name: value for name, value in given.items() if name in self.spec.parameters}
        source = os.path.basename(self.spec.path)
        table = self.answer(Question({name: value for name, value in given.items() if name not in open_}))
        try:
            return spec_text(table, open_, source), noted(table.graph)
        except UsageError as error:
            if not open_ or any(name not in given for name in table.free):
                raise
            why = str(error).splitlines()[0].removeprefix(f"{table.spec.path}: ")
        table = self.answer(Question(given))
        values = ", ".join(f"{name}={value}" for name, value in open_.items())
        return spec_text(table, {}, source), [*noted(table.graph), f"written for {values} alone: {why}"]

    def answer(self, question: Question) -> Table:
        """Count what a question asks for. Raises UsageError for what can't be asked, TypeError for what is none."""
        of_kinds(question)
        if question.convention is not None:
            return self._converted(question, question.convention)
        if not question.device:
            return table_of(self.source, self.variant, question)
        return table_of(self.source, self.variant, question, lambda x: self.timed(x, question.device, question.hot))

    def beside(self, device: str) -> str:
        """A profile by its path, where it lies beside the spec; else as it was given."""
        path = os.path.join(os.path.dirname(self.spec.path), device)
        return device if not device or reading.is_file(device) or not reading.is_file(path) else os.path.realpath(path)

    def on(self, device: str, question: Question) -> Question:
        """The same question with times on a measured device, in the precision it has figures for. Raises UsageError."""
        from archcalc.latency.profile import Roofline, load_profile

        profile = load_profile(device, os.path.dirname(self.spec.path))
        if isinstance(profile, Roofline):
            raise UsageError(
                f"{device} is a data sheet's roofline: a bound that no run is faster than doesn't show that a limit"
                " holds; it takes a calibrated device"
            )
        return question._replace(device=device, dtype=profile.dtypes[0], as_stored=False)

    def _converted(self, question: Question, tool: str) -> Table:
        """The answer in a tool's convention; of a model file node by node where the tool counts those, and else with
        what it couldn't be asked about.
        """
        from archcalc.conventions import counted, of_file

        asked = question._replace(convention=None)
        ran = self.answer(asked._replace(train=False))
        if self.source.is_file:
            return of_file(counted(ran, ran, tool), lambda: self.source.seen(asked) or [])
        return counted(ran, self.answer(asked) if question.train else ran, tool)

    def timed(self, table: Table, device: str, hot: bool = False) -> Table:
        """A table with predicted times; a profile is looked for beside the spec, too. Raises UsageError."""
        from archcalc.latency.estimate import predict
        from archcalc.latency.profile import load_profile

        return predict(table, load_profile(device, os.path.dirname(self.spec.path)), hot)


def load(name: str | os.PathLike[str]) -> Model:
    """A spec file, `file.yaml@variant`, a model file, or the name of a network that ships with archcalc.

    Raises UsageError if there is no such thing, SpecError if the spec has mistakes.
    """
    name = os.fspath(name)
    if not isinstance(name, str):
        raise TypeError(f"a network is named by a text or a path, not by {type(name).__name__}")
    if is_model_file(name):
        return _of_file(name)
    if is_config(name):
        return _configured(read_text(name), name)
    path, variant = parted(name)
    if reading.is_file(path) or is_yaml(path) or "/" in path or is_folder(path):
        return read(read_text(path), path, variant)
    found = find(path)
    if found is None:
        hint = suggest(path, zoo_names(), "`archcalc zoo` lists the networks that ship")
        raise UsageError(f"there is no file or network '{path}'{hint}")
    file, member = found
    return read(read_text(file), shown(file), variant or member, Disk(file, shown(file)))._replace(ships=True)


def from_torch(module: Torch, input: object, *, via: str = "") -> Model:
    """A PyTorch module, for one sample of its inputs: a shape (3, 224, 224) with names for sizes that stay open,
    several in a list, or by name in a dict. Texts as `--input` has them say a dtype: "16:int64".

    Nothing is run and no weights are needed, unless it goes `via` "onnx"; the module stays as it is. Raises UsageError
    where it can't be traced.
    """
    from archcalc.frameworks import of_module

    source = of_module(module, input, via)
    return Model(source.spec, file=source)


def from_name(name: str, inputs: Sequence[str] = (), via: str = "") -> Model:
    """A network in a Python module, `package.module:factory`, whose code runs, with inputs as `--input` has them.

    Raises UsageError.
    """
    from archcalc.frameworks import named

    source = named(name, tuple(inputs), via)
    return Model(source.spec, file=source)


def loaded(data: bytes, path: str, shelf: Shelf | None = None) -> Model:
    """What a file holds, a spec or a model, from its bytes; `path` is what messages call it, and what a spec uses
    stands on the `shelf`. Raises SpecError.
    """
    if is_config(path):
        return _configured(decoded(data, path), path)
    return _of_file(path, data) if is_model_file(path) else read(decoded(data, path), path, None, shelf)


def _configured(text: str, path: str) -> Model:
    from archcalc.configs import read_config

    return Model(read_config(text, path))


def _of_file(path: str, data: bytes | None = None) -> Model:
    from archcalc.importer import load_onnx

    return Model((source := load_onnx(path, data)).spec, file=source)


def read(
    text: str, path: str, variant: str | None = None, shelf: Shelf | None = None, again: Again | None = None
) -> Model:
    """The text of a spec as a model; `path` is what messages call it, what it uses stands on the `shelf`, by default
    files beside it. With `again`, what is as it was isn't read anew. Raises SpecError, UsageError for no such variant.
    """
    try:
        spec = read_spec(text, path, shelf, again)
    except SpecError as error:
        raise SpecError([*error.problems, *problems_beside(error, variant)]) from None
    spec.variant(variant)
    return Model(spec, variant)
