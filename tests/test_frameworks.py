"""PyTorch modules, held to what torch says of them: parameters to `module.parameters()`, MACs to FlopCounterMode."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archcalc as api
from archcalc.algebra import same, symbol
from archcalc.errors import UsageError
from archcalc.frameworks.asking import Input, as_inputs, is_module, read_inputs

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv(x)).relu() + x

class Net(nn.Module):
    def __init__(self, width=8, depth=3):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 2, 1)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.out = nn.Linear(16, 50, bias=False)
        self.out.weight = self.embed.weight
        self.idle = nn.Linear(3, 7)
        self.register_buffer("table", torch.zeros(64, 16))

    def forward(self, ids):
        return self.out(self.layer(self.embed(ids) + self.table[: ids.shape[1]]))

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 8)

    def forward(self, x):
        return torch.linalg.svdvals(self.line(x))

class Tables(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.table = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(4, 8, 1)
        self.weight = nn.Parameter(torch.zeros(8, 5))

    def forward(self, x):
        position = torch.arange(4 * 8 * 8, dtype=torch.float32).reshape(1, 4, 8, 8)
        products = torch.arange(24.0).reshape(3, 8) @ self.weight
        return (self.conv(x) + self.table(position)).mean() + products.mean()

class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 8)

    def forward(self, x):
        return sum(self.line(step) for step in x.unbind(1))

class Decides(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

class Rests(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, 4)

    def forward(self, x):
        assert x.shape[2] % 32 == 0, "the height has to be a multiple of 32"
        x = self.conv(x)
        return self.conv(x[:, :3]) if x.shape[3] > 50 else x

class Square(nn.Module):
    def forward(self, x):
        return x @ x + x.transpose(1, 2)

class Cache:
    def __init__(self, *layers):
        self.layers = layers

class Holds(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 4)

    def forward(self, x):
        y = self.line(x)
        return {"cache": Cache(y, [Cache(y @ y.transpose(-1, -2))]), "none": None, "count": 3}

NETS = {"small": lambda: Net(4, 1)}
"""


# ---- what is asked, without torch ------------------------------------------------------------------------------------


def test_a_module_is_told_from_files_and_networks_by_its_form() -> None:
    named = ["torchvision.models:resnet50", "mine:Net", "mine:NETS@small", "timm:create_model@vit_tiny.a b"]
    others = [
        "resnet50",
        "net.yaml",
        "net.yaml@bn",
        "main@1a2b:net.onnx",
        "a/b:c",
        "C:\\net",
        "specs/",
        "mine:net.onnx",
        "-",
    ]
    assert [name for name in named + others if is_module(name)] == named


def test_inputs_are_read() -> None:
    assert read_inputs(["3x224x224"]) == (Input((3, 224, 224)),)
    assert read_inputs(["3xsizexsize", "ids=n:int64"]) == (Input((3, "size", "size")), Input(("n",), "ids", "int64"))
    assert as_inputs((3, "h", "w")) == as_inputs("3xhxw") == as_inputs([(3, "h", "w")])
    assert as_inputs({"ids": "16:int64"}) == (Input((16,), "ids", "int64"),)
    assert read_inputs(["3,max,max"]) == (Input((3, "max", "max")),)


@pytest.mark.parametrize("given", ["3x-1", "3x0", "a b", "3x2.5", "3:int65", "x=3:", "3x224x", "batch", "3xif"])
def test_what_is_no_input_is_said(given: str) -> None:
    with pytest.raises(UsageError, match="--input"):
        read_inputs([given])


def test_a_module_without_an_input_is_not_imported(archcalc: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "bomb.py").write_text("raise SystemExit('it ran')\n")
    (tmp_path / "archcalc.toml").write_text('specs = ["bomb:Net"]\n')
    monkeypatch.chdir(tmp_path)
    for words in (["count", "bomb:Net"], ["check"], ["check", "--input", "3x4x4"], ["compare", "--base", "x.json"]):
        done = archcalc(*words)
        assert done.code == 2
        assert "it ran" not in done.out + done.err


