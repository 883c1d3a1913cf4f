"""What a device can do at best, measured there: multiply-accumulates of a large matrix product, bytes of a plain read.
No network is faster than its multiply-accumulates at the first, nor than its weights and inputs at the second.
"""

from __future__ import annotations

from functools import lru_cache
from time import perf_counter
from typing import Any, Literal

import numpy

from archcalc.cost import Table
from archcalc.cost.row import DTYPES
from archcalc.measure.device import Device, Runner
from archcalc.onnx import matrix_product, plain_read
from archcalc.ops import size
from archcalc.ops.base import number
from archcalc.tuples import NamedTuple

SIDE = {"cpu": 1024, "cuda": 8192}  # of the matrices
TRIES = 24


class Roofline(NamedTuple):
    """The two ceilings, and the least time that they allow a network."""

    gmacs: float
    gigabytes: float
    bound_ms: float
    limit: Literal["compute", "memory"]  # which of them it is


def roofline(table: Table, device: Device, reached: float = 0.0) -> Roofline:
    """The bound of one network: the larger of its two times. Compulsory traffic is each weight, input and output once.

    `reached`: multiply-accumulates a millisecond that a network was seen to reach, if that is more than a matrix
    product's.
    """
    width = DTYPES[table.dtype]
    shapes = [table.graph.nodes[n].shape for n in (*table.graph.inputs.values(), *table.graph.outputs)]
    moved = int(table.total("weight_bytes")) + sum(number(size(shape)) for shape in shapes) * width * int(
        str(table.batch)
    )
    macs = max(product_rate(device, table.dtype), reached)
    rate = read_rate(device, table.dtype, _rounded(moved))
    compute, memory = float(table.total("macs")) / macs, moved / rate
    return Roofline(macs / 1e6, rate / 1e6, max(compute, memory), "compute" if compute >= memory else "memory")


def _rounded(count: int) -> int:
    """A power of two near a number of bytes, between one and 256 MiB: what fits into a cache is read from there."""
    return 1 << min(max(count.bit_length() - 1, 20), 28)


@lru_cache
def product_rate(device: Device, dtype: str) -> float:
    """Multiply-accumulates a millisecond of a square matrix product, at best."""
    side = SIDE[device.kind]
    ones = numpy.ones((side, side), _kind(dtype))
    return float(side**3 / _least(Runner(matrix_product(side, dtype), {"a": ones, "b": ones}, device)))


@lru_cache
def read_rate(device: Device, dtype: str, count: int) -> float:
    """Bytes a millisecond of reading so many, at best."""
    ones = numpy.ones(count // DTYPES[dtype], _kind(dtype))
    return float(count / _least(Runner(plain_read(len(ones), dtype), {"x": ones}, device)))


def _kind(dtype: str) -> Any:
    return {"fp32": numpy.float32, "fp16": numpy.float16}[dtype]


def _least(run: Runner) -> float:
    """Milliseconds of the fastest of a few runs."""
    best = float("inf")
    for _ in range(TRIES):
        start = perf_counter()
        run()
        best = min(best, (perf_counter() - start) * 1e3)
    return best
