"""The JSON contract, key by key: what commands print with `--format json`.

The writers are annotated with these types, so that a key which is missing here, or there, is a type error; the JSON Schemas in
`archcalc/schemas` are made from them. `schema` changes when a key changes its meaning; new keys may be added.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

Whole: TypeAlias = Annotated[int | str, Field(description="an exact integer, or a closed form in free parameters, as the spec language writes it")]
Number: TypeAlias = Annotated[int | float | str, Field(description="an exact integer, a closed form, or an expected value that is a fraction")]
Counted: TypeAlias = Annotated[int | float | str | None, Field(description="a number; null where the tool that counts does not tell it")]
Sizes: TypeAlias = Annotated[list[Whole], Field(description="one sample, channels first")]


class Tool(TypedDict):
    """What printed this."""

    name: Literal["archcalc"]
    version: str


# ---- archcalc count -------------------------------------------------------------------------------------------------------


class Spans(TypedDict):
    """What an output sees of an input, axis by axis."""

    size: Annotated[list[Number], Field(description="input positions that one output sees")]
    stride: Annotated[list[Number], Field(description="input positions between neighbouring outputs")]
    start: Annotated[list[Number], Field(description="where the first output's window begins; below zero in the padding")]
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


class Layer(TypedDict):
    """A layer, or a group of layers."""

    name: Annotated[str, Field(description="the path of labels; in a shortened list the last is `N more`")]
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
    receptive_field: Annotated[ReceptiveField | dict[str, ReceptiveField], Field(description="by input where it sees several")]
    backward_macs: NotRequired[Number]
    over: NotRequired[list[Over]]
    latency_ms: Annotated[NotRequired[Number], Field(description="predicted milliseconds; 0 where another layer's kernel does it on the side")]
    latency_bound: Annotated[NotRequired[str | None], Field(description="what takes most of them: compute, weights, activations or overhead")]
    extrapolated: Annotated[NotRequired[bool], Field(description="the layer lies outside of what the device was calibrated for")]


class Uncounted(TypedDict):
    """An operator of a model file that has no rule, or lacks what its rule needs."""

    op: str
    count: Annotated[int, Field(description="nodes of it")]
    first: Annotated[str, Field(description="the first such node")]
    why: str


class Totals(TypedDict):
    """The whole network; what depends on it is for the batch."""

    params: Whole
    trainable_params: Whole
    buffers: Whole
    macs: Counted
    flops: Counted
    elementwise: Counted
    activations: Whole
    act_peak_bytes: Annotated[Whole, Field(description="the most bytes of activations alive at once")]
    act_sum_bytes: Annotated[Whole, Field(description="bytes of activations that a backward pass needs")]
    weight_bytes: Whole
    bytes: Annotated[Whole, Field(description="weights read, activations read and written")]
    depth: Annotated[Number, Field(description="layers with weights on the longest path")]
    depth_with_pooling: Number
    layers: Whole
    uncounted: Annotated[list[Uncounted], Field(description="what could not be counted: the totals lack it")]
    backward_macs: NotRequired[Number]
    optimizer_bytes: NotRequired[Whole]
    expected_depth: NotRequired[Number]
    latency_ms: Annotated[NotRequired[Number], Field(description="predicted milliseconds of a run")]
    latency_interval_ms: Annotated[NotRequired[list[Number | None]], Field(description="[low, high] of nine of ten networks; high is null of a bound")]


class Latency(TypedDict):
    """A prediction: on which device, what takes the time, and how much of it is extrapolated."""

    device: Annotated[str, Field(description="the machine, the runtime and the calibration in words")]
    is_bound: Annotated[bool, Field(description="a data sheet's roofline, which no run is faster than, and no prediction")]
    compute_ms: Number
    weights_ms: Number
    activations_ms: Number
    overhead_ms: Number
    extrapolated_ms: Number
    throughput: Annotated[NotRequired[float], Field(description="samples a second")]
    memory_bytes: Annotated[NotRequired[int], Field(description="of a run: weights, activations and working room")]
    fraction_of_peak: Annotated[NotRequired[float], Field(description="of the device's best rate of multiply-accumulates")]


class Peer(TypedDict):
    """Another tool, whose convention is followed."""

    tool: str
    version: str
    units: Annotated[dict[str, str], Field(description="what it calls its `macs` and its `flops`, those that it prints")]


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
    bindings: Annotated[dict[str, Any], Field(description="the parameters that have a value")]
    free: Annotated[list[str], Field(description="the parameters that are symbols")]
    inputs: dict[str, Sizes]
    totals: Totals
    receptive_field: WholeField
    layers: list[Layer]
    counted_by: NotRequired[Peer]
    notes: Annotated[NotRequired[list[str]], Field(description="what was assumed of a model file where only a run tells")]
    set: Annotated[NotRequired[list[str]], Field(description="the parameters that were given a value other than the spec's own")]
    without: Annotated[NotRequired[list[str]], Field(description="labels that were left out")]
    domain: Annotated[NotRequired[list[str]], Field(description="where the closed forms hold")]
    narrower_domains: Annotated[NotRequired[dict[str, list[str]]], Field(description="where a figure holds, by figure, if that is less")]
    latency: Annotated[NotRequired[Latency], Field(description="of `archcalc predict`")]


# ---- archcalc check -------------------------------------------------------------------------------------------------------


class Figure(TypedDict):
    """A reference or a budget held against the count."""

    kind: Literal["reference", "budget"]
    metric: str
    passed: bool
    known_mismatch: bool
    warning: Annotated[bool, Field(description="a budget of level `warn` that is broken")]
    counted: Any
    wanted: str
    source: str
    note: str
    line: int


class Checked(TypedDict):
    """A network and its figures."""

    spec: str
    variant: str | None
    layers: Whole
    figures: list[Figure]
    failed: int


class Tally(TypedDict):
    """What was checked."""

    networks: int
    references_matched: int
    known_mismatches: int
    budgets_held: int
    warnings: int
    failed: int


class Check(TypedDict):
    """Specs held against their references and budgets."""

    schema: Literal["archcalc/check/1"]
    tool: Tool
    totals: Tally
    networks: list[Checked]


# ---- archcalc compare -----------------------------------------------------------------------------------------------------


class Change(TypedDict):
    """A figure before and after."""

    base: Any
    head: Any
    change: Annotated[Any, Field(description="head - base; null where there is nothing to subtract")]
    percent: float | None


class Parameter(TypedDict):
    """A design parameter with another value; null where there is none."""

    base: Any
    head: Any


class Compared(TypedDict):
    """A layer, or a block, on one side."""

    op: str
    text: str
    shape: Sizes
    layers: Whole
    params: Whole
    trainable_params: Whole
    buffers: Whole
    macs: Number
    elementwise: Number
    activations: Whole
    weight_bytes: Whole
    bytes: Whole
    backward_macs: NotRequired[Number]


class LayerChange(TypedDict):
    """What happened to a layer."""

    status: Literal["added", "removed", "changed", "renamed"]
    name: str
    was: Annotated[str | None, Field(description="the path that it had, if it was renamed")]
    line: Annotated[int | None, Field(description="of the spec as it is now")]
    edited: Annotated[bool, Field(description="the layer itself is another; else its cost follows from what is before it")]
    base: Compared | None
    head: Compared | None
    delta: Annotated[dict[str, Number], Field(description="head - base, by cost")]


class Side(TypedDict):
    """A network before or after."""

    name: str
    spec: str
    variant: str | None
    mode: Annotated[str, Field(description="inference or training")]
    batch: Whole
    dtype: str
    without: list[str]
    free: list[str]
    domain: list[str]
    bindings: dict[str, Any]
    inputs: dict[str, Sizes]
    totals: dict[str, Number]
    layers_known: Annotated[bool, Field(description="false for a snapshot of a shortened table")]
    uncounted: int


class Judged(Figure):
    """A budget held against what changed."""

    limit: Annotated[str, Field(description="`max 7M`, `increase 2%`")]
    file: str


class Violation(TypedDict):
    """A budget that doesn't hold."""

    metric: str
    limit: str
    value: Any
    level: Literal["error", "warn"]
    file: str
    line: int


