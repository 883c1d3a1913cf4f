"""`archcalc check` for machines: places of mistakes, broken budgets and references as JSON, annotations and SARIF."""

import json
import subprocess
from pathlib import Path

import pytest

HEAD = "archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n"
MISTAKES = HEAD + "  - maxpol 2x2\n  - conv 8 3x3 strid=2\n"
BROKEN = HEAD + "  - conv 4 3x3\nbudget:\n  params: {max: 100}\n  macs: {max: 1, level: warn}\n"
BROKEN += "reference:\n  - {params: 113, source: a typo}\n"


def written(folder: Path, text: str) -> str:
    (folder / "net.yaml").write_text(text, encoding="utf-8")
    return str(folder / "net.yaml")


def results(out: str) -> list[tuple[str, str, int, int]]:
    log = json.loads(out)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    names = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    found = []
    for result in run["results"]:
        assert names[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["endColumn"] > region["startColumn"]
        found.append((result["ruleId"], result["level"], region["startLine"], region["startColumn"]))
    return found


def test_sarif_names_every_mistake_at_its_place_and_the_code_stays_2(archcalc, tmp_path: Path) -> None:
    done = archcalc("check", written(tmp_path, MISTAKES), "--format", "sarif")
    assert done.code == 2
    assert results(done.out) == [("mistake", "error", 5, 5), ("mistake", "error", 6, 16)]
    assert "net.yaml:5:5" in done.err


def test_sarif_names_what_is_broken_and_is_empty_where_all_holds(archcalc, tmp_path: Path) -> None:
    done = archcalc("check", written(tmp_path, BROKEN), "--format", "sarif")
    assert done.code == 1
    assert {(rule, level, line) for rule, level, line, _ in results(done.out)} == {
        ("budget", "error", 7), ("budget", "warning", 8), ("reference", "error", 10),
    }  # fmt: skip
    fine = archcalc("check", "lenet", "--format", "sarif")
    assert (fine.code, results(fine.out)) == (0, [])


def test_a_mistake_inside_a_block_names_its_callers(archcalc, tmp_path: Path) -> None:
    text = HEAD.replace("layers:\n", "blocks:\n  b:\n    - conv 8 3x3 groups=2\nlayers:\n  - b\n")
    done = archcalc("check", written(tmp_path, text), "--format", "sarif")
    (result,) = json.loads(done.out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6
    assert [place["physicalLocation"]["region"]["startLine"] for place in result["relatedLocations"]] == [8]


def test_annotations_name_the_file_from_the_root_of_its_repository(
    archcalc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "a b").mkdir()
    path = written(tmp_path / "a b", MISTAKES)
    monkeypatch.chdir(tmp_path / "a b")
    for name in (path, "net.yaml"):
        done = archcalc("check", name, "--format", "github")
        assert done.code == 2
        assert done.out.splitlines()[0].startswith("::error file=a b/net.yaml,line=5,col=5,title=archcalc::unknown")
    sarif = json.loads(archcalc("check", "net.yaml", "--format", "sarif").out)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/net.yaml"}


def test_annotations_come_before_the_text_errors_first(archcalc, tmp_path: Path) -> None:
    done = archcalc("check", written(tmp_path, BROKEN), "--format", "github")
    said = [line for line in done.out.splitlines() if line.startswith("::")]
    assert done.code == 1
    assert [line.partition(" ")[0] for line in said] == ["::error", "::error", "::warning"]
    assert "112" in said[0]
    assert done.out.splitlines()[-1] == "0 references matched, 0 known mismatches, 1 warning, 2 failed in 1 network"


def test_more_annotations_than_are_shown_are_counted(archcalc, tmp_path: Path) -> None:
    text = HEAD + "".join(f"  - nothing{n}\n" for n in range(14))
    said = archcalc("check", written(tmp_path, text), "--format", "github").out.splitlines()
    assert len(said) == 11
    assert said[-1] == "::error title=archcalc::4 more; the log has them all"


def test_json_has_mistakes_with_line_and_column_and_figures_their_place(archcalc, tmp_path: Path) -> None:
    done = archcalc("check", written(tmp_path, MISTAKES), "--format", "json")
    assert done.code == 2
    found = json.loads(done.out)
    assert [(each["line"], each["column"], each["end_column"]) for each in found["mistakes"]] == [
        (5, 5, 11),
        (6, 16, 21),
    ]
    done = archcalc("check", written(tmp_path, BROKEN), "--format", "json")
    (network,) = json.loads(done.out)["networks"]
    assert [(figure["line"], Path(figure["file"]).name) for figure in network["figures"]] == [
        (10, "net.yaml"), (7, "net.yaml"), (8, "net.yaml"),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_what_a_spec_says_is_no_command_and_no_link(archcalc, tmp_path: Path, form: str) -> None:
    text = HEAD + '  - "x\\n::error::owned [here](http://x)"\n'
    done = archcalc("check", written(tmp_path, text), "--format", form)
    assert done.code == 2
    assert sum(line.startswith("::error") for line in done.out.splitlines()) == (form == "github")
    if form == "sarif":
        assert "](" not in json.loads(done.out)["runs"][0]["results"][0]["message"]["text"]
