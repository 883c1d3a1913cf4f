"""What a closed form costs: ResNet-152 with the input's size and the network's width free, against the same count in
numbers.

Width is `channels`, the filters of the first convolution, of which every other layer has a multiple.
"""

from __future__ import annotations

from statistics import median

from measuring import figure, machine, timed

import archcalc
from archcalc.cost import Table

ROUNDS, RATIO = 25, 5
FREE = ("size", "channels")


def counted(table: Table, rows: bool) -> object:
    """Have a table work out its totals, and its rows if asked for."""
    return (table.totals, table.rows) if rows else table.totals


def main() -> None:
    print(machine())
    model = archcalc.load("resnet152")
    for what, rows in (("totals", False), ("totals and every row", True)):

        def numbers(rows: bool = rows) -> None:
            counted(model.count(), rows)

        def symbols(rows: bool = rows) -> None:
            counted(model.count(free=FREE), rows)

        first = timed(symbols)
        numbers()
        pairs = [(timed(numbers), timed(symbols)) for _ in range(ROUNDS)]
        ratio = median(two / one for one, two in pairs)
        print(f"ResNet-152, {what}")
        figure("  in numbers", f"{1000 * median(one for one, _ in pairs):.1f} ms")
        figure(f"  closed form in {' and '.join(FREE)}", f"{1000 * median(two for _, two in pairs):.1f} ms")
        figure("  the first time", f"{1000 * first:.1f} ms")
        figure("  ratio", f"{ratio:.1f}", f"<= {RATIO}", ratio <= RATIO)
    table = model.count(free=FREE)
    print(f"\nMACs = {table.totals['macs']}")


if __name__ == "__main__":
    main()
