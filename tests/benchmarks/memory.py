"""Predicted memory of a run against onnxruntime's: python tests/benchmarks/memory.py [NETWORK...] [--record FILE]

What onnxruntime takes for the activations of a run is read off the growth of its arena, which is made to grow by exactly
what is asked for and to give all of it back after a run: its block of planned tensors, and what kernels work in. Outputs
are the caller's and come on top, and weights are added on both sides. One process a network, since an arena is its
process's.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from archcalc.files import zoo_names
from archcalc.latency.arena import arena_bytes
from archcalc.latency.calibrate import block_of
from archcalc.measure.device import Device
from archcalc.measure.session import feed, runtime, vocabularies
from archcalc.model import load
from archcalc.onnx import in_memory

HEAVIEST = 400e6  # bytes of weights


def taken(name: str) -> int:
    """Bytes that the arena grows by in a run, once it is planned."""
    ort = runtime()
    ort.set_default_logger_severity(1)
    table = load(name).count()
    model = in_memory(table)
    inputs = feed(table.graph, vocabularies(table.graph, model), 1, 0, model.input_kinds())
    with tempfile.TemporaryFile() as log:
        saved = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            place = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
            ort.create_and_register_allocator(place, ort.OrtArenaCfg(0, 1, -1, -1))
            options = ort.SessionOptions()
            options.log_severity_level, options.intra_op_num_threads = 3, 1
            options.add_session_config_entry("session.use_env_allocators", "1")
            read = model.readers()
            tensors = {
                key: ort.OrtValue.ortvalue_from_numpy(array) for key, array in model.tensors.items() if read[key]
            }
            options.add_external_initializers(list(tensors), list(tensors.values()))
            outputs = [value.name for value in model.proto.graph.output]
            session = ort.InferenceSession(model.exposing(outputs), options, providers=[Device().provider])
            bound, held = session.io_binding(), session.run(None, inputs)
            for name, array in inputs.items():
                bound.bind_cpu_input(name, array)
            for name, array in zip(outputs, held, strict=True):
                bound.bind_ortvalue_output(name, ort.OrtValue.ortvalue_from_numpy(array))
            shrinking = ort.RunOptions()
            shrinking.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
            for _ in range(3):
                log.seek(0)
                log.truncate()
                session.run_with_iobinding(bound, shrinking)
        finally:
            os.dup2(saved, 2)
        log.seek(0)
        grown = re.findall(r"Extending BFCArena.*?num_bytes: (\d+)", log.read().decode(errors="replace"))
        return sum(map(int, grown)) + sum(array.nbytes for array in held)


def measured(name: str) -> int | None:
    """In a process of its own; None where that fails."""
    done = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--record", type=Path)
    parser.add_argument("--one")
    given = parser.parse_args()
    if given.one:
        print(taken(given.one))
        return
    rows, block = [], block_of(Device())
    for name in given.networks or zoo_names():
        table = load(name).count()
        if table.totals["weight_bytes"] > HEAVIEST or (found := measured(name)) is None:
            continue
        weights, predicted = table.totals["weight_bytes"], arena_bytes(table.graph, block, 1, 4)
        rows.append((name, found, weights))
        ratios = ((weights + part) / (weights + found) for part in (predicted, table.totals["act_peak_bytes"]))
        print(
            "{:<24} activations {:>12,}  predicted / measured, weights included: {:.3f}  with act_peak {:.3f}".format(
                name, found, *ratios
            ),
            flush=True,
        )
    if given.record:
        with given.record.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("network", "bytes", "weight_bytes"), *rows])


if __name__ == "__main__":
    main()
