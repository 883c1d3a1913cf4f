"""Chains of the families of networks that aren't classifiers of images: what each is made of, in the sizes that these
have.

A family is one entry in `FAMILIES`: it draws the shape of an input and the layers behind it. `turn` counts how often it
was asked, for what is to be there however few there are.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from random import Random

from archcalc.latency.drawn import Map, halved, tail

Drawn = tuple[list[int], list[str]]
Family = Callable[[Random, int], Drawn]

HARD = ("hardswish", "hardswish", "hardsigmoid", "relu6", "silu", "leaky_relu", "mish")
DENSE = ("act=relu", "act=relu", "act=gelu", "act=tanh", "act=sigmoid", "")
AFTER = ("", " act=relu", " bias=false norm=bn")
MACS = 4e8  # of one layer, at most
MAPS = 1.5e6  # elements of one map, at most
HIDDEN = ((16, 128), (400, 720), (128, 400), (720, 1280))  # states: weights that lie in near caches, and farther away


def drawn(random: Random, low: float, high: float, step: int = 1) -> int:
    """A whole number of steps; each size is as likely as one that is so many times larger."""
    return max(1, round(exp(random.uniform(log(low), log(max(low, high)))) / step)) * step


def fitting(random: Random, low: int, high: int, step: int, most: float) -> int:
    """As `drawn`, and no larger than what can be afforded."""
    return drawn(random, low, max(low, min(high, most)), step)


def begun(random: Random, channels: int, side: int) -> Drawn:
    """A map of so many channels, or an image and the convolution that makes it."""
    if random.random() < 0.5:
        return [channels, side, side], []
    kernel, stride = random.choice(((3, 1), (3, 2), (4, 4), (7, 2), (7, 1), (2, 2)))
    pad = " pad=0" if kernel == stride else ""
    color, large = random.choice((1, 3, 3)), side * stride
    return [color, large, large], [f"conv {channels} {kernel}x{kernel} stride={stride}{pad}{tail(random)}"]


# ---- on vectors ------------------------------------------------------------------------------------------------------


def small(random: Random, turn: int) -> Drawn:
    """Networks of tens of microseconds, whose time is what calls cost."""
    if turn % 3 == 0:
        layers = [f"linear {drawn(random, 8, 256)} {random.choice(DENSE)}" for _ in range(2 + turn // 3 % 5)]
        return [drawn(random, 4, 256)], layers
    here = Map(random.choice((1, 1, 3, 3, 8, 16)), random.choice((8, 12, 16, 20, 28, 32)))
    shape, layers = [here.channels, here.side, here.side], []
    for _ in range(random.randint(1, 3)):
        kernel = random.choice(("3x3", "3x3", "5x5", "1x1"))
        layers.append(f"conv {random.choice((6, 8, 12, 16, 24, 32))} {kernel}{tail(random)}")
        if here.side >= 8:
            here.side //= 2
            layers.append(random.choice(("maxpool 2x2", "avgpool 2x2")))
    end = random.choice(("flatten", "gap"))
    return shape, [*layers, end, f"linear {drawn(random, 16, 128)} act=relu", "linear 10", "softmax"]


def stack(random: Random, turn: int) -> Drawn:
    """Dense layers one after the other, whose weights are read once."""
    high = (512, 2048, 4096)[turn % 3]
    layers = [f"linear {drawn(random, high / 8, high, 8)} {random.choice(DENSE)}" for _ in range(random.randint(4, 6))]
    layers.insert(random.randint(1, 3), random.choice(("softmax", "abs", "elu", "softplus", "selu")))
    return [drawn(random, high / 8, high)], layers


# ---- on maps ---------------------------------------------------------------------------------------------------------


def excited(random: Random, turn: int) -> Drawn:
    """Squeeze and excitation, and activations that no convolution takes with it."""
    side = random.choice((7, 7, 14, 14, 20, 28, 40, 56))
    shape, layers = begun(random, fitting(random, 16, 160, 8, MAPS / 4 / side**2), side)
    for _ in range(random.randint(2, 3)):
        wide, inside = fitting(random, 32, 960, 8, MAPS / side**2), drawn(random, 8, 240, 8)
        way = random.choice(("linear {} {}", "conv {} 1x1 {}"))
        gap = "gap" if way.startswith("linear") else "gap keepdims=true"
        last = random.choice(("hardsigmoid", "sigmoid"))
        layers += [
            f"conv {wide} 1x1 bias=false norm=bn act={random.choice(HARD)}",
            f"dwconv {random.choice(('3x3', '5x5'))} bias=false norm=bn act={random.choice(HARD)}",
            f"mul: [identity, [{gap}, {way.format(inside, 'act=relu')}, {way.format(wide, f'act={last}')}]]",
            f"conv {drawn(random, 16, 160, 8)} 1x1 bias=false norm=bn",
        ]
    return shape, layers


def shuffling(random: Random, turn: int) -> Drawn:
    """Units of ShuffleNets: halves, depthwise convolutions, groups, and channels that are mixed."""
    side, half = random.choice((7, 14, 14, 28, 28, 56)), drawn(random, 16, 240, (1, 2, 8, 12)[turn % 4])
    convolved = f"conv {half} 1x1 bias=false norm=bn act=relu"
    depthwise = f"dwconv {random.choice(('3x3', '3x3', '5x5'))} bias=false norm=bn"
    shape, layers = begun(random, 2 * half, side)
    for _ in range(random.randint(2, 3)):
        if turn % 4 == 3:
            groups = random.choice((2, 3, 4))
            grouped = f"conv {{}} 1x1 groups={groups} bias=false norm=bn act=relu"
            inner = half // 2 // 12 * 12 or 12
            layers.append(
                f"[{grouped.format(inner)}, channel_shuffle {groups}, {depthwise}, {grouped.format(2 * half)}]"
            )
            continue
        layers.append(halved(2 * half, depthwise))
        layers.append(f"channel_shuffle {random.choice((2, 2, half))}")
    if side > 7:
        strided = depthwise.replace(" bias", " stride=2 bias")
        layers += [f"concat: [[{strided}, {convolved}], [{convolved}, {strided}, {convolved}]]", "channel_shuffle 2"]
    return shape, layers


def dilated(random: Random, turn: int) -> Drawn:
    """Convolutions whose taps lie apart, in the padding too."""
    side = random.choice((14, 20, 28, 33, 41, 65))
    cin = drawn(random, 16, 256, 16)
    shape, layers = begun(random, cin, side)
    for _ in range(random.randint(3, 5)):
        by = random.choice((2, 2, 3, 4, 6, 8, 12, 18, 24))
        out = fitting(random, 16, 256, 16, MACS / 9 / cin / side**2)
        layers += [f"conv {out} 3x3 dilation={by} bias=false norm=bn act=relu"]
        cin = out
        if random.random() < 0.3:
            layers.append(f"dwconv 3x3 dilation={by} act=relu")
    return shape, layers


def wide_kernels(random: Random, turn: int) -> Drawn:
    """Depthwise convolutions of 7 to 31 squared, beside pointwise ones."""
    kernel = (7, 13, 31, 9, 7, 21)[turn % 6]
    side = random.choice((7, 14, 28, 32, 56) if kernel < 20 else (14, 28, 32))
    cin = fitting(random, 16, 512, 8, min(MAPS, 3e8 / kernel**2) / side**2)
    shape, layers = [cin, side, side], []
    for _ in range(random.randint(2, 3)):
        norm = random.choice(("bn", "ln", "gn 1"))
        layers.append(f"add: [identity, [dwconv {kernel}x{kernel}{random.choice(AFTER)}, {norm}]]")
        inside = fitting(random, cin, 4 * cin, 8, MACS / cin / side**2)
        layers.append(
            f"add: [identity, [conv {inside} 1x1 act=gelu, {random.choice(('', '', 'grn, '))}conv {cin} 1x1, scale]]"
        )
    return shape, layers


def upsampling(random: Random, turn: int) -> Drawn:
    """Decoders: maps that grow, by repetition, interpolation or transposed convolutions."""
    side, cin = random.choice((1, 4, 7, 8, 14, 16, 28)), drawn(random, 32, 512, 16)
    shape, layers = [cin, side, side], []
    if side == 1:
        cin, side = drawn(random, 32, 512, 16), 4
        layers.append(f"conv_transpose {cin} 4x4 pad=0")
    while side <= 64 and len(layers) < 8:
        cin = fitting(random, 8, 256, 8, min(MACS / 16 / cin / side**2, MAPS / 4 / side**2))
        way = random.choice(("upsample", "bilinear", "4x4", "4x4", "2x2", "3x3", "resize"))
        layers.append(
            {
                "upsample": "upsample 2",
                "bilinear": "upsample 2 mode=bilinear",
                "resize": f"resize {2 * side}x{2 * side} mode={random.choice(('nearest', 'bilinear'))}",
                "4x4": f"conv_transpose {cin} 4x4 stride=2 pad=1 bias=false norm=bn act=relu",
                "2x2": f"conv_transpose {cin} 2x2 stride=2",
                "3x3": f"conv_transpose {cin} 3x3 stride=2 pad=1 output_pad=1 act=relu",
            }[way]
        )
        side *= 2
        layers.append(f"conv {cin} {random.choice(('3x3', '1x1'))}{tail(random)}")
    if random.random() < 0.5:
        layers += ["conv 16 1x1", f"upsample {random.choice((2, 4))} mode={random.choice(('nearest', 'bilinear'))}"]
    return shape, layers


def normed(random: Random, turn: int) -> Drawn:
    """Normalisations that work out their statistics, as in networks that are trained in small batches."""
    side = random.choice((7, 14, 16, 28, 32, 56, 64))
    cin = fitting(random, 16, 512, 16, MAPS / side**2)
    shape, layers = [cin, side, side], []
    for _ in range(random.randint(3, 4)):
        cin = fitting(random, 32, 512, 32, min(MAPS / side**2, MACS / 9 / cin / side**2))
        norm = random.choice(("gn 32", "gn 8", "gn 32", "instancenorm", "ln", "l2norm", "rmsnorm", "lrn 5"))
        act = random.choice(("silu", "relu", "gelu", "silu", "glu"))
        layers += [f"conv {cin} {random.choice(('3x3', '3x3', '1x1'))}", norm, act]
        cin = cin // 2 if act == "glu" else cin
        if random.random() < 0.3:
            layers.append(random.choice(("roll 1", "adaptive_avgpool 4x4" if side >= 7 and not layers[4:] else "abs")))
            side = 4 if "pool" in layers[-1] else side
    return shape, layers


# ---- on signals and volumes ------------------------------------------------------------------------------------------


def signals(random: Random, turn: int) -> Drawn:
    """Convolutions along one axis: audio, text, sensors."""
    length = drawn(random, 64, 16000)
    cin = random.choice((1, 1, 2, 6, 40, 80)) if turn % 2 else drawn(random, 16, 256, 8)
    shape, layers = [cin, length], []
    if cin < 8:
        kernel, stride = random.choice(((80, 4), (10, 5), (16, 8), (7, 2), (9, 1)))
        cin, length = random.choice((16, 32, 64, 128)), -(-length // stride)
        layers.append(f"conv {cin} {kernel} stride={stride} pad=same bias=false norm=bn act=relu")
    for _ in range(random.randint(3, 5)):
        kernel, dilation = random.choice(((3, 1), (3, 1), (5, 1), (9, 1), (1, 1), (1, 1), (3, 4), (2, 16), (15, 1)))
        out = fitting(random, 16, 512, 8, MACS / 2 / kernel / cin / length)
        pad = " pad=causal" if random.random() < 0.3 else " pad=same"
        layers.append(f"conv {out} {kernel}{f' dilation={dilation}' if dilation > 1 else ''}{pad}{tail(random)}")
        cin = out
        extra = random.choice(
            (
                "maxpool 2",
                "maxpool 4",
                f"dwconv {random.choice((3, 7, 15, 31))} pad=same",
                "avgpool 2",
                "",
                "",
                f"conv_transpose {min(cin, 128)} 4 stride=2 pad=1",
            )
        )
        if extra and length >= 16 and (length < 4000 or "transpose" not in extra):
            layers.append(extra)
            cin = min(cin, 128) if "transpose" in extra else cin
            length = length // 2 if "pool" in extra else length
    return shape, layers


def volumes(random: Random, turn: int) -> Drawn:
    """Convolutions along three axes: video, scans."""
    frames, side = random.choice((2, 4, 8, 16)), random.choice((7, 14, 16, 28, 32, 56))
    cin = 3 if turn % 3 == 0 else fitting(random, 8, 256, 8, MAPS / 2 / frames / side**2)
    shape, layers = [cin, frames, side, side], []
    for _ in range(random.randint(2, 4)):
        kernel = random.choice(((3, 3), (3, 3), (1, 3), (3, 1), (1, 1)))
        taps = kernel[0] * kernel[1] ** 2
        cin = fitting(random, 8, 512, 8, min(2 * MACS / taps / cin / frames / side**2, MAPS / frames / side**2))
        layers.append(
            f"conv {cin} {kernel[0]}x{kernel[1]}x{kernel[1]}{random.choice((' bias=false norm=bn', ''))} act=relu"
        )
        if random.random() < 0.4 and side >= 14:
            deep = 2 if frames > 1 and random.random() < 0.6 else 1
            layers.append(f"{random.choice(('maxpool', 'maxpool', 'avgpool'))} {deep}x2x2 pad=0")
            frames, side = frames // deep, side // 2
        elif random.random() < 0.2:
            layers.append("dwconv 3x3x3")
        elif random.random() < 0.2:
            layers.append("bn")
    return shape, [*layers, "gap", "linear 100"]


# ---- on sequences ----------------------------------------------------------------------------------------------------


def recurrent(random: Random, turn: int) -> Drawn:
    """LSTM, GRU and plain recurrence."""
    word = ("lstm", "gru", "rnn")[turn % 3]
    steps, features = (drawn(random, 8, 40) if turn % 3 else drawn(random, 40, 500)), drawn(random, 8, 512, 4)
    low, high = HIDDEN[turn % len(HIDDEN)]
    hidden = fitting(random, low, high, 8, (MACS / steps / 4) ** 0.5)
    two = " bidirectional=true" if random.random() < 0.25 else ""
    layers = [f"{word} {hidden}{two}"]
    if random.random() < 0.6:
        last = fitting(random, 16, 768, 8, (MACS / steps / 8) ** 0.5)
        layers.append(f"{random.choice(('lstm', 'gru', word))} {last} sequence=false")
        return [features, steps], [*layers, "linear 32"]
    return [features, steps], [*layers, "linear 64", random.choice(("relu", "permute 1 0", "softmax"))]


def transformers(random: Random, turn: int) -> Drawn:
    """Attention of short and of long sequences."""
    positions = (drawn(random, 12, 100), drawn(random, 100, 400), drawn(random, 400, 1200), 1)[turn % 7 % 4]
    width = drawn(random, 64, 1024, 64)
    while width > 64 and positions * width * (12 * width + 2 * positions) > 2.5 * MACS:
        width -= 64
    head = random.choice((32, 64, 64)) if width > 64 else 32
    norm = random.choice(("ln", "ln", "rmsnorm"))
    more = random.choice(("", "", " causal=true", " bias=false", " causal=true rope=true", " bias=qkv"))
    more += " cache=256" if positions == 1 else ""
    inside = width * random.choice((2, 3, 4))
    way = random.choice((f"linear {inside} act=gelu", f"linear {inside} act=relu", f"linear {2 * inside}, glu silu"))
    unit = [
        f"add: [identity, [{norm}, attention {width // head}{more}]]",
        f"add: [identity, [{norm}, {way}, linear {width}]]",
    ]
    start = "position" if turn % 2 else norm
    return [width, positions], [
        start,
        *unit,
        *unit[: random.randint(0, 2)],
        random.choice(("ln", "permute 1 0", "softmax")),
    ]


def windows(random: Random, turn: int) -> Drawn:
    """Attention on maps, in windows or of all, and merged neighbours: Swin and its like."""
    side, heads = random.choice((7, 14, 28, 56)), random.choice((2, 3, 4, 6, 8))
    heads = min(heads, 4) if side == 56 else heads
    width = 32 * heads
    if turn % 3 == 2:
        side = min(side, 14)
        attention = f"attention {heads}"
    else:
        attention = (
            f"attention {heads} window=7x7{random.choice(('', ' shift=3x3'))} {random.choice(('bias=relative', ''))}"
        )
    unit = [
        f"add: [identity, [ln, {attention}]]",
        f"add: [identity, [ln, conv {4 * width} 1x1 act=gelu, conv {width} 1x1]]",
    ]
    merge = ["pixel_unshuffle 2", "ln", f"conv {2 * width} 1x1 bias=false"] if side % 2 == 0 else []
    return [width, side, side], [*unit, *unit[: random.randint(0, 2)], *merge]


def languages(random: Random, turn: int) -> Drawn:
    """Tables of words, and what stands behind them."""
    positions, width = drawn(random, 8, 512), drawn(random, 64, 768, 32)
    vocabulary = drawn(random, 1000, 50000)
    inside = fitting(random, 64, 2048, 64, MACS / positions / width)
    body = random.choice(
        (
            [f"linear {inside} act=gelu", f"linear {width}"],
            [f"lstm {min(inside, 256)}"],
            [f"conv {inside} 3 pad=same act=relu"],
        )
    )
    start = (["position", "ln"], ["ln"], ["token 1", "position"], [])[turn % 4]
    return [positions], [
        f"embedding {vocabulary} {width}",
        *start,
        *body,
        random.choice(("gap", "slice 0 1 axis=1", "gmp")),
    ]


def mixers(random: Random, turn: int) -> Drawn:
    """Dense layers along one axis and the other in turns."""
    positions, width = drawn(random, 16, 256), drawn(random, 64, 768, 32)
    across, along = drawn(random, 32, 512, 8), fitting(random, 64, 2048, 32, MACS / width / positions)
    if turn % 2:
        mix = f"add: [identity, [ln, permute 1 0, linear {across} act=gelu, linear {positions}, permute 1 0]]"
    else:
        mix = f"add: [identity, [ln axis=-1, linear {along} act=gelu axis=-1, linear {positions} axis=-1]]"
    return [width, positions], [
        mix,
        f"add: [identity, [ln, linear {along} act=gelu, linear {width}]]",
        random.choice(("ln", "mul: [identity, sigmoid]", "matmul: [permute 1 0, identity]", "glu")),
    ]


FAMILIES: tuple[Family, ...] = (
    small, stack, excited, shuffling, dilated, wide_kernels, upsampling, normed, signals, volumes, recurrent,
    transformers, windows, languages, mixers, transformers, small, recurrent, languages,
)  # fmt: skip


__all__ = ["FAMILIES", "Drawn", "Family"]
