"""Time against size for inputs that want to take long: it grows with the size, and no faster.

Run by hand, it draws a line a shape; `tests/test_bounds.py` holds the ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archcalc.docs.regions import regions
from archcalc.errors import ArchcalcError
from archcalc.model import loaded, read

HEAD = "archcalc: 1\nname: t\ninput: [3, 8, 8]\n"
md, rst = Path("page.md"), Path("page.rst")
Shape = Callable[[int], tuple[Callable[..., Any], tuple[Any, ...]]]  # of a size in bytes: what reads it

SHAPES: dict[str, Shape] = {
    "one line of item marks": lambda n: (
        regions,
        ("- " * (n // 2) + "<!-- archcalc: value x params -->0<!-- archcalc: end -->\n", md),
    ),
    "open comments": lambda n: (regions, ("<!--" * (n // 4) + "\n", md)),
    "markers on a line": lambda n: (
        regions,
        ("<!-- archcalc: value lenet params --><!-- archcalc: end -->" * (n // 59) + "\n", md),
    ),
    "markers, a line each": lambda n: (
        regions,
        ("<!-- archcalc: value lenet params --><!-- archcalc: end -->\n" * (n // 60), md),
    ),
    "backticks": lambda n: (regions, ("".join("`" * (k % 50 + 1) + "a" for k in range(n // 26)), md)),
    "stars": lambda n: (regions, ("* " * (n // 2) + "x\n", md)),
    "quotes": lambda n: (regions, ("> " * (n // 2) + "x\n", md)),
    "empty lines in a region": lambda n: (
        regions,
        ("a <!-- archcalc: value x params -->" + "\n   \t>x" * (n // 7) + "<!-- archcalc: end -->", md),
    ),
    "rst markers": lambda n: (regions, (".. archcalc: value lenet params\n.. archcalc: end\n" * (n // 49), rst)),
    "rst stairs": lambda n: (regions, ("".join(" " * k + ".. archcalc: x\n" for k in range(int((2 * n) ** 0.5))), rst)),
    "mistakes": lambda n: (read, (HEAD + "layers:\n" + "  - maxpol 2x2 strid=2 foo=bar\n" * (n // 31), "x.yaml")),
    "other mistakes": lambda n: (
        read,
        (HEAD + "layers:\n" + "".join(f"  - maxpol{k} 2x2\n" for k in range(n // 18)), "x.yaml"),
    ),
    "unknown keys": lambda n: (
        read,
        (HEAD + "layers: [relu]\n" + "".join(f"k{k}: 1\n" for k in range(n // 9)), "x.yaml"),
    ),
    "escaped words": lambda n: (
        read,
        (HEAD + "layers: [" + ", ".join('"\\x72elu"' for k in range(n // 11)) + "]\n", "x.yaml"),
    ),
    "one line of layers": lambda n: (
        read,
        (HEAD + "layers: [" + ", ".join("relu" for k in range(n // 6)) + "]\n", "x.yaml"),
    ),
    "unknown variants": lambda n: (
        read,
        (HEAD + "layers: [relu]\nvariants:\n" + "".join(f"  v{k}: {{a: 1}}\n" for k in range(n // 14)), "x.yaml"),
    ),
    "brackets": lambda n: (read, (HEAD + "layers: " + "[" * n, "x.yaml")),
    "block keys": lambda n: (
        read,
        (HEAD + "layers: [relu]\nblocks:\n" + "".join(f"  b{k}(a): [relu]\n" for k in range(n // 18)), "x.yaml"),
    ),
    "long word": lambda n: (read, (HEAD + "layers:\n  - " + "a" * n + "\n", "x.yaml")),
    "long expression": lambda n: (
        read,
        (HEAD + "layers:\n  - conv (" + "+".join("1" for _ in range(n // 2)) + ") 3\n", "x.yaml"),
    ),
    "long name": lambda n: (read, ("archcalc: 1\nname: " + "a" * n + "\ninput: [3,8,8]\nlayers: [relu]\n", "x.yaml")),
    "references": lambda n: (read, (HEAD + "layers: [relu]\nreference:\n" + "  - {params: x}\n" * (n // 16), "x.yaml")),
    "spaces": lambda n: (read, (HEAD + "layers:\n  - relu" + " " * n + "x\n", "x.yaml")),
    "commas": lambda n: (read, (HEAD + "layers: [relu]\nblocks:\n  b(" + "a," * (n // 2) + "): [relu]\n", "x.yaml")),
    "params": lambda n: (
        read,
        (HEAD + "layers: [relu]\nparams:\n" + "".join(f"  p{k}: 1\n" for k in range(n // 9)), "x.yaml"),
    ),
    "require": lambda n: (
        read,
        (HEAD + "layers: [relu]\nrequire:\n" + "".join(f"  - 1 > {k}\n" for k in range(n // 10)), "x.yaml"),
    ),
    "onnx zeros": lambda n: (loaded, (b"\x3a\x00" * (n // 2), "x.onnx")),
}


def seconds(shape: Shape, size: int) -> float:
    """How long a shape takes to be read, or refused."""
    function, given = shape(size)
    start = time.perf_counter()
    try:
        function(*given)
    except ArchcalcError as error:
        str(error)
    return time.perf_counter() - start


def main() -> None:
    sizes = [50_000 << n for n in range(4)]
    print(f"{'shape':<26}" + "".join(f"{size:>11,}" for size in sizes))
    for name, shape in SHAPES.items():
        print(f"{name:<26}" + "".join(f"{seconds(shape, size):>10.2f}s" for size in sizes), flush=True)


if __name__ == "__main__":
    main()
