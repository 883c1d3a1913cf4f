"""Modules that take other things than tensors, or that can't be traced: counted, or one line says what helps."""

from __future__ import annotations

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")]

MODULES = """
from dataclasses import dataclass
from typing import Mapping
import torch
from torch import nn

@dataclass
class Batch:
    x: torch.Tensor
    y: torch.Tensor

class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 4)

class Words(Line):
    def forward(self, batch):
        return self.line(batch["x"]) + self.line(batch["y"])

class One(Line):
    def forward(self, batch: Mapping):
        return self.line(batch["x"])

class Record(Line):
    def forward(self, batch: Batch, scale=2):
        return self.line(batch.x) + self.line(batch.y)

class Several(Line):
    def forward(self, xs):
        return sum(self.line(x) for x in xs)

class Pair(Line):
    def forward(self, pair: tuple):
        assert type(pair) is tuple
        return self.line(pair[0]) + self.line(pair[1])

class Named(Line):
    def forward(self, *, x, mask=None):
        return self.line(x)

class Rest(Line):
    def forward(self, **batch):
        return self.line(batch["x"])

class Scale(Line):
    def forward(self, x, scale: float):
        return self.line(x) * scale

class Item(Line):
    def forward(self, x):
        return self.line(x) if x.mean().item() > 0 else x

class Masked(Line):
    def forward(self, x):
        return self.line(x[x.sum(-1) > 0])

class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16, batch_first=True)
    def forward(self, x):
        return self.rnn(nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5]), batch_first=True))[1][0]

class Flex(nn.Module):
    def __init__(self, mask=False):
        super().__init__()
        self.qkv, self.slope, self.mask = nn.Linear(32, 96), nn.Parameter(torch.zeros(4)), mask
    def forward(self, x):
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
        q, k, v = (part.unflatten(-1, (4, 8)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mask = None
        if self.mask:
            mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 16, 16, device=x.device)
        return flex_attention(q, k, v, lambda s, b, h, i, j: s + self.slope[h] * (i - j), block_mask=mask)

def compiled():
    return torch.compile(nn.Sequential(nn.Linear(8, 4), nn.ReLU()))

def exported():
    return torch.export.export(nn.Linear(8, 4), (torch.zeros(1, 8),))

def exported_module():
    return exported().module()

class Scripted(Line):
    def __init__(self):
        super().__init__()
        self.part = torch.jit.script(nn.Sequential(nn.Linear(4, 4)))
    def forward(self, x):
        return self.part(self.line(x))

class Steps(Line):
    def training_step(self, batch):
        return self.line(batch).sum()

class Brackets(Line):
    def forward(self, x):
        raise ValueError("want [batch, 3] of <module> and not [red]x[/red], " + repr(object()))

class Made(nn.Module):
    def __init__(self):
        raise ValueError("no <module> [here]")

class Ends(Line):
    def forward(self, x):
        raise SystemExit(3)

class Nothing(Line):
    def forward(self, x):
        return self.line(x).shape[0]

class Nested(Line):
    def forward(self, x):
        return self.line(torch.nested.nested_tensor([x[0], x[0, :2]], layout=torch.jagged))

KINDS = {"<small>": Line, "[bold]": Words}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "unusual.py").write_text(MODULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "unusual", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "macs"),
    [
        ("Words --input x=8 --input y=8", 64),
        ("Words --input x=n,8 --input y=n,8 --set n=3", 192),
        ("One --input x=8", 32),
        ("Record --input x=8 --input y=8", 64),
        ("Several --input 8 --input 8 --input 8", 96),
        ("Pair --input 8 --input 8", 64),
        ("Named --input x=8", 32),
        ("Rest --input x=8", 32),
        ("Masked --input 5,8", 5 * 32),
        ("compiled --input 8", 32),
        ("exported --input 8", 32),
        ("exported_module --input 8", 32),
    ],
)
def test_what_forward_takes_in_one_is_given_by_name_or_in_order(
    archcalc: Any, here: Path, asked: str, macs: int
) -> None:
    name, *rest = asked.split()
    done = archcalc("count", f"unusual:{name}", *rest, "--format", "json")
    assert json.loads(done.out)["totals"]["macs"] == macs, done.err


@pytest.mark.parametrize("mask", ["false", "true"])
def test_flex_attention_is_counted_as_pytorch_counts_it(archcalc: Any, here: Path, mask: str) -> None:
    """The formula of FlopCounterMode for its scores; a line before it has 16 x 32 x 96."""
    from torch.utils.flop_counter import sdpa_flop_count

    done = archcalc("count", "unusual:Flex", "--input", "16,32", "--set", f"mask={mask}", "--format", "json")
    found, heads = json.loads(done.out), (1, 4, 16, 8)
    assert found["totals"]["macs"] == sdpa_flop_count(heads, heads, heads) // 2 + 16 * 32 * 96
    assert found["totals"]["uncounted"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Words --input 8", "has each input by its name: --input KEY=3x224x224"),
        ("Words --input x=8 --input z=8", "KeyError: 'y' (unusual.py:19, in forward); forward(batch) was given x and z in one"),
        ("Named --input 8", "as --input x=8;"),
        ("Scale --input 8", "what is no tensor is said by a module of your own"),
        ("Item --input 8", "(unusual.py:52, in forward); --via onnx runs it once"),
        ("Packed --input 5,8", "the layer takes the padded sequence as well"),
        ("Scripted --input 8", "part is scripted, and no longer Python's code"),
        ("Steps --input 8", "is named by its part that has one"),
        ("Brackets --input 8", "of < module> and not [red]x[/red], object object (unusual.py:99, in forward)"),
        ("Made --input 8", "ValueError: no < module> [here] (unusual.py:103, in __init__)"),
        ("Ends --input 8", "SystemExit: 3 (unusual.py:107, in forward)"),
        ("Nothing --input 8", "forward gives no tensor"),
        ("Nested --input 5,8", "the module takes padded ones as well"),
        ("KINDS@x --input 8", "there are < small>, [bold]"),
    ],
)  # fmt: skip
def test_what_cannot_be_traced_says_what_and_where_and_what_to_try(
    archcalc: Any, here: Path, asked: str, said: str
) -> None:
    name, *rest = asked.split()
    done = archcalc("count", f"unusual:{name}", *rest)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert said in done.err
    assert "\\x3c" not in done.err


CUSTOM = """
import archcalc
import torch
from torch import library, nn

