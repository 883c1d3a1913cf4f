"""What `archcalc verify` and `archcalc measure` print."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Sizes, Tool
from archcalc.untyped import Json


class Asked(TypedDict):
    """The network that was run."""

    name: str
    spec: Annotated[str, Field(description="the file, relative to where the command ran")]
    variant: str | None
    mode: Literal["inference", "training"]
    batch: int
    bindings: Annotated[dict[str, Json], Field(description="the parameters and their values")]
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
    fused_into: Annotated[
        str | None, Field(description="the layer that its time is counted at, if it has none of its own")
    ]


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
    hot: Annotated[bool, Field(description="whether it was measured alone, caches hot, and predicted so")]
    lines: Annotated[list[AgainstLine], Field(description="on the CPU, where layers can be timed")]


class Measured(Asked):
    """How long a network takes."""

    schema: Literal["archcalc/measure/1"]
    tool: Tool
    versions: Annotated[dict[str, str], Field(description="of the packages that ran it")]
    dtype: str
    device: Annotated[dict[str, Json], Field(description="the machine")]
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
    ratio: Annotated[
        NotRequired[float], Field(description="of the median to the first network's, where there are several")
    ]
    rank_correlation: Annotated[NotRequired[float | None], Field(description="of MACs and medians over all networks")]
    against: Annotated[NotRequired[Against], Field(description="with --against: the prediction")]
