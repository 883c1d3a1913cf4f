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
from archcalc.onnx import Model, convolution, matrix_product, plain_read
from archcalc.ops import size
from archcalc.ops.base import number
from archcalc.tuples import NamedTuple
from archcalc.untyped import Array

SIDES = {"cpu": (384, 768, 1152), "cuda": (8192,)}  # of square matrices
CHANNELS, MAP = 128, 48  # of a convolution, which is many products of matrices that lie as a CPU likes them best
TRIES = 24


class Roofline(NamedTuple):
    """The two ceilings, and the least time that they allow a network."""

    gmacs: float
    gigabytes: float
    bound_ms: float
    limit: Literal["compute", "memory"]  # which of them it is


def roofline(table: Table, device: Device) -> Roofline:
    """The bound of one network: the larger of its two times. Each weight, input and output is read or written once."""
    width = DTYPES[table.dtype]
    shapes = [table.graph.nodes[n].shape for n in (*table.graph.inputs.values(), *table.graph.outputs)]
    moved = _weights(table) + sum(number(size(shape)) for shape in shapes) * width * number(table.batch)
    macs, rate = product_rate(device, table.dtype), read_rate(device, table.dtype, _rounded(moved))
    compute, memory = float(table.total("macs")) / macs, moved / rate
    return Roofline(macs / 1e6, rate / 1e6, max(compute, memory), "compute" if compute >= memory else "memory")


def _weights(table: Table) -> int:
    """Bytes of weights that a run reads: of a table that is only looked up in, the rows that are."""
    left = 0
    for node in table.graph.nodes:
        if node.op.reads_indices and not node.ranges:
            (held,) = node.op.weights(*table.graph.shapes_into(node)).values()
            left += max(0, number(size(held)) - number(size(node.shape)) * number(table.batch))
    return max(0, int(table.total("weight_bytes")) - left * DTYPES[table.dtype])


def _rounded(count: int) -> int:
    """A power of two near a number of bytes, between one and 256 MiB: what fits into a cache is read from there."""
    return 1 << min(max(count.bit_length() - 1, 20), 28)


@lru_cache
def product_rate(device: Device, dtype: str) -> float:
    """Multiply-accumulates a millisecond of products of matrices, at best: square ones of several sizes, and on a CPU
    those of a convolution.
    """
    kind = _kind(dtype)
    found = []
    for side in SIDES[device.kind]:
        ones = numpy.ones((side, side), kind)
        found.append(_rate(matrix_product(side, dtype), {"a": ones, "b": ones}, side**3, device))
    if device.kind == "cpu":
        ones = numpy.ones((1, CHANNELS, MAP, MAP), kind)
        found.append(_rate(convolution(CHANNELS, MAP, dtype), {"x": ones}, (3 * CHANNELS * MAP) ** 2, device))
    return max(found)


def _rate(model: Model, feed: dict[str, Array], macs: int, device: Device) -> float:
    return macs / _least(Runner(model, feed, device))


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
