"""Errors as values: they travel between processes, and what is of the wrong kind is told so in a sentence."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archcalc
from archcalc.errors import (
    ArchcalcError,
    ExpressionError,
    Mark,
    Problem,
    ShapeError,
    SpecError,
    Undecided,
    UsageError,
    among,
)

MARK = Mark("net.yaml", 3, 5, 2, "  - xx 3")
ERRORS: list[ArchcalcError] = [
    SpecError([Problem("unknown layer 'xx'", MARK, (("unit", MARK),), ("size",)), Problem("another")]),
    SpecError([Problem(f"mistake {n}") for n in range(70)]),
    ExpressionError("can't be read", 3, 4),
    ShapeError("groups=2 does not divide 3 channels"),
    Undecided("is a even?", ["a"]),
    UsageError("there is no file 'x'"),
    UsageError("one", "two"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "through", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"]
)
def test_errors_pickle_and_copy(error: ArchcalcError, through: Callable[[Any], Any]) -> None:
    again = through(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    for name in ("problems", "start", "length", "symbols"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_an_error_of_a_spec_pickles_with_what_was_read_of_it(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("archcalc: 1\nname: n\ninput: [3, 8, 8]\nlayers: [conv 4 3 groups=2, maxpool 99]\n")
    with pytest.raises(SpecError) as caught:
        archcalc.load(path).count()
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


WRONG: dict[str, Callable[[Any, Path], Any]] = {
    "a number for a name": lambda model, path: archcalc.load(3),  # type: ignore[arg-type]
    "bytes for a name": lambda model, path: archcalc.load(b"lenet"),  # type: ignore[arg-type]
    "NUL in a name": lambda model, path: archcalc.load("a\0"),
    "an object for a parameter": lambda model, path: model.count(classes=object()),
    "a number of names": lambda model, path: model.count(free=3),
    "names that are numbers": lambda model, path: model.count(without=[3]),
    "no names": lambda model, path: model.count(free=None),
    "a batch of half": lambda model, path: model.count(batch=1.5),
    "a list of dtypes": lambda model, path: model.count(dtype=[]),
    "a number for a tool": lambda model, path: model.count(convention=3),
    "a number for a device": lambda model, path: model.count(device=3),
}
NEEDS_ONNX: dict[str, Callable[[Any, Path], Any]] = {
    "an array for a parameter": lambda model, path: model.count(classes=__import__("numpy").array([1, 2])),
    "a seed below 0": lambda model, path: model.export(path, seed=-1),
    "a seed that is a text": lambda model, path: model.export(path, seed="x"),
    "half a seed": lambda model, path: model.export(path, seed=1.5),
    "NUL in a path": lambda model, path: model.export(f"{path}\0"),
    "a number for a path": lambda model, path: model.export(3),
    "no rounds": lambda model, path: model.measure(runs=0),
}


@pytest.mark.parametrize("name", [*WRONG, *NEEDS_ONNX])
def test_what_is_of_the_wrong_kind_is_told_so(tmp_path: Path, name: str) -> None:
    if name in NEEDS_ONNX:
        pytest.importorskip("onnxruntime")
    with pytest.raises((TypeError, UsageError)) as caught:
        (WRONG | NEEDS_ONNX)[name](archcalc.load("lenet"), tmp_path / "m.onnx")
    assert len(str(caught.value).split()) > 3
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    assert archcalc.load("lenet").count(classes=numpy.int64(7)).totals == archcalc.load("lenet").count(classes=7).totals


def test_what_there_is_one_of_is_said_so() -> None:
    assert (among("x", ["one"]), among("x", ["one", "two"])) == ("; there is one", "; there are one, two")
