"""`use`: a network as a layer of another, from the zoo or from a file beside it, on disk and in a commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from running import Command

from archcalc.cost import Table
from archcalc.editor.completion import offers
from archcalc.errors import SpecError
from archcalc.expand import expand
from archcalc.model import load, read

TOP = "archcalc: 1\nname: t\ninput: [3, 64, 64]\n"
BACKBONE = """\
archcalc: 1
name: backbone
input: [3, size, size]
params: {size: 32, width: {default: 8, min: 4}, act: relu}
layers:
  - stem: conv width 3x3 act=act
  - stage: 3 x conv 2*width 3x3 stride=(2 if first else 1) act=act
  - look: add: [identity, ref stage/1]
  - gap
  - fc: linear 10
outputs: [fc]
variants:
  wide: {width: 16}
  cut: {without: [look]}
"""


def counted(layers: str, top: str = TOP) -> Table:
    return read(f"{top}layers:\n{layers}", "t.yaml").count()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a backbone in it."""
    (tmp_path / "home" / "nets").mkdir(parents=True)
    (tmp_path / "home" / ".git").mkdir()
    (tmp_path / "home" / "backbone.yaml").write_text(BACKBONE)
    (tmp_path / "outside.yaml").write_text(BACKBONE)
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def params(folder: Path, line: str, place: str = "net.yaml") -> int:
    (folder / place).write_text(f"{TOP}layers:\n  - {line}\n")
    return int(load(str(folder / place)).count().totals["params"])


STEM, STAGE = 8 * (27 + 1), 16 * (8 * 9 + 1) + 2 * 16 * (16 * 9 + 1)  # written out


def test_a_backbone_of_the_zoo_is_a_line() -> None:
    table = counted("  - use resnet18 until=conv5\n  - gap\n  - linear 10\n")
    head = 512 * 1000 + 1000  # of the 11,689,512 that torchvision says
    assert table.totals["params"] == 11_689_512 - head + 512 * 10 + 10
    assert table.rows[-1].shape == (10,)
    again = read(expand(table), "flat.yaml").count()
    assert (again.totals["params"], again.totals["macs"]) == (table.totals["params"], table.totals["macs"])


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("use backbone.yaml", STEM + STAGE + 170),
        ("use backbone.yaml until=stem", STEM),
        ("use backbone.yaml until=stage/1", STEM + 16 * 73),
        ("use backbone.yaml until=stage", STEM + STAGE),
        ("use backbone.yaml until=look", STEM + STAGE),
        ("use backbone.yaml without=fc,look", STEM + STAGE),
        ("use backbone.yaml without=(stage/2,fc)", STEM + STAGE - 16 * 145),
        ("use ./backbone.yaml width=4 until=stem", 4 * 28),
        ("use backbone.yaml@wide until=stem", 16 * 28),
        ("use backbone.yaml@wide width=4 until=stem", 4 * 28),
        ("use backbone.yaml@cut without=stage", STEM + 8 * 10 + 10),
        ("[use backbone.yaml until=stem, use backbone.yaml until=stem]", STEM + 8 * (8 * 9 + 1)),
        ("2 x use backbone.yaml until=stem act=silu", STEM + 8 * 73),
        ("[a: use backbone.yaml until=stem, concat: [ref a, [ref input, use backbone.yaml until=stem share=a]]]", STEM),
        ("{add: [use backbone.yaml until=stem, use backbone.yaml until=stem]}", 2 * STEM),
        ("[back: use backbone.yaml without=fc, ref back/stage, conv 1 1x1]", STEM + STAGE + 17),
    ],
)
def test_a_file_beside_is_a_line_with_parameters_of_its_own(folder: Path, line: str, total: int) -> None:
    assert params(folder, line) == total


def test_sizes_that_arrive_are_the_sizes_of_its_input(folder: Path) -> None:
    (folder / "table.yaml").write_text(
        "archcalc: 1\nname: t\ninput: [c, size]\nparams: {c: 2, size: 4}\nlayers: [position, linear size]\n"
    )
    (folder / "net.yaml").write_text("archcalc: 1\nname: n\ninput: [3, n]\nparams: {n: 7}\nlayers: [use table.yaml]\n")
    model = load("net.yaml")
    assert model.count().totals["params"] == 3 * 7 + 7 * (3 + 1)
    free = model.count(free=["n"]).totals["params"]
    assert free.evaluate({"n": 100}) == 3 * 100 + 100 * 4


def test_what_a_spec_uses_may_use_others(folder: Path) -> None:
    (folder / "nets" / "middle.yaml").write_text(f"{TOP}layers:\n  - use ../backbone.yaml until=stem\n")
    assert params(folder, "use nets/middle.yaml") == STEM
    assert params(folder, "use middle.yaml", "nets/net.yaml") == STEM


