"""What commands share: their options, and how options are read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from archcalc.cli.declared import Argument, Option
from archcalc.cli.saying import out, told
from archcalc.errors import UsageError
from archcalc.render.formats import FORMATS

if TYPE_CHECKING:
    from archcalc.cost import Table
    from archcalc.errors import Problem
    from archcalc.model import Model
    from archcalc.question import Question


def _columns(names: str | None) -> str | None:
    """`--columns help` explains them, with no network named."""
    if names == "help":
        from archcalc.render.columns import explained

        out(explained())
        raise SystemExit
    return names


def _column(incomplete: str) -> list[str]:
    """The last of several names, for a shell that completes."""
    from archcalc.render.columns import COLUMNS

    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in COLUMNS if name.startswith(begun)]


def _networks(incomplete: str) -> list[str]:
    """Names of networks that ship, for a shell that completes; files come from the shell itself."""
    from archcalc.files import zoo_names

    return [name for name in zoo_names() if name.startswith(incomplete)] if incomplete else []


def _tools(incomplete: str) -> list[str]:
    from archcalc.conventions import TOOLS

    return [name for name in TOOLS if name.startswith(incomplete)]


def devices(incomplete: str) -> list[str]:
    """Names of profiles that ship, for a shell that completes."""
    from archcalc.latency.profile import device_names

    return [name for name in device_names() if name.startswith(incomplete)]


def device_help(name: str | None) -> str | None:
    """`--device help` lists the profiles that ship, with no network named."""
    if name == "help":
        from archcalc.latency.profile import device_names, load_profile

        for known in device_names():
            profile = load_profile(known)
            out(f"{known:<24}  {profile.kind:<10}  {profile.name} ({', '.join(profile.dtypes)})")
        raise SystemExit
    return name


def _chips(incomplete: str) -> list[str]:
    """For shells: devices with limits."""
    from archcalc.devices import NAMES

    return [name for name in NAMES if name.startswith(incomplete)]


def profile_option(name: str, help: str) -> Any:
    """An option that names a device's profile: `help` in its place lists those that ship."""
    return Option(name, metavar="FILE|NAME", callback=device_help, autocompletion=devices, is_eager=True, help=help)


def format_option(known: Iterable[str]) -> Any:
    """`--format`, one of these."""
    *most, last = known

    def begun(incomplete: str) -> list[str]:
        return [name for name in (*most, last) if name.startswith(incomplete)]

    return Option("--format", autocompletion=begun, help=f"{', '.join(most)} or {last}.")


STDIN = "-"
Spec = Annotated[
    str,
    Argument(
        metavar="SPEC",
        autocompletion=_networks,
        help="A spec file, file.yaml@variant, the name of a network that ships (archcalc zoo), or - for stdin.",
    ),
]
Specs = Annotated[
    list[str],
    Argument(
        metavar="SPEC...",
        autocompletion=_networks,
        help="Spec files, file.yaml@variant, folders of specs, names of networks that ship, or - for stdin.",
    ),
]
SpecsOrAll = Annotated[
    list[str] | None,
    Argument(
        metavar="SPEC...",
        autocompletion=_networks,
        help="As for `archcalc count`; none: those that archcalc.toml or pyproject.toml name.",
    ),
]
Inputs = Annotated[
    list[str] | None,
    Option(
        "--input",
        "-i",
        metavar="SIZES",
        help="Of package.module:factory, one sample: 3x224x224, 3xsizexsize, NAME=16:int64. Repeatable.",
    ),
]
Via = Annotated[
    str,
    Option(
        "--via", metavar="onnx", help="Where a module can't be traced: run it once, and count the ONNX model of that."
    ),
]
Set = Annotated[
    list[str] | None,
    Option("--set", "-s", metavar="K=V", help="Give a design parameter a value: --set size=320. Repeatable."),
]
Free = Annotated[
    list[str] | None,
    Option("--free", "-f", metavar="K,K", help="Leave parameters as symbols: --free size,classes; --free all."),
]
Without = Annotated[
    list[str] | None,
    Option("--without", "-w", metavar="L,L", help="Leave out layers or groups by label: --without fc6,fc7."),
]
Train = Annotated[
    bool,
    Option("--train", help="Count training: train-only heads, backward MACs, optimiser state, stochastic depth."),
]
Batch = Annotated[int, Option("--batch", "-b", min=1, help="Samples in a batch.")]
Dtype = Annotated[str, Option("--dtype", help="fp64, fp32, fp16, bf16 or int8: the width that bytes are counted in.")]
Fit = Annotated[
    list[str] | None,
    Option(
        "--fit",
        metavar="NAME",
        autocompletion=_chips,
        help="What a device has is a limit: stm32h743, rtx4090 (`archcalc devices` lists them). May be repeated.",
    ),
]
Attention = Annotated[
    str,
    Option(
        "--attention",
        metavar="HOW",
        help="eager: its scores are in memory while it runs; fused: they never are. For all, whatever a line says.",
    ),
]
FoldBn = Annotated[
    bool, Option("--fold-bn", help="Batch normalisation is folded into the layer before it, as when deployed.")
]
Fold = Annotated[
    str,
    Option(
        "--fold",
        metavar="yes|no",
        help="Whether products of a model file's constants (LoRA's B A) are known before it runs; no counts them.",
    ),
]
Optimizer = Annotated[
    str, Option("--optimizer", metavar="NAME", help="sgd, momentum, adam, adafactor or adam8bit (--train).")
]
InPrecision = Annotated[
    str,
    Option("--precision", metavar="NAME", help="fp32, amp (mixed precision) or bf16: what training holds and keeps."),
]
Checkpoint = Annotated[
    str,
    Option(
        "--checkpoint",
        metavar="WHERE",
        help="Keep less and compute it again (--train): none, sqrt, best, or labels (encoder/*).",
    ),
]
As = Annotated[
    str | None,
    Option(
        "--as",
        metavar="TOOL",
        autocompletion=_tools,
        help="Count as another tool does: thop, fvcore, ptflops ... (archcalc explain lists them).",
    ),
]
Columns = Annotated[
    str | None,
    Option(
        "--columns",
        "-c",
        metavar="C,C",
        callback=_columns,
        autocompletion=_column,
        is_eager=True,
        help="Which columns: `--columns help` explains them.",
    ),
]
OnDevice = Annotated[str, Option("--device", help="cpu or cuda.")]
Threads = Annotated[int | None, Option("--threads", min=1, help="Of the CPU; onnxruntime's own choice unless given.")]
Precision = Annotated[str, Option("--dtype", help="fp32 or fp16.")]


