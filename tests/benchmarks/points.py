"""Points a second of compiled closed forms: MACs of every network that ships, with all that can be free left free.

Values are such as a person would sweep, at random: within each parameter's own limits, or from its default on. Of the
networks that ship as variants of one spec one is taken. Printed are all of them, and first MobileNetV2 in size and
width (a thousand widths, and widths that all differ, of few digits and of many), EfficientNet in phi, and polynomials
beside SymPy's lambdify.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from time import process_time

import numpy
from measuring import machine

import archcalc
from archcalc.algebra import Poly, to_sympy
from archcalc.algebra.compiling import compile_numpy
from archcalc.algebra.poly import Symbol, variables_in
from archcalc.errors import ArchcalcError
from archcalc.files import zoo_names

POINTS, FEWER, GOAL = 1_000_000, 200_000, 1e6
DIFFERENT, WORDS = 500, 8  # values of a size or a width; of a parameter that is an exponent, or has no default
EXPONENTS = ("phi",)


def values(symbol: Symbol, default: object, points: int) -> numpy.ndarray:
    """Random values of a symbol."""
    pick = numpy.random.default_rng(1)
    usual = Fraction(str(default)) if isinstance(default, (int, Fraction)) else Fraction(1)
    low = symbol.low if symbol.low is not None else min(usual, Fraction(0))
    if not symbol.integer:
        high = symbol.high if symbol.high is not None else max(2 * usual, low + 1)
        parts = pick.integers(DIFFERENT // 10, DIFFERENT, points) / DIFFERENT
        return numpy.round(float(low) + parts * float(high - low), 6)
    step = symbol.multiple_of
    most = low + step * (WORDS if symbol.name in EXPONENTS else min(DIFFERENT, max(WORDS, 2 * int(usual) // step)))
    high = most if symbol.high is None else min(most, symbol.high)
    return step * pick.integers(int(low) // step, int(high) // step + 1, points)


def rate(evaluate: Callable[..., object], arrays: list[numpy.ndarray]) -> float:
    """Points a second of processor time, the best of three runs."""
    times = []
    for _ in range(3):
        start = process_time()
        evaluate(*arrays)
        times.append(process_time() - start)
    return len(arrays[0]) / min(times)


def speed(form: Poly, arrays: dict[str, numpy.ndarray]) -> float:
    """Points a second of a form, once it is right at some."""
    compiled = compile_numpy(form, list(arrays))
    found = compiled(*arrays.values())
    for at in (0, 12345, -1):
        assert found[at] == form.evaluate({name: Fraction(repr(array[at].item())) for name, array in arrays.items()})
    return rate(compiled, list(arrays.values()))


def of_network(name: str) -> float | None:
    """Points a second of a network; None where nothing of it can be free."""
    model = archcalc.load(name)
    form = model.count(free="all").totals["macs"]
    if not isinstance(form, Poly):
        return None
    symbols = sorted({one.symbol for one in variables_in(form)}, key=lambda symbol: symbol.name)
    usual = model.count().binding.values
    return speed(form, {one.name: values(one, usual.get(one.name), FEWER) for one in symbols})


def known_ones() -> None:
    pick = numpy.random.default_rng(2)
    size = pick.integers(32, 513, POINTS)
    widths = {
        "a thousand widths": numpy.round(0.25 + pick.integers(0, 1000, POINTS) * 0.00175, 6),
        "widths of six digits that all differ": numpy.round(pick.uniform(0.25, 2, POINTS), 6),
        "widths of all digits": pick.uniform(0.25, 2, POINTS),
    }
    form = archcalc.load("mobilenet_v2").count(free=["size", "width"]).totals["macs"]
    for said, width in widths.items():
        show(f"mobilenet_v2, {said}", speed(form, {"size": size, "width": width}))
    form = archcalc.load("efficientnet").count(free=["phi"]).totals["macs"]
    show("efficientnet in phi", speed(form, {"phi": pick.integers(0, WORDS, POINTS)}))


def beside_lambdify() -> None:
    """Polynomials, of which SymPy's lambdify makes numpy, too, unchecked: 64 bits may wrap there."""
    import sympy

    pick = numpy.random.default_rng(3)
    for name in ("vgg16", "resnet50", "resnet152"):
        form = archcalc.load(name).count(free=["size"]).totals["macs"]
        sizes = pick.integers(32, 100_000, POINTS)
        theirs = sympy.lambdify([sympy.Symbol("size", integer=True, positive=True)], to_sympy(form), "numpy")
        ours = compile_numpy(form, ["size"])
        assert (ours(sizes)[:50] == theirs(sizes)[:50]).all()
        show(f"{name} in size", rate(ours, [sizes]), f"   lambdify {rate(theirs, [sizes]):.2e}")


def show(said: str, found: float, more: str = "") -> None:
    print(f"{said:<48}  {found:.2e} points/s{more}", flush=True)


def main() -> None:
    print(machine(), flush=True)
    names = sys.argv[1:]
    if not names:
        known_ones()
        beside_lambdify()
    timed = []
    for name in names or {archcalc.load(name).spec.path: name for name in reversed(zoo_names())}.values():
        try:
            if (found := of_network(name)) is not None:
                timed.append(found)
                show(name, found, "" if found >= GOAL else "   below the goal")
        except ArchcalcError as error:
            print(f"{name}: {str(error).splitlines()[0]}", flush=True)
    print(f"{len(timed)} networks, {sum(found < GOAL for found in timed)} below {GOAL:.0e} points/s")


if __name__ == "__main__":
    main()
