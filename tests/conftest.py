"""What every test can count on."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """A command turns the collector off, for it ends soon; the tests that call one in their own process go on."""
    yield
    gc.enable()
