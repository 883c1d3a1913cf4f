"""What must hold, each a function of a source of chance; an AssertionError, or anything but a message of archcalc's own,
is a fault.

Numbers are held against numbers counted another way: a closed form at a point against the count at that point, the
expanded network against the network, a network against itself after it was written as a model file and read again.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from archcalc.algebra import Poly
from archcalc.docs.commands import Catalog
from archcalc.docs.refresh import refreshed
from archcalc.docs.regions import regions
from archcalc.errors import ArchcalcError
from archcalc.expand import expand
from archcalc.files import spec_files
from archcalc.model import load, loaded, read
from archcalc.render import FORMATS, render

from .mutants import PAGES, of_bytes, of_text
from .networks import SMALLEST, Network, network_of

NET = """\
archcalc: 1
name: Tiny
input: [3, size, size]
params: {size: 32, width: 16}
layers:
  - stem: conv width 3x3
  - gap
  - fc: linear 10
variants:
  wide: {width: 32}
"""
PAGE = """\
# A page

It has <!-- archcalc: value net.yaml params --><!-- archcalc: end --> parameters, see `<!-- archcalc: x -->`.

> <!-- archcalc: table net.yaml --depth 1 -->
> <!-- archcalc: end -->

- item

  <!-- archcalc: formula net.yaml macs --free size -->
  <!-- archcalc: end -->

```md
<!-- archcalc: value net.yaml params -->
```

% archcalc: models net.yaml --variants
% archcalc: end
"""
RST_PAGE = """\
A page
======

.. archcalc: table net.yaml --depth 1
.. archcalc: end

.. archcalc: value net.yaml params --define params
.. archcalc: end

.. code::

   .. archcalc: value net.yaml
"""
MOST_LETTERS = 200_000  # of a message
LEAST, MOST = {"size": SMALLEST, "other": SMALLEST}, {"size": 45, "other": 30, "width": 5, "classes": 20}


def network(random: Random) -> Network:
    return network_of(random.randint(1, 6), random.randrange(2**32))


def point(found: Network, random: Random) -> dict[str, Any]:
    return {name: random.randint(LEAST.get(name, 1), MOST[name]) for name in found.parameters}


@contextmanager
def refused_in_words() -> Iterator[None]:
    """What is refused says why: one line a mistake, few of them, in characters that can be printed."""
    try:
        yield
    except ArchcalcError as error:
        said = str(error)
        assert said.strip(), "an empty message"
        assert len(said) < MOST_LETTERS, f"{len(said)} letters"
        assert all(letter.isprintable() or letter == "\n" for letter in said), repr(said)
        assert len(said.splitlines()) <= 155, "more than 50 mistakes"


# ---- numbers ---------------------------------------------------------------------------------------------------------


def closed_forms(random: Random) -> None:
    """A closed form at a point is the count at that point."""
    found = network(random)
    model, where = read(found.text, "random.yaml"), point(found, random)
    free = sorted(name for name in where if random.random() < 0.6) or ["size"]
    train = random.random() < 0.3
    closed = model.count(free=free, train=train, **{name: value for name, value in where.items() if name not in free})
    counted = model.count(train=train, **where)
    for name, value in counted.totals.items():
        assert at(closed.totals[name], where) == value, (name, where, free)


def at(form: Any, where: dict[str, Any]) -> Any:
    """A figure, or several by name, at a point."""
    if isinstance(form, dict):
        return {name: at(part, where) for name, part in form.items()}
    return form.evaluate(where) if isinstance(form, Poly) else form


def expanded(random: Random) -> None:
    """The expanded network counts the same, and expands to itself."""
    found = network(random)
    table = read(found.text, "random.yaml").count(train=random.random() < 0.5, **point(found, random))
    text = expand(table)
    again = read(text, "expanded.yaml").count(train=table.train)
    assert again.totals == table.totals
    assert [row.name for row in again.rows] == [row.name for row in table.rows]
    assert expand(again) == text


def grouped(random: Random) -> None:
    """Every format takes every network, and totals don't depend on how it is grouped."""
    found = network(random)
    table = read(found.text, "random.yaml").count(train=random.random() < 0.3)
    depth = random.choice([None, 0, 1, 2])
    for form in FORMATS:
        assert render([table], form, depth=depth, by=random.choice(["layer", "block", "op"]) if depth else None)


