"""The language server: what the other modules find, in the words of the protocol."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol
from pygls.workspace import TextDocument
from pygls.workspace.position_codec import ServerTextPosition, ServerTextRange

from archcalc import __version__, escapes
from archcalc.editor import changes, completion, words
from archcalc.editor.analysis import NOTHING, Analysis, analysed
from archcalc.errors import UsageError
from archcalc.findings import Finding

KINDS = {
    "network": types.CompletionItemKind.Module,
    "operator": types.CompletionItemKind.Function,
    "block": types.CompletionItemKind.Class,
    "option": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "parameter": types.CompletionItemKind.Variable,
    "label": types.CompletionItemKind.Reference,
}
PAUSE = 0.1  # seconds
SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


class Framed:
    """Messages under the one header that the protocol demands: some clients read no second one."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def close(self) -> Any:
        """Close the stream under it."""
        return self.writer.close()

    def write(self, data: bytes) -> Any:
        """Write one message behind its header."""
        return self.writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))


class Protocol(LanguageServerProtocol):
    """pygls's own, but for the header."""

    def set_writer(self, writer: Any, include_headers: bool = True) -> None:
        """Take the stream to write to; headers and message go out in one piece."""
        super().set_writer(Framed(writer) if include_headers else writer, include_headers=False)


class Server(LanguageServer):
    """The server, and what it knows of each document that is open."""

    def __init__(self) -> None:
        super().__init__("archcalc", __version__, protocol_cls=Protocol)
        self.known: dict[str, tuple[int | None, Analysis]] = {}  # with the version that it is of
        self.hints = True

    def document(self, uri: str) -> TextDocument:
        """The text of an open file."""
        return self.workspace.get_text_document(uri)

    def current(self, uri: str) -> Analysis:
        """What is known of a document as it is now."""
        document = self.document(uri)
        version, found = self.known.get(uri, (None, NOTHING))
        if uri not in self.known or version != document.version:
            found = analysed(document.source, _path(uri))
            self.known[uri] = document.version, found
        return found

    def refresh(self, uri: str, variants: bool = False) -> None:
        """Publish what is wrong with a document; with its variants, look at it again."""
        document = self.document(uri)
        path = _path(uri)
        if variants:
            self.known[uri] = document.version, analysed(document.source, path, variants)
        diagnostics = [_diagnostic(document, each, path) for each in self.current(uri).findings]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=diagnostics)
        )


def _path(uri: str) -> str:
    """The path of a document, by which messages call it; a text that is no file yet by its name alone."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


def _range(document: TextDocument, line: int, start: int, end: int) -> types.Range:
    place = ServerTextRange(ServerTextPosition(line, start), ServerTextPosition(line, end))
    return document.range_to_client_units(place)


def _diagnostic(document: TextDocument, found: Finding, path: str) -> types.Diagnostic:
    """What is wrong, at its place; at the top of the document if that is in another file, or nowhere."""
    mark = found.mark if found.mark and found.mark.file == path else None
    message = found.message if mark or not found.mark else f"{found.mark}: {found.message}"
    line, start, length = (mark.line - 1, mark.column - 1, mark.length) if mark else (0, 0, 1)
    return types.Diagnostic(
        range=_range(document, line, start, start + length),
        message=escapes.line(message),
        severity=SEVERITIES[found.level],
        source="archcalc",
        code=found.rule,
    )


def _place(document: TextDocument, position: types.Position) -> tuple[int, int]:
    found = document.position_from_client_units(position)
    return found.line, found.character


def _end(document: TextDocument, line: int, written: str) -> types.Position:
    return _range(document, line, 0, len(written.rstrip())).end


server = Server()


@server.feature(types.INITIALIZE)
def initialize(params: types.InitializeParams) -> None:
    """`{"hints": false}` as an option of the client leaves the costs beside lines out."""
    options: Any = params.initialization_options
    server.hints = not isinstance(options, dict) or options.get("hints") is not False


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def opened(params: types.DidOpenTextDocumentParams) -> None:
    """Check a document that was opened."""
    server.refresh(params.text_document.uri, variants=True)


@server.feature(types.TEXT_DOCUMENT_DID_SAVE)
def saved(params: types.DidSaveTextDocumentParams) -> None:
    """Check a document that was saved, its variants too."""
    server.refresh(params.text_document.uri, variants=True)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
async def changed(params: types.DidChangeTextDocumentParams) -> None:
    """Look when typing pauses: a spec of hundreds of layers takes as long to count as a few letters to type."""
    await asyncio.sleep(PAUSE)
    uri = params.text_document.uri
    if uri in server.known and server.document(uri).version == params.text_document.version:
        server.refresh(uri)


@server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
def closed(params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document, and take its diagnostics back."""
    uri = params.text_document.uri
    server.known.pop(uri, None)
    server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=uri, diagnostics=[]))


