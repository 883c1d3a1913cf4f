"""Writing files: whole, together, and as the same files that they were."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archcalc.errors import UsageError
from archcalc.writing import write, write_all


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
