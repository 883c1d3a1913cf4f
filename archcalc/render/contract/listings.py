"""What `archcalc zoo` and `archcalc ops` print."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from archcalc.render.contract.common import Sizes
from archcalc.render.contract.count import ReceptiveField


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
    inputs: Annotated[
        list[int | None],
        Field(description="how many it takes: at least, at most; null is any number", min_length=2, max_length=2),
    ]
    summary: str
    details: str
    family: str