class Comparison(TypedDict):
    """One network, before and after."""

    path: str
    variant: str | None
    name: str
    status: Literal["new", "removed", "changed", "unchanged"]
    base: Side | None
    head: Side | None
    delta: Annotated[dict[str, Change], Field(description="by total")]
    receptive_field: Annotated[dict[str, Change], Field(description="of the last map: field, field_stride, field_start")]
    parameters: dict[str, Parameter]
    layers: list[LayerChange]
    budgets: list[Judged]
    violations: list[Violation]
    unjudged: Annotated[list[str], Field(description="limits that need a base, of a network without one")]


class Base(TypedDict):
    """What specs were compared with."""

    label: str
    ref: str | None
    sha: str | None
    file: str | None


class Summary(TypedDict):
    """How many."""

    models: int
    changed: int
    failed: int
    warned: int
    uncounted_ops: int


class Compare(TypedDict):
    """What changed."""

    schema: Literal["archcalc/compare/1"]
    tool: Tool
    convention: Literal["macs"]
    base: Annotated[Base | None, Field(description="null where two networks were named")]
    models: list[Comparison]
    notes: list[str]
    summary: Summary


# ---- archcalc explain -----------------------------------------------------------------------------------------------------


class BridgePart(TypedDict):
    """So many times an amount of a quantity."""

    factor: int
    quantity: str
    amount: Number


