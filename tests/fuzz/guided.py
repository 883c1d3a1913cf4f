"""`python -m tests.fuzz.guided model_file --minutes 10`: inputs that are chosen by the code that they reach.

Needs atheris (`pip install atheris`), which is no dependency. What was reached is kept in `--corpus`, a folder that a
later run goes on from; an input that is a fault is written into the folder at hand, and the run ends with its
traceback.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

LONGEST = {"model_file": 4096, "spec": 2048, "document": 2048}  # bytes of an input


def followed(atheris: Any) -> ModuleType:
    """The oracles, with all that they reach made to tell what runs of it."""
    with atheris.instrument_imports(include=["archcalc"], enable_loader_override=False):
        import archcalc

        for module in pkgutil.walk_packages(archcalc.__path__, "archcalc."):  # those that are imported late, too
            if not module.name.endswith("__main__"):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)
        return importlib.import_module(f"{__package__}.oracles")


def seeds(kind: str, oracles: Any) -> list[bytes]:
    """What to begin with."""
    if kind == "model_file":
        return [each for each in oracles.models() if len(each) <= LONGEST[kind]]
    if kind == "spec":
        return [text.encode() for text in (oracles.NET, *oracles.specs()) if len(text) <= LONGEST[kind]]
    return [oracles.PAGE.encode(), oracles.RST_PAGE.encode()]


def target(kind: str, oracles: Any) -> Callable[[bytes], None]:
    """What an input goes through: it counts, or is refused in words."""
    if kind == "model_file":
        return lambda data: oracles.counted(data)
    name = "changed.yaml" if kind == "spec" else "changed.md"
    return lambda data: oracles.written(data.decode("utf-8", "replace"), name)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("kind", choices=sorted(LONGEST))
    parser.add_argument("--minutes", type=float, default=2, help="how long (2)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (1)")
    parser.add_argument("--corpus", help="a folder to go on from, and to keep what was reached in")
    given = parser.parse_args()
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        sys.exit("python -m tests.fuzz.guided needs atheris: pip install atheris")
    oracles = followed(atheris)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(given.corpus or folder)
        corpus.mkdir(parents=True, exist_ok=True)
        for n, seed in enumerate(seeds(given.kind, oracles)):
            (corpus / f"seed-{n}").write_bytes(seed)
        options = {
            "max_total_time": max(1, round(60 * given.minutes)),
            "max_len": LONGEST[given.kind],
            "seed": given.seed,
            "timeout": 60,
            "rss_limit_mb": 2048,
            "print_final_stats": 1,
            "artifact_prefix": f"{given.kind}-",
        }
        words = [f"-{name}={value}" for name, value in options.items()]
        atheris.Setup([sys.argv[0], *words, str(corpus)], target(given.kind, oracles))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
