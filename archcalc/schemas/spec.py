"""The JSON Schema of a spec, for editors: draft-07, made from the models that validate it."""

from __future__ import annotations

import inspect
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from archcalc.fields import Check, Checked, key
from archcalc.ops import JOINS, OPS
from archcalc.schemas.draft import DRAFT
from archcalc.spec.items import ELSE, IF, THEN, USE
from archcalc.spec.layers import IDENTITY, REF
from archcalc.spec.model import HERE, Document, Parameter
from archcalc.spec.standard import LIBRARY
from archcalc.untyped import Json


def spec_schema() -> dict[str, object]:
    """The schema of a spec file."""
    definitions: dict[str, Json] = {"Parameter": None, "Item": _item()}
    definitions["Parameter"] = _object(Parameter, definitions)
    return {
        "$schema": DRAFT,
        "title": "archcalc spec",
        **_object(Document, definitions),
        "definitions": dict(sorted(definitions.items())),
    }


def _object(kind: type[Checked], definitions: dict[str, Json]) -> dict[str, object]:
    """A mapping with these keys; what it refers to is put into `definitions`."""
    properties = {}
    for name, field in kind.fields.items():
        default = {} if field.required else {"default": field.default}
        properties[key(name)] = {**_type(field.declared, definitions), **default}
    required = [key(name) for name, field in kind.fields.items() if field.required]
    return {
        "description": inspect.cleandoc(kind.__doc__ or ""),
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": kind.others,
    }


def _type(kind: Any, definitions: dict[str, Json]) -> dict[str, object]:
    """What a field of that type holds in a file."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return next(dict(note.schema) for note in parts if isinstance(note, Check))
    if origin in (Union, UnionType):
        return {"anyOf": [_type(part, definitions) for part in parts]}
    if origin is list:
        return {"type": "array", "items": _type(parts[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(parts[1], definitions)}
    if origin is Literal:
        return {"type": "string", "enum": list(parts)}
    if issubclass(kind, Checked):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"{HERE}{kind.__name__}"}
    return {"type": {bool: "boolean", NoneType: "null"}[kind]}


def _item() -> dict[str, object]:
    """What may stand in a list of layers. The words of a line are checked by archcalc itself."""
    words = ", ".join(OPS)
    return {
        "description": (
            f"a layer: `name positional... key=value...`. Layers: {words}; {REF} LABEL, {IDENTITY}, `{USE}"
            f" NETWORK`, `N x layer`, {', '.join(LIBRARY)}, or a block of this spec; `{{{IF}: C, {THEN}: item,"
            f" {ELSE}: item}}`"
        ),
        "anyOf": [
            {"type": "string", "pattern": r"^\s*\S+( .*)?$"},
            {"type": "array", "items": {"$ref": f"{HERE}Item"}},
            {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {
                    f"^({'|'.join(sorted(JOINS))})( .*)?$": {"type": "array", "items": {"$ref": f"{HERE}Item"}}
                },
                "additionalProperties": {"anyOf": [{"$ref": f"{HERE}Item"}, {"type": ["number", "boolean"]}]},
            },
        ],
    }
