"""The garbage collector rests while networks are read and counted, and nothing of ours waits for it."""

import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from archcalc import cost, question, receptive
from archcalc.collector import uncollected
from archcalc.cost import Table
from archcalc.errors import SpecError
from archcalc.model import read
from archcalc.spec import load

SPEC = """archcalc: 1
name: net
input: [3, 8, 8]
params: {width: 8}
blocks:
  inner(n): [conv n 3x3]
  outer: [inner width, relu]
layers:
  - outer
  - add: [identity, outer]
"""


@pytest.fixture(params=[True, False])
def collects(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the collector is on before."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("text", [SPEC, SPEC.replace("relu", "rellu")])
def test_it_rests_while_a_spec_is_read(text: str, collects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, inner = [], load._read
    monkeypatch.setattr(load, "_read", lambda *given: seen.append(gc.isenabled()) or inner(*given))
    with suppress(SpecError):
        read(text, "net.yaml").count()
    assert (seen, gc.isenabled()) == ([False], collects)


def test_it_rests_while_a_network_is_counted(collects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, bool] = {}

    def watched(name: str, inner: object) -> object:
        return lambda *given: seen.update({name: gc.isenabled()}) or inner(*given)  # type: ignore[operator]

    monkeypatch.setattr(question, "_table", watched("table", question._table))
    monkeypatch.setattr(cost, "totals", watched("totals", cost.totals))
    monkeypatch.setattr(receptive, "fields", watched("fields", receptive.fields))
    monkeypatch.setattr(Table, "_row", watched("rows", Table._row))
    monkeypatch.setattr("archcalc.render.json.layer", watched("json", lambda row: {}))
    table = read(SPEC, "net.yaml").count()
    assert table.fields
    assert table.totals
    assert table.rows
    assert table.to_rows()
    assert seen == dict.fromkeys(("table", "fields", "totals", "rows", "json"), False)
    assert gc.isenabled() == collects


def test_uses_stand_inside_each_other(collects: bool) -> None:
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() == collects


@pytest.mark.parametrize("asked", [{}, {"train": True}, {"free": ["all"]}], ids=str)
def test_nothing_of_a_spec_or_its_count_is_left_for_the_collector(asked: dict[str, object]) -> None:
    """A spec knows what its lines mean, which is found from the spec: as a circle both would stay in a program that
    reads many.
    """

    def counted() -> object:
        return read(SPEC, "net.yaml").count(**asked).to_json()["totals"]["params"]  # type: ignore[arg-type]

    first = counted()
    gc.collect()
    gc.disable()
    try:
        again, left = counted(), gc.collect()
    finally:
        gc.enable()
    assert (again, left) == (first, 0)
