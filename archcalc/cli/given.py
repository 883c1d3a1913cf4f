"""What a command line gives: the shared options as one value, and the networks, tables and files that they name."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from archcalc.cli import options
from archcalc.cli.saying import out, streamed, told
from archcalc.errors import UsageError, among
from archcalc.tuples import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from archcalc.cost import Table
    from archcalc.errors import Problem
    from archcalc.model import Model
    from archcalc.question import Question
    from archcalc.space import Space

STDIN = "-"
TEXT_OR_JSON = ("text", "json")


class Given(NamedTuple):
    """The options that commands share. A command that is annotated with `takes` has those that it names, and finds the
    others as they are where nobody gives them.
    """

    inputs: options.Inputs = None
    via: options.Via = ""
    sets: options.Set = None
    free: options.Free = None
    depth: options.Depth = None
    by: options.By = None
    columns: options.Columns = None
    top: options.Top = None
    over: options.Over = None
    where: options.Where = None
    without: options.Without = None
    train: options.Train = False
    batch: options.Batch = 1
    dtype: options.Dtype = ""
    attention: options.Attention = ""
    fold_bn: options.FoldBn = False
    fold: options.Fold = "yes"
    optimizer: options.Optimizer = "adam"
    precision: options.InPrecision = "fp32"
    checkpoint: options.Checkpoint = "none"
    tool: options.As = None
    fit: options.Fit = None
    device: options.PredictedOn = ""
    watch: options.Watch = False
    color: options.Color = "auto"
    json: options.Json = False
    output: options.Output = None
    quiet: options.Quiet = False

    def question(self, **changes: Any) -> Question:
        """What to count, with some fields of the question as the command has them. Raises UsageError."""
        from archcalc.memory import Training
        from archcalc.question import Question

        asked = Question(
            bindings(self.sets),
            names(self.free),
            self.batch,
            self.train,
            self.dtype or "fp32",
            names(self.without),
            self.tool,
            self.device,
            self.attention,
            Training(self.optimizer, self.precision, self.checkpoint),
            self.fold_bn,
            as_stored=not self.dtype,
            folds=folding(self.fold),
            fit=names(self.fit),
        )
        return asked._replace(**changes)

    def space(self, spec: str, devices: Sequence[str] = ()) -> Space:
        """The designs of a spec that `--over` ranges over, with times on devices. Raises UsageError and SpecError."""
        from archcalc.space import space_of

        asked = self.question()._asdict()
        taken = ("bindings", "train", "batch", "dtype", "attention", "fold_bn", "training", "fit")
        return space_of(self.loaded(spec), self.over or (), device=devices, **{name: asked[name] for name in taken})

    def loaded(self, spec: str) -> Model:
        """The network that an argument names. Raises UsageError and SpecError."""
        return loaded(spec, self.inputs, self.via)

    def models(self, specs: Iterable[str]) -> list[Model]:
        """The networks that arguments name. Raises UsageError, and SpecError with the mistakes of all."""
        return models(specs, self.quiet, self.inputs, self.via)

    def answered(self, specs: Iterable[str], question: Question) -> list[Table]:
        """The tables of every spec, with their notes on stderr. Raises UsageError and SpecError."""
        return list(self.answers(specs, question))

    def answers(self, specs: Iterable[str], question: Question) -> Iterator[Table]:
        """The same one after another, once all specs are read."""
        models = self.models(specs)
        return (self.answer(model, question) for model in models)

    def answer(self, model: Model, question: Question) -> Table:
        """The table of one, likewise."""
        table = model.answer(question)
        notes(table, self.quiet)
        return table

    def rendered(self, tables: Iterable[Table], form: str, **more: Any) -> Iterator[str]:
        """Tables with the rows and columns that are asked for, in the pieces that the format is written in. Raises
        UsageError.
        """
        from archcalc.render import parts

        asked = {"by": self.by, "depth": self.depth, "top": self.top, "columns": self.columns, **more}
        return parts(tables, form, width=width(self.output), **asked)

    def form(self, form: str, known: Iterable[str] | None = None) -> str:
        """The format that `--format` or `--json` asks for, one of those that are known if any are named. Raises
        UsageError.
        """
        return chosen(form, self.json, known)

    def repeat(self, specs: Sequence[str], run: Callable[[], None]) -> None:
        """Run once, or with `--watch` again whenever one of the files changes. Raises what the one run does."""
        if not self.watch:
            run()
            return
        from archcalc.cli.watching import follow

        follow(specs, run, self.quiet)

    def say(
        self, text: object, newline: bool = True, commands: bool = False, paint: Callable[[str], str] | None = None
    ) -> None:
        """A result, on stdout or in the file that `--output` names, painted where colours are wanted. Raises
        UsageError for one that can't be written.
        """
        out(text, newline, commands, self.output, paint)

    def stream(self, parts: Iterable[str]) -> None:
        """The same of a result in pieces, which may be long. Nothing is written where making one of them fails."""
        streamed(parts, self.output)

    def painter(self) -> Callable[[str], str] | None:
        """What colours the text of `check` and `compare`, where colours are wanted. Raises UsageError."""
        if not self.is_coloured():
            return None
        from archcalc.render.emphasis import judged

        return judged

    def is_coloured(self) -> bool:
        """Whether `--color`, or else the terminal, wants colours. Raises UsageError."""
        return coloured(self.color, self.output)


def apart(output: Path | None, source: str) -> None:
    """Raises UsageError where a file would be written over what it is made of."""
    from archcalc.writing import same_file

    if output is not None and same_file(output, source):
        raise UsageError(f"{output} is what is read; nothing is written over it")


def chosen(form: str, json: bool, known: Iterable[str] | None = None) -> str:
    """The format that `--format` or `--json` asks for, one of those that are known if any are named. Raises UsageError
    for others, and where two are asked for.
    """
    if json and form not in ("json", "text", "table"):
        raise UsageError(f"--json and --format {form} ask for two formats")
    form = "json" if json else form
    if known is not None and form not in known:
        raise UsageError(f"unknown format '{form}'{among(form, known)}")
    return form


def coloured(when: str, output: str | None = None) -> bool:
    """Whether results are coloured: `always`, `never`, or `auto`: on a terminal that has colours, unless NO_COLOR is
    set (no-color.org). Raises UsageError for another word.
    """
    if when not in options.COLOURS:
        raise UsageError(f"--color is {', '.join(options.COLOURS[:-1])} or {options.COLOURS[-1]}, not '{when}'")
    is_terminal = output is None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return when == "always" or (when == "auto" and is_terminal and not os.environ.get("NO_COLOR"))


def folding(word: str) -> bool:
    """What `--fold` says. Raises UsageError for anything but yes and no."""
    if word not in ("yes", "no"):
        raise UsageError(f"--fold is yes or no, not '{word}'")
    return word == "yes"


def loaded(name: str, inputs: Sequence[str] | None = None, via: str = "") -> Model:
    """The network that an argument names; `-` is a spec on stdin. Only here does `package.module:factory` run code, for
    somebody typed it. Raises UsageError and SpecError.
    """
    from archcalc import reading
    from archcalc.files import is_python
    from archcalc.model import from_name, load, read
    from archcalc.spec import decoded
    from archcalc.spec.text import MOST_BYTES

    asked([name], inputs)
    if is_python(name):
        return from_name(name, inputs or (), via)
    return read(decoded(reading.standard(MOST_BYTES), STDIN), STDIN) if name == STDIN else load(name)


def models(
    specs: Iterable[str], quiet: bool = False, inputs: Sequence[str] | None = None, via: str = ""
) -> list[Model]:
    """Load every spec before anything is printed; a folder stands for the specs in it. Mistakes in several are reported
    together.
    """
    from archcalc.errors import SpecError

    found, problems = readable(specs, quiet, inputs, via)
    if problems:
        raise SpecError(problems)
    return found


def readable(
    specs: Iterable[str], quiet: bool, inputs: Sequence[str] | None = None, via: str = ""
) -> tuple[list[Model], list[Problem]]:
    """The specs that can be read, and the mistakes in those that can't."""
    from archcalc.errors import SpecError
    from archcalc.files import is_python

    given = named(specs, quiet)
    asked(given, inputs)
    if given.count(STDIN) > 1:
        raise UsageError("stdin can be read once: name - once")
    found, problems = [], []
    for name in given:
        try:
            found.append(loaded(name, inputs if is_python(name) else None, via))
        except SpecError as error:
            problems.extend(error.problems)
    return found, problems


