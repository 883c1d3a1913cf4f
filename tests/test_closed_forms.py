"""Closed forms of the networks that ship: equal to the count at every size, valid exactly where they say, printed as
the papers would.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from copy import deepcopy
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archcalc
from archcalc.algebra import Poly, text, unicode
from archcalc.algebra.compiling import compile_python
from archcalc.cost import Table
from archcalc.errors import ArchcalcError, SpecError
from archcalc.model import Model, load
from archcalc.spec import read_spec
from archcalc.spec.expressions import evaluate
from archcalc.spec.values import make_divisible

from shipping import some  # isort: skip

COMPARED = ("params", "trainable_params", "buffers", "macs", "elementwise", "activations", "bytes")
NETWORKS = (
    "alexnet",
    "vgg16",
    "googlenet",
    "googlenet-torchvision",
    "resnet50",
    "resnet152",
    "densenet121",
    "mobilenet_v2",
    "efficientnet_b0",
)
FUNCTIONS: dict[str, Any] = {
    "__builtins__": {},
    "max": max,
    "min": min,
    "make_divisible": make_divisible,
    "Fraction": Fraction,
}


@cache
def model(name: str) -> Model:
    return archcalc.load(name)


@cache
def unlimited(name: str) -> Model:
    """The network without the least size that its spec declares, so that what is too small is found by counting."""
    found = archcalc.load(name)
    spec = deepcopy(found.spec)
    limits = spec.parameters["size"].limits
    assert limits is not None
    spec.parameters["size"].limits = limits.replaced(min=1)
    return Model(spec, found.variant)


def every_residue(low: int, high: int, step: int = 32) -> list[int]:
    """Sizes up to `high` such that every residue modulo `step` occurs, spread over the range."""
    turns = (high - low) // step - 1
    return [residue + step * (low // step + 1 + 5 * residue % turns) for residue in range(step)] + [low, high]


def equal(closed: Table, counted: Table, point: Mapping[str, int | Fraction], names: Iterable[str] = COMPARED) -> None:
    for name in names:
        value = closed.totals[name]
        assert (value.evaluate(point) if isinstance(value, Poly) else value) == counted.totals[name], (name, point)


# ---- in the size of the input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", some(NETWORKS, 3))
def test_the_closed_form_in_the_size_is_the_count_at_every_residue(name: str) -> None:
    low = 63 if name == "alexnet" else 32
    closed = model(name).count(free=["size"])
    for size in every_residue(low, 512):
        equal(closed, model(name).count(size=size), {"size": size}, (*COMPARED, "act_peak_bytes", "act_sum_bytes"))


@pytest.mark.parametrize("name", NETWORKS)
def test_compiled_and_written_closed_forms_are_the_count(name: str) -> None:
    """The strings in JSON are Python: evaluated as such they give the count."""
    found = model(name).count(free=["size"]).to_json()["totals"]
    forms = model(name).count(free=["size"]).totals
    for size in (64, 97, 224, 299, 331):
        counted = model(name).count(size=size).totals
        for key in (*COMPARED, "act_peak_bytes"):
            written = found[key]
            assert (eval(written, FUNCTIONS, {"size": size}) if isinstance(written, str) else written) == counted[
                key
            ], key
        assert compile_python(forms["macs"], ["size"])(size) == counted["macs"]


def counts(network: Model, **bindings: Any) -> bool:
    """Whether the network can be counted with these values."""
    try:
        network.count(**bindings)
    except SpecError:
        return False
    return True


def holds(conditions: Iterable[str], **point: int) -> bool:
    """Whether every condition of a domain holds."""
    return all(eval(condition, FUNCTIONS, point) for condition in conditions)


@pytest.mark.parametrize("name", some(NETWORKS, 3))
def test_sizes_are_refused_exactly_where_the_domain_ends(name: str) -> None:
    network = unlimited(name)
    conditions = network.count(free=["size"]).domain
    assert all(ast.parse(condition, mode="eval") for condition in conditions)
    for size in range(1, 72):
        assert counts(network, size=size) == holds(conditions, size=size), (size, conditions)


def test_a_size_below_the_declared_minimum_is_refused_by_name() -> None:
    with pytest.raises(SpecError, match="size=31: must be at least 32"):
        model("resnet50").count(size=31)
    with pytest.raises(ArchcalcError, match="`size`"):
        model("resnet50").count(free=["size"]).totals["macs"].evaluate({"size": 31})


# ---- height, width, batch and classes apart --------------------------------------------------------------------------


@pytest.mark.parametrize("name", some(["resnet18", "resnet50", "resnet50-v1", "resnet152"], 2))
def test_height_and_width_are_apart(name: str) -> None:
    closed = model(name).count(free=["height", "width"])
    for height in range(32, 97, 7):
        for width in (33, 64, 95, 130):
            equal(closed, model(name).count(height=height, width=width), {"height": height, "width": width})
    assert "height" not in str(closed.totals["params"])


@pytest.mark.parametrize("name", NETWORKS)
def test_the_batch_is_a_symbol_too(name: str) -> None:
    closed, one = model(name).count(free=["batch"]), model(name).count().totals
    for key in ("macs", "elementwise", "activations", "act_peak_bytes"):
        assert str(closed.totals[key]) == f"{one[key]}*batch"
    assert closed.totals["params"] == one["params"]
    equal(closed, model(name).count(batch=37), {"batch": 37})


@pytest.mark.parametrize(
    ("name", "features"),
    [("vgg16", 4096), ("googlenet", 1024), ("resnet50", 2048), ("mobilenet_v2", 1280), ("efficientnet_b0", 1280)],
)
def test_each_class_costs_its_weights(name: str, features: int) -> None:
    closed, counted = model(name).count(free=["classes"]), model(name).count().totals
    rest = counted["params"] - 1000 * (features + 1)
    assert str(closed.totals["params"]) == f"{features + 1}*classes + {rest}"
    assert str(closed.totals["macs"]) == f"{features}*classes + {counted['macs'] - 1000 * features}"
    for classes in (1, 10, 21841):
        equal(closed, model(name).count(classes=classes), {"classes": classes})


# ---- in the width and growth of the network --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_a_width_multiplier_stays_a_symbol(name: str) -> None:
    """Every channel is `make_divisible(c*width)`; the sums over them agree for widths that round up, down and to the
    least.
    """
    closed = model(name).count(free=["width", "size"])
    written = text(closed.totals["macs"])
    for percent in (10, 35, 140):
        width = Fraction(percent, 100)
        counted = model(name).count(width=width, size=161)
        equal(closed, counted, {"width": width, "size": 161}, ("params", "buffers", "macs", "activations"))
        assert eval(written, FUNCTIONS, {"width": width, "size": 161}) == counted.totals["macs"]


def test_resnet_50_in_channels_size_and_classes() -> None:
    """5724c² + 977c + 32cn + n weights in the first layer's channels c and the classes n: every other width is a
    multiple of c.
    """
    closed = model("resnet50").count(free=["channels", "size", "classes"])
    assert set(str(closed.totals["params"]).split(" + ")) == {
        "5724*channels**2",
        "977*channels",
        "32*channels*classes",
        "classes",
    }
    assert closed.totals["params"].evaluate({"channels": 64, "classes": 1000}) == 25557032, "torchvision"
    for channels in (1, 2, 5, 16, 63, 96):
        for size in (32, 75, 224):
            equal(
                closed,
                model("resnet50").count(channels=channels, size=size, classes=7),
                {"channels": channels, "size": size, "classes": 7},
            )


def test_densenet_121_in_growth_and_classes() -> None:
    """6700k² + 2908k + 32kn + n (arXiv:1608.06993 table 1, summed by hand in growth k and classes n)."""
    closed = model("densenet121").count(free=["growth", "classes"])
    assert set(str(closed.totals["params"]).split(" + ")) == {
        "6700*growth**2",
        "2908*growth",
        "32*classes*growth",
        "classes",
    }
    assert closed.totals["params"].evaluate({"growth": 32, "classes": 1000}) == 7978856, "torchvision"
    for k in (1, 2, 8, 13, 31, 32, 48):
        for n in (1, 1000):
            assert (
                model("densenet121").count(growth=k, classes=n).totals["params"]
                == 6700 * k**2 + 2908 * k + 32 * k * n + n
            )
            equal(closed, model("densenet121").count(growth=k, classes=n), {"growth": k, "classes": n})


def test_densenet_121_in_growth_and_size_also_where_channels_are_odd() -> None:
    closed = model("densenet121").count(free=["growth", "size"])
    for k in (1, 3, 7, 12, 32):
        for size in (32, 57, 96, 225):
            equal(closed, model("densenet121").count(growth=k, size=size), {"growth": k, "size": size})


def test_odd_channels_are_halved_downwards() -> None:
    """With depths of 1 and odd k, transitions halve an odd number of channels: 3k, then k + floor(3k/2) ..."""
    closed = model("densenet121").count(depths=[1, 1, 1, 1], free=["growth"])
    for k in range(1, 40):
        equal(closed, model("densenet121").count(depths=[1, 1, 1, 1], growth=k), {"growth": k})


# ---- as the design prints them ---------------------------------------------------------------------------------------


def test_resnet_50_reads_as_the_design_says() -> None:
    """In height and width: each stage's MACs an output position of the stage before it, times its positions."""
    macs = model("resnet50").count(free=["height", "width"]).totals["macs"]
    printed = unicode(macs).replace("height", "H").replace("width", "W").replace("·", "")
    stages = (
        "9408⌈H/2⌉⌈W/2⌉ + 245760⌈H/4⌉⌈W/4⌉ + 1310720⌈H/8⌉⌈W/8⌉ + 7471104⌈H/16⌉⌈W/16⌉ + 14417920⌈H/32⌉⌈W/32⌉ + 2048000"
    )
    assert printed == stages


