"""The action for GitHub: linted, and its steps run by bash in a scratch repository, with a `gh` that keeps what it is
told.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny import LIMITED

ROOT = Path(__file__).parent.parent
ACTION = yaml.load((ROOT / "action.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]

# ---- as a file -------------------------------------------------------------------------------------------------------


def test_nothing_from_outside_is_spelled_into_a_script() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 4
    assert [script for script in scripts if "${{" in script] == []
    assert {step["shell"] for step in STEPS if "run" in step} == {"bash"}


def test_every_input_and_output_is_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert {name for name in ACTION["inputs"] if f"inputs.{name}" not in text} == set()
    said = re.findall(r"echo \"(\w+)=", "".join(step["run"] for step in STEPS))
    assert set(ACTION["outputs"]) <= set(said)
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert [name for name in (*ACTION["inputs"], *ACTION["outputs"]) if f"`{name}`" not in page] == []


def test_zizmor_finds_nothing() -> None:
    if shutil.which("zizmor") is None:
        pytest.skip("zizmor is not installed")
    done = subprocess.run(
        ["zizmor", "--offline", "--no-progress", "--persona=pedantic", str(ROOT / "action.yml"), str(ROOT / ".github")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    for step in STEPS:
        done = subprocess.run(["shellcheck", "--shell=bash", "-"], input=step["run"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


# ---- as it runs ------------------------------------------------------------------------------------------------------

GH = """\
#!/usr/bin/env bash
# what GitHub's own `gh api` would do with comments, as far as the action asks it
printf '%s\\n' "$*" >> "$GH_LOG"
[ -e "$GH_FORBIDDEN" ] && exit 1
case "$*" in
  *--jq*) cat "$GH_COMMENTS" ;;
  *) for word in "$@"; do case "$word" in body=@*) cp "${word#body=@}" "$GH_BODY" ;; esac; done ;;
esac
"""


class Run:
    """A scratch repository, and what a run of the action leaves: exit code, log, summary, outputs, and what was asked
    of `gh`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.temp = folder / "temp"
        self.programs = folder / "programs"
        for path in (self.folder, self.temp, self.programs):
            path.mkdir()
        # `-P` stands for `-I`, which would not find archcalc of this checkout
        self.program("python", f'#!/bin/sh\n[ "$1" = -I ] || exit 97\nshift\nexec "{sys.executable}" -P "$@"\n')
        self.program("gh", GH)
        self.git("init", "-q", "-b", "main")
        self.commit(LIMITED)
        self.base = self.git("rev-parse", "HEAD")

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text, encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", "-C", str(self.folder), *identity, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, text: str) -> None:
        (self.folder / "models").mkdir(exist_ok=True)
        (self.folder / "models" / "tiny net.yaml").write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-qm", "x")

    def environment(self) -> dict[str, str]:
        own = {
            name: str(self.temp / name.lower())
            for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GH_LOG", "GH_BODY", "GH_COMMENTS", "GH_FORBIDDEN")
        }
        (self.temp / "gh_comments").touch()
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        return {
            **os.environ,
            **own,
            "PATH": path,
            "RUNNER_TEMP": str(self.temp),
            "PYTHONPATH": str(ROOT),
            "PROGRAMS": str(self.programs),
        }

    def step(self, number: int, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script as GitHub's `shell: bash` does."""
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[number]["run"]]
        return subprocess.run(
            command, cwd=self.folder, env={**self.environment(), **variables}, capture_output=True, encoding="utf-8"
        )

    def compare(
        self,
        specs: str = "models/*.yaml\n",
        base: str | None = None,
        missing: str = "fail",
        event: str = "push",
        sha: str = "",
        key: str = "",
    ) -> subprocess.CompletedProcess[str]:
        return self.step(
            1,
            SPECS=specs,
            BASE=self.base if base is None else base,
            MISSING_BASE=missing,
            EVENT=event,
            GITHUB_SHA=sha,
            KEY=key,
        )

    def comment(self) -> subprocess.CompletedProcess[str]:
        found = self.outputs()
        told = {"MARKDOWN": found["markdown"], "CHANGED": found["changed"], "MARKER": found["marker"]}
        return self.step(2, GH_TOKEN="x", REPOSITORY="o/r", NUMBER="7", **told)

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.read("github_output").splitlines())

    def read(self, name: str) -> str:
        path = self.temp / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    pytest.importorskip("archcalc.comparison")
    if shutil.which("git") is None or shutil.which("bash") is None or os.name == "nt":
        pytest.skip("the action's steps need git and bash")
    return Run(tmp_path)


def test_a_dearer_design_is_noted_summed_up_commented_on_and_fails(run: Run) -> None:
    run.commit(LIMITED.replace("conv 16", "conv 32"))  # 32*27 + 32 + 32*10 + 10 = 1226 > 1000
    done = run.compare()
    assert done.returncode == 0
    assert re.search(r"^::error file=models/tiny net\.yaml,line=5,", done.stdout, re.MULTILINE)
    assert run.outputs()["code"] == "1"
    assert "1.23k" in run.read("github_step_summary")
    assert json.loads(Path(run.outputs()["json"]).read_text(encoding="utf-8"))["schema"] == "archcalc/compare/1"
    assert run.comment().returncode == 0
    assert run.read("gh_body") == run.read("github_step_summary")
    assert run.read("gh_body").startswith("<!-- archcalc:compare -->\n")
    assert run.read("gh_log").splitlines()[-1].startswith("api --silent --method POST repos/o/r/issues/7/comments ")
    assert run.step(3, CODE=run.outputs()["code"]).returncode == 1