def refused(layers: str, path: str = "net.yaml") -> str:
    Path(path).write_text(f"{TOP}layers:\n{layers}")
    with pytest.raises(SpecError) as caught:
        load(path).count()
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("use", "net.yaml:5:5: use takes the name of a network"),
        ("use resnet81", "net.yaml:5:9: use resnet81: there is no network 'resnet81'; did you mean 'resnet18'?"),
        ("use nowhere.yaml", "net.yaml:5:9: use nowhere.yaml: there is no file nowhere.yaml"),
        ("use ../outside.yaml", "../outside.yaml is outside of the repository"),
        ("use /etc/passwd.yaml", "is outside of the repository"),
        ("use link.yaml", "link.yaml is outside of the repository"),
        ("use nets/backbone", "the name of one ends in .yaml"),
        ("use backbone.yaml@wider", "backbone.yaml has no variant 'wider'"),
        ("use backbone.yaml depth=3", "net.yaml:5:23: use has no option 'depth'"),
        ("use backbone.yaml width=2", "net.yaml:5:29: use backbone.yaml: width=2: must be at least 4"),
        ("use backbone.yaml width=wdith", "net.yaml:5:29: unknown name 'wdith'"),
        ("use backbone.yaml until=stam", "there is no layer 'stam' in it; did you mean 'stem'?"),
        ("use backbone.yaml without=stem,sstage", "net.yaml:5:36: use backbone.yaml: there is no layer 'sstage'"),
        ("use backbone.yaml 3", "there is no place for '3'"),
        ("use net.yaml", "a cycle: it would use itself"),
        ("use two.yaml", "it has 2 inputs (a, b)"),
        ("use wrong.yaml", "wrong.yaml:5:16: conv has no option 'strid'; did you mean 'stride'? (in use wrong.yaml,"),
        ("use vector.yaml", "vector.yaml:5:5: conv needs an input of 2 to 4 axes"),
        ("[use backbone.yaml, ref gap]", "there is no such label"),
    ],
)
def test_a_use_that_does_not_fit_is_refused_where_it_stands(folder: Path, line: str, said: str) -> None:
    os.symlink(folder.parent / "outside.yaml", "link.yaml")
    Path("two.yaml").write_text("archcalc: 1\nname: t\ninputs: {a: [1], b: [1]}\nlayers:\n  - add: [ref a, ref b]\n")
    Path("wrong.yaml").write_text(f"{TOP}layers:\n  - conv 3 3x3 strid=2\n")
    Path("vector.yaml").write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n  - conv 8 3x3\n")
    text = refused(f"  - gap\n  - {line}\n" if "vector" in line else f"  - {line}\n")
    assert said in text
    assert "Traceback" not in text


def test_a_mistake_in_another_file_names_both_places(folder: Path) -> None:
    Path("vector.yaml").write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n  - conv 8 3x3\n")
    assert "(in use vector.yaml, called at net.yaml:6)" in refused("  - gap\n  - use vector.yaml\n")


def test_a_cycle_through_others_is_refused(folder: Path) -> None:
    Path("one.yaml").write_text(f"{TOP}layers:\n  - use two.yaml\n")
    Path("two.yaml").write_text(f"{TOP}layers:\n  - use one.yaml\n")
    with pytest.raises(SpecError, match=r"two\.yaml:5:9: use one\.yaml: a cycle"):
        load("one.yaml")


def test_a_spec_knows_nothing_of_what_stands_around_it(folder: Path) -> None:
    Path("inner.yaml").write_text(f"{TOP}params: {{}}\nlayers:\n  - conv 4 3x3\n  - add: [identity, ref stem]\n")
    assert "inner.yaml:7:25: ref stem: there is no such label (in" in refused(
        "  - stem: conv 4 3x3\n  - use inner.yaml\n"
    )


def test_many_uses_of_uses_take_no_time(folder: Path) -> None:
    """Each of 12 specs uses the one before it twice: 4,096 layers, and every file is read once."""
    Path("n0.yaml").write_text(f"{TOP}layers:\n  - relu\n")
    for n in range(12):
        Path(f"n{n + 1}.yaml").write_text(f"{TOP}layers:\n  - use n{n}.yaml\n  - use n{n}.yaml\n")
    assert len(load("n12.yaml").count().rows) == 2**12


def test_a_base_in_git_uses_what_stood_beside_it_there(
    tmp_path: Path, archcalc: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def git(*words: str) -> None:
        who = ["-c", "user.name=n", "-c", "user.email=n@n", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    git("init")
    Path("backbone.yaml").write_text(BACKBONE)
    Path("net.yaml").write_text(f"{TOP}layers:\n  - use backbone.yaml until=stem\n")
    git("add", ".")
    git("commit", "-m", "first")
    Path("backbone.yaml").write_text(BACKBONE.replace("default: 8", "default: 16"))
    found = archcalc("compare", "--base", "HEAD", "net.yaml")
    assert (found.code, "224" in found.out, "448" in found.out) == (0, True, True), found.err
    Path("net.yaml").write_text(f"{TOP}layers:\n  - use ../backbone.yaml until=stem\n")
    git("commit", "-am", "second")
    Path("net.yaml").write_text(f"{TOP}layers:\n  - use backbone.yaml until=stem\n")
    assert "../backbone.yaml is outside of the repository" in archcalc("compare", "--base", "HEAD", "net.yaml").err


def test_an_editor_completes_networks_and_their_parameters() -> None:
    text = f"{TOP}layers:\n  - use \n  - use resnet18 \n"
    assert {"resnet50", "vgg16"} <= {offer.word for offer in offers(text, 4, 8)}
    assert {"until=", "without=", "share=", "depths=", "classes="} <= {offer.word for offer in offers(text, 5, 17)}
