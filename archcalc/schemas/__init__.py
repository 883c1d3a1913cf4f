"""JSON Schemas (draft-07, which editors read) of the spec and of what commands print with `--format json`.

Made from the models that validate a spec and from the types that the writers of JSON follow; the files beside this one
are what `schema_text` says, for editors and for whoever has no Python, and a test holds them to it.
"""

from __future__ import annotations

import json
from pathlib import Path

from archcalc.errors import UsageError, among
from archcalc.untyped import Json

NAMES = (
    "spec", "count", "explain", "check", "compare", "verify", "measure", "memory", "sweep", "solve", "advise", "zoo",
    "devices", "ops",
)  # fmt: skip
FOLDER = Path(__file__).parent


def schema(name: str = "spec") -> dict[str, Json]:
    """A schema by its name. Raises UsageError for one that doesn't exist."""
    if name not in NAMES:
        raise UsageError(f"there is no schema '{name}'{among(name, NAMES)}")
    if name == "spec":
        from archcalc.schemas.spec import spec_schema

        return spec_schema()
    from archcalc.schemas.outputs import output_schema

    return output_schema(name)


def schema_text(name: str = "spec") -> str:
    """A schema as its file holds it, without a final newline."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False)