def test_no_spec_and_no_load_runs_a_module(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers:\n  - use mine:Net\n")
    for name in ("os:getcwd", str(tmp_path / "net.yaml")):
        with pytest.raises(api.ArchcalcError):
            api.load(name)


def test_counting_a_spec_does_not_look_for_torch() -> None:
    code = "import sys, archcalc; archcalc.load('lenet').count(); print('torch' in sys.modules, 'archcalc.frameworks' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


# ---- with torch ------------------------------------------------------------------------------------------------------

HAS_TORCH = __import__("importlib.util").util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch isn't installed")


def torches(function: Any) -> Any:
    return pytest.mark.torch(needs_torch(function))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the modules above, where commands run."""
    (tmp_path / "nets.py").write_text(NET.lstrip("\n"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    return tmp_path


def line(part: str) -> int:
    """The line of the modules above that holds some text."""
    return next(n for n, text in enumerate(NET.lstrip("\n").splitlines(), 1) if part in text)


def macs(module: Any, *inputs: Any) -> int:
    """What FlopCounterMode counts, with attention as arithmetic."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module.eval()(*inputs)
    return int(counter.get_total_flops()) // 2


def totals(archcalc: Any, *words: str) -> Any:
    done = archcalc("count", *words, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@torches
def test_a_factory_is_counted_in_one_line(archcalc: Any, here: Path) -> None:
    found = totals(archcalc, "nets:Net", "--input", "3x32x32")
    assert found["totals"]["params"] == 3 * 8 * 9 + 8 + 3 * (8 * 8 * 9 + 16) + 90
    assert found["totals"]["macs"] == 256 * 8 * 27 + 3 * 256 * 8 * 72 + 80
    assert found["totals"]["buffers"] == 3 * 16
    names = [layer["name"] for layer in found["layers"]]
    assert names[:3] == ["stem", "blocks/0/conv", "blocks/0/bn"]
    assert names[-1] == "head"


@torches
def test_arguments_and_variants_make_other_networks(archcalc: Any, here: Path) -> None:
    wide = totals(archcalc, "nets:Net", "--input", "3x32x32", "--set", "width=16", "--set", "depth=1")
    assert wide["totals"]["params"] == 3 * 16 * 9 + 16 + 16 * 16 * 9 + 32 + 170
    assert wide["bindings"] == {"width": 16, "depth": 1}
    small = totals(archcalc, "nets:NETS@small", "--input", "3x32x32")
    assert small["totals"]["params"] == 3 * 4 * 9 + 4 + 4 * 4 * 9 + 8 + 50
    assert archcalc("count", "nets:NETS@smal", "--input", "3x32x32").err == (
        "nets:NETS@smal: there is no 'smal'; did you mean 'small'?\n"
    )


@torches
def test_open_sizes_give_closed_forms(archcalc: Any, here: Path) -> None:
    form = totals(archcalc, "nets:Net", "--input", "3xhxw", "--free", "h,w")["totals"]["macs"]
    for h, w in ((32, 32), (33, 7), (1, 100)):
        rows = -(-h // 2) * -(-w // 2)
        assert eval(form, {"h": h, "w": w}) == rows * 8 * 27 + 3 * rows * 8 * 72 + 80
        sizes = ["--set", f"h={h}", "--set", f"w={w}"]
        assert totals(archcalc, "nets:Net", "--input", "3xhxw", *sizes)["totals"]["macs"] == eval(
            form, {"h": h, "w": w}
        )


@torches
def test_closed_forms_are_those_of_a_spec_whose_sizes_have_a_domain(here: Path) -> None:
    (here / "net.yaml").write_text(
        "archcalc: 1\nname: net\ninput: [3, size, size]\nparams: {size: {default: 64, min: 16}}\n"
        "layers:\n  - conv 8 3x3 stride=2\n  - {3 x: {add: [conv 8 3x3 bias=false norm=bn act=relu, identity]}}\n"
        "  - gap\n  - linear 10\n"
    )
    spec = api.load("net.yaml").count(free=["size"]).totals
    module = api.from_torch(__import__("nets").Net(), (3, "size", "size")).count().totals
    size = symbol("size", minimum=16)
    assert module["macs"] != spec["macs"]  # at sizes from 1 on, and from 16 on
    for name in ("params", "macs", "flops", "activations", "act_peak_bytes", "weight_bytes"):
        assert same(module[name], spec[name]) is True, name
    assert module["macs"].substitute({"size": size}) == spec["macs"]
    assert module["act_peak_bytes"].substitute({"size": size}) == spec["act_peak_bytes"]


@torches
def test_what_the_code_decided_by_an_open_size_is_a_condition(here: Path) -> None:
    model = api.from_torch(__import__("nets").Rests(), (3, "h", "w"))
    form = model.count()
    assert {"h is a multiple of 32", "⌊w/4⌋ > 50"} <= set(form.domain)
    assert form.totals["macs"].evaluate({"h": 64, "w": 400}) == 16 * 100 * 8 * 48 + 4 * 25 * 8 * 48
    assert model.count(h=64, w=100).totals["macs"] == 16 * 25 * 8 * 48  # the other way
    with pytest.raises(UsageError, match="has to be a multiple of 32"):
        model.count(h=33, w=400)
    square = api.from_torch(__import__("nets").Square(), ("rows", "columns")).count()
    assert "rows = columns" in square.domain
    assert square.totals["macs"].evaluate({"rows": 5, "columns": 5}) == 5 * 5 * 5


@torches
def test_steps_that_are_walked_one_by_one_are_not_free(here: Path) -> None:
    with pytest.raises(UsageError, match="fixes n to 32: the module's code decides by it; --set n=N gives a number"):
        api.from_torch(__import__("nets").Steps(), ("n", 8)).count()
    assert api.from_torch(__import__("nets").Steps(), ("n", 8)).count(n=20).totals["macs"] == 20 * 8 * 8


@torches
def test_what_is_written_into_a_view_is_read_with_the_whole() -> None:
    from torch import nn

    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: Any) -> Any:
            y = self.one(x)
            y[:, 1:] += self.two(x)[:, 1:]
            return y * 2

    assert api.from_torch(Writes(), (4,)).count().totals["macs"] == 16 + 16


@torches
def test_tensors_are_found_in_whatever_holds_them(here: Path) -> None:
    module = __import__("nets").Holds()
    table = api.from_torch(module, (3, 8)).count()
    assert table.totals["macs"] == 3 * 8 * 4 + 3 * 3 * 4
    assert [row["name"] for row in table.to_rows()] == ["line", "permute", "matmul"]
    assert "forward" not in vars(module)


@torches
def test_shared_parameters_count_once_and_unread_ones_too(here: Path) -> None:
    import torch

    nets = __import__("nets")
    module = nets.Tied()
    module.layer.requires_grad_(False)
    table = api.from_torch(module, "12:int64").count()
    assert table.totals["params"] == sum(p.numel() for p in module.parameters())
    assert table.totals["trainable_params"] == sum(p.numel() for p in module.parameters() if p.requires_grad)
    assert table.totals["macs"] == macs(module, torch.zeros(1, 12, dtype=torch.long))
    unread = [row for row in table.to_rows() if row["op"] == "unread"]
    assert [(row["name"], row["params"]) for row in unread] == [("idle", 28)]
    assert module.out.weight is module.embed.weight


@torches
def test_parameters_that_no_layer_reads_keep_nothing_alive(tmp_path: Path) -> None:
    nn = __import__("torch").nn

    class Auxiliary(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.aux, self.last = nn.Linear(10, 4), nn.Linear(7, 7), nn.Linear(4, 1000)

        def forward(self, x: Any) -> Any:
            return self.last(self.first(x))

    model = api.from_torch(Auxiliary(), (10,))
    found = model.count().totals
    assert found["act_peak_bytes"] == 4 * (4 + 1000)  # the last layer's input and output; the network's input is let go
    assert found["bytes"] == 4 * (10 + 4 + 4 + 1000 + 11 * 4 + 5 * 1000)  # parameters that no layer reads are not read
    text, _ = model.to_spec()
    (tmp_path / "net.yaml").write_text(text)
    again = api.load(tmp_path / "net.yaml").count().totals
    assert "ref x" not in text
    assert [again[name] for name in ("params", "act_peak_bytes")] == [11 * 4 + 5 * 1000 + 8 * 7, 4 * (4 + 1000)]


@torches
def test_tensors_that_are_frozen_beside_others_of_their_layer_are_not_trained() -> None:
    from torch import nn

    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    module[0].bias.requires_grad_(False)
    module[1].weight.requires_grad_(False)
    module[3].weight.requires_grad_(False)
    table = api.from_torch(module, (3, 8, 8)).count(optimizer="adam", train=True)
    learned = 8 * 27 + 8 + 10
    assert (table.totals["params"], table.totals["trainable_params"]) == (learned + 8 + 8 + 2880, learned)
    assert [row["trainable_params"] for row in table.to_rows()] == [8 * 27, 8, 0, 10]
    parts = table.totals["training_bytes"]
    assert (parts["gradients"], parts["optimizer"]) == (learned * 4, learned * 8)


@torches
def test_a_spec_that_freezes_less_than_the_module_is_said_to() -> None:
    """Of 8 x 27 and 2880 weights, and 8 scales of the normalisation, the biases alone are trained."""
    from torch import nn

    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 10))
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    notes = api.from_torch(module, (3, 8, 8)).to_spec()[1]
    assert len(notes) == 1
    assert "the parameters of 0 and 2 more that are frozen beside others are written as trained, 3,104 more" in notes[0]
    module.requires_grad_(False)
    assert api.from_torch(module, (3, 8, 8)).to_spec()[1] == []


@torches
def test_parameters_that_no_layer_reads_are_left_out_of_what_runs(archcalc: Any, here: Path) -> None:
    pytest.importorskip("onnxruntime")
    (here / "idle.py").write_text(
        "from torch import nn\nclass Idle(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.line, self.idle = nn.Linear(8, 4), nn.Linear(3, 7)\n"
        "    def forward(self, x):\n        return self.line(x)\n"
    )
    said = "note: parameters that no layer reads are left out: idle\n"
    for words in (["export", "-o", "idle.onnx"], ["verify"], ["measure", "--runs", "3"]):
        done = archcalc(words[0], "idle:Idle", "--input", "8", *words[1:])
        assert (done.code, said in done.err) == (0, True), words
    assert totals(archcalc, "idle.onnx")["totals"]["params"] == 8 * 4 + 4
    assert totals(archcalc, "idle:Idle", "--input", "8")["totals"]["params"] == 8 * 4 + 4 + 3 * 7 + 7


STRANGE = """
import torch
from torch import nn
class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(8, 8)
class Yields(Part):
    def forward(self, x):
        for _ in range(3):
            x = self.line(x)
            yield x
class Cuda(Part):
    def forward(self, x):
        return self.line(x) + torch.ones(8, device="cuda")
class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.LazyLinear(5)
    def forward(self, x):
        return self.line(x)
class Words(nn.Embedding):
    def forward(self, input_ids, mask=None):
        return super().forward(input_ids)
def quantised():
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 8)), {nn.Linear})
"""


@torches
def test_modules_of_other_kinds_are_counted_or_say_what_helps(archcalc: Any, here: Path) -> None:
    (here / "strange.py").write_text(STRANGE)
    (here / "script.py").write_text("raise SystemExit('no data')\n")
    assert totals(archcalc, "strange:Yields", "--input", "8")["totals"]["macs"] == 3 * 8 * 8
    words = ["strange:Words", "--set", "num_embeddings=9", "--set", "embedding_dim=4"]
    assert totals(archcalc, *words, "--input", "6:long")["totals"]["params"] == 9 * 4
    for asked, said in (
        (["strange:Cuda", "--input", "8"], "device=x.device"),
        (["strange:Lazy", "--input", "8"], "let the factory call the module with a tensor"),
        (["strange:quantised", "--input", "8"], "name the module that it was made of"),
        (["strange.py:Lazy", "--input", "8"], "modules are named as they are imported: strange:Lazy"),
        (["script:Net", "--input", "8"], "SystemExit: no data (script.py:1); what a script does stands under"),
        (["strange.Lazy", "--input", "8"], "; strange:Lazy is the module of that name"),
        (["strange.py", "--input", "8"], "; strange:NAME is what a class or function of strange.py makes"),
        ([*words, "--input", "ids=6:long"], "as --input input_ids=6"),
    ):
        done = archcalc("count", *asked)
        assert (done.code, said in done.err, len(done.err.splitlines())) == (2, True, 1), done.err


@torches
def test_what_forward_prints_is_no_part_of_what_is_written(archcalc: Any, here: Path) -> None:
    (here / "loud.py").write_text(
        "from torch import nn\nclass Loud(nn.Linear):\n    def __init__(self):\n        super().__init__(4, 2)\n"
        "    def forward(self, x):\n        print('noise')\n        return super().forward(x)\n"
    )
    assert totals(archcalc, "loud:Loud", "--input", "4")["totals"]["params"] == 10


@torches
def test_a_rule_from_outside_that_fails_is_said_with_its_name() -> None:
    import torch

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(x)

    from archcalc.importer.rules.base import RULES

    @api.rule("special_bessel_j0", domain="aten")
    def bessel(call: Any, self: Any) -> Any:
        return 5

    try:
        (missed,) = api.from_torch(Net(), "4").count().totals["uncounted"]
    finally:
        del RULES["aten", "special_bessel_j0"]
    assert missed["why"].startswith(f"the rule {__name__}.")
    assert "it gives 5" in missed["why"]


@torches
def test_a_module_stays_as_it_is(here: Path) -> None:
    module = __import__("nets").Net()
    module.train()
    module.blocks[0].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    api.from_torch(module, (3, 16, 16)).count()
    assert module.training
    assert module.stem.training
    assert not module.blocks[0].training
    assert all((tensor == before[name]).all() for name, tensor in module.state_dict().items())


@torches
def test_tables_that_are_made_on_the_way_are_read_like_any_input(archcalc: Any, here: Path) -> None:
    found = totals(archcalc, "nets:Tables", "--input", "3x8x8")["totals"]
    assert found["macs"] == 64 * 8 * 27 + 64 * 8 * 4 + 3 * 8 * 5
    assert found["params"] == 8 * 27 + 8 + 8 * 4 + 8 + 8 * 5


@torches
def test_an_operator_without_a_rule_is_said_with_the_line_that_called_it(archcalc: Any, here: Path) -> None:
    done = archcalc("count", "nets:Odd", "--input", "4x8")
    assert f"1 aten.linalg_svdvals (first nets.py:{line('svdvals')}, in forward: no rule for it)" in done.out
    assert "MACs         256 a sample, incomplete" in done.out
    assert archcalc("count", "nets:Odd", "--input", "4x8", "--strict").code == 1


@torches
def test_a_failure_says_what_where_and_what_to_try(archcalc: Any, here: Path) -> None:
    done = archcalc("count", "nets:Decides", "--input", "4x8")
    assert done.code == 2
    assert "data-dependent" in done.err
    assert f"(nets.py:{line('x.sum() > 0')}, in forward)" in done.err
    assert "; --via onnx runs it once" in done.err
    assert len(done.err.splitlines()) == 1
    done = archcalc("count", "nets:Net", "--input", "4x32x32")
    assert f"but got 4 channels instead (nets.py:{line('self.head(self.blocks')}, in forward)" in done.err
    assert "did you mean 'Net'" in archcalc("count", "nets:Nett", "--input", "4").err
    assert "there is no module 'nowhere'" in archcalc("count", "nowhere:Net", "--input", "4").err


BAD = """
import torch
from torch import nn

class Two(nn.Module):
    def forward(self, x, y):
        return x + y

class Needs(nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.line = nn.Linear(width, depth)

    def forward(self, x):
        return self.line(x)

def ends():
    raise SystemExit("bye")

def prints():
    print("made")
    return nn.Linear(4, 4)

class Reads(nn.Module):
    def forward(self, x):
        return x[:, : int(x.max())]

number = 3
"""


@torches
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("bad:Two --input 4", "forward(x, y): missing a required argument: 'y'; --input stands once for each"),
        ("bad:Two --input 4 --input 4 --input 4", "forward(x, y): too many positional arguments"),
        ("bad:Needs --input 4", "'width'; it takes width, depth: --set width=VALUE"),
        ("bad:Needs --input 4 --set width=4 --set depht=2", "'depht'; did you mean 'depth'?"),
        ("bad:ends --input 4", "SystemExit: bye (bad.py:17, in ends)"),
        ("bad:number --input 4", "something of type int, which is no torch.nn.Module"),
        ("bad:Reads --input 4", "--via onnx runs it once"),
        ("bda:Reads --input 4", "there is no module 'bda'"),
        ("torch.n:Linear --input 4", "there is no module 'torch.n'; did you mean 'torch.nn'?"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_write(archcalc: Any, here: Path, words: str, said: str) -> None:
    (here / "bad.py").write_text(BAD.lstrip("\n"))
    sys.modules.pop("bad", None)
    done = archcalc("count", *words.split())
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@torches
def test_what_a_factory_prints_is_no_part_of_what_is_written(archcalc: Any, here: Path) -> None:
    (here / "bad.py").write_text(BAD.lstrip("\n"))
    sys.modules.pop("bad", None)
    assert totals(archcalc, "bad:prints", "--input", "4")["totals"]["params"] == 20


@torches
@pytest.mark.filterwarnings("ignore")
def test_weights_that_are_computed_from_others_are_those_others() -> None:
    import torch
    from torch import nn

    for module in (
        nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 6, 3)), nn.utils.weight_norm(nn.Conv1d(4, 6, 3))
    ):  # fmt: skip
        found = api.from_torch(module, (4, 10)).count()
        assert (found.totals["params"], found.totals["macs"]) == (72 + 6 + 6, 8 * 72)
        assert found.graph.uncounted == []
    with torch.device("meta"):
        part = nn.Sequential(nn.Linear(4, 4))
    part.append(nn.Linear(4, 2))  # where numbers are
    assert api.from_torch(part, (4,)).count().totals["macs"] == 16 + 8
    assert [tensor.device.type for tensor in part.parameters()] == ["meta", "meta", "cpu", "cpu"]


