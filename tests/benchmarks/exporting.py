"""What exporting VGG-16 and ResNet-50 takes, in one file and with tensors beside it, and what verifying VGG-16 holds in
memory. Peaks are of whole processes, against the bytes written, and against weights and activations.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measuring import MIB, figure, machine, run

import archcalc

MEMORY, SECONDS, HELD = 1.15, 3.0, 1.3


def main() -> None:
    print(machine())
    ours = [sys.executable, "-m", "archcalc"]
    for name in ("vgg16", "resnet50"):
        for options in ([], ["--external-data"]):
            with tempfile.TemporaryDirectory() as folder:
                found = run([*ours, "export", name, "-o", str(Path(folder, "model.onnx")), *options])
                written = sum(file.stat().st_size for file in Path(folder).iterdir())
            shown, ratio = " ".join([name, *options]), found.peak / written
            figure(f"export {shown}: {written / MIB:.0f} MiB", f"{ratio:.2f}", f"<= {MEMORY}", ratio <= MEMORY)
            figure("  seconds", f"{found.seconds:.2f}", f"<= {SECONDS:g}", found.seconds <= SECONDS)
    table = archcalc.load("vgg16").count()
    held = int(table.total("weight_bytes")) + 4 * int(table.total("activations"))
    found = run([*ours, "verify", "vgg16"])
    ratio = found.peak / held
    figure(f"verify vgg16: {found.peak / MIB:.0f} MiB", f"{ratio:.2f}", f"<= {HELD}", ratio <= HELD)


if __name__ == "__main__":
    main()
