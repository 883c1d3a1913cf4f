"""Would the tests notice? Small mutations over all rooms, each tried against the tests of its room.

`python tests/mutants.py` applies every mutation of `data/mutants.txt` to a copy of the checkout, one at a time, and
reports those that no test noticed; `python tests/mutants.py escapes memory` only those in files whose path holds one
of the words. A mutation is a line as it is (`-`) and as it mustn't be (`+`), found wherever in the package it stands;
one that no test can notice, since both mean the same, says why (`=`). `test_mutants.py` holds that each still applies.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
LIST = Path(__file__).with_name("data") / "mutants.txt"

# which tests see a room, the likeliest first: the longest path that a file's begins with decides
TESTS = {
    "__": "errors cli package",
    "space/advice": "advice",
    "algebra/": "algebra closed_forms loops",
    "algebra/compiling": "algebra space report",
    "algebra/grids": "algebra space",
    "algebra/javascript": "report algebra",
    "backward": "ops onnx import_rules memory",
    "budget/": "compare cli findings hooks",
    "build/folding": "layout",
    "build/": "ops loops bad_specs specs closed_forms words import_spec round_trip",
    "check": "findings specs lectures cli",
    "cli/": "several command_line cli output compare import_commands",
    "cli/advise": "advice",
    "cli/calibrate": "calibrate cli",
    "cli/check": "findings cli",
    "cli/compare": "compare",
    "cli/diagram": "pictures cli",
    "cli/docs": "regions docs",
    "cli/export": "onnx cli",
    "cli/live": "live report",
    "cli/lsp": "editor cli",
    "cli/measure": "measure verify_files",
    "cli/memory": "memory training cli",
    "cli/plot": "pictures",
    "cli/predict": "predict",
    "cli/report": "report writing",
    "cli/solve": "space",
    "cli/sweep": "space",
    "cli/verify": "several command_line verify_files cli verify",
    "comparison/": "views compare action hooks",
    "configs/": "configs language_models",
    "conventions/": "conventions",
    "cost": "ops loops layout specs cli",
    "depth": "receptive identities import_rules",
    "devices": "devices predict",
    "docs/": "regions region_pictures docs sites",
    "duration": "predict measure errors",
    "editor/": "editor",
    "errors": "errors bad_specs",
    "escapes": "strangers layout regions output pictures",
    "expand/": "import_spec without cli import_bodies round_trip identities",
    "fields": "fields ops",
    "files": "reading specs bad_specs cli",
    "findings": "findings",
    "frameworks/": "frameworks",
    "graph": "ops identities loops",
    "importer/": "import_rules import_files import_tensors import_bodies import_attention import_weights import_domains",
    "latency/": "latency_fit predict calibrate kernels",
    "measure/": "verify_files measure verify",
    "memory/": "layout patches memory training widths autograd loops",
    "metrics": "space compare cli",
    "mkdocs": "sites",
    "model": "use cli errors output closed_forms",
    "onnx/": "onnx ops verify_files round_trip",
    "ops/": "ops words loops onnx autograd memory import_rules",
    "picture/": "pictures region_pictures",
    "question": "errors bad_specs closed_forms cli",
    "reading": "reading strangers",
    "receptive": "receptive ops identities",
    "reference": "editor cli specs",
    "render/": "layout output strangers memory regions cli",
    "repeats": "loops",
    "report/": "report live",
    "schemas/": "schemas",
    "shipped": "specs cli",
    "space/": "space",
    "sphinx": "sites",
    "spec/": "bad_specs specs words ops without bounds cli",
    "writing": "writing strangers",
    "zoo": "zoo cli specs",
}


class Mutant(NamedTuple):
    row: int  # in the list
    old: str
    new: str
    equal: str  # why no test can notice, or nothing

    def applied(self, text: str) -> str:
        """The file with the mutation where its line stands."""
        return "".join(
            line.replace(self.old, self.new) if line.strip() == self.old else line for line in text.splitlines(True)
        )


class Placed(NamedTuple):
    mutant: Mutant
    file: str  # relative to the checkout

    @property
    def tests(self) -> list[str]:
        """The files of tests that should notice it."""
        path = self.file.removeprefix("archcalc/")
        room = max((room for room in TESTS if path.startswith(room)), key=len)
        return [f"tests/test_{name}.py" for name in ("borders", *TESTS[room].split())]

    def __str__(self) -> str:
        return f"{self.file}: {self.mutant.old}  =>  {self.mutant.new}"


def mutants(text: str) -> Iterator[Mutant]:
    """A list's: pairs of `- old` and `+ new`, `= why` behind those that nobody can notice; `#` begins a comment."""
    old, found = "", None
    for n, line in enumerate(text.splitlines(), 1):
        mark, rest = line[:1], line[2:].strip()
        if mark == "=" and found:
            found = found._replace(equal=rest)
        elif mark in ("-", "+"):
            if found:
                yield found
            old, found = (rest, None) if mark == "-" else (old, Mutant(n, old, rest, ""))
    if found:
        yield found


