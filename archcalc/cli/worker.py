"""`archcalc worker`."""

from __future__ import annotations

from typing import Annotated

from archcalc.cli import options
from archcalc.cli.declared import Argument, Option
from archcalc.cli.entry import command
from archcalc.cli.saying import told

Address = Annotated[str, Argument(metavar="ADDRESS", help="tcp://HOST:PORT, where a sweep waits for workers.")]
Wait = Annotated[int, Option("--wait", min=0, help="Seconds to wait for the sweep to be there.")]


@command()
def worker(address: Address, wait: Wait = 60, quiet: options.Quiet = False) -> None:
    """Take partitions of a sweep, which another process leads, until it has none left.

    Both need ARCHCALC_TOKEN, the same 16 characters or more.

    \b
    archcalc sweep net.yaml --format parquet -o parts/ --engine tcp://0.0.0.0:7421     on one machine
    archcalc worker tcp://10.0.0.1:7421                                                on others
    """
    from archcalc.space.workers import work

    done = work(address, wait)
    if not quiet:
        told(f"{done} partitions done")