@server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", "="]))
def complete(params: types.CompletionParams) -> list[types.CompletionItem]:
    """What can stand where the cursor is."""
    document = server.document(params.text_document.uri)
    found = completion.offers(document.source, *_place(document, params.position))
    return [
        types.CompletionItem(label=offer.word, kind=KINDS[offer.kind], documentation=offer.about or None)
        for offer in found
    ]


@server.feature(types.TEXT_DOCUMENT_HOVER)
def hover(params: types.HoverParams) -> types.Hover | None:
    """What the word under the cursor means, and what its line costs."""
    document = server.document(params.text_document.uri)
    line, column = _place(document, params.position)
    cost = server.current(params.text_document.uri).costs.get(line)
    said = completion.hover(document.source, line, column, cost)
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, said)) if said else None


@server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
def hints(params: types.InlayHintParams) -> list[types.InlayHint]:
    """What each visible line costs, behind it."""
    document = server.document(params.text_document.uri)
    lines = document.lines
    first, last = params.range.start.line, params.range.end.line
    costs = server.current(params.text_document.uri).costs if server.hints else {}
    return [
        types.InlayHint(_end(document, line, lines[line]), escapes.line(str(cost)), padding_left=True)
        for line, cost in sorted(costs.items())
        if first <= line <= last and line < len(lines)
    ]


@server.feature(types.TEXT_DOCUMENT_DEFINITION)
def definition(params: types.DefinitionParams) -> types.Location | None:
    """Where the block, label or parameter under the cursor is declared."""
    document = server.document(params.text_document.uri)
    found = words.declaration(document.source, *_place(document, params.position))
    if found is None:
        return None
    end = found.column + len(found.name)
    return types.Location(params.text_document.uri, _range(document, found.line, found.column, end))


@server.feature(types.TEXT_DOCUMENT_RENAME)
def rename(params: types.RenameParams) -> types.WorkspaceEdit:
    """A label or a block by another name, in all its places."""
    uri = params.text_document.uri
    document = server.document(uri)
    try:
        places = changes.renamed(document.source, *_place(document, params.position), params.new_name, _path(uri))
    except UsageError as error:
        raise JsonRpcInvalidParams(escapes.line(str(error))) from None
    return types.WorkspaceEdit({uri: [types.TextEdit(_range(document, *place), params.new_name) for place in places]})


@server.feature(
    types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
)
def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
    """For mistakes with a "did you mean": the word that was meant."""
    uri = params.text_document.uri
    document = server.document(uri)
    first, last = params.range.start.line, params.range.end.line
    found = [changes.meant(document.source, each, _path(uri)) for each in server.current(uri).findings]
    return [
        types.CodeAction(
            f"Write {escapes.line(word)}",
            types.CodeActionKind.QuickFix,
            is_preferred=True,
            edit=types.WorkspaceEdit({uri: [types.TextEdit(_range(document, *place), word)]}),
        )
        for place, word in filter(None, found)
        if first <= place.line <= last
    ]
