"""How long commands take as processes of their own: `count googlenet`, `--version` and `--help` against a Python that
does nothing, `predict googlenet` against the count.

They take turns, so that a busy machine slows all alike: trust the ratios. Bytecode is compiled beforehand, as after an
ordinary installation.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

from measuring import MIB, Run, figure, machine, run

ROUNDS = 25
MEMORY = 50 * MIB
DEVICE = "epyc-zen3-cpu-1t"  # of the profiles that ship the one with the most to read
GOALS = {
    ("count", "nothing"): 8.0,
    ("--version", "nothing"): 5.0,
    ("--help", "nothing"): 5.0,
    ("predict", "count"): 1.2,
}


def main() -> None:
    script = shutil.which("archcalc", path=str(Path(sys.executable).parent))
    ours = [script] if script else [sys.executable, "-m", "archcalc"]
    commands = {
        "count": [*ours, "count", "googlenet"],
        "predict": [*ours, "predict", "googlenet", "--device", DEVICE, "--quiet"],
        "--version": [*ours, "--version"],
        "--help": [*ours, "--help"],
        "nothing": [sys.executable, "-c", "pass"],
    }
    for command in commands.values():
        run(command)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(run(command))
    print(machine())
    for name in commands:
        figure(f"{name}, median", f"{1000 * median(found.seconds for found in runs[name]):.1f} ms")
    for (name, other), most in GOALS.items():
        ratio = median(a.seconds / b.seconds for a, b in zip(runs[name], runs[other], strict=True))
        figure(f"{name} to {other}, median over rounds", f"{ratio:.2f}", f"<= {most:g}", ratio <= most)
    peak = median(found.peak for found in runs["count"])
    figure("peak memory of count", f"{peak / MIB:.1f} MiB", f"< {MEMORY // MIB} MiB", peak < MEMORY)


if __name__ == "__main__":
    main()
