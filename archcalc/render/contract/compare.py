"""What `archcalc compare` prints."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.check import Figure
from archcalc.render.contract.common import Number, Sizes, Tool, Whole
from archcalc.render.contract.count import Uncounted
from archcalc.untyped import Json


class Change(TypedDict):
    """A figure before and after."""

    base: Json
    head: Json
    change: Annotated[Json, Field(description="head - base; null where there is nothing to subtract")]
    percent: float | None


class Parameter(TypedDict):
    """A design parameter with another value; null where there is none."""

    base: Json
    head: Json


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
    edited: Annotated[
        bool, Field(description="the layer itself is another; else its cost follows from what is before it")
    ]
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
    bindings: dict[str, Json]
    inputs: dict[str, Sizes]
    totals: dict[str, Number]
    layers_known: Annotated[bool, Field(description="false for a snapshot of a shortened table")]
    uncounted: Annotated[int, Field(description="how many operators could not be counted")]
    uncounted_operators: Annotated[list[Uncounted], Field(description="those: the totals lack them")]


class Judged(Figure):
    """A budget held against what changed."""

    limit: Annotated[str, Field(description="`max 7M`, `increase 2%`")]
    file: str


class Violation(TypedDict):
    """A budget that doesn't hold."""

    metric: str
    limit: str
    value: Json
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
    receptive_field: Annotated[
        dict[str, Change], Field(description="of the last map: field, field_stride, field_start")
    ]
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
