"""What `archcalc count` prints."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Counted, Number, Sizes, Tool, Whole
from archcalc.untyped import Json


class Spans(TypedDict):
    """What an output sees of an input, axis by axis."""

    size: Annotated[list[Number], Field(description="input positions that one output sees")]
    stride: Annotated[list[Number], Field(description="input positions between neighbouring outputs")]
    start: Annotated[
        list[Number], Field(description="where the first output's window begins; below zero in the padding")
    ]
    gated: Annotated[NotRequired[Literal[True]], Field(description="global gates, which see everything, are left out")]
    bound: Annotated[NotRequired[Literal[True]], Field(description="windows differ, and this is the largest")]


ReceptiveField: TypeAlias = Spans | Literal["all", "not uniform"] | None


class LastMap(Spans):
    """The receptive field of the last map before the network goes global."""

    at: Annotated[str, Field(description="the label of the map")]
    input: Annotated[NotRequired[str], Field(description="the input that is meant, where there are several")]


WholeField: TypeAlias = LastMap | Literal["all", "not uniform"] | None

Over = TypedDict("Over", {"index": str, "from": Whole, "to": Whole})
Over.__doc__ = "A loop over a free parameter: the row holds the sum over the index, both ends included."


class Named(TypedDict):
    """What every layer has."""

    name: Annotated[str, Field(description="the path of labels; in a shortened list the last is `N more`")]


class Layer(Named, total=False):
    """A layer, or a group of layers; with `--columns` those of its figures that they show."""

    op: Annotated[str, Field(description="the operator; `block` for a group")]
    text: Annotated[str, Field(description="the layer as the spec language writes it")]
    block: Annotated[str, Field(description="the group that it stands in, or nothing")]
    line: Annotated[int, Field(description="of the spec")]
    inputs: list[str]
    shape: Sizes
    params: Annotated[Whole, Field(description="learned numbers; 0 where the weights are another layer's")]
    trainable_params: Whole
    buffers: Whole
    macs: Counted
    flops: Counted
    elementwise: Counted
    activations: Whole
    weight_bytes: Whole
    bytes: Whole
    receptive_field: Annotated[
        ReceptiveField | dict[str, ReceptiveField], Field(description="by input where it sees several")
    ]
    backward_macs: NotRequired[Number]
    alive_bytes: Annotated[NotRequired[Whole | None], Field(description="where `--columns` asks for it; as the others")]
    inside_bytes: NotRequired[Whole]
    kept_bytes: NotRequired[Whole]
    layers: NotRequired[Annotated[Whole, Field(description="how many the row stands for")]]
    over: NotRequired[list[Over]]
    latency_ms: Annotated[
        NotRequired[Number],
        Field(description="predicted milliseconds; 0 where another layer's kernel does it on the side"),
    ]
    latency_bound: Annotated[
        NotRequired[str | None], Field(description="what takes most of them: compute, weights, activations or overhead")
    ]
    extrapolated: Annotated[
        NotRequired[bool], Field(description="the layer lies outside of what the device was calibrated for")
    ]


class Uncounted(TypedDict):
    """An operator of a model file that has no rule, or lacks what its rule needs."""

    op: str
    count: Annotated[int, Field(description="nodes of it")]
    first: Annotated[str, Field(description="the first such node")]
    why: str


class Parts(TypedDict):
    """What training holds, in bytes: by part, and in all."""

    weights: Annotated[Whole, Field(description="and buffers")]
    gradients: Whole
    optimizer: Annotated[Whole, Field(description="the optimiser's state")]
    master: Annotated[Whole, Field(description="a copy of the weights in fp32, under mixed precision")]
    kept: Annotated[Whole, Field(description="of the forward pass, with the checkpoints that were asked for")]
    inside: Annotated[Whole, Field(description="the most that a layer works on")]
    total: Whole


class Totals(TypedDict):
    """The whole network; what depends on it is for the batch."""

    params: Whole
    trainable_params: Whole
    active_params: Annotated[Whole, Field(description="those that one position meets: a few of many experts")]
    buffers: Whole
    macs: Counted
    flops: Counted
    elementwise: Counted
    activations: Whole
    act_peak_bytes: Annotated[Whole, Field(description="the most bytes of activations alive at once")]
    act_sum_bytes: Annotated[Whole, Field(description="bytes of activations that a backward pass needs")]
    weight_bytes: Whole
    cache_bytes: Annotated[Whole, Field(description="keys and values that attention keeps for positions to come")]
    bytes: Annotated[Whole, Field(description="weights read, activations read and written")]
    depth: Annotated[Number, Field(description="layers with weights on the longest path")]
    depth_with_pooling: Number
    layers: Whole
    uncounted: Annotated[list[Uncounted], Field(description="what could not be counted: the totals lack it")]
    backward_macs: NotRequired[Number]
    alive_bytes: Annotated[NotRequired[Whole | None], Field(description="where `--columns` asks for it; as the others")]
    inside_bytes: NotRequired[Whole]
    kept_bytes: NotRequired[Whole]
    optimizer_bytes: NotRequired[Whole]
    training_bytes: NotRequired[Parts]
    recomputed_macs: Annotated[NotRequired[Number], Field(description="of a second forward pass, with checkpoints")]
    expected_depth: NotRequired[Number]
    latency_ms: Annotated[NotRequired[Number], Field(description="predicted milliseconds of a run")]
    latency_interval_ms: Annotated[
        NotRequired[list[Number | None]],
        Field(description="[low, high] of nine of ten networks; high is null of a bound"),
    ]


class Latency(TypedDict):
    """A prediction: on which device, what takes the time, and how much of it is extrapolated."""

    device: Annotated[str, Field(description="the machine, the runtime and the calibration in words")]
    is_bound: Annotated[
        bool, Field(description="a data sheet's roofline, which no run is faster than, and no prediction")
    ]
    hot: Annotated[bool, Field(description="whether it is of a run that follows at once on another of its own")]
    compute_ms: Number
    weights_ms: Number
    activations_ms: Number
    overhead_ms: Number
    extrapolated_ms: Number
    throughput: Annotated[NotRequired[float], Field(description="samples a second")]
    memory_bytes: Annotated[NotRequired[int], Field(description="of a run: weights, activations and working room")]
    fraction_of_peak: Annotated[
        NotRequired[float], Field(description="of the device's best rate of multiply-accumulates")
    ]


class Held(TypedDict):
    """A tensor of a model file."""

    name: str
    shape: Sizes
    size: Annotated[Whole, Field(description="how many numbers")]
    type: Annotated[str, Field(description="how each is stored: fp32, int8, int4 ...")]
    bytes: Annotated[int, Field(description="of all in the file; 0 for what is made as the network runs")]
    role: Annotated[
        str,
        Field(
            description="parameter, buffer, copy (of one), scale, zero point, mask, table, index, constant, text,"
            " uncounted or unread"
        ),
    ]
    why: str


class Peer(TypedDict):
    """Another tool, whose convention is followed."""

    tool: str
    version: str
    units: Annotated[
        dict[str, str], Field(description="what it calls its `macs` and its `flops`, those that it prints")
    ]


class Count(TypedDict):
    """What a network costs."""

    schema: Literal["archcalc/count/1"]
    tool: Tool
    name: str
    spec: Annotated[str, Field(description="the file, relative to where the command ran")]
    variant: str | None
    convention: Annotated[str, Field(description="macs, or the tool that is asked how it counts")]
    mode: Literal["inference", "training"]
    batch: Whole
    dtype: Annotated[str, Field(description="fp64, fp32, fp16, bf16 or int8: the width of bytes")]
    bindings: Annotated[dict[str, Json], Field(description="the parameters that have a value")]
    free: Annotated[list[str], Field(description="the parameters that are symbols")]
    inputs: dict[str, Sizes]
    totals: Totals
    receptive_field: WholeField
    layers: list[Layer]
    counted_by: NotRequired[Peer]
    notes: Annotated[
        NotRequired[list[str]], Field(description="what was assumed of a model file where only a run tells")
    ]
    tensors: Annotated[NotRequired[list[Held]], Field(description="of a model file, with --tensors")]
    set: Annotated[
        NotRequired[list[str]], Field(description="the parameters that were given a value other than the spec's own")
    ]
    without: Annotated[NotRequired[list[str]], Field(description="labels that were left out")]
    domain: Annotated[NotRequired[list[str]], Field(description="where the closed forms hold")]
    narrower_domains: Annotated[
        NotRequired[dict[str, list[str]]], Field(description="where a figure holds, by figure, if that is less")
    ]
    latency: Annotated[NotRequired[Latency], Field(description="of `archcalc predict`")]