@torches
@pytest.mark.filterwarnings("ignore")
def test_the_onnx_road_takes_what_decides_by_numbers(archcalc: Any, here: Path) -> None:
    pytest.importorskip("onnx")
    given = ["nets:Decides", "--input", "4xn", "--via", "onnx", "--set", "n=8"]
    found = totals(archcalc, *given)
    assert [layer["op"] for layer in found["layers"]] == ["neg"]  # zeros don't add up to more than 0
    assert "was run once, with weights" in archcalc("count", *given).err
    road = totals(archcalc, "nets:Net", "--input", "3x32x32", "--via", "onnx")
    direct = totals(archcalc, "nets:Net", "--input", "3x32x32")
    assert road["totals"]["macs"] == direct["totals"]["macs"]
    assert "--via is onnx, not 'tf'" in archcalc("count", "nets:Net", "--input", "3x32x32", "--via", "tf").err


@torches
def test_an_imported_spec_counts_the_same_with_the_modules_names(archcalc: Any, here: Path) -> None:
    done = archcalc("import", "nets:Net", "--input", "3xsizexsize", "--set", "size=32", "-o", "net.yaml")
    assert done.code == 0, done.err
    text = Path("net.yaml").read_text()
    assert "3 x " in text or "3 x:" in text
    assert "stem: conv 8 3x3 stride=2" in text
    ours, theirs = api.load("net.yaml"), api.from_torch(__import__("nets").Net(), (3, "size", "size"))
    for size in (32, 33, 65):
        assert ours.count(size=size).totals["macs"] == theirs.count(size=size).totals["macs"]
        assert ours.count(size=size).totals["params"] == theirs.count(size=size).totals["params"]


