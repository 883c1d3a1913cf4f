"""`archcalc help`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

from archcalc.cli.commands import COMMANDS, overview
from archcalc.cli.declared import Argument
from archcalc.cli.entry import command, judged
from archcalc.cli.saying import out
from archcalc.errors import UsageError, suggest


def _columns() -> str:
    from archcalc.render.columns import explained

    return explained()


def _formats() -> str:
    from archcalc.render.formats import COMMANDS, FORMATS

    width = max(map(len, FORMATS))
    lines: list[str] = []
    told = {"count and predict": {name: form.help for name, form in FORMATS.items()}}
    told |= {name: {form: written.help for form, written in known.items()} for name, known in COMMANDS.items()}
    for name, known in told.items():
        lines += [f"--format of {name}:", *(f"  {form:<{width}}  {help}" for form, help in known.items()), ""]
    return "\n".join([*lines, "Every command that prints takes --output FILE, and --json where programs may want it."])


def _operators() -> str:
    from archcalc.ops import OPS

    return f"{', '.join(sorted(OPS))}\narchcalc help OPERATOR explains one."


def _metrics() -> str:
    from archcalc.metrics import TRAINING, is_bytes
    from archcalc.space.spanned import SHOWN_FIGURES

    needs = dict.fromkeys(TRAINING, "with --train")
    needs["latency"] = "milliseconds, with --device; of several latency_NAME of each"
    width = max(map(len, SHOWN_FIGURES))
    said = {name: ["bytes" if is_bytes(name) else "", needs.get(name, "")] for name in SHOWN_FIGURES}
    lines = [f"  {name:<{width}}  {', '.join(filter(None, words))}".rstrip() for name, words in said.items()]
    return "\n".join(["What sweep, solve, check and budget know of a network:", *lines])


EXIT = """0  fine
1  a budget, a reference, a proof or a document doesn't hold
2  could not tell: a mistake in a spec or on the command line"""
ENVIRONMENT = """NO_COLOR            anything: no colours, unless --color always asks for them
COLUMNS             the width of tables, in place of the terminal's
ARCHCALC_TRACEBACK  1: a bug shows where it is"""
SPECS = """net.yaml            a spec, which begins with `archcalc: 1`
net.yaml@variant    one of its variants
specs/              every spec in a folder
model.onnx          a model file
config.json         of Hugging Face
resnet50            a network that ships: archcalc zoo
-                   a spec on stdin
package.module:net  a PyTorch module, or what makes one"""

TOPICS: dict[str, Callable[[], str]] = {
    "columns": _columns,
    "environment": lambda: ENVIRONMENT,
    "exit": lambda: EXIT,
    "formats": _formats,
    "metrics": _metrics,
    "operators": _operators,
    "specs": lambda: SPECS,
}


def _topics(incomplete: str) -> list[str]:
    """What can be explained, for a shell that completes."""
    from archcalc.ops import OPS
    from archcalc.render.columns import COLUMNS

    return [name for name in dict.fromkeys((*COMMANDS, *TOPICS, *OPS, *COLUMNS)) if name.startswith(incomplete)]


@command("help")
def help_(
    topic: Annotated[
        str | None,
        Argument(metavar="[TOPIC]", autocompletion=_topics, help="A command, an operator, a column, or a topic."),
    ] = None,
) -> None:
    """Explain a command, an operator, a column, or a topic: columns, environment, exit, formats, metrics, operators,
    specs.

    \b
    archcalc help                 what there is
    archcalc help count           a command
    archcalc help formats         a topic
    archcalc help conv            an operator
    """
    from archcalc.ops import OPS
    from archcalc.render.columns import COLUMNS

    if topic is None:
        out(f"{overview()}\nTopics: {', '.join(TOPICS)}, and every operator and column")
    elif topic in COMMANDS:
        sys.argv[1:] = [topic, "--help"]
        judged()()
    elif topic in TOPICS:
        out(TOPICS[topic]())
    elif topic in OPS:
        from archcalc.reference import printed

        out(printed([topic], "text", None))
    elif topic in COLUMNS:
        out(COLUMNS[topic].help)
    else:
        raise UsageError(f"nothing is called '{topic}'{suggest(topic, [*COMMANDS, *TOPICS, *OPS, *COLUMNS])}")
