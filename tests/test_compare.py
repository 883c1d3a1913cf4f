"""Comparing networks: which layer is which, what the budgets say, every base in git, every format, and budgets written."""

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree
from functools import partial
from pathlib import Path

import pytest
import running
from running import Command, Done

import archcalc
from archcalc.errors import ArchcalcError, UsageError
from archcalc.model import read
from archcalc.render import numbers

from shipping import some  # isort: skip

ROOT = Path(__file__).parent.parent
HEAD = "archcalc: 1\nname: t\ninput: [3, 32, 32]\n"
BODY = (
    "layers:\n  - stem: conv 8 3x3\n  - conv 16 3x3\n  - conv 16 3x3\n  - pool: maxpool 2x2\n  - gap\n  - fc: linear"
    " 10\n"
)
NET = HEAD + BODY


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run commands in an empty folder, where git is nobody's in particular."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "t")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "t@example.org")
    return partial(running.run, capsys, monkeypatch)


def git(*words: str, folder: Path | str = ".") -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def commit(message: str, **files: str) -> str:
    """Write files (`net_yaml` is net.yaml) and commit everything."""
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text, encoding="utf-8", newline="")
    git("add", "-A")
    git("commit", "-qm", message)
    return git("rev-parse", "HEAD")


@pytest.fixture
def repository(run: Command) -> None:
    git("init", "-q", "-b", "main")
    commit("first", net_yaml=NET)


