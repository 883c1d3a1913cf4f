"""Points a second of compiled closed forms: MACs of every network that ships, with all that can be free left free.

Values lie within each parameter's own limits, at random; the networks that ship as variants of one spec are taken one by
one. Printed are the ten slowest, and MobileNetV2 in size and width, at widths that all differ too.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from time import perf_counter

import numpy
from measuring import machine

import archcalc
from archcalc.algebra import Poly
from archcalc.algebra.compiling import compile_numpy
from archcalc.algebra.poly import variables_in
from archcalc.errors import ArchcalcError
from archcalc.files import zoo_names

POINTS, SLOWEST, GOAL = 1_000_000, 10, 1e6
DIFFERENT = 1000  # values of a parameter


def values(form: Poly, points: int = POINTS, different: int = DIFFERENT) -> list[numpy.ndarray]:
    """Random values for each of the symbols of a form, of numbers that they may be."""
    pick = numpy.random.default_rng(1)
    found = []
    for symbol in sorted({atom.symbol for atom in variables_in(form)}, key=lambda symbol: symbol.name):
        low, most, step = symbol.minimum or 0, symbol.maximum, symbol.multiple_of
        if not symbol.integer:
            top = float(most or 4)
            parts = pick.integers(1, different, points) / different
            found.append(numpy.round(float(low) + parts * (top - float(low)), 6))
            continue
        first = -(-int(low) // step)
        last = min(int(most) // step if most is not None else first + different, first + different)
        found.append(step * pick.integers(first, last + 1, points))
    return found


def speed(form: Poly, arrays: list[numpy.ndarray]) -> float:
    """Points a second, the better of two runs."""
    compiled = compile_numpy(form, sorted(form.symbols))
    times = []
    for _ in range(2):
        start = perf_counter()
        found = compiled(*arrays)
        times.append(perf_counter() - start)
    at = 12345
    point = {name: Fraction(repr(array[at].item())) for name, array in zip(sorted(form.symbols), arrays, strict=True)}
    assert found[at] == form.evaluate(point)
    return len(arrays[0]) / min(times)


def of_network(name: str) -> float | None:
    """Points a second of a network; None where nothing of it can be free."""
    form = archcalc.load(name).count(free="all").totals["macs"]
    return speed(form, values(form)) if isinstance(form, Poly) else None


def main() -> None:
    print(machine())
    form = archcalc.load("mobilenet_v2").count(free=["size", "width"]).totals["macs"]
    for said, different in (("a thousand widths", DIFFERENT), ("widths that all differ", POINTS)):
        print(f"mobilenet_v2 in size and width, {said}: {speed(form, values(form, different=different)):.2e} points/s")
    found = {}
    for name in sys.argv[1:] or zoo_names():
        try:
            found[name] = of_network(name)
        except ArchcalcError as error:
            print(f"{name}: {str(error).splitlines()[0]}")
    timed = sorted((speed, name) for name, speed in found.items() if speed is not None)
    print(f"{len(timed)} networks, {sum(speed < GOAL for speed, _ in timed)} below {GOAL:.0e} points/s; the slowest:")
    for rate, name in timed[:SLOWEST]:
        print(f"  {name:<32}  {rate:.2e}")


if __name__ == "__main__":
    main()