class BridgeStep(TypedDict):
    """What the layers of an operator add to our number."""

    op: str
    written: Annotated[str | None, Field(description="how PyTorch code writes them, where the tool tells ways apart")]
    layers: Whole
    parts: list[BridgePart]
    adds: Number


class BridgeOf(TypedDict):
    """`theirs` = `ours` x `factor` + what the steps add."""

    counts: Literal["macs", "flops", "params"]
    title: Annotated[str, Field(description="what the tool calls it")]
    ours: Number
    factor: int
    steps: list[BridgeStep]
    theirs: Number


class Explain(TypedDict):
    """The way from our numbers to a tool's."""

    schema: Literal["archcalc/explain/1"]
    tool: Tool
    name: str
    spec: str
    variant: str | None
    counted_by: Peer
    batch: Whole
    bindings: dict[str, Any]
    free: list[str]
    numbers: list[BridgeOf]
    notes: list[str]
    domain: NotRequired[list[str]]


class Printed(TypedDict):
    """What a tool prints for a network."""

    tool: str
    version: str | None
    units: dict[str, str]
    macs: NotRequired[Number]
    flops: NotRequired[Number]
    params: Number


class Overview(TypedDict):
    """What every tool prints for a network; our own numbers first."""

    schema: Literal["archcalc/overview/1"]
    tool: Tool
    name: str
    spec: str
    variant: str | None
    tools: list[Printed]


class Described(TypedDict):
    """A tool and its rules."""

    tool: str
    version: str
    about: str
    notes: list[str]
    rules: Annotated[dict[str, dict[str, str]], Field(description="by number and operator; under the empty name that of all other operators")]


class Tools(TypedDict):
    """How tools count."""

    schema: Literal["archcalc/tools/1"]
    tool: Tool
    tools: list[Described]


# ---- archcalc zoo, archcalc ops -------------------------------------------------------------------------------------------


class Shipped(TypedDict):
    """A network that ships."""

    name: Annotated[str, Field(description="what `archcalc count` knows it by")]
    family: Annotated[str, Field(description="the name of its spec")]
    title: str
    year: int | None
    paper: str | None
    spec: str
    variant: str | None
    inputs: dict[str, Sizes]
    params: int
    macs: int
    activations: int
    act_peak_bytes: int
    act_sum_bytes: int
    weight_bytes: int
    depth: int
    depth_with_pooling: int
    receptive_field: ReceptiveField


class Operator(TypedDict):
    """An operator of the language."""

    name: str
    usage: Annotated[str, Field(description="the words of its line; those in capitals are positional")]
    options: Annotated[dict[str, str], Field(description="each with its default, as it is written")]
    suffixes: Annotated[list[str], Field(description="what may follow on its line, as in `norm=bn`")]
    inputs: Annotated[list[int | None], Field(description="how many it takes: at least, at most; null is any number", min_length=2, max_length=2)]
    summary: str
    details: str
    family: str


# ---- archcalc verify and archcalc measure ---------------------------------------------------------------------------------


