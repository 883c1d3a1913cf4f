"""What must hold for every network: totals, scaling, closed forms, expansion, the DAG, sharing, freezing, training and
JSON.

The networks are random, and written in the language as a person writes it: each is the text of a spec. Sizes stay valid
by keeping track of the smallest map that the declared minimum of `size` leads to; every layer's size grows with the
input's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archcalc
from archcalc.algebra import Poly, integral, to_sympy
from archcalc.cost import Row, Table
from archcalc.expand import expand
from archcalc.files import spec_files
from archcalc.graph import Input
from archcalc.model import Model
from archcalc.ops import size as elements
from archcalc.receptive import Field
from archcalc.render import render
from archcalc.render.grouping import BY, SUMS, flat, tree
from archcalc.spec import bind, load_spec, read_spec


def quick(examples: int) -> settings:
    """The same examples on every run."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=slow)


# ---- random networks -------------------------------------------------------------------------------------------------

Item = Any  # a line, a list of items, or a mapping of a key to items: what YAML holds
SMALLEST = 12  # the least size that the random networks allow

BLOCKS = """\
  unit(c, s=1, groups=1):
    - add:
        - [conv c 3 stride=s norm=bn act=relu, conv c 3 groups=groups bias=false norm=bn]
        - shortcut: conv c 1 stride=s
    - relu
  inception(a, b):
    - concat:
        - conv a 1
        - [conv b 1 act=relu, wide: conv b 5 dilation=2]
        - [maxpool 3 stride=1, conv a 1 norm=ln]
  excite(r, channels=cin):
    - mul: [identity, [gap, linear r act=silu, linear channels act=sigmoid]]
  dense(growth, n):
    - n x:
        - concat: [identity, [bn, relu, conv growth 3]]
  nested(c, s):
    - first: unit c s
    - excite 2 when=(s > 1)
    - dense 2 (2 if s > 1 else 1)
"""


class Map(NamedTuple):
    """What a random network has arrived at: `units*width + more` channels, the sides at the smallest input, and how it
    got there.

    Two maps with the same `way` have the same sides at every input size.
    """

    units: int
    more: int
    sides: tuple[int, ...]
    way: tuple[str, ...] = ()

    @property
    def channels(self) -> str:
        """As an expression."""
        return (
            f"{self.units}*width+{self.more}"
            if self.units and self.more
            else f"{self.units}*width"
            if self.units
            else str(self.more)
        )

    @property
    def divisors(self) -> list[int]:
        """What divides the channels whatever `width` is."""
        whole = math.gcd(self.units, self.more)
        return [n for n in range(1, whole + 1) if whole % n == 0]


@dataclass
class Network:
    """The text of a random spec and what the tests need to know of it."""

    text: str = ""
    parameters: list[str] = field(default_factory=list)
    fixed_weights: bool = True  # whether no weight depends on the input's size


