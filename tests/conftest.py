"""What every test can count on."""

import gc
from collections.abc import Iterator
from functools import partial

import pytest
from running import Command, run


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """A command turns the collector off, for it ends soon; the tests that call one in their own process go on."""
    yield
    gc.enable()


@pytest.fixture
def archcalc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process: `archcalc("count", "vgg16").out`."""
    return partial(run, capsys, monkeypatch)
