"""What training keeps against PyTorch's autograd: figures measured by `tests/benchmarks/autograd.py`, by torch and
torchvision of the versions that `data/autograd.json` names.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import archcalc
from archcalc.cost import Table
from archcalc.expand.lowering import told
from archcalc.model import Model, zoo_names
from archcalc.ops.saving import Layer, saved
from archcalc.spec import read_spec
from tests.autograd_modules import CASES, MODULES, Case, bytes_of, measured

from shipping import some  # isort: skip

MEASURED: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "autograd.json").read_text(encoding="utf-8"))
NETWORKS: dict[str, Any] = MEASURED["networks"]
NAMES = {"googlenet": "googlenet-torchvision"}  # ours, where they differ
OWN_SIZE = ("inception_v3", "r3d_18", "mc3_18", "r2plus1d_18")
ZOO = zoo_names()
SHIPPED = sorted(name for name in NETWORKS if NAMES.get(name, name) in ZOO)


def counted(name: str, **options: Any) -> Table:
    size = {} if name in OWN_SIZE else {"size": 224}
    return archcalc.load(NAMES.get(name, name)).count(train=True, **size, **options)


@pytest.mark.parametrize("name", some(SHIPPED, 6))
def test_training_keeps_what_autograd_saves(name: str) -> None:
    two, four = (counted(name, batch=batch).totals["act_sum_bytes"] for batch in (2, 4))
    assert (four - two) // 2 == NETWORKS[name]["fp32"]["sample"]
    assert 2 * two - four == NETWORKS[name]["fp32"]["once"]


@pytest.mark.parametrize("name", some(SHIPPED, 6))
def test_mixed_precision_keeps_what_autocast_saves(name: str) -> None:
    two, four = (counted(name, batch=batch, precision="amp").totals["act_sum_bytes"] for batch in (2, 4))
    assert (four - two) // 2 == NETWORKS[name]["amp"]["sample"]


def test_every_family_of_torchvision_that_ships_was_measured() -> None:
    families = {re.split(r"[0-9_]", name)[0] for name in SHIPPED}
    assert families >= {"alexnet", "vgg", "resnet", "densenet", "googlenet", "inception", "mobilenet", "mnasnet"}
    assert families >= {"resnext", "shufflenet", "squeezenet", "efficientnet", "convnext", "vit", "wide"}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_networks_of_all_kinds_keep_what_autograd_saves(case: Case) -> None:
    model = Model(read_spec(f"archcalc: 1\nname: t\n{case.spec}", "t.yaml"))
    two, four = (model.count(train=True, batch=batch).totals["act_sum_bytes"] for batch in (2, 4))
    assert ((four - two) // 2, 2 * two - four) == case.saved


@pytest.mark.torch
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_autograd_saves_what_it_saved(case: Case) -> None:
    assert measured(case) == case.saved


@pytest.mark.parametrize(("word", "kept"), [("lstm", 4_480), ("gru", 4_480), ("rnn", 704)])
def test_recurrent_layers_of_files_keep_their_gates(word: str, kept: int) -> None:
    """Ten steps of 16 units: torch 2.14.1 saves 5,360 bytes (RNN: 1,584), of them an input of 240 and an output of 640."""
    own = saved(Layer(word, (10, 16), ((10, 6),), {}, [False], True, known={"units": 160})).own
    assert sum(4 * int(str(each.elements)) for each in own) == kept


@pytest.mark.torch
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")
@pytest.mark.parametrize("name", MODULES)
def test_modules_keep_what_autograd_saves_of_them(name: str) -> None:
    import torch

    make, shape = MODULES[name]
    table = archcalc.from_torch(make(torch.nn), shape)
    for batch in (2, 4):
        assert table.count(train=True, batch=batch).totals["act_sum_bytes"] == bytes_of(make, shape, batch)


@pytest.mark.torch
@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")
def test_what_is_made_of_weights_alone_is_kept_once() -> None:
    """A weight that is computed from a direction and a length: 8 x 8 x 3 x 3 numbers for any batch."""
    import torch

    def make(nn: Any) -> Any:
        convs = (nn.Conv2d(3, 8, 3), nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 3)))
        return nn.Sequential(*convs, nn.ReLU())

    table = archcalc.from_torch(make(torch.nn), (3, 12, 12))
    two, five = (table.count(train=True, batch=batch).totals["act_sum_bytes"] for batch in (2, 5))
    assert five - two == bytes_of(make, (3, 12, 12), 5) - bytes_of(make, (3, 12, 12), 2)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", 0),
        (" saves=output", 320),
        (" saves=both own=3", 332),
        (" saves=nothing own=2*cin*10", 640),
        (" saves=nothing", 0),
    ],
)
def test_an_opaque_line_says_what_is_kept_of_it(said: str, kept: int) -> None:
    """A sigmoid before it keeps what it puts out, 8 x 10 numbers, a convolution its input, and the mean after it nothing."""
    lines = f"input: [8, 10]\nlayers: [conv 8 3, sigmoid, opaque 8 10 macs=5{said}, gap]\n"
    model = Model(read_spec(f"archcalc: 1\nname: t\n{lines}", "t.yaml"))
    for batch in (1, 3):
        assert model.count(train=True, batch=batch).totals["act_sum_bytes"] == batch * (320 + 320 + kept)


def test_imported_layers_say_what_is_kept_of_them() -> None:
    """Of log_softmax its output; of an LSTM of ten steps of 16 units 4,480 bytes beside its input."""
    lstm = saved(Layer("lstm", (10, 16), ((10, 6),), {}, [True], True, known={"units": 160}))
    assert told(lstm) == {"saves_": "inputs", "own_": 4_480 // 4}
    assert told(saved(Layer("log_softmax", (8,), ((8,),), {}, [True], False))) == {"saves_": "output", "own_": 0}
    assert told(saved(Layer("reduce_l2", (8,), ((8, 4),), {}, [True], False))) == {"saves_": "both", "own_": 0}
    assert told(saved(Layer("add", (8,), ((8,), (8,)), {}, [True], False))) == {"saves_": "nothing", "own_": 0}