def test_a_second_run_changes_the_comment_that_is_there(run: Run) -> None:
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    run.compare()
    run.environment()
    (run.temp / "gh_comments").write_text("41\n42\n")
    assert run.comment().returncode == 0
    assert run.read("gh_log").splitlines()[-1].startswith("api --silent --method PATCH repos/o/r/issues/comments/41 ")
    assert run.step(3, CODE=run.outputs()["code"]).returncode == 0


def test_no_comment_where_nothing_changed(run: Run) -> None:
    run.git("commit", "-q", "--allow-empty", "-m", "x")
    run.compare()
    assert run.comment().returncode == 0
    assert (run.outputs()["code"], run.read("gh_body")) == ("0", "")
    assert "nothing changed" in run.read("github_step_summary")


def test_a_token_that_may_not_write_is_no_failure(run: Run) -> None:
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    run.compare()
    (run.temp / "gh_forbidden").touch()
    done = run.comment()
    assert done.returncode == 0
    assert "::notice title=archcalc::no comment" in done.stdout


def test_forks_are_left_without_a_comment() -> None:
    assert "github.event.pull_request.head.repo.full_name == github.repository" in STEPS[2]["if"]


def test_a_shallow_checkout_fetches_its_base(run: Run, tmp_path: Path) -> None:
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    run.git("config", "uploadpack.allowAnySHA1InWant", "true")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{run.folder}", str(shallow)], check=True)
    run.folder = shallow
    assert run.compare().returncode == 0
    assert run.outputs()["code"] == "0"
    assert "changed" in run.read("github_step_summary")


@pytest.mark.parametrize("base", ["0" * 40, "nowhere", "--upload-pack=touch evil", "$(touch evil)", "main; touch evil"])
def test_a_base_that_is_not_there_is_code_2_and_runs_nothing(run: Run, base: str) -> None:
    done = run.compare(base=base)
    assert (done.returncode, run.outputs()["code"]) == (0, "2")
    assert "could not compare" in run.read("github_step_summary")
    assert not (run.folder / "evil").exists()
    assert run.comment().returncode == 0
    assert "--method" not in run.read("gh_log")
    assert run.step(3, CODE=run.outputs()["code"]).returncode == 2


def test_after_code_2_the_comment_that_is_there_says_so(run: Run) -> None:
    run.compare(base="nowhere")
    run.environment()
    (run.temp / "gh_comments").write_text("41\n")
    assert run.comment().returncode == 0
    assert run.read("gh_log").splitlines()[-1].startswith("api --silent --method PATCH repos/o/r/issues/comments/41 ")
    assert run.read("gh_body").startswith("<!-- archcalc:compare -->\n### archcalc could not compare\n")


def clone(run: Run, folder: Path, *words: str) -> None:
    subprocess.run(["git", "clone", "-q", *words, f"file://{run.folder}", str(folder)], check=True)
    run.folder = folder


@pytest.mark.parametrize("words", [["--depth=1"], [], ["--single-branch"]])
def test_a_base_may_be_a_branch(run: Run, tmp_path: Path, words: list[str]) -> None:
    run.git("checkout", "-qb", "work")
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    clone(run, tmp_path / "clone", *words, "--branch=work")
    run.compare(base="main", event="none")
    assert (run.outputs()["code"], "1 of 1 model changed" in run.read("github_step_summary")) == ("0", True)


@pytest.mark.parametrize("base", ["", "main", "nowhere"])
def test_a_full_clone_stays_one(run: Run, tmp_path: Path, base: str) -> None:
    run.git("checkout", "-qb", "work")
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    clone(run, tmp_path / "clone", "--single-branch")
    run.compare(base=base)
    assert run.git("rev-parse", "--is-shallow-repository") == "false"
    assert run.outputs()["code"] == ("0" if base == "main" else "2")


@pytest.mark.parametrize("depth", [["--depth=1"], ["--depth=2"], []])
def test_what_the_base_did_since_is_not_the_pull_requests(run: Run, tmp_path: Path, depth: list[str]) -> None:
    run.git("checkout", "-qb", "work")
    run.commit(LIMITED.replace("3x3", "1x1"))
    run.git("checkout", "-q", "main")
    run.commit(LIMITED.replace("linear 10", "linear 9"))
    run.git("merge", "-q", "--no-ff", "-m", "merged", "work")  # as GitHub does, on a branch of its own
    run.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone(run, tmp_path / "clone", *depth)
    run.compare(event="pull_request", sha=run.git("rev-parse", "HEAD"))
    (model,) = json.loads(Path(run.outputs()["json"]).read_text(encoding="utf-8"))["models"]
    assert [layer["name"] for layer in model["layers"]] == ["stem"]