@torches
def test_a_spec_says_what_is_copied_where_training_keeps_it(tmp_path: Path) -> None:
    from torch import nn

    class Windows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(24, 72)

        def forward(self, x: Any) -> Any:
            x = x.reshape(1, 2, 7, 2, 7, 24).permute(0, 1, 3, 2, 4, 5).reshape(4, 49, 24)
            q, k, v = self.qkv(x).reshape(4, 49, 3, 3, 8).permute(2, 0, 3, 1, 4)
            return (q * 0.1 @ k.transpose(-2, -1)).softmax(-1) @ v

    model = api.from_torch(Windows(), (14, 14, 24))
    (tmp_path / "net.yaml").write_text(model.to_spec()[0])
    counted, spec = model.count().totals, api.load(tmp_path / "net.yaml").count().totals
    for name in ("params", "macs", "elementwise", "act_sum_bytes"):
        assert spec[name] == counted[name], name


@torches
def test_other_commands_take_modules(archcalc: Any, here: Path) -> None:
    given = ["nets:Net", "--input", "3x32x32"]
    assert "blocks" in archcalc("diagram", *given, "--format", "mermaid").out
    assert archcalc("check", *given).code == 0
    assert "removed" in archcalc("compare", "nets:Net", "nets:NETS@small", "--input", "3x32x32").out
    assert "thop" in archcalc("explain", *given).out
    assert "ms" in archcalc("predict", *given, "--device", "rtx3090").out
    assert archcalc("count", "lenet", "--input", "3x32x32").code == 2


