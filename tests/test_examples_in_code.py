"""Every example that stands in the code is run. Whether a file holds one is asked of its text: collecting the tests
needn't import, and look through, every module of the package.
"""

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "archcalc"
HOLDING = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("name", HOLDING)
def test_an_example_in_the_code_gives_what_it_says(name: str) -> None:
    module = importlib.import_module(name)
    lines = [line.lstrip() for line in HOLDING[name].read_text(encoding="utf-8").splitlines()]
    done = doctest.testmod(module)
    assert (done.failed, done.attempted) == (0, sum(line.startswith(">>> ") for line in lines))