def asked(names: Iterable[str], inputs: Sequence[str] | None) -> None:
    """Raises UsageError where `--input` is given and no name is that of a module."""
    from archcalc.files import is_python

    names = list(names)
    if inputs and not any(map(is_python, names)):
        first = next((name for name in names if all(map(str.isidentifier, name.split(".")))), "")
        module, dot, factory = first.rpartition(".")
        meant = f"; {module}:{factory} is the module of that name" if dot else ""
        if factory == "py":
            meant = f"; {module}:NAME is what a class or function of {first} makes"
        raise UsageError(
            f"--input is for package.module:factory; a spec and a model file have inputs of their own{meant}"
        )


def named(specs: Iterable[str], quiet: bool = False) -> list[str]:
    """The specs that arguments name; a folder stands for those in it, a pattern for what it fits."""
    return [name for given in specs for each in globbed([given]) for name in _specs(each, quiet)]


def globbed(names: Iterable[str]) -> list[str]:
    """Names with what patterns fit in their place; folders stay. Raises UsageError for one that fits nothing."""
    from archcalc.files import is_pattern, matching

    return [each for name in names for each in (matching(name) if is_pattern(name) else [name])]


def _specs(given: str, quiet: bool) -> list[str]:
    """The specs that an argument stands for. YAML files in a folder that have layers and are none are named on stderr:
    they may have been meant.
    """
    from archcalc.files import in_folder, is_folder

    if not is_folder(given):
        return [given]
    found, others, skipped = in_folder(given)
    if skipped and not quiet:
        told(f"note: skipped, for they are no files: {_some(skipped)}")
    if not found:
        seen = (
            f": {_some(others)} {'has' if len(others) == 1 else 'have'} layers, but no line `archcalc: 1`"
            if others
            else ""
        )
        raise UsageError(f"there is no spec in the folder {given}{seen}")
    if others and not quiet:
        told(f"note: no specs, for want of `archcalc: 1`: {_some(others)}")
    return found


