"""What several of the documents share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field
from typing_extensions import TypedDict

Whole: TypeAlias = Annotated[
    int | str,
    Field(description="an exact integer, or a closed form in free parameters, as the spec language writes it"),
]
Number: TypeAlias = Annotated[
    int | float | str, Field(description="an exact integer, a closed form, or an expected value that is a fraction")
]
Counted: TypeAlias = Annotated[
    int | float | str | None, Field(description="a number; null where the tool that counts does not tell it")
]
Sizes: TypeAlias = Annotated[list[Whole], Field(description="one sample, channels first")]


class Tool(TypedDict):
    """What printed this."""

    name: Literal["archcalc"]
    version: str
