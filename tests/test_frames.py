"""Results as tables of pandas, polars and Arrow: every number is that of a count, and none is wrapped or rounded."""

from __future__ import annotations

import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from archcalc.errors import ArchcalcError, UsageError
from archcalc.frames import Rows
from archcalc.model import load

numpy = pytest.importorskip("numpy")
LIBRARIES = {"pandas": "to_pandas", "polars": "to_polars", "pyarrow": "to_arrow"}


class Kinds(Rows):
    """A row of every kind of value."""

    @property
    def columns(self) -> list[str]:
        return ["whole", "width", "word", "mixed", "none", "list", "wide"]

    def to_rows(self) -> list[dict[str, Any]]:
        return [
            dict(zip(self.columns, row, strict=True))
            for row in ([1, 1, "relu", 3, None, [1, 2], 2**63], [2, 0.5, "<b>", "no", 7, [3], 2**100 + 1])
        ]


def rows_of(found: Any) -> list[dict[str, Any]]:
    """The rows of a library's table."""
    if hasattr(found, "to_pylist"):
        rows: list[dict[str, Any]] = found.to_pylist()
        return rows
    return found.to_dicts() if hasattr(found, "to_dicts") else found.to_dict("records")


@pytest.mark.parametrize("library", LIBRARIES)
def test_values_of_every_kind_stay_what_they_are(library: str) -> None:
    pytest.importorskip(library)
    first, second = rows_of(getattr(Kinds(), LIBRARIES[library])())
    assert [first["whole"], second["whole"]] == [1, 2]
    assert [first["width"], second["width"]] == [1.0, 0.5]
    assert [first["word"], second["word"]] == ["relu", "<b>"]
    assert [first["mixed"], second["mixed"]] == ["3", "no"]
    assert second["none"] == 7
    assert [list(first["list"]), list(second["list"])] == [[1, 2], [3]]
    assert [Decimal(first["wide"]), Decimal(second["wide"])] == [Decimal(2**63), Decimal(2**100 + 1)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_sweeps_solutions_and_advice_become_tables(library: str) -> None:
    pytest.importorskip(library)
    name = LIBRARIES[library]
    model = load("mobilenet_v2")
    swept = rows_of(getattr(model.sweep({"width": [0.5, 1]}, figures=["params"]), name)())
    assert swept == [{"width": 0.5, "params": 1968680}, {"width": 1.0, "params": 3504872}]
    solved = rows_of(getattr(load("resnet50").solve({"size": "32..512"}, maximize="size", most={"macs": "2G"}), name)())
    assert solved == [{"size": 152, "macs": 1991994368}]
    advised = rows_of(getattr(load("conv5x5-naive").advise(), name)())
    assert {row["id"]: row["macs_after"] for row in advised}["bottleneck:conv"] == 12_443_648


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_that_is_not_there_is_named_with_its_extra(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # an import of it fails
    with pytest.raises(UsageError, match=rf"needs the package {library}: pip install 'archcalc\[frames\]'"):
        getattr(Kinds(), LIBRARIES[library])()


def test_nothing_found_is_a_table_without_rows() -> None:
    found = load("resnet50").solve({"size": "32..64"}, maximize="size", most={"params": 1})
    assert (found.best, found.to_rows()) == (None, [])
    assert "<tbody></tbody>" in found._repr_html_()


def test_a_notebook_shows_the_first_rows_and_how_many_there_are() -> None:
    swept = load("mobilenet_v2").sweep({"size": "32..328:4"}, figures=["macs"])
    assert (len(swept), swept._repr_html_().count("<tr>")) == (75, 41)
    assert "<p>40 of 75 rows</p>" in swept._repr_html_()
    assert "<td>&lt;b&gt;</td>" in Kinds()._repr_html_()


def test_advice_is_a_tuple_of_what_is_known_by_name() -> None:
    advised = {one.id: one for one in load("alexnet").advise()}
    dropped = advised["drop:fc7"]
    assert dropped.before["params"] - dropped.after["params"] == 4096 * 4096 + 4096


@pytest.mark.parametrize("half", ["0.5", "1/2", 0.5, Decimal("0.5"), numpy.float32(0.5), Fraction(1, 2)])
def test_a_closed_form_takes_what_a_count_takes(half: Any) -> None:
    model = load("mobilenet_v2")
    form = model.count(free=["size", "width"]).totals["macs"]
    asked = {"size": numpy.int64(224), "width": half}
    assert form.evaluate(asked) == form.evaluate(**asked) == model.count(**asked).totals["macs"] == 97_131_840


@pytest.mark.parametrize(
    "size", ["7*32", " 224 ", "2**5*7", "ceil(223.5)", "max(224, 3)", "448//2", "450/2 - 1", "448*width", "1e3"]
)
def test_a_closed_form_takes_the_expressions_that_a_count_takes(size: str) -> None:
    model = load("mobilenet_v2")
    form = model.count(free=["size", "width"]).totals["macs"]
    counted = model.count(size=size, width="1/2")
    assert form.evaluate(size=size, width="1/2") == counted.totals["macs"]
    assert counted.binding.values["size"] in (224, 1000)


@pytest.mark.parametrize("wrong", ["width", "2*size", "7*", "3 < 4", "[1, 2]", "3x3", "2*(width", "__import__('os')"])
def test_a_closed_form_refuses_texts_that_are_no_number(wrong: str) -> None:
    form = load("mobilenet_v2").count(free=["size", "width"]).totals["macs"]
    with pytest.raises(ArchcalcError, match=r"`(width|size)` can't be"):
        form.evaluate(width=wrong, size="width")


@pytest.mark.parametrize("wrong", [True, None, "half", float("nan"), "1/0", [1]])
def test_a_closed_form_takes_numbers_alone(wrong: Any) -> None:
    form = load("mobilenet_v2").count(free=["width"]).totals["macs"]
    with pytest.raises(ArchcalcError, match="`width` can't be"):
        form.evaluate(width=wrong)