def exported(random: Random) -> None:
    """A network that is written as a model file and read again has the parameters and MACs that it had."""
    found = network(random)
    table = read(found.text, "random.yaml").count(**point(found, random))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.onnx")
        with refused_in_words():
            from archcalc.onnx import export

            export(table, path, weights="none")
        again = load(path).count() if os.path.exists(path) else table
    if not again.graph.uncounted:
        for name in ("params", "macs"):
            assert again.totals[name] == table.totals[name], (name, again.totals[name], table.totals[name])


# ---- mutants ---------------------------------------------------------------------------------------------------------


@functools.cache
def specs() -> list[str]:
    """Those that ship."""
    return [file.read_text(encoding="utf-8") for file in spec_files()]


def spec(random: Random) -> None:
    """A changed spec counts, or is refused in words; its closed form is its count."""
    text = random.choice(specs()) if random.random() < 0.3 else network(random).text
    changed = of_text(text, random)
    with refused_in_words():
        model = read(changed, "changed.yaml")
        table = model.count(train=random.random() < 0.2)
        assert table.totals["params"] >= 0
        if len(table.rows) < 60:
            render([table], random.choice([*FORMATS]))


@functools.cache
def models() -> list[bytes]:
    """Exports of random networks."""
    from archcalc.onnx import export

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(40):
            path = os.path.join(folder, f"{seed}.onnx")
            try:
                made = network_of(1 + seed % 6, seed)
                export(read(made.text, "random.yaml").count(), path, weights="none")
            except ArchcalcError:
                continue
            found.append(Path(path).read_bytes())
    return found


def model_file(random: Random) -> None:
    """A changed model file is counted, or refused in words."""
    counted(of_bytes(random.choice(models()), random), random.choice([*FORMATS]))


def counted(data: bytes, form: str = "json") -> None:
    """A model file is counted, or refused in words."""
    with refused_in_words():
        table = loaded(data, "changed.onnx").count()
        if len(table.rows) < 60:
            render([table], form)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    Path(folder.name, "net.yaml").write_text(NET, encoding="utf-8")
    Path(folder.name, ".git").mkdir()
    return folder


def document(random: Random) -> None:
    """A changed document is filled, the same when it is filled again, or refused in words."""
    page, name = random.choice([(PAGE, "page.md"), (RST_PAGE, "page.rst")])
    text, path, catalog = of_text(page, random, PAGES), Path(_folder().name, name), Catalog()
    with refused_in_words():
        filled = refreshed(text, path, regions(text, path), catalog)
        if filled.edited:
            return
        again = refreshed(filled.text, path, regions(filled.text, path), catalog)
        assert (again.text, again.edited, again.stale) == (filled.text, (), ())


def written(text: str, name: str) -> None:
    """What a file of the corpus says is filled, counted, or refused in words: it was a fault once."""
    with refused_in_words():
        if name.endswith((".md", ".rst")):
            path = Path(_folder().name, f"page{Path(name).suffix}")
            refreshed(text, path, regions(text, path), Catalog())
        else:
            render([read(text, name).count()], "json")


ORACLES: dict[str, tuple[Callable[[Random], None], int]] = {  # and how often each has its turn
    "closed_forms": (closed_forms, 1),
    "expanded": (expanded, 1),
    "grouped": (grouped, 1),
    "exported": (exported, 1),
    "spec": (spec, 12),
    "model_file": (model_file, 12),
    "document": (document, 12),
}
