"""From a file to a `Spec`: validated, with a position for everything that can be wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archcalc import reading
from archcalc.collector import uncollected
from archcalc.errors import Mark, Problem, SpecError
from archcalc.patterns import pattern
from archcalc.spec.loader import Loader
from archcalc.spec.parts import Spec
from archcalc.spec.text import MOST_BYTES, Mapping
from archcalc.spec.uses import Disk, Others, Shelf

if TYPE_CHECKING:
    from archcalc.spec.again import Again

NO_SPEC = "no spec: none of its lines begins with `archcalc: 1`"
MOST_OF_NO_SPEC = 20_000  # parts of what is none that are looked through for what is wrong with it
_FIRST_KEY = pattern(r"""^\ufeff?(?:\{\s*)?["']?archcalc["']?\s*:""", re.MULTILINE)


def is_spec(text: str) -> bool:
    """Whether the text of a YAML file says that it is a spec."""
    return bool(_FIRST_KEY.search(text))


def read_text(path: str) -> str:
    """The text of a spec file. Raises UsageError or SpecError."""
    return decoded(reading.read(path, MOST_BYTES, "a spec file"), path)


def decoded(data: bytes, path: str) -> str:
    """The text of a spec from its bytes. Raises SpecError."""
    top = Mark(path, 1, 1)
    if len(data) > MOST_BYTES:
        raise SpecError([Problem(f"the file is larger than {MOST_BYTES // 10**6} MB; a spec is a page of text", top)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(
            [Problem(f"not a text file: byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8", top)]
        ) from None


def load_spec(path: str, shown: str | None = None) -> Spec:
    """Read a spec file, called `shown` in messages and tables.

    Raises SpecError with every mistake that can be found without building the network: in keys and values, in layers,
    options and names, in blocks that are never called too.
    """
    return read_spec(read_text(path), shown or path, Disk(path, shown or path))


@uncollected()
def read_spec(text: str, path: str, shelf: Shelf | None = None, again: Again | None = None) -> Spec:
    """Read the text of a spec; `path` is what messages call it. They quote it only if it says that it is a spec.

    The specs that it uses stand on the `shelf`: by default they are files beside `path`. With `again`, only what
    changed since the last reading is read anew.
    """
    shelf = shelf or Disk(path)
    others = Others(shelf, lambda found, inner: _read(decoded(found.data, found.path), found.path, inner))
    return _read(text, path, others, again)


def _read(text: str, path: str, others: Others, again: Again | None = None) -> Spec:
    from archcalc.spec.composing import compose

    if not is_spec(text):
        raise no_spec(text, path)
    root = again.compose(text, path) if again else compose(text, path)
    if not isinstance(root, Mapping):
        raise SpecError([Problem("a spec is a mapping: archcalc, name, input, layers", root.mark)])
    try:
        return Loader(root, path, others, again).spec()
    except RecursionError:
        raise SpecError([Problem("blocks inside blocks, nested too deeply", root.mark)]) from None


def no_spec(text: str, path: str) -> SpecError:
    """What is wrong with a file that may be anything: not a word of it is quoted."""
    from archcalc.spec.composing import SAYS_LITTLE, compose

    try:
        compose(text, path, MOST_OF_NO_SPEC)
    except SpecError as error:
        (problem,) = error.problems
        if problem.message.startswith(SAYS_LITTLE) and problem.mark:
            return SpecError([Problem(problem.message, problem.mark._replace(source="", more=()))])
    return SpecError([Problem(NO_SPEC, Mark(path, 1, 1))])
