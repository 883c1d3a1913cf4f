"""Short random chains of layers to time: together they hold every operator that takes time, in the sizes that networks
have.

A chain is a spec. Layers are timed inside of it, so that each finds its input where the layer before it left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count, cycle
from random import Random

from archcalc.latency.drawn import (
    CHANNELS,
    RARE,
    WIDEST,
    Layer,
    Map,
    conv,
    depthwise,
    gate,
    pointwise,
    pool,
    pool_some,
    residual,
    tail,
    wide,
)
from archcalc.latency.families import FAMILIES, Drawn, Family
from archcalc.latency.stages import stage

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
SIDES = (7, 8, 10, 12, 14, 17, 20, 28, 35, 40, 56, 80, 112)

EVERY, BATCHES = 5, (4, 16, 2, 64, 8, 32)  # every fifth chain is timed in a batch
BATCH_MACS, BATCH_BYTES = 1e9, 1 << 24  # of a chain in a batch, at most


def chains(many: int, seed: int = 0) -> list[str]:
    """Specs, the same for the same seed. What is rare takes turns, so that everything is there however few they are."""
    random = Random(seed)
    rare, alone, sequence = (
        partial(_rare, cycle(RARE)),
        partial(_plain, cycle(ALONE)),
        partial(_sequence, cycle(SEQUENCES), cycle(ENDS)),
    )
    branches, stages = partial(_branches, cycle(MERGES)), partial(_family, count(), stage)
    kinds: list[Callable[[Random], Drawn]]
    kinds = [
        _convolutions,
        _mobile,
        rare,
        stages,
        _dense,
        _convolutions,
        alone,
        stages,
        branches,
        rare,
        _large,
        stages,
        _mobile,
        sequence,
        _convolutions,
        stages,
        *(partial(_family, count(), family) for family in FAMILIES),
    ]
    return [_spec(n, *kinds[n % len(kinds)](random)) for n in range(many)]


def _spec(n: int, shape: Sequence[int], layers: Sequence[str]) -> str:
    lines = "".join(f"  - {layer}\n" for layer in layers)
    return f"archcalc: 1\nname: chain {n}\ninput: {list(shape)}\nlayers:\n{lines}"


def _start(random: Random, most: int = 256) -> Map:
    side = random.choice(SIDES)
    fitting = [c for c in CHANNELS if c <= most and c * side**2 <= WIDEST]
    return Map(random.choice(fitting or CHANNELS[:1]), side)


# ---- kinds of chains -------------------------------------------------------------------------------------------------


def _convolutions(random: Random) -> Drawn:
    """Convolutions of all kernels with pools between them; half of the chains begin as networks do, with three
    channels.
    """
    if random.random() < 0.5:
        side = random.choice((64, 96, 112, 160, 224))
        kernel, stride = random.choice(((3, 1), (3, 2), (7, 2), (5, 1), (11, 4)))
        out = random.choice((16, 24, 32, 48, 64, 96))
        shape, layers = [3, side, side], [f"conv {out} {kernel}x{kernel} stride={stride}{tail(random)}"]
        here = Map(out, -(-side // stride))
        if here.side >= 56 and random.random() < 0.6:
            layers.append(pool(random, here, 2))
    else:
        here = _start(random)
        shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(7, 11)):
        layers.append(random.choice((conv, conv, conv, pointwise, pointwise, residual, wide, pool_some))(random, here))
    return shape, layers


def _large(random: Random) -> Drawn:
    """The dearest layers that networks have: many channels on small maps, or few on large ones."""
    channels, side = random.choice(
        ((64, 112), (64, 224), (128, 112), (256, 56), (512, 28), (512, 14), (1024, 14), (1024, 7), (2048, 7))
    )
    out = min(channels, 512)
    layers = [f"conv {out} 1x1{tail(random)}", f"conv {out} 3x3{tail(random)}", f"conv {channels} 1x1{tail(random)}"]
    if channels < 512:
        layers += ["maxpool 2x2", f"conv {2 * channels} 3x3{tail(random)}"]
    return [channels, side, side], layers


def _mobile(random: Random) -> Drawn:
    """Depthwise and pointwise convolutions, with gates."""
    here = _start(random)
    shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(3, 5)):
        layers += [pointwise(random, here), depthwise(random, here)]
        if random.random() < 0.35:
            layers.append(gate(random, here))
    return shape, layers


def _dense(random: Random) -> Drawn:
    """The end of a classifier: a global pool, then dense layers."""
    here = _start(random, 512)
    shape, layers = (
        [here.channels, here.side, here.side],
        [pointwise(random, here), random.choice(("gap", "gap", "gmp"))],
    )
    for _ in range(random.randint(3, 5)):
        act = random.choice(("relu", "relu", "none", "sigmoid", "tanh", "gelu", "hardswish", "relu6"))
        layers.append(
            "linear"
            f" {random.choice((24, 64, 128, 256, 512, 1000, 1024, 2048, 4096))}{f' act={act}' if act != 'none' else ''}"
        )
    return shape, [*layers, "linear 1000", "softmax"]


def _branches(turn: Iterator[str], random: Random) -> Drawn:
    """Branches side by side, and sums and products of them."""
    here = _start(random)
    shape, layers = [here.channels, here.side, here.side], [pointwise(random, here)]
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


def _rare(turn: Iterator[Layer], random: Random) -> Drawn:
    """Everything that only some networks have."""
    here = _start(random, 128)
    here.channels = here.channels // 8 * 8
    shape = [here.channels, here.side, here.side]
    layers = []
    for _ in range(random.randint(5, 7)):
        layers.append(next(turn)(random, here))
        if random.random() < 0.5:
            layers.append(pointwise(random, here))
    return shape, layers


def _plain(turn: Iterator[str], random: Random) -> Drawn:
    """Activations and normalisations on their own, which no convolution takes with it."""
    here = _start(random, 192)
    shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(3, 5)):
        layers += [pointwise(random, here), random.choice(("bn", "bn", "lrn 5", "ln", "gn 4")), next(turn)]
    return shape, layers


def _sequence(turn: Iterator[tuple[int, int]], ends: Iterator[str], random: Random) -> Drawn:
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


def _family(turn: Iterator[int], family: Family, random: Random) -> Drawn:
    return family(random, next(turn))


def batch_of(n: int, macs: int, bytes_held: int) -> int:
    """The samples in a batch of the chain in that place, as many as can be afforded: one for most of them."""
    turn, left = divmod(n, EVERY)
    batch = BATCHES[turn % len(BATCHES)] if left == EVERY - 1 else 1
    while batch > 1 and (batch * macs > BATCH_MACS or batch * bytes_held > BATCH_BYTES):
        batch //= 2
    return batch


__all__ = ["batch_of", "chains"]
