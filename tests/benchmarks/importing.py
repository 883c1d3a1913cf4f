"""What counting an ONNX file costs: python tests/benchmarks/importing.py [--peer PYTHON] [FILE ...]

Beside it stand onnx.load with onnx's shape inference, and onnx-tool if `--peer` is a Python that has it. Without files
it writes some of the networks that ship, with weights, and takes the models without weights that come with onnx. Each
is counted as a command, in turns with Python processes that load it (trust the ratios), and again and again in one
process.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from measuring import MIB, Run, figure, machine, run, timed

NETWORKS = ("squeezenet1_1", "mobilenet_v2", "resnet50", "densenet121", "googlenet", "vit_b_32")
ROUNDS = 7
PEER = """import sys, time, onnx_tool
found = []
for _ in range(7):
    start = time.perf_counter()
    graph = onnx_tool.Model(sys.argv[1]).graph
    graph.shape_infer()
    graph.profile()
    sum(graph.macs)
    found.append(time.perf_counter() - start)
print(sorted(found)[3])
"""
ONNX = "import sys, onnx; onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1]))"
TOOL = (
    "import sys, onnx_tool; m = onnx_tool.Model(sys.argv[1]); m.graph.shape_infer(); m.graph.profile();"
    " print(sum(m.graph.macs))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--peer", help="a Python with onnx-tool")
    parser.add_argument("--warm", type=Path, help="one file, counted again and again in this process")
    parser.add_argument("--against", type=float, help="with --warm: the seconds that onnx-tool takes")
    given = parser.parse_args()
    if given.warm:
        warm(given.warm, given.against)
        return
    print(machine())
    script = shutil.which("archcalc", path=str(Path(sys.executable).parent))
    command = [script] if script else [sys.executable, "-m", "archcalc"]
    with tempfile.TemporaryDirectory() as folder:
        for file in given.files or [*written(command, Path(folder)), *light()]:
            compare(command, file, given.peer)


def written(command: list[str], folder: Path) -> list[Path]:
    """Networks that ship, with random weights."""
    files = [folder / f"{name}.onnx" for name in NETWORKS]
    for file in files:
        run([*command, "export", file.stem, "-o", str(file)])
    return files


def light() -> list[Path]:
    """The models that come with onnx; nothing is imported, so that this process stays small and the memory of others
    can be told.
    """
    found = importlib.util.find_spec("onnx")
    return sorted(Path(found.origin).parent.glob("backend/test/data/light/*.onnx")) if found and found.origin else []


def compare(command: list[str], file: Path, peer: str | None) -> None:
    """One file, counted and loaded."""
    commands = {
        "count": [*command, "count", str(file), "--depth", "0"],
        "onnx": [sys.executable, "-c", ONNX, str(file)],
        **({"onnx-tool": [peer, "-c", TOOL, str(file)]} if peer else {}),
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for each in commands.values():
        run(each)
    for _ in range(ROUNDS):
        for name, each in commands.items():
            runs[name].append(run(each))
    wall = {name: median(found.seconds for found in each) for name, each in runs.items()}
    peak = {name: median(found.peak for found in each) for name, each in runs.items()}
    size = sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
    print(f"\n{file.name}, {size / MIB:.1f} MiB")
    figure("  archcalc count, a process", f"{1000 * wall['count']:.0f} ms, {peak['count'] / MIB:.0f} MiB")
    figure(
        "  onnx's load and shape inference, a process", f"{1000 * wall['onnx']:.0f} ms, {peak['onnx'] / MIB:.0f} MiB"
    )
    ratio = median(one.seconds / other.seconds for one, other in zip(runs["count"], runs["onnx"], strict=True))
    figure("  ratio", f"{ratio:.2f}", "< 2", ratio < 2)
    if peer:
        figure(
            "  onnx-tool, a process", f"{1000 * wall['onnx-tool']:.0f} ms", "slower", wall["onnx-tool"] > wall["count"]
        )
    against = ["--against", run([peer, "-c", PEER, str(file)]).output.split()[-1]] if peer else []
    print(run([sys.executable, __file__, "--warm", str(file), *against]).output, end="")


def warm(file: Path, peer: float | None) -> None:
    """Without start-up: what a program pays that counts many files."""
    import onnx

    from archcalc import load

    def theirs() -> None:
        onnx.shape_inference.infer_shapes(onnx.load(str(file)))

    def ours() -> None:
        dict(load(str(file)).count().totals)

    ours()
    theirs()
    found = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
    one, other = (1000 * median(each) for each in zip(*found, strict=True))
    figure("  warm: archcalc, onnx", f"{one:.1f} ms, {other:.1f} ms")
    ratio = median(a / b for a, b in found)
    figure("  ratio", f"{ratio:.2f}", "< 2", ratio < 2)
    if peer is not None:
        figure("  warm: onnx-tool", f"{1000 * peer:.1f} ms", "slower", 1000 * peer > one)


if __name__ == "__main__":
    main()
