"""Finding a spec and counting it: what the command line and the public API share."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from archcalc.build import build
from archcalc.cost import DTYPES, Table
from archcalc.errors import SpecError, UsageError
from archcalc.graph import Graph
from archcalc.spec import Spec, bind, load_spec, numeric

_VARIANT = re.compile(r"  ([A-Za-z0-9_][\w.+-]*):")


@dataclass
class Model:
    """A spec, or one variant of it."""

    spec: Spec
    variant: str | None = None
    dropped: tuple[str, ...] = ()  # parameters that `free=["all"]` had to leave alone

    @property
    def name(self) -> str:
        return f"{self.spec.path}@{self.variant}" if self.variant else self.spec.path

    @cached_property
    def graph(self) -> Graph:
        """The graph with every parameter at its default, train-only heads included."""
        return build(self.spec, bind(self.spec, self.variant), train=True)

    def count(self, *, free: Sequence[str] = (), batch: int = 1, train: bool = False, dtype: str = "fp32", **bindings: Any) -> Table:
        """Count with these parameters; those in `free` stay symbols (`["all"]`: all that can).

        Raises SpecError with every mistake in the spec, UsageError for parameters that don't exist.
        """
        return self.count_with(bindings, free, batch, train, dtype)

    def count_with(self, bindings: Mapping[str, Any], free: Sequence[str] = (), batch: int = 1, train: bool = False, dtype: str = "fp32") -> Table:
        """`count` with the parameters in a mapping, where their names may be anything."""
        if dtype not in DTYPES:
            raise UsageError(f"unknown dtype '{dtype}'; there are {', '.join(DTYPES)}")
        names = list(free)
        if "all" in names:
            names = [*(n for n in names if n != "all"), *(n for n in numeric(self.spec, self.variant) if n not in bindings and n not in names)]
            return self._freest(names, batch, train, dtype, bindings)
        return self._table(names, batch, train, dtype, bindings)

    def _table(self, free: Sequence[str], batch: int, train: bool, dtype: str, bindings: Mapping[str, Any]) -> Table:
        binding = bind(self.spec, self.variant, bindings, free, batch)
        return Table(self.spec, self.variant, binding, build(self.spec, binding, train), train, dtype)

    def _freest(self, free: list[str], batch: int, train: bool, dtype: str, bindings: Mapping[str, Any]) -> Table:
        """With as many free parameters as have a closed form: one that decides the structure stays a number."""
        while True:
            try:
                table = self._table(free, batch, train, dtype, bindings)
            except SpecError as error:
                blocking = {symbol for problem in error.problems for symbol in problem.symbols}
                if not blocking:
                    raise
                self.dropped = (*self.dropped, *(name for name in free if name in blocking))
                free = [name for name in free if name not in blocking]
            else:
                return table


def load(name: str) -> Model:
    """A spec file, `file.yaml@variant`, or the name of a network that ships with archcalc.

    Raises UsageError if there is no such thing, SpecError if the spec has mistakes.
    """
    path, _, variant = name.partition("@")
    if Path(path).is_file() or path.endswith((".yaml", ".yml")) or "/" in path or Path(path).is_dir():
        return _model(path, variant or None)
    found = find(path)
    if found is None:
        near = difflib.get_close_matches(path, zoo_names(), 1)
        hint = f"; did you mean '{near[0]}'?" if near else "; `archcalc zoo` lists the networks that ship"
        raise UsageError(f"there is no file or network '{path}'{hint}")
    file, member = found
    return _model(_shown(file), variant or member)


def _model(path: str, variant: str | None) -> Model:
    model = Model(load_spec(path), variant)
    model.spec.variant(variant)
    return model


def _shown(file: Path) -> str:
    """A path as it is shown: relative to the working directory where it lies inside."""
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)


# ---- the networks that ship ---------------------------------------------------------------------------------------------


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
    """Read off the text: parsing every spec to find one would be slow. Shipped specs indent their variants by two spaces."""
    _, found, rest = file.read_text(encoding="utf-8").partition("\nvariants:")
    for line in rest.splitlines()[1:] if found else ():
        if line and not line.startswith((" ", "#")):
            return
        match = _VARIANT.match(line)
        if match:
            yield match.group(1)
