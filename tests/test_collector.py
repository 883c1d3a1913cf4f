"""The garbage collector rests while a spec is read, and goes on afterwards."""

import gc
from contextlib import suppress

import pytest

from archcalc import model
from archcalc.errors import SpecError
from archcalc.model import read

SPEC = "archcalc: 1\nname: net\ninput: [3, 8, 8]\nlayers:\n  - conv 8 3x3\n"


@pytest.mark.parametrize("text", [SPEC, SPEC.replace("conv", "convv")])
@pytest.mark.parametrize("collects", [True, False])
def test_the_collector_rests_while_a_spec_is_read(text: str, collects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, inner, before = [], model.read_spec, gc.isenabled()
    monkeypatch.setattr(model, "read_spec", lambda *given: seen.append(gc.isenabled()) or inner(*given))
    try:
        (gc.enable if collects else gc.disable)()
        with suppress(SpecError):
            read(text, "net.yaml").count()
        assert seen == [False]
        assert gc.isenabled() == collects
    finally:
        (gc.enable if before else gc.disable)()
