"""What `archcalc explain` prints: a bridge to a tool's numbers, all tools side by side, or their rules."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Number, Tool, Whole
from archcalc.render.contract.count import Peer, Uncounted
from archcalc.untyped import Json


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
    bindings: dict[str, Json]
    free: list[str]
    numbers: list[BridgeOf]
    uncounted: Annotated[
        list[Uncounted], Field(description="what could not be counted: our number and the tool's lack it")
    ]
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
    uncounted: Annotated[list[Uncounted], Field(description="what could not be counted: all numbers lack it")]
    tools: list[Printed]


class Described(TypedDict):
    """A tool and its rules."""

    tool: str
    version: str
    about: str
    notes: list[str]
    rules: Annotated[
        dict[str, dict[str, str]],
        Field(description="by number and operator; under the empty name that of all other operators"),
    ]


class Tools(TypedDict):
    """How tools count."""

    schema: Literal["archcalc/tools/1"]
    tool: Tool
    tools: list[Described]
