"""Finding a spec and counting it: what the command line and the public API share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from archcalc.algebra import Poly
from archcalc.build import build
from archcalc.cost import DTYPES, Table
from archcalc.errors import Problem, SpecError, Undecided, UsageError, suggest
from archcalc.graph import Graph
from archcalc.spec import Spec, bind, decoded, numeric, read_spec, read_text, unread
from archcalc.spec.text import MOST_BYTES

if TYPE_CHECKING:
    from archcalc.measure.latency import Latency
    from archcalc.measure.proof import Proof
    from archcalc.onnx import Exported

_FIRST_KEY = re.compile(rb"""^(?:\xef\xbb\xbf)?(?:\{\s*)?["']?archcalc["']?\s*:""", re.MULTILINE)
_VARIANT = re.compile(r"  ([A-Za-z0-9_][\w.+-]*):")


class Question(NamedTuple):
    """What to count: values for parameters, the ones left free, and the mode."""

    bindings: Mapping[str, Any] = MappingProxyType({})
    free: tuple[str, ...] = ()
    batch: int = 1
    train: bool = False
    dtype: str = "fp32"
    without: tuple[str, ...] = ()
    convention: str | None = None  # of another tool
    device: str = ""  # a profile to predict times with


@dataclass(repr=False)
class Model:
    """A spec, or one variant of it."""

    spec: Spec
    variant: str | None = None
    dropped: tuple[str, ...] = ()  # parameters that `free=["all"]` had to leave alone
    ships: bool = False  # with archcalc, and is no part of the user's repository

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def name(self) -> str:
        return f"{self.spec.path}@{self.variant}" if self.variant else self.spec.path

    @cached_property
    def graph(self) -> Graph:
        """The graph with every parameter at its default, train-only heads included."""
        return build(self.spec, bind(self.spec, self.variant), train=True)

    def count(
        self,
        *,
        free: str | Sequence[str] = (),
        batch: int = 1,
        train: bool = False,
        dtype: str = "fp32",
        without: str | Sequence[str] = (),
        convention: str | None = None,
        device: str = "",
        **bindings: Any,
    ) -> Table:
        """Count with these parameters; those in `free` stay symbols (`["all"]`: all that can), labels in `without` are
        left out. With a `convention` ("thop") as that tool counts.

        With a `device` (a profile's file, or the name of one that ships) the table has predicted times. Raises
        SpecError with every mistake in the spec, UsageError for parameters, labels and profiles that don't exist.
        """
        return self.answer(Question(bindings, listed(free), batch, train, dtype, listed(without), convention, device))

    def export(
        self,
        path: str | Path,
        *,
        free: str | Sequence[str] = (),
        batch: int = 1,
        train: bool = False,
        dtype: str = "fp32",
        without: str | Sequence[str] = (),
        weights: str = "random",
        seed: int = 0,
        external_data: bool = False,
        **bindings: Any,
    ) -> Exported:
        """Write the network as an ONNX model, with seeded weights or (`weights="none"`) with its structure alone.

        Parameters in `free`, and "batch", become axes of that name. Raises UsageError for what has no such model,
        OSError where it can't be written; either way the file is as it was.
        """
        from archcalc.onnx import export

        table = self.answer(Question(bindings, listed(free), batch, train, dtype, listed(without)))
        return export(table, path, weights=weights, seed=seed, external_data=external_data)

    def verify(
        self,
        *,
        batch: int = 1,
        train: bool = False,
        without: str | Sequence[str] = (),
        fields: Sequence[str] | None = None,
        seed: int = 0,
        **bindings: Any,
    ) -> Proof:
        """Run the network with onnxruntime and hold what is real against what is counted: shapes, learned tensors,
        receptive fields.

        `fields` names layers whose receptive field is shown by perturbing pixels (None: the deepest that fits into the
        input). Raises UsageError where nothing can be run.
        """
        from archcalc.measure.proof import verify

        return verify(
            self.answer(Question(bindings, (), batch, train, without=listed(without))), fields=fields, seed=seed
        )

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
        **bindings: Any,
    ) -> Latency:
        """Measure how long a run takes on "cpu" or "cuda": so many `runs`, or until the median stands still; by layer
        with `profile`.

        Raises UsageError where it can't be run there: CUDA that isn't there is never the CPU instead.
        """
        from archcalc.measure.device import Device
        from archcalc.measure.latency import measure

        table = self.answer(Question(bindings, (), batch, dtype=dtype, without=listed(without)))
        return measure([table], Device(device, threads), runs=runs, profile=profile)[0]

    def answer(self, question: Question) -> Table:
        """Count what a question asks for. Raises UsageError for what can't be asked."""
        if isinstance(question.batch, bool) or not isinstance(question.batch, int) or question.batch < 1:
            raise UsageError(f"batch must be a positive whole number, got {question.batch!r}")
        if question.dtype not in DTYPES:
            raise UsageError(f"unknown dtype '{question.dtype}'; there are {', '.join(DTYPES)}")
        if question.convention is not None:
            return self._converted(question, question.convention)
        if "all" not in question.free:
            return self._table(question)
        named = [name for name in question.free if name != "all"]
        rest = [
            name for name in numeric(self.spec, self.variant) if name not in question.bindings and name not in named
        ]
        return self._freest(question._replace(free=(*named, *rest)))

    def beside(self, device: str) -> str:
        """A profile by its path, where it lies beside the spec; else as it was given."""
        path = Path(self.spec.path).parent / device
        return device if not device or Path(device).is_file() or not path.is_file() else str(path.resolve())

    def on(self, device: str, question: Question) -> Question:
        """The same question with times on a device that was measured, in the precision that it has figures for. Raises
        UsageError.
        """
        from archcalc.latency.profile import Roofline, load_profile

        profile = load_profile(device, Path(self.spec.path).parent)
        if isinstance(profile, Roofline):
            raise UsageError(
                f"{device} is a data sheet's roofline: a bound that no run is faster than doesn't show that a limit"
                " holds; it takes a calibrated device"
            )
        return question._replace(device=device, dtype=profile.dtypes[0])

    def _table(self, question: Question) -> Table:
        binding = bind(self.spec, self.variant, question.bindings, question.free, question.batch)
        graph = build(self.spec, binding, question.train, question.without)
        without = tuple(dict.fromkeys([*binding.without, *question.without]))
        table = Table(self.spec, self.variant, binding, graph, question.train, question.dtype, without)
        if graph.loops:
            _settle(table)
        return self._timed(table, question.device) if question.device else table

    def _converted(self, question: Question, tool: str) -> Table:
        """The answer in a tool's convention."""
        from archcalc.conventions import counted

        asked = question._replace(convention=None)
        ran = self.answer(asked._replace(train=False))
        return counted(ran, self.answer(asked) if question.train else ran, tool)

    def _timed(self, table: Table, device: str) -> Table:
        """With predicted times; a profile is looked for beside the spec, too."""
        from archcalc.latency.estimate import predict
        from archcalc.latency.profile import load_profile

        return predict(table, load_profile(device, Path(self.spec.path).parent))

    def _freest(self, question: Question) -> Table:
        """With as many free parameters as have a closed form: one that decides the structure stays a number."""
        while True:
            try:
                return self._table(question)
            except (SpecError, Undecided) as error:
                problems = error.problems if isinstance(error, SpecError) else [error]
                blocking = {symbol for problem in problems for symbol in problem.symbols} & set(question.free)
                if not blocking:
                    raise
                self.dropped = (*self.dropped, *(name for name in question.free if name in blocking))
                question = question._replace(free=tuple(name for name in question.free if name not in blocking))


def listed(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names in a list, or in a text as the command line has them: `fc6,fc7`."""
    return tuple(name.strip() for name in names.split(",") if name.strip()) if isinstance(names, str) else tuple(names)


def load(name: str | os.PathLike[str]) -> Model:
    """A spec file, `file.yaml@variant`, a model file, or the name of a network that ships with archcalc.

    Raises UsageError if there is no such thing, SpecError if the spec has mistakes.
    """
    name = os.fspath(name)
    if is_model_file(name):
        from archcalc.importer import load_onnx

        return load_onnx(name)
    path, variant = parted(name)
    if Path(path).is_file() or is_yaml(path) or "/" in path or is_folder(path):
        return _model(path, variant)
    found = find(path)
    if found is None:
        raise UsageError(
            "there is no file or network"
            f" '{path}'{suggest(path, zoo_names(), '`archcalc zoo` lists the networks that ship')}"
        )
    file, member = found
    return _model(str(file), variant or member, _shown(file))


def parted(name: str) -> tuple[str, str | None]:
    """The file and the variant that a name means. Paths may hold an `@` (`@scope/net.yaml`): a file of the whole name
    comes first.
    """
    path, _, variant = name.rpartition("@")
    if (
        not path
        or not variant
        or Path(name).is_file()
        or (name.endswith((".yaml", ".yml")) and not Path(path).is_file())
    ):
        return name, None
    return path, variant


def _model(path: str, variant: str | None, shown: str | None = None) -> Model:
    return replace(read(read_text(path), shown or path, variant), ships=shown is not None)


def read(text: str, path: str, variant: str | None = None) -> Model:
    """The text of a spec as a model; `path` is what messages call it. Raises SpecError, UsageError for an unknown
    variant.
    """
    try:
        spec = read_spec(text, path)
    except SpecError as error:
        raise SpecError([*error.problems, *_found_building(error, variant)]) from None
    spec.variant(variant)
    return Model(spec, variant)


def loaded(data: bytes, path: str) -> Model:
    """What a file holds, a spec or a model, from its bytes; `path` is what messages call it. Raises SpecError."""
    if is_model_file(path):
        from archcalc.importer import load_onnx

        return load_onnx(path, data)
    return read(decoded(data, path), path)


def _found_building(error: SpecError, variant: str | None) -> list[Problem]:
    """The mistakes that building finds beside those that reading found."""
    known = {problem.mark for problem in error.problems}
    try:
        if isinstance(error.spec, Spec):
            build(error.spec, bind(error.spec, variant))
    except SpecError as more:
        return [problem for problem in more.problems if problem.mark not in known]
    except UsageError:
        pass
    return []


def _shown(file: Path) -> str:
    """A shipped spec is called by its place in the distribution, wherever that is installed: `specs/vgg.yaml`."""
    return f"specs/{file.relative_to(specs_folder()).as_posix()}"


# ---- folders of specs ------------------------------------------------------------------------------------------------


def is_folder(name: str) -> bool:
    """Whether an argument is a folder. One without a spec doesn't hide a network that ships: `archcalc count vit`
    beside a folder vit/.
    """
    return Path(name).is_dir() and ("/" in name or bool(in_folder(name).specs) or find(name) is None)


def is_model_file(name: str) -> bool:
    """Whether a file is an ONNX model, by its name."""
    return name.lower().endswith(".onnx")


def is_yaml(name: str) -> bool:
    """Whether a file is one of YAML, by its name."""
    return name.lower().endswith((".yaml", ".yml"))


class Folder(NamedTuple):
    """What a folder holds by the names of YAML files: specs, other YAML, and what is no file at all, such as a pipe."""

    specs: list[str]
    others: list[str]
    skipped: list[str]


def in_folder(folder: str) -> Folder:
    """The specs in a folder and in those below it; hidden folders and links to folders are left out.

    Raises UsageError for what can't be read.
    """
    found = Folder([], [], [])
    for parent, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in [Path(parent, name) for name in files if is_yaml(name)]:
            (
                found.skipped
                if path.exists() and not path.is_file()
                else found.specs
                if _is_spec(path)
                else found.others
            ).append(str(path))
    return Folder(*map(sorted, found))


def is_spec(data: bytes) -> bool:
    """Whether a YAML file says that it is a spec."""
    return bool(_FIRST_KEY.search(data))


def _is_spec(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_spec(file.read(MOST_BYTES))
    except OSError as error:
        raise unread(str(path), error) from None


def _unreadable(error: OSError) -> None:
    raise UsageError(f"{error.filename}: {error.strerror or error}")


# ---- the networks that ship ------------------------------------------------------------------------------------------


def specs_folder() -> Path:
    """Where the specs are: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "specs"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "specs"


def spec_files() -> list[Path]:
    return sorted(specs_folder().rglob("*.yaml"))


def zoo_names() -> list[str]:
    """The names that `load` knows besides files."""
    return sorted({name for file in spec_files() for name in (file.stem, *_variant_names(file))})


def find(name: str) -> tuple[Path, str | None] | None:
    """The file and variant of a network that ships: a file's own name first, then a variant of any."""
    files = spec_files()
    for file in files:
        if file.stem == name:
            return file, None
    for file in files:
        if name in _variant_names(file):
            return file, name
    return None


def _variant_names(file: Path) -> Iterator[str]:
    """Read off the text: parsing every spec to find one would be slow. Shipped specs indent their variants by two
    spaces.
    """
    _, found, rest = file.read_text(encoding="utf-8").partition("\nvariants:")
    for line in rest.splitlines()[1:] if found else ():
        if line and not line.startswith((" ", "#")):
            return
        match = _VARIANT.match(line)
        if match:
            yield match.group(1)


def _settle(table: Table) -> None:
    """Raise SpecError where a total has no closed form in the number of repeats: what is summed or compared over them
    is known only now.
    """
    try:
        _ = table.totals, table.fields, table.narrower
    except Undecided as error:
        loops = table.graph.loops.values()
        counts = sorted(
            {symbol for loop in loops if isinstance(loop.range.stop, Poly) for symbol in loop.range.stop.symbols}
            & set(table.free)
        )
        names = " and ".join(f"`{name}`" for name in counts)
        message = f"{error}; {names} {'is' if len(counts) == 1 else 'are'} free and counts repeats; bind it with --set"
        mark = table.graph.nodes[next(iter(loops)).entry].mark
        raise SpecError([Problem(message, mark, (), tuple(counts))]) from None
