"""`archcalc lsp` as the clients of three editors see it: pytest-lsp plays them, with what each says that it can do."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("pytest_lsp")

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

SPEC = """archcalc: 1
name: t
input: [3, 8, 8]
layers:
  - stem: conv 4 3x3
  - gap
  - fc: linear 10
"""  # the stem: 4 * 3 * 3 * 3 + 4 = 112 parameters, 4 * 27 * 64 = 6,912 MACs

pytestmark = pytest.mark.asyncio


@pytest_lsp.fixture(  # type: ignore[untyped-decorator]
    config=ClientServerConfig(server_command=[sys.executable, "-m", "archcalc", "lsp"]),
    params=["visual-studio-code", "neovim", "emacs"],
)
async def client(request: pytest.FixtureRequest, lsp_client: LanguageClient) -> AsyncIterator[None]:
    await lsp_client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities(request.param), root_uri=None)
    )
    yield
    await lsp_client.shutdown_session()


def opened(client: LanguageClient, path: Path, text: str) -> types.TextDocumentIdentifier:
    path.write_text(text, encoding="utf-8")
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(path.as_uri(), "yaml", 1, text))
    )
    return types.TextDocumentIdentifier(path.as_uri())


async def test_a_mistake_is_shown_and_gone_when_it_is_mended(client: LanguageClient, tmp_path: Path) -> None:
    document = opened(client, tmp_path / "net.yaml", SPEC.replace("linear 10", "liner 10"))
    await client.wait_for_notification("textDocument/publishDiagnostics")
    (found,) = client.diagnostics[document.uri]
    assert (found.range.start.line, found.range.start.character) == (6, 8)
    assert "did you mean 'linear'" in found.message
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(2, document.uri),
            [types.TextDocumentContentChangeWholeDocument(SPEC)],
        )
    )
    await client.wait_for_notification("textDocument/publishDiagnostics")
    assert not client.diagnostics[document.uri]


async def test_answers_about_a_line(client: LanguageClient, tmp_path: Path) -> None:
    document = opened(client, tmp_path / "net.yaml", SPEC)
    await client.wait_for_notification("textDocument/publishDiagnostics")
    place = types.Position(4, 5)  # in `stem`
    hover = await client.text_document_hover_async(types.HoverParams(document, place))
    assert isinstance(hover, types.Hover)
    assert isinstance(hover.contents, types.MarkupContent)
    assert "4x8x8" in hover.contents.value
    assert "112" in hover.contents.value
    completed = await client.text_document_completion_async(types.CompletionParams(document, types.Position(4, 10)))
    items = completed.items if isinstance(completed, types.CompletionList) else completed or []
    assert "conv" in {item.label for item in items}
    hints = await client.text_document_inlay_hint_async(
        types.InlayHintParams(document, types.Range(types.Position(0, 0), types.Position(7, 0)))
    )
    shown = ["".join(hint.label) if isinstance(hint.label, str) else hint.label[0].value for hint in hints or []]
    assert [hint.position.line for hint in hints or []] == [4, 5, 6]
    assert "4x8x8" in shown[0]
    assert "6.91k" in shown[0]
