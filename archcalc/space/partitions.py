"""A sweep in partitions: each a range of the designs' numbers, worked out alone, and written as a Parquet file.

What is to be done is a document of JSON, so that another process or machine can do it; a file's name says which sweep
and which partition it is of, so that a sweep that was ended goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from itertools import islice
from math import ceil
from pathlib import Path

from archcalc import escapes
from archcalc.errors import ArchcalcError, UsageError
from archcalc.memory import Training
from archcalc.model import Model, load, read
from archcalc.question import Question
from archcalc.space.axes import Axis, Value
from archcalc.space.spanned import Space
from archcalc.space.sweep import sweep
from archcalc.spec import read_text
from archcalc.tuples import NamedTuple
from archcalc.untyped import Json

NUMERIC, STRUCTURAL = 1 << 20, 1 << 10  # designs of a partition, where closed forms run over them and where not
ASKED = ("train", "batch", "dtype", "attention", "fold_bn", "fit")  # fields of a Question, as JSON has them
SPACE = ("name", "variant", "text", "axes", "bindings", "training", "asked", "latencies")  # of a task: what it is about
Engine = Callable[[Sequence[str]], Iterator[tuple[int, bytes]]]  # of tasks: the number of each that is done, its file


class Wanted(NamedTuple):
    """What `sweep` is asked besides the space."""

    figures: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    pareto: str = ""
    sample: int | None = None
    seed: int = 0


class Partitions(NamedTuple):
    """A sweep cut in pieces: the names of their files and what is to be done for each."""

    files: tuple[Path, ...]
    tasks: tuple[str, ...]

    def left(self) -> list[int]:
        """The numbers of those whose file isn't there yet."""
        return [n for n, file in enumerate(self.files) if not file.is_file()]


def cut(space: Space, wanted: Wanted, folder: Path, each: int | None = None) -> Partitions:
    """A sweep in partitions of `each` designs. Raises UsageError for a network that only this process has."""
    from archcalc import __version__

    whole = {"version": __version__, **_written(space), "wanted": wanted._asdict()}
    size = space.size if wanted.sample is None else min(wanted.sample, space.size)
    each = each or (NUMERIC if all(axis.is_numeric for axis in space.axes) else STRUCTURAL)
    mark = sha256(escapes.json({**whole, "each": each}).encode()).hexdigest()[:12]
    count = ceil(size / each)
    wide = len(str(count - 1))
    tasks = [escapes.json({**whole, "part": [n * each, min(size, (n + 1) * each)]}) for n in range(count)]
    return Partitions(tuple(folder / f"{mark}-{n:0{wide}d}.parquet" for n in range(count)), tuple(tasks))


def run(parts: Partitions, engine: Engine, progress: Callable[[int], None] = lambda done: None) -> int:
    """Work out the partitions that aren't there; how many that were. What is done stays, however it ends."""
    from archcalc.writing import write

    left = parts.left()
    done = len(parts.files) - len(left)
    for n, data in engine([parts.tasks[n] for n in left]):
        write(parts.files[left[n]], data)
        done += 1
        progress(done)
    return len(left)


def worked(task: str) -> bytes:
    """The Parquet file of a partition. Raises UsageError for a task of another version, and what `sweep` raises."""
    from archcalc import __version__

    told: dict[str, Json] = json.loads(task)
    if told["version"] != __version__:
        raise UsageError(f"this worker is archcalc {__version__}, and the sweep one of {told['version']}")
    wanted = Wanted(*told["wanted"].values())
    part = range(*told["part"])
    space = _space(escapes.json({name: told[name] for name in SPACE}))
    found = sweep(space, wanted.figures, wanted.where, wanted.pareto, wanted.sample, wanted.seed, part=part)
    if found.interrupted:
        raise KeyboardInterrupt
    return as_parquet(found.to_arrow())


