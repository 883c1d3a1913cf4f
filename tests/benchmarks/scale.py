"""How counting grows with the network: 10,000 and 100,000 layers, against networkx building and sorting the same DAG.

The layers are residual units in a repeat, so that the spec stays a few lines. Each measurement is a process of its own,
and the memory of counting is measured where networkx is not imported.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from measuring import MIB, figure, machine, run, timed

if TYPE_CHECKING:
    from archcalc.graph import Graph

SIZES, ROUNDS = (10_000, 100_000), 5
LINEAR, RATIO, MEMORY = 1.5, 3, 1024 * MIB
UNIT = 7  # layers of a unit: two convolutions, each normalised, two relus and the sum
SPEC = """\
archcalc: 1
name: deep
input: [16, 32, 32]
defaults: {{conv: {{bias: false, norm: bn}}}}
blocks:
  unit:
    - add: [identity, [conv 16 3x3 act=relu, conv 16 3x3]]
    - relu
layers:
  - deep: {units} x unit
"""


def main() -> None:
    print(machine())
    pace = {}
    with tempfile.TemporaryDirectory() as folder:
        for layers in SIZES:
            spec = Path(folder) / f"{layers}.yaml"
            spec.write_text(SPEC.format(units=layers // UNIT + 1), encoding="utf-8")
            pace[layers] = report(spec, layers)
    growth = pace[SIZES[1]] / pace[SIZES[0]]
    figure("time a layer, 100,000 against 10,000", f"{growth:.2f}", f"<= {LINEAR} (linear)", growth <= LINEAR)


def report(spec: Path, layers: int) -> float:
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
    figure("  ratio to networkx without them", f"{ratio:.2f}", f"<= {RATIO}", ratio <= RATIO)
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
    start = time.perf_counter()
    table = archcalc.load(spec).count()
    assert table.totals
    return {"count": time.perf_counter() - start, "rows": timed(lambda: table.rows)}


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
        "networkx": timed(build_and_sort),
        "layers": timed(lambda: list(networkx.topological_sort(graph.to_networkx()))),
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps({"count": counted, "networkx": sorted_by_networkx}[sys.argv[1]](sys.argv[2])))
    else:
        main()