class Writer:
    """Writes a random network item by item."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.labels: dict[str, Map] = {}
        self.count = 0
        self.fixed_weights = True

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def fresh(self) -> str:
        self.count += 1
        return f"n{self.count}"

    # ---- lines -------------------------------------------------------------------------------------------------------

    def suffix(self) -> str:
        """Options of a layer with weights."""
        words = self.one(
            "",
            "",
            " bias=false",
            " norm=bn",
            " norm=bn act=relu bias=false",
            " act=silu",
            " norm=ln act=gelu",
            " act=sigmoid",
        )
        return str(words + self.one("", "", "", "", " frozen", " frozen=true"))

    def kernel(self, rank: int, *sides: int) -> tuple[str, tuple[int, ...]]:
        """One for all axes or one an axis."""
        if rank > 1 and self.one(False, False, True):
            each = tuple(self.one(*sides) for _ in range(rank))
            return "x".join(map(str, each)), each
        side = self.one(*sides)
        return str(side), (side,) * rank

    def keeping(self, at: Map) -> tuple[str, Map]:
        """A line that keeps the sides of a map."""
        rank = len(at.sides)
        kind = self.one("conv", "conv", "conv", "dwconv", "pool", "plain", "plain", "group")
        if kind == "plain":
            words = (
                "relu",
                "bn",
                "ln",
                "gelu",
                "softmax",
                "dropout 0.1",
                "lrn 3",
                "scale",
                "scale shift frozen",
                "prelu",
                "leaky_relu slope=0.1",
                "bn frozen",
            )
            return self.one(*words), at
        if kind == "group":
            return f"{self.one('gn', 'channel_shuffle')} {self.one(*at.divisors)}", at
        kernel, _ = self.kernel(rank, 1, 3, 5)
        same = self.one("", "", " pad=same", " dilation=2")
        if kind == "pool":
            return f"{self.one('maxpool', 'avgpool')} {kernel} stride=1{self.one('', ' pad=same', ' dilation=2')}", at
        if kind == "dwconv":
            times = self.one(1, 1, 2)
            return f"dwconv {kernel} multiplier={times}{same}{self.suffix()}", at._replace(
                units=at.units * times, more=at.more * times
            )
        out = at._replace(units=self.one(1, 2, 4), more=0)
        groups = self.one(*sorted({*at.divisors} & {*out.divisors}))
        return f"conv {out.channels} {kernel} groups={groups}{same}{self.suffix()}", out

    def changing(self, at: Map) -> tuple[str, Map]:
        """A line that changes the sides of a map."""
        kind = self.one(
            "conv",
            "conv",
            "maxpool",
            "avgpool",
            "dwconv",
            "pad",
            "slice",
            "upsample",
            "conv_transpose",
            "local",
            "pixel_shuffle",
        )
        rank, line, sides = len(at.sides), "", at.sides
        if kind == "local" and max(at.sides) > 16:
            kind = "conv"
        if kind == "pixel_shuffle" and 2**rank not in at.divisors:
            kind = "pad"
        if kind == "pad":
            line, sides = "pad 1", tuple(side + 2 for side in sides)
        elif kind == "slice":
            stop = self.one(*range(1, sides[0] + 1))
            line, sides = f"slice 0 {stop} axis=1", (stop, *sides[1:])
        elif kind == "upsample":
            line, sides = f"upsample 2 mode={self.one('nearest', 'bilinear')}", tuple(2 * side for side in sides)
        elif kind == "pixel_shuffle":
            at = at._replace(units=at.units // 2**rank, more=at.more // 2**rank)
            line, sides = "pixel_shuffle 2", tuple(2 * side for side in sides)
        elif kind == "conv_transpose":
            at = at._replace(units=self.one(1, 2), more=0)
            return self.moved(
                at,
                f"conv_transpose {at.channels} 4 stride=2 pad=1{self.suffix()}",
                "conv_transpose",
                tuple(2 * side for side in sides),
            )
        else:
            return self.windowed(at, kind)
        return self.moved(at, line, line, sides)

    def windowed(self, at: Map, kind: str) -> tuple[str, Map]:
        rank = len(at.sides)
        (text, kernel), stride = self.kernel(rank, 1, 2, 3, 4), self.one(1, 2, 2, 3)
        dilation, pad = self.one(1, 1, 1, 2), self.one("none", "none", "same", "valid", "full", "1", "pairs")
        pool = kind.endswith("pool")
        ceil = pool and pad != "same" and self.one(False, True)
        reach = [dilation * (side - 1) for side in kernel]
        around = {
            "none": [2 * (r // 2) for r in reach],
            "valid": [0] * rank,
            "full": [2 * r for r in reach],
            "1": [2] * rank,
            "pairs": [1] * rank,
        }.get(pad)
        sides: tuple[int, ...] = ()
        if around:
            free = [side + p - r - 1 for side, p, r in zip(at.sides, around, reach, strict=True)]
            before = {"1": [1] * rank, "pairs": [0] * rank}.get(pad, [p // 2 for p in around])
            last = [(side + b - 1) // stride for side, b in zip(at.sides, before, strict=True)]
            sides = (
                tuple(
                    min(-(-f // stride), edge) + 1 if ceil else f // stride + 1
                    for f, edge in zip(free, last, strict=True)
                )
                if min(free) >= 0
                else ()
            )
        if not sides or min(sides) < 1:
            pad, ceil, sides = "same", False, tuple(-(-side // stride) for side in at.sides)
        spelled = {"none": "", "pairs": f" pad=({'(0,1),' * rank})"}.get(pad, f" pad={pad}")
        geometry = f"{text} stride={stride} dilation={dilation}{spelled}{' ceil' if ceil else ''}"
        if pool:
            return self.moved(at, f"{kind} {geometry}", geometry, sides)
        if kind == "dwconv":
            return self.moved(at, f"dwconv {geometry}{self.suffix()}", geometry, sides)
        self.fixed_weights = self.fixed_weights and kind != "local"
        at = at._replace(units=self.one(1, 2, 3), more=0)
        return self.moved(at, f"{kind} {at.channels} {geometry}{self.suffix()}", geometry, sides)

    @staticmethod
    def moved(at: Map, line: str, geometry: str, sides: tuple[int, ...]) -> tuple[str, Map]:
        return line, at._replace(sides=sides, way=(*at.way, geometry))

    # ---- items -------------------------------------------------------------------------------------------------------

    def chain(self, at: Map, most: int, depth: int, named: bool) -> tuple[list[Item], Map]:
        """Items that keep the sides."""
        items = []
        for _ in range(self.random.randint(1, most)):
            item, at = self.item(at, depth, named)
            items.append(item)
        return items, at

    def item(self, at: Map, depth: int = 0, named: bool = True) -> tuple[Item, Map]:
        """Any item that keeps the sides; `named`: where labels may stand, which is not inside a repeat."""
        kinds: list[Callable[[Map, int, bool], tuple[Item, Map]]] = [self.layer, self.layer]
        if depth < 2:
            kinds += [self.residual, self.concat, self.gate, self.repeat, self.call]
            kinds += [self.labelled, self.shared, self.reference] if named else []
        return self.one(*kinds)(at, depth, named)  # type: ignore[no-any-return]

    def layer(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        return self.keeping(at)

    def residual(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        inner, _ = self.chain(at, 2, depth + 1, named)
        inner.append(f"conv {at.channels} 1{self.suffix()}")
        key = self.one("add", "add", "add act=relu", "add norm=bn act=relu", "maximum", "mean", "sub")
        if key.startswith("add") and self.one(False, True):
            key += f" survive={self.one('0.8', '3/4', '0.5')}"
        return {key: self.one(["identity", inner], [inner, "identity"], ["identity", inner, "relu"])}, at

    def concat(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        branches = [self.chain(at, 2, depth + 1, named) for _ in range(self.random.randint(1, 3))]
        ends = [end for _, end in branches]
        joined = [items[0] if len(items) == 1 else items for items, _ in branches]
        if len(joined) == 1 or self.one(False, True):
            joined, ends = ["identity", *joined], [at, *ends]
        return {self.one("concat", "concat", "concat act=relu"): joined}, at._replace(
            units=sum(e.units for e in ends), more=sum(e.more for e in ends)
        )

    def gate(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        return {
            "mul": [
                "identity",
                [self.one("gap", "gmp"), "linear 2*width act=relu", f"linear {at.channels} act=sigmoid"],
            ]
        }, at

    def repeat(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        times, label = self.one(0, 1, 2, 3), self.fresh()
        inner: Item = self.one(
            "conv cin 3 norm=bn act=relu", "dwconv 3", "relu", f"conv {at.channels} (3 if first else 1)"
        )
        if self.one(False, True):
            body, _ = self.chain(at, 2, depth + 1, False)
            item: Item = {f"{times} x": [*body, f"conv {at.channels} 1"]}
        elif self.one(False, True):
            item = {f"{times} x": [{f"add survive=(1-(i+1)/{2 * max(times, 1)})": ["identity", inner]}]}
        else:
            item = f"{times} x {inner}"
        return ({label: item} if named and self.one(False, True) else item), at

    def call(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        out, frozen = at._replace(units=self.one(2, 4), more=0), self.one("", "", " frozen")
        item, end = self.one(
            (f"unit {out.channels}{frozen}", out),
            (f"unit {out.channels} groups=2{frozen}", out),
            (f"inception {out.channels} 2{frozen}", out._replace(units=2 * out.units, more=2)),
            (f"excite 3{frozen}", at),
            (f"dense 2 3{frozen}", at._replace(more=at.more + 6)),
            (f"nested c=({out.channels}) s=1{frozen}", out._replace(more=2)),
        )
        if not named or not self.one(False, True):
            return item, end
        label = self.fresh()
        if end == out and "unit" in item and at == out and self.one(False, True):
            return [{label: item}, {self.fresh(): f"{item} share={label}"}], end
        return {label: item}, end

    def labelled(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        label = self.fresh()
        item, end = self.keeping(at)
        if self.one(True, True, False):
            self.labels[label] = end
            return {label: item}, end
        inner = self.fresh()
        self.labels[f"{label}/{inner}"] = end
        return {label: [{inner: item}, "relu"]}, end

    def shared(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        label, suffix = self.fresh(), self.suffix()
        line = self.one(f"conv {at.channels} 3{suffix}", f"dwconv 3{suffix}", "bn", "prelu")
        return [{label: line}, self.one(f"{line} share={label}", {self.fresh(): f"{line} share={label}"})], at

    def reference(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        """A skip to an earlier output of the same sides."""
        known = [(label, seen) for label, seen in self.labels.items() if seen.way == at.way]
        if not known:
            return self.layer(at, depth, named)
        label, seen = self.one(*known)
        if (seen.units, seen.more) == (at.units, at.more):
            return {self.one("add", "mul"): ["identity", f"ref {label}"]}, at
        return {"concat": ["identity", f"ref {label}"]}, at._replace(
            units=at.units + seen.units, more=at.more + seen.more
        )

    # ---- what follows the maps ---------------------------------------------------------------------------------------

    def tail(self, at: Map) -> list[Item]:
        kind = self.one("gap", "gap", "flatten", "sequence", "sequence", "maps", "keepdims")
        if kind == "maps":
            return [{"out": "relu"}]
        if kind == "keepdims":
            return ["gap keepdims", {"out": "conv classes 1"}]
        if kind == "flatten":
            self.fixed_weights = False
            return ["flatten", "dropout 0.5", {"out": "linear classes bias=false"}]
        return [*(self.sequence(at) if kind == "sequence" else []), "gap", {"out": "linear classes norm=bn act=relu"}]

    def sequence(self, at: Map) -> list[Item]:
        items: list[Item] = ["flatten start=1"]
        for _ in range(self.random.randint(1, 3)):
            heads, out = self.one(*at.divisors), at._replace(units=self.one(1, 2), more=0)
            line = self.one("attention", "cross", "linear", "lstm", "gru", "token", "position", "ln", "matmul", "conv")
            if line == "attention":
                items.append(
                    {"add survive=0.9": ["identity", ["ln", f"attention {heads} bias={self.one('true', 'false')}"]]}
                )
            elif line == "cross":
                items.append({f"attention {heads} frozen": ["identity", "maxpool 2 stride=2 pad=same"]})
            elif line == "matmul":
                items.append({"matmul": [{"matmul": ["identity", "permute 1 0"]}, "softmax"]})
            elif line in ("linear", "lstm", "gru"):
                items.append(f"{line} {out.channels}")
                at = out
            else:
                self.fixed_weights = self.fixed_weights and line != "position"
                items.append(f"conv {at.channels} 3" if line == "conv" else line)
        return items


def flow(item: Item) -> str:
    """An item as YAML on one line."""
    if isinstance(item, str):
        return json.dumps(item) if re.search(r"[,\[\]{}:#]", item) else item
    if isinstance(item, list):
        return f"[{', '.join(map(flow, item))}]"
    return f"{{{', '.join(f'{key}: {flow(value)}' for key, value in item.items())}}}"


def networks() -> st.SearchStrategy[Network]:
    """Random networks; the first number to shrink is how many items they have."""
    return st.builds(network_of, st.integers(1, 6), st.integers(0, 2**32 - 1))


def network_of(length: int, seed: int) -> Network:
    """A random network in one, two or three dimensions."""
    write = Writer(seed)
    rank = write.one(1, 2, 2, 2, 3)
    two = rank > 1 and write.one(False, True)
    shape = ["3", "other" if two else "size", *["size"] * (rank - 1)]
    source = write.one("input", "input", "input", "inputs")
    at = Map(0, 3, (SMALLEST,) * rank)
    items: list[Item] = []
    nothing: set[str] = set()  # labels of what may add no layer: an output by that name could be another's
    if source == "inputs":
        items.append({write.one("add", "concat", "mul"): [["ref image", "bn"], "ref more"]})
        at = at._replace(more=6) if "concat" in items[0] else at
    for _ in range(length):
        known = len(write.labels)
        item, at = write.item(at) if write.one(True, True, False) else write.changing(at)
        label = write.one(None, write.fresh()) if len(write.labels) == known else None
        items.append({label: item} if label else item)
        if label:
            write.labels[label] = at
            nothing |= {label} if "0 x" in flow(item) else set()
    heads = [label for label in write.labels if write.one(False, True)][:2]
    outputs = [label for label in write.labels if write.one(False, False, True) and label not in nothing]
    items += write.tail(at)
    network = Network(
        parameters=["size", "width", "classes", *(["other"] if two else [])], fixed_weights=write.fixed_weights
    )
    lines = ["archcalc: 1", "name: random"]
    dims = f"[{', '.join(shape)}]"
    lines += [f"input: {dims}"] if source == "input" else ["inputs:", f"  image: {dims}", f"  more: {dims}"]
    lines += ["params:", f"  size: {{default: {SMALLEST + 4}, min: {SMALLEST}}}", "  width: 2", "  classes: 10"]
    lines += [f"  other: {{default: {SMALLEST + 7}, min: {SMALLEST}}}"] if two else []
    lines += ["defaults: {maxpool: {stride: 2}}", "blocks:", *BLOCKS.splitlines(), "layers:"]
    lines += ["  - " + (flow(item)[1:-1] if isinstance(item, dict) else flow(item)) for item in items]
    lines += [f"outputs: [{', '.join([*outputs, 'out'])}]"] if outputs else []
    lines += ["train_heads:"] if heads else []
    lines += [f"  head{n}: {{from: {label}, layers: [conv 2 1, gap, linear classes]}}" for n, label in enumerate(heads)]
    network.text = "\n".join(lines) + "\n"
    return network


def model_of(text: str) -> Model:
    return Model(read_spec(text, "random.yaml"))


def bindings(network: Network, draw: st.DataObject) -> dict[str, Any]:
    """A point to count at."""
    ranges = {"size": (SMALLEST, 45), "other": (SMALLEST, 30), "width": (1, 5), "classes": (1, 20)}
    return {name: draw.draw(st.integers(*ranges[name]), label=name) for name in network.parameters}


# ---- what is compared ------------------------------------------------------------------------------------------------

COUNTED = (
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "flops",
    "elementwise",
    "activations",
    "weight_bytes",
    "bytes",
)
AS_THEY_ARE = ("name", "op", "block", "inputs", "depth", "layers")


def at(value: Any, point: dict[str, int]) -> Any:
    """A quantity, or something made of quantities, at a point."""
    if isinstance(value, Poly):
        return value.evaluate(point)
    if isinstance(value, tuple):
        return tuple(at(part, point) for part in value)
    if isinstance(value, dict):
        return {name: at(part, point) for name, part in value.items()}
    return value


def seen(found: Field, point: dict[str, int]) -> Any:
    """A receptive field, span by span, at a point."""
    spans = tuple(
        (span.jump, at(span.lows, point), at(span.highs, point), at(span.size, point)) for span in found.spans
    )
    return found.reach, spans, found.gated


def values(row: Row, point: dict[str, int] | None = None) -> dict[str, Any]:
    """Everything that a row says of its layer, at a point; where it stands in the file is left out."""
    there = point or {}
    found = {name: at(getattr(row, name), there) for name in (*COUNTED, "shape", "backward_macs")}
    return found | {"field": {name: seen(part, there) for name, part in row.field.items()}}


def summed(rows: list[Row], name: str) -> Any:
    return sum(getattr(row, name) for row in rows)


def agree(one: Table, two: Table) -> None:
    """Two tables of the same network."""
    assert one.totals == two.totals
    assert [row.name for row in one.rows] == [row.name for row in two.rows]
    for a, b in zip(one.rows, two.rows, strict=True):
        assert {name: getattr(a, name) for name in ("op", "text", "inputs", "depth")} == {
            name: getattr(b, name) for name in ("op", "text", "inputs", "depth")
        }
        assert values(a) == values(b)
    assert (one.last_map is None) == (two.last_map is None)
    if one.last_map and two.last_map:
        assert one.last_map[1:] == two.last_map[1:]


def reread(table: Table) -> Table:
    """The expanded network, read back and counted."""
    text = expand(table)
    return Model(read_spec(text, "expanded.yaml")).count(train=table.train)


# ---- totals ----------------------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans())
def test_totals_are_the_sums_of_the_rows_however_they_are_grouped(network: Network, train: bool) -> None:
    table = model_of(network.text).count(train=train, batch=3)
    for by in BY:
        for depth in (1, 2, 3, 9):
            rows = flat(table, by, depth)
            for name in (*COUNTED, "layers"):
                assert summed(rows, name) == table.totals[name], (by, depth, name)
            if train:
                assert summed(rows, "backward_macs") == table.totals["backward_macs"]
    for depth in (1, 2, 3):
        tops = [entry.row for entry in tree(table, depth) if entry.level == 0]
        for name in SUMS:
            assert summed(tops, name) == table.totals[name]


@quick(40)
@given(networks(), st.integers(2, 6), st.booleans())
def test_work_is_linear_in_the_batch_and_parameters_do_not_change(network: Network, batch: int, train: bool) -> None:
    model = model_of(network.text)
    one, many = model.count(train=train), model.count(train=train, batch=batch)
    linear = [
        "macs",
        "elementwise",
        "flops",
        "activations",
        "act_peak_bytes",
        "act_sum_bytes",
        *(["backward_macs"] if train else []),
    ]
    for name, value in one.totals.items():
        if name in linear:
            assert many.totals[name] == batch * value, name
        elif name != "bytes":
            assert many.totals[name] == value, name
    for a, b in zip(one.rows, many.rows, strict=True):
        assert (b.macs, b.elementwise, b.activations) == (batch * a.macs, batch * a.elementwise, batch * a.activations)
        assert (b.params, b.shape, b.weight_bytes) == (a.params, a.shape, a.weight_bytes)
    two = model.count(train=train, batch=2)
    assert many.totals["bytes"] - one.totals["bytes"] == (batch - 1) * (two.totals["bytes"] - one.totals["bytes"])


@quick(60)
@given(networks().filter(lambda network: network.fixed_weights), st.data())
def test_parameters_do_not_depend_on_the_size_of_the_input(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    sizes: dict[str, Any] = {name: point[name] for name in ("size", "other") if name in point}
    one, other = model.count(), model.count(**sizes)
    for name in ("params", "trainable_params", "buffers", "weight_bytes"):
        assert one.totals[name] == other.totals[name]
    free = model.count(free=list(sizes))
    assert free.totals["params"] == one.totals["params"], "a closed form without the size"


@quick(50)
@given(networks())
def test_training_costs_no_less(network: Network) -> None:
    model = model_of(re.sub(r" survive=(\([^ ]*\)|[\d./]+)", "", network.text))  # stochastic depth does save work
    inference, training = model.count().totals, model.count(train=True).totals
    for name in (*COUNTED, "act_peak_bytes", "act_sum_bytes", "layers", "depth"):
        assert training[name] >= inference[name], name
    scores = sum(
        row.macs for row in model.count(train=True).rows if row.op == "attention"
    )  # its two products have two gradients each
    assert training["backward_macs"] <= 2 * training["macs"] + scores
    assert training["optimizer_bytes"] == 8 * training["trainable_params"]


# ---- closed forms ----------------------------------------------------------------------------------------------------


@settings(quick(90))
@given(networks(), st.data())
def test_binding_before_counting_is_substituting_afterwards(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    point["batch"] = data.draw(st.integers(1, 4), label="batch")
    free = data.draw(st.lists(st.sampled_from(sorted(point)), min_size=1, unique=True), label="free")
    train = data.draw(st.booleans(), label="train")
    fixed = {name: value for name, value in point.items() if name not in free}
    closed, counted = model.count(free=free, train=train, **fixed), model.count(train=train, **point)
    for name, value in counted.totals.items():
        assert at(closed.totals[name], point) == value, name
    assert len(closed.rows) == len(counted.rows)
    for one, other in zip(closed.rows, counted.rows, strict=True):
        assert [getattr(one, name) for name in AS_THEY_ARE] == [getattr(other, name) for name in AS_THEY_ARE]
        assert values(one, point) == values(other), one.name


@settings(quick(15))
@given(networks(), st.data())
def test_sympy_and_python_read_a_closed_form_as_it_was_meant(network: Network, data: st.DataObject) -> None:
    model, point = model_of(network.text), bindings(network, data)
    closed, counted = model.count(free=list(point)).totals, model.count(**point).totals
    for name in ("params", "macs", "act_sum_bytes"):
        form = closed[name]
        assert eval(str(form), {}, dict(point)) == counted[name]
        if isinstance(form, Poly):
            assert integral(form)
            expression = to_sympy(form)
            assert expression.subs({symbol: point[symbol.name] for symbol in expression.free_symbols}) == counted[name]


# ---- expansion -------------------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans(), st.data())
def test_the_expanded_network_counts_the_same(network: Network, train: bool, data: st.DataObject) -> None:
    table = model_of(network.text).count(train=train, **bindings(network, data))
    again = reread(table)
    agree(table, again)
    assert expand(again) == expand(table)


HARD_TO_EXPAND = {
    "a name inside a group hides one outside": ["conv 4 3", {"n1": {"add": ["identity", "conv 4 5"]}}],
    "and so does the group's own": [
        {"add": ["identity", "conv 4 3"]},
        {"n1": [{"add": ["identity", {"add": ["identity", "conv 4 5"]}]}]},
    ],
    "a join without a label": [
        {"add": ["identity", "conv 4 3"]},
        {"concat": ["identity", "identity"]},
        {"mul": ["identity", ["gap", "linear 8 act=sigmoid"]]},
    ],
    "a layer that could be a join": ["flatten start=1", "attention 2"],
    "a join inside a branch that may be skipped": [
        {"add survive=1/2": ["identity", {"mul": ["conv 4 3", ["gap", "linear 4"]]}]}
    ],
    "a sum inside a branch that may be skipped": [{"add survive=1/2": ["identity", {"add": ["conv 4 1", "conv 4 3"]}]}],
    "chances that multiply": [{"add survive=1/2": ["identity", {"add survive=1/3": ["identity", "conv 4 3 norm=bn"]}]}],
}


@pytest.mark.parametrize("items", HARD_TO_EXPAND.values(), ids=HARD_TO_EXPAND)
def test_names_joins_and_chances_survive_expansion(items: list[Item]) -> None:
    layers = "".join(f"  - {flow(item)}\n" for item in items)
    table = model_of(f"archcalc: 1\nname: hard\ninput: [4, 8, 8]\nlayers:\n{layers}").count(train=True)
    agree(table, reread(table))


# ---- the graph -------------------------------------------------------------------------------------------------------


@quick(50)
@given(networks(), st.booleans())
def test_the_graph_is_acyclic_and_its_edges_are_the_inputs(network: Network, train: bool) -> None:
    graph = model_of(network.text).count(train=train).graph
    dag = graph.to_networkx()
    assert networkx.is_directed_acyclic_graph(dag)
    assert list(dag) == [node.name for node in graph.nodes], "every name once, in the order of the list"
    place = {name: n for n, name in enumerate(dag)}
    assert all(place[source] < place[target] for source, target in dag.edges)
    for node in graph.nodes:
        ports = {port: source for source, _, data in dag.in_edges(node.name, data=True) for port in data["ports"]}
        assert tuple(ports[n] for n in range(len(ports))) == tuple(graph.nodes[n].name for n in node.inputs)
        assert dag.nodes[node.name]["node"] is node
    sources = {name for name, degree in dag.in_degree() if degree == 0}
    assert sources == set(graph.inputs) == {node.name for node in graph.nodes if isinstance(node.op, Input)}


# ---- sharing and freezing --------------------------------------------------------------------------------------------


@quick(60)
@given(networks(), st.booleans())
def test_freezing_changes_what_is_trainable_and_nothing_else(network: Network, train: bool) -> None:
    frozen = model_of(network.text).count(train=train)
    thawed = model_of(re.sub(r" frozen(=true)?\b", "", network.text)).count(train=train)
    for name, value in thawed.totals.items():
        if name in ("trainable_params", "optimizer_bytes", "backward_macs"):
            assert frozen.totals[name] <= value
        else:
            assert frozen.totals[name] == value, name
    for one, other in zip(frozen.rows, thawed.rows, strict=True):
        assert other.trainable_params == other.params
        assert one.trainable_params in (0, one.params)
        assert (one.name, one.params, one.macs, one.shape) == (other.name, other.params, other.macs, other.shape)


@quick(60)
@given(networks().filter(lambda network: "share=" in network.text))
def test_shared_weights_count_once_and_work_every_time(network: Network) -> None:
    shared = model_of(network.text).count()
    apart = model_of(re.sub(r" share=\w+", "", network.text)).count()
    saved: dict[str, Any] = {"params": 0, "buffers": 0}
    nodes = shared.graph.nodes
    row_at = dict(zip(shared.graph.layers(), shared.rows, strict=True))
    for n, row in row_at.items():
        owner = nodes[n].share
        if owner is None:
            continue
        assert nodes[owner].share is None
        assert (row.params, row.trainable_params, row.buffers, row.weight_bytes) == (0, 0, 0, 0)
        saved["params"] += row_at[owner].params
        saved["buffers"] += row_at[owner].buffers
    assert saved["params"] > 0
    for name in ("macs", "elementwise", "activations", "act_peak_bytes", "act_sum_bytes", "depth", "layers", "bytes"):
        assert shared.totals[name] == apart.totals[name], name
    for name, value in saved.items():
        assert shared.totals[name] == apart.totals[name] - value


# ---- JSON ------------------------------------------------------------------------------------------------------------


@quick(40)
@given(networks(), st.booleans(), st.booleans())
def test_json_holds_the_exact_table(network: Network, train: bool, free: bool) -> None:
    table = model_of(network.text).count(train=train, free=["size", "width"] if free else [])
    found = json.loads(json.dumps(table.to_json()))
    assert found == json.loads(render([table], "json"))
    for name, value in table.totals.items():
        written = found["totals"][name]
        assert written == (
            str(value) if isinstance(value, Poly) else float(value) if isinstance(value, Fraction) else value
        ), name
        assert isinstance(written, (int, str, list)) or isinstance(value, Fraction)
    assert len(found["layers"]) == table.totals["layers"]
    for row, layer in zip(table.rows, found["layers"], strict=True):
        assert (layer["name"], layer["op"], layer["inputs"]) == (row.name, row.op, list(row.inputs))
        assert layer["shape"] == [str(dim) if isinstance(dim, Poly) else dim for dim in row.shape]
        assert layer["params"] == (str(row.params) if isinstance(row.params, Poly) else row.params)


# ---- the networks that ship ------------------------------------------------------------------------------------------


SHIPPED = sorted(file.stem for file in spec_files())


def family(name: str) -> list[Model]:
    """The network of a file, and every variant of it that is another network."""
    spec = load_spec(str(next(file for file in spec_files() if file.stem == name)))
    models: dict[str | None, Model] = {
        None: Model(spec),
        **{variant: Model(spec, variant) for variant in spec.variants},
    }
    values = {str(bind(spec, variant).network): model for variant, model in models.items()}
    return list(values.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_a_network_that_ships_expands_to_the_same(name: str) -> None:
    for model in family(name):
        table = model.count(train=True)
        if table.totals["layers"] > 2000:  # the deepest are the same units once more
            continue
        again = reread(table)
        agree(table, again)
        assert again.totals["layers"] == len(again.rows)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_totals_of_a_network_that_ships_are_the_same_at_every_depth(name: str) -> None:
    for model in family(name):
        table = model.count()
        for by, depth in [("layer", None), ("op", None), ("block", 1), ("block", 2), ("block", 9)]:
            rows = flat(table, by, depth)
            for column in (*COUNTED, "layers"):
                assert summed(rows, column) == table.totals[column], (model.name, by, depth, column)
        written = [elements(row.shape) for row in table.rows if row.op not in ("flatten", "reshape", "dropout")]
        assert table.totals["activations"] == sum(written)


@pytest.mark.parametrize("path", spec_files(), ids=lambda path: path.stem)
def test_answering_changes_nothing(path: Path) -> None:
    """A model is a value: the second answer to a question is the first, and other questions in between don't matter."""
    model = archcalc.load(path)
    once = model.count(free=["all"]), model.count()
    model.count(batch=2, train=True)
    again = model.count(free=["all"]), model.count()
    assert [table.dropped for table in again] == [table.dropped for table in once]
    assert [table.to_json() for table in again] == [table.to_json() for table in once]
