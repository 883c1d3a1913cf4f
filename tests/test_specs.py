"""The networks that ship: published figures, written out again here so that a changed spec can't change what it is held against."""

import pytest

import archcalc
from archcalc.model import load, spec_files, zoo_names

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
FIELDS = {"vgg16": 212, "resnet50": 427, "resnet50-v1": 483, "densenet121": 2071, "googlenet-torchvision": 379, "resnet18": 435, "resnet152": 1451}


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


@pytest.mark.parametrize("name", zoo_names())
def test_every_network_and_variant_has_a_sourced_reference(name: str) -> None:
    model = load(name)
    member = model.spec.variant(model.variant)
    references = member.references if member else [*model.spec.references, *(r for m in model.spec.variants.values() for r in m.references)]
    assert [reference.source for reference in references]


def test_names_are_unique_over_all_files() -> None:
    names = [name for path in spec_files() for name in archcalc.load(str(path)).spec.variants]
    assert sorted(names) == sorted(set(names))


def test_a_spec_is_a_page() -> None:
    assert [path.name for path in spec_files() if len(path.read_text(encoding="utf-8").splitlines()) > 150] == []
