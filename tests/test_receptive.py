"""Receptive fields, against positions enumerated one by one, and against published figures.

The oracle knows each operator only by what one output position reads, written down from the operator's definition, and
follows single positions back to the input as sets. Nothing is clipped: positions outside the input count.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor, lcm
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archcalc
from archcalc.build import build
from archcalc.cost import Table
from archcalc.errors import Mark
from archcalc.metrics import metric
from archcalc.model import Model
from archcalc.ops import Reach
from archcalc.receptive import Field, Span
from archcalc.spec import bind, read_spec

INPUT_SIZE, MOST_PHASES = 48, 48


def table_of(layers: list[str], *inputs: int) -> Table:
    """A network; each of `layers` is a YAML item."""
    sizes = ", ".join(map(str, (1, *(inputs or (INPUT_SIZE,)))))
    text = f"archcalc: 1\nname: network\ninput: [{sizes}]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)
    spec = read_spec(text, "network.yaml")
    binding = bind(spec)
    return Table(spec, None, binding, build(spec, binding))


def last_field(layers: list[str], *inputs: int) -> Field:
    return table_of(layers, *inputs).rows[-1].field["input"]


# ---- what one output position reads, by definition -------------------------------------------------------------------


def sliding(kernel: int, stride: int, dilation: int, before: int) -> Callable[[int], set[int]]:
    """A window whose first tap lies on `position*stride`, moved back by the padding."""
    return lambda position: {position * stride + tap * dilation - before for tap in range(kernel)}


def scattered(kernel: int, stride: int, dilation: int, before: int) -> Callable[[int], set[int]]:
    """Transposed convolution: input `i` adds to the outputs `i*stride + tap*dilation`, of which the first `before` are
    cut off.
    """

    def readers(position: int) -> set[int]:
        target = position + before
        near = range((target - (kernel - 1) * dilation) // stride - 1, target // stride + 2)
        return {i for i in near if any(i * stride + tap * dilation == target for tap in range(kernel))}

    return readers


def nearest(scale: int) -> Callable[[int], set[int]]:
    return lambda position: {floor(Fraction(position, scale))}


def interpolated(scale: int) -> Callable[[int], set[int]]:
    """Pixels are unit squares: the middle of output `o` falls on `(o + 1/2)/scale - 1/2`, between two inputs or on one."""

    def neighbours(position: int) -> set[int]:
        middle = (position + Fraction(1, 2)) / scale - Fraction(1, 2)
        left = floor(middle)
        return {left} if left == middle else {left, left + 1}

    return neighbours


# ---- random networks -------------------------------------------------------------------------------------------------


class Layer(NamedTuple):
    """A layer of a random network: the words of its spec, whom it reads and where, and what it makes of size and
    stride.
    """

    line: str
    sources: tuple[int, ...]
    reads: Callable[[int], set[int]]
    size: int
    rate: Fraction | None  # input positions between neighbouring outputs; None where branches disagree
    factor: int = 1  # upsampling so far: windows repeat after this many outputs at the latest

    def item(self, number: int) -> str:
        refs = [f"ref n{source}" for source in self.sources]
        if len(refs) > 1:
            return f"n{number}: [{{{self.line}: [{', '.join(refs)}]}}, conv 1 1]"
        return f"n{number}: [{refs[0]}, '{self.line}']"


def windowed(draw: st.DrawFn, word: str, source: int, at: Layer, stride: int) -> Layer:
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    most = min(3, dilation * (kernel - 1)) if word == "maxpool" else 3  # a maximum needs something of the map
    before, after = draw(st.integers(0, most)), draw(st.integers(0, most))
    size = (at.size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    line = f"{word} {kernel} stride={stride} dilation={dilation} pad=(({before},{after}),)"
    return Layer(
        line, (source,), sliding(kernel, stride, dilation, before), size, at.rate and at.rate * stride, at.factor
    )


def transposed(draw: st.DrawFn, source: int, at: Layer) -> Layer:
    kernel, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    more = draw(st.integers(0, min(1, max(stride, dilation) - 1)))
    size = (at.size - 1) * stride - before - after + dilation * (kernel - 1) + 1 + more
    line = f"conv_transpose 1 {kernel} stride={stride} dilation={dilation} pad=(({before},{after}),) output_pad={more}"
    return Layer(
        line,
        (source,),
        scattered(kernel, stride, dilation, before),
        size,
        at.rate and at.rate / stride,
        at.factor * stride,
    )


def upsampled(draw: st.DrawFn, source: int, at: Layer) -> Layer:
    scale, mode = draw(st.integers(1, 4)), draw(st.sampled_from(["nearest", "bilinear"]))
    reads = nearest(scale) if mode == "nearest" else interpolated(scale)
    return Layer(
        f"upsample {scale} mode={mode}",
        (source,),
        reads,
        at.size * scale,
        at.rate and at.rate / scale,
        at.factor * scale,
    )


def sliced(draw: st.DrawFn, source: int, at: Layer) -> Layer:
    start = draw(st.integers(0, at.size - 1))
    stop, step = draw(st.integers(start + 1, at.size)), draw(st.integers(1, 3))
    size = len(range(start, stop, step))
    return Layer(
        f"slice {start} {stop} axis=1 step={step}",
        (source,),
        sliding(1, step, 1, -start),
        size,
        at.rate and at.rate * step,
        at.factor,
    )


def padded(before: int, after: int, source: int, at: Layer) -> Layer:
    return Layer(
        f"pad ({before},{after})", (source,), sliding(1, 1, 1, before), at.size + before + after, at.rate, at.factor
    )


def meet(draw: st.DrawFn, layers: list[Layer], one: int, two: int) -> None:
    """Appends the join of two earlier values; the smaller is padded first."""
    small, large = sorted((one, two), key=lambda n: layers[n].size)
    missing = layers[large].size - layers[small].size
    if missing:
        before = draw(st.integers(0, missing))
        layers.append(padded(before, missing - before, small, layers[small]))
        small = len(layers) - 1
    a, b = layers[small], layers[large]
    word = draw(st.sampled_from(["add", "maximum", "concat"]))
    layers.append(
        Layer(
            word,
            (small, large),
            sliding(1, 1, 1, 0),
            b.size,
            a.rate if a.rate == b.rate else None,
            lcm(a.factor, b.factor),
        )
    )


def branches(draw: st.DrawFn, layers: list[Layer]) -> None:
    """Appends two windows of one stride over one value, and their join."""
    source, stride = draw(st.integers(0, len(layers) - 1)), draw(st.integers(1, 2))
    ends = [windowed(draw, "conv 1", source, layers[source], stride) for _ in range(2)]
    if all(end.size >= 1 for end in ends):
        layers += ends
        meet(draw, layers, len(layers) - 2, len(layers) - 1)


@st.composite
def networks(draw: st.DrawFn) -> list[Layer]:
    """Layers any of which may read any earlier one, mostly the last; the first reads the input, which is number -1."""
    layers = [Layer("relu", (-1,), sliding(1, 1, 1, 0), INPUT_SIZE, Fraction(1))]
    for _ in range(draw(st.integers(1, 7))):
        source = draw(st.sampled_from([len(layers) - 1] * 3 + list(range(len(layers)))))
        at = layers[source]
        kind = draw(
            st.sampled_from(
                ["conv 1", "maxpool", "avgpool", "transposed", "upsample", "slice", "pad", "join", "branches"]
            )
        )
        match kind:
            case "join":
                meet(draw, layers, source, draw(st.integers(0, len(layers) - 1)))
                continue
            case "branches":
                branches(draw, layers)
                continue
            case "transposed":
                layer = transposed(draw, source, at)
            case "upsample":
                layer = upsampled(draw, source, at)
            case "slice":
                layer = sliced(draw, source, at)
            case "pad":
                layer = padded(draw(st.integers(0, 3)), draw(st.integers(0, 3)), source, at)
            case _:
                layer = windowed(draw, kind, source, at, draw(st.integers(1, 3)))
        if layer.size >= 1 and layer.factor <= MOST_PHASES:
            layers.append(layer)
    return layers


def seen(layers: list[Layer], number: int, position: int) -> set[int]:
    """The input positions that one output position depends on: wanted positions are handed from each layer to what it
    reads.
    """
    wanted: dict[int, set[int]] = {n: set() for n in range(-1, number + 1)}
    wanted[number].add(position)
    for n in range(number, -1, -1):
        read = set().union(*map(layers[n].reads, wanted[n]))
        for source in layers[n].sources:
            wanted[source] |= read
    return wanted[-1]


def hull(positions: set[int]) -> tuple[int, int] | None:
    return (min(positions), max(positions)) if positions else None


def fields_of(layers: list[Layer]) -> list[Field]:
    """What archcalc says of each layer, once it has been seen to agree about the sizes."""
    table = table_of([f"n0: {layers[0].line}", *(layer.item(n) for n, layer in enumerate(layers) if n)])
    found = {node.name.split("/")[0]: (node, table.fields["input"][n]) for n, node in enumerate(table.graph.nodes)}
    for n, layer in enumerate(layers):
        assert found[f"n{n}"][0].shape == (1, layer.size)
    return [field for n in range(len(layers)) if (field := found[f"n{n}"][1]) is not None]


@settings(max_examples=400, deadline=None)
@given(networks())
def test_spans_are_what_following_every_position_backwards_finds(layers: list[Layer]) -> None:
    for number, (layer, field) in enumerate(zip(layers, fields_of(layers), strict=True)):
        if layer.rate is None:
            assert field.reach is Reach.MIXED
            continue
        (span,) = field.spans
        hulls = {
            position: hull(seen(layers, number, position))
            for position in (-5, -1, *range(layer.factor), layer.factor, 2 * layer.factor + 1)
        }
        assert {position: window(span, position) for position in hulls} == hulls
        assert span.stride == layer.rate
        assert span.start == (hulls[0] or (None,))[0]
        assert span.size == max(last + 1 - first for first, last in [hulls[p] or (0, -1) for p in range(layer.factor)])


def window(span: Span, position: int) -> tuple[int, int] | None:
    low, high = span.low(position), span.high(position)
    return None if low is None else (low, high)


def test_a_position_that_sees_nothing_keeps_its_stride() -> None:
    holes = [
        "conv_transpose 1 1 stride=2",
        "slice 1 48 axis=1 step=2",
    ]  # every other output of the first reads no input, and those are kept
    (span,) = last_field([*holes, "conv 1 1 stride=3"]).spans
    assert (span.stride, span.size, span.start) == (3, 0, None)


# ---- published figures -----------------------------------------------------------------------------------------------

Axis = tuple[int, int, int]  # size, stride, padding before the first window


def axes(field: Field) -> list[Axis]:
    return [(span.size, span.stride, -span.start) for span in field.spans]  # type: ignore[misc]


NET1 = "add: [conv 1 1x1 stride=4 pad=0, ['pad (1,0)', conv 1 3x3 stride=2 pad=0, conv 1 1x1 stride=2 pad=0]]"
NET2 = "add: [maxpool 1x1 stride=4 pad=0, ['pad (1,0)', maxpool 3x3 stride=2 pad=0, maxpool 1x1 stride=2 pad=0]]"
NET3 = "add: [['pad (2,1)', conv 1 5x5 stride=2 pad=0], [conv 1 3x3 pad=0, conv 1 3x3 pad=0]]"
NET4 = "add: [conv 1 1x1 stride=4 pad=0, [conv 1 3x3 stride=2 pad=same, conv 1 1x1 stride=2 pad=0]]"
NET6 = (
    "add: [conv 1 1x1 stride=4 pad=0, ['pad (1,0)', conv 1 3x3 stride=2 pad=0, dropout 0.5, conv 1 1x1 stride=2 pad=0]]"
)
NET8 = [NET1, "relu", "add: [conv 1 1x1 stride=2 pad=0, ['pad (1,0)', conv 1 3x3 stride=2 pad=0]]", "relu"]
NET9 = [
    "add: [conv 1 1x1 stride=4 pad=same, [conv 1 3x3 stride=2 pad=same, conv 1 1x1 stride=2 pad=same]]",
    "add: [conv 1 1x1 stride=2 pad=same, conv 1 3x3 stride=2 pad=same]",
]


@pytest.mark.parametrize(
    ("layers", "side", "size", "stride", "padding"),
    [
        ([NET1, "relu"], 12, 3, 4, 1),
        ([NET2, "relu"], 12, 3, 4, 1),
        ([NET4], 9, 3, 4, 1),
        ([NET6], 12, 3, 4, 1),
        ([NET1, "relu"], 8, 3, 4, 1),
        (NET8, 16, 11, 8, 5),
        (NET9, 17, 11, 8, 5),
    ],
    ids=["net1", "net2", "net4", "net6", "net7", "net8", "net9"],
)
def test_the_networks_of_google_research_receptive_field(
    layers: list[str], side: int, size: int, stride: int, padding: int
) -> None:
    """The unit tests of github.com/google-research/receptive_field (receptive_field/python/util)."""
    assert axes(last_field(layers, side, side)) == [(size, stride, padding)] * 2


def test_branches_with_different_strides_are_not_uniform() -> None:
    """Net 3, which that library refuses."""
    assert last_field([NET3], 8, 8).reach is Reach.MIXED


def test_branches_that_do_not_align_merge_by_union() -> None:
    """Net 4 on an even size pads 0 before and 1 after: that library refuses it, here the windows 0..0 and 0..2 make
    0..2.
    """
    assert axes(last_field([NET4], 8, 8)) == [(3, 4, 0)] * 2


def test_axes_are_apart() -> None:
    """Net 5: kernels of 3x5, then 3x1, both with stride 2."""
    assert axes(last_field(["conv 1 3x5 stride=2 pad=0", "conv 1 3x1 stride=2 pad=0"], 20, 20)) == [
        (7, 4, 0),
        (5, 4, 0),
    ]


ALEXNET_V2 = [  # TF-Slim's; each with the size, stride and padding that the library publishes for it
    ("conv 1 11x11 stride=4 pad=valid", (11, 4, 0)),
    ("maxpool 3x3 stride=2 pad=valid", (19, 8, 0)),
    ("conv 1 5x5 pad=same", (51, 8, 16)),
    ("maxpool 3x3 stride=2 pad=valid", (67, 16, 16)),
    ("conv 1 3x3 pad=same", (99, 16, 32)),
    ("conv 1 3x3 pad=same", (131, 16, 48)),
    ("conv 1 3x3 pad=same", (163, 16, 64)),
    ("maxpool 3x3 stride=2 pad=valid", (195, 32, 64)),
]


def test_alexnet_v2_layer_by_layer() -> None:
    """Araujo, Norris and Sim, Distill 2019, doi 10.23915/distill.00021, and the table that goes with it."""
    table = table_of([line for line, _ in ALEXNET_V2], 224, 224)
    assert [axes(row.field["input"]) for row in table.rows] == [[published] * 2 for _, published in ALEXNET_V2]


VGG_16 = [line for convs in (2, 2, 3, 3, 3) for line in [*["conv 1 3x3 pad=same"] * convs, "maxpool 2x2 pad=same"]]

MOBILENET_V1 = [
    "conv 1 3x3 stride=2 pad=same",
    *(
        line
        for stride in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
        for line in (f"dwconv 3x3 stride={stride} pad=same", "conv 1 1x1 pad=same")
    ),
]


def resnet_v1(*units: int) -> list[str]:
    """TF-Slim's: a stage halves the map in its last unit, and pads by one on either side where it does."""
    layers = ["conv 1 7x7 stride=2", "maxpool 3x3 stride=2 pad=same"]
    for stage, count in enumerate(units, 1):
        for unit in range(1, count + 1):
            stride = 2 if unit == count and stage < len(units) else 1
            layers.append(f"add: [maxpool 1x1 stride={stride}, [conv 1 1x1, conv 1 3x3 stride={stride}, conv 1 1x1]]")
    return layers


