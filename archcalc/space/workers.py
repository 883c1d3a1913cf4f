"""Partitions given to workers over TCP, with the standard library alone.

The process that sweeps waits for workers at an address; `archcalc worker` connects to it, takes one partition after the
other and sends files back. What a worker had that is gone is given to another one. Both sides know a token: each
message carries a code made with it (HMAC-SHA256), over a number that grows, so that nothing is taken from anybody else,
twice, or in another order. What is said isn't hidden: lead it through a tunnel where others can read.
"""

from __future__ import annotations

import hmac
import json
import os
import queue
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from archcalc.errors import ArchcalcError, UsageError
from archcalc.space.partitions import Engine, worked

TOKEN = "ARCHCALC_TOKEN"
SHORTEST = 16  # characters of a token
MOST_BYTES = 1 << 31
MOST_TRIES = 3  # of a partition with which workers go
LAST_WORD = 0.5  # seconds for a worker to hear that there is nothing left
HEAD = struct.Struct(">Q32s")
TASK, FILE, MISTAKE, END = b"t", b"f", b"m", b"e"


def address(name: str) -> tuple[str, int]:
    """The host and the port of `tcp://host:port`. Raises UsageError."""
    host, colon, port = name.removeprefix("tcp://").rpartition(":")
    if not name.startswith("tcp://") or not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"an address is tcp://HOST:PORT, not '{name}'")
    return host.strip("[]"), int(port)


def token() -> bytes:
    """What both sides know. Raises UsageError where it isn't set, or is short."""
    found = os.environ.get(TOKEN, "")
    if len(found) < SHORTEST:
        raise UsageError(f"{TOKEN} must be set to the same {SHORTEST} characters or more for the sweep and its workers")
    return found.encode()


