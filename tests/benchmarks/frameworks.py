"""Modules of torchvision, timm and transformers against what PyTorch says of them: parameters, trainable ones and buffers to
`module.parameters()` and `module.buffers()`, multiply-accumulates to FlopCounterMode with attention as arithmetic.

    python tests/benchmarks/frameworks.py                          everything that is installed, some hours of one core
    python tests/benchmarks/frameworks.py timm                     one library
    python tests/benchmarks/frameworks.py torchvision:resnet50     one module, or several

A line a module that differs, isn't counted whole or fails, then a table. Modules are made without weights; a process of its
own takes a few of them at a time.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, NamedTuple

import modules

SECONDS, CHUNK, WORKERS = 300, 6, 2


class Held(NamedTuple):
    """What became of one module. `word` is equal, differs, uncounted, untraced, or unmade."""

    name: str
    word: str
    seconds: float = 0
    said: str = ""


def reference(module: Any, inputs: Any) -> dict[str, int]:
    """What PyTorch says: of tensors without numbers where code needs none, or of a run on zeros."""
    parameters = list(module.parameters())
    found = {
        "params": sum(each.numel() for each in parameters),
        "trainable_params": sum(each.numel() for each in parameters if each.requires_grad),
    }
    module.requires_grad_(False)
    try:
        return {**found, "macs": macs(module, inputs)}
    except RuntimeError:
        module.to_empty(device="cpu")
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.zero_()
        return {**found, "macs": macs(module, inputs)}


def macs(module: Any, inputs: Any) -> int:
    """What FlopCounterMode counts, which has two operations for each."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    keywords, plain = modules.tensors(module, inputs)
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module.eval()(*plain, **keywords)
    return int(counter.get_total_flops()) // 2


def held(name: str) -> Held:
    """One module, made, counted and compared."""
    import archcalc

    start = time.monotonic()
    try:
        module, inputs = modules.made(name)
    except Exception as error:
        return Held(name, "unmade", said=f"{type(error).__name__}: {error}"[:200])
    try:
        table = archcalc.from_torch(module, inputs).count()
    except archcalc.ArchcalcError as error:
        return Held(name, "untraced", time.monotonic() - start, str(error)[:400])
    seconds = time.monotonic() - start
    buffers = sum(each.numel() for each in module.buffers())
    expected = reference(module, inputs)
    missed = [f"{key} {table.totals[key]} for {value}" for key, value in expected.items() if table.totals[key] != value]
    if table.totals["buffers"] > buffers:
        missed.append(f"buffers {table.totals['buffers']} for {buffers} at most")
    uncounted = Counter(str(each) for each in table.graph.uncounted)
    word = "differs" if missed else "uncounted" if uncounted else "equal"
    return Held(name, word, seconds, f"{', '.join(missed)} {dict(uncounted) if uncounted else ''}".strip()[:600])


def _too_long(*_: object) -> None:
    raise TimeoutError(f"over {SECONDS} s")


def worker(names: list[str]) -> None:
    """A line of JSON for each."""
    warnings.filterwarnings("ignore")
    signal.signal(signal.SIGALRM, _too_long)
    for name in names:
        signal.alarm(SECONDS)
        try:
            found = held(name)
        except Exception as error:
            found = Held(name, "failed", said=f"{type(error).__name__}: {error}"[:400])
        signal.alarm(0)
        print(json.dumps(found._asdict()), flush=True)


def chunk(names: list[str]) -> list[Held]:
    """Some modules, in a process of their own."""
    done = subprocess.run(
        [sys.executable, __file__, "--worker", *names], stdout=subprocess.PIPE, text=True, check=False
    )
    found = [Held(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    found += [Held(name, "failed", said="its process ended") for name in names[len(found) :][:1]]
    for each in found:
        if each.word != "equal" or "-v" in sys.argv:
            print(f"{each.word:9} {each.name} {each.seconds:.1f} s {each.said}", flush=True)
    return found + (chunk(names[len(found) :]) if len(found) < len(names) else [])


def main() -> None:
    asked = [word for word in sys.argv[1:] if not word.startswith("-")] or list(modules.LIBRARIES)
    absent = [word for word in asked if word in modules.LIBRARIES and find_spec(word) is None]
    for word in absent:
        print(f"{word} isn't installed")
    names = [name for word in asked if word not in absent for name in ([word] if ":" in word else modules.names(word))]
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = pool.map(chunk, [names[n : n + CHUNK] for n in range(0, len(names), CHUNK)])
    found = [each for row in rows for each in row]
    for library in dict.fromkeys(name.partition(":")[0] for name in names):
        words = Counter(each.word for each in found if each.name.startswith(library))
        seconds = sorted(each.seconds for each in found if each.name.startswith(library))
        told = ", ".join(f"{count} {word}" for word, count in words.most_common())
        print(f"{library:13} {sum(words.values()):4} modules: {told}; {seconds[len(seconds) // 2]:.1f} s each")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2:])
    else:
        main()
