"""PyYAML, whose events specs are read from.

Its own scanner and resolver are not used here, though its modules compile ten expressions for them: half of the time
that importing it takes. They are compiled when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.patterns import deferred

with deferred():
    import yaml

LOADER = getattr(yaml, "CLoader", yaml.Loader)  # the C parser where PyYAML has it


def events(text: str) -> Iterator[yaml.Event]:
    """What a text consists of, in its order.

    Raises yaml.YAMLError for what is no YAML.
    """
    return yaml.parse(text, Loader=LOADER)


__all__ = ["LOADER", "events", "yaml"]
