"""The schemas of what commands print, made from `render.contract`."""

from __future__ import annotations

import json

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from archcalc.render.contract import (
    Advised,
    Check,
    Compare,
    Count,
    Devices,
    Explain,
    Measured,
    Memory,
    Operator,
    Overview,
    Shipped,
    Solved,
    Swept,
    Tools,
    Verified,
)
from archcalc.schemas.draft import DRAFT
from archcalc.spec.model import HERE
from archcalc.untyped import Json

OUTPUTS: dict[str, tuple[str, Json]] = {
    "count": (
        "what `archcalc count --format json` prints: a network, or a list of them for several specs",
        Count | list[Count],
    ),
    "explain": (
        (
            "what `archcalc explain --format json` prints: a bridge to a tool's numbers; without a tool, what all"
            " print; without a network, rules"
        ),
        Explain | Overview | Tools,
    ),
    "check": ("what `archcalc check --format json` prints", Check),
    "compare": ("what `archcalc compare --format json` prints", Compare),
    "zoo": ("what `archcalc zoo --format json` prints", list[Shipped]),
    "verify": (
        "what `archcalc verify --format json` prints: a network, or a list of them for several specs",
        Verified | list[Verified],
    ),
    "measure": (
        "what `archcalc measure --format json` prints: a network, or a list of them for several specs",
        Measured | list[Measured],
    ),
    "memory": ("what `archcalc memory --format json` prints", Memory),
    "sweep": ("what `archcalc sweep --format json` prints", Swept),
    "solve": ("what `archcalc solve --format json` prints", Solved),
    "advise": ("what `archcalc advise --format json` prints", Advised),
    "devices": ("what `archcalc devices --format json` prints", Devices),
    "ops": ("what `archcalc ops --format json` prints", list[Operator]),
}


class _Generator(GenerateJsonSchema):
    """Without a title for every key, which only repeats it."""

    def field_title_should_be_set(self, schema: Json) -> bool:
        return False


def output_schema(name: str) -> dict[str, Json]:
    """The schema of a command's output."""
    description, kind = OUTPUTS[name]
    made = TypeAdapter(kind).json_schema(mode="serialization", schema_generator=_Generator)
    definitions = made.pop("$defs", {})
    whole = {"$schema": DRAFT, "title": f"archcalc {name}", "description": description} | {
        k: v for k, v in made.items() if k not in ("title", "description")
    }
    local: dict[str, Json] = json.loads(json.dumps({**whole, "definitions": definitions}).replace("#/$defs/", HERE))
    return local
