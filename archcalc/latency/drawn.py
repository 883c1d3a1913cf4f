"""Layers drawn at random: what the chains that a machine is timed on are made of."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

ACTIVATIONS = (
    "none",
    "relu",
    "relu",
    "relu",
    "relu6",
    "leaky_relu",
    "sigmoid",
    "tanh",
    "hardsigmoid",
    "hardswish",
    "silu",
    "gelu",
)
CHANNELS = (16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024)
LARGEST = 350e6  # multiply-accumulates of one layer
WIDEST = 3.5e6  # elements of a map

Layer = Callable[[Random, "Map"], str]


class Map:
    """What the chain has come to: channels and the side of a square map."""

    def __init__(self, channels: int, side: int) -> None:
        self.channels, self.side = channels, side

    def affordable(self, random: Random, taps: int, side: int | None = None, groups: int = 1) -> int:
        """Output channels such that a layer isn't too large."""
        area = (side or self.side) ** 2
        fitting = [
            c
            for c in CHANNELS
            if c * self.channels // groups * taps * area <= LARGEST and c * area <= WIDEST and c % groups == 0
        ]
        return random.choice(fitting or [CHANNELS[0] * groups])


def tail(random: Random) -> str:
    """A normalisation, or none, and an activation."""
    act = random.choice(ACTIVATIONS)
    return f"{' bias=false norm=bn' if random.random() < 0.8 else ''}{f' act={act}' if act != 'none' else ''}"


