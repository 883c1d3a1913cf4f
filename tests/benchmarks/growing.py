"""How counting grows with the size of networks of many shapes: the exponent e of seconds ~ size^e, 1 where it is linear.

Each size is counted in a process of its own, in seconds of processor time, from the text to totals and rows.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from measuring import figure, machine, run

FACTOR, MOST = 4, 1.1
HEAD = "archcalc: 1\nname: net\ninput: [8, 16, 16]\n"


class Shape(NamedTuple):
    """A family of specs: the text of a size, the least size that is counted, and the parameters that stay free."""

    text: Callable[[int], str]
    size: int = 2000
    free: tuple[str, ...] = ()


def lines(n: int, line: str) -> str:
    """The same line many times; {i} is where it stands, {last} the other end's."""
    return "".join(line.format(i=i, last=n - 1 - i) + "\n" for i in range(n))


def nested(n: int, depth: int = 60) -> str:
    """Blocks in blocks, sixty deep, again and again."""
    blocks = lines(depth, "  b{i}: [conv 8 1x1, *]").split("*")
    calls = "".join(f"{block}b{i + 1}" for i, block in enumerate(blocks[:-1])) + blocks[-1]
    return f"{HEAD}blocks:\n{calls}  b{depth}: [conv 8 1x1]\nlayers:\n" + lines(n // depth, "  - b0")


def inputs(n: int) -> str:
    """Each through a layer of its own into one sum."""
    named = lines(n, "  a{i}: [8, 4, 4]")
    return f"archcalc: 1\nname: net\ninputs:\n{named}layers:\n  - add:\n" + lines(n, "      - [ref a{i}, conv 8 1x1]")


def outputs(n: int) -> str:
    """Every layer is one."""
    listed = ", ".join(f"l{i}" for i in range(n))
    return f"{HEAD}layers:\n{lines(n, '  - l{i}: conv 8 1x1')}outputs: [{listed}]\n"


def parameters(n: int) -> str:
    """A width for each layer."""
    return f"{HEAD}params:\n{lines(n, '  p{i}: 8')}layers:\n{lines(n, '  - conv p{i} 3x3 act=relu')}"


SHAPES = {
    "chain": Shape(lambda n: f"{HEAD}layers:\n" + lines(n, "  - conv 8 3x3")),
    "residual": Shape(lambda n: f"{HEAD}layers:\n" + lines(n, "  - add: [identity, [conv 8 3x3, relu]]")),
    "dense": Shape(lambda n: f"{HEAD}layers:\n" + lines(n, "  - concat: [identity, conv 4 3x3]")),
    "wide": Shape(lambda n: f"{HEAD}layers:\n  - add:\n" + lines(n, "      - conv 8 3x3")),
    "fan": Shape(lambda n: f"{HEAD}layers:\n  - x: conv 8 1x1\n" + lines(n, "  - add: [conv 8 1x1, ref x]")),
    "inputs": Shape(inputs, 1000),
    "outputs": Shape(outputs),
    "U-Net": Shape(
        lambda n: f"{HEAD}layers:\n{lines(n, '  - d{i}: conv 8 3x3')}" + lines(n, "  - add: [conv 8 3x3, ref d{last}]")
    ),
    "ladder": Shape(
        lambda n: (
            f"{HEAD}layers:\n  - a: conv 8 1x1\n"
            + lines(n, "  - a{i}: {{add: [conv 8 3x3, ref a]}}\n  - b{i}: {{add: [identity, ref a{i}]}}")
        )
    ),
    "nested": Shape(nested, 6000),
    "parameters": Shape(parameters),
    "free": Shape(parameters, 80, ("all",)),
}


def main() -> None:
    print(machine())
    for name, shape in SHAPES.items():
        small, large = (seconds(name, size) for size in (shape.size, FACTOR * shape.size))
        exponent = math.log(large / small, FACTOR)
        what = f"{name}, {shape.size:,} to {FACTOR * shape.size:,}: {small:.2f} to {large:.2f} s"
        figure(what, f"{exponent:.2f}", f"<= {MOST}", exponent <= MOST)


def seconds(name: str, size: int) -> float:
    """Of processor time to count a network of a size."""
    return float(json.loads(run([sys.executable, __file__, name, str(size)]).output))


def counted(name: str, size: int) -> float:
    from archcalc.model import load, read

    load("alexnet").count()  # what is imported and compiled once
    text, free = SHAPES[name].text(size), SHAPES[name].free
    start = time.process_time()
    table = read(text, f"{name}.yaml").count(free=free)
    assert table.totals
    assert table.rows
    return time.process_time() - start


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(counted(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