def written(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8", newline="")
    return name


def changed(base: str, head: str) -> list[tuple[str, str, str | None]]:
    """(status, path, the path that it had) of every change between two texts."""
    found = archcalc.compare(read(base, "base.yaml"), read(head, "head.yaml"))
    return [(change.status.value, change.path, change.was) for change in found.changes]


# ---- which layer is which --------------------------------------------------------------------------------------------


BLOCKS = """blocks:
  unit(out, k=3): [conv out 1x1 act=relu, conv out (k)x(k) act=relu]
layers:
  - unit 8
  - unit 16
  - unit 16 k=5
  - gap
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        (
            "  - pool: maxpool 2x2\n",
            "  - pool: maxpool 2x2\n  - extra: conv 32 1x1\n",
            [("added", "extra", None), ("changed", "fc", None), ("changed", "gap", None)],
        ),
        ("  - gap\n", "  - conv 16 5x5\n  - gap\n", [("added", "conv3", None)]),
        (
            "  - conv 16 3x3\n  - conv",
            "  - conv 16 1x1\n  - conv 16 3x3\n  - conv",
            [("added", "conv", None), ("changed", "conv2", None)],
        ),
        ("  - gap\n", "  - conv 16 3x3 norm=bn act=relu\n  - gap\n", [("added", "conv3", None)]),
        ("  - stem: conv", "  - first: conv", [("renamed", "first", "stem")]),
        ("  - stem: conv 8 3x3", "  - first: conv 8 5x5", [("changed", "first", "stem")]),
        (
            "  - conv 16 3x3\n  - pool: maxpool 2x2",
            "  - last: conv 16 3x3\n  - down: maxpool 2x2",
            [("renamed", "last", "conv2"), ("renamed", "down", "pool")],
        ),
        ("  - pool: maxpool 2x2\n", "", [("removed", "pool", None), ("changed", "gap", None)]),
        ("  - conv 16 3x3\n  - pool", "  - pool", [("removed", "conv2", None)]),
        ("pool: maxpool 2x2", "pool: avgpool 2x2", [("changed", "pool", None)]),
        ("fc: linear 10\n", "fc: [linear 20 act=relu, linear 10]\n", [("changed", "fc", None)]),
        ("  - gap\n", "  - flatten\n", [("removed", "gap", None), ("added", "flatten", None), ("changed", "fc", None)]),
    ],
)
def test_layers_are_matched_by_label_then_by_structure(
    old: str, new: str, expected: list[tuple[str, str, str | None]]
) -> None:
    assert old in NET
    assert sorted(changed(NET, NET.replace(old, new, 1))) == sorted(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  - unit 16\n", "  - unit 16\n  - unit 16 k=7\n", [("added", "unit3", None)]),
        ("  - unit 8\n", "  - extra: unit 8\n  - unit 8\n", [("added", "extra", None), ("changed", "unit/conv", None)]),
        ("  - unit 8\n", "", [("removed", "unit", None), ("changed", "unit/conv", None)]),
        ("  - unit 16\n", "  - middle: unit 16\n", [("renamed", "middle", "unit2")]),
        ("  - unit 16 k=5\n", "  - unit 16 k=7\n", [("changed", "unit3/conv2", None)]),
        ("  - unit 8\n  - unit 16\n", "  - unit 8\n  - stage: 3 x unit 16\n", [("changed", "stage", "unit2")]),
        (
            "conv out 1x1 act=relu,",
            "conv out 1x1 act=relu, bn,",
            [("added", f"unit{n}/bn", None) for n in ("", "2", "3")],
        ),
    ],
)
def test_blocks_are_matched_as_layers_are(old: str, new: str, expected: list[tuple[str, str, str | None]]) -> None:
    base = HEAD + BLOCKS
    assert old in base
    found = changed(base, base.replace(old, new, 1))
    if "stage" in new:  # a block became a repeat of it: which part is which is open, that both are told is not
        assert {path.split("/")[0] for _, path, _ in found} <= {"stage", "unit2", "unit3"}
        assert found
    else:
        assert sorted(found) == sorted(expected)


def test_a_longer_repeat_is_its_new_members() -> None:
    base = HEAD + "layers:\n  - low: {2 x: [conv 8 3x3 act=relu]}\n  - gap\n"
    assert changed(base, base.replace("2 x", "4 x")) == [("added", "low/3", None), ("added", "low/4", None)]


def test_what_moved_keeps_its_label() -> None:
    base = HEAD + "layers:\n  - a: conv 3 3x3\n  - b: conv 3 5x5\n  - c: relu\n"
    assert changed(base, HEAD + "layers:\n  - b: conv 3 5x5\n  - a: conv 3 3x3\n  - c: relu\n") == []


def test_a_label_that_could_be_an_automatic_name_is_one_all_the_same() -> None:
    base = HEAD + "layers:\n  - conv: conv 8 5x5\n  - conv2: conv 8 3x3\n"
    assert changed(base, base.replace("conv: conv 8 5x5", "conv: 2 x conv 8 3x3")) == [("changed", "conv", None)]
    assert changed(base, base.replace("conv: conv 8 5x5", "conv1: conv 8 3x3")) == [("changed", "conv1", "conv")]


def test_an_unlabelled_layer_in_front_of_a_hundred_is_one_row() -> None:
    base = HEAD + "layers:\n" + "  - conv 8 3x3\n" * 100
    head = HEAD + "layers:\n  - conv 3 1x1\n" + "  - conv 8 3x3\n" * 100
    assert changed(base, head) == [("added", "conv", None)]


def test_many_layers_that_all_changed_are_still_paired_in_order() -> None:
    base = HEAD + "layers:\n  - 3000 x: [conv 8 3x3 bias=false, relu]\n"
    found = changed(base, base.replace("3x3", "1x1"))
    assert (len(found), {status for status, _, _ in found}) == (3000, {"changed"})


def test_a_layer_that_only_its_input_changed_was_not_edited() -> None:
    found = archcalc.compare(read(NET, "a"), read(NET.replace("stem: conv 8", "stem: conv 12"), "b"))
    assert [(change.path, change.is_direct) for change in found.changes] == [("stem", True), ("conv", False)]
    assert [change.delta("params") for change in found.changes] == [4 * (3 * 9 + 1), 4 * 16 * 9]


def test_an_edited_call_is_where_to_look_for_what_changed_inside() -> None:
    base = HEAD + BLOCKS
    found = archcalc.compare(read(base, "a"), read(base.replace("unit 16 k=5", "unit 16 k=7"), "b"))
    line = base.splitlines().index("  - unit 16 k=5") + 1
    assert [change.mark.line for change in found.changes if change.mark] == [line]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("resnet50", "resnext101_64x4d"),
        ("alexnet", "vgg16"),
        ("unet", "googlenet"),
        ("densenet121", "densenet161"),
        ("vit_b_16", "convnext_tiny"),
    ],
)
def test_what_the_layers_cost_more_adds_up_to_the_difference(one: str, other: str) -> None:
    found = archcalc.compare(one, other)
    for name in ("params", "macs", "buffers", "activations", "weight_bytes"):
        assert sum(change.delta(name) for change in found.changes) == found.totals[name].change


@pytest.mark.parametrize("name", some(["unet", "googlenet", "vit", "resnet"], 2))
def test_a_layer_put_between_any_two_of_a_network_is_one_row(name: str) -> None:
    text = (ROOT / "specs" / f"{name}.yaml").read_text(encoding="utf-8")
    lines, base = text.split("\n"), read(text, "base")
    first = lines.index("layers:") + 1
    last = next((n for n in range(first, len(lines)) if lines[n] and lines[n][0] not in " #-"), len(lines))
    places = [n for n in range(first, last) if lines[n].startswith("  - ")]
    for n in places:
        head = read("\n".join([*lines[:n], "  - relu", *lines[n:]]), "head")
        assert [
            (change.status.value, change.after.text if change.after else "")
            for change in archcalc.compare(base, head).changes
        ] == [("added", "relu")]
    assert len(places) > 4


def test_the_name_of_a_block_alone_costs_nothing() -> None:
    base = HEAD + BLOCKS.replace("- unit 16 k=5", "- last: unit 16 k=5")
    found = archcalc.compare(read(base, "a"), read(base.replace("last: unit 16 k=5", "final: unit 16 k=7"), "b"))
    assert [(change.status.value, change.path, change.delta("params")) for change in found.changes] == [
        ("renamed", "final", 0), ("changed", "final/conv2", 16 * 16 * (49 - 25)),
    ]  # fmt: skip


def test_leaving_out_fc7_saves_its_weights() -> None:
    found = archcalc.compare("alexnet", "alexnet", without=["fc7"])
    assert found.totals["params"].change == -(4096 * 4096 + 4096)
    assert found.totals["macs"].change == -4096 * 4096
    assert [(change.status, change.path) for change in found.changes] == [("removed", "fc7")]


def test_differences_are_closed_forms_where_symbols_are_free(run) -> None:
    five = HEAD.replace("3, 32", "c, 32") + "params: {c: 4}\nlayers:\n  - conv c 5x5 bias=false\n"
    two = five.replace("  - conv c 5x5 bias=false", "  - 2 x conv c 3x3 bias=false")
    found = archcalc.compare(read(five, "a"), read(two, "b"), free=["c"])
    change = found.totals["params"].change
    assert change.evaluate({"c": 7}) == (18 - 25) * 49
    done = run("compare", written("a.yaml", five), written("b.yaml", two), "--free", "c")
    assert re.search(r"change +-7·?c²", done.out)
    assert json.loads(run("compare", "a.yaml", "b.yaml", "--free", "c", "--format", "json").out)["models"][0]["delta"]["params"] == {
        "base": "25*c**2", "head": "18*c**2", "change": "-7*c**2", "percent": None,
    }  # fmt: skip


def test_a_parameter_that_one_side_has_is_asked_of_it_alone(run) -> None:
    old = "archcalc: 1\nname: t\nparams: {size: 32}\ninput: [3, size, size]\nlayers: [conv 8 3x3]\n"
    new = old.replace("{size: 32}", "{size: 32, width: 8}").replace("conv 8", "conv width")
    git("init", "-q", "-b", "main")
    commit("a", net_yaml=old)
    snapshot(run, "net.yaml")
    written("net.yaml", new)
    for base in ("main", "costs.json"):
        for asked in (("--set", "width=16"), ("--free", "width")):
            done = run("compare", "net.yaml", "--base", base, *asked, "--format", "json")
            (model,) = json.loads(done.out)["models"]
            assert (done.code, model["delta"]["params"]["base"]) == (0, 8 * 28)
            assert model["delta"]["params"]["head"] == (16 * 28 if "--set" in asked else "28*width")
            assert json.loads(done.out)["notes"] == [
                "net.yaml had no `width` before: it is what was asked in the new one alone"
            ]
    commit("b")
    written("net.yaml", old)
    done = run("compare", "net.yaml", "--base", "main", "--set", "width=16")
    assert (done.code, "net.yaml has no `width` any more" in done.out) == (0, True)
    assert run("compare", "net.yaml", "--base", "main", "--set", "wdth=16").code == 2


def test_views_of_a_change_have_paths_from_the_root_of_the_repository(run, monkeypatch, tmp_path: Path) -> None:
    git("init", "-q", "-b", "main")
    Path("models").mkdir()
    written("archcalc.toml", 'budget.params = {max = "1"}\nbudget.macs = {max = "1", level = "warn"}\n')
    written("models/net.yaml", stem(8))
    commit("a")
    Path("elsewhere").mkdir()
    for folder, spec in (
        ("models", "net.yaml"),
        ("elsewhere", "../models/net.yaml"),
        ("/", str(tmp_path / "models/net.yaml")),
    ):
        monkeypatch.chdir(tmp_path / folder)
        done = run("compare", spec, "--base", "main", "--format", "github", "--format", f"junit={tmp_path}/r.xml")
        assert re.findall(r"^::\w+ file=([^,]*),line=(\d)", done.out, re.MULTILINE) == [
            ("archcalc.toml", "1"),
            ("archcalc.toml", "2"),
        ]
        report = (tmp_path / "r.xml").read_text()
        assert set(re.findall(r' file="([^"]*)"', report)) == {"models/net.yaml", "archcalc.toml"}
        assert ">archcalc.toml:2:8: warning: macs 221,184 &lt;= 1 (budget" in report


def test_closed_forms_cancel_when_a_parameter_has_other_limits_on_each_side() -> None:
    base = (
        HEAD.replace("3, 32, 32", "3, size, size")
        + "params: {size: {default: 32, min: 8}}\nlayers:\n  - a: conv 8 3x3 stride=2\n"
    )
    found = archcalc.compare(read(base, "a"), read(base.replace("min: 8", "min: 16"), "b"), free=["size"])
    assert (found.status, found.totals["macs"].change) == ("unchanged", 0)


def test_both_sides_are_counted_as_asked(run) -> None:
    written("a.yaml", NET)
    written("b.yaml", NET.replace("stem: conv 8", "stem: conv 9"))
    one, many = (
        json.loads(run("compare", "a.yaml", "b.yaml", *extra, "--format", "json").out)["models"][0]
        for extra in ((), ("--batch", "4", "--train"))
    )
    assert many["delta"]["macs"]["change"] == 4 * one["delta"]["macs"]["change"]
    assert many["head"]["mode"] == "training"
    assert many["delta"]["backward_macs"]["change"] > 0
    assert run("compare", "a.yaml", "b.yaml", "--set", "nothing=3").code == 2


# ---- budgets ---------------------------------------------------------------------------------------------------------


def stem(width: int, more: str = "") -> str:
    """One convolution of 28 parameters a channel, and 27 * 32 * 32 MACs."""
    return f"{HEAD}{more}layers:\n  - stem: conv {width} 3x3\n"


@pytest.mark.parametrize(
    ("limit", "old", "new", "code"),
    [
        ("params: {increase: 2%}", 100, 102, 0),
        ("params: {increase: 2%}", 100, 103, 1),
        ("params: {increase: 0%}", 100, 100, 0),
        ("params: {increase: 0}", 100, 101, 1),
        ("params: {increase: +28}", 100, 101, 0),
        ("params: {increase: +27}", 100, 101, 1),
        ("params: {increase: -5%}", 100, 95, 0),
        ("params: {increase: -5%}", 100, 96, 1),
        ("params: {increase: 2%, level: warn}", 100, 200, 0),
        ("params: {max: 2800}", 100, 100, 0),
        ("params: {max: 2799}", 100, 100, 1),
        ("act_peak: {increase: 1%}", 100, 200, 1),
        ("field: {increase: 0}", 100, 200, 0),
        ("depth: {increase: +0}", 100, 200, 0),
    ],
)
def test_budgets_hold_up_to_their_last_unit(run, limit: str, old: int, new: int, code: int) -> None:
    written("a.yaml", stem(old))
    written("b.yaml", stem(new, f"budget: {{{limit}}}\n"))
    done = run("compare", "a.yaml", "b.yaml")
    assert done.code == code, done.out
    assert ("FAIL" in done.out) == (code == 1)
    assert ("warn" in done.out) == ("warn" in limit)


def test_a_budget_is_judged_at_the_specs_own_values(run) -> None:
    text = (
        "archcalc: 1\nname: t\nparams: {size: 32}\ninput: [3, size, size]\nlayers:\n  - conv 8 3x3\nbudget: {macs:"
        " {max: 222k, increase: 0}}\n"
    )
    written("a.yaml", text)
    assert 3 * 9 * 8 * 32 * 32 < 222_000 < 3 * 9 * 8 * 64 * 64
    for extra in ([], ["--set", "size=64"], ["--free", "size"], ["--batch", "9"]):
        assert run("compare", "a.yaml", "a.yaml", *extra).code == 0
    assert (
        run("compare", "a.yaml", written("b.yaml", text.replace("conv 8 3x3", "conv 9 3x3")), "--free", "size").code
        == 1
    )


def test_a_variant_may_not_grow_more_than_its_family(run) -> None:
    family = (
        "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers:\n  - conv width 3x3\n  - conv 4 KERNEL\n"
    )
    family += (
        "variants:\n  wide: {width: 64}\n  free: {width: 16, budget: {macs: {increase: 90%}}}\nbudget:\n  macs:"
        " {increase: 10%, max: 1M}\n"
    )
    git("init", "-q", "-b", "main")
    commit("a", net_yaml=family.replace("KERNEL", "3x3"))
    written("net.yaml", family.replace("KERNEL", "4x4 pad=valid"))
    found = {
        model["variant"]: model
        for model in json.loads(run("compare", "net.yaml", "--base", "main", "--format", "json").out)["models"]
    }
    assert {name: [broken["limit"] for broken in model["violations"]] for name, model in found.items()} == {
        None: ["increase +10%"], "wide": ["increase +10%"], "free": [],
    }  # fmt: skip


@pytest.mark.parametrize("file", ["pyproject.toml", "archcalc.toml"])
def test_a_repository_has_defaults(run, file: str) -> None:
    heading = "[tool.archcalc.budget]" if file == "pyproject.toml" else "[budget]"
    written(
        file,
        (
            f'[project]\nname = "x"\n\n{heading}\nmacs = {{increase = "2%"}}\nparams = {{max = "3k", level = "warn"}}\n'
            if "py" in file
            else f'{heading}\nmacs = {{increase = "2%"}}\nparams = {{max = "3k", level = "warn"}}\n'
        ),
    )
    Path("models").mkdir()
    written("models/a.yaml", stem(100))
    written("models/b.yaml", stem(200))
    done = run("compare", "models/a.yaml", "models/b.yaml", "--format", "json")
    assert done.code == 1
    (model,) = json.loads(done.out)["models"]
    assert [(broken["metric"], broken["level"], broken["file"]) for broken in model["violations"]] == [
        ("params", "warn", file),
        ("macs", "error", file),
    ]
    assert Path(file).read_text().splitlines()[model["violations"][1]["line"] - 1].startswith("macs")
    written("models/b.yaml", stem(200, "budget: {macs: {increase: 100%}}\n"))
    assert run("compare", "models/a.yaml", "models/b.yaml").code == 0
    checked = run("check", "models/b.yaml")
    assert (checked.code, "warn params" in checked.out) == (0, True)


def test_a_networks_own_limit_of_one_kind_leaves_the_others_to_the_repository(run) -> None:
    written("archcalc.toml", 'budget.macs = {increase = "2%", max = "1G"}\n')
    written("a.yaml", stem(100))
    written("b.yaml", stem(200, "budget: {macs: {max: 2G}}\n"))
    (model,) = json.loads(run("compare", "a.yaml", "b.yaml", "--format", "json").out)["models"]
    assert [judged["limit"] for judged in model["budgets"]] == ["max 2G", "increase +2%"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[budgt]\nmacs = {max = "1G"}\n', "archcalc.toml:1:2: unknown key 'budgt'; did you mean 'budget'?"),
        ('[budget]\nmac = {max = "1G"}\n', "archcalc.toml:2:1: unknown key 'mac'; did you mean 'macs'?"),
        ('[budget]\nmacs = {maximum = "1G"}\n', "unknown key 'maximum'"),
        ('[budget]\nmacs = {max = "a lot"}\n', "archcalc.toml:2:"),
        ("[budget\n", "not TOML"),
        ('[budget]\nmacs = {increase = "0.02"}\n', "neither a percentage"),
        ('[budget]\nmacs = {max = "2%"}\n', "of what?"),
        ("budget = 3\n", "archcalc.toml:1:1: budget: must be a table"),
        ("self = 3\n", "archcalc.toml:1:1: unknown key 'self'"),
        (
            "[tool.archcalc]\nspecs = []\n",
            "archcalc.toml is archcalc's own: its keys stand without a [tool.archcalc] around them",
        ),
        ("[budget]\nself = 3\n", "archcalc.toml:2:1: unknown key 'self'"),
        ('specs = "a.yaml"\n', "archcalc.toml:1:1: specs: must be a list"),
        ("specs = [3]\n", "archcalc.toml:1:1: specs.0: must be text"),
    ],
)
def test_mistakes_in_the_defaults_are_shown_where_they_are(run, text: str, says: str) -> None:
    written("archcalc.toml", text)
    written("a.yaml", stem(8))
    for command in (("compare", "a.yaml", "a.yaml"), ("check", "a.yaml")):
        done = run(*command)
        assert (done.code, done.out) == (2, "")
        assert says in done.err


@pytest.mark.parametrize("table", ["[tool]\narchcalc = 3\n", "[tool]\narchcalc = []\n", "[[tool.archcalc]]\n"])
def test_defaults_that_are_no_table_are_refused(run, table: str) -> None:
    written("pyproject.toml", table)
    written("a.yaml", stem(8))
    done = run("check", "a.yaml")
    assert (done.code, done.out) == (2, "")
    assert "archcalc: must be a table" in done.err


def test_what_changed_is_seen_in_a_long_operation(run) -> None:
    """The table of a terminal cuts what is long; never what differs."""
    line = "conv 64 3x3 stride=2 bias=false norm=bn act=relu"
    head = "archcalc: 1\nname: t\ninput: [3, 32, 32]\nlayers:\n"
    written("a.yaml", f"{head}  - stem: {line}\n  - tail: {line}\n")
    written(
        "b.yaml",
        f"{head}  - stem: {line.replace('relu', 'silu')}\n  - tail:"
        f" {line.replace(' stride=2', '').replace('relu', 'silu')}\n",
    )
    out = run("compare", "a.yaml", "b.yaml").out
    assert re.search(r"^changed +stem +conv … relu -> silu  ", out, re.MULTILINE)
    assert re.search(
        r"^changed +tail +conv … stride=2 bias=false, bn, relu -> bias=false, bn, silu  ", out, re.MULTILINE
    )


def test_a_model_is_listed_once_in_the_markdown(run) -> None:
    """A network that breaks its budget without having changed stands in the table, and not among the unchanged."""
    written("archcalc.toml", '[budget]\nmacs = {max = "1"}\n')
    written("a.yaml", stem(8))
    git("init", "-q", "-b", "main")
    commit("base")
    out = run("compare", "a.yaml", "--base", "HEAD", "--format", "markdown").out
    assert "unchanged" not in out
    assert out.count("`a.yaml`") >= 1


def test_settings_above_are_named_from_where_the_command_runs(run, monkeypatch: pytest.MonkeyPatch) -> None:
    written("archcalc.toml", '[budget]\nmacs = {max = "1"}\n')
    Path("models").mkdir()
    written("models/a.yaml", stem(8))
    monkeypatch.chdir("models")
    out = run("check", "a.yaml").out
    assert "../archcalc.toml:2:1" in out


def test_what_ships_has_no_repositorys_budget_and_no_versions(run) -> None:
    written("archcalc.toml", 'budget.macs = {max = "1"}\n')
    done = run("compare", "alexnet", "googlenet")  # whose own budget is 1.6G, and +2% over its base
    assert (done.code, "<= 1.6G" in done.out, "over" in done.out.replace("over budget", "")) == (0, True, False)


# ---- a base in git ---------------------------------------------------------------------------------------------------


LIMITED = stem(100, "budget:\n  macs: {increase: 2%}\n")


def models(done: Done) -> dict[str, str]:
    """The status of each network."""
    return {
        f"{m['path']}{'@' + m['variant'] if m['variant'] else ''}": m["status"] for m in json.loads(done.out)["models"]
    }


def test_three_commits_a_cheaper_design_a_dearer_one_and_a_new_name(run) -> None:
    git("init", "-q", "-b", "main")
    commit("start", net_yaml=LIMITED)
    git("checkout", "-qb", "work")
    commit("cheaper", net_yaml=LIMITED.replace("conv 100", "conv 90"))
    assert run("compare", "net.yaml", "--base", "main").code == 0
    commit("dearer", net_yaml=LIMITED.replace("conv 100", "conv 110"))
    done = run("compare", "net.yaml", "--base", "main", "--format", "json")
    assert (done.code, json.loads(done.out)["models"][0]["delta"]["macs"]["change"]) == (1, 10 * 27 * 32 * 32)
    assert run("compare", "net.yaml", "--base", "HEAD~1").code == 1
    git("mv", "net.yaml", "renamed.yaml")
    commit("renamed")
    done = run("compare", "renamed.yaml", "--base", "main", "--format", "json")
    assert (done.code, models(done)) == (1, {"renamed.yaml": "changed"})
    assert json.loads(done.out)["notes"] == ["renamed.yaml was net.yaml"]
    assert run("compare", "renamed.yaml", "--base", "HEAD").code == 0


def test_a_rename_is_followed_before_it_is_committed(run, repository) -> None:
    Path("net.yaml").rename("other.yaml")
    assert models(run("compare", "other.yaml", "--base", "main", "--format", "json")) == {"other.yaml": "unchanged"}


def test_of_two_new_specs_one_was_renamed(run, repository) -> None:
    Path("net.yaml").rename("a.yaml")
    written("b.yaml", NET)
    assert models(run("compare", "a.yaml", "b.yaml", "--base", "main", "--format", "json")) == {
        "a.yaml": "unchanged",
        "b.yaml": "new",
    }


def test_a_renamed_spec_has_its_base_however_often_it_is_named(run) -> None:
    git("init", "-q", "-b", "main")
    family = (
        "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width 3x3]\nvariants: {wide:"
        " {width: 9}}\n"
    )
    commit("a", net_yaml=family)
    git("mv", "net.yaml", "moved.yaml")
    done = run("compare", "moved.yaml@wide", "moved.yaml", "./moved.yaml", "--base", "main", "--format", "json")
    assert [model["status"] for model in json.loads(done.out)["models"]] == ["unchanged"] * 5


@pytest.mark.parametrize("order", [["near.yaml", "exact.yaml"], ["exact.yaml", "near.yaml"]])
def test_renamed_specs_find_the_one_that_they_are_most_like_in_any_order(run, repository, order: list[str]) -> None:
    commit("second", other_yaml=NET.replace("fc: linear 10", "fc: linear 11"))
    Path("net.yaml").rename("exact.yaml")
    Path("other.yaml").unlink()
    written("near.yaml", NET.replace("fc: linear 10", "fc: linear 12"))  # one line from either
    done = run("compare", *order, "--base", "main", "--format", "json")
    assert models(done) == {"exact.yaml": "unchanged", "near.yaml": "changed"}
    assert sorted(json.loads(done.out)["notes"]) == ["exact.yaml was net.yaml", "near.yaml was other.yaml"]


def test_renames_are_looked_for_by_a_few_runs_of_git(run, repository, monkeypatch) -> None:
    specs = {f"old{n}_yaml": NET.replace("linear 10", f"linear {n + 1}") for n in range(30)}
    commit("many", **specs)
    for n in range(30):
        Path(f"old{n}.yaml").rename(f"new{n}.yaml")
    ran = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **more: ran.append(command[3]) or real(command, **more))
    done = run("compare", *(f"new{n}.yaml" for n in range(30)), "--base", "main", "--format", "json")
    assert set(models(done).values()) == {"unchanged"}
    assert ran.count("cat-file") == 2
    assert len(ran) < 10


def test_a_new_spec_is_said_to_be_new_and_keeps_to_its_absolute_budget(run, repository) -> None:
    written("extra.yaml", stem(8, "budget: {macs: {max: 1G, increase: 2%}}\n"))
    done = run("compare", "extra.yaml", "--base", "main")
    assert (done.code, "extra.yaml · t · input 3x32x32: new" in done.out) == (0, True)
    assert "not judged without a base: macs increase 2%" in done.out
    written("extra.yaml", stem(8, "budget: {macs: {max: 1k, increase: 2%}}\n"))
    assert run("compare", "extra.yaml", "--base", "main").code == 1


def test_variants_come_and_go(run) -> None:
    text = "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width 3x3]\nvariants:\n"
    git("init", "-q", "-b", "main")
    commit("a", net_yaml=text + "  old: {width: 9}\n  both: {width: 10}\n")
    written("net.yaml", text + "  both: {width: 11}\n  fresh: {width: 12}\n")
    expected = {"net.yaml": "unchanged", "net.yaml@both": "changed", "net.yaml@fresh": "new"}
    found = models(run("compare", "net.yaml", "--base", "main", "--format", "json"))
    assert sorted(found.values()) == ["changed", "new", "removed", "unchanged"]
    assert expected.items() <= found.items()
    assert models(run("compare", "net.yaml@both", "--base", "main", "--format", "json")) == {"net.yaml@both": "changed"}


FAMILY = (
    "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width 3x3]\nbudget: {macs: {increase:"
    " 0}}\nvariants:\n"
)


def test_a_variant_with_another_name_is_the_same_one(run) -> None:
    git("init", "-q", "-b", "main")
    commit("a", net_yaml=FAMILY + "  old: {width: 9}\n  both: {width: 10}\n")
    written("net.yaml", FAMILY.replace("3x3", "5x5") + "  both: {width: 10}\n  fresh: {width: 9}\n")
    done = run("compare", "net.yaml", "--base", "main", "--format", "json")
    assert (done.code, models(done)) == (
        1,
        {"net.yaml": "changed", "net.yaml@both": "changed", "net.yaml@fresh": "changed"},
    )
    assert json.loads(done.out)["notes"] == ["net.yaml@fresh was @old"]
    assert json.loads(done.out)["summary"]["failed"] == 3
    written("net.yaml", FAMILY + "  both: {width: 10}\n  fresh: {width: 99}\n")
    done = run("compare", "net.yaml@fresh", "--base", "main")
    assert (
        done.code,
        "net.yaml@fresh is new and @old gone: if that is another name, nothing judged the increase" in done.out,
    ) == (0, True)


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        ("macs: {max: 1G, increase: 2%}", "macs: {max: 1G}", ["limit increase 2% of macs was removed"]),
        (
            "macs: {max: 1G}, depth: {max: 9}",
            "",
            ["limit max 1G of macs was removed", "limit max 9 of depth was removed"],
        ),
        ("macs: {max: 1G}", "macs: {max: 2G}", ["limit max 1G of macs was loosened to 2G"]),
        ("macs: {min: 2}", "macs: {min: 1}", ["limit min 2 of macs was loosened to 1"]),
        ("macs: {increase: 2%}", "macs: {increase: 3%}", ["limit increase 2% of macs was loosened to 3%"]),
        ("macs: {increase: 2%}", "macs: {increase: +1}", ["limit increase 2% of macs became +1"]),
        ("macs: {max: 1G}", "macs: {max: 1G, level: warn}", ["limit max 1G of macs fails no more, it only warns"]),
        (
            "macs: {max: 2G, min: 1, increase: 2%, level: warn}",
            "macs: {max: 1G, min: 2, increase: 0%}, params: {max: 1G}",
            [],
        ),
    ],
)
@pytest.mark.parametrize("where", ["net.yaml", "archcalc.toml", "pyproject.toml"])
def test_a_budget_that_was_eased_in_the_same_change_is_told(
    run, where: str, before: str, now: str, says: list[str]
) -> None:
    def text(limits: str) -> str:
        if where == "net.yaml":
            return stem(8, f"budget: {{{limits}}}\n" if limits else "")
        toml = re.sub(r": ([^{}, ]+)", r' = "\1"', limits.replace(": {", " = {"))
        return f"{'tool.archcalc.' if 'py' in where else ''}budget = {{{toml}}}\n"

    git("init", "-q", "-b", "main")
    written("net.yaml", stem(8))
    written(where, text(before))
    commit("a")
    written(where, text(now))
    done = run(
        "compare",
        "net.yaml",
        "--base",
        "main",
        "--format",
        "text",
        *(f"--format={form}=r.{form}" for form in ("json", "markdown", "junit", "github")),
    )
    assert (done.code, json.loads(Path("r.json").read_text())["notes"]) == (0, [f"net.yaml: {said}" for said in says])
    for form in ("markdown", "junit", "github"):
        assert all(said in Path(f"r.{form}").read_text() for said in says)
    assert all(said in done.out for said in says)


@pytest.mark.parametrize("limit", ["{}", "{level: error}"])
def test_a_budget_that_limits_nothing_is_a_mistake(run, limit: str) -> None:
    written("net.yaml", stem(8, f"budget:\n  macs: {limit}\n"))
    done = run("check", "net.yaml")
    assert (done.code, done.out) == (2, "")
    assert re.match(r"net\.yaml:5:\d+: .*sets no limit: there are max, min and increase", done.err), done.err


def test_the_base_is_where_the_branch_forked(run, repository) -> None:
    git("checkout", "-qb", "work")
    commit("mine", net_yaml=NET.replace("stem: conv 8", "stem: conv 9"))
    git("checkout", "-q", "main")
    commit("theirs", net_yaml=NET.replace("fc: linear 10", "fc: linear 1000"))
    git("checkout", "-q", "work")
    forked = json.loads(run("compare", "net.yaml", "--base", "main", "--format", "json").out)["models"][0]
    assert [layer["name"] for layer in forked["layers"]] == ["stem", "conv"]
    tip = json.loads(run("compare", "net.yaml", "--base", "main", "--no-merge-base", "--format", "json").out)["models"][
        0
    ]
    assert [layer["name"] for layer in tip["layers"]] == ["stem", "conv", "fc"]


def test_after_a_merge_only_the_branchs_own_change_is_seen(run, repository) -> None:
    git("checkout", "-qb", "work")
    commit("mine", net_yaml=NET.replace("stem: conv 8", "stem: conv 9"))
    git("checkout", "-q", "main")
    commit("theirs", net_yaml=NET.replace("fc: linear 10", "fc: linear 1000"))
    git("checkout", "-q", "work")
    git("merge", "-q", "-m", "merged", "main")
    found = json.loads(run("compare", "net.yaml", "--base", "main", "--format", "json").out)["models"][0]
    assert [layer["name"] for layer in found["layers"]] == ["stem", "conv"]
    git("checkout", "-q", "--detach")
    assert run("compare", "net.yaml", "--base", "main").code == 0
    assert run("compare", "net.yaml", "--base", "HEAD^1").code == 0


def test_the_working_tree_is_left_as_it_was(run, repository) -> None:
    written("net.yaml", NET.replace("stem: conv 8", "stem: conv 9"))
    written("untracked.txt", "x")
    git("add", "untracked.txt")
    before = git("status", "--porcelain"), git("rev-parse", "HEAD"), git("stash", "list")
    assert models(run("compare", "net.yaml", "--base", "main", "--format", "json")) == {"net.yaml": "changed"}
    assert (git("status", "--porcelain"), git("rev-parse", "HEAD"), git("stash", "list")) == before


def test_windows_line_endings_change_nothing(run) -> None:
    git("init", "-q", "-b", "main")
    commit("a", net_yaml=NET)
    Path("net.yaml").write_bytes(b"\xef\xbb\xbf" + NET.replace("\n", "\r\n").encode())
    assert models(run("compare", "net.yaml", "--base", "main", "--format", "json")) == {"net.yaml": "unchanged"}


def test_paths_with_spaces_and_other_letters_from_any_folder(run, monkeypatch, tmp_path: Path) -> None:
    git("init", "-q", "-b", "main")
    folder = Path("mes modèles, été")
    folder.mkdir()
    spec = folder / "réseau 1%,:ß.yaml"
    spec.write_text(NET, encoding="utf-8")
    commit("a")
    spec.write_text(NET.replace("stem: conv 8", "stem: conv 9"), encoding="utf-8")
    assert models(run("compare", str(spec), "--base", "main", "--format", "json")) == {str(spec): "changed"}
    lines = [
        line
        for line in run("compare", str(spec), "--base", "main", "--format", "github").out.splitlines()
        if line.startswith("::")
    ]
    assert lines[0].startswith("::notice file=mes modèles%2C été/réseau 1%25%2C%3Aß.yaml,line=5,col=11,title=")
    monkeypatch.chdir(folder)
    assert models(run("compare", spec.name, "--base", "main", "--format", "json")) == {spec.name: "changed"}
    monkeypatch.chdir("/")
    assert models(run("compare", str(tmp_path / spec), "--base", "main", "--format", "json")) == {
        str(tmp_path / spec): "changed"
    }


def test_a_link_is_compared_with_what_it_points_at(run, repository) -> None:
    Path("link.yaml").symlink_to("net.yaml")
    commit("linked")
    written("net.yaml", NET.replace("stem: conv 8", "stem: conv 9"))
    assert models(run("compare", "link.yaml", "--base", "main", "--format", "json")) == {"link.yaml": "changed"}


def test_a_link_that_points_elsewhere_changed(run, repository) -> None:
    commit("second", other_yaml=NET.replace("fc: linear 10", "fc: linear 11"))
    Path("link.yaml").symlink_to("net.yaml")
    commit("linked")
    Path("link.yaml").unlink()
    Path("link.yaml").symlink_to("other.yaml")
    (found,) = json.loads(run("compare", "link.yaml", "--base", "main", "--format", "json").out)["models"]
    assert (found["status"], [layer["name"] for layer in found["layers"]]) == ("changed", ["fc"])


def test_a_path_may_hold_an_at_sign(run) -> None:
    git("init", "-q", "-b", "main")
    Path("@scope/a@b").mkdir(parents=True)
    family = (
        "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width 3x3]\nvariants: {wide:"
        " {width: 9}}\n"
    )
    written("@scope/a@b/net.yaml", family)
    commit("a")
    written("@scope/a@b/net.yaml", family.replace("width: 9", "width: 10"))
    done = run("compare", "@scope/a@b/net.yaml@wide", "@scope/a@b/net.yaml", "--base", "main", "--format", "json")
    assert models(done) == {"@scope/a@b/net.yaml": "unchanged", "@scope/a@b/net.yaml@wide": "changed"}
    assert len(json.loads(done.out)["models"]) == 3
    done = run("count", "@scope/none.yaml")
    assert (done.code, done.err.startswith("@scope/none.yaml")) == (2, True), done.err


def test_inside_a_hook_git_is_asked_about_the_specs_repository(run, repository, monkeypatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert run("compare", "net.yaml", "--base", "main").code == 0


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("nowhere", "there is no commit 'nowhere'"),
        ("--all", "can't be the name of a commit"),
        ("costs.json", "make a snapshot with `archcalc count"),
        ("", "can't be the name of a commit"),
        ("^main", "can't be the name of a commit"),
    ],
)
def test_a_base_that_is_not_there_is_never_passed_over(run, repository, base: str, says: str) -> None:
    done = run("compare", "net.yaml", f"--base={base}")
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_outside_of_git_there_is_no_base(run) -> None:
    written("net.yaml", NET)
    done = run("compare", "net.yaml", "--base", "main")
    assert (done.code, "is in no git repository" in done.err) == (2, True)
    git("init", "-q", "-b", "main")
    assert run("compare", "net.yaml", "--base", "main").code == 2
    assert run("compare", "alexnet", "--base", "main").code == 2


def test_outside_of_git_everything_may_be_taken_as_new(run) -> None:
    written("net.yaml", NET)
    done = run("compare", "net.yaml", "--base", "main", "--missing-base", "new", "--format", "json")
    assert (done.code, models(done)) == (0, {"net.yaml": "new"})
    assert "is in no git repository" in json.loads(done.out)["notes"][0]


def test_a_commit_before_a_shallow_clone_is_fetched_with_its_history(run, repository, monkeypatch) -> None:
    commit("second", net_yaml=NET.replace("stem: conv 8", "stem: conv 9"))
    git("clone", "-q", "--depth", "1", f"file://{Path.cwd()}", "clone")
    monkeypatch.chdir("clone")
    done = run("compare", "net.yaml", "--base", "HEAD~1")
    (command,) = commands(done.err)
    assert (done.code, command) == (2, ["git", "fetch", "--unshallow"])
    subprocess.run(command, check=True, capture_output=True)
    assert models(run("compare", "net.yaml", "--base", "HEAD~1", "--format", "json")) == {"net.yaml": "changed"}


def test_without_git_there_is_no_base(run, repository, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = run("compare", "net.yaml", "--base", "main")
    assert (done.code, "git can't be run" in done.err) == (2, True)


def commands(message: str) -> list[list[str]]:
    """What a message says to run."""
    return [shlex.split(command) for command in re.findall(r"`(git [^`]+)`", message)]


@pytest.mark.parametrize("clone", [["--depth", "1"], ["--single-branch"], ["--depth", "1", "--no-single-branch"]])
def test_what_a_missing_base_says_to_run_brings_it(run, repository, monkeypatch, clone: list[str]) -> None:
    git("checkout", "-qb", "work")
    commit("one", net_yaml=NET.replace("stem: conv 8", "stem: conv 9"))
    commit("two", net_yaml=NET.replace("stem: conv 8", "stem: conv 10"))
    git("clone", "-q", *clone, "--branch", "work", f"file://{Path.cwd()}", "clone")
    monkeypatch.chdir("clone")
    done = run("compare", "net.yaml", "--base", "origin/main")
    assert (done.code, done.out) == (2, "")
    assert ("fetch-depth: 0" in done.err) == ("--depth" in clone)
    (command,) = commands(done.err)
    subprocess.run(command, check=True, capture_output=True)
    done = run("compare", "net.yaml", "--base", "origin/main", "--format", "json")
    assert (done.code, models(done)) == (0, {"net.yaml": "changed"})


def test_a_branch_that_only_the_remote_has_is_named(run, repository, monkeypatch) -> None:
    git("branch", "other")
    git("clone", "-q", f"file://{Path.cwd()}", "clone")
    monkeypatch.chdir("clone")
    done = run("compare", "net.yaml", "--base", "other")
    assert (done.code, "--base origin/other" in done.err) == (2, True)


def test_what_is_to_be_run_is_quoted(run, repository, monkeypatch) -> None:
    git("clone", "-q", f"file://{Path.cwd()}", "clone")
    monkeypatch.chdir("clone")
    done = run("compare", "net.yaml", "--base", "origin/x;touch${IFS}y")
    assert done.code == 2
    assert commands(done.err) == [["git", "fetch", "origin", "x;touch${IFS}y:refs/remotes/origin/x;touch${IFS}y"]]


def test_a_second_worktree_a_tag_and_a_folder(run, repository, monkeypatch) -> None:
    git("tag", "v1")
    git("worktree", "add", "-q", "-b", "work", "second")
    monkeypatch.chdir("second")
    Path("models").mkdir()
    git("mv", "net.yaml", "models/net.yaml")
    written("models/notes.yaml", "a: 1\n")
    assert models(run("compare", "models", "--base", "v1", "--quiet", "--format", "json")) == {
        "models/net.yaml": "unchanged"
    }


def test_unrelated_histories_have_no_base(run, repository) -> None:
    git("checkout", "-q", "--orphan", "alone")
    commit("alone", net_yaml=NET)
    done = run("compare", "net.yaml", "--base", "main")
    assert (done.code, "--no-merge-base" in done.err) == (2, True)
    assert run("compare", "net.yaml", "--base", "main", "--no-merge-base").code == 0


def test_a_base_with_mistakes_can_not_be_compared(run) -> None:
    git("init", "-q", "-b", "main")
    commit("broken", net_yaml=NET.replace("maxpool", "maxpol"))
    written("net.yaml", NET + "budget: {macs: {increase: 1%}}\n")
    done = run("compare", "net.yaml", "--base", "main")
    assert (done.code, done.out) == (2, "")
    assert re.search(r"main@\w{7}:net\.yaml:8:11: unknown layer 'maxpol'", done.err)
    assert "--missing-base new" in done.err
    done = run("compare", "net.yaml", "--base", "main", "--missing-base", "new")
    assert (done.code, "net.yaml is taken as new" in done.out) == (0, True)
    assert run("compare", "net.yaml", "--base", "nowhere", "--missing-base", "new").code == 0
    assert run("compare", "net.yaml", "--base", "main", "--missing-base", "pass").code == 2


def test_a_base_whose_shapes_disagree_has_mistakes_too(run) -> None:
    git("init", "-q", "-b", "main")
    variants = "variants:\n  gone: {}\n"
    commit("broken", net_yaml=NET.replace("  - gap\n", "  - add: [conv 8 1x1, conv 9 1x1]\n  - gap\n") + variants)
    written("net.yaml", NET)
    done = run("compare", "net.yaml", "--base", "main")
    assert (done.code, done.out) == (2, "")
    assert re.search(r"main@\w{7}:net\.yaml:9:5: add: ", done.err)
    assert "not itself; --missing-base new" in done.err
    assert models(run("compare", "net.yaml", "--base", "main", "--missing-base", "new", "--format", "json")) == {
        "net.yaml": "new"
    }
    written("net.yaml", NET.replace("  - gap\n", "  - add: [conv 8 1x1, conv 9 1x1]\n  - gap\n"))
    done = run("compare", "net.yaml", "--base", "main", "--missing-base", "new")
    assert (done.code, done.err.startswith("net.yaml:9:5: add: ")) == (2, True)


def test_mistakes_in_the_new_specs_are_all_reported(run, repository) -> None:
    for name in ("a.yaml", "b.yaml"):
        written(name, NET.replace("maxpool", "maxpol"))
    done = run("compare", "a.yaml", "b.yaml", "net.yaml", "--base", "main")
    assert (done.code, done.out) == (2, "")
    assert "a.yaml:8:11" in done.err
    assert "b.yaml:8:11" in done.err


def test_the_repositorys_specs_are_compared_when_none_is_named(run, repository) -> None:
    done = run("compare", "--base", "main")
    assert (done.code, "name a SPEC, or set `specs" in done.err) == (2, True)
    written("archcalc.toml", 'specs = ["*.yaml", "models/**/*.yaml"]\n')
    Path("models/deep").mkdir(parents=True)
    written("models/deep/b.yaml", stem(8))
    assert models(run("compare", "--base", "main", "--format", "json")) == {
        "models/deep/b.yaml": "new",
        "net.yaml": "unchanged",
    }
    for patterns in ('["*.yml"]', '["*.yaml", "modles/*.yaml"]', '["../*.yaml"]', '[""]'):
        written("archcalc.toml", f"specs = {patterns}\n")
        assert run("compare", "--base", "main").code == 2
    written("archcalc.toml", 'specs = ["*.yaml", "modles/*.yaml"]\n')
    assert "archcalc.toml: no file is named modles/*.yaml\n" in run("compare", "--base", "main").err


@pytest.mark.parametrize("pattern", ["models/**/*.yaml", "models/*/*.yaml", "**/[a-d]*.yaml", "models/*/?.yaml", None])
def test_a_deleted_spec_of_the_repository_is_reported(run, pattern: str | None) -> None:
    git("init", "-q", "-b", "main")
    Path("models/deep").mkdir(parents=True)
    for width, name in enumerate(("a", "b", "d"), 8):
        written(f"models/deep/{name}.yaml", stem(width, "variants: {v: {}}\n"))
    written("models/deep/c.yaml", "no: spec\n")
    written("elsewhere.yaml", stem(8))
    commit("a")
    Path("models/deep/b.yaml").unlink()
    Path("models/deep/c.yaml").unlink()
    Path("elsewhere.yaml").unlink()
    Path("models/deep/d.yaml").rename("models/deep/r.yaml")
    written("archcalc.toml", f'specs = ["{pattern}", "models/deep/r.yaml"]\n')
    done = run("compare", *([] if pattern else ["models", "--quiet"]), "--base", "main", "--format", "json")
    found = {
        (model["path"].partition(":")[2], model["variant"])
        for model in json.loads(done.out)["models"]
        if model["status"] == "removed"
    }
    assert (done.code, found) == (0, {("models/deep/b.yaml", None), ("models/deep/b.yaml", "v")})


# ---- a snapshot ------------------------------------------------------------------------------------------------------


def snapshot(run: Command, *words: str, file: str = "costs.json") -> str:
    return written(file, run("count", *words, "--format", "json").out)


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "densenet121", "mobilenet_v2", "vit_b_16", "unet"])
def test_a_network_is_what_its_snapshot_says(run, name: str) -> None:
    found = archcalc.compare(snapshot(run, name), name)
    assert (found.status, found.changes, found.parameters) == ("unchanged", (), {})
    assert found.base is not None
    assert found.head is not None
    base, head = found.base.figures, found.head.figures
    assert [layer.path for layer in base.layers or ()] == [layer.path for layer in head.layers or ()]


def test_a_snapshot_in_the_order_of_costs_compares_totals(run) -> None:
    written("net.yaml", NET)
    snapshot(run, "net.yaml", "--sort", "macs")
    done = run("compare", "net.yaml", "--base", "costs.json")
    assert (done.code, "nothing changed" in done.out) == (0, True)


def test_an_older_snapshot_with_fewer_totals_is_compared_by_those_it_has(run) -> None:
    whole = json.loads(run("count", "alexnet", "--format", "json").out)
    del whole["totals"]["bytes"]
    for layer in whole["layers"]:
        del layer["bytes"]
    written("old.json", json.dumps(whole))
    assert archcalc.compare("old.json", "alexnet").status == "unchanged"


def test_closed_forms_are_read_back_from_a_snapshot(run) -> None:
    found = archcalc.compare(snapshot(run, "resnet50", "--free", "size,classes"), "resnet50", free=["size", "classes"])
    assert (found.status, found.totals["macs"].change) == ("unchanged", 0)
    found = archcalc.compare(snapshot(run, "googlenet", "--free", "batch"), "googlenet", free=["batch"])
    assert (found.status, found.changes) == ("unchanged", ())


def test_specs_find_themselves_in_a_snapshot(run) -> None:
    Path("models").mkdir()
    text = (
        "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width 3x3]\nvariants:\n  wide:"
        " {width: 16}\n"
    )
    written("models/a.yaml", text)
    written("models/b.yaml", text)
    snapshot(run, "models/a.yaml", "models/a.yaml@wide")
    written("models/a.yaml", text.replace("3x3", "5x5"))
    done = run("compare", "./models/a.yaml", "models/b.yaml", "--base", "costs.json", "--format", "json")
    assert models(done) == {
        "./models/a.yaml": "changed",
        "./models/a.yaml@wide": "changed",
        "models/b.yaml": "new",
        "models/b.yaml@wide": "new",
    }
    assert json.loads(done.out)["base"] == {"label": "costs.json", "ref": None, "sha": None, "file": "costs.json"}
    done = run("compare", "models/a.yaml@wide", "--base", "costs.json", "--format", "json")
    assert models(done) == {"models/a.yaml@wide": "changed"}


@pytest.mark.parametrize(("has", "new"), [("net.yaml", "net.yaml@wide"), ("net.yaml@wide", "net.yaml")])
def test_what_a_snapshot_lacks_is_new_and_keeps_to_its_absolute_budget(run, has: str, new: str) -> None:
    limits = "budget: {params: {max: 1, increase: 0}}"
    written(
        "net.yaml",
        "archcalc: 1\nname: t\nparams: {width: 8}\ninput: [3, 32, 32]\nlayers: [conv width"
        f" 3x3]\n{limits}\nvariants:\n  wide: {{{limits}}}\n",
    )
    done = run("compare", "net.yaml", "--base", snapshot(run, has), "--format", "json")
    assert (done.code, models(done)) == (1, {has: "unchanged", new: "new"})
    (found,) = [model for model in json.loads(done.out)["models"] if model["status"] == "new"]
    assert ([broken["limit"] for broken in found["violations"]], found["unjudged"]) == (
        ["max 1"],
        ["params increase 0"],
    )


def test_another_file_of_the_same_name_is_no_base(run) -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        written(f"{folder}/net.yaml", stem(8, "budget: {macs: {max: 1}}\n"))
    snapshot(run, "a/net.yaml")
    done = run("compare", "b/net.yaml", "--base", "costs.json")
    assert (done.code, done.out, "none of these specs" in done.err, "a/net.yaml" in done.err) == (2, "", True, True)
    done = run("compare", "b/net.yaml", "--base", "costs.json", "--missing-base", "new", "--format", "json")
    assert (done.code, models(done)) == (1, {"b/net.yaml": "new"})
    done = run("compare", "a/net.yaml", "b/net.yaml", "--base", "costs.json", "--format", "json")
    assert (done.code, models(done)) == (1, {"a/net.yaml": "unchanged", "b/net.yaml": "new"})
    assert json.loads(done.out)["notes"] == ["b/net.yaml is new: costs.json doesn't have it"]


def test_a_snapshot_of_one_network_twice_is_refused(run) -> None:
    written("net.yaml", stem(8))
    done = run("compare", "net.yaml", "--base", snapshot(run, "net.yaml", "./net.yaml"))
    assert (done.code, "net.yaml is in it more than once" in done.err) == (2, True)


@pytest.mark.parametrize("limits", ["", "budget: {macs: {increase: 0}}\n"])
def test_a_snapshot_of_other_values_is_refused(run, limits: str) -> None:
    text = f"archcalc: 1\nname: t\nparams: {{size: 32}}\ninput: [3, size, size]\n{limits}layers: [conv 8 3x3]\n"
    written("net.yaml", text)
    snapshot(run, "net.yaml", "--set", "size=64")
    written("net.yaml", text.replace("conv 8", "conv 16"))
    done = run("compare", "net.yaml", "--base", "costs.json")
    assert (done.code, done.out, "counted with --set size" in done.err) == (2, "", True)
    assert run("compare", "net.yaml", "--base", "costs.json", "--set", "size=64").code == (2 if limits else 0)
    assert run("compare", "costs.json", "net.yaml").code == (2 if limits else 0)  # two networks: size 64 -> 32 is told


def test_a_snapshot_without_a_total_that_a_budget_needs_is_refused(run) -> None:
    written("net.yaml", stem(8, "budget: {macs: {increase: 0}}\n"))
    whole = json.loads(Path(snapshot(run, "net.yaml")).read_text())
    del whole["totals"]["macs"]
    written("costs.json", json.dumps(whole))
    done = run("compare", "net.yaml", "--base", "costs.json")
    assert (done.code, done.out, "has no macs: count it again" in done.err) == (2, "", True)


def test_a_snapshot_of_a_short_table_compares_totals(run) -> None:
    written("net.yaml", NET)
    snapshot(run, "net.yaml", "--depth", "0")
    written("net.yaml", NET.replace("conv 8", "conv 9"))
    done = run("compare", "net.yaml", "--base", "costs.json")
    assert (done.code, "totals alone" in done.out, "removed" in done.out) == (0, True, False)
    assert re.search(r"params .* \+172 ", done.out)  # 27 weights and a bias, and 9 * 16 that read it


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no network in it"),
        ('{"schema": "archcalc/check/1"}', "a file of archcalc/check/1"),
        ("7", "not a snapshot"),
        ('{"schema": "archcalc/count/1"}', "there is no 'convention'"),
        ("\udcff", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_snapshot_is_refused(run, text: str, says: str) -> None:
    written("net.yaml", NET)
    Path("costs.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    done = run("compare", "net.yaml", "--base", "costs.json")
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_a_snapshot_with_a_figure_spoilt_is_refused(run) -> None:
    whole = json.loads(run("count", "alexnet", "--format", "json").out)
    for path, value in (
        (("totals", "macs"), None),
        (("totals", "macs"), "os.system(1)"),
        (("layers", 0, "params"), [1]),
        (("layers", 0, "shape"), 5),
    ):
        spoilt = json.loads(json.dumps(whole))
        place = spoilt
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        written("costs.json", json.dumps(spoilt))
        done = run("compare", "costs.json", "alexnet")
        assert (done.code, done.out, "costs.json" in done.err) == (2, "", True)


@pytest.mark.parametrize(
    ("counted", "asked", "says"),
    [
        (["--batch", "8"], [], "batch 8, not 1"),
        ([], ["--batch", "8"], "batch 1, not 8"),
        (["--train"], [], "mode training, not inference"),
        (["--dtype", "fp16"], [], "dtype fp16, not fp32"),
        (["--free", "size"], [], "free parameters size, not nothing"),
        (["--without", "fc7"], [], "without fc7, not nothing"),
        ([], ["--set", "size=320"], "size 224, not 320"),
    ],
)
def test_a_snapshot_counted_otherwise_is_refused(run, counted: list[str], asked: list[str], says: str) -> None:
    done = run("compare", snapshot(run, "alexnet", *counted), "alexnet", *asked)
    assert (done.code, done.out, says in done.err) == (2, "", True), done.err


def test_an_increase_is_not_judged_against_a_snapshot_of_something_else(run) -> None:
    written("net.yaml", stem(8, "budget: {macs: {increase: 2%}}\n"))
    snapshot(run, "net.yaml", "--batch", "8")
    done = run("compare", "net.yaml", "--base", "costs.json", "--batch", "8")
    assert (done.code, "limits its increase" in done.err) == (2, True)


# ---- formats ---------------------------------------------------------------------------------------------------------


def test_the_json_is_what_a_program_reads(run) -> None:
    written("a.yaml", stem(8))
    written("b.yaml", stem(9, "budget: {macs: {increase: 2%}, params: {max: 100, level: warn}}\n"))
    done = run("compare", "a.yaml", "b.yaml", "--format", "json")
    found = json.loads(done.out)
    assert found["schema"] == "archcalc/compare/1"
    assert found["summary"] == {"models": 1, "changed": 1, "failed": 1, "warned": 0, "uncounted_ops": 0}
    (model,) = found["models"]
    assert model["delta"]["macs"] == {
        "base": 8 * 27 * 1024,
        "head": 9 * 27 * 1024,
        "change": 27 * 1024,
        "percent": 12.5,
    }
    (layer,) = model["layers"]
    assert {key: layer[key] for key in ("status", "name", "was", "line", "edited")} == {
        "status": "changed", "name": "stem", "was": None, "line": 6, "edited": True,
    }  # fmt: skip
    assert (layer["base"]["text"], layer["head"]["shape"], layer["delta"]["params"]) == ("conv 8 3x3", [9, 32, 32], 28)
    assert [(v["metric"], v["limit"], v["value"], v["level"], v["line"]) for v in model["violations"]] == [
        ("params", "max 100", 252, "warn", 4), ("macs", "increase +2%", 9 * 27 * 1024, "error", 4),
    ]  # fmt: skip


def hostile(label: str = "x") -> str:
    name = '"::error::pwned @everyone <img src=x> | `code` \\e[31m\\n::stop-commands::x"'
    return f"archcalc: 1\nname: {name}\ninput: [3, 32, 32]\nlayers:\n  - {label}: conv 8 3x3\n"


def test_markdown_is_the_body_of_a_sticky_comment(run, repository) -> None:
    written("net.yaml", NET.replace("stem: conv 8", "stem: conv 9") + "budget: {params: {max: 1k}}\n")
    lines = run("compare", "net.yaml", "--base", "main", "--format", "markdown").out.splitlines()
    assert lines[0] == "<!-- archcalc:compare -->"
    assert lines[1] == "### archcalc: 1 of 1 model over budget"
    (row,) = [line for line in lines if line.startswith("| ❌")]
    assert "`net.yaml`" in row
    assert "limit max 1k" in row
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {7, 6}
    assert "<details><summary><code>net.yaml</code>: 2 layers changed</summary>" in lines
    assert lines.count("</details>") == 1


def test_markdown_keeps_the_largest_changes_under_60000_characters(run) -> None:
    git("init", "-q", "-b", "main")
    many = [
        HEAD
        + "layers:\n"
        + "".join(f"  - {'layer' * 12}{n}: conv {8 + (n == 50) * 500} 3x3 act=relu\n" for n in range(70))
        for _ in range(25)
    ]
    for n, text in enumerate(many):
        written(f"{'long name ' * 12}{n}.yaml", text)
    commit("a")
    for n, text in enumerate(many):
        written(
            f"{'long name ' * 12}{n}.yaml",
            text.replace("3x3", "5x5").replace("name: t", "name: '" + "t|" * 300 + "'")
            + "budget: {macs: {increase: 2%}}\n",
        )
    specs = sorted(str(path) for path in Path().glob("*.yaml"))
    body = run("compare", *specs, "--base", "main", "--format", "markdown").out
    assert len(body) < 60_000
    assert body.splitlines()[0] == "<!-- archcalc:compare -->"
    assert "more" in body
    assert f"{'layer' * 12}50" in body
    assert body.count("<details>") == body.count("</details>") > 3


def test_text_from_specs_is_text_in_every_format(run, repository) -> None:
    written("a.yaml", hostile("x"))
    written("b.yaml", hostile("y").replace("conv 8", "conv 9"))
    body = run("compare", "a.yaml", "b.yaml", "--format", "markdown").out
    outside = re.sub(r"(`+).*?\1", "", body)
    assert "@everyone" not in outside
    assert "<img" not in outside
    github = run("compare", "a.yaml", "b.yaml", "--format", "github").out
    assert [line.split(" ")[0] for line in github.splitlines() if line.lstrip().startswith("::")] == ["::notice"]
    assert "\x1b" not in github + body + run("compare", "a.yaml", "b.yaml").out
    junit = run("compare", "a.yaml", "b.yaml", "--format", "junit").out
    assert xml.etree.ElementTree.fromstring(junit).tag == "testsuites"


def test_github_has_at_most_ten_annotations_then_the_text(run) -> None:
    git("init", "-q", "-b", "main")
    for n in range(14):
        written(f"{n:02}.yaml", LIMITED)
    commit("a")
    for n in range(14):
        written(f"{n:02}.yaml", LIMITED.replace("conv 100", f"conv {104 + n}"))
    specs = [f"{n:02}.yaml" for n in range(14)]
    done = run("compare", *specs, "--base", "main", "--format", "github")
    lines = done.out.splitlines()
    annotations = [line for line in lines if line.startswith("::")]
    assert (done.code, len(annotations), lines[:10] == annotations) == (1, 10, True)
    assert "5 more" in annotations[-1]
    assert annotations[0].startswith(
        "::error file=00.yaml,line=7,col=11,title=archcalc%3A macs +4.0 %25::00.yaml: macs "
    )
    assert "FAIL macs" in done.out
    assert lines[-1].startswith("14 of 14 networks over budget")


def test_an_annotation_points_at_the_edited_layer_not_at_what_follows(run, repository) -> None:
    written("net.yaml", NET.replace("  - conv 16 3x3\n", "  - conv 64 3x3\n", 1) + "budget: {macs: {increase: 2%}}\n")
    done = run("compare", "net.yaml", "--base", "main", "--format", "github")
    assert done.out.startswith("::error file=net.yaml,line=6,")


def test_junit_has_a_case_a_limit(run, repository) -> None:
    budget = "budget: {macs: {increase: 2%, max: 1G}, params: {max: 10, level: warn}}\n"
    written("net.yaml", NET.replace("stem: conv 8", "stem: conv 9") + budget)
    written("extra.yaml", NET + budget)
    done = run("compare", "net.yaml", "extra.yaml", "--base", "main", "--format", "junit")
    root = xml.etree.ElementTree.fromstring(done.out)
    cases = {(case.get("classname"), case.get("name")): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases[("net.yaml", "macs increase +2%")] == ["failure"]
    assert cases[("net.yaml", "macs max 1G")] == []
    assert cases[("net.yaml", "params max 10")] == ["system-out"]
    assert cases[("extra.yaml", "macs increase 2%")] == ["skipped"]
    assert (root.get("failures"), root.get("skipped"), root.get("tests")) == ("1", "1", str(len(cases)))


def test_several_formats_at_once(run, repository) -> None:
    done = run(
        "compare",
        "net.yaml",
        "--base",
        "main",
        "--format",
        "github",
        "--format",
        "markdown=r.md",
        "--format",
        "json=r.json",
        "--format",
        "junit=r.xml",
        "--format",
        "text=r.txt",
    )
    assert done.code == 0
    assert done.out == Path("r.txt").read_text()  # nothing changed: no annotation
    assert Path("r.md").read_text().startswith("<!-- archcalc:compare -->\n### archcalc: 1 model, nothing changed\n")
    assert json.loads(Path("r.json").read_text())["summary"]["changed"] == 0
    assert run("compare", "net.yaml", "--base", "main", "--format", "json=only.json").out == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "yaml"], "unknown format 'yaml'"),
        (["--format", "marckdown"], "did you mean 'markdown'?"),
        (["--format", "json="], "needs a file"),
        (["--format", "json", "--format", "text"], "give one a file"),
        (["--format", "json=x", "--format", "text=x"], "the same file"),
        (["--format", "json=x", "--format", "text=./x"], "the same file"),
        (["--format", "json=x", "--format", "text=link"], "the same file"),
        (["--format", "json=-", "--format", "text"], "give one a file"),
        (["--format", "json=./a.yaml"], "no report is written over it"),
        (["--format", "json=kept.json", "--format", "text=no/such/folder/x"], "can't be written"),
        (["--format", "json=kept.json", "--format", "text=folder"], "can't be written"),
        (["--format", "json=no/such/folder/x"], "can't be written"),
        (["--format", "json=kept.json", "--set", "nothing=1"], "has no parameter"),
    ],
)
def test_nothing_is_written_when_something_is_wrong(run, words: list[str], says: str) -> None:
    written("a.yaml", NET)
    written("kept.json", "kept")
    Path("folder").mkdir()
    Path("link").symlink_to("x")
    done = run("compare", "a.yaml", "a.yaml", *words)
    assert (done.code, done.out, says in done.err) == (2, "", True), done.err
    assert sorted(path.name for path in Path().iterdir()) == ["a.yaml", "folder", "kept.json", "link"]
    assert Path("a.yaml").read_text() == NET
    assert Path("kept.json").read_text() == "kept"


def test_a_dash_is_stdout(run) -> None:
    written("a.yaml", NET)
    done = run("compare", "a.yaml", "a.yaml", "--format", "markdown=-")
    assert (done.code, done.out.startswith("<!-- archcalc:compare -->"), sorted(os.listdir())) == (0, True, ["a.yaml"])


def test_a_report_goes_to_a_pipe_by_its_name(run) -> None:
    written("a.yaml", NET)
    command = [sys.executable, "-m", "archcalc", "compare", "a.yaml", "a.yaml", "--format", "json=/dev/stdout"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["schema"] == "archcalc/compare/1"


@pytest.mark.parametrize("batch", [0, -3, 1.5, "x", True])
def test_a_batch_that_is_none_is_refused_in_python(batch: object) -> None:
    for ask in (
        lambda: archcalc.compare("alexnet", "alexnet", batch=batch),
        lambda: archcalc.load("alexnet").count(batch=batch),
    ):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="batch must be a positive whole number"):
            ask()


def test_a_table_is_no_side() -> None:
    with pytest.raises(UsageError, match="not a Table"):
        archcalc.compare("alexnet", archcalc.load("alexnet").count())  # type: ignore[arg-type]


def test_a_report_keeps_its_files_mode_and_link(run) -> None:
    written("a.yaml", NET)
    written("real.md", "old")
    Path("real.md").chmod(0o640)
    Path("link.md").symlink_to("real.md")
    assert run("compare", "a.yaml", "a.yaml", "--format", "markdown=link.md", "--format", "json=/dev/null").code == 0
    assert Path("link.md").is_symlink()
    assert Path("real.md").read_text().startswith("<!-- archcalc:compare -->")
    assert Path("real.md").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("words", [["a.yaml"], ["a.yaml", "a.yaml", "a.yaml"], []])
def test_two_networks_or_a_base(run, words: list[str]) -> None:
    written("a.yaml", NET)
    done = run("compare", *words)
    assert (done.code, "--base" in done.err) == (2, True)


def test_a_comparison_shows_itself() -> None:
    found = archcalc.compare("alexnet", "alexnet", without=["fc7"])
    assert isinstance(found, archcalc.Comparison)
    assert "removed  fc7" in str(found)
    assert found.to_json()["models"][0]["delta"]["params"]["change"] == -(4096 * 4096 + 4096)
    assert found._repr_markdown_() == found.to_markdown()


# ---- budgets written -------------------------------------------------------------------------------------------------


def budget_of(text: str) -> dict[str, str]:
    spec = read(text, "t").spec
    return (
        {}
        if spec.budget is None
        else {name: limit.max.text for name, limit in vars(spec.budget).items() if limit and limit.max}
    )


FIRST = {"params": "229", "macs": "225.7k", "act_peak": "44.88KiB"}
LAYOUTS = {
    "none": (stem(8) + "# the end\n", FIRST),
    "no last line break": (stem(8).rstrip("\n"), FIRST),
    "block": (stem(8) + "budget:   # ours\n  macs:\n    max: 1   # low\n    increase: 2%\n\n# the end\n", {"macs": "225.7k"}),
    "flow": (stem(8, "budget: {macs: {increase: 2%, max: '9G'}, params: {max: 3, level: warn}} # ours\n"), {"macs": "225.7k", "params": "229"}),
    "only increase": (stem(8, "budget: {macs: {increase: 2%}}\n"), FIRST),
    "folded": (stem(8, "budget:\n  params:\n    max: >-\n      3\n    level: warn\n"), {"params": "229"}),
    "empty": (stem(8, "budget:   # later\n"), FIRST),
    "braces": (stem(8, "budget: {}\n"), FIRST),
    "all in braces": ("{archcalc: 1, name: t, input: [3, 32, 32],\n layers: [conv 8 3x3], # short\n}\n", FIRST),
    "four spaces": (stem(8) + "budget:\n    params: {max: 1}\n", {"params": "229"}),
    "before layers": (stem(8, "budget:\n  params: {max: 1}\n  # kept\n\n"), {"params": "229"}),
}  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_budget_is_written_and_nothing_else_is_touched(run, name: str, ending: str) -> None:
    text, expected = LAYOUTS[name]  # conv 8 3x3: 8 * 28 = 224 parameters, 221,184 MACs, 4 * 32 * 32 * (3 + 8) bytes
    before = text.replace("\n", ending)
    Path("net.yaml").write_bytes(before.encode())
    done = run("budget", "net.yaml", "--write", "--slack", "2%")
    assert done.code == 0, done.err
    after = Path("net.yaml").read_bytes().decode()
    assert budget_of(after) == expected
    assert ("\r" in after) == ("\r" in before)
    assert after.count("\r\n") in (0, after.count("\n"))
    kept = iter(after)
    assert all(letter in kept for letter in re.sub(r"(?<=max: )('9G'|\d+|>-\s+3)", "", before)), (
        "something was lost or reordered"
    )
    assert run("check", "net.yaml").code == 0
    assert run("budget", "net.yaml", "--write", "--slack", "2%").code == 0
    assert Path("net.yaml").read_bytes().decode() == after


def test_a_byte_order_mark_and_comments_stay(run) -> None:
    text = "# first\n" + stem(8, "budget: {params: {max: 1}} # ours, été\n") + "# last\n"
    Path("net.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run("budget", "net.yaml", "--write").code == 0
    assert Path("net.yaml").read_bytes() == b"\xef\xbb\xbf" + text.replace("{max: 1}", "{max: 229}").encode()


VARIANTS = """archcalc: 1
name: t
params: {width: 8}
input: [3, 32, 32]
layers: [conv width 3x3]
variants:
  a: {width: 16}          # in a line
  b:
    width: 32
    budget: {params: {max: 1}}

  c:
    width: 64
# the end
"""


def test_variants_have_budgets_of_their_own(run) -> None:
    written("net.yaml", VARIANTS)
    for name, width in (("a", 16), ("b", 32), ("c", 64)):
        assert run("budget", f"net.yaml@{name}", "--write", "--slack", "0", "--metrics", "params").code == 0
        member = read(Path("net.yaml").read_text(), "t").spec.variants[name]
        assert member.budget is not None
        assert member.budget.params is not None
        assert member.budget.params.max.value == 28 * width
    assert read(Path("net.yaml").read_text(), "t").spec.budget is None
    assert Path("net.yaml").read_text().endswith("# the end\n")
    assert "  a: {width: 16, budget: {params: {max: 448}}}          # in a line\n" in Path("net.yaml").read_text()
    written("net.yaml", VARIANTS)
    assert run("budget", "net.yaml", "--write", "--slack", "0").code == 0
    assert "budget: {params: {max: 896}}" in Path("net.yaml").read_text()


def test_without_write_the_block_is_printed(run) -> None:
    written("net.yaml", stem(8))
    done = run("budget", "net.yaml")
    assert (
        done.out
        == "budget:\n  params: {max: 229}         # 224 now\n  macs: {max: 225.7k}        # 221,184 now\n  act_peak:"
        " {max: 44.88KiB}  # 45,056 now\n"
    )
    assert Path("net.yaml").read_text() == stem(8)
    assert budget_of(stem(8) + done.out) == {"params": "229", "macs": "225.7k", "act_peak": "44.88KiB"}


@pytest.mark.parametrize(
    ("slack", "params"),
    [
        ("0", 224),
        ("0%", 224),
        ("1%", 227),
        ("2%", 229),
        ("50%", 336),
        ("347%", 1002),
        ("348%", 1004),
        ("10000%", 22630),
    ],
)
def test_slack_is_rounded_up_to_four_digits(run, slack: str, params: int) -> None:
    written("net.yaml", stem(8))
    assert run("budget", "net.yaml", "--write", "--slack", slack).code == 0
    limit = read(Path("net.yaml").read_text(), "t").spec.budget
    assert limit is not None
    assert limit.params is not None
    assert limit.params.max.value == params


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["net.yaml", "--slack", "lots"], "--slack takes a percentage"),
        (["net.yaml", "--slack", "-2%"], "--slack takes a percentage"),
        (["net.yaml", "--slack", "2"], "--slack takes a percentage"),
        (["net.yaml", "--slack", "1e400%"], "is no limit any more"),
        (["net.yaml", "--slack", "1e300%"], "is no limit any more"),
        (["net.yaml", "folder/read-only.yaml"], "can't be written"),
        (["net.yaml", "--metrics", "mac"], "did you mean 'macs'?"),
        (["alexnet"], "ships with archcalc"),
        (["net.yaml@nothing"], "no variant"),
        (["aliased.yaml"], "edit it by hand"),
        (["least.yaml"], "a max of params would be below its min, 1k"),
    ],
)
def test_a_budget_that_can_not_be_written_leaves_the_file_alone(run, words: list[str], says: str) -> None:
    written("net.yaml", stem(8))
    written("least.yaml", stem(8, "budget: {params: {max: 2k, min: 1k}}\n"))
    written("aliased.yaml", stem(8, "reference: [{params: &p 224, source: x}]\nbudget: {params: {max: *p}}\n"))
    Path("folder").mkdir()
    written("folder/read-only.yaml", stem(8))
    Path("folder/read-only.yaml").chmod(0o444)
    before = {path.name: path.read_bytes() for path in Path().glob("**/*.*")}
    done = run("budget", *words, "--write")
    assert (done.code, done.out, says in done.err) == (2, "", True), done.err
    assert {path.name: path.read_bytes() for path in Path().glob("**/*.*")} == before


def test_a_network_and_its_variant_get_their_budgets_at_once(run) -> None:
    written("net.yaml", VARIANTS)
    assert (
        run("budget", "net.yaml", "./net.yaml@a", "net.yaml@c", "--write", "--slack", "0", "--metrics", "params").code
        == 0
    )
    spec = read(Path("net.yaml").read_text(), "t").spec
    found = {
        name: member.budget.params.max.value
        for name, member in spec.variants.items()
        if member.budget and member.budget.params
    }
    assert (found, budget_of(Path("net.yaml").read_text())) == (
        {"a": 28 * 16, "b": 28 * 32, "c": 28 * 64},
        {"params": "224"},
    )


@pytest.mark.parametrize("limit", ["max: 1e400", "max: 1e-400", "min: 1e-400", "increase: 1e400%"])
def test_limits_beyond_a_float_are_judged(run, limit: str) -> None:
    written("net.yaml", stem(8, f"budget: {{params: {{{limit}}}}}\n"))
    for words in (("check", "net.yaml"), ("compare", "net.yaml", "net.yaml")):
        assert run(*words).code == (1 if "max: 1e-400" in limit else 0)


def test_a_comparison_of_nothing_in_common_still_says_so() -> None:
    low = HEAD.replace("3, 32, 32", "3, n, n") + "params: {n: {default: 8, max: 16}}\nlayers: [conv 8 3x3]\n"
    high = low.replace("default: 8, max: 16", "default: 64, min: 32")
    with pytest.raises(ArchcalcError, match="no value that both sides allow"):
        archcalc.compare(read(low, "a"), read(high, "b"), free=["n"])


DECODER = """\
archcalc: 1
name: t
input: [64, 32]
params: {k: 4}
blocks:
  block(k): [{add: [identity, [ln, attention 8 kv_heads=k]]}, {add: [identity, [ln, linear 64]]}]
layers:
  - decoder: 32 x block k
"""


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_same_change_many_times_is_one_row_with_their_sum(run, tmp_path: Path, form: str) -> None:
    """Keys and values lose 2 x 16 features of 64 and a bias each, in 32 blocks."""
    (tmp_path / "a.yaml").write_text(DECODER)
    (tmp_path / "b.yaml").write_text(DECODER.replace("k: 4", "k: 2"))
    out = run("compare", "a.yaml", "b.yaml", "--format", form).out
    assert out.count("decoder/") == 1
    assert "32 x decoder/*/attention" in out
    assert numbers.count(-32 * 2 * 16 * 65) in out
    assert "✅" not in out  # nothing has a budget


def test_changes_that_are_not_the_same_stay_apart(run, tmp_path: Path) -> None:
    text = "archcalc: 1\nname: t\ninput: [64, 32]\nlayers:\n"
    layers = [f"  - b{n}: linear {64 + n}\n" for n in range(4)]
    (tmp_path / "a.yaml").write_text(text + "".join(layers))
    (tmp_path / "b.yaml").write_text(text + "".join(line.replace("\n", " bias=false\n") for line in layers))
    out = run("compare", "a.yaml", "b.yaml").out
    assert [out.count(f"b{n} ") for n in range(4)] == [1, 1, 1, 1]


@pytest.mark.usefixtures("repository")
def test_specs_that_did_not_change_are_counted_once_and_git_is_asked_once(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archcalc.comparison import git as asking
    from archcalc.comparison import sides
    from archcalc.model import Model

    names = {f"n{n}_yaml": NET.replace("name: t", f"name: t{n}") for n in range(12)}
    commit("twelve", **names)
    Path("link.yaml").symlink_to("n3.yaml")
    commit("a link")
    Path("n5.yaml").write_text(names["n5_yaml"].replace("conv 8", "conv 9"), encoding="utf-8")
    asked: list[str] = []
    counted: list[str] = []
    real, answer = asking._git, Model.answer
    monkeypatch.setattr(asking, "_git", lambda folder, *words, **extra: asked.append(words[0]) or real(folder, *words, **extra))  # fmt: skip
    monkeypatch.setattr(
        Model, "answer", lambda self, question: counted.append(self.spec.path) or answer(self, question)
    )
    listed: list[object] = []
    lines = sides.lines
    monkeypatch.setattr(sides, "lines", lambda rows: listed.append(None) or lines(rows))
    done = run("compare", "--base", "HEAD", ".")
    assert done.code == 0, done.err
    assert len(listed) == 2  # the layers of n5.yaml, then and now, and of no other
    assert asked.count("cat-file") <= 2
    assert asked.count("ls-tree") <= 2  # of the link
    assert sorted(name for name in counted if "n5" not in name) == sorted(
        ["link.yaml", "net.yaml", *(f"n{n}.yaml" for n in range(12) if n != 5)]
    )
    assert [path for path in counted if "n5" in path] == [
        "HEAD@" + git("rev-parse", "HEAD")[:7] + ":n5.yaml",
        "n5.yaml",
    ]
    assert "n5.yaml" in done.out
