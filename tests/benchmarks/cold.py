"""What counting ResNet-50 of torchvision costs as a whole process, beside PyTorch's own counter and five others.

    python tests/benchmarks/cold.py        7 rounds, 8 minutes of a machine that does nothing else
    python tests/benchmarks/cold.py 3      3 rounds

Every round starts each counter once, in turn; medians of seconds, and the largest resident.peak. Those that aren't installed
are left out. Goals: at most 1.3 times FlopCounterMode's process, and below each of the five in time and in.peak.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from statistics import median

from measuring import MIB, Run, machine, run

MADE = "import torch, torchvision; model = torchvision.models.resnet50().eval(); "
IMAGE = "torch.zeros(1, 3, 224, 224)"
COUNTERS = {  # package: what a user writes
    "archcalc": "from archcalc.cli import start; start()",
    "torch": """
import torch, torchvision
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
with torch.device("meta"):
    model, image = torchvision.models.resnet50().eval(), torch.zeros(1, 3, 224, 224)
with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
    model(image)
print(sum(each.numel() for each in model.parameters()), counter.get_total_flops() // 2)
""",
    "torchinfo": f"{MADE}import torchinfo; print(torchinfo.summary(model, (1, 3, 224, 224)))",
    "thop": f"{MADE}import thop; print(thop.profile(model, ({IMAGE},), verbose=False))",
    "ptflops": f"{MADE}import ptflops; "
    "print(ptflops.get_model_complexity_info(model, (3, 224, 224), print_per_layer_stat=False))",
    "fvcore": f"{MADE}from fvcore.nn import FlopCountAnalysis; print(FlopCountAnalysis(model, {IMAGE}).total())",
    "calflops": f"{MADE}import calflops; "
    "print(calflops.calculate_flops(model=model, input_shape=(1, 3, 224, 224), print_results=False))",
}
ARGUMENTS = ("count", "torchvision.models:resnet50", "--input", "3x224x224")


def cost(code: str) -> Run:
    """One start of a counter."""
    return run([sys.executable, "-W", "ignore", "-c", code, *ARGUMENTS])


def main() -> None:
    rounds = int(sys.argv[1]) if sys.argv[1:] else 7
    there = [name for name in COUNTERS if find_spec(name) is not None]
    for name in there:
        cost(COUNTERS[name])  # bytecode is compiled, and files are in.peak
    found: dict[str, list[Run]] = {name: [] for name in there}
    for _ in range(rounds):
        for name in there:
            found[name].append(cost(COUNTERS[name]))
    print(machine())
    print(f"{'':10} {'seconds':>8} {'MiB':>6} {'of torch':>9}")
    for name, runs in found.items():
        seconds, memory = median(each.seconds for each in runs), median(each.peak for each in runs)
        ratio = median(one.seconds / two.seconds for one, two in zip(runs, found["torch"], strict=True))
        print(f"{name:10} {seconds:8.2f} {memory / MIB:6.0f} {ratio:9.2f}")


if __name__ == "__main__":
    main()
