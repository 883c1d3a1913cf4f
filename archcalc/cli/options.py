"""The options that commands share, as typer and the plain reading have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from archcalc.cli.declared import Argument, Option
from archcalc.cli.naming import labels, networks, of_parameters, parameters, several, starting
from archcalc.cli.saying import out
from archcalc.render.formats import FORMATS


def _columns(names: str | None) -> str | None:
    """`--columns help` explains them, with no network named."""
    if names == "help":
        from archcalc.render.columns import explained

        out(explained())
        raise SystemExit
    return names


def _tools() -> Iterable[str]:
    from archcalc.conventions import TOOLS

    return TOOLS


def _dtypes() -> Iterable[str]:
    from archcalc.cost.row import DTYPES

    return DTYPES


def _optimizers() -> Iterable[str]:
    from archcalc.memory.training import OPTIMIZERS

    return OPTIMIZERS


def _precisions() -> Iterable[str]:
    from archcalc.memory.training import PRECISIONS

    return PRECISIONS


def _devices() -> Iterable[str]:
    from archcalc.latency.profile import device_names

    return device_names()


def _chips() -> Iterable[str]:
    from archcalc.devices import NAMES

    return NAMES


def _every_column() -> Iterable[str]:
    from archcalc.render.columns import COLUMNS

    return COLUMNS


devices = starting(_devices)
dtypes = starting(_dtypes)


def device_help(name: str | None) -> str | None:
    """`--device help` lists the profiles that ship, with no network named."""
    if name == "help":
        from archcalc.latency.profile import device_names, load_profile

        for known in device_names():
            profile = load_profile(known)
            out(f"{known:<24}  {profile.kind:<10}  {profile.name} ({', '.join(profile.dtypes)})")
        raise SystemExit
    return name


def _each_help(given: list[str] | None) -> list[str] | None:
    for name in given or ():
        device_help(name)
    return given


def profiles_option(help: str) -> object:
    """`--device`, which may be given several times, and has the same `help`."""
    said = f"{help} May be repeated; --device help lists those that ship."
    return Option(
        "--device", metavar="FILE|NAME", callback=_each_help, autocompletion=devices, is_eager=True, help=said
    )


def profile_option(name: str, help: str) -> object:
    """An option that names a device's profile: `help` in its place lists those that ship."""
    return Option(name, metavar="FILE|NAME", callback=device_help, autocompletion=devices, is_eager=True, help=help)


def format_option(known: Iterable[str]) -> object:
    """`--format`, one of these."""
    *most, last = known
    return Option("--format", autocompletion=starting(lambda: (*most, last)), help=f"{', '.join(most)} or {last}.")


