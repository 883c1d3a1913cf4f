"""A page that follows its file: who is answered, what is shown of mistakes, and how it ends."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from browsing import PROGRAM, browser
from running import Command
from test_strangers import TEXT, Tags, quoted
from test_strangers import spec as strange

from archcalc.question import Question
from archcalc.report.live import Live

SPEC = "archcalc: 1\nname: Mine\ninput: [3, size, size]\nparams: {size: 32, width: 16}\nlayers:\n  - conv width 3x3\n"

MISTAKEN = "archcalc: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n  - {}: convv 3 3x3\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def live(spec: Path) -> Iterator[Live]:
    found = Live(str(spec), Question())
    thread = Thread(target=found.serve, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join(10)


def get(live: Live, path: str, host: str | None = None) -> tuple[int, str]:
    """Status and text of an answer, asked for under a host's name."""
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{live.port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_the_page_is_under_its_token_alone(live: Live) -> None:
    page = f"/{live.token}/"
    assert live.address == f"http://127.0.0.1:{live.port}{page}"
    assert len(live.token) >= 24
    status, text = get(live, page)
    assert (status, text.startswith("<!DOCTYPE html>")) == (200, True)
    for path in (
        "/",
        "/x/",
        f"/{live.token[:-1]}/",
        f"{page}../",
        f"{page}net.yaml",
        f"/{live.token}x/",
        "//evil/",
        "/%00/",
    ):
        assert get(live, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:80", ""])
def test_no_other_host_is_answered(live: Live, host: str) -> None:
    assert live.answer(f"/{live.token}/", host)[0] == 421
    assert get(live, f"/{live.token}/", f"localhost:{live.port}")[0] == 200


def test_other_methods_are_refused(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.request("POST", f"/{live.token}/", body="x")
    assert connection.getresponse().status == 501


def test_a_save_is_told_and_shown(live: Live, spec: Path) -> None:
    for never in ("0", "", "x", "٣", "-1", "9" * 5000):
        assert get(live, f"/{live.token}/changed?since={quote(never)}") == (200, "1")
    spec.write_text(SPEC.replace("Mine", "Yours"), encoding="utf-8")
    assert get(live, f"/{live.token}/changed?since=1") == (200, "2")
    assert "<title>Yours</title>" in get(live, f"/{live.token}/")[1]


def test_mistakes_are_shown_where_they_stand(live: Live, spec: Path) -> None:
    spec.write_text(f"{SPEC}  - maxpol 2x2\n  - conv 3 3x3 strid=2 # <b>\n", encoding="utf-8")
    live.watch.wait(1)
    text = get(live, f"/{live.token}/")[1]
    assert "2 mistakes in" in text
    assert '  - <mark>maxpol</mark> 2x2\n</span><span class="mistake">unknown layer &#x27;maxpol&#x27;' in text
    assert "conv 3 3x3 <mark>strid</mark>=2 " in text
    assert "# &lt;b&gt;" in text
    spec.write_bytes(b"\xff")
    live.watch.wait(2)
    assert "1 mistake in" in get(live, f"/{live.token}/")[1]
    spec.unlink()
    live.watch.wait(3)
    assert "1 mistake in" in get(live, f"/{live.token}/")[1]


def test_what_strangers_wrote_is_text(live: Live, spec: Path) -> None:
    """Names, and mistakes that quote them."""
    page = f"/{live.token}/"
    for tame, hostile in (
        (strange("n"), strange(f"</script></style>{TEXT}")),
        (MISTAKEN.format("n"), MISTAKEN.format(quoted(TEXT))),
    ):
        found = []
        for text in (tame, hostile):
            spec.write_text(text, encoding="utf-8")
            tags = Tags(get(live, page)[1])
            found.append((set(tags.seen), set(tags.attributes), tags.seen.count("script")))
        assert found[1] == found[0]


def test_it_ends_with_an_interrupt(spec: Path) -> None:
    words = [sys.executable, "-m", "archcalc", "live", str(spec)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_what_cannot_be_followed_is_told(archcalc: Command, live: Live, spec: Path) -> None:
    for words, said in (
        (["-"], "stdin is read once"),
        (["nothing"], "no file or network 'nothing'"),
        ([str(spec), "--port", str(live.port)], f"port {live.port}: Address already in use"),
    ):
        done = archcalc("live", *words)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


@pytest.mark.browser
@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")
def test_a_page_that_is_open_follows(live: Live, spec: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "browser") as chromium:
        chromium.open(live.address)
        params = "document.querySelector('[data-total=params]')?.dataset.value"
        chromium.until(f"{params} === '448'")  # 16 * 3 * 9 + 16
        spec.write_text(SPEC.replace("width 3x3", "width 5x5"), encoding="utf-8")
        chromium.until(f"{params} === '1216'")  # 16 * 3 * 25 + 16
        spec.write_text(SPEC.replace("conv", "cnov"), encoding="utf-8")
        chromium.until("document.querySelector('mark')?.textContent === 'cnov'")
        spec.write_text(SPEC, encoding="utf-8")
        chromium.until(f"{params} === '448'")
        assert chromium.errors == []
