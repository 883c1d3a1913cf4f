"""A few cases of every oracle of the fuzzer, and what it found."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.__main__ import case
from fuzz.oracles import ORACLES, written

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").iterdir())


@pytest.mark.parametrize("name", ORACLES)
def test_a_few_cases(name: str) -> None:
    if name in ("exported", "model_file"):
        pytest.importorskip("onnx")
    wrong = [said for seed in range(20) if (said := case(name, seed))]
    assert wrong == []


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_stays_mended(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        written(file.read(), path.name)


def test_a_fault_is_told_with_the_command_that_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(random: object) -> None:
        raise AssertionError("the sum is wrong")

    monkeypatch.setitem(ORACLES, "spec", (broken, 1))
    said = case("spec", 1)
    assert said is not None
    assert "the sum is wrong" in said
