"""`archcalc lsp`, asked over stdio as an editor asks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

SPEC = """archcalc: 1
name: t
input: [3, 8, 8]
params:
  width: 4
blocks:
  unit(filters):
    - conv filters 3x3
layers:
  - stem: conv width 3x3
  - 2 x unit 4
  - maxpool 2x2
"""


class Client:
    """A small client: requests, notifications, and the diagnostics that were published last."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "archcalc", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.last, self.version = 0, 1

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            assert name == b"Content-Length"  # the one header that every client reads
            length = int(value)
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def ask(self, method: str, **params: Any) -> Any:
        self.last += 1
        self.send(id=self.last, method=method, params=params)
        while (answer := self.receive()).get("id") != self.last:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def at(self, method: str, line: int, column: int) -> Any:
        position = {"line": line, "character": column}
        return self.ask(f"textDocument/{method}", textDocument={"uri": URI}, position=position)

    def diagnostics(self) -> list[tuple[int, int, int, str]]:
        while (message := self.receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        return [
            (each["range"]["start"]["line"], each["range"]["start"]["character"], each["severity"], each["message"])
            for each in message["params"]["diagnostics"]
        ]

    def open(self, text: str) -> list[tuple[int, int, int, str]]:
        document = {"uri": URI, "languageId": "yaml", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": document})
        return self.diagnostics()

    def change(self, text: str) -> list[tuple[int, int, int, str]]:
        self.version += 1
        document = {"uri": URI, "version": self.version}
        self.send(
            method="textDocument/didChange", params={"textDocument": document, "contentChanges": [{"text": text}]}
        )
        return self.diagnostics()

    def hints(self) -> dict[int, str]:
        places = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
        found = self.ask("textDocument/inlayHint", textDocument={"uri": URI}, range=places)
        return {hint["position"]["line"]: hint["label"] for hint in found}

    def words(self, text: str, line: int) -> set[str]:
        """What is offered at the end of a line."""
        self.change(text)
        return {item["label"] for item in self.at("completion", line, len(text.split("\n")[line]))}


URI = (Path(__file__).parent / "not there" / "nét.yaml").as_uri()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client()
    found = client.ask("initialize", processId=None, rootUri=None, capabilities={})["capabilities"]
    assert {"hoverProvider", "completionProvider", "inlayHintProvider", "definitionProvider"} <= set(found)
    client.send(method="initialized", params={})
    client.open(SPEC)
    yield client
    client.ask("shutdown")
    client.send(method="exit")
    assert client.process.wait(20) == 0


def test_a_spec_without_mistakes_has_no_diagnostics_and_hints_with_costs(client: Client) -> None:
    assert client.change(SPEC) == []
    # conv 3 -> 4, 3x3 and its bias: 4 * 27 + 4 = 112, at 8 x 8: 108 * 64 = 6912 MACs; 4 -> 4: 148, twice, 144 * 64 each
    assert client.hints() == {
        9: "-> 4x8x8 · 112 · 6.91k",
        7: "-> 4x8x8 · 296 · 18.4k · 2 times",
        10: "-> 4x8x8 · 296 · 18.4k",
        11: "-> 4x4x4 · 0 · 0",
    }


def test_every_mistake_is_a_diagnostic_at_its_place_in_utf_16(client: Client) -> None:
    broken = SPEC.replace("maxpool", "maxpol").replace("unit 4", "unit 4 wide=1")
    assert [found[:3] for found in client.change(broken)] == [(10, 15, 1), (11, 4, 1)]
    assert client.hints() == {}
    wide = SPEC.replace("  - maxpool 2x2", '  - {"😀😀": 1, maxpol: 2}')
    assert client.change(wide)[0][0] == 11
    assert client.change(SPEC) == []


def test_broken_budgets_and_references_are_diagnostics(client: Client) -> None:
    found = client.change(SPEC + "budget:\n  params: {max: 1}\n  macs: {max: 1, level: warn}\n")
    assert [(line, severity) for line, _, severity, _ in found] == [(13, 1), (14, 2)]
    assert found[0][3].startswith("params 408, wanted <= 1 ")
    (found,) = client.change(SPEC + "reference:\n  - {params: 409, source: a typo}\n")
    assert (found[0], found[2]) == (13, 1)


@pytest.mark.parametrize("text", ["services: {web: {image: x}}\n", "", "archcalc: 1", "archcalc: [", "\t\x00"])
def test_any_text_is_answered(client: Client, text: str) -> None:
    found = client.change(text)
    assert bool(found) == text.startswith("archcalc")
    client.at("hover", 0, 0)
    client.at("completion", 0, len(text.strip()))
    assert client.hints() == {}


def test_layers_blocks_options_values_and_parameters_are_offered(client: Client) -> None:
    assert {"conv", "maxpool", "unit", "ref"} <= client.words(SPEC + "  - ", 12)
    assert {"conv", "unit"} <= client.words(SPEC + "  - last: co", 12)
    options = client.words(SPEC + "  - conv 4 3x3 ", 12)
    assert {"stride=", "groups=", "norm=", "act=", "width"} <= options
    assert "maxpool" not in options
    assert {"filters="} <= client.words(SPEC + "  - 3 x unit ", 12)
    assert client.words(SPEC + "  - conv 4 3x3 bias=", 12) >= {"true", "false"}
    assert {"bn", "ln", "none"} <= client.words(SPEC + "  - conv 4 3x3 norm=", 12)
    assert "relu" in client.words(SPEC + "  - conv 4 3x3 act=", 12)
    assert client.words(SPEC + "  - ref ", 12) == {"stem"}
    assert client.words(SPEC + "  - conv 4 3x3 share=", 12) == {"stem"}
    assert "filters" in client.words(SPEC.replace("conv filters 3x3", "conv "), 7)


def test_the_words_of_an_option_are_its_values(client: Client) -> None:
    from archcalc.editor.completion import offers

    text = SPEC + "  - upsample 2x2 mode="
    assert {offer.word for offer in offers(text, 12, 99)} >= {"nearest", "bilinear"}


def test_hover_says_what_a_line_costs_and_what_the_operator_is(client: Client) -> None:
    client.change(SPEC)
    said = client.at("hover", 9, 12)["contents"]["value"]
    assert all(word in said for word in ("4x8x8", "112", "6,912", "conv OUT KERNEL", "stride=1"))
    assert "field `3`" in said
    assert client.at("hover", 1, 2) is None


def test_definitions_of_blocks_labels_and_parameters(client: Client) -> None:
    client.change(SPEC + "  - ref stem\n")

    def where(line: int, column: int) -> tuple[int, int]:
        start = client.at("definition", line, column)["range"]["start"]
        return start["line"], start["character"]

    assert where(10, 9) == (6, 2)
    assert where(12, 9) == (9, 4)
    assert where(9, 16) == (4, 2)
    assert client.at("definition", 0, 0) is None


def edited(text: str, edit: Any) -> str:
    """A text with the edits of the one document that they are for."""
    lines = text.split("\n")
    for each in sorted(edit["changes"][URI], key=lambda each: each["range"]["start"]["character"], reverse=True):
        start, end = each["range"]["start"], each["range"]["end"]
        assert start["line"] == end["line"]
        line = lines[start["line"]]
        lines[start["line"]] = line[: start["character"]] + each["newText"] + line[end["character"] :]
    return "\n".join(lines)


def test_labels_and_blocks_are_renamed_in_all_their_places(client: Client) -> None:
    text = SPEC + "  - ref stem # of the stem\n  - stem2: conv 4 3x3\n"
    client.change(text)
    position = {"line": 12, "character": 9}
    done = client.ask("textDocument/rename", textDocument={"uri": URI}, position=position, newName="first")
    assert edited(text, done) == text.replace("- stem:", "- first:").replace("ref stem #", "ref first #")
    position = {"line": 10, "character": 8}
    done = client.ask("textDocument/rename", textDocument={"uri": URI}, position=position, newName="cell")
    assert edited(text, done) == text.replace("unit", "cell")


def test_what_can_not_be_renamed_says_why() -> None:
    from archcalc.editor.changes import renamed
    from archcalc.errors import UsageError

    for line, column, new in ((9, 5, "conv"), (9, 5, "unit"), (9, 5, "a b"), (4, 3, "w"), (0, 0, "x"), (11, 6, "x")):
        with pytest.raises(UsageError):
            renamed(SPEC, line, column, new, "net.yaml")
    with pytest.raises(UsageError):  # a label called as an operator: its lines would be other layers
        renamed(SPEC.replace("stem:", "conv:"), 9, 5, "x", "net.yaml")


def test_what_was_meant_is_an_action(client: Client) -> None:
    broken = SPEC.replace("maxpool", "maxpol").replace("width 3x3", "widht 3x3")
    client.change(broken)
    everywhere = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    asked = {"textDocument": {"uri": URI}, "range": everywhere, "context": {"diagnostics": []}}
    found = client.ask("textDocument/codeAction", **asked)
    assert [action["title"] for action in found] == ["Write width", "Write maxpool"]
    text = broken
    for action in found:
        text = edited(text, action["edit"])
    assert text == SPEC
    assert client.ask("textDocument/codeAction", **{**asked, "range": {**everywhere, "end": everywhere["start"]}}) == []
    client.change(SPEC)


def test_what_lectures_would_change_is_an_action(client: Client) -> None:
    text = SPEC.replace("- maxpool 2x2", "- conv 16 3x3 act=relu\n  - wide: conv 16 3x3")
    assert client.change(text) == []
    line = text.split("\n").index("  - wide: conv 16 3x3")
    place = {"line": line, "character": 5}
    asked = {"textDocument": {"uri": URI}, "range": {"start": place, "end": place}, "context": {"diagnostics": []}}
    found = {action["title"].partition(" (")[0]: action for action in client.ask("textDocument/codeAction", **asked)}
    action = found["Try: a depthwise convolution and a 1x1"]
    # 3 x 3 of 16 to 16 with their biases is 2,304 + 16; 144 + 16 of the depthwise one and 256 + 16 of the 1 x 1
    # are 432: 1,888 less; at 8 x 8 it is 64 * (144 + 256 - 2304) = -121,856 multiply-accumulates
    assert action["title"].endswith(" (MACs -122k, params -1.89k)")
    assert action["kind"] == "refactor.rewrite"
    ((edit,),) = action["edit"]["changes"].values()
    assert edit["newText"] == "  - wide: [dwconv 3x3, conv 16 1x1]\n"
    assert (edit["range"]["start"]["line"], edit["range"]["end"]["line"]) == (line, line + 1)
    assert {"Try: a layer left out", "Try: two groups"} <= set(found)
    ((edit,),) = found["Try: a layer left out"]["edit"]["changes"].values()
    assert (edit["newText"], edit["range"]["start"]["line"], edit["range"]["end"]["line"]) == ("", line, line + 1)
    asked["context"] = {"diagnostics": [], "only": ["quickfix"]}
    assert client.ask("textDocument/codeAction", **asked) == []


def test_costs_stand_beside_their_lines_after_lines_above_came_and_went(client: Client) -> None:
    client.change(SPEC)
    for text in (
        SPEC.replace("  - 2 x unit 4\n", "  - 2 x unit 4\n  - relu\n"),
        SPEC,
        SPEC.replace("  - stem", "\n  - stem"),
    ):
        client.change(text)
        (line,) = [n for n, each in enumerate(text.split("\n")) if "maxpool" in each]
        assert client.hints()[line] == "-> 4x4x4 · 0 · 0"


def test_a_document_that_was_closed_has_nothing_to_say_and_one_who_leaves_without_a_word_is_told() -> None:
    client = Client()
    client.ask("initialize", processId=None, rootUri=None, capabilities={})
    client.open(SPEC)
    client.send(method="textDocument/didClose", params={"textDocument": {"uri": URI}})
    assert client.at("hover", 8, 6) is None
    assert client.at("completion", 8, 6) is not None
    client.send(method="exit")
    assert client.process.wait(20) == 1


def test_hints_can_be_switched_off() -> None:
    client = Client()
    try:
        client.ask("initialize", processId=None, rootUri=None, capabilities={}, initializationOptions={"hints": False})
        client.open(SPEC)
        assert client.hints() == {}
    finally:
        client.process.kill()
        client.process.communicate()
