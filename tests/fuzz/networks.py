"""Random networks, written in the language as a person writes it: each is the text of a spec.

Sizes stay valid by keeping track of the smallest map that the declared minimum of `size` leads to; every layer's size
grows with the input's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

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
        same = self.one("", "", " pad=same", " dilation=2", *([" pad=causal"] if rank == 1 else []))
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
        if kind == "maxpool" and pad in ("1", "pairs") and min(dilation * (side - 1) for side in kernel) < 2:
            pad = "valid"  # a window in the padding alone has no maximum, and is refused
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
            kinds += [self.residual, self.concat, self.gate, self.repeat, self.call, self.choice, self.parallel]
            kinds += [self.labelled, self.shared, self.reference, self.resized] if named else []
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

    def choice(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        """One of two items; the condition holds, or doesn't, at every size."""
        (one, end), (two, other) = (self.chain(at, 2, depth + 1, False) for _ in range(2))
        holds = self.one(True, False)
        found: dict[str, Item] = {"if": f"size {'>' if holds else '<'} 5", "then": one}
        if not holds or self.one(True, False):
            found["else"] = two
        return found, end if holds else other

    def parallel(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        """Branches that differ by their number."""
        times, more = self.random.randint(1, 3), self.random.randint(1, 2)
        line = f"{times} parallel conv {more}*(i+1) 3{self.suffix()}"
        return {"concat": ["identity", line]}, at._replace(more=at.more + more * times * (times + 1) // 2)

    def resized(self, at: Map, depth: int, named: bool) -> tuple[Item, Map]:
        """Down, and back to the sides of an earlier layer."""
        label, mode = self.fresh(), self.one("", " mode=bilinear")
        down = self.one("maxpool 2 pad=same", f"conv {at.channels} 3 stride=2")
        first = {label: f"conv {at.channels} 1"}
        return [first, {self.one("add", "mul"): ["identity", [down, f"resize like={label}{mode}"]]}], at

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
            words = "attention attention cross linear lstm gru token position ln matmul conv moe parallel"
            line = self.one(*words.split())
            if line == "attention":
                items.append({"add survive=0.9": ["identity", ["ln", self.attention(heads)]]})
            elif line == "moe":
                top, more = self.one(1, 2), self.one("", " shared=1")
                items.append({f"moe 3 top={top}{more}": ["linear 5", "relu", f"linear {at.channels}"]})
            elif line == "parallel":
                items.append({"add": ["identity", f"2 parallel linear {at.channels} bias=false"]})
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

    def attention(self, heads: int) -> str:
        """One of its many forms."""
        of_width = self.one("", "", " head_dim=4", " head_dim=4 v_dim=6", " head_dim=4 kv_heads=1", " head_dim=4 rope")
        of_width += self.one("", " qk_norm", " rope=2") if of_width == " head_dim=4" else ""
        seen = self.one(
            "", "", " causal", " causal=half", " causal window=4", " causal cache=3", " causal cache=3 window=5"
        )
        return f"attention {heads}{of_width}{seen} bias={self.one('true', 'false', 'qkv')}"


def flow(item: Item) -> str:
    """An item as YAML on one line."""
    if isinstance(item, str):
        return json.dumps(item) if re.search(r"[,\[\]{}:#]", item) else item
    if isinstance(item, list):
        return f"[{', '.join(map(flow, item))}]"
    return f"{{{', '.join(f'{key}: {flow(value)}' for key, value in item.items())}}}"


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
    lines += [
        "  - " + (flow(item)[1:-1] if isinstance(item, dict) and len(item) == 1 else flow(item)) for item in items
    ]
    lines += [f"outputs: [{', '.join([*outputs, 'out'])}]"] if outputs else []
    lines += ["train_heads:"] if heads else []
    lines += [f"  head{n}: {{from: {label}, layers: [conv 2 1, gap, linear classes]}}" for n, label in enumerate(heads)]
    network.text = "\n".join(lines) + "\n"
    return network
