"""What a framework says when it fails: shortened, and where in the user's code."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import traceback
from pathlib import Path

from archcalc.patterns import pattern

LONGEST = 300
SPEAK = ("RuntimeError", "UserError", "GuardOnDataDependentSymNode")  # what they say is enough
_NOISE = pattern(r"(?m)^(?:\s*(?:File \"|from user code|The above|For more information|To debug|Set TORCH|"
                    r"Framework stack|During the call|Original traceback|\(Size-like|Caused by|"
                    r"Exception encountered when calling).*)$")  # fmt: skip
_COLOURS = pattern(r"\x1b\[[0-9;]*m")
_HINTS = pattern(r" *\(unhinted: .*?\)\.?(?= *\(Size-like|$|\n)| *\(Size-like symbols: .*?\)")
_CLASS = pattern(r"<class '([^']+)'>")  # a tag of HTML for whoever prints it: its angle would be escaped
_OBJECT = pattern(r"<(?:function )?([\w.]+(?: object)?)(?:\.<locals>\.\w+)? at 0x[0-9a-f]+>")
_TAG = pattern(r"<(?=[A-Za-z/?])")  # what else a line of a log would take for one
_FILE = pattern(r'File "([^"]+)", line (\d+), in (\S+)')


def told(error: BaseException, module: str = "") -> str:
    """The error in one sentence, and the last place in the user's own code that it came through."""
    place = place_of(error, module)
    return f"{_short(error)}{f' ({place})' if place else ''}"


def _short(error: BaseException) -> str:
    """What it says first."""
    text = _HINTS.sub("", _NOISE.sub("", _COLOURS.sub("", str(error)))).strip()
    first = re.split(r"\n\s*\n|(?<=[.!])\n", text)[0] if text else ""
    words = said(re.sub(r"\s+", " ", first)).strip()
    words = words if len(words) <= LONGEST else words[: LONGEST - 3] + "..."
    kind = type(error).__name__
    return (
        words
        if kind in ("RuntimeError", "UserError", "GuardOnDataDependentSymNode") and words
        else f"{kind}: {words}"
        if words
        else kind
    )


def said(text: str) -> str:
    """Words of somebody's code: classes and objects by their names, and no tag of HTML, which would be escaped."""
    return _TAG.sub("< ", _OBJECT.sub(r"\1", _CLASS.sub(r"\1", text)))


def place_of(error: BaseException, module: str = "") -> str:
    """`net.py:12, in forward`: the innermost line that is neither torch's nor ours nor Python's."""
    frames = [(frame.filename, frame.lineno or 0, frame.name) for frame in traceback.extract_tb(error.__traceback__)]
    frames += [(file, int(line), name) for file, line, name in _FILE.findall(str(error))]
    return innermost(frames, module)


def innermost(frames: list[tuple[str, int, str]], module: str = "") -> str:
    """The last of some places in the user's code; of an installed package where there is nothing else."""
    own = [frame for frame in frames if _is_users(frame[0])]
    packages = [frame for frame in frames if _is_of(frame[0], module)]
    found = (own or packages)[-1:]
    inside = [
        "" if name.startswith("<") else f", in {name}" for _, _, name in found
    ]  # in no function: a module's own line
    return "".join(f"{_shown(file)}:{line}{name}" for (file, line, _), name in zip(found, inside, strict=True))


def of_trace(trace: str, module: str = "") -> str:
    """The same of a stack trace as torch keeps it beside a node."""
    return innermost([(file, int(line), name) for file, line, name in _FILE.findall(trace)], module)


_LIBRARY = tuple(dict.fromkeys(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")))
_OURS = str(Path(__file__).parent.parent)


def _is_users(file: str) -> bool:
    inside = (*_LIBRARY, _OURS, *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))))
    return not file.startswith("<") and not file.startswith(inside)


def _is_of(file: str, module: str) -> bool:
    """Whether a file is one of the package that was named."""
    package = module.partition(".")[0]
    return bool(package) and f"{os.sep}{package}{os.sep}" in file


def _shown(file: str) -> str:
    """A path from where the command runs, if it is below."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


__all__ = ["innermost", "of_trace", "place_of", "said", "told"]
