"""The language server: what the other modules find, in the words of the protocol."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from functools import lru_cache
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
from archcalc.model import Model
from archcalc.records import Record
from archcalc.spec.again import Again

KINDS = {
    "network": types.CompletionItemKind.Module,
    "operator": types.CompletionItemKind.Function,
    "block": types.CompletionItemKind.Class,
    "option": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "parameter": types.CompletionItemKind.Variable,
    "label": types.CompletionItemKind.Reference,
}
ACTIONS = (types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite)
PAUSE = 0.005  # seconds that a message has for saying that what was asked is outdated
MOST_ADVISED = 10  # lines, of which each is counted with each of its rewrites
IDLE = 2.0  # seconds without a change, after which nobody waits
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

    @property
    def is_shut_down(self) -> bool:
        """Whether the client said that it is about to leave."""
        return self._shutdown

    def warm(self) -> None:
        """Make what reads and writes messages before the first key is typed, which it would keep waiting."""
        at: Any = {"textDocument": {"uri": ""}, "position": {"line": 0, "character": 0}}
        nowhere = types.Range(types.Position(0, 0), types.Position(0, 0))
        change = {"range": {"start": at["position"], "end": at["position"]}, "text": ""}
        told = {"textDocument": {"uri": "", "version": 1}, "contentChanges": [change]}
        asked = {"hover": at, "completion": at, "inlayHint": {**at, "range": change["range"]}, "didChange": told}
        for name, params in asked.items():
            method = f"textDocument/{name}"
            message = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
            self._converter.structure(message, types.METHOD_TO_TYPES[method][0])
        item = types.CompletionItem("", kind=types.CompletionItemKind.Class, documentation="")
        found = types.PublishDiagnosticsParams("", [types.Diagnostic(nowhere, "", code="", source="")], 0)
        for answer in (
            types.HoverResponse(0, types.Hover(types.MarkupContent(types.MarkupKind.Markdown, ""))),
            types.CompletionResponse(0, [item]),
            types.InlayHintResponse(0, [types.InlayHint(nowhere.start, "", padding_left=True)]),
            types.PublishDiagnosticsNotification(found),
        ):
            self._converter.unstructure(answer)


class Opened(Record, frozen=False):
    """What is known of a document that is open: of which `version` of it, and what the next reading starts from."""

    again: Again
    version: int | None = None
    found: Analysis = NOTHING


class Server(LanguageServer):
    """The server, and what it knows of each document that is open."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__("archcalc", __version__, protocol_cls=Protocol)
        self.opened: dict[str, Opened] = {}
        self.hints = True
        self.collecting: asyncio.TimerHandle | None = None

    def document(self, uri: str) -> TextDocument:
        """The text of an open file; of one that is closed, as its client may ask in a moment, there is none."""
        return self.workspace.text_documents.get(unquote(uri)) or TextDocument(uri, "")

    def current(self, uri: str) -> Analysis:
        """What is known of a document as it is now."""
        document, known = self.document(uri), self.opened.get(uri) or Opened(Again())
        if document.version is not None:
            self.opened[uri] = known
        if known.version is None or known.version != document.version:
            known.version, known.found = document.version, analysed(document.source, _path(uri), again=known.again)
        return known.found

    async def is_outdated(self, uri: str) -> bool:
        """Whether a document changes or is closed in a moment: there is no use in answering for what it was."""
        known, version = self.opened.get(uri), self.document(uri).version
        await asyncio.sleep(PAUSE)
        return self.opened.get(uri) is not known or self.document(uri).version != version

    async def with_variants(self, uri: str) -> None:
        """Publish what is wrong with a document and with its variants, on which others needn't wait."""
        document, table = self.document(uri), self.current(uri).table
        version = document.version
        if table and table.spec.variants:
            found = await asyncio.to_thread(analysed, document.source, _path(uri), True)
            if uri not in self.opened or self.document(uri).version != version:
                return
            self.opened[uri].found = found
        self.publish(uri)

    def tidy(self) -> None:
        """Collect garbage when nobody has typed for a while: it takes longer than an answer may."""
        gc.disable()
        if self.collecting:
            self.collecting.cancel()
        self.collecting = asyncio.get_running_loop().call_later(IDLE, gc.collect)

    def publish(self, uri: str) -> None:
        """Say what is wrong with a document."""
        document, path = self.document(uri), _path(uri)
        diagnostics = [_diagnostic(document, each, path) for each in self.current(uri).findings]
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri=uri, version=document.version, diagnostics=diagnostics)
        )


def _path(uri: str) -> str:
    """The path of a document, by which messages call it; a text that is no file yet by its name alone."""
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else uri


@lru_cache(maxsize=4)
def _lines(source: str) -> tuple[str, ...]:
    """The lines of a text, as pygls takes them."""
    return tuple(source.splitlines(True))