def inline(layers: str, parameters: str, shape: str) -> Model:
    return Model(
        read_spec(f"archcalc: 1\nname: inline\ninput: {shape}\nparams: {parameters}\nlayers: {layers}\n", "inline.yaml")
    )


def weights(network: Model, *free: str) -> str:
    return unicode(network.count(free=free).totals["params"])


def test_two_3x3_are_cheaper_than_one_5x5() -> None:
    """25c² against 18c² for the same field (arXiv:1409.1556 section 2.3, arXiv:1512.00567 section 3.1)."""
    one = inline("[conv c 5x5 bias=false]", "{c: 64}", "[c, 32, 32]")
    two = inline("[2 x conv c 3x3 bias=false]", "{c: 64}", "[c, 32, 32]")
    assert (weights(one, "c"), weights(two, "c")) == ("25c²", "18c²")
    assert Fraction(two.count().totals["params"], one.count().totals["params"]) == Fraction(18, 25)


def test_a_separated_kernel_costs_2n_in_place_of_n_squared() -> None:
    """n x n as 1 x n and n x 1 (arXiv:1512.00567 section 3.2)."""
    whole = inline("[conv 1 (n)x(n) pad=same bias=false]", "{n: 7}", "[1, 32, 32]")
    parts = inline("[conv 1 1x(n) pad=same bias=false, conv 1 (n)x1 pad=same bias=false]", "{n: 7}", "[1, 32, 32]")
    assert (weights(whole, "n"), weights(parts, "n")) == ("n²", "2n")
    for n in (1, 2, 3, 7, 10):
        assert (whole.count(n=n).totals["params"], parts.count(n=n).totals["params"]) == (n * n, 2 * n)