@torches
def test_layers_of_every_kind_are_those_of_torch() -> None:
    """Small modules, an operator of each family: parameters and MACs."""
    import torch
    from torch import nn

    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    class Sums(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(8, 1))
            self.pick = nn.Parameter(torch.ones(3, 8, 6))

        def forward(self, x: Any) -> Any:
            a, b = (x * self.scale).chunk(2, dim=1)
            y = torch.cat([a @ b.transpose(1, 2), a.new_zeros(1, 4, 2)], dim=-1)
            return torch.einsum("bij,kij->bk", torch.cat([y, y], 1), self.pick) + y[:, 0, :3].softmax(-1)

    for module, shape in (
        (nn.Sequential(nn.Conv1d(4, 6, 5, 2, padding="valid", groups=2), nn.GELU(), nn.AdaptiveAvgPool1d(1)), (4, 30)),
        (nn.Sequential(nn.Conv2d(4, 6, (3, 5), padding="same"), nn.PReLU(6), nn.GroupNorm(2, 6)), (4, 9, 9)),
        (nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), nn.InstanceNorm2d(6, affine=True)), (4, 7, 8)),
        (nn.Sequential(nn.Conv3d(2, 4, 3, dilation=2), nn.MaxPool3d(2), nn.Flatten(), nn.LazyLinear(3)), (2, 9, 9, 9)),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.PixelShuffle(2), nn.Conv2d(1, 2, 1), nn.Hardswish()), (4, 4, 4)),
        (nn.Sequential(nn.LayerNorm([4, 6]), nn.RMSNorm(6), nn.GLU(), nn.Linear(3, 3)), (4, 6)),
        (Attends(), (7, 16)),
        (Sums(), (8, 5)),
    ):
        module.eval()(torch.zeros(1, *shape))  # lazy layers learn their sizes
        table = api.from_torch(module, shape).count()
        name = type(module).__name__
        assert table.graph.uncounted == [], name
        assert table.totals["params"] == sum(p.numel() for p in module.parameters()), name
        assert table.totals["macs"] == macs(module, torch.zeros(1, *shape)), name