@library.custom_op("oddlib::thin", mutates_args=())
def thin(x: torch.Tensor, down: torch.Tensor, up: torch.Tensor, times: int) -> torch.Tensor:
    return times * (x @ down @ up)

@thin.register_fake
def _(x, down, up, times):
    return x.new_empty(*x.shape[:-1], up.shape[1])

@library.custom_op("oddlib::unruled", mutates_args=())
def unruled(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

unruled.register_fake(torch.empty_like)

@archcalc.rule("thin", domain="oddlib", replace=True)
def rule(call, x, down, up, *, times):
    rows, rank = 1, down.dims[1]
    for dim in x.dims[:-1]:
        rows = rows * dim
    return call.figure("thin", (*x.dims[:-1], up.dims[1]), [x], macs=rows * rank * (down.dims[0] + up.dims[1]),
                       elementwise=times, weights={"down": down, "up": up})

class Net(nn.Module):
    def __init__(self, more=False):
        super().__init__()
        self.down, self.up, self.more = nn.Parameter(torch.zeros(8, 2)), nn.Parameter(torch.zeros(2, 4)), more
    def forward(self, x):
        x = thin(x, self.down, self.up, 3)
        return unruled(x) if self.more else x
"""


def test_an_operator_of_a_library_is_what_its_rule_says(archcalc: Any, here: Path) -> None:
    (here / "custom_ops.py").write_text(CUSTOM)
    done = archcalc("count", "custom_ops:Net", "--input", "n,8", "--set", "n=5", "--format", "json")
    found = json.loads(done.out)
    assert (found["totals"]["params"], found["totals"]["macs"]) == (8 * 2 + 2 * 4, 5 * 2 * (8 + 4))
    assert ([layer["elementwise"] for layer in found["layers"]], found["totals"]["uncounted"]) == ([3], [])
    more = archcalc("count", "custom_ops:Net", "--input", "5,8", "--set", "more=true").out
    assert re.search(r"without 1 oddlib.unruled \(first custom_ops.py:\d+, in forward: no rule for it\)", more)
    done = archcalc("import", "custom_ops:Net", "--input", "5,8", "-o", "thin.yaml")
    assert (done.code, "opaque" in (here / "thin.yaml").read_text()) == (0, True), done.err
    assert json.loads(archcalc("count", "thin.yaml", "--format", "json").out)["totals"]["macs"] == 5 * 2 * (8 + 4)


def test_experts_that_take_the_rows_of_a_mask_are_counted_at_the_most(archcalc: Any, here: Path) -> None:
    """Each of 4 takes at most all of 5 x 2 choices through 8 x 8; the gate has 5 x 8 x 4."""
    for name, places in (
        ("Where", "torch.where(top.indices == n)"),
        ("Zero", "(top.indices == n).nonzero(as_tuple=True)"),
    ):
        (here / "experts.py").write_text(f"""
import torch
from torch import nn
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Linear(8, 4), nn.ModuleList(nn.Linear(8, 8) for _ in range(4))
    def forward(self, x):
        rows = x.reshape(-1, 8)
        top, out = self.gate(rows).topk(2, -1), torch.zeros_like(rows)
        for n, expert in enumerate(self.experts):
            row, place = {places}
            out.index_add_(0, row, expert(rows[row]) * top.values[row, place, None])
        return out.view_as(x)
""")
        sys.modules.pop("experts", None)
        found = json.loads(archcalc("count", f"experts:{name}", "--input", "5,8", "--format", "json").out)["totals"]
        assert (found["macs"], found["uncounted"]) == (4 * 10 * 64 + 5 * 8 * 4, [])


def test_rounding_that_is_trained_is_six_operations_an_element(archcalc: Any, here: Path) -> None:
    """Two roundings of what is computed: of 3 x 8 x 8, and of 8 x 6 x 6; that of the weights is done before."""
    (here / "rounds.py").write_text("""
import torch
from torch import nn
from torch.ao import quantization as q
def net():
    found = nn.Sequential(q.QuantStub(), nn.Conv2d(3, 8, 3), q.DeQuantStub()).train()
    found.qconfig = q.get_default_qat_qconfig("fbgemm")
    return q.prepare_qat(found)
""")
    found = json.loads(archcalc("count", "rounds:net", "--input", "3x8x8", "--format", "json").out)
    assert (found["totals"]["macs"], found["totals"]["uncounted"]) == (8 * 6 * 6 * 27, [])
    rounded = sorted(layer["elementwise"] for layer in found["layers"] if layer["op"] == "fake_quantize")
    assert rounded == [6 * 3 * 64, 6 * 8 * 36]