def test_a_checkout_of_the_branch_itself_is_compared_with_where_it_forked(run: Run) -> None:
    run.git("checkout", "-qb", "work")
    run.commit(LIMITED.replace("3x3", "1x1"))
    run.git("checkout", "-q", "main")
    run.commit(LIMITED.replace("linear 10", "linear 9"))
    base = run.git("rev-parse", "HEAD")
    run.git("checkout", "-q", "work")
    run.compare(base=base, event="pull_request", sha="0" * 40)
    (model,) = json.loads(Path(run.outputs()["json"]).read_text(encoding="utf-8"))["models"]
    assert [layer["name"] for layer in model["layers"]] == ["stem"]


def test_one_pattern_of_two_without_a_match_is_code_2(run: Run) -> None:
    done = run.compare(specs="models/*.yaml\nmodles/*.yaml\n")
    assert (run.outputs()["code"], done.stderr) == ("2", "archcalc: no file matches modles/*.yaml\n")


def test_specs_are_words_and_no_commands(run: Run) -> None:
    done = run.compare(specs="$(touch evil)\n`touch evil`\n; touch evil\n--help\n")
    assert run.outputs()["code"] == "2"
    assert not (run.folder / "evil").exists()
    assert "Usage" not in done.stdout


def test_a_pattern_without_a_match_is_code_2(run: Run) -> None:
    done = run.compare(specs="nothing/**/*.yaml\n")
    assert run.outputs()["code"] == "2"
    assert "no file matches nothing/**/*.yaml" in done.stderr


def test_a_hostile_checkout_is_neither_imported_nor_run(run: Run) -> None:
    for name in ("json", "logging", "archcalc", "sitecustomize", "yaml", "site"):
        (run.folder / f"{name}.py").write_text("open('evil', 'w').write('x')\nraise SystemExit(9)\n")
    (run.folder / "gh").write_text("#!/bin/sh\ntouch evil\n")
    (run.folder / "gh").chmod(0o755)
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    assert run.compare().returncode == 0
    assert run.outputs()["code"] == "0"
    assert run.comment().returncode == 0
    assert "--method POST" in run.read("gh_log")
    assert not (run.folder / "evil").exists()


def test_only_the_step_that_comments_knows_the_token_and_it_runs_no_python() -> None:
    knowing = [step for step in STEPS if "token" in str(step.get("env", {})).lower()]
    assert [step["env"]["GH_TOKEN"] for step in knowing] == ["${{ github.token }}"]
    assert "python" not in knowing[0]["run"].lower()
    assert knowing[0]["run"].index('cd "$RUNNER_TEMP"') < knowing[0]["run"].index("gh api")


def test_everything_that_is_installed_is_locked_and_every_action_is_pinned() -> None:
    text = (ROOT / ".github" / "action-requirements.txt").read_text(encoding="utf-8")
    assert "://" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text))
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = {
        re.split(r"[<>=\[; ]", name)[0].lower()
        for name in [*wanted["project"]["dependencies"], *wanted["build-system"]["requires"]]
    }
    assert names <= {entry.split("==")[0].lower() for entry in entries}
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        uses = re.findall(r"uses: (\S+)(.*)", file.read_text(encoding="utf-8"))
        assert [
            name for name, note in uses if not re.search(r"@[0-9a-f]{40}$", name) or not re.match(r" # v\d", note)
        ] == []


def test_two_jobs_keep_two_comments(run: Run) -> None:
    run.commit(LIMITED.replace("conv 16", "conv 8"))
    run.compare(key="one")
    assert run.read("github_step_summary").startswith("<!-- archcalc:compare one -->\n### archcalc")
    run.comment()
    assert 'startswith("<!-- archcalc:compare one -->")' in run.read("gh_log")
    assert run.compare(key='x") or true or ("').returncode == 2


def test_mistakes_are_annotations_and_stand_in_the_comment(run: Run) -> None:
    run.commit(LIMITED.replace("conv 16", "cnov 16"))
    done = run.compare()
    assert run.outputs()["code"] == "2"
    assert re.search(
        r"^::error file=models/tiny net\.yaml,line=5,col=\d+,title=archcalc::unknown layer 'cnov'", done.stdout, re.M
    )
    assert "unknown layer 'cnov'" in run.read("github_step_summary")
    assert run.comment().returncode == 0
    assert "unknown layer 'cnov'" in run.read("gh_body")


def test_the_text_stands_between_marks_that_stop_commands(run: Run) -> None:
    for name in ("conv 8", "cnov 8 ::error::x"):
        run.commit(LIMITED.replace("name: Tiny", 'name: "x\\n::error::pwn"').replace("conv 16", name))
        lines = run.compare().stdout.splitlines()
        assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", lines[0])
        end = lines.index(f"::{lines[0].removeprefix('::stop-commands::')}::")
        assert end > 1
        assert [line for line in lines[1:end] if line.lstrip().startswith("::")] == []
        assert all(re.match(r"::(notice|error) file=models/tiny net\.yaml,line=", line) for line in lines[end + 1 :])
        assert lines[end + 1 :]
