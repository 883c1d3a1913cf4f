"""Writing files: whole, together, and as the same files that they were."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from running import Command
from tiny import NET

from archcalc.errors import UsageError
from archcalc.writing import replacing, write, write_all


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    one, new, locked = tmp_path / "one", tmp_path / "new", tmp_path / "locked"
    one.write_bytes(b"old")
    locked.write_bytes(b"old")
    locked.chmod(0o444)
    with pytest.raises(UsageError, match="locked: can't be written: it is read-only"):
        write_all([(one, b"1"), (new, b"2"), (locked, b"3")])
    assert (one.read_bytes(), locked.read_bytes(), names(tmp_path)) == (b"old", b"old", ["locked", "one"])
    locked.chmod(0o644)
    write_all([(one, b"1"), (new, b"2"), (locked, b"3")])
    assert [(name, (tmp_path / name).read_bytes()) for name in names(tmp_path)] == [
        ("locked", b"3"),
        ("new", b"2"),
        ("one", b"1"),
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_was_put_in_its_place_is_taken_back_when_another_fails_late(tmp_path: Path) -> None:
    one, new = tmp_path / "one", tmp_path / "new"
    one.write_bytes(b"older and longer")
    with pytest.raises(UsageError, match="/dev/full: can't be written: No space left on device"):
        write_all([(Path("/dev/full"), b"3"), (one, b"1"), (new, b"2")])
    assert (one.read_bytes(), names(tmp_path)) == (b"older and longer", ["one"])


def test_a_read_only_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(UsageError, match=r"page\.md: can't be written: it is read-only"):
        write(path, b"new")
    with pytest.raises(UsageError, match="can't be written: it is a folder"):
        write(tmp_path, b"new")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["page.md"])


def test_a_file_with_two_names_keeps_both(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"old and longer")
    os.link(one, two)
    write(one, b"new")
    assert (one.read_bytes(), two.read_bytes(), one.samefile(two), names(tmp_path)) == (
        b"new",
        b"new",
        True,
        ["one", "two"],
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_root_leaves_a_file_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    path.chmod(0o640)
    write(path, b"new")
    now = path.stat()
    assert (path.read_bytes(), now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) == (b"new", 1234, 2345, 0o640)


@pytest.mark.skipif(os.name == "nt", reason="there is no /dev/stdout")
def test_standard_output_may_be_a_pipe() -> None:
    code = "from pathlib import Path; from archcalc.writing import write; write(Path('/dev/stdout'), b'new')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"new", b"")


# ---- who is killed ---------------------------------------------------------------------------------------------------

SLOW = """
import sys, time
from pathlib import Path
from archcalc.writing import replacing
with replacing([Path(name) for name in sys.argv[1:]]) as made:
    for beside in made:
        beside.write_bytes(b"new" * 1000)
    print("filled", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGINT"])
def test_what_a_killed_run_left_is_removed_by_the_next_one(tmp_path: Path, name: str) -> None:
    files = [tmp_path / "m.onnx", tmp_path / "m.onnx.data"]
    for file in files:
        file.write_bytes(b"old")
    run = subprocess.Popen(
        [sys.executable, "-c", SLOW, *map(str, files)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"filled\n"
    write(tmp_path / "other", b"x")  # what is in use stays
    assert len(names(tmp_path)) == 5
    run.send_signal(getattr(signal, name))
    run.wait()
    run.stdout.close()
    assert [file.read_bytes() for file in files] == [b"old", b"old"]
    write(tmp_path / "other", b"x")
    assert names(tmp_path) == ["m.onnx", "m.onnx.data", "other"]


def test_files_are_filled_beside_their_places_and_one_may_be_left_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"old")
    with replacing([one, two]) as (first, second):
        first.unlink()
        second.write_bytes(b"new")
        assert one.read_bytes() == b"old"
        assert not two.exists()
    assert (one.read_bytes(), two.read_bytes(), names(tmp_path)) == (b"old", b"new", ["one", "two"])
    with pytest.raises(ZeroDivisionError), replacing([one]) as (first,):
        raise ZeroDivisionError(first.write_bytes(b"half"))
    assert (one.read_bytes(), names(tmp_path)) == (b"old", ["one", "two"])


@pytest.mark.parametrize("kind", ["hard", "soft", "itself"])
def test_nothing_is_written_over_what_is_read_under_none_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archcalc: Command, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET)
    Path("costs.json").write_text("{}")
    for name, other in (("net.yaml", "n"), ("costs.json", "c")):
        if kind == "hard":
            os.link(name, other)
        elif kind == "soft":
            Path(other).symlink_to(name)
    out = {"itself": ("net.yaml", "costs.json")}.get(kind, ("n", "c"))
    tried = [["compare", "net.yaml", "net.yaml", "--format", f"json={out[0]}"], ["export", "net.yaml", "-o", out[0]]]
    tried += [["compare", "net.yaml", "resnet18", "--format", "json=x", "--format", f"markdown={out[0]}"]]
    for words in tried:
        done = archcalc(*words)
        assert (done.code, Path("net.yaml").read_text()) == (2, NET), done.err
    assert not Path("x").exists()
