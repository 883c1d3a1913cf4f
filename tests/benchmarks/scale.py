"""How counting grows with the network: 10,000 and 100,000 layers, against networkx building and sorting the same DAG.

The layers are residual units or DenseNet's in a repeat, so that the spec stays a few lines, or written out with one a
line. Each measurement is a process of its own, in seconds of processor time, and the memory of counting is measured
where networkx is not imported.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from measuring import MIB, figure, machine, run

if TYPE_CHECKING:
    from archcalc.graph import Graph

SIZES, ROUNDS = (10_000, 100_000), 5
LINEAR, MEMORY = 1.5, 1024 * MIB
HEAD = "archcalc: 1\nname: deep\ninput: [16, 32, 32]\ndefaults: {conv: {bias: false}}\n"
RESIDUAL = """\
blocks:
  unit:
    - add: [identity, [conv 16 3x3 norm=bn act=relu, conv 16 3x3 norm=bn]]
    - relu
layers:
  - deep: {units} x unit
"""
DENSE = """\
blocks:
  unit:
    - concat: [identity, [bn, relu, conv 16 1x1, bn, relu, conv 4 3x3]]
layers:
  - {units} x [16 x unit, bn, relu, conv (cin//2) 1x1]
"""


class Network(NamedTuple):
    """A spec of so many layers, and how many times what networkx takes its count may take."""

    text: Callable[[int], str]
    ratio: float


NETWORKS = {
    "residual units in a repeat": Network(lambda n: RESIDUAL.format(units=n // 7 + 1), 3),  # 7 layers a unit
    "DenseNet's blocks in a repeat": Network(lambda n: DENSE.format(units=n // 115 + 1), 3),  # 16 units of 7, and 3
    "one layer a line": Network(lambda n: "layers:\n" + "  - conv 16 3x3\n" * n, 8),
}


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for name, network in NETWORKS.items():
            print(name)
            pace = {}
            for layers in SIZES:
                spec = Path(folder) / f"{layers}.yaml"
                spec.write_text(HEAD + network.text(layers), encoding="utf-8")
                pace[layers] = report(spec, layers, network.ratio)
            growth = pace[SIZES[1]] / pace[SIZES[0]]
            figure("time a layer, 100,000 against 10,000", f"{growth:.2f}", f"<= {LINEAR} (linear)", growth <= LINEAR)


def report(spec: Path, layers: int, most: float) -> float:
    """Print the figures of one size; the result is the seconds a layer of counting."""
    rounds = [(child("count", spec), child("networkx", spec)) for _ in range(ROUNDS)]
    names = ("count", "rows", "networkx", "layers")
    seconds: dict[str, float] = {
        name: median(found[name] for pair in rounds for found in pair if name in found) for name in names
    }
    ratio = median(one["count"] / other["networkx"] for one, other in rounds)
    peak = max(one["peak"] for one, _ in rounds)
    print(f"{layers:,} layers")
    figure("  read, build and count", f"{seconds['count']:.3f} s")
    figure("  a layer", f"{1e6 * seconds['count'] / layers:.1f} us")
    figure("  networkx builds and sorts the same DAG", f"{seconds['networkx']:.3f} s")
    figure("  the same with the layers on its nodes", f"{seconds['layers']:.3f} s")
    figure("  ratio to networkx without them", f"{ratio:.2f}", f"<= {most}", ratio <= most)
    figure("  every row with its receptive field, on top", f"{seconds['rows']:.3f} s")
    figure("  peak memory, rows included", f"{peak / MIB:.0f} MiB", f"< {MEMORY // MIB} MiB", peak < MEMORY)
    return seconds["count"] / layers


def child(task: str, spec: Path) -> dict[str, Any]:
    found = run([sys.executable, __file__, task, str(spec)])
    return {**json.loads(found.output), "peak": found.peak}


def counted(spec: str) -> dict[str, float]:
    """Seconds from the file to the totals, and for the rows after that."""
    import archcalc

    archcalc.load("alexnet").count()  # what is imported and compiled once
    start = time.process_time()
    table = archcalc.load(spec).count()
    assert table.totals
    return {"count": time.process_time() - start, "rows": worked(lambda: table.rows)}


def worked(function: Callable[[], object]) -> float:
    """The seconds of processor time that a call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def sorted_by_networkx(spec: str) -> dict[str, float]:
    """Seconds to build a `DiGraph` of the same nodes and edges and to sort it, without and with the layers as
    attributes.
    """
    import networkx

    import archcalc

    graph: Graph = archcalc.load(spec).count().graph
    names = [node.name for node in graph.nodes]
    edges = [(names[source], node.name) for node in graph.nodes for source in node.inputs]

    def build_and_sort() -> None:
        dag: networkx.DiGraph[str] = networkx.DiGraph()
        dag.add_nodes_from(names)
        dag.add_edges_from(edges)
        assert len(list(networkx.topological_sort(dag))) == len(names)

    return {
        "networkx": worked(build_and_sort),
        "layers": worked(lambda: list(networkx.topological_sort(graph.to_networkx()))),
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps({"count": counted, "networkx": sorted_by_networkx}[sys.argv[1]](sys.argv[2])))
    else:
        main()
