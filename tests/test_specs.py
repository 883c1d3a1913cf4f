"""The networks that ship: published figures, written out again here so that a changed spec can't change what it is held
against.
"""

from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import archcalc
from archcalc.files import spec_files
from archcalc.model import Model, load
from archcalc.ops import OPS
from archcalc.spec.model import METRICS, Quantity, Reference, read_quantity

DATA = Path(__file__).parent / "data"

# parameters, MACs at the spec's own input size; sources stand in the specs' `reference:` entries
TOTALS = {
    "alexnet": (61_100_840, 714_188_480),
    "alexnet-grouped": (60_965_224, 724_406_816),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "googlenet": (6_998_552, 1_582_671_872),
    "googlenet-torchvision": (6_624_904, 1_498_376_192),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet50-v1": (25_557_032, 3_857_973_248),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
    "densenet161": (28_681_000, 7_727_907_072),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "cnn-flattening": (388_298, None),
    "cnn-gap": (101_578, None),
    "conv5x5-naive": (None, 28 * 28 * 32 * 5 * 5 * 192),
    "conv5x5-bottleneck": (None, 28 * 28 * 16 * 192 + 28 * 28 * 32 * 5 * 5 * 16),
}
# the last map before the network goes global: Araujo et al. (Distill, 2019) for vgg16 and the strides of resnet50-v1
FIELDS = {
    "vgg16": 212,
    "resnet50": 427,
    "resnet50-v1": 483,
    "densenet121": 2071,
    "googlenet-torchvision": 379,
    "resnet18": 435,
    "resnet152": 1451,
}


@pytest.mark.parametrize("name", TOTALS)
def test_totals(name: str) -> None:
    params, macs = TOTALS[name]
    totals = load(name).count().totals
    assert (totals["params"] if params else None, totals["macs"] if macs else None) == (params, macs)


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_fields(name: str) -> None:
    last = load(name).count().last_map
    assert last is not None
    assert [span.size for span in last[2].spans] == [FIELDS[name]] * 2


def test_train_heads_are_counted_in_training_only() -> None:
    assert load("googlenet").count(train=True).totals["params"] == 13_378_280
    assert load("googlenet-torchvision").count(train=True).totals["params"] == 13_004_888


@cache
def references(name: str) -> list[Reference]:
    model = load(name)
    return own_references(model)


def own_references(model: Model) -> list[Reference]:
    """A spec's own, or a variant's own: neither borrows the other's."""
    member = model.spec.variant(model.variant)
    return member.references if member else model.spec.references


@pytest.mark.parametrize("path", spec_files(), ids=lambda path: path.stem)
def test_every_spec_and_every_variant_has_a_reference_that_holds(path: Path) -> None:
    spec = load(str(path)).spec
    without = [
        name
        for name in (None, *spec.variants)
        if not [
            reference
            for reference in own_references(Model(spec, name))
            if reference.expect == "match" and not is_our_own_count(reference)
        ]
    ]
    assert without == []


def is_our_own_count(reference: Reference) -> bool:
    return "archcalc" in reference.source


@pytest.mark.parametrize("path", spec_files(), ids=lambda path: path.stem)
def test_a_known_mismatch_says_why(path: Path) -> None:
    spec = load(str(path)).spec
    found = [reference for name in (None, *spec.variants) for reference in own_references(Model(spec, name))]
    assert [reference for reference in found if reference.expect == "mismatch" and not reference.note] == []


# ---- figures that others have published ------------------------------------------------------------------------------

PUBLISHED: dict[str, list[dict[str, Any]]] = yaml.load(
    (DATA / "published.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)
ROWS = [(section, row) for section, rows in PUBLISHED.items() for row in rows]


@pytest.mark.parametrize(
    ("section", "row"),
    ROWS,
    ids=lambda value: value if isinstance(value, str) else f"{value['network']} {value.get('layer', '')}",
)
def test_a_published_figure_is_a_reference(section: str, row: dict[str, Any]) -> None:
    wanted = {metric: read_quantity(row[metric]) for metric in METRICS if metric in row}
    found: dict[str, Quantity] = {}
    for reference in references(row["network"]):
        if is_about(reference, row):
            found |= {
                metric: quantity
                for metric in wanted
                if (quantity := getattr(reference, metric)) is not None and quantity[:2] == wanted[metric][:2]
            }
    assert sorted(found) == sorted(wanted)
    assert wanted


def is_about(reference: Reference, row: dict[str, Any]) -> bool:
    """Of the same layer, with the same parameters, in the same mode, and from there."""
    sets = {name: str(value) for name, value in reference.set.items()}
    same = (reference.layer, reference.train, sets) == (
        row.get("layer"),
        row.get("train", False),
        {name: str(value) for name, value in row.get("set", {}).items()},
    )
    return same and row["source"] in reference.source


def test_the_published_figures_are_all_there() -> None:
    assert {section: len(rows) for section, rows in PUBLISHED.items() if section != "papers"} == {
        "torchvision": 37,
        "distill": 12,
        "end_points": 71,
    }


SYSTEMS: dict[str, list[str]] = yaml.load((DATA / "systems.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_of_the_lectures_is_there(system: str) -> None:
    assert [name for name in SYSTEMS[system] if not references(name)] == []


# ---- files -----------------------------------------------------------------------------------------------------------


def test_names_are_unique_over_all_files() -> None:
    names = [name for path in spec_files() for name in archcalc.load(str(path)).spec.variants]
    assert sorted(names) == sorted(set(names))


def test_a_spec_is_a_page() -> None:
    assert [path.name for path in spec_files() if len(path.read_text(encoding="utf-8").splitlines()) > 150] == []


def test_python_takes_paths_and_names_as_people_give_them(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "archcalc: 1\nname: Small\nparams: {size: 8, width: 4}\ninput: [3, size, size]\nlayers:\n  - c: conv width"
        " 3x3\n  - d: conv 5 1x1\n",
        encoding="utf-8",
    )
    model = archcalc.load(path)
    assert model.count(free="size, width").free == model.count(free=["size", "width"]).free
    assert model.count(without="c,d").totals["params"] == 0
    assert archcalc.compare(path, path, without="d").totals["params"].change == -(4 * 5 + 5)
    assert repr(model) == f"<Model {path}>"
    table = model.count()
    assert repr(table) == "<Table of Small: 2 layers>"
    assert str(table).startswith("Small \u00b7 input 3x8x8")
    assert {"load", "compare", "Model"} <= {*dir(archcalc)}
    assert OPS["dropout"](p=0.5) == OPS["dropout"](p=Fraction(1, 2))