@torches
def test_recurrent_layers_meet_every_step_with_every_matrix() -> None:
    """FlopCounterMode sees nothing of them on a CPU."""
    from torch import nn

    for module, expected in (
        (nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True), 5 * 2 * 4 * 16 * (8 + 16 + 32 + 16)),
        (nn.GRU(8, 16, batch_first=True), 5 * 3 * 16 * (8 + 16)),
        (nn.RNN(8, 16, batch_first=True, bias=False), 5 * 16 * (8 + 16)),
    ):
        table = api.from_torch(module, (5, 8)).count()
        assert (table.totals["macs"], table.graph.uncounted) == (expected, [])
        assert table.totals["params"] == sum(p.numel() for p in module.parameters())


@torches
@pytest.mark.parametrize(("axes", "width"), [((1, 2), 5), ((2, 3), 5), ((3, 4), 20), ((1, 1), 5), ((1, -1), 120)])
def test_axes_behind_those_that_are_flattened_stay(axes: tuple[int, int], width: int) -> None:
    """Each of 2 x 3 x 4 x 5 numbers meets 7 weights, whatever the axes; the last says how wide a row is."""
    from torch import nn

    module = nn.Sequential(nn.Flatten(*axes), nn.Linear(width, 7, bias=False))
    assert api.from_torch(module, (2, 3, 4, 5)).count().totals["macs"] == 2 * 3 * 4 * 5 * 7


