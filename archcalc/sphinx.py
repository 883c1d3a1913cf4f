"""A Sphinx extension: `extensions = ["archcalc.sphinx"]`.

    .. archcalc:: table ../net.yaml --depth 1        a directive, for what stands by itself

    It has :archcalc:`value ../net.yaml params`.     a role, for what stands in a sentence

Both take the commands of a region (`archcalc.docs`), with paths relative to the document, and a page is built again
when a spec that it names changes. Specs are read from the page's repository; `archcalc_allow` in conf.py lists other
folders, from the folder of the sources. A command that can't be answered is an error of the page: `sphinx-build -W`
fails on it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.typing import ExtensionMetadata

from archcalc import ArchcalcError, __version__, escapes, reading
from archcalc.docs.commands import Catalog, answer, home
from archcalc.docs.pieces import Code, Diagram, Formula, Grid, Picture, Piece, Words, broken
from archcalc.errors import Mark


def _answered(command: str, env: BuildEnvironment, line: int) -> Piece:
    """The answer to a command; the specs that it reads become what the page depends on. Raises ArchcalcError."""
    page = Path(env.doc2path(env.docname))
    outside = [Path(env.srcdir, folder) for folder in env.config.archcalc_allow]
    if reading.repository(env.srcdir) is None:  # then it is a project whose pages have a folder of their own
        outside.append(Path(env.srcdir).resolve().parent)
    catalog = Catalog(allowed=(Path(env.srcdir), *outside))
    try:
        return answer(command, home(page), catalog, Mark(str(page), line, 1))
    finally:
        for file in catalog.files:
            env.note_dependency(str(file.resolve()))


class ArchcalcDirective(SphinxDirective):
    """A table, a formula, a diagram, or a paragraph with a number."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The nodes that stand there. Raises what Sphinx calls an error where the region is wrong."""
        try:
            piece = _answered(self.arguments[0], self.env, self.lineno)
        except ArchcalcError as error:
            raise self.error(str(error)) from None
        match piece:
            case Grid():
                return _grid(piece)
            case Words() | Code():
                return [nodes.paragraph("", "", _inline(piece))]
            case Formula():
                shown = broken(piece.latex)
                return [nodes.math_block(shown, shown, docname=self.env.docname, number=None, label=None)]
            case Diagram():
                return self._diagram(piece)
            case Picture():
                data = base64.b64encode(piece.drawn.encode()).decode()
                return [
                    nodes.image(
                        uri=f"data:image/svg+xml;base64,{data}", alt=escapes.plain(piece.alt), classes=["archcalc"]
                    )
                ]

    def _diagram(self, piece: Diagram) -> list[nodes.Node]:
        """What the directive `mermaid` makes of it, if some extension has one; else its source."""
        found, _ = directives.directive("mermaid", self.state.memo.language, self.state.document)
        if found is None:
            return [nodes.literal_block(piece.source, piece.source, language="text")]
        content = StringList(piece.source.split("\n"), source=self.get_source_info()[0])
        made: Any = found(
            "mermaid",
            [],
            {},
            content,
            self.lineno,
            self.content_offset,
            self.block_text,
            self.state,
            self.state_machine,
        )
        drawn: list[nodes.Node] = made.run()
        return drawn


class ArchcalcRole(SphinxRole):
    """A number or a formula in a sentence."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The node that stands in the sentence, or a message of docutils where the region is wrong."""
        try:
            piece = _answered(self.text, self.env, self.lineno)
        except ArchcalcError as error:
            return self._refused(str(error))
        match piece:
            case Words() | Code() | Formula():
                return [_inline(piece)], []
            case _:
                return self._refused(
                    "only `value` and `formula` stand inside a sentence; for the others there is the directive"
                )

    def _refused(self, why: str) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        message = self.inliner.reporter.error(why, line=self.lineno)
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


def _inline(piece: Words | Code | Formula) -> nodes.Node:
    match piece:
        case Words():
            return nodes.inline("", escapes.plain(piece.text), classes=["archcalc"], support_smartquotes=False)
        case Code():
            text = escapes.plain(piece.text)
            return nodes.literal(text, text)
        case Formula():
            return nodes.math(piece.latex, piece.latex)


def _grid(piece: Grid) -> list[nodes.Node]:
    caption: list[nodes.Node] = []
    if piece.caption:
        caption = [nodes.paragraph("", escapes.plain(piece.caption), classes=["archcalc"], support_smartquotes=False)]
    if not piece.rows:
        return caption
    group = nodes.tgroup(cols=len(piece.headings))
    group += [nodes.colspec(colwidth=max(map(len, column))) for column in zip(piece.headings, *piece.rows, strict=True)]
    group += nodes.thead("", _row(piece.headings, piece.right))
    total = [_row(piece.total, piece.right, strong=True)] if piece.total else []
    group += nodes.tbody("", *(_row(row, piece.right) for row in piece.rows), *total)
    return [nodes.table("", group, classes=["archcalc"], support_smartquotes=False), *caption]


def _row(cells: Sequence[str], right: Sequence[bool], strong: bool = False) -> nodes.row:
    """Names stay as they are: no quotation marks or dashes are made of what they hold."""
    row = nodes.row()
    for cell, is_right in zip(cells, right, strict=True):
        text = escapes.plain(cell)
        inside: nodes.Node = nodes.strong("", text) if strong else nodes.Text(text)
        row += nodes.entry("", nodes.paragraph("", "", inside), classes=["text-right"] if is_right else [])
    return row


def setup(app: Sphinx) -> ExtensionMetadata:
    """What Sphinx calls."""
    app.add_directive("archcalc", ArchcalcDirective)
    app.add_role("archcalc", ArchcalcRole())
    app.add_config_value("archcalc_allow", [], "env", [list, tuple])
    return {"version": __version__, "parallel_read_safe": True, "parallel_write_safe": True}