def test_a_depthwise_separable_layer_in_channels_and_kernel() -> None:
    """k²c + c d against k²c d (arXiv:1704.04861 section 3.1)."""
    full = inline("[conv d (k)x(k) pad=same bias=false]", "{c: 32, d: 64, k: 3}", "[c, 14, 14]")
    apart = inline("[dwconv (k)x(k) pad=same bias=false, conv d 1x1 bias=false]", "{c: 32, d: 64, k: 3}", "[c, 14, 14]")
    assert (
        full.count(free=["c", "d", "k"]).totals["macs"].evaluate({"c": 512, "d": 1024, "k": 3})
        == 14 * 14 * 9 * 512 * 1024
    )
    separable = apart.count(free=["c", "d", "k"])
    assert separable.totals["macs"].evaluate({"c": 512, "d": 1024, "k": 3}) == 14 * 14 * (9 * 512 + 512 * 1024)
    assert separable.totals["params"].evaluate({"c": 5, "d": 7, "k": 4}) == 16 * 5 + 5 * 7


# ---- what can't be free ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "free"),
    [
        ("resnet50", "expansion"),  # which block
        ("resnet50", "version"),  # where it strides
    ],
)
def test_a_parameter_that_decides_the_structure_is_named(name: str, free: str) -> None:
    with pytest.raises(SpecError, match=rf"\b{free}\b") as caught:
        model(name).count(free=[free])
    assert any(free in problem.symbols for problem in caught.value.problems)
    assert all(problem.mark is not None for problem in caught.value.problems)