def _range(document: TextDocument, line: int, start: int, end: int) -> types.Range:
    lines = _lines(document.source)
    if line < len(lines) and lines[line].isascii():  # a letter is a unit, whatever the client counts in
        start, end = min(start, len(lines[line])), min(end, len(lines[line]))
        return types.Range(types.Position(line, start), types.Position(line, end))
    place = ServerTextRange(ServerTextPosition(line, start), ServerTextPosition(line, end))
    return document.position_codec.range_to_client_units(lines, place)


def _diagnostic(document: TextDocument, found: Finding, path: str) -> types.Diagnostic:
    """What is wrong, at its place; at the top of the document if that is in another file, or nowhere."""
    mark = found.mark if found.mark and found.mark.file == path else None
    said = found.message.removeprefix(f"{path}: ").removeprefix(path)  # whose it is, but for a variant, is known
    message = said if mark or not found.mark else f"{found.mark}: {said}"
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


@server.feature(types.INITIALIZED)
def initialized(params: types.InitializedParams) -> None:
    """Do what takes long once, while nobody types yet."""
    server.protocol.warm()
    completion.everywhere()


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
async def opened(params: types.DidOpenTextDocumentParams) -> None:
    """Check a document that was opened, its variants too."""
    server.tidy()
    await server.with_variants(params.text_document.uri)


@server.feature(types.TEXT_DOCUMENT_DID_SAVE)
async def saved(params: types.DidSaveTextDocumentParams) -> None:
    """Check a document that was saved, its variants too."""
    await server.with_variants(params.text_document.uri)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
async def changed(params: types.DidChangeTextDocumentParams) -> None:
    """Check a document that was changed, unless it goes on changing."""
    uri = params.text_document.uri
    if not await server.is_outdated(uri):
        server.publish(uri)

    server.tidy()


@server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
def closed(params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document, and take its diagnostics back."""
    uri = params.text_document.uri
    server.opened.pop(uri, None)
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
    found = server.current(params.text_document.uri)
    cost = found.costs.get(line)
    said = completion.hover(document.source, line, column, cost, found.field(cost) if cost else "")
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, said)) if said else None


@server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
def hints(params: types.InlayHintParams) -> list[types.InlayHint]:
    """What each visible line costs, behind it."""
    document = server.document(params.text_document.uri)
    lines = _lines(document.source)
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
        raise JsonRpcInvalidParams(escapes.line(str(error).splitlines()[0])) from None
    return types.WorkspaceEdit({uri: [types.TextEdit(_range(document, *place), params.new_name) for place in places]})


@server.feature(
    types.TEXT_DOCUMENT_CODE_ACTION,
    types.CodeActionOptions(code_action_kinds=[*ACTIONS]),
)
async def actions(params: types.CodeActionParams) -> list[types.CodeAction]:
    """For mistakes with a "did you mean" the word that was meant; for layers what lectures would change."""
    uri, wanted = params.text_document.uri, params.context.only or ACTIONS
    document, known = server.document(uri), server.current(uri)
    lines = range(params.range.start.line, params.range.end.line + 1)
    found: list[types.CodeAction] = []
    if _is_wanted(types.CodeActionKind.QuickFix, wanted):
        meant = [changes.meant(document.source, each, _path(uri)) for each in known.findings]
        found = [_fix(document, place, word) for place, word in filter(None, meant) if place.line in lines]
    if known.table and len(lines) <= MOST_ADVISED and _is_wanted(types.CodeActionKind.RefactorRewrite, wanted):
        text, version = document.source, document.version
        rewrites = await asyncio.to_thread(changes.rewrites, Model(known.table.spec), text, lines)
        if uri in server.opened and server.document(uri).version == version:
            found += [_advice(document, each) for each in rewrites]
    return found


def _is_wanted(kind: str, wanted: Sequence[str]) -> bool:
    """Whether a client asks for actions of a kind: `refactor` are those of `refactor.rewrite`, too."""
    return any(f"{kind}.".startswith(f"{each}.") for each in wanted)


def _fix(document: TextDocument, place: changes.Place, word: str) -> types.CodeAction:
    edit = types.TextEdit(_range(document, *place), word)
    return types.CodeAction(
        f"Write {escapes.line(word)}",
        types.CodeActionKind.QuickFix,
        is_preferred=True,
        edit=types.WorkspaceEdit({document.uri: [edit]}),
    )


def _advice(document: TextDocument, rewrite: changes.Rewrite) -> types.CodeAction:
    lines = types.Range(types.Position(rewrite.first, 0), types.Position(rewrite.stop, 0))
    edit = types.WorkspaceEdit({document.uri: [types.TextEdit(lines, rewrite.text)]})
    return types.CodeAction(escapes.line(rewrite.title), types.CodeActionKind.RefactorRewrite, edit=edit)
