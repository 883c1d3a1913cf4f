"""What a type checker finds in a user's code: mistakes, and nothing else."""

from pathlib import Path
from typing import get_args

import pytest

ROOT = Path(__file__).parent.parent
USER = """
from fractions import Fraction

import archcalc
from archcalc.algebra import Dim, Number

model = archcalc.load("lenet")
table = model.count(batch=2, train=True, dtype="bf16", optimizer="sgd", size=320, act="relu", free=["classes"])
macs: Number = table.totals["macs"]
params: Dim = table.totals["params"]
state: Number = table.totals["optimizer_bytes"]
more = table.totals["macs"] * 2 + Fraction(1, 2)
why: list[str] = [missing["why"] for missing in table.totals["uncounted"]]
names: list[str] = [row["name"] for row in table.to_rows()]
form = table.to_json()["totals"]["macs"]
best = model.solve(maximize="size", most={"macs": "2G"})
lines = [advice.place.line + 1 for advice in model.advise()]
model.count(batch="two")  # wrong: arg-type
model.count(train="yes")  # wrong: arg-type
model.count(dtype="fp23")  # wrong: arg-type
model.count(optimizer="adamm")  # wrong: arg-type
model.count(attention="flash")  # wrong: arg-type
model.count(precision="half")  # wrong: arg-type
model.export("net.onnx", seed="1")  # wrong: arg-type
table.totals["mac"]  # wrong: typeddict-item
sentence: str = table.totals["macs"]  # wrong: assignment
table.to_rows()[0]["parms"]  # wrong: typeddict-item
table.to_json()["total"]  # wrong: typeddict-item
table.total_macs  # wrong: attr-defined
model.cuont()  # wrong: attr-defined
archcalc.laod("lenet")  # wrong: attr-defined
"""


def test_a_users_mistakes_are_found_and_nothing_else(tmp_path: Path) -> None:
    from mypy import api

    file = tmp_path / "user.py"
    file.write_text(USER, encoding="utf-8")
    # with the settings of the project, whose cache it shares
    words = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        said, wrong, _ = api.run([*words, "--hide-error-context", "--no-error-summary", "--no-pretty", str(file)])
    assert wrong == ""
    lines = [line for line in said.splitlines() if ": error: " in line]
    found = {
        int(line.partition("user.py:")[2].partition(":")[0]): line.rpartition("[")[2].rstrip("]") for line in lines
    }
    wanted = {n: line.partition("# wrong: ")[2] for n, line in enumerate(USER.splitlines(), 1) if "# wrong: " in line}
    assert found == wanted, said


def test_words_that_count_is_typed_with_are_those_that_it_takes() -> None:
    from archcalc.cost.row import DTYPES
    from archcalc.memory.training import OPTIMIZERS, PRECISIONS
    from archcalc.question import Dtype, Optimizer, Precision

    assert (get_args(Dtype), get_args(Optimizer), get_args(Precision)) == (
        *map(tuple, (DTYPES, OPTIMIZERS, PRECISIONS)),
    )


def test_totals_have_the_keys_that_they_are_typed_with() -> None:
    import archcalc
    from archcalc.cost.totals import Totals

    counted = archcalc.load("lenet").count(train=True, dtype="fp32")
    assert set(counted.totals) <= set(Totals.__annotations__)
    always = {name for name, hint in Totals.__annotations__.items() if "NotRequired" not in str(hint)}
    assert set(archcalc.load("lenet").count().totals) == always