Spec = Annotated[
    str,
    Argument(
        metavar="SPEC",
        autocompletion=networks,
        help="A spec file, file.yaml@variant, the name of a network that ships (archcalc zoo), or - for stdin.",
    ),
]
Specs = Annotated[
    list[str],
    Argument(
        metavar="SPEC...",
        autocompletion=networks,
        help="Spec files, file.yaml@variant, folders of specs, names of networks that ship, or - for stdin.",
    ),
]
SpecsOrAll = Annotated[
    list[str] | None,
    Argument(
        metavar="SPEC...",
        autocompletion=networks,
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
    Option(
        "--set",
        "-s",
        metavar="K=V",
        autocompletion=of_parameters,
        help="Give a design parameter a value: --set size=320. Repeatable.",
    ),
]
Free = Annotated[
    list[str] | None,
    Option(
        "--free",
        "-f",
        metavar="K,K",
        autocompletion=parameters,
        help="Leave parameters as symbols: --free size,classes; --free all.",
    ),
]
Without = Annotated[
    list[str] | None,
    Option(
        "--without",
        "-w",
        metavar="L,L",
        autocompletion=labels,
        help="Leave out layers or groups by label: --without fc6,fc7.",
    ),
]
Train = Annotated[
    bool,
    Option("--train", help="Count training: train-only heads, backward MACs, optimiser state, stochastic depth."),
]
Batch = Annotated[int, Option("--batch", "-b", min=1, help="Samples in a batch.")]
Dtype = Annotated[
    str,
    Option(
        "--dtype", autocompletion=dtypes, help="fp64, fp32, fp16, bf16 or int8: the width that bytes are counted in."
    ),
]
Fit = Annotated[
    list[str] | None,
    Option(
        "--fit",
        metavar="NAME",
        autocompletion=starting(_chips),
        help="What a device has is a limit: stm32h743, rtx4090 (`archcalc devices` lists them). May be repeated.",
    ),
]
Attention = Annotated[
    str,
    Option(
        "--attention",
        metavar="HOW",
        autocompletion=starting(lambda: ("eager", "fused")),
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
        autocompletion=starting(lambda: ("yes", "no")),
        help="Whether products of a model file's constants (LoRA's B A) are known before it runs; no counts them.",
    ),
]
Optimizer = Annotated[
    str,
    Option(
        "--optimizer",
        metavar="NAME",
        autocompletion=starting(_optimizers),
        help="sgd, momentum, adam, adafactor or adam8bit (--train).",
    ),
]
InPrecision = Annotated[
    str,
    Option(
        "--precision",
        metavar="NAME",
        autocompletion=starting(_precisions),
        help="fp32, amp (mixed precision) or bf16: what training holds and keeps.",
    ),
]
Checkpoint = Annotated[
    str,
    Option(
        "--checkpoint",
        metavar="WHERE",
        autocompletion=starting(lambda: ("none", "sqrt", "best")),
        help="Keep less and compute it again (--train): none, sqrt, best, or labels (encoder/*).",
    ),
]
As = Annotated[
    str | None,
    Option(
        "--as",
        metavar="TOOL",
        autocompletion=starting(_tools),
        help="Count as another tool does: thop, fvcore, ptflops ... (archcalc explain lists them).",
    ),
]
Depth = Annotated[
    int | None,
    Option("--depth", "-d", min=0, help="Levels of blocks to show: 0 the totals, 1 what the spec lists (default)."),
]
By = Annotated[
    str | None,
    Option(
        "--by",
        autocompletion=starting(lambda: ("layer", "block", "op")),
        help="layer (every one), block (without what is inside) or op.",
    ),
]
Top = Annotated[int | None, Option("--top", min=1, help="Only so many rows, and one for the others together.")]
Columns = Annotated[
    str | None,
    Option(
        "--columns",
        "-c",
        metavar="C,C",
        callback=_columns,
        autocompletion=several(_every_column),
        is_eager=True,
        help="Which columns: `--columns help` explains them.",
    ),
]
PredictedOn = Annotated[str, Option("--device", help="A profile to predict `latency` with.")]
PredictedOnEach = Annotated[
    list[str] | None,
    profiles_option("A profile to predict `latency` with; of several each has its own, `latency_rtx4090`."),
]
Over = Annotated[
    list[str] | None,
    Option(
        "--over",
        metavar="NAME=RANGE",
        autocompletion=of_parameters,
        help="What varies: width=0.25..2:0.05, size=96,224, act=relu,silu, depths.2=2..6, batch=1..64, variant=a,b."
        " May be repeated; goes before the spec's own `space:`.",
    ),
]
Where = Annotated[
    list[str] | None,
    Option("--where", help="Only designs for which this holds: 'macs <= 150M and size >= 96'. May be repeated."),
]
Seed = Annotated[int, Option("--seed", min=0, help="The numbers that learned tensors begin with follow from it.")]
OnDevice = Annotated[str, Option("--device", help="cpu or cuda.")]
Threads = Annotated[int | None, Option("--threads", min=1, help="Of the CPU; onnxruntime's own choice unless given.")]
Precision = Annotated[str, Option("--dtype", help="fp32 or fp16.")]


def _writable(file: str | None) -> str | None:
    """Where a result goes: looked at before any work is done for it; `-` is stdout."""
    if file is None or file == "-":
        return None
    if file.endswith("/"):  # a folder for several files, which whoever writes them judges
        return file
    from pathlib import Path

    from archcalc.errors import UsageError
    from archcalc.writing import writable

    if not file:
        raise UsageError("--output takes the name of a file")
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
TextOrJson = Annotated[str, format_option(("text", "json"))]
COLOURS = ("auto", "always", "never")
Color = Annotated[
    str,
    Option(
        "--color",
        metavar="WHEN",
        autocompletion=starting(lambda: COLOURS),
        help="auto (on a terminal without NO_COLOR), always or never: over budget, removed, added, dearest rows.",
    ),
]
Watch = Annotated[bool, Option("--watch", help="Again whenever a file that was read changes, until Ctrl-C.")]
Json = Annotated[bool, Option("--json", help="The same as --format json.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Nothing on stderr but errors.")]
