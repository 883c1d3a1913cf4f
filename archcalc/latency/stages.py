"""Stages of networks to time: one body several times over, at one size of the map.

Most of a network's layers are like one that ran before them, whose code and memory are at hand; those of chains that
are drawn layer by layer seldom are. A body is one entry in `BODIES`: the layers that leave so many channels as they
found.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from archcalc.latency.drawn import excited, halved
from archcalc.latency.families import Drawn, drawn, fitting

Body = Callable[[Random, int], list[str]]

SIDES = (7, 7, 8, 10, 14, 14, 16, 20, 28, 28, 32, 40, 56)
MAPS = 1.2e6  # elements of one map, at most
MACS = 2.5e8  # of one body, about
NORMED = "bias=false norm=bn"


def basic(random: Random, wide: int) -> list[str]:
    """Two convolutions of 3x3 beside the identity: ResNet-18."""
    return [f"add: [identity, [conv {wide} 3x3 {NORMED} act=relu, conv {wide} 3x3 {NORMED}]]", "relu"]


def bottleneck(random: Random, wide: int) -> list[str]:
    """A convolution of 3x3 between two that are pointwise: ResNet-50, ResNeXt, those that excite."""
    inside = wide // random.choice((2, 4))
    groups = random.choice(("", "", f" groups={max(1, inside // random.choice((8, 16)))}"))
    last = ", ".join([f"conv {wide} 1x1 {NORMED}", *random.choice(([], [], [excited(wide)]))])
    middle = f"conv {inside} 3x3{groups if inside % 16 == 0 else ''} {NORMED} act=relu"
    return [f"add: [identity, [conv {inside} 1x1 {NORMED} act=relu, {middle}, {last}]]", "relu"]


def inverted(random: Random, wide: int) -> list[str]:
    """A depthwise convolution of many channels between two that are pointwise: MobileNets, EfficientNets."""
    inside, act = wide * random.choice((2, 3, 4, 6)), random.choice(("relu6", "relu", "hardswish", "silu"))
    gate = [excited(inside)] if random.random() < 0.4 else []
    depthwise = f"dwconv {random.choice(('3x3', '3x3', '5x5'))} {NORMED} act={act}"
    layers = [f"conv {inside} 1x1 {NORMED} act={act}", depthwise, *gate, f"conv {wide} 1x1 {NORMED}"]
    return [f"add: [identity, [{', '.join(layers)}]]"]


def separable(random: Random, wide: int) -> list[str]:
    """A depthwise convolution and a pointwise one: MobileNet v1, Xception."""
    return [f"dwconv 3x3 {NORMED} act=relu", f"conv {wide} 1x1 {NORMED} act=relu"]


def plain(random: Random, wide: int) -> list[str]:
    """One convolution: VGG, detectors."""
    act = random.choice(("relu", "relu", "leaky_relu", "silu"))
    return [f"conv {wide} 3x3 {random.choice((NORMED, ''))} act={act}"]


def mixed(random: Random, wide: int) -> list[str]:
    """Branches side by side that are put together: Inceptions."""
    first, second, pooled = wide // 4, wide // 2, wide - wide // 4 - wide // 2
    reduced = max(8, second // 2)
    return [
        f"concat: [conv {first} 1x1 act=relu, [conv {reduced} 1x1 act=relu, conv {second} 3x3 act=relu],"
        f" [maxpool 3x3 stride=1, conv {pooled} 1x1 act=relu]]"
    ]


def squeezed(random: Random, wide: int) -> list[str]:
    """A few channels, of which two convolutions make many: SqueezeNets."""
    half = wide // 2
    return [f"conv {max(8, wide // 8)} 1x1 act=relu", f"concat: [conv {half} 1x1 act=relu, conv {half} 3x3 act=relu]"]


def shuffled(random: Random, wide: int) -> list[str]:
    """Half of the channels goes its way, then all are mixed: ShuffleNets."""
    return [halved(wide, f"dwconv 3x3 {NORMED}"), "channel_shuffle 2"]


def grown(random: Random, wide: int) -> list[str]:
    """Some channels more each time: DenseNets."""
    growth = random.choice((12, 16, 24, 32))
    layers = f"bn, relu, conv {4 * growth} 1x1 {NORMED} act=relu, conv {growth} 3x3 bias=false"
    return [f"concat: [identity, [{layers}]]"]


def modern(random: Random, wide: int) -> list[str]:
    """A large depthwise convolution, a norm of its own and two dense layers: ConvNeXts."""
    layers = f"dwconv 7x7, {random.choice(('ln', 'bn', 'gn 1'))}, conv {4 * wide} 1x1 act=gelu, conv {wide} 1x1"
    return [f"add: [identity, [{layers}, scale]]"]


BODIES: tuple[tuple[Body, int, int], ...] = (  # the step of channels, and the MACs of a position in channels squared
    (inverted, 8, 9), (basic, 16, 18), (shuffled, 4, 1), (bottleneck, 32, 3), (separable, 16, 1), (grown, 8, 1),
    (mixed, 16, 3), (plain, 16, 9), (inverted, 8, 9), (modern, 16, 8), (squeezed, 16, 1), (shuffled, 16, 1),
    (bottleneck, 64, 3), (plain, 8, 9),
)  # fmt: skip


def stage(random: Random, turn: int) -> Drawn:
    """A body, as often as networks have it."""
    (body, step, products), side = BODIES[turn % len(BODIES)], random.choice(SIDES)
    most = min(MAPS / side**2, (MACS / products) ** 0.5 / side)
    wide = fitting(random, 2 * step, 640, step, most)
    often = min(drawn(random, 3, 6), max(2, round(2 * MACS / (products * (wide * side) ** 2))))
    return [wide, side, side], body(random, wide) * often


__all__ = ["BODIES", "stage"]
