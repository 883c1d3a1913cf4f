"""What a shell completes: the words that may stand at the cursor of a command line.

The scripts that `--install-completion` writes ask `archcalc` itself at each press of the key, so this reads the
declarations of a command without typer, and reads a spec only where its parameters or labels are wanted.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module

from archcalc import escapes, signatures
from archcalc.cli.commands import COMMANDS, GROUPS
from archcalc.cli.declared import Function, Parameter, parameters
from archcalc.cli.saying import out
from archcalc.errors import ArchcalcError
from archcalc.tuples import NamedTuple

BREAKS = "=:@"  # where bash, as it comes, begins another word
ALWAYS = {"--help": "Show this message and exit."}


class Offered(NamedTuple):
    """A word, and what is said of it where a shell shows that."""

    word: str
    about: str = ""


def complete(shell: str, environment: Mapping[str, str], functions: Mapping[str, Function]) -> bool:
    """Print what may stand at the cursor, as the script of a shell wants it; False for a shell that isn't known."""
    if shell not in ("bash", "zsh", "fish", "powershell", "pwsh"):
        return False
    words, cut = _in_bash(environment) if shell == "bash" else (_split(environment.get("_TYPER_COMPLETE_ARGS", "")), 0)
    if "_TYPER_COMPLETE_WORD_TO_COMPLETE" in environment and not environment["_TYPER_COMPLETE_WORD_TO_COMPLETE"]:
        words = [*words, ""] if words[-1] else words  # PowerShell's line ends with the last word
    found: list[Offered] = []
    with suppress(ArchcalcError, OSError):  # nobody who presses a key wants to read of mistakes
        found = list(offered(words[1:-1], words[-1], functions))
    if shell == "bash":
        out("\n".join(each.word[cut:] for each in found))
    elif shell == "zsh":
        out(_for_zsh(found))
    elif shell != "fish":
        out("\n".join(f"{each.word}:::{escapes.line(each.about) or ' '}" for each in found))
    elif environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        raise SystemExit(0 if found else 1)
    else:
        out("\n".join(f"{each.word}\t{escapes.line(each.about)}".rstrip("\t") for each in found))
    return True


def offered(words: Sequence[str], begun: str, functions: Mapping[str, Function]) -> Iterator[Offered]:
    """What may stand behind words of a command line, where that is `begun`; nothing where a file may. Raises
    ArchcalcError for a spec with mistakes.
    """
    if not words:
        about = {name: said for group in GROUPS.values() for name, (_, said) in group.items()}
        known = ALWAYS if begun.startswith("-") else about
        yield from (Offered(name, said) for name, said in known.items() if name.startswith(begun))
        return
    if words[0] not in COMMANDS:
        return
    import_module(f"archcalc.cli.{COMMANDS[words[0]]}")
    known_ = parameters(functions[words[0]])
    line = _Line(known_, words[1:])
    name, equals, value = begun.partition("=")
    if line.waits is not None:
        yield from _values(line.waits, begun, line.rest)
    elif equals and name.startswith("--") and name in line.options:
        yield from (each._replace(word=f"{name}={each.word}") for each in _values(line.options[name], value, line.rest))
    elif begun.startswith("-") and begun != "-":
        yield from _options(line, begun)
    elif (argument := line.argument()) is not None:
        yield from _values(argument, begun, line.rest)


class _Line:
    """What is written of a command: `rest` is what is no option, `waits` the option that wants a value next."""

    def __init__(self, known: Sequence[Parameter], words: Sequence[str]) -> None:
        self.known = known
        self.options = {word: each for each in known for word in each.declared.words}
        self.rest: list[str] = []
        self.given: set[str] = set()
        self.waits: Parameter | None = None
        for word in words:
            if self.waits is not None:
                self.waits = None
            elif word.startswith("-") and word != "-":
                option = self.options.get(word.partition("=")[0])
                self.given.add(option.name if option else word)
                self.waits = option if option and option.kind is not bool and "=" not in word else None
            else:
                self.rest.append(word)

    def argument(self) -> Parameter | None:
        """The argument that a word would be."""
        arguments = [each for each in self.known if each.declared.kind == "Argument"]
        if len(self.rest) < len(arguments):
            return arguments[len(self.rest)]
        return arguments[-1] if arguments and arguments[-1].many else None


def _options(line: _Line, begun: str) -> Iterator[Offered]:
    """The options that a command takes and that aren't given yet, by their long names."""
    for each in line.known:
        if each.declared.kind == "Option" and (each.many or each.name not in line.given):
            long = [part for word in each.declared.words for part in word.split("/") if part.startswith("--")]
            said = str(each.declared.settings.get("help", ""))
            yield from (Offered(word, said) for word in long if word.startswith(begun))
    yield from (Offered(word, said) for word, said in ALWAYS.items() if word.startswith(begun))


def _values(parameter: Parameter, begun: str, specs: Sequence[str]) -> Iterator[Offered]:
    """What a parameter may be; of a spec's own names those of the first SPEC on the line."""
    known: Callable[..., list[str]] | None = parameter.declared.settings.get("autocompletion")
    if known is None:
        return
    needs = "spec" in {each.name for each in signatures.parameters(known)}
    for found in known(begun, next(iter(specs), "")) if needs else known(begun):
        word, _, about = found.partition("\t")
        yield Offered(word, about)


# ---- what shells give and take ---------------------------------------------------------------------------------------


def _in_bash(environment: Mapping[str, str]) -> tuple[list[str], int]:
    """The words up to the cursor, and how much of the last one bash keeps: it takes `size=3` for three words, and puts
    what is offered in place of the third; of `net.yaml@wide` in place of the `@` too.
    """
    words = environment.get("COMP_WORDS", "").split("\n")[: int(environment.get("COMP_CWORD", "0")) + 1]
    whole, cut = [words[0]], 0
    for word in words[1:]:
        breaks = bool(re.fullmatch(f"[{BREAKS}]+", word))
        if len(whole) > 1 and (breaks or whole[-1].endswith(tuple(BREAKS))):
            kept = whole[-1] + word if breaks else whole[-1]
            cut = len(kept.removesuffix("@"))
            whole[-1] += word
        else:
            whole.append(word)
            cut = 0
    return [_unquoted(word) for word in whole] if len(whole) > 1 else [*whole, ""], cut


def _split(line: str) -> list[str]:
    """The words of a line up to the cursor; the last is empty behind a blank."""
    words = [_unquoted(word) for word in re.findall(r"(?:\\.|\"[^\"]*\"?|'[^']*'?|[^\s\"'\\])+", line)]
    return [*words, ""] if not words or line[-1:].isspace() or len(words) == 1 else words


def _unquoted(word: str) -> str:
    try:
        return "".join(shlex.split(word))
    except ValueError:  # a quote that is still open
        return word.lstrip("\"'")


def _for_zsh(found: Sequence[Offered]) -> str:
    """Words and what is said of them, as `_describe` takes them; files where there are none."""
    if not found:
        return "_files"
    said = [f"{_colons(each.word)}:{escapes.line(each.about)}" if each.about else _colons(each.word) for each in found]
    return f"local -a found; found=({' '.join(map(shlex.quote, said))}); _describe -V archcalc found"


def _colons(word: str) -> str:
    return word.replace("\\", "\\\\").replace(":", "\\:")


def asked(functions: Mapping[str, Function]) -> bool:
    """Whether a shell asked, and was told."""
    shell = os.environ.get("_ARCHCALC_COMPLETE", "")
    return shell.startswith("complete_") and complete(shell.removeprefix("complete_"), os.environ, functions)


__all__ = ["Offered", "asked", "complete", "offered"]