@pytest.mark.parametrize(
    ("layers", "published"),
    [
        (VGG_16, (212, 32, 90)),
        (MOBILENET_V1, (315, 32, 126)),
        (resnet_v1(3, 4, 6, 3), (483, 32, 239)),
        (resnet_v1(3, 4, 23, 3), (1027, 32, 511)),
        (resnet_v1(3, 8, 36, 3), (1507, 32, 751)),
        (resnet_v1(3, 24, 36, 3), (1763, 32, 879)),
    ],
    ids=["vgg_16", "mobilenet_v1", "resnet_v1_50", "resnet_v1_101", "resnet_v1_152", "resnet_v1_200"],
)
def test_the_networks_of_the_distill_article(layers: list[str], published: Axis) -> None:
    """Araujo, Norris and Sim, Distill 2019, table of section "Popular architectures"."""
    assert axes(last_field(layers, 224, 224)) == [published] * 2


@pytest.mark.parametrize(("depth", "size"), [(1, 3), (2, 5), (3, 7)])
def test_a_stack_of_3x3_sees_as_a_larger_kernel(depth: int, size: int) -> None:
    """Simonyan and Zisserman, arXiv:1409.1556, section 2.3: two layers see 5x5, three see 7x7."""
    assert axes(last_field(["conv 1 3x3"] * depth, 32, 32)) == [(size, 1, depth)] * 2


