"""What every test can count on."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from running import Command, run

if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # a process a command: each would compile all that it imports
    sys.dont_write_bytecode = False
    sys.pycache_prefix = os.environ.setdefault(
        "PYTHONPYCACHEPREFIX", str(Path(__file__).parent.parent / ".pytest_cache" / "bytecode")
    )


os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a worker a core: threads of each only wait for each other

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # what a script runs in the background ignores it, children too
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(getattr(signal, "SIGHUP", signal.SIGINT)) is signal.SIG_IGN:  # what nohup runs, likewise
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    import shipping

    shipping.are_slow_run = "not slow" not in config.option.markexpr


def pytest_collection_finish() -> None:
    """Thousands of tests live until the end: the collector needn't look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """A command turns the collector off, for it ends soon; the tests that call one in their own process go on."""
    yield
    gc.enable()


@pytest.fixture
def archcalc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command in this process: `archcalc("count", "vgg16").out`."""
    return partial(run, capsys, monkeypatch)