class Line:
    """A connection both of whose ends know the token."""

    def __init__(self, sock: socket.socket, secret: bytes, is_worker: bool) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        mine = os.urandom(32)
        sock.sendall(mine)
        self.sock = sock
        theirs = self._exactly(32)
        both = mine + theirs if is_worker else theirs + mine
        self.key = hmac.digest(secret, both, "sha256")
        self.ours, self.other = (b"w", b"s") if is_worker else (b"s", b"w")
        self.sent = self.taken = 0

    def send(self, kind: bytes, data: bytes = b"") -> None:
        """Send a message. Raises OSError."""
        code = self._code(self.ours, self.sent, kind + data)
        self.sent += 1
        self.sock.sendall(HEAD.pack(len(data) + 1, code) + kind + data)

    def take(self) -> tuple[bytes, bytes]:
        """The next message. Raises OSError where there is none, or it isn't from who knows the token."""
        size, code = HEAD.unpack(self._exactly(HEAD.size))
        if not 1 <= size <= MOST_BYTES:
            raise ConnectionError("not a message of archcalc's")
        data = self._exactly(size)
        if not hmac.compare_digest(code, self._code(self.other, self.taken, data)):
            raise ConnectionError(f"a message that wasn't made with this {TOKEN}")
        self.taken += 1
        return data[:1], data[1:]

    def _code(self, side: bytes, number: int, data: bytes) -> bytes:
        return hmac.digest(self.key, side + struct.pack(">Q", number) + data, "sha256")

    def _exactly(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            part = self.sock.recv(min(left, 1 << 20))
            if not part:
                raise ConnectionError("the other side is gone")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


# ---- the side that sweeps --------------------------------------------------------------------------------------------


def coordinator(name: str) -> Engine:
    """An engine that waits for workers at an address. Raises UsageError where it can't."""
    place, secret = address(name), token()

    def run(tasks: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        try:
            server = socket.create_server(place, family=socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
        except OSError as error:
            raise UsageError(f"can't wait for workers at {name}: {error.strerror or error}") from None
        served = _Served(server, secret, tasks)
        try:
            yield from served.results()
        finally:
            served.close()

    return run


class _Served:
    """Tasks for whoever connects; `done` has what came back, or the mistake that ends it all."""

    def __init__(self, server: socket.socket, secret: bytes, tasks: Sequence[str]) -> None:
        self.server, self.secret, self.tasks = server, secret, tasks
        self.waiting: queue.Queue[int | None] = queue.Queue()
        self.done: queue.Queue[tuple[int, bytes] | str] = queue.Queue()
        self.tries: Counter[int] = Counter()
        self.threads: list[threading.Thread] = []

    def results(self) -> Iterator[tuple[int, bytes]]:
        """What workers send, in the order in which it comes. Raises UsageError for a mistake."""
        for n in range(len(self.tasks)):
            self.waiting.put(n)
        self.threads.append(threading.Thread(target=self._accept, daemon=True))
        self.threads[0].start()
        for _ in self.tasks:
            found = self.done.get()
            if isinstance(found, str):
                raise UsageError(found)
            yield found

    def close(self) -> None:
        """Tell the workers that there is nothing left, and wait for nobody who doesn't hear it."""
        with suppress(queue.Empty):
            while True:
                self.waiting.get_nowait()
        self.waiting.put(None)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)  # else the thread that waits for workers keeps the address
        self.server.close()
        for thread in self.threads:
            thread.join(LAST_WORD)

    def _accept(self) -> None:
        with suppress(OSError):  # of the server, which is closed at the end
            while True:
                sock, _ = self.server.accept()
                self.threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
                self.threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        """One worker, until there is nothing left or it is gone."""
        with sock, suppress(OSError):
            sock.settimeout(30)
            line = Line(sock, self.secret, is_worker=False)
            line.send(END if not self.tasks else TASK)  # a worker with another token goes, before it has a task
            line.take()
            sock.settimeout(None)
            while (n := self.waiting.get()) is not None:
                self._give(line, n)
            self.waiting.put(None)  # for the others
            line.send(END)

    def _give(self, line: Line, n: int) -> None:
        """One partition, which another worker gets where this one goes."""
        try:
            line.send(TASK, self.tasks[n].encode())
            kind, data = line.take()
        except OSError:
            self.tries[n] += 1
            if self.tries[n] < MOST_TRIES:
                self.waiting.put(n)
            else:
                self.done.put(f"{MOST_TRIES} workers went with the same partition: {json.loads(self.tasks[n])['part']}")
            raise
        self.done.put((n, data) if kind == FILE else data.decode(errors="replace"))


# ---- a worker --------------------------------------------------------------------------------------------------------


def work(name: str, wait: float = 60) -> int:
    """Take partitions from a sweep at an address until it has none, and wait so many seconds for it to be there; how
    many they were. Raises UsageError where nothing answers, or not with the same token.
    """
    place, secret = address(name), token()
    with _connected(name, place, wait) as sock:
        done = 0
        try:
            line = Line(sock, secret, is_worker=True)
            line.take()
            line.send(TASK)
            while (task := line.take())[0] == TASK:
                line.send(*_answer(task[1].decode()))
                done += 1
        except OSError as error:
            raise UsageError(f"{name}: {error}") from None
    return done


def _connected(name: str, place: tuple[str, int], wait: float) -> socket.socket:
    end = time.monotonic() + wait
    while True:
        try:
            sock = socket.create_connection(place, timeout=10)
        except OSError as error:
            if time.monotonic() >= end:
                raise UsageError(f"nothing answers at {name}: {error.strerror or error}") from None
            time.sleep(0.2)
        else:
            sock.settimeout(None)
            return sock


def _answer(task: str) -> tuple[bytes, bytes]:
    try:
        return FILE, worked(task)
    except ArchcalcError as error:
        return MISTAKE, str(error).encode()
    except ModuleNotFoundError as error:
        return MISTAKE, f"a worker lacks the package {error.name}".encode()


__all__ = ["TOKEN", "address", "coordinator", "token", "work"]