def conv(random: Random, here: Map) -> str:
    """A convolution of 3 to 7 squared, of stride 2 at times."""
    kernel = random.choice((3, 3, 3, 3, 5, 7))
    stride = 2 if here.side >= 14 and random.random() < 0.2 else 1
    here.side = -(-here.side // stride)
    here.channels = here.affordable(random, kernel**2)
    return f"conv {here.channels} {kernel}x{kernel}{' stride=2' if stride == 2 else ''}{tail(random)}"


def wide(random: Random, here: Map) -> str:
    """A kernel of one row or column, as in the later Inceptions."""
    here.channels = here.affordable(random, 7)
    return f"conv {here.channels} {random.choice(('1x7', '7x1', '1x3', '3x1'))}{tail(random)}"


def pointwise(random: Random, here: Map) -> str:
    """A convolution of 1x1."""
    here.channels = here.affordable(random, 1)
    return f"conv {here.channels} 1x1{tail(random)}"


def depthwise(random: Random, here: Map) -> str:
    """A convolution of each channel on its own."""
    kernel = random.choice((3, 3, 3, 5, 7))
    stride = 2 if here.side >= 14 and random.random() < 0.25 else 1
    here.side = -(-here.side // stride)
    return f"dwconv {kernel}x{kernel}{' stride=2' if stride == 2 else ''}{tail(random)}"


def residual(random: Random, here: Map) -> str:
    """Two convolutions beside the identity."""
    inside = min(here.affordable(random, 9), 256)
    return (
        f"add: [identity, [conv {inside} 1x1 bias=false norm=bn act=relu, conv {here.channels}"
        f" {random.choice(('3x3', '1x1'))} bias=false norm=bn]]"
    )


def pool(random: Random, here: Map, stride: int) -> str:
    """A pooling of 3x3 with that stride."""
    here.side = -(-here.side // stride)
    return f"{random.choice(('maxpool', 'maxpool', 'avgpool'))} 3x3 stride={stride} pad=1"


def pool_some(random: Random, here: Map) -> str:
    """A pooling that halves a large map at times."""
    return pool(random, here, 2 if here.side >= 14 and random.random() < 0.5 else 1)


def gate(random: Random, here: Map) -> str:
    """A squeeze and excitation."""
    return excited(here.channels, random.choice(("sigmoid", "hardsigmoid")))


def excited(channels: int, last: str = "sigmoid") -> str:
    """Channels times what two dense layers make of their means, a quarter of them in between."""
    return f"mul: [identity, [gap, linear {max(8, channels // 4)} act=relu, linear {channels} act={last}]]"


def halved(channels: int, depthwise: str) -> str:
    """Three convolutions of the second half of the channels, beside the first half: a unit of a ShuffleNet."""
    half = channels // 2
    convolved = f"conv {half} 1x1 bias=false norm=bn act=relu"
    return f"concat: [slice 0 {half}, [slice {half} {channels}, {convolved}, {depthwise}, {convolved}]]"


def grouped(random: Random, here: Map) -> str:
    """Groups that fill blocks, and groups that don't."""
    width = random.choice((4, 8, 16, 32))
    groups = max(1, here.channels // width)
    groups = groups if here.channels % groups == 0 else 2
    return f"conv {here.channels} 3x3 groups={groups}{tail(random)}"


def transposed(random: Random, here: Map) -> str:
    """A transposed convolution that doubles a small map; of a large one, a pooling that halves it."""
    if here.side > 56:
        here.side = -(-here.side // 2)
        return "maxpool 3x3 stride=2 pad=1"
    here.channels = min(here.affordable(random, 4, 2 * here.side), 128)
    here.side *= 2
    return f"conv_transpose {here.channels} 2x2 stride=2 act=relu"


def upsampled(random: Random, here: Map) -> str:
    """A small map repeated to twice its sides; of a large one, an addition."""
    if here.side > 56 or here.channels * 4 * here.side**2 > WIDEST:
        return "add: [identity, relu]"
    here.side *= 2
    return "upsample 2"


def shuffled(random: Random, here: Map) -> str:
    """Channels of four groups, mixed."""
    return "channel_shuffle 4"


def sliced(random: Random, here: Map) -> str:
    """The channels cut in two, and put together again."""
    half = here.channels // 2
    return f"concat: [slice 0 {half}, [slice {half} {here.channels}, conv {here.channels - half} 1x1 act=relu]]"


def padded(random: Random, here: Map) -> str:
    """A border of zeros."""
    here.side += 2
    return "pad 1"


def normalised(random: Random, here: Map) -> str:
    """A normalisation that can't be folded into what stands before it."""
    return random.choice(("ln", "gn 4", "lrn 5"))


def rescaled(random: Random, here: Map) -> str:
    """A scale that no convolution takes with it."""
    return "[lrn 3, scale]"


def reshuffled(random: Random, here: Map) -> str:
    """Pixels into channels and back."""
    return (
        "[pixel_unshuffle 2, pixel_shuffle 2]"
        if here.side % 2 == 0
        else "[upsample 2, pixel_unshuffle 2, pixel_shuffle 2, maxpool 2x2]"
    )


def rearranged(random: Random, here: Map) -> str:
    """Axes in another order, or pixels into channels."""
    if here.side % 2 or here.side < 14:
        return "permute 0 2 1"
    here.side, here.channels = here.side // 2, here.channels * 4
    return "pixel_unshuffle 2"


def unblocked(random: Random, here: Map) -> str:
    """Channels that can't be put into blocks, and back."""
    inside = random.choice((18, 27, 30))
    out = here.affordable(random, 9)
    here.channels = out
    return f"[conv {inside} 1x1, conv {out} 3x3 act=relu]"


def unaligned(random: Random, here: Map) -> str:
    """A depthwise convolution of channels that can't be put into blocks, as in ShuffleNet."""
    inside = random.choice((18, 30, 58, 90, 122))
    stride = 2 if here.side >= 14 and random.random() < 0.4 else 1
    here.side = -(-here.side // stride)
    here.channels = here.affordable(random, 1)
    return (
        f"[conv {inside} 1x1 act=relu, dwconv 3x3{' stride=2' if stride == 2 else ''} bias=false norm=bn, conv"
        f" {here.channels} 1x1 act=relu]"
    )


def multiplied(random: Random, here: Map) -> str:
    """A convolution of each channel into two."""
    inside = min(here.affordable(random, 1), 64)
    here.channels = 2 * inside
    return f"[conv {inside} 1x1 act=relu, dwconv 3x3 multiplier=2]"


def local(random: Random, here: Map) -> str:
    """Weights of its own at every position: only a small map can afford them."""
    stride = -(-here.side // 14)
    here.side, here.channels = -(-here.side // stride), 16
    return f"[conv 16 3x3 stride={stride}, local 16 3x3]"


def seen_twice(random: Random, here: Map) -> str:
    """Large maps: the first layers of VGG and of U-Net."""
    if here.channels * here.channels * 9 * here.side**2 > 4 * LARGEST:
        return "mul: [identity, sigmoid]"
    return f"conv {here.channels} 3x3 act=relu"


RARE: tuple[Layer, ...] = (
    grouped, transposed, grouped, upsampled, shuffled, sliced, padded, normalised, rescaled,
    reshuffled, rearranged, unblocked, unaligned, shuffled, unblocked, multiplied, sliced, unaligned, local,
    seen_twice,
)  # fmt: skip