def _writable(file: str | None) -> str | None:
    """Where a result goes: looked at before any work is done for it; `-` is stdout."""
    if file is None or file == "-":
        return None
    from archcalc.writing import writable

    writable(Path(file))
    return file


Output = Annotated[
    str | None,
    Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_writable,
        help="Put into a file what would be printed: all of it, or nothing.",
    ),
]
Form = Annotated[str, format_option(FORMATS)]
Json = Annotated[bool, Option("--json", help="The same as --format json.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Nothing on stderr but errors.")]


def apart(output: Path | None, source: str) -> None:
    """Raises UsageError where a file would be written over what it is made of."""
    from archcalc.writing import same_file

    if output is not None and same_file(output, source):
        raise UsageError(f"{output} is what is read; nothing is written over it")


def chosen(form: str, json: bool) -> str:
    """The format that `--format` or `--json` asks for. Raises UsageError where they ask for two."""
    if json and form not in ("json", "text", "table"):
        raise UsageError(f"--json and --format {form} ask for two formats")
    return "json" if json else form


def folding(word: str) -> bool:
    """What `--fold` says. Raises UsageError for anything but yes and no."""
    if word not in ("yes", "no"):
        raise UsageError(f"--fold is yes or no, not '{word}'")
    return word == "yes"


def text_or_json(form: str, json: bool = False) -> str:
    """The same where there are these two. Raises UsageError for others."""
    form = chosen(form, json)
    if form not in ("text", "json"):
        raise UsageError(f"unknown format '{form}'; there are text, json")
    return form


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


def answered(
    specs: Iterable[str], question: Question, quiet: bool, inputs: Sequence[str] | None = None, via: str = ""
) -> list[Table]:
    """The tables of every spec, with their notes on stderr."""
    tables = []
    for model in models(specs, quiet, inputs, via):
        table = model.answer(question)
        notes(table, quiet)
        tables.append(table)
    return tables


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

    if inputs and not any(map(is_python, names)):
        raise UsageError("--input is for package.module:factory; a spec and a model file have inputs of their own")


def named(specs: Iterable[str], quiet: bool = False) -> list[str]:
    """The specs that arguments name; a folder stands for those in it."""
    return [name for given in specs for name in _specs(given, quiet)]


def _specs(given: str, quiet: bool) -> list[str]:
    """The specs that an argument stands for. YAML files in a folder that are none are named on stderr: one may have
    been meant.
    """
    from archcalc.files import in_folder, is_folder

    if not is_folder(given):
        return [given]
    found, others, skipped = in_folder(given)
    if skipped and not quiet:
        told(f"note: skipped, for they are no files: {_some(skipped)}")
    if not found:
        seen = (
            f": none of its {len(others)} YAML file{'s' * (len(others) != 1)} begins with `archcalc: 1`"
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


def notes(table: Table, quiet: bool) -> None:
    """What a reader should know besides the table, on stderr."""
    if quiet:
        return
    from archcalc.files import is_model_file
    from archcalc.ops.base import show

    for name in table.dropped:
        told(f"note: {name} stays {show(table.binding.values[name])}: it decides the structure")
    for note in table.graph.notes:
        told(f"note: {note}")
    if is_model_file(table.spec.path):  # what a model file puts out it says itself
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
