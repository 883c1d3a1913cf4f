"""How long the language server lets one wait who types: a client over stdio sends a change for every key, and asks at
once for hints, hover and completion, on ResNet-152 as its spec has it (in blocks, with all its family) and written out
with a layer a line.

An empty line is begun in the middle and deleted again and again; then a layer is typed in it, a number there is changed
and changed back, and the line is deleted.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import machine

from archcalc.files import specs_folder

GOAL = 50.0  # ms
RETURNS = 10  # of each session, each but the last deleted again
URI = "file:///nowhere/net.yaml"
ASKED = ("hover", "completion", "inlayHint")


class Client:
    """Sends changes and requests, and takes down when what was answered came."""

    def __init__(self, text: str) -> None:
        command = [sys.executable, "-m", "archcalc", "lsp"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.last, self.version = 0, 1
        self.wait(self.ask("initialize", processId=None, rootUri=None, capabilities={}))
        self.send(method="initialized", params={})
        document = {"uri": URI, "languageId": "yaml", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": document})
        self.wait(None)

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def ask(self, method: str, **params: Any) -> int:
        self.last += 1
        self.send(id=self.last, method=method, params=params)
        return self.last

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            length = int(line.rpartition(b":")[2])
        found: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return found

    def wait(self, number: int | None) -> None:
        """Until the answer comes, or with no number until diagnostics of the newest version do."""
        while True:
            message = self.receive()
            if number is not None and message.get("id") == number:
                return
            if number is None and message.get("params", {}).get("version") == self.version:
                return

    def computed(self) -> float:
        """How many ms the server has computed so far; 0 where the system doesn't say."""
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e6
        except OSError:
            return 0.0

    def typed(self, line: int, start: int, end: int, text: str) -> Iterator[tuple[str, float]]:
        """One change; what was asked, and after how many ms it was answered."""
        self.version += 1
        places = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
        if start > end:
            places["end"] = {"line": line + 1, "character": 0}
        change = {"range": places, "text": text}
        began, before = time.perf_counter(), self.computed()
        document = {"uri": URI, "version": self.version}
        self.send(method="textDocument/didChange", params={"textDocument": document, "contentChanges": [change]})
        place = {"textDocument": {"uri": URI}, "position": {"line": line, "character": start}}
        window = {"start": {"line": max(0, line - 20), "character": 0}, "end": {"line": line + 30, "character": 0}}
        waiting: dict[int | None, str] = {None: "diagnostics"}
        for what in ASKED:
            more = {"range": window} if what == "inlayHint" else {"position": place["position"]}
            waiting[self.ask(f"textDocument/{what}", textDocument={"uri": URI}, **more)] = what
        while waiting:
            message = self.receive()
            number = message.get("id")
            if number is None and message.get("params", {}).get("version") != self.version:
                continue
            yield waiting.pop(number), (time.perf_counter() - began) * 1000
        yield "all, computed", self.computed() - before


def session(text: str, after: str, written: str) -> dict[str, list[float]]:
    """The times of each kind of answer while a line is typed below another one, changed and deleted."""
    client = Client(text)
    line = next(n for n, each in enumerate(text.split("\n")) if each.strip().startswith(after))
    found: dict[str, list[float]] = {}
    end, indent = len(text.split("\n")[line]), len(written) - len(written.lstrip())
    for last in range(RETURNS + 1):
        for what, taken in client.typed(line, end, end, "\n" + written[:indent]):
            found.setdefault(f"Return: {what}", []).append(taken)
        for what, taken in client.typed(line + 1, 0, -1, "") if last < RETURNS else ():
            found.setdefault(f"line deleted: {what}", []).append(taken)
    for n, letter in enumerate(written[indent:], indent):
        for what, taken in client.typed(line + 1, n, n, letter):
            found.setdefault(f"letter: {what}", []).append(taken)
        time.sleep(0.02)
    for _ in range(20):
        for letter in "31":
            for what, taken in client.typed(line + 1, len(written) - 1, len(written), letter):
                found.setdefault(f"letter: {what}", []).append(taken)
    for what, taken in client.typed(line + 1, 0, -1, ""):
        found.setdefault(f"line deleted: {what}", []).append(taken)
    client.process.kill()
    return found


def main() -> int:
    print(machine())
    flat = _flat()
    whole = (specs_folder() / "resnet.yaml").read_text()
    texts = {
        "resnet.yaml, in a block": (whole, "- relu", "    - conv 64 1x1"),
        "resnet.yaml, below": (whole, "- pool1", "  - conv 64 1x1"),
        "ResNet-152, flat": (flat, "- conv4/20/relu", "  - conv 1024 1x1"),
    }
    worst = 0.0
    for name, (text, after, written) in texts.items():
        print(f"\n{name}: {len(text.splitlines())} lines\n{'':28}{'median':>8}{'95 %':>8}{'most':>8} ms")
        for what, taken in session(text, after, written).items():
            high = sorted(taken)[int(len(taken) * 0.95)] if len(taken) > 1 else taken[0]
            worst = max(worst, statistics.median(taken) if "computed" not in what else 0)
            print(f"{what:28}{statistics.median(taken):8.1f}{high:8.1f}{max(taken):8.1f}")
    print(f"\nthe slowest median is {worst:.0f} ms; the goal is {GOAL:.0f}")
    return int(worst > GOAL)


def _flat() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "archcalc", "expand", "resnet152"], capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
