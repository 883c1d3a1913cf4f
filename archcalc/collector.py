"""Python's garbage collector, which rests while networks are read, built and counted.

Of what is made there nearly everything lives on, and nothing of it waits for the collector: it would only walk the same
objects again and again, which is more than linear in their number.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector rests, and goes on afterwards if it did before. Threads and nested uses are safe: at worst it
    goes on while another one still counts.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


__all__ = ["uncollected"]
