"""PyYAML, whose events specs are read from.

Its own scanner and resolver are not used here, though its modules compile ten expressions for them: half of the time
that importing it takes. They are compiled when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.patterns import deferred

with deferred():
    import yaml


def events(text: str) -> Iterator[yaml.Event]:
    """What a text consists of, in its order, by the C parser where PyYAML has it.

    Raises yaml.YAMLError for what is no YAML.
    """
    return yaml.parse(text, Loader=getattr(yaml, "CLoader", yaml.Loader))


__all__ = ["events", "yaml"]