def test_a_gate_is_left_out_and_noted() -> None:
    gate = "mul: [identity, [gap, linear 1, linear cin act=sigmoid]]"
    field = last_field(["conv 1 3x3", gate], 32, 32)
    assert (axes(field), field.gated) == ([(3, 1, 1)] * 2, True)
    assert last_field(["conv 1 3x3", gate.replace("mul", "add")], 32, 32).reach is Reach.ALL


def test_a_stretched_axis_has_no_uniform_window() -> None:
    assert last_field(["conv 1 1x1", "add: [identity, [avgpool 8x1 stride=1 pad=0]]"], 8, 8).reach is Reach.MIXED
    gate = last_field(["conv 4 3x3", "mul: [identity, [avgpool 8x8 pad=0, conv 4 1x1, sigmoid]]"], 8, 8)
    assert (axes(gate), gate.gated) == ([(3, 1, 1)] * 2, True)


def test_nothing_is_local_after_a_global_layer() -> None:
    assert [row.field["input"].reach for row in table_of(["conv 1 3x3", "gap keepdims", "upsample 4"], 8, 8).rows] == [
        Reach.PASS,
        Reach.ALL,
        Reach.ALL,
    ]


def test_the_last_map_is_where_the_network_goes_global() -> None:
    label, source, field = table_of(["stem: conv 1 3x3 stride=2 act=relu", "gap", "linear 10"], 8, 8).last_map or (
        "",
        "",
        None,
    )
    assert (label, source) == ("stem", "input")
    assert field is not None
    assert axes(field) == [(3, 2, 1)] * 2


