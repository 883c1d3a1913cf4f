"""What `archcalc check` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Tool, Whole
from archcalc.render.contract.count import Uncounted
from archcalc.untyped import Json


class Figure(TypedDict):
    """A reference or a budget held against the count."""

    kind: Literal["reference", "budget"]
    metric: str
    passed: bool
    known_mismatch: bool
    warning: Annotated[bool, Field(description="a budget of level `warn` that is broken")]
    counted: Json
    wanted: str
    source: str
    note: str
    file: Annotated[str, Field(description="where it is written: the spec, or settings of its repository")]
    line: int
    column: int


class Checked(TypedDict):
    """A network and its figures."""

    spec: str
    variant: str | None
    layers: Whole
    figures: list[Figure]
    failed: int
    uncounted: Annotated[list[Uncounted], Field(description="what could not be counted: the figures lack it")]


class Mistake(TypedDict):
    """What can't be read or built, and where; nulls where it has no place."""

    message: str
    file: str | None
    line: int | None
    column: int | None
    end_column: Annotated[int | None, Field(description="the column behind the last")]


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
    mistakes: Annotated[list[Mistake], Field(description="with any, nothing is judged and the exit code is 2")]