def test_a_kernel_decides_no_structure() -> None:
    closed = model("vgg16").count(free=["third"])
    for third in (1, 2, 3, 5):
        equal(closed, model("vgg16").count(third=third), {"third": third})


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("[n x conv 2*cin 3x3]", "`n` is free and counts repeats; bind it with --set"),
        ("[conv 8 3x3 stride=n]", "stride must be a number, and `n` is free; bind it with --set"),
        ("[conv 8 3x3 groups=n]", "groups must be a number, and `n` is free; bind it with --set"),
        ("[conv 8 3x3 when=(n > 2)]", "n"),
        ("[conv (8 if n == 1 else 4) 3x3]", "n"),
        ("[{add: [conv 8 1x1, conv n 1x1]}]", "branches disagree|`n`"),
    ],
)
def test_what_has_to_be_a_number_says_so(layers: str, says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        inline(layers, "{n: 1}", "[8, 16, 16]").count(free=["n"])
    assert "n" in str(caught.value)
    assert all(problem.mark is not None and problem.mark.line == 5 for problem in caught.value.problems)


def test_freeing_all_leaves_numbers_where_the_structure_needs_them() -> None:
    network = archcalc.load("resnet50")
    table = network.count(free=["all"])
    assert {"expansion", "version"} <= set(table.dropped)
    assert {"size", "classes"} <= set(table.free)
    values = {name: network.count().binding.values[name] for name in table.free}
    equal(table, network.count(), values, ("params", "macs"))


def test_a_list_or_a_word_can_not_be_free() -> None:
    with pytest.raises(ArchcalcError, match="'depths' can't be free: it is a list, not a number"):
        model("resnet50").count(free=["depths"])


# ---- as the language reads them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("densenet-bc-100-12", {"L": 190, "k": 40}),
        ("efficientnet_b0", {"size": 260}),
        ("googlenet", {"size": 299, "classes": 10}),
        ("vgg16", {"size": 320}),
    ],
)
def test_closed_forms_of_any_length_are_read_back(name: str, point: dict[str, int]) -> None:
    closed, counted = (model(name).count(**given).totals for given in ({"free": list(point)}, point))
    forms = {key: text(value) for key, value in closed.items() if isinstance(value, Poly) and key != "act_peak_bytes"}
    assert {key: evaluate(form, point) for key, form in forms.items()} == {key: counted[key] for key in forms}


def test_the_peak_of_googlenet_is_the_largest_of_21_and_is_read_back() -> None:
    peak = model("googlenet").count(free=["size", "classes"]).totals["act_peak_bytes"]
    assert isinstance(peak, Poly)
    point = {"size": 224, "classes": 1000}
    assert evaluate(text(peak), point) == model("googlenet").count().totals["act_peak_bytes"]


