"""What an input may cost: time in proportion to its size, few messages, little memory."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.bounds import HEAD, SHAPES, seconds

from archcalc.errors import SpecError
from archcalc.model import read


@pytest.mark.slow  # a time: only a quiet machine can tell
@pytest.mark.parametrize("name", SHAPES)
def test_time_grows_with_the_size_and_no_faster(name: str) -> None:
    shape = SHAPES[name]
    seconds(shape, 1000)
    small = min(seconds(shape, 20_000) for _ in range(2))
    large = seconds(shape, 160_000)
    assert large < 40 * small + 0.2, (small, large)  # eight times the size: quadratic would be 64 times


def test_a_message_has_fifty_mistakes_and_says_how_many_more() -> None:
    for many, last in (
        (51, "and one more mistake"),
        (60, "and 10 more mistakes"),
        (5000, "and more than 949 more mistakes"),
    ):
        with pytest.raises(SpecError) as caught:
            read(HEAD + "layers:\n" + "  - maxpol 2x2\n" * many, "x.yaml")
        lines = str(caught.value).splitlines()
        assert (len(lines), lines[-1]) == (151, last)
        assert lines[0] == "x.yaml:5:5: unknown layer 'maxpol'; did you mean 'maxpool'?"


MEASURE = """
import resource, sys
from archcalc.errors import ArchcalcError
from archcalc.model import load
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load(sys.argv[1]).count()
except ArchcalcError as error:
    str(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
REFUSED = {
    "too large a spec": ("x.yaml", b"archcalc: 1\n" + b"a" * 5_000_000),
    "mistakes": ("x.yaml", HEAD.encode() + b"layers:\n" + b"  - maxpol 2x2\n" * 40_000),
    "no spec": ("x.yaml", b"- a\n" * 900_000),
    "no model": ("x.onnx", b"\x0a" * 9_000_000),
    "a model with a mistake": ("x.onnx", b"\x3a\xff\xff\xff\xff\x07abc" + b"\0" * 9_000_000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_takes_little_memory(tmp_path: Path, name: str) -> None:
    if not hasattr(resource, "RUSAGE_SELF"):
        pytest.skip("memory isn't told here")
    file, data = REFUSED[name]
    (tmp_path / file).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / file)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < min(200_000_000, 20 * len(data)) + 30_000_000
