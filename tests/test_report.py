"""Pages in a real browser: every figure is that of `count --set`, nothing is loaded, the keyboard is enough, and names
are text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from browsing import PROGRAM, Browser, browser
from running import Command

import archcalc as package
from archcalc.errors import ArchcalcError
from archcalc.files import zoo_names
from archcalc.question import Question
from archcalc.render import numbers
from archcalc.report import page, subject

from shipping import some  # isort: skip


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def written(folder: Path, *names: str, source: str | None = None, **asked: Any) -> str:
    """The address of a page."""
    subjects = [subject(package.load(name), Question(**asked), source, loops=len(names) == 1) for name in names]
    path = folder / "page.html"
    path.write_text(page(subjects), encoding="utf-8")
    return path.as_uri()


SHOWN = """({ why: document.getElementById("status").textContent,
  totals: Object.fromEntries([...document.querySelectorAll("[data-total]")].map(e => [e.dataset.total, e.dataset.value])),
  said: Object.fromEntries([...document.querySelectorAll("[data-total]")].map(e => [e.dataset.total, e.textContent])),
  rows: head.values === null ? [] : head.rows.map(r => [r.name, ...["params", "macs", "activations", "bytes"].map(c => String(head.at(r[c]))), head.text(r.shape)]) })"""


def at(chromium: Browser, values: dict[str, str]) -> dict[str, Any]:
    """What the page shows once these are typed into its fields."""
    for name, value in values.items():
        chromium.run(
            f'(f => {{ f.value = "{value}"; f.dispatchEvent(new Event("input", {{bubbles: true}})); }})(document.getElementById("p-{name}"))'
        )
    found = chromium.run(SHOWN)
    return dict(found)


def drawn(choose: random.Random, parameter: dict[str, Any]) -> str:
    """A value of a parameter: near its default, far from it, and now and then none that it may have."""
    if "choices" in parameter:
        return str(choose.choice(parameter["choices"]))
    start = Fraction(parameter["value"])
    if not parameter["whole"]:
        return str(float(choose.choice([start, start / 2, start * 2, Fraction(choose.randint(0, 40), 20)])))
    low, step = int(float(parameter["low"] or 0)), parameter["step"]
    far = choose.choice(
        [start, start + step, start - step, 2 * start, choose.randint(low, low + 3 * int(start) + 8), 10**7 + 1, 1]
    )
    return str(int(far) if choose.random() < 0.2 else max(low, int(far) // step * step))


def figures(name: str, values: dict[str, str]) -> tuple[dict[str, str], dict[str, str], Any] | None:
    """What `count --set` says: totals, the field among them, as numbers and as they are shown; None if it refuses."""
    given = {key: value for key, value in values.items() if key != "batch"}
    try:
        table = package.load(name).count(batch=int(values.get("batch", 1)), **given)
        totals = table.totals
    except ArchcalcError:
        return None
    found = {key: str(value) for key, value in totals.items() if isinstance(value, (int, Fraction))}
    said = {
        key: numbers.count(totals[key]) for key in ("params", "macs", "flops", "activations", "elementwise", "buffers")
    }
    said |= {
        key: numbers.size_in_bytes(totals[key]) for key in ("weight_bytes", "act_peak_bytes", "act_sum_bytes", "bytes")
    }
    if table.last_map:
        found["field"] = said["field"] = numbers.one_field(table.last_map[2])
    return found, said, table


def holds(chromium: Browser, folder: Path, name: str, settings: int) -> int:
    """Hold a page against the count at so many settings; how many of them it counted."""
    chromium.open(written(folder, name))
    choose, counted = random.Random(name), 0
    free = chromium.run("head.data.parameters.filter(p => p.whole !== undefined)")
    for n in range(settings):
        values = {p["name"]: p["value"] if not n or choose.random() < 0.4 else drawn(choose, p) for p in free}
        shown, expected = at(chromium, values), figures(name, values)
        if expected is None or shown["why"]:
            assert shown["why"], (name, values)
            assert set(shown["totals"].values()) == {""}, (name, values)
            continue
        counted += 1
        totals, said, table = expected
        known = {key: value for key, value in shown["totals"].items() if value != ""}
        assert {key: totals[key] for key in known} == known, (name, values)
        assert {key: said[key] for key in known if key in said} == {
            key: shown["said"][key] for key in known if key in said
        }
        assert len(known) >= len(shown["totals"]) - 3, (name, values)
        rows = [
            [r.name, str(r.params), str(r.macs), str(r.activations), str(r.bytes), numbers.shape(r.shape)]
            for r in table.rows
        ]
        if [row[0] for row in shown["rows"]] == [row[0] for row in rows]:  # and none stands for several repeats
            assert shown["rows"] == rows, (name, values)
    assert chromium.errors == []
    return counted


@pytest.mark.browser
@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")
class TestInABrowser:
    @pytest.mark.parametrize("name", some(["mobilenet_v2", "resnet50", "unet-padded", "resnet20-cifar"], 2))
    def test_every_figure_is_that_of_count(self, chromium: Browser, tmp_path: Path, name: str) -> None:
        assert holds(chromium, tmp_path, name, 8) >= 3

    @pytest.mark.slow
    @pytest.mark.parametrize("name", sorted(random.Random(7).sample(zoo_names(), 24)))
    def test_every_figure_is_that_of_count_for_many(self, chromium: Browser, tmp_path: Path, name: str) -> None:
        assert holds(chromium, tmp_path, name, 50) >= 10

    def test_beyond_the_domain_it_says_where_the_forms_hold(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "resnet50"))
        assert "size >= 32" in at(chromium, {"size": "3"})["why"]
        assert "size is a whole number" in at(chromium, {"size": "2.5"})["why"]
        assert "classes >= 1" in at(chromium, {"size": "224", "classes": "0"})["why"]
        assert at(chromium, {"classes": "7"})["why"] == ""

    def test_beyond_2_to_the_53_every_digit_is_there(self, chromium: Browser, tmp_path: Path) -> None:
        (tmp_path / "net.yaml").write_text(
            "archcalc: 1\nname: n\ninput: [n]\nparams: {n: 7}\nlayers:\n  - linear n bias=false\n"
        )
        chromium.open(written(tmp_path, str(tmp_path / "net.yaml")))
        size = 10**20 + 1
        assert at(chromium, {"n": str(size)})["totals"]["params"] == str(size * size)

    def test_nothing_is_asked_for(self, chromium: Browser, tmp_path: Path) -> None:
        address = written(tmp_path, "googlenet")
        chromium.open(address)
        chromium.run("document.body.append(Object.assign(new Image(), {src: 'https://example.org/x.png'}))")
        chromium.run("new Promise(done => setTimeout(done, 200))")
        chromium.run("fetch('https://example.org/').catch(() => 'refused')")
        assert [url for url in chromium.asked.values() if url != address] == []

    def test_the_keyboard_is_enough(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "resnet50"))
        chromium.run("document.querySelector('input[type=range]').focus()")
        chromium.press("ArrowRight", 39)
        assert chromium.run("document.getElementById('p-size').value") == "225"
        assert at(chromium, {})["totals"]["macs"] == str(package.load("resnet50").count(size=225).totals["macs"])
        chromium.run("document.querySelector('#metrics input:checked').focus()")
        chromium.press("ArrowRight", 39)
        assert chromium.run("state.metric") == "bytes"
        chromium.run("document.querySelector('#areas g[tabindex]').focus()")
        chromium.press("Enter", 13, "\r")
        assert chromium.run("state.path") != ""
        assert chromium.run("document.activeElement.id") == "up"
        chromium.run("document.querySelector('.fold').focus()")
        before = chromium.run("document.querySelectorAll('#layers tbody tr').length")
        chromium.press("Enter", 13, "\r")
        assert chromium.run("document.querySelectorAll('#layers tbody tr').length") > before
        chromium.run("document.querySelectorAll('#layers thead button')[3].focus()")
        chromium.press("Enter", 13, "\r")
        assert chromium.run("document.querySelector('#layers tbody th').textContent").startswith("conv5")

    def test_everything_that_can_be_reached_has_a_name(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "resnet50", source="archcalc: 1\n"))
        tree = chromium.call("Accessibility.getFullAXTree")["nodes"]
        wanted = {"button", "slider", "textbox", "combobox", "radio", "searchbox", "image", "link"}
        named = [n for n in tree if not n["ignored"] and n["role"]["value"] in wanted]
        assert [n["role"]["value"] for n in named if not n.get("name", {}).get("value")] == []
        assert {n["role"]["value"] for n in named} >= {"button", "slider", "textbox", "combobox", "radio", "searchbox"}

    def test_the_filter_finds_layers_inside_of_blocks(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "googlenet"))
        chromium.run(
            "(f => { f.value = '5x5'; f.dispatchEvent(new Event('input')); })(document.getElementById('filter'))"
        )
        found = chromium.run("[...document.querySelectorAll('#layers tbody tr')].map(r => r.textContent)")
        assert len(found) >= 18
        assert any("5x5" in text for text in found)

    @pytest.mark.parametrize("width", some([390, 1280], 2))
    @pytest.mark.parametrize("names", [("densenet121",), ("alexnet", "vgg16")], ids="-".join)
    def test_a_page_is_as_wide_as_its_window(
        self, chromium: Browser, tmp_path: Path, names: tuple[str, ...], width: int
    ) -> None:
        chromium.open(written(tmp_path, *names), width)
        assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
        assert chromium.errors == []

    def test_two_networks_are_a_difference(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "alexnet", "alexnet-no-7"))
        said = chromium.run("[...document.querySelectorAll('#totals div')].map(d => d.textContent)")
        assert any(text.startswith("params") and "61.1M before, -16.8M" in text for text in said)  # 4096 * 4096 + 4096
        rows = chromium.run("[...document.querySelectorAll('#layers tbody tr')].map(r => r.textContent)")
        assert [text for text in rows if text.startswith("fc7removed")] != []
        assert chromium.errors == []

    def test_values_that_cannot_be_moved_are_those_of_both(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "resnet18", "resnet34"))
        shown = "Object.fromEntries([...document.querySelectorAll('.fixed')].map(d => [d.children[0].textContent, d.children[1].textContent]))"
        said = chromium.run(shown)
        assert said["depths"] == "(2, 2, 2, 2) → (3, 4, 6, 3)"  # table 1 of the paper
        assert said["height"] == "224"
        assert at(chromium, {"size": "96"})["why"] == ""
        assert chromium.run(shown)["height"] == "96"
        assert chromium.errors == []

    def test_no_peak_is_named_where_repeats_are_not_drawn(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, "vit_b_16"))
        assert "peak" not in chromium.run("document.getElementById('memory').textContent")
        assert "5.24 MiB are alive at most" in chromium.run("document.getElementById('repeats').textContent")
        chromium.open(written(tmp_path, "resnet50"))
        assert "peak 6.89 MiB at conv2/1/shortcut" in chromium.run("document.getElementById('memory').textContent")
        assert chromium.run("document.getElementById('repeats').hidden")

    def test_names_are_text(self, chromium: Browser, tmp_path: Path) -> None:
        chromium.open(written(tmp_path, hostile(tmp_path), source=HOSTILE))
        assert chromium.run("window.pwned") is None
        assert chromium.run("document.querySelectorAll('img, b, script').length") == 2  # the data and the page's own
        assert chromium.run("document.querySelector('h1').textContent").startswith("</script>")
        assert chromium.errors == []


HOSTILE = "</script><script>pwned=1</script><img src=x onerror=pwned=1><b>&amp;\u2028 $policy"


def hostile(folder: Path) -> str:
    name = HOSTILE.replace('"', '\\"')
    text = f'archcalc: 1\nname: "{name}"\ninput: [3, n, n]\nparams:\n  n: {{default: 8, help: "{name}"}}\nlayers:\n  - conv 3 3x3\n'
    text += f'reference:\n  - {{macs: 5184, source: "{name}", note: "{name}"}}\n'
    (folder / "net.yaml").write_text(text, encoding="utf-8")
    return str(folder / "net.yaml")


def test_a_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    written(tmp_path, "resnet50")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(text.encode()) <= 300_000
    assert not re.search(r"""(src|href|action)\s*=|url\(|@import""", re.sub(r"<script>.*", "", text, flags=re.DOTALL))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    written(tmp_path, hostile(tmp_path), source=HOSTILE)
    assert "<img" not in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["densenet201", "inception_resnet_v2"])
def test_the_largest_networks_have_pages_of_less_than_a_megabyte(tmp_path: Path, name: str) -> None:
    written(tmp_path, name)
    assert len((tmp_path / "page.html").read_bytes()) <= 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo_names())
def test_every_network_has_a_page_of_less_than_a_megabyte(tmp_path: Path, name: str) -> None:
    written(tmp_path, name)
    assert len((tmp_path / "page.html").read_bytes()) <= 1_000_000


def test_the_same_network_makes_the_same_page(archcalc: Command, tmp_path: Path) -> None:
    for n in (1, 2):
        assert archcalc("report", "lenet", "-o", str(tmp_path / f"{n}.html")) == ("", "", 0)
    assert (tmp_path / "1.html").read_bytes() == (tmp_path / "2.html").read_bytes()
    assert "conv 6" in (tmp_path / "1.html").read_text(encoding="utf-8")  # the spec's own text


def test_a_page_is_of_one_network_or_two(archcalc: Command) -> None:
    done = archcalc("report", "lenet", "alexnet", "vgg16")
    assert (done.code, done.out) == (2, "")
    assert "one network, or of two" in done.err


def test_a_page_begins_where_it_is_told(tmp_path: Path) -> None:
    found = subject(package.load("resnet50"), Question({"size": "160", "version": "1"}, (), 4)).data()
    values = {one["name"]: one["value"] for one in found["parameters"]}
    assert (values["size"], values["version"], values["batch"]) == ("160", "1", "4")