@torches
@pytest.mark.slow
def test_resnet50_has_the_closed_form_of_the_spec() -> None:
    models = pytest.importorskip("torchvision.models")
    found = api.from_torch(models.resnet50(), (3, "size", "size")).count().totals
    spec = api.load("resnet50").count(free=["size"]).totals
    assert [str(found[name]) for name in ("params", "macs")] == [str(spec[name]) for name in ("params", "macs")]


@torches
@pytest.mark.slow
@pytest.mark.parametrize("name", ["regnet_x_400mf", "regnet_y_400mf", "convnext_tiny", "densenet121"])
def test_height_width_and_batch_apart_have_the_closed_forms_of_the_spec(name: str, tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    text = (Path(__file__).parent.parent / "specs" / f"{name.partition('_')[0].rstrip('0123456789')}.yaml").read_text()
    text = text.replace("input: [3, size, size]", "input: [3, height, width]")
    text = text.replace(
        "  size: {default: 224, min: 32}", "  height: {default: 224, min: 32}\n  width: {default: 224, min: 32}"
    )
    (tmp_path / "net.yaml").write_text(text)
    variant = "@regnet_y_400mf" if "_y_" in name else ""
    spec = api.load(f"{tmp_path / 'net.yaml'}{variant}").count(free=["height", "width", "batch"]).totals
    found = api.from_torch(getattr(models, name)(), (3, "height", "width")).count(free=["batch"]).totals
    moved = () if name == "convnext_tiny" else ("activations", "bytes")  # its module turns maps around its norms
    for each in ("params", "macs", "elementwise", "act_peak_bytes", "act_sum_bytes", "weight_bytes", *moved):
        assert same(found[each], spec[each]) is True, each
    assert all(word in str(found["macs"]) for word in ("height", "width", "batch"))


@torches
@pytest.mark.slow
def test_inception_has_the_closed_forms_of_the_spec_but_for_its_auxiliary_head() -> None:
    models = pytest.importorskip("torchvision.models")
    module = models.inception_v3(init_weights=False)
    spec = api.load("inception_v3").count(free=["size"]).totals
    found = api.from_torch(module, (3, "size", "size")).count().totals
    for each in ("macs", "elementwise", "activations", "act_peak_bytes", "act_sum_bytes"):
        assert same(found[each], spec[each]) is True, each
    auxiliary = sum(each.numel() for each in module.AuxLogits.parameters())
    assert found["params"] - spec["params"] == auxiliary
    assert found["params"] == sum(each.numel() for each in module.parameters())


@torches
@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_b_16", "swin_t"])
def test_attention_of_a_module_is_fused_and_so_is_its_peak(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    found = api.from_torch(getattr(models, name)(), (3, 224, 224)).count(free=["batch"]).totals
    spec = api.load(name).count(free=["batch"], attention="fused").totals
    for each in ("params", "macs", "act_peak_bytes"):
        assert same(found[each], spec[each]) is True, each


@torches
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "given"),
    [("bert", "Bert", {}), ("gpt2", "GPT2", {"head": False}), ("llama", "Llama", {"head": False})],
)
def test_a_free_sequence_and_batch_have_the_closed_forms_of_the_spec(
    name: str, kind: str, given: dict[str, object]
) -> None:
    torch, transformers = __import__("torch"), pytest.importorskip("transformers")
    depth = "n_layer" if name == "gpt2" else "num_hidden_layers"
    config = getattr(transformers, f"{kind}Config")(use_cache=False, **{depth: 2})
    with torch.device("meta"):
        module = getattr(transformers, f"{kind}Model")(config)
    found = api.from_torch(module, {"input_ids": "n:int64"}).count(free=["batch"]).totals
    spec = api.load(name).count(free=["n", "batch"], **{depth: 2}, **given).totals
    for each in ("params", "macs"):
        assert same(found[each], spec[each]) is True, each
    assert "n**2" in str(found["macs"])


PAGE = Path(__file__).parent.parent / "docs" / "frameworks.md"


@torches
def test_the_page_shows_what_commands_print(archcalc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    module = re.search(r'^```python title="mine.py"\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    assert module is not None
    (tmp_path / "mine.py").write_text(module[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    found = re.findall(r"^```text\n\$ archcalc ([^\n]+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) >= 3
    for command, printed in found:
        assert archcalc(*command.split()).out.strip() == printed.strip(), command