def test_an_input_that_is_not_read_has_no_field() -> None:
    spec = read_spec(
        "archcalc: 1\nname: two\ninputs: {a: [1, 8], b: [1, 8]}\nlayers:\n  - left: [ref a, conv 1 3]\n  - both: {add:"
        " [ref left, [ref b, conv 1 5]]}\n",
        "two.yaml",
    )
    binding = bind(spec)
    left, _, both = Table(spec, None, binding, build(spec, binding)).rows
    assert {name: [span.size for span in field.spans] for name, field in left.field.items()} == {"a": [3]}
    assert {name: [span.size for span in field.spans] for name, field in both.field.items()} == {"a": [3], "b": [5]}


@pytest.mark.parametrize(
    ("start", "stop", "between", "size"),
    [(8, 14, "", 1), (0, 8, "", 3), (7, 9, "", 3), (9, 14, "relu, bn, ", 1), (8, 14, "conv 14 1x1, ", 3)],
)
def test_channels_that_are_cut_out_see_what_their_branch_sees(start: int, stop: int, between: str, size: int) -> None:
    """A convolution of 3 beside the input itself: 8 channels and 6."""
    text = (
        "archcalc: 1\nname: t\ninput: [6, 16, 16]\nlayers:\n  - concat: [conv 8 3x3, identity]\n"
        f"  - [{between}slice {start} {stop}]\n"
    )
    table = Model(read_spec(text, "net.yaml")).count()
    assert [span.size for span in table.fields["input"][len(table.graph.nodes) - 1].spans] == [size, size]


def test_a_field_that_differs_by_axis_has_a_stride_and_a_start_of_its_own() -> None:
    """A kernel of 3 x 5 at strides 1 and 2, padded by 1 and 2."""
    text = "archcalc: 1\nname: t\ninput: [3, 32, 32]\nlayers:\n  - conv 8 3x5 stride=1x2\n"
    table = Model(read_spec(text, "net.yaml")).count()
    found = [metric(table, name, None, Mark("", 0, 0)) for name in ("field", "field_stride", "field_start")]
    assert found == ["3x5", "1x2", "-1x-2"]


@pytest.mark.parametrize("name", ["googlenet", "unet", "t5", "clip"])
def test_the_field_of_one_layer_alone_is_the_one_it_has_among_all(name: str) -> None:
    alone, whole = archcalc.load(name).count(), archcalc.load(name).count()
    some = whole.graph.layers()[::7]
    assert [alone.seen_alone(n) for n in some] == [whole.seen_at(n) for n in some]