def as_parquet(table: object) -> bytes:
    """An Arrow table as a Parquet file, which is the same for the same rows."""
    from pyarrow import BufferOutputStream
    from pyarrow.parquet import write_table

    out = BufferOutputStream()
    write_table(table, out)
    return bytes(out.getvalue())


def local(tasks: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    """One partition after the other, in this process."""
    for n, task in enumerate(tasks):
        yield n, worked(task)


def dask(tasks: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    """On a Dask cluster: that of DASK_SCHEDULER_ADDRESS, else processes on this machine. Dask gives the partitions of a
    worker that dies to another one.
    """
    try:
        distributed = import_module("distributed")
    except ModuleNotFoundError as error:
        if error.name != "distributed":
            raise
        raise UsageError("this needs the package distributed: pip install 'archcalc[dask]'") from None
    with distributed.Client() as client:
        waiting, places = iter(enumerate(tasks)), dict[str, int]()

        def submitted(most: int) -> list[object]:
            some = list(islice(waiting, most))
            futures = [client.submit(worked, task, retries=2, pure=False) for _, task in some]
            places.update({future.key: n for future, (n, _) in zip(futures, some, strict=True)})
            return futures

        running = distributed.as_completed(submitted(2 * len(client.ncores()) + 2))
        for future in running:
            yield places.pop(future.key), future.result()
            running.update(submitted(1))


def engine_of(name: str) -> Engine:
    """The engine that `--engine` names. Raises UsageError."""
    from archcalc.space.workers import coordinator

    if name.startswith("tcp://"):
        return coordinator(name)
    if name not in ENGINES:
        raise UsageError(f"there is no engine '{name}'; there are {', '.join(ENGINES)} and tcp://HOST:PORT")
    return ENGINES[name]


ENGINES: dict[str, Engine] = {"local": local, "dask": dask}


# ---- a space as JSON -------------------------------------------------------------------------------------------------


def _written(space: Space) -> dict[str, Json]:
    model, question = space.model, space.question
    if model.file is not None:
        raise UsageError("partitions are of specs; `archcalc import` writes one of a model file")
    path = model.spec.path
    name = (model.variant or Path(path).stem) if model.ships else path
    return {
        "name": name,
        "variant": model.variant,
        "text": None if model.ships else read_text(path),
        "axes": {axis.name: [_plain(value) for value in axis.values] for axis in space.axes},
        "bindings": {name: _plain(value) for name, value in question.bindings.items()},
        "training": list(question.training),
        "latencies": space.latencies,
        "asked": {field: getattr(question, field) for field in ASKED},
    }


@lru_cache(4)
def _space(written: str) -> Space:
    """Read once for all partitions of it."""
    told = json.loads(written)
    text = told["text"]
    model: Model = load(told["name"]) if text is None else read(text, told["name"], told["variant"])
    bindings = {name: _value(value) for name, value in told["bindings"].items()}
    asked = {**told["asked"], "fit": tuple(told["asked"]["fit"])}
    question = Question(bindings, training=Training(*told["training"]), **asked)
    axes = (Axis(name, tuple(map(_value, values))) for name, values in told["axes"].items())
    return Space(model, tuple(axes), question, told["latencies"])


def _plain(value: Value) -> Json:
    """A value as JSON that is read back the same: fractions and lists as objects."""
    if isinstance(value, Fraction):
        return {"over": [value.numerator, value.denominator]}
    if isinstance(value, (list, tuple)):
        return {"list": [_plain(part) for part in value]}
    if not isinstance(value, (int, float, str, bool, type(None))):
        raise ArchcalcError(f"{value!r} can't be sent to a worker")
    return value


def _value(written: Json) -> Value:
    if not isinstance(written, dict):
        return written
    return Fraction(*written["over"]) if "over" in written else tuple(map(_value, written["list"]))


__all__ = ["ENGINES", "Engine", "Partitions", "Wanted", "as_parquet", "cut", "engine_of", "run", "worked"]