def _some(files: Sequence[str]) -> str:
    """The first of them, and how many more."""
    return ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")


def bindings(sets: Sequence[str] | None) -> dict[str, str]:
    """The values that `--set` gives."""
    found = {}
    for pair in sets or ():
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"--set takes name=value, got '{pair}'")
        found[name.strip()] = value.strip()
    return found


def names(lists: Sequence[str] | None) -> tuple[str, ...]:
    """The names in `a,b`, given once or several times."""
    return tuple(name.strip() for given in lists or () for name in given.split(",") if name.strip())


def of_stand_ins(table: Table, quiet: bool, what: str) -> None:
    """Say which layers of a run or of a file only stand in for what they compute, and `what` that means."""
    names = [node.name for node in table.graph.nodes if node.op.is_given]
    if names and not quiet:
        first = ", ".join(names[:3]) + f" and {len(names) - 3} more" * (len(names) > 3)
        told(f"note: {first}: opaque, so a mean of what is read stands in for what is computed; {what}")
    idle = [node.name for node in table.graph.nodes if node.op.is_idle]
    if idle and not quiet:
        told(f"note: parameters that no layer reads are left out: {', '.join(idle[:3])}" + ", ..." * (len(idle) > 3))


def notes(table: Table, quiet: bool) -> None:
    """What a reader should know besides the table, on stderr."""
    if quiet:
        return
    from archcalc.files import is_model_file, is_python
    from archcalc.ops.kinds import show

    for name in table.dropped:
        told(f"note: {name} stays {show(table.binding.values[name])}: it decides the structure")
    for note in table.graph.notes:
        told(f"note: {note}")
    if is_model_file(table.spec.path) or is_python(table.spec.path):  # what they put out they say themselves
        return
    for node in table.graph.dead_ends():
        told(f"{node.mark}: warning: nothing reads {node.name}; list it under `outputs:` if it is one")
    doubts = ((node, node.op.doubt(*table.graph.shapes_into(node))) for node in table.graph.nodes)
    for line in dict.fromkeys(f"{node.mark}: warning: {doubt}" for node, doubt in doubts if doubt):
        told(line)


def width(output: str | None = None) -> int | None:
    """The terminal's width; None where the output goes elsewhere and lines may be long."""
    if output is not None or (not sys.stdout.isatty() and "COLUMNS" not in os.environ):
        return None
    import shutil

    return shutil.get_terminal_size((100, 24)).columns
