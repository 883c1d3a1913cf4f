"""Where results go and specs come from: `--output`, `--json`, stdin, and what `-o` used to mean."""

import io
import json
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

import archcalc as package
from archcalc.cli import saying
from archcalc.cost import Table
from archcalc.render import parts

SPEC = "archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n  - conv 4 3x3\n"  # 4 * 3 * 9 + 4 = 112 parameters
COMMANDS = {
    "count": ["count", "net.yaml"],
    "explain": ["explain", "net.yaml"],
    "check": ["check", "net.yaml"],
    "compare": ["compare", "net.yaml", "net.yaml"],
    "sweep": ["sweep", "net.yaml", "--over", "batch=1,2"],
    "solve": ["solve", "net.yaml", "--maximize", "batch", "--max", "macs=1M", "--over", "batch=1..4"],
    "memory": ["memory", "net.yaml"],
    "predict": ["predict", "net.yaml", "--device", "epyc-zen4-cpu-1t"],
    "advise": ["advise", "net.yaml"],
    "zoo": ["zoo", "--family", "lenet"],
    "ops": ["ops", "conv"],
}
TEXTS = {
    "budget": ["budget", "net.yaml"],
    "diagram": ["diagram", "net.yaml"],
    "expand": ["expand", "net.yaml"],
    "schema": ["schema", "check"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(SPEC)
    return tmp_path


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


@pytest.mark.parametrize("name", [*COMMANDS, *TEXTS])
@pytest.mark.parametrize("short", ["--output", "-o"])
def test_a_file_holds_what_would_be_printed(archcalc, name: str, short: str) -> None:
    words = (COMMANDS | TEXTS)[name]
    printed = archcalc(*words)
    done = archcalc(*words, short, "out.txt")
    assert (done.out, done.err, done.code) == ("", printed.err, printed.code)
    assert Path("out.txt").read_text(encoding="utf-8") == printed.out


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_the_format_json(archcalc, name: str) -> None:
    asked = archcalc(*COMMANDS[name], "--json")
    assert asked.out == archcalc(*COMMANDS[name], "--format", "json").out
    json.loads(asked.out)


def test_json_is_written_while_it_is_counted() -> None:
    """A table is gone when the next is asked for, and its rows never were all there."""
    table = package.load("alexnet").count()
    alive: list[weakref.ref[object]] = []

    def tables() -> Iterator[Table]:
        for _ in range(5):
            assert sum(ref() is not None for ref in alive) <= 2
            made = package.load("alexnet").count()
            alive.append(weakref.ref(made))
            yield made
            assert "rows" not in made.__dict__
            del made

    assert json.loads("".join(parts(tables(), "json"))) == [table.to_json()] * 5
    assert json.loads("".join(parts([table], "json"))) == table.to_json()
    assert "".join(parts([], "json")) == "[]"


def test_nothing_of_a_long_result_is_written_where_a_later_network_fails(
    archcalc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "LONG", 100)  # so that it waits on the disk
    whole = archcalc("count", "net.yaml", "net.yaml", "--json")
    assert [each["totals"]["params"] for each in json.loads(whole.out)] == [112, 112]
    Path("old.json").write_text("as it was")
    for more in ([], ["-o", "old.json"]):
        done = archcalc("count", "net.yaml", "alexnet", "net.yaml", "--set", "towers=1", "--json", *more)
        assert (done.code, done.out) == (2, "")
        assert "towers" in done.err
    assert Path("old.json").read_text() == "as it was"
    assert [path.name for path in sorted(Path.cwd().iterdir())] == ["net.yaml", "old.json"]


def test_json_and_another_format_are_two(archcalc) -> None:
    done = archcalc("count", "net.yaml", "--json", "--format", "csv")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("name", [name for name in COMMANDS | TEXTS if "net.yaml" in (COMMANDS | TEXTS)[name]])
def test_what_is_read_is_never_written_over(archcalc, folder: Path, name: str) -> None:
    (folder / "link.yaml").symlink_to("net.yaml")
    for into in ("net.yaml", "./net.yaml", "link.yaml"):
        done = archcalc(*(COMMANDS | TEXTS)[name], "--output", into)
        assert (done.code, done.out) == (2, "")
        assert (folder / "net.yaml").read_text() == SPEC


def test_a_spec_in_a_folder_and_a_variant_are_not_written_over(archcalc, folder: Path) -> None:
    (folder / "v.yaml").write_text(text := SPEC + "variants: {wide: {}}\n")
    assert archcalc("count", "v.yaml@wide", "--output", "v.yaml").code == 2
    assert archcalc("check", ".", "--output", "v.yaml").code == 2
    assert (folder / "v.yaml").read_text() == text


def test_nothing_is_written_where_something_is_wrong(archcalc, folder: Path) -> None:
    (folder / "out").write_text("old")
    assert archcalc("count", "net.yaml", "--set", "nothing=1", "--output", "out").code == 2
    assert archcalc("count", "net.yaml", "--format", "nothing", "--output", "out").code == 2
    assert (folder / "out").read_text() == "old"
    done = archcalc("count", "net.yaml", "--output", "nowhere/out")
    assert (done.code, done.err) == (2, "archcalc: there is no folder nowhere\n")
    assert archcalc("count", "net.yaml", "--output", ".").code == 2


def test_mistakes_go_into_the_file_too_with_exit_code_2(archcalc, folder: Path) -> None:
    (folder / "bad.yaml").write_text(SPEC.replace("conv", "cnv"))
    done = archcalc("check", "bad.yaml", "--format", "sarif", "-o", "out.sarif")
    assert (done.code, done.out) == (2, "")
    assert len(json.loads((folder / "out.sarif").read_text())["runs"][0]["results"]) == 1


def test_a_dash_is_stdout(archcalc) -> None:
    assert archcalc("count", "net.yaml", "--output", "-").out == archcalc("count", "net.yaml").out


@pytest.mark.parametrize("words", [["-o", "json"], ["-ojson"], ["-qo", "json"]])
def test_the_old_short_form_of_format_warns_and_works(archcalc, folder: Path, words: list[str]) -> None:
    done = archcalc("count", "net.yaml", *words)
    assert json.loads(done.out)["totals"]["params"] == 112
    assert "write --format json" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["net.yaml"]


def test_the_old_short_form_of_compare_names_files(archcalc, folder: Path) -> None:
    done = archcalc("compare", "net.yaml", "net.yaml", "-o", "text", "-o", "markdown=c.md")
    assert done.code == 0
    assert done.err.count("warning") == 2
    assert (folder / "c.md").read_text().startswith("<!--")


def test_where_o_never_was_a_format_it_is_a_file(archcalc, folder: Path) -> None:
    done = archcalc("sweep", "net.yaml", "--over", "batch=1,2", "-o", "csv")
    assert (done.out, done.err) == ("", "")
    assert (folder / "csv").exists()


def test_compare_puts_what_it_would_print_into_the_file(archcalc, folder: Path) -> None:
    done = archcalc("compare", "net.yaml", "net.yaml", "--json", "--format", "markdown=c.md", "--output", "c.json")
    assert (done.code, done.out) == (0, "")
    assert json.loads((folder / "c.json").read_text())["schema"] == "archcalc/compare/1"
    assert archcalc("compare", "net.yaml", "net.yaml", "--format", "text=a", "--output", "a2").code == 2


@pytest.mark.parametrize("name", ["count", "check", "sweep", "solve", "memory", "explain", "predict"])
def test_a_dash_is_a_spec_on_stdin(archcalc, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    words = [word.replace("net.yaml", "-") for word in COMMANDS[name]]
    stdin(monkeypatch, SPEC)
    done = archcalc(*words, "--json")
    assert done.code == 0
    assert done.out.replace('"-"', '"net.yaml"') == archcalc(*COMMANDS[name], "--json").out


def test_mistakes_on_stdin_have_a_place(archcalc, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, SPEC.replace("conv", "cnv"))
    done = archcalc("count", "-")
    assert (done.code, done.err.splitlines()[0]) == (2, "-:5:5: unknown layer 'cnv'; did you mean 'conv'?")
    stdin(monkeypatch, "")
    assert archcalc("count", "-").code == 2
    stdin(monkeypatch, SPEC)
    assert archcalc("count", "-", "-").code == 2


def test_a_budget_is_not_written_into_stdin_nor_elsewhere(archcalc, folder: Path) -> None:
    assert archcalc("budget", "-", "--write").code == 2
    assert archcalc("budget", "net.yaml", "--write", "-o", "other.yaml").code == 2
    assert sorted(path.name for path in folder.iterdir()) == ["net.yaml"]


def test_networks_and_closed_forms_show_themselves_in_notebooks() -> None:
    import archcalc

    network = archcalc.load("lenet")
    assert network._repr_html_() == network.count()._repr_mimebundle_()["text/html"]
    form = archcalc.load("conv5x5-naive").count(free="size").totals["macs"]
    assert form._repr_latex_() == r"$153600 \mathit{size}^{2}$"  # 5 * 5 * 192 * 32 a pixel


def test_a_table_is_a_data_frame() -> None:
    import archcalc

    pandas = pytest.importorskip("pandas")
    frame = archcalc.load("lenet").count().to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["params"].sum() == 60_840  # LeCun 1998: 60,000, and 84 * 10 of its output
