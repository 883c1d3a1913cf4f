"""What the benchmarks share: running a process, the machine in words, and a figure beside its goal."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

MIB = 2**20


class Run(NamedTuple):
    """One process: how long it took, and the most memory that was resident."""

    seconds: float
    peak: int
    output: str


def run(command: Sequence[str]) -> Run:
    """Run a command to its end. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return Run(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)


def timed(function: Callable[[], object], rounds: int = 1) -> float:
    """The median time of a call, in seconds."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return median(found)


def machine() -> str:
    """`Python 3.11.7, Linux x86_64, 2 cores (Xeon ...), load 0.9`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or "unknown processor"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        f" ({name}){load}"
    )


def figure(what: str, value: str, goal: str = "", met: bool | None = None) -> None:
    """Print a figure, and its goal if it has one."""
    verdict = "" if met is None else f"   goal {goal}: {'met' if met else 'MISSED'}"
    print(f"{what:<52} {value:>16}{verdict}", flush=True)
