"""Short random chains of layers to time: together they hold every operator that takes time, in the sizes that networks
have.

A chain is a spec. Layers are timed inside of it, so that each finds its input where the layer before it left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle
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
ALONE = (
    "prelu",
    "elu",
    "selu",
    "softplus",
    "mish",
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "hardswish",
    "hardsigmoid",
    "leaky_relu",
)
SEQUENCES = (
    (128, 50),
    (192, 197),
    (384, 49),
    (768, 197),
    (256, 100),
    (512, 16),
    (1024, 50),
    (384, 197),
    (768, 50),
)  # features, positions
ENDS = ("lstm 64", "gru 64", "rnn 64", "matmul: [permute 1 0, identity]", "token 1", "silu", "permute 1 0")
MERGES = ("add", "mul", "maximum", "mean", "sub")
CHANNELS = (16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024)
SIDES = (7, 8, 10, 12, 14, 17, 20, 28, 35, 40, 56, 80, 112)
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


def chains(count: int, seed: int = 0) -> list[str]:
    """Specs, the same for the same seed. What is rare takes turns, so that everything is there however few they are."""
    random = Random(seed)
    rare, alone, sequence = (
        partial(_rare, cycle(RARE)),
        partial(_plain, cycle(ALONE)),
        partial(_sequence, cycle(SEQUENCES), cycle(ENDS)),
    )
    branches = partial(_branches, cycle(MERGES))
    kinds: list[Callable[[Random], tuple[list[int], list[str]]]]
    kinds = [
        _convolutions,
        _mobile,
        rare,
        _dense,
        _convolutions,
        alone,
        branches,
        rare,
        _large,
        _mobile,
        sequence,
        _convolutions,
    ]
    return [_spec(n, *kinds[n % len(kinds)](random)) for n in range(count)]


def _spec(n: int, shape: Sequence[int], layers: Sequence[str]) -> str:
    lines = "".join(f"  - {layer}\n" for layer in layers)
    return f"archcalc: 1\nname: chain {n}\ninput: {list(shape)}\nlayers:\n{lines}"


def _start(random: Random, most: int = 256) -> Map:
    side = random.choice(SIDES)
    fitting = [c for c in CHANNELS if c <= most and c * side**2 <= WIDEST]
    return Map(random.choice(fitting or CHANNELS[:1]), side)


def _tail(random: Random) -> str:
    """A normalisation, or none, and an activation."""
    act = random.choice(ACTIVATIONS)
    return f"{' bias=false norm=bn' if random.random() < 0.8 else ''}{f' act={act}' if act != 'none' else ''}"


# ---- kinds of chains -------------------------------------------------------------------------------------------------


def _convolutions(random: Random) -> tuple[list[int], list[str]]:
    """Convolutions of all kernels with pools between them; half of the chains begin as networks do, with three
    channels.
    """
    if random.random() < 0.5:
        side = random.choice((64, 96, 112, 160, 224))
        kernel, stride = random.choice(((3, 1), (3, 2), (7, 2), (5, 1), (11, 4)))
        out = random.choice((16, 24, 32, 48, 64, 96))
        shape, layers = [3, side, side], [f"conv {out} {kernel}x{kernel} stride={stride}{_tail(random)}"]
        here = Map(out, -(-side // stride))
        if here.side >= 56 and random.random() < 0.6:
            layers.append(_pool(random, here, 2))
    else:
        here = _start(random)
        shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(7, 11)):
        layers.append(
            random.choice((_conv, _conv, _conv, _pointwise, _pointwise, _residual, _wide, _pool_some))(random, here)
        )
    return shape, layers


def _large(random: Random) -> tuple[list[int], list[str]]:
    """The dearest layers that networks have: many channels on small maps, or few on large ones."""
    channels, side = random.choice(
        ((64, 112), (64, 224), (128, 112), (256, 56), (512, 28), (512, 14), (1024, 14), (1024, 7), (2048, 7))
    )
    out = min(channels, 512)
    layers = [f"conv {out} 1x1{_tail(random)}", f"conv {out} 3x3{_tail(random)}", f"conv {channels} 1x1{_tail(random)}"]
    if channels < 512:
        layers += ["maxpool 2x2", f"conv {2 * channels} 3x3{_tail(random)}"]
    return [channels, side, side], layers


def _mobile(random: Random) -> tuple[list[int], list[str]]:
    """Depthwise and pointwise convolutions, with gates."""
    here = _start(random)
    shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(3, 5)):
        layers += [_pointwise(random, here), _depthwise(random, here)]
        if random.random() < 0.35:
            layers.append(_gate(random, here))
    return shape, layers


def _dense(random: Random) -> tuple[list[int], list[str]]:
    """The end of a classifier: a global pool, then dense layers."""
    here = _start(random, 512)
    shape, layers = (
        [here.channels, here.side, here.side],
        [_pointwise(random, here), random.choice(("gap", "gap", "gmp"))],
    )
    for _ in range(random.randint(3, 5)):
        act = random.choice(("relu", "relu", "none", "sigmoid", "tanh", "gelu", "hardswish", "relu6"))
        layers.append(
            "linear"
            f" {random.choice((24, 64, 128, 256, 512, 1000, 1024, 2048, 4096))}{f' act={act}' if act != 'none' else ''}"
        )
    return shape, [*layers, "linear 1000", "softmax"]


def _branches(turn: Iterator[str], random: Random) -> tuple[list[int], list[str]]:
    """Branches side by side, and sums and products of them."""
    here = _start(random)
    shape, layers = [here.channels, here.side, here.side], [_pointwise(random, here)]
    for _ in range(random.randint(2, 4)):
        one, two, three = (random.choice((16, 32, 48, 64, 96, 20)) for _ in range(3))
        odd = random.random() < 0.3  # channels that fill no block
        if odd:
            one += 12
        pool = random.choice(("maxpool 3x3 stride=1", "avgpool 3x3 stride=1 pad=1"))
        layers.append(
            f"concat: [conv {one} 1x1 act=relu, [conv {two} 1x1 act=relu, conv {three} 3x3 act=relu], [{pool}, conv 32"
            " 1x1 act=relu]]"
        )
        here.channels = one + three + 32
        layers.append(f"{next(turn)}: [conv {here.channels} 1x1, conv {here.channels} 1x1]")
    return shape, layers


def _rare(turn: Iterator[Layer], random: Random) -> tuple[list[int], list[str]]:
    """Everything that only some networks have."""
    here = _start(random, 128)
    here.channels = here.channels // 8 * 8
    shape = [here.channels, here.side, here.side]
    layers = []
    for _ in range(random.randint(5, 7)):
        layers.append(next(turn)(random, here))
        if random.random() < 0.5:
            layers.append(_pointwise(random, here))
    return shape, layers


def _plain(turn: Iterator[str], random: Random) -> tuple[list[int], list[str]]:
    """Activations and normalisations on their own, which no convolution takes with it."""
    here = _start(random, 192)
    shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(3, 5)):
        layers += [_pointwise(random, here), random.choice(("bn", "bn", "lrn 5", "ln", "gn 4")), next(turn)]
    return shape, layers


def _sequence(turn: Iterator[tuple[int, int]], ends: Iterator[str], random: Random) -> tuple[list[int], list[str]]:
    """Transformers: attention and dense layers on every position."""
    width, positions = next(turn)
    layers = ["position"]
    for _ in range(random.randint(1, 2)):
        heads = width // random.choice((32, 64))
        layers += [
            f"add: [identity, [ln, attention {heads}]]",
            f"add: [identity, [ln, linear {width * random.choice((2, 4))} act=gelu, linear {width}]]",
        ]
    return [width, positions], [*layers, random.choice(("softmax", "permute 1 0", "ln")), next(ends)]


# ---- layers ----------------------------------------------------------------------------------------------------------


def _conv(random: Random, here: Map) -> str:
    kernel = random.choice((3, 3, 3, 3, 5, 7))
    stride = 2 if here.side >= 14 and random.random() < 0.2 else 1
    here.side = -(-here.side // stride)
    here.channels = here.affordable(random, kernel**2)
    return f"conv {here.channels} {kernel}x{kernel}{' stride=2' if stride == 2 else ''}{_tail(random)}"


def _wide(random: Random, here: Map) -> str:
    """A kernel of one row or column, as in the later Inceptions."""
    here.channels = here.affordable(random, 7)
    return f"conv {here.channels} {random.choice(('1x7', '7x1', '1x3', '3x1'))}{_tail(random)}"


def _pointwise(random: Random, here: Map) -> str:
    here.channels = here.affordable(random, 1)
    return f"conv {here.channels} 1x1{_tail(random)}"


def _depthwise(random: Random, here: Map) -> str:
    kernel = random.choice((3, 3, 3, 5, 7))
    stride = 2 if here.side >= 14 and random.random() < 0.25 else 1
    here.side = -(-here.side // stride)
    return f"dwconv {kernel}x{kernel}{' stride=2' if stride == 2 else ''}{_tail(random)}"


def _residual(random: Random, here: Map) -> str:
    inside = min(here.affordable(random, 9), 256)
    return (
        f"add: [identity, [conv {inside} 1x1 bias=false norm=bn act=relu, conv {here.channels}"
        f" {random.choice(('3x3', '1x1'))} bias=false norm=bn]]"
    )


def _pool(random: Random, here: Map, stride: int) -> str:
    here.side = -(-here.side // stride)
    return f"{random.choice(('maxpool', 'maxpool', 'avgpool'))} 3x3 stride={stride} pad=1"


def _pool_some(random: Random, here: Map) -> str:
    return _pool(random, here, 2 if here.side >= 14 and random.random() < 0.5 else 1)


def _gate(random: Random, here: Map) -> str:
    last = random.choice(("sigmoid", "hardsigmoid"))
    return f"mul: [identity, [gap, linear {max(8, here.channels // 4)} act=relu, linear {here.channels} act={last}]]"


def _grouped(random: Random, here: Map) -> str:
    """Groups that fill blocks, and groups that don't."""
    width = random.choice((4, 8, 16, 32))
    groups = max(1, here.channels // width)
    groups = groups if here.channels % groups == 0 else 2
    return f"conv {here.channels} 3x3 groups={groups}{_tail(random)}"


def _transposed(random: Random, here: Map) -> str:
    if here.side > 56:
        here.side = -(-here.side // 2)
        return "maxpool 3x3 stride=2 pad=1"
    here.channels = min(here.affordable(random, 4, 2 * here.side), 128)
    here.side *= 2
    return f"conv_transpose {here.channels} 2x2 stride=2 act=relu"


def _upsampled(random: Random, here: Map) -> str:
    if here.side > 56 or here.channels * 4 * here.side**2 > WIDEST:
        return "add: [identity, relu]"
    here.side *= 2
    return "upsample 2"


def _shuffled(random: Random, here: Map) -> str:
    return "channel_shuffle 4"


def _sliced(random: Random, here: Map) -> str:
    """The channels cut in two, and put together again."""
    half = here.channels // 2
    return f"concat: [slice 0 {half}, [slice {half} {here.channels}, conv {here.channels - half} 1x1 act=relu]]"


def _padded(random: Random, here: Map) -> str:
    here.side += 2
    return "pad 1"


def _normalised(random: Random, here: Map) -> str:
    return random.choice(("ln", "gn 4", "lrn 5"))


def _rescaled(random: Random, here: Map) -> str:
    """A scale that no convolution takes with it."""
    return "[lrn 3, scale]"


def _reshuffled(random: Random, here: Map) -> str:
    return (
        "[pixel_unshuffle 2, pixel_shuffle 2]"
        if here.side % 2 == 0
        else "[upsample 2, pixel_unshuffle 2, pixel_shuffle 2, maxpool 2x2]"
    )


def _rearranged(random: Random, here: Map) -> str:
    if here.side % 2 or here.side < 14:
        return "permute 0 2 1"
    here.side, here.channels = here.side // 2, here.channels * 4
    return "pixel_unshuffle 2"


def _unblocked(random: Random, here: Map) -> str:
    """Channels that can't be put into blocks, and back."""
    inside = random.choice((18, 27, 30))
    out = here.affordable(random, 9)
    here.channels = out
    return f"[conv {inside} 1x1, conv {out} 3x3 act=relu]"


def _unaligned(random: Random, here: Map) -> str:
    """A depthwise convolution of channels that can't be put into blocks, as in ShuffleNet."""
    inside = random.choice((18, 30, 58, 90, 122))
    stride = 2 if here.side >= 14 and random.random() < 0.4 else 1
    here.side = -(-here.side // stride)
    here.channels = here.affordable(random, 1)
    return (
        f"[conv {inside} 1x1 act=relu, dwconv 3x3{' stride=2' if stride == 2 else ''} bias=false norm=bn, conv"
        f" {here.channels} 1x1 act=relu]"
    )


def _multiplied(random: Random, here: Map) -> str:
    inside = min(here.affordable(random, 1), 64)
    here.channels = 2 * inside
    return f"[conv {inside} 1x1 act=relu, dwconv 3x3 multiplier=2]"


def _local(random: Random, here: Map) -> str:
    """Weights of its own at every position: only a small map can afford them."""
    stride = -(-here.side // 14)
    here.side, here.channels = -(-here.side // stride), 16
    return f"[conv 16 3x3 stride={stride}, local 16 3x3]"


def _seen_twice(random: Random, here: Map) -> str:
    """Large maps: the first layers of VGG and of U-Net."""
    if here.channels * here.channels * 9 * here.side**2 > 4 * LARGEST:
        return "mul: [identity, sigmoid]"
    return f"conv {here.channels} 3x3 act=relu"


RARE: tuple[Layer, ...] = (
    _grouped, _transposed, _grouped, _upsampled, _shuffled, _sliced, _padded, _normalised, _rescaled,
    _reshuffled, _rearranged, _unblocked, _unaligned, _shuffled, _unblocked, _multiplied, _sliced, _unaligned, _local,
    _seen_twice,
)  # fmt: skip


__all__ = ["chains"]
