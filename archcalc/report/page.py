"""The page: one file that asks for nothing, with a policy that lets nothing in it but its own script and style run."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from string import Template

from archcalc import __version__, escapes, reading
from archcalc.algebra.javascript import RUNTIME
from archcalc.comparison.operands import Operand
from archcalc.comparison.pairs import pair
from archcalc.errors import UsageError
from archcalc.latency.profile import Roofline, device_names, load_profile
from archcalc.picture import colours
from archcalc.picture.diagram import draw
from archcalc.render import numbers
from archcalc.report.subject import TOTALS, Subject
from archcalc.untyped import Json

SCRIPTS = ("numbers.js", "charts.js", "layers.js", "page.js")
MOST_BYTES = 1_000_000  # of one of our own files
DEEPEST, LARGEST_DRAWING = 3, 60_000  # levels that are drawn, bytes of a drawing after the first
_HERE = Path(__file__).parent / "assets"


@cache
def asset(name: str) -> str:
    """The text of a file that pages are made of."""
    return reading.read(_HERE / name, MOST_BYTES).decode("utf-8")


def page(subjects: Sequence[Subject], more: str = "", connect: bool = False) -> str:
    """The page of one network, or of two and what changed from the first to the second; `more` is script that it runs
    as well, `connect` lets that speak to where the page is from.

    Raises UsageError for any other number of networks.
    """
    if len(subjects) not in (1, 2):
        raise UsageError(f"a report is of one network, or of two and what changed; these are {len(subjects)}")
    found = [subject.data() for subject in subjects]  # before their scripts: it places the forms
    sections = _sections(subjects, found)
    whole = {
        "networks": found,
        "titles": TOTALS,
        "devices": _devices(subjects[-1].table.dtype),
        "commands": [escapes.plain(subject.model.name) for subject in subjects],
        "changes": _changes(subjects),
    }
    functions = f"const FUNCTIONS = [{', '.join(subject.script() for subject in subjects)}];"
    script = "\n".join([RUNTIME, functions, *map(asset, SCRIPTS), more])
    style = f"{asset('page.css')}\n{colours.style()}"
    title = " to ".join(escapes.html(subject.table.name) for subject in subjects)
    main = Template(asset("page.html")).substitute(
        sections="\n".join(sections),
        notes="".join(f"<p>{escapes.html(note)}</p>" for note in found[-1]["notes"]),
        data=escapes.script(whole),
    )
    return framed(title, _lead(subjects), main, style, script, connect)


def framed(title: str, lead: str, main: str, style: str, script: str, connect: bool = False) -> str:
    """A whole document: a title and a line below it, what is in it (HTML, all three), our style and our script."""
    return Template(asset("frame.html")).substitute(
        policy=policy(script, style, connect),
        version=__version__,
        title=title,
        lead=lead,
        main=main.rstrip("\n"),
        style=style,
        script=script,
    )


def policy(script: str, style: str, connect: bool = False) -> str:
    """What may run and be asked for: our own script and style by what is in them, and nothing else."""
    rules = ["default-src 'none'", f"script-src {_hash(script)}", f"style-src {_hash(style)}", "base-uri 'none'"]
    return "; ".join([*rules, "form-action 'none'", *(["connect-src 'self'"] if connect else [])])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _lead(subjects: Sequence[Subject]) -> str:
    spec = subjects[-1].table.spec
    parts = ['input <span id="input"></span>', *([escapes.html(spec.paper)] if spec.paper else [])]
    return " · ".join([*parts, *(escapes.html(subject.model.name) for subject in subjects)])


def _devices(dtype: str) -> list[dict[str, object]]:
    """Data sheets, whose bounds on times follow from the counts alone."""
    profiles = [load_profile(name) for name in device_names()]
    return [
        {
            "name": profile.name,
            "macs": {str(name): rate for name, rate in profile.gmacs_per_s.items()}[dtype],
            "bytes": profile.gbytes_per_s,
            "source": profile.source,
        }
        for profile in profiles
        if isinstance(profile, Roofline) and dtype in profile.dtypes
    ]


def _changes(subjects: Sequence[Subject]) -> list[list[str | None]]:
    """What happened to each layer: in a word, where, to which operation, and where it stood and stands."""
    if len(subjects) == 1:
        return []
    before, after = (Operand(subject.model) for subject in subjects)
    found = pair(before, after)
    return [
        [
            change.status.value,
            escapes.plain(change.path),
            escapes.plain((change.after or change.before).text),  # type: ignore[union-attr]
            escapes.plain(change.before.path) if change.before else None,
            escapes.plain(change.after.path) if change.after else None,
        ]
        for change in found.changes
    ]


# ---- sections --------------------------------------------------------------------------------------------------------

_TOTALS = '<section class="still"><h2>What it costs</h2><dl id="totals"></dl></section>'
_AREAS = (
    '<section><h2>{title}</h2><div class="bar">'
    '<div id="metrics" role="radiogroup" aria-label="What areas are of"></div>{devices}'
    '<button type="button" id="up" hidden>Up</button></div><p class="note" id="where"></p>'
    '<div id="areas"></div><div class="key">{key}</div></section>'
)
_DEVICES = '<label>on <select class="device" aria-label="Device"></select></label>'
_LAYERS = (
    '<section><h2>Layers</h2><div class="bar"><input type="search" id="filter" placeholder="Filter" '
    'aria-label="Filter layers"><button type="button" id="open">Open all</button>'
    '<button type="button" id="fold">Fold all</button></div><div class="scroll" id="layers" tabindex="0" '
    'role="region" aria-label="Layers"></div></section>'
)
_CHARTS = (
    '<section id="memory-part"><h2>Memory over time</h2><div class="chart-scroll" id="memory"></div>'
    '<p class="note" id="repeats" hidden></p></section>'
    '<section id="field-part"><h2>Receptive field</h2><div class="chart-scroll" id="field"></div></section>'
    '<section id="roof-part"><h2>Roofline</h2><div class="bar"><label>Device <select class="device"></select></label>'
    '</div><div class="chart-scroll" id="roof"></div><p class="note" id="bound"></p></section>'
)
_CHANGED = (
    '<section><h2>Layers that changed</h2><div class="scroll" id="layers" tabindex="0" role="region" '
    'aria-label="Layers that changed"></div></section>'
)


def _sections(subjects: Sequence[Subject], found: Sequence[dict[str, Json]]) -> list[str]:
    several = len(subjects) > 1
    pairs = [("less", "less than before"), ("more", "more")] if several else []
    pairs = pairs or [(f"s{n}", word) for n, word in enumerate(colours.WORDS)]
    square = '<svg viewBox="0 0 12 12" aria-hidden="true"><rect class="{}" width="12" height="12"/></svg>'
    key = "".join(f"<span>{square.format(kind)}{escapes.html(word)}</span>" for kind, word in pairs)
    areas = _AREAS.format(
        title="What changed" if several else "Where the cost is", key=key, devices="" if several else _DEVICES
    )
    parts = [_TOTALS, areas, _CHANGED if several else _LAYERS + _CHARTS]
    parts += [_diagrams(subject) for subject in subjects]
    parts += [_references(subject, data) for subject, data in zip(subjects, found, strict=True)]
    return [*parts, *(_text(subject) for subject in subjects)]


def _diagrams(subject: Subject) -> str:
    """The network, closed and opened, at the values that the page begins with."""
    drawings: list[tuple[int, str]] = []
    for depth in range(1, DEEPEST + 1):
        drawn = _inline(draw(subject.table, "svg", depth))
        if drawings and (drawn == drawings[-1][1] or len(drawn) > LARGEST_DRAWING):
            break
        drawings.append((depth, drawn))
    options = "".join(f'<option value="{depth}">{depth}</option>' for depth, _ in drawings)
    choice = f'<label>Depth <select class="depth">{options}</select></label>' if len(drawings) > 1 else ""
    shown = "".join(
        f'<div class="drawing" data-depth="{depth}"{" hidden" if n else ""}>{drawn}</div>'
        for n, (depth, drawn) in enumerate(drawings)
    )
    values = ", ".join(f"{name}={numbers.exact(subject.start[name])}" for name in subject.open.free)
    note = f'<p class="note" data-start hidden>Drawn at {escapes.html(values)}.</p>' if values else ""
    heading = f"<h2>Diagram: {escapes.html(subject.table.name)}</h2>"
    return f'<section class="still">{heading}<div class="bar">{choice}</div>{note}{shown}</section>'


def _inline(drawn: str) -> str:
    """A picture in a page, whose style sheet has the colours already."""
    return re.sub(r"<style>.*?</style>\n?", "", drawn, flags=re.DOTALL)


def _references(subject: Subject, data: dict[str, Json]) -> str:
    if not data["references"]:
        return ""
    rows = "".join(
        f"<tr>{''.join(f'<td>{escapes.html(said)}</td>' for said in told)}</tr>" for told in data.pop("references")
    )
    titles = ("figure", "published", "counted", "", "source")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return (
        f'<section class="still"><h2>Published figures: {escapes.html(subject.table.name)}</h2>'
        f'<div class="scroll sources"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def _text(subject: Subject) -> str:
    if subject.source is None:
        return ""
    lines = "\n".join(map(escapes.html, subject.source.splitlines()))
    name = escapes.html(subject.model.name)
    shown = f"<summary>The spec: {name}</summary><pre>{lines}</pre>"
    return f'<section class="still"><details open>{shown}</details></section>'


__all__ = ["asset", "framed", "page", "policy"]
