"""Runs the oracles, one after the other, until the time is over; ends with 1 if anything failed."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import time
import traceback
from collections import Counter
from random import Random
from types import FrameType

from .oracles import ORACLES

MOST_SECONDS = 20  # of the processor's time, for one case
MOST_FAULTS = 20


class TooSlow(BaseException):
    """No mistake of the input's: it must not be taken for one."""


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlow(f"more than {MOST_SECONDS} seconds")


def case(name: str, seed: int) -> str | None:
    """Run one case; what went wrong, if anything did."""
    function, _ = ORACLES[name]
    signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        function(Random(seed))
    except (Exception, TooSlow):  # whatever it is, it is a fault, and the next case has its turn
        return traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="how long (2)")
    parser.add_argument("--cases", type=int, help="how many, instead")
    parser.add_argument("--seed", type=int, default=0, help="of the first case (0)")
    parser.add_argument("--only", choices=sorted(ORACLES), help="one oracle; with --seed alone, that case")
    given = parser.parse_args()
    turns = [given.only] if given.only else [name for name, (_, often) in ORACLES.items() for _ in range(often)]
    start, seed = time.monotonic(), given.seed
    most = given.cases if given.cases is not None else None
    done: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    while (seed - given.seed < most) if most is not None else (time.monotonic() - start < 60 * given.minutes):
        name = turns[seed % len(turns)]
        wrong = case(name, seed)
        done[name] += 1
        if wrong:
            faults[name] += 1
            print(f"FAULT: python -m tests.fuzz --only {name} --seed {seed} --cases 1\n{wrong}", flush=True)
        if faults.total() >= MOST_FAULTS:
            break
        seed += 1
        if seed % 20_000 == 0:
            gc.collect()
            print(f"{done.total():,} cases, {faults.total()} faults, {time.monotonic() - start:.0f} s", flush=True)
    each = ", ".join(f"{name} {count:,}" for name, count in done.items())
    print(f"{done.total():,} cases in {time.monotonic() - start:.0f} s, {faults.total()} faults ({each})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
