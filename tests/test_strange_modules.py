"""Modules that take and give other things than tensors, or that can't be traced: counted, or one line says what helps."""

from __future__ import annotations

import json
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
