"""How long `archcalc count googlenet` takes as a process of its own, against a Python that does nothing.

The two take turns, so that a busy machine slows both alike: trust the ratio. Bytecode is compiled beforehand, as after
an ordinary installation.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from statistics import median

from measuring import MIB, Run, figure, machine, run

ROUNDS = 25
RATIO, STRETCH, MEMORY = 11, 8, 50 * MIB


def main() -> None:
    script = shutil.which("archcalc", path=str(Path(sys.executable).parent))
    count = [script] if script else [sys.executable, "-m", "archcalc"]
    commands = {"count": [*count, "count", "googlenet"], "nothing": [sys.executable, "-c", "pass"]}
    for command in commands.values():
        run(command)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs[name].append(run(command))
    wall = {name: median(found.seconds for found in each) for name, each in runs.items()}
    ratio = median(a.seconds / b.seconds for a, b in zip(runs["count"], runs["nothing"], strict=True))
    peak = median(found.peak for found in runs["count"])
    print(machine())
    figure("archcalc count googlenet, median", f"{1000 * wall['count']:.0f} ms")
    figure("python -c pass, median", f"{1000 * wall['nothing']:.1f} ms")
    figure("ratio, median over rounds", f"{ratio:.1f}", f"<= {RATIO}", ratio <= RATIO)
    figure("  and better still", "", f"<= {STRETCH}", ratio <= STRETCH)
    figure("peak memory", f"{peak / MIB:.1f} MiB", f"< {MEMORY // MIB} MiB", peak < MEMORY)


if __name__ == "__main__":
    main()