class Asked(TypedDict):
    """The network that was run."""

    name: str
    spec: Annotated[str, Field(description="the file, relative to where the command ran")]
    variant: str | None
    mode: Literal["inference", "training"]
    batch: int
    bindings: Annotated[dict[str, Any], Field(description="the parameters and their values")]
    inputs: dict[str, Sizes]
    without: Annotated[list[str], Field(description="labels that were left out")]


class Proved(TypedDict):
    """How many of how many agree."""

    proved: int
    of: int


class Perturbed(TypedDict):
    """A receptive field, shown by raising single pixels."""

    at: Annotated[str, Field(description="the layer")]
    input: str
    size: Annotated[list[int], Field(description="input positions that one output sees, axis by axis")]
    positions: Annotated[int, Field(description="outputs that were looked at")]
    sides: Annotated[int, Field(description="outermost lines of their windows of which a pixel was shown to be seen")]
    unseen: Annotated[int, Field(description="those of which none was, where numbers may hide it")]
    pixels: Annotated[int, Field(description="pixels that were raised, each alone")]
    holds: bool


class Verified(Asked):
    """What running a network proved."""

    schema: Literal["archcalc/verify/1"]
    tool: Tool
    versions: Annotated[dict[str, str], Field(description="of the packages that ran it")]
    holds: bool
    shapes: Annotated[Proved, Field(description="outputs whose real shape is the counted one")]
    inferred: Annotated[Proved, Field(description="outputs whose shape onnx infers as it was counted")]
    tensors: Annotated[Proved, Field(description="learned tensors and buffers that are read as they were counted")]
    params: int
    buffers: int
    fields: list[Perturbed]
    differences: Annotated[list[str], Field(description="where the network disagrees with the count")]


class Ceilings(TypedDict):
    """What the device does at best, measured there, and the least time that this allows."""

    bound_ms: float
    limit: Literal["compute", "memory"]
    gmac_per_s: Annotated[float, Field(description="of a large matrix product")]
    gb_per_s: Annotated[float, Field(description="of reading as much as the network's weights and inputs")]


class Timed(TypedDict):
    """A layer's part of the time."""

    name: str
    op: str
    macs: int
    measured_ms: float
    share: float
    fused_into: Annotated[str | None, Field(description="the layer that its time is counted at, if it has none of its own")]


class AgainstLine(TypedDict):
    """A line of the spec, or a block."""

    name: str
    measured_ms: float
    predicted_ms: float
    error: Annotated[float | None, Field(description="of the prediction, as a part of what was measured")]
    extrapolated: bool


class Against(TypedDict):
    """A prediction beside its measurement."""

    device: Annotated[str, Field(description="that the prediction is for")]
    predicted_ms: float
    interval_ms: Annotated[list[float | None], Field(description="[low, high]; high is null of a bound")]
    error: Annotated[float, Field(description="of the prediction, as a part of the measured median")]
    within: Annotated[bool, Field(description="whether the measured median lies in the interval")]
    lines: Annotated[list[AgainstLine], Field(description="on the CPU, where layers can be timed")]


class Measured(Asked):
    """How long a network takes."""

    schema: Literal["archcalc/measure/1"]
    tool: Tool
    versions: Annotated[dict[str, str], Field(description="of the packages that ran it")]
    dtype: str
    device: Annotated[dict[str, Any], Field(description="the machine")]
    provider: Annotated[str, Field(description="of onnxruntime")]
    warmup: Annotated[int, Field(description="runs before the first that counts")]
    runs: int
    stable: Annotated[bool, Field(description="whether the median stood still")]
    interrupted: bool
    macs: Annotated[int, Field(description="for the batch")]
    median_ms: float
    p10_ms: float
    p90_ms: float
    spread: Annotated[float, Field(description="between the quartiles, as a part of the median")]
    throughput: Annotated[float, Field(description="samples a second")]
    gmac_per_s: float
    roofline: Ceilings
    layers: Annotated[NotRequired[list[Timed]], Field(description="with --profile")]
    ratio: Annotated[NotRequired[float], Field(description="of the median to the first network's, where there are several")]
    rank_correlation: Annotated[NotRequired[float | None], Field(description="of MACs and medians over all networks")]
    against: Annotated[NotRequired[Against], Field(description="with --against: the prediction")]
