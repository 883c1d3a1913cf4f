"""What `archcalc memory` prints."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Tool
from archcalc.untyped import Json


class Moment(TypedDict):
    """A layer while it runs."""

    layer: str
    alive_bytes: int
    inside_bytes: Annotated[int, Field(description="of these, those that only the layer works on")]


class Stretch(TypedDict):
    """A tensor, or several that are written over one another: the first and the last step that need it."""

    name: str
    bytes: int
    first: Annotated[int, Field(description="counted from 0, in `order`")]
    last: int


class Placed(Stretch):
    """A tensor with its place."""

    offset: int


class Planned(TypedDict):
    """One block of memory with a place for every tensor."""

    bytes: int
    method: Annotated[str, Field(description="inorder, greedy or best")]
    optimal: Annotated[bool, Field(description="proved: no block can be smaller")]
    bound: Annotated[int, Field(description="bytes that every plan takes at least")]
    why: Annotated[str, Field(description="how that is known")]
    tensors: list[Placed]


class Ordered(TypedDict):
    """The order that was looked for."""

    optimal: Annotated[bool, Field(description="proved: no order needs less at once")]
    why: str


class Patches(TypedDict):
    """The first layers run on one part of the map after the other."""

    number: int
    until: Annotated[str, Field(description="the layer whose map they make up")]
    macs: Annotated[int, Field(description="multiply-accumulates a sample, with what overlaps computed again")]
    macs_without: int


class Memory(TypedDict):
    """A network laid out in memory."""

    schema: Literal["archcalc/memory/1"]
    tool: Tool
    name: str
    spec: str
    variant: str | None
    batch: int
    dtype: str
    bindings: dict[str, Json]
    peak_bytes: Annotated[int, Field(description="the most bytes alive at once")]
    peak_at: Annotated[str, Field(description="the first layer where that is so")]
    floor_bytes: Annotated[int, Field(description="the same with every tensor rounded up to the alignment")]
    align: int
    timeline: list[Moment]
    tensors: list[Stretch]
    order: Annotated[list[str], Field(description="the layers as they run")]
    order_found: NotRequired[Ordered]
    inplace_depthwise: NotRequired[bool]
    patches: NotRequired[Patches]
    plan: NotRequired[Planned]
