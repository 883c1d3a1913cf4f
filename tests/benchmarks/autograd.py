"""What PyTorch's autograd saves of torchvision's networks that classify images and videos, measured:
`python tests/benchmarks/autograd.py`.

No weights, no data, no GPU: in fp32 the networks stand on the meta device; under mixed precision their tensors are fake
ones of a GPU, so that autocast chooses as it does there. Every storage that a hook sees is counted once; parameters,
buffers and autocast's copies of parameters are left out. A batch of 2 and one of 4 tell what a sample keeps and what
the batch keeps once. Writes `tests/data/autograd.json`, which the tests compare with; needs torch and torchvision.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.autograd.graph import saved_tensors_hooks
from torchvision.models.regnet import BlockParams

DATA = Path(__file__).parent.parent / "data" / "autograd.json"
SIZES = {"inception_v3": (299, 299)} | dict.fromkeys(("r3d_18", "mc3_18", "r2plus1d_18"), (16, 112, 112))
SIZES |= dict.fromkeys(("mvit_v1_b", "mvit_v2_s", "s3d", "swin3d_t", "swin3d_s", "swin3d_b"), (16, 224, 224))
HEADS = ("googlenet", "inception_v3")
planned = BlockParams.from_init_params
torch.nn.init.trunc_normal_ = lambda tensor, *_, **__: tensor  # it looks at the numbers, and there are none


def with_numbers(*given: Any, **named: Any) -> BlockParams:
    """A RegNet's widths, which are computed with tensors, and looked at."""
    with unset_fake_temporarily(), torch.device("cpu"):
        return planned(*given, **named)


BlockParams.from_init_params = with_numbers


def bytes_saved(run: Callable[[], Any], known: set[int]) -> int:
    """The bytes of all storages that autograd saves during a call, but those that are known."""
    found: dict[int, int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        alive.append(tensor)  # so that no address is used twice
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            found.setdefault(storage._cdata, storage.nbytes())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = run()
    del output
    return sum(found.values())


def storages(module: torch.nn.Module) -> set[int]:
    """Where a module's parameters and buffers lie."""
    return {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}


def network(name: str) -> torch.nn.Module:
    more = {"aux_logits": True, "init_weights": False} if name in HEADS else {}
    return torchvision.models.get_model(name, weights=None, **more).train()


def saved(name: str, batch: int, half: bool) -> int:
    """Bytes saved in a pass over a batch, in fp32 or under autocast to fp16."""
    mode: AbstractContextManager[Any] = FakeTensorMode(allow_non_fake_inputs=True) if half else nullcontext()
    size = SIZES.get(name, (224, 224))
    with mode:
        with torch.device("cuda" if half else "meta"):
            module = network(name)
            images = torch.empty(batch, 3, *size)
        torch.set_autocast_enabled("cuda", half)
        try:
            return bytes_saved(lambda: module(images), storages(module))
        finally:
            torch.set_autocast_enabled("cuda", False)
            torch.clear_autocast_cache()


def main(names: list[str]) -> None:
    found = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {"networks": {}}
    found["by"] = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    found["how"] = "saved_tensors_hooks; unique storages; bytes a sample, and bytes once for the batch"
    for name in names:
        row = {}
        for key, half in (("fp32", False), ("amp", True)):
            two, four = (saved(name, batch, half) for batch in (2, 4))
            row[key] = {"sample": (four - two) // 2, "once": 2 * two - four}
        del row["amp"]["once"]  # autocast's copies of the parameters are in it
        found["networks"][name] = row
        print(name, row, flush=True)
        DATA.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    rooms = (torchvision.models, torchvision.models.video)
    main(sys.argv[1:] or [name for room in rooms for name in torchvision.models.list_models(module=room)])
