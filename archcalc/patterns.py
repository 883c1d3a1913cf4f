"""Regular expressions that are compiled when they are first asked for: most commands need few of those that there are,
and to compile one takes longer than to import the module that it stands in.

>>> WORD = pattern(r"[a-z]+")
>>> WORD.sub("-", "one 2 three")
'- 2 -'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

_compile = re.compile  # itself, whatever stands in its place while `deferred`

if TYPE_CHECKING:
    from re import compile as pattern
else:

    class pattern:
        """An expression, which passes for the one that it is compiled to."""

        def __init__(self, text: str, flags: int = 0) -> None:
            self.text, self.wanted = text, flags

        def __getattr__(self, name: str) -> Any:
            """A method, which is kept: the next time nothing asks for it."""
            found = getattr(_compile(self.text, self.wanted), name)
            setattr(self, name, found)
            return found


@contextmanager
def deferred() -> Iterator[None]:
    """While a library is imported that compiles what few need: its expressions are such patterns, too."""
    compiling = re.compile
    re.compile = pattern
    try:
        yield
    finally:
        re.compile = compiling


__all__ = ["deferred", "pattern"]