def lines() -> dict[str, list[str]]:
    """Where each line of the package stands, without its indent."""
    found = defaultdict(list)
    for path in sorted(ROOT.glob("archcalc/**/*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found[line.strip()].append(path.relative_to(ROOT).as_posix())
    return found


def placed(text: str) -> tuple[list[Placed], list[str]]:
    """A list's mutations, and what is wrong with those that don't apply: their line stands nowhere, or twice."""
    where = lines()
    found, wrong = [], []
    for mutant in mutants(text):
        files = where.get(mutant.old, [])
        if len(files) == 1:
            found.append(Placed(mutant, files[0]))
        else:
            wrong.append(
                f"{LIST.name}:{mutant.row}: {mutant.old!r} stands {len(files)} times {' '.join(files)}".rstrip()
            )
    return found, wrong


def copied(folder: Path) -> Path:
    """The checkout's files in a folder of their own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def noticed(one: Placed, copy: Path) -> str:
    """The test that notices a mutation, or nothing."""
    path = copy / one.file
    right = path.read_text(encoding="utf-8")
    try:
        path.write_text(one.mutant.applied(right), encoding="utf-8")
        then = time.time_ns() + one.mutant.row * 10**9  # compiled again, whatever the clock's grain
        os.utime(path, ns=(then, then))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "--no-header", "-p", "no:cacheprovider"]
            + [name for name in one.tests if (copy / name).is_file()],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
    except subprocess.TimeoutExpired:
        return "a test that doesn't end"
    finally:
        path.write_text(right, encoding="utf-8")
    if not done.returncode:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return failed[1] if failed else "a test that can't run"


def tried(chosen: Sequence[Placed], jobs: int) -> Iterator[tuple[Placed, str]]:
    """Each mutation with the test that noticed it."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for n in range(jobs):
            copies.put(copied(Path(folder) / str(n)))

        def tried_in_one(one: Placed) -> str:
            copy = copies.get()
            try:
                return noticed(one, copy)
            finally:
                copies.put(copy)

        yield from zip(chosen, pool.map(tried_in_one, chosen), strict=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*", help="only those in files whose path holds one of these")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--list", type=Path, default=LIST, help="another list")
    asked = parser.parse_args()
    found, wrong = placed(asked.list.read_text(encoding="utf-8"))
    chosen = [
        one
        for one in found
        if not one.mutant.equal and (not asked.words or any(word in one.file for word in asked.words))
    ]
    lived = 0
    for one, by in tried(chosen, asked.jobs):
        lived += not by
        print(f"{'dies ' if by else 'LIVES'}  {one}" + (f"\n       {by}" if by else ""), flush=True)
    print(*wrong, sep="\n")
    print(f"{lived} of {len(chosen)} lived ({100 * lived / max(len(chosen), 1):.1f} %); {len(wrong)} apply no more")
    return bool(lived or wrong)


if __name__ == "__main__":
    sys.exit(main())