def test_a_long_closed_form_is_a_value_of_a_parameter() -> None:
    """Of DenseNet-BC as a channel count: a convolution of so many 1x1 filters without a bias on 3 channels has three
    times as many weights.
    """
    form = text(model("densenet-bc-100-12").count(free=["L", "k"]).totals["params"])
    assert len(form) > 400
    spec = read_spec(
        "archcalc: 1\nname: n\nparams: {L: 100, k: 12, p: 1}\ninput: [3, 8, 8]\nlayers: [conv p 1x1 bias=false]\n",
        "n.yaml",
    )
    assert Model(spec).count(p=form).totals["params"] == 3 * 769_162  # osmr/imgclsmob, DenseNet-BC-100 (k=12)


HEADS = "archcalc: 1\nname: t\ninput: [64, 10]\nparams: {h: 4, k: 2}\nlayers:\n  - attention h kv_heads=k dim=%s\n"


def test_heads_are_free_where_the_figures_have_a_form_in_them() -> None:
    """Queries and output 64 x 16h, keys and values 64 x 16k, and their biases; scores of 10 x 10 positions."""
    table = Model(read_spec(HEADS % "(16*h)", "net.yaml")).count(free=["h", "k"])
    assert str(table.totals["params"]) == "2064*h + 2080*k + 64"
    assert table.domain == ("h % k == 0",)
    table = Model(read_spec(HEADS.replace(" kv_heads=k", "") % 64, "net.yaml")).count(free=["h"])
    assert table.totals["macs"] == 4 * 10 * 64 * 64 + 2 * 10 * 10 * 64
    assert table.domain == ("64 % h == 0",)
    with pytest.raises(SpecError, match="the width of a head, 64 by `h`, has no closed form; bind it with --set"):
        Model(read_spec(HEADS % 64, "net.yaml")).count(free=["h", "k"])


@pytest.mark.parametrize("width", [0.75, Fraction(3, 4), 1, 1.5])
def test_a_closed_form_takes_the_values_that_a_count_takes(width: float) -> None:
    model = load("mobilenet_v1")
    form = model.count(free=["width"]).totals["params"]
    assert isinstance(form, Poly)
    assert form.evaluate({"width": width}) == model.count(width=width).totals["params"]


def test_what_counts_repeats_is_said_in_one_sentence() -> None:
    text = "archcalc: 1\nname: t\ninput: [8, 32]\nparams: {n: 3}\nlayers:\n  - n x conv 8 3 dilation=(i+1)\n"
    with pytest.raises(SpecError, match="dilation must be a number; `n` is free and counts repeats; bind it"):
        Model(read_spec(text, "net.yaml")).count(free=["n"])


def test_a_parameter_that_others_are_chosen_by_stays_a_number(tmp_path: Path) -> None:
    text = "archcalc: 1\nname: n\ninput: [3, size, size]\nparams: {size: 8, version: 1, width: (16 if version == 1 else 32)}\n"
    (tmp_path / "n.yaml").write_text(f"{text}layers:\n  - conv width 1x1 bias=false\n", encoding="utf-8")
    table = archcalc.load(str(tmp_path / "n.yaml")).count(free="all")
    assert (table.free, table.dropped, table.totals["params"]) == (("size",), ("version",), 3 * 16)


def test_a_free_number_of_rows_that_leaves_the_rest_open_stays_a_number(tmp_path: Path) -> None:
    """1,024 elements in k rows are 1,024/k a row, which is no polynomial."""
    path = tmp_path / "net.yaml"
    path.write_text("archcalc: 1\nname: t\nparams: {k: 4}\ninput: [16, 8, 8]\nlayers:\n  - reshape k -1\n")
    table = load(str(path)).count(free=["all"])
    assert (table.rows[0].shape, table.dropped) == ((4, 256), ("k",))
    with pytest.raises(SpecError, match="how often `k` goes into the 1024 elements of 16x8x8"):
        load(str(path)).count(free=["k"])
