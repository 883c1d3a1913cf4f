"""A page that follows its file: served to this machine alone, under an address that nobody else knows."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Event, Thread
from urllib.parse import parse_qs, urlsplit

from archcalc.errors import ArchcalcError, Problem, SpecError
from archcalc.files import find, is_yaml, parted
from archcalc.model import load
from archcalc.question import Question
from archcalc.report.mistakes import mistakes
from archcalc.report.page import asset, page
from archcalc.report.source import text_of
from archcalc.report.subject import subject

HOST = "127.0.0.1"
LOOKS, WAITS = 0.2, 20.0  # seconds between two looks at the files, and that a page waits for an answer
MOST_FILES = 1000  # beside the spec, that are looked at
Stamp = tuple[int, int, int]


def live_page(name: str, question: Question, version: int) -> str:
    """The page of a network as its file is now, or of the mistakes in it."""
    script = f"const VERSION = {version};\n{asset('live.js')}"
    source = ""
    try:
        source = text_of(name) or ""
        return page([subject(load(name), question, source or None)], script, connect=True)
    except SpecError as error:
        problems = list(error.problems)
    except ArchcalcError as error:
        problems = [Problem(line) for line in str(error).splitlines()]
    return mistakes(parted(name)[0], source, problems, script)


class Watch:
    """Looks at a spec and at the specs beside it, which it may use; `version` is how often they changed."""

    def __init__(self, name: str) -> None:
        path, _ = parted(name)
        shipped = None if os.path.exists(path) or is_yaml(path) or "/" in path else find(path)
        self.path = Path(shipped[0] if shipped else path)
        self.version = 1
        self.changed = Condition()
        self.ended = Event()
        self._seen = self._stamps()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait(self, version: int, seconds: float = WAITS) -> int:
        """The version that is there once it is another than this one, or after so long."""
        with self.changed:
            self.changed.wait_for(lambda: self.version != version or self.ended.is_set(), seconds)
            return self.version

    def end(self) -> None:
        """Stop looking, and let go of whoever waits."""
        self.ended.set()
        with self.changed:
            self.changed.notify_all()
        self._thread.join()

    def _look(self) -> None:
        while not self.ended.wait(LOOKS):
            found = self._stamps()
            if found != self._seen:
                with self.changed:
                    self._seen, self.version = found, self.version + 1
                    self.changed.notify_all()

    def _stamps(self) -> dict[str, Stamp]:
        try:
            beside = sorted(
                path for name in os.listdir(self.path.parent) if is_yaml(name) for path in [self.path.parent / name]
            )
        except OSError:
            beside = []
        found = {}
        for path in [self.path, *beside[:MOST_FILES]]:
            try:
                at = os.stat(path)
            except OSError:  # between two versions of it
                continue
            found[str(path)] = (at.st_mtime_ns, at.st_size, at.st_ino)
        return found


class Live:
    """A server of one page. `address` is where it is; only who knows all of it is answered."""

    def __init__(self, name: str, question: Question, port: int = 0) -> None:
        """Raises OSError where the port is taken."""
        self.token = secrets.token_urlsafe(18)
        self.watch = Watch(name)
        self._made: tuple[int, str] = (0, "")
        self._making = Condition()
        self._make: Callable[[int], str] = lambda version: live_page(name, question, version)
        try:
            self.server = ThreadingHTTPServer((HOST, port), self._handler())
        except OSError:
            self.watch.end()
            raise
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    def serve(self) -> None:
        """Answer until somebody ends it."""
        try:
            self.server.serve_forever(poll_interval=0.1)
        finally:
            self.close()

    def close(self) -> None:
        """Serve no more, and look at the file no more."""
        self.watch.end()
        self.server.server_close()

    def page(self) -> str:
        """The page of the version that is there, made once."""
        with self._making:
            version = self.watch.version
            if self._made[0] != version:
                self._made = (version, self._make(version))
            return self._made[1]

    def answer(self, path: str, host: str) -> tuple[HTTPStatus, str, str]:
        """Status, type and text for a request."""
        if host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            return HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "this is another host\n"
        asked = urlsplit(path)
        token, _, rest = asked.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self.token.encode()) or rest not in ("", "changed"):
            return HTTPStatus.NOT_FOUND, "text/plain", "there is nothing here\n"
        if rest == "":
            return HTTPStatus.OK, "text/html", self.page()
        since = parse_qs(asked.query).get("since", [""])[0]
        known = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else 0
        return HTTPStatus.OK, "application/json", str(self.watch.wait(known))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        live = self

        class Handler(BaseHTTPRequestHandler):
            """Answers GET."""

            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_GET(self) -> None:
                status, kind, text = live.answer(self.path, self.headers.get("Host", ""))
                data = text.encode("utf-8", "replace")
                self.send_response(status)
                for name, value in _HEADERS.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the terminal is for the address."""

        return Handler


_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


__all__ = ["Live", "live_page"]
