"""What `archcalc sweep`, `solve`, `advise` and `devices` print."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Tool

Plain: TypeAlias = Annotated[
    int | float | str | bool | list[int | float | str | bool | None] | None,
    Field(description="a parameter's value or a figure: an exact integer, the nearest number of a fraction, a word"),
]
Design: TypeAlias = Annotated[
    dict[str, Plain], Field(description="a design: its parameters by the names of their axes, then its figures")
]
Exactly: TypeAlias = Annotated[int | float, Field(description="an exact integer, or the nearest number of a fraction")]


class Swept(TypedDict):
    """The designs of a space that hold."""

    schema: Literal["archcalc/sweep/1"]
    tool: Tool
    name: str
    space: Annotated[
        dict[str, list[Plain] | str],
        Field(description="the values of each axis; of an axis with more than 64, the first, the last and how many"),
    ]
    size: Annotated[int, Field(description="designs of the space, those that can't be built too")]
    unbuilt: Annotated[int, Field(description="those of them that can't be built")]
    sampled: Annotated[int | None, Field(description="how many were drawn; null where all were looked at")]
    devices: Annotated[
        dict[str, str], Field(description="the devices that times are predicted on, by the figures of them")
    ]
    pareto: Annotated[
        list[str], Field(description="what the designs are on the front of, a minus before what should be large")
    ]
    interrupted: Annotated[bool, Field(description="whether Ctrl-C ended it: designs are those that were looked at")]
    designs: list[Design]


class Asked(TypedDict):
    """A limit: what a figure is at most, or at least."""

    metric: str
    max: NotRequired[Exactly]
    min: NotRequired[Exactly]


class Solved(TypedDict):
    """The best design under limits."""

    schema: Literal["archcalc/solve/1"]
    tool: Tool
    name: str
    maximize: list[str]
    minimize: list[str]
    limits: list[Asked]
    best: Annotated[Design | None, Field(description="its parameters; null where no design keeps to all limits")]
    metrics: Annotated[dict[str, Exactly], Field(description="its figures")]
    binding: Annotated[list[str], Field(description="the metrics whose limits the next better design breaks")]
    next: Annotated[
        dict[str, Plain] | None,
        Field(description="the parameters of the next better design, and `breaks`, the metrics whose limits it breaks"),
    ]
    method: Annotated[str, Field(description="how it is known that there is no better one")]
    designs: Annotated[int, Field(description="how many were looked at")]
    unbuilt: Annotated[int, Field(description="how many can't be built")]
    least: Annotated[
        dict[str, Exactly], Field(description="of a limit that no design meets, the closest figure that there is")
    ]
    lower_bounds: Annotated[
        list[str], Field(description="figures of time that a data sheet bounds from below: no run is faster")
    ]


class OfAdvice(TypedDict):
    """One rewrite of a line."""

    id: Annotated[str, Field(description="what `--apply` takes")]
    lesson: str
    source: Annotated[str, Field(description="the spec that holds the lesson's figures")]
    line: Annotated[int, Field(description="of the spec, from 1")]
    old: str
    new: Annotated[str, Field(description="what stands there instead; empty where the line goes")]
    before: dict[str, Plain]
    after: dict[str, Plain]


class Advised(TypedDict):
    """The lessons that a network could use, those that save most multiply-accumulates first."""

    schema: Literal["archcalc/advise/1"]
    tool: Tool
    name: str
    advice: list[OfAdvice]


class OfDevice(TypedDict):
    """A device that networks can be fitted to, or times predicted on."""

    name: Annotated[str, Field(description="what `--fit` and `--device` take")]
    title: str
    memory_bytes: Annotated[int | None, Field(description="null of a device that has no limits here")]
    flash_bytes: Annotated[int | None, Field(description="null of a device that runs networks out of its memory")]
    profile: Annotated[str | None, Field(description="the kind of its latency profile; null without one")]
    source: Annotated[str | None, Field(description="the document that has the limits")]


class Devices(TypedDict):
    """Devices as limits and as profiles."""

    schema: Literal["archcalc/devices/1"]
    devices: list[OfDevice]
