"""What the tables say, for people: the tools that there are, and what one of them counts of which operator."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from archcalc import escapes
from archcalc.conventions.nodes import NODES
from archcalc.conventions.quantities import QUANTITIES
from archcalc.conventions.rules import Rules, terms
from archcalc.conventions.tools import TOOLS, Tool, find
from archcalc.render.grid import listing

if TYPE_CHECKING:
    from archcalc.render.contract import Described, Tools

WRITTEN = {
    "functional": "as a function",
    "method": "as a tensor's method",
    "Linear": "as nn.Linear",
    "Conv2d": "as nn.Conv2d",
    "AdaptiveAvgPool2d": "after nn.AdaptiveAvgPool2d",
    "scaled_dot_product_attention": "through scaled_dot_product_attention",
}
APART = {
    "bn_plain": "bn without scale and shift",
    "ln_plain": "ln without scale and shift",
    "gn_plain": "gn without scale and shift",
    "attention_plain": "attention without bias",
    "bn_folded": "bn that becomes the bias of the conv before it",
    "bn_absorbed": "bn that goes into the bias of the conv before it",
    "upsample_bilinear": "upsample mode=bilinear",
}
COMMON = ("conv", "linear", "attention", "bn", "ln", "relu", "maxpool", "gap", "softmax", "add")
FILES = "the nodes of a model file"
OTHERS, NOTHING = "all others", "nothing"


def tools(form: str, width: int | None) -> str:
    """The tools: name, version, what they print, and what they are."""
    if form == "json":
        return _json(*TOOLS.values())
    room = None if width is None else max(30, width - 48)
    rows = [
        [tool.name, tool.version, _titles(tool), "\n".join(textwrap.wrap(tool.about, room)) if room else tool.about]
        for tool in TOOLS.values()
    ]
    return listing(["tool", "version", "prints", "what it is"], rows, ("tool", "version", "prints", "what it is"))


def matrix() -> str:
    """A Markdown table of what each tool counts of the commonest operators, each a module."""
    rows = []
    for tool in TOOLS.values():
        params = tool.params.otherwise or "of modules that it knows"
        rows += [
            [
                f"{tool.name} {number.title}" if len(tool.numbers) > 1 else tool.name,
                *(_cell(number.rules, word) for word in COMMON),
                params,
            ]
            for number in tool.numbers
        ]
        rows += [] if tool.numbers else [[tool.name, *("-" for _ in COMMON), params]]
    heads = ["tool", *COMMON, "parameters"]
    return listing(heads, rows, tuple(heads), markdown=True)


def _cell(rules: Rules, word: str) -> str:
    rule = rules.table.get(word) or "-"
    return f"{rules.table['bn_folded']} if folded, else {rule}" if word == "bn" and "bn_folded" in rules.table else rule


def tool(name: str, form: str) -> str:
    """What a tool counts of which operator, and what the words mean."""
    known = find(name)
    if form == "json":
        return _json(known)
    blocks = [f"{known.title}: {known.about}"]
    own = [(number.title, number.rules) for number in known.numbers]
    blocks += [f"{title}\n{_table(rules)}" for title, rules in (*own, ("parameters", known.params))]
    blocks.append(
        _words(
            [*(rules for _, rules in own), known.params], {name: quantity.help for name, quantity in QUANTITIES.items()}
        )
    )
    if known.nodes is not None:
        blocks.append(f"{FILES}\n{_table(known.nodes)}")
        blocks.append(_words([known.nodes], {name: quantity.help for name, quantity in NODES.items()}))
    left_out = [
        *([] if known.frozen else ["frozen parameters are left out"]),
        *([] if known.idle else ["parameters that nothing ran are left out"]),
    ]
    return "\n\n".join([*blocks, *(["\n".join([*known.notes, *left_out])] if known.notes or left_out else [])])


def _words(tables: list[Rules], meanings: Mapping[str, str]) -> str:
    """What the words in tables mean."""
    used = dict.fromkeys(
        name
        for rules in tables
        for rule in (*rules.table.values(), rules.otherwise)
        for name in terms(rule, rules.known)
    )
    width = max(map(len, used))
    return "\n".join(f"{name:<{width}}  {meanings[name]}" for name in used)


def _rules(tool: Tool) -> Iterator[tuple[str, Rules]]:
    yield from ((number.title, number.rules) for number in tool.numbers)
    yield "parameters", tool.params
    if tool.nodes is not None:
        yield FILES, tool.nodes


def _table(rules: Rules) -> str:
    """`  4*outputs  bn, ln`: operators with the same rule in one line; of what counts nothing the exceptions alone are
    named.
    """
    grouped: dict[str, list[str]] = {}
    for entry, rule in rules.table.items():
        grouped.setdefault(rule or NOTHING, []).append(entry)
    lines = [*grouped.items(), (rules.otherwise or NOTHING, [])]
    lines.sort(key=lambda line: line[0] == NOTHING)
    width = max(len(rule) for rule, _ in lines)
    return "\n".join(f"  {rule:<{width}}  {_spoken(entries) if entries else OTHERS}" for rule, entries in lines)


def _spoken(entries: list[str]) -> str:
    """`gelu, relu functional, elu functional` as a reader understands it: `gelu; relu, elu as a function`."""
    ways: dict[str, list[str]] = {}
    for entry in entries:
        word, _, written = entry.partition(" ")
        ways.setdefault(written, []).append(APART.get(word, word))
    return "; ".join(
        ", ".join(words) + (f" {WRITTEN[written]}" if written else "")
        for written, words in sorted(ways.items(), key=lambda way: way[0] != "")
    )


def _titles(tool: Tool) -> str:
    return ", ".join(number.title for number in tool.numbers) or "parameters"


def _json(*tools: Tool) -> str:
    from archcalc import __version__

    found: Tools = {
        "schema": "archcalc/tools/1",
        "tool": {"name": "archcalc", "version": __version__},
        "tools": [_described(tool) for tool in tools],
    }
    return escapes.json(found)


def _described(tool: Tool) -> Described:
    """A tool with its rules as they are written here."""
    rules = {title: rules.table | {"": rules.otherwise} for title, rules in _rules(tool)}
    return {"tool": tool.name, "version": tool.version, "about": tool.about, "notes": list(tool.notes), "rules": rules}
