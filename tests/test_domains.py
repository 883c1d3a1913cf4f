"""Where closed forms hold: wherever the domain says so a network counts, and to the same figures."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from archcalc.algebra import Poly, Symbol
from archcalc.algebra.poly import variables_in
from archcalc.cost import Table
from archcalc.errors import ArchcalcError
from archcalc.model import Model, load
from archcalc.spec import read_spec
from archcalc.spec.expressions import evaluate

from shipping import families  # isort: skip


def written(parameters: str, shape: str, *layers: str) -> Model:
    lines = "".join(f"\n  - {layer}" for layer in layers)
    return Model(read_spec(f"archcalc: 1\nname: n\ninput: {shape}\nparams: {parameters}\nlayers:{lines}\n", "n.yaml"))


@pytest.mark.parametrize(
    ("parameters", "shape", "layer", "domain"),
    [  # what is written down here is what the layer's page says of the option
        ("{w: 64}", "[8]", "linear w//14", ("w >= 14",)),
        ("{w: 64}", "[64, 16]", "attention 4 head_dim=w//14", ("w >= 14",)),
        ("{w: 64}", "[8, 16]", "moe 4: [linear w//3, linear 8]", ("w >= 3",)),
        ("{p: 3}", "[8, 16]", "conv 8 3 pad=p-2", ("p >= 2",)),
        ("{e: 4, t: 2}", "[8, 16]", "moe e top=t: [linear 8]", ("e >= t",)),
        ("{t: 2}", "[8, 16]", "moe 4 top=t: [linear 8]", ("4 >= t",)),
        ("{e: 4}", "[8, 16]", "moe e top=2: [linear 8]", ("e >= 2",)),
        ("{e: {default: 4, min: 2}}", "[8, 16]", "moe e top=2: [linear 8]", ("e >= 2",)),
        ("{r: 8}", "[64, 16]", "attention 4 rope=r", ("r % 2 == 0",)),
        ("{r: {default: 8, multiple_of: 2}}", "[64, 16]", "attention 4 rope=r", ("r % 2 == 0",)),
        ("{d: 16}", "[64, 16]", "attention 4 head_dim=d rope=8", ("d >= 8",)),
        ("{n: 16}", "[64, n]", "position rows=32", ("32 >= n",)),
        ("{r: 32, n: 16}", "[64, n]", "position rows=r start=2", ("r >= n + 2",)),
        ("{k: 3}", "[8, 16]", "conv_transpose 8 k stride=2 pad=same", ("k >= 2",)),
        ("{p: 0.1}", "[8]", "add survive=(1-p/2): [identity, linear 8]", ("p <= 2",)),
        ("{p: {default: 0.1, max: 1}}", "[8]", "add survive=(1-p/2): [identity, linear 8]", ("p <= 1",)),
        ("{p: 0.5}", "[8]", "add survive=(2*p-0.5): [identity, linear 8]", ("p >= 1/4", "p <= 3/4")),
        ("{p: 0.1, q: 0.2}", "[8]", "add survive=(1-p*q): [identity, linear 8]", ("-p*q + 1 >= 0",)),
        ("{p: 0.1}", "[8]", "{3 x: [add survive=(1-(i+1)*p/3): [identity, linear 8]]}", ("p <= 1",)),
    ],
)  # fmt: skip
def test_an_option_says_where_the_form_holds(parameters: str, shape: str, layer: str, domain: tuple[str, ...]) -> None:
    found = written(parameters, shape, layer).count(free="all").domain
    assert set(domain) <= set(found)
    assert len(found) <= len(domain) + 1


def test_more_experts_than_there_are_is_refused_wherever_it_is_so() -> None:
    with pytest.raises(ArchcalcError, match="top=e \\+ 1 of e experts"):
        written("{e: 4}", "[8, 16]", "moe e top=e+1: [linear 8]").count(free="e")


def test_what_is_0_as_it_is_designed_may_be_0() -> None:
    """Or else the form would be that of another design."""
    network = written("{e: 0, w: 8}", "[8, 16]", "{if: e == 0, then: linear w, else: linear 2*w}")
    assert network.count(free="all").free == ("w",)
    assert written("{s: 0}", "[8, 16]", "position rows=32 start=s").count(free="s").domain == ("32 >= s + 16",)


# ---- every network ---------------------------------------------------------------------------------------------------


def drawn(choose: random.Random, symbol: Symbol, value: Any) -> Any:
    """A value that a parameter might be given, the least and the largest among them."""
    if not symbol.integer:
        return choose.choice([value, Fraction(value) / 2, value * 2, Fraction(choose.randint(0, 40), 20)])
    step, low = symbol.multiple_of, int(symbol.low if symbol.low is not None else -3)
    wanted = choose.choice([value, value + step, value - step, 2 * value, low, choose.randint(low, 3 * abs(value) + 8)])
    return max(-(-low // step), wanted // step) * step


def is_inside(table: Table, symbols: Mapping[str, Symbol], point: Mapping[str, Any]) -> bool:
    """Whether a point lies in the domain, as a reader would tell it from what is printed."""
    values = {**table.binding.values, **point}
    for name, symbol in symbols.items():
        limits = table.spec.parameters[name].limits
        if (symbol.low is not None and point[name] < symbol.low) or (
            symbol.high is not None and point[name] > symbol.high
        ):
            return False
        if limits is not None and limits.in_ is not None and point[name] not in limits.in_:
            return False
    conditions = (*table.domain, *(word.text for word, _ in table.spec.require))
    return all(evaluate(condition, values) for condition in conditions)


@pytest.mark.parametrize("name", families(6))
def test_wherever_the_domain_says_so_a_network_counts_to_the_same_figures(name: str) -> None:
    network = load(name)
    closed, choose = network.count(free="all"), random.Random(name)
    start = network.count().binding.values
    symbols = {
        each: next(iter(variables_in(value))).symbol
        for each in closed.free
        if isinstance(value := closed.binding.values[each], Poly)
    }
    assert is_inside(closed, symbols, start)
    for _ in range(8):
        point = {
            each: start[each] if choose.random() < 0.4 else drawn(choose, symbol, start[each])
            for each, symbol in symbols.items()
        }
        if not is_inside(closed, symbols, point):
            continue
        counted, values = network.count(**point).totals, {**closed.binding.values, **point}
        for figure, form in closed.totals.items():
            if isinstance(form, Poly) and all(evaluate(more, values) for more in closed.narrower.get(figure, ())):
                assert form.evaluate(point) == counted[figure], (figure, point)
