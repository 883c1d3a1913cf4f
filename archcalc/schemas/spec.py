"""The JSON Schema of a spec, for editors: draft-07, made from the models that validate it."""

from __future__ import annotations

import json
from typing import Any

from archcalc.ops import OPS
from archcalc.schemas.draft import DRAFT, HERE
from archcalc.spec.items import JOINS
from archcalc.spec.layers import IDENTITY, REF
from archcalc.spec.model import ELSEWHERE, Document, Parameter


def spec_schema() -> dict[str, Any]:
    """The schema of a spec file."""
    schema = Document.model_json_schema(by_alias=True)
    definitions = {**schema.pop("$defs", {}), "Parameter": Parameter.model_json_schema(by_alias=True), "Item": _item()}
    whole = {"$schema": DRAFT, **schema, "title": "archcalc spec", "definitions": definitions}
    local: dict[str, Any] = json.loads(json.dumps(whole).replace("#/$defs/", HERE).replace(ELSEWHERE, HERE))
    return local


def _item() -> dict[str, Any]:
    """What may stand in a list of layers. The words of a line are checked by archcalc itself."""
    words = ", ".join(OPS)
    return {
        "description": f"a layer: `name positional... key=value...`. Layers: {words}; {REF} LABEL, {IDENTITY}, `N x layer`, or a block of this spec",
        "anyOf": [
            {"type": "string", "pattern": r"^\s*\S+( .*)?$"},
            {"type": "array", "items": {"$ref": f"{HERE}Item"}},
            {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {f"^({'|'.join(sorted(JOINS))})( .*)?$": {"type": "array", "items": {"$ref": f"{HERE}Item"}}},
                "additionalProperties": {"anyOf": [{"$ref": f"{HERE}Item"}, {"type": ["number", "boolean"]}]},
            },
        ],
    }
