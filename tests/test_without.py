"""Leaving layers out where others share their weights: the first of those has them then."""

from __future__ import annotations

from typing import Any

import pytest

from archcalc.cost import Table
from archcalc.errors import SpecError
from archcalc.model import Model
from archcalc.spec import read_spec

CONV = 8 * 8 * 3 * 3 + 8
HEAD = (
    "archcalc: 1\nname: net\nparams: {n: 3}\ninput: [8, 16, 16]\nblocks:\n  pair(c): [x: conv c 3x3, y: conv c 3x3"
    " norm=bn]\n"
)
PAIR = CONV + CONV + 2 * 8  # the normalization has a scale and a bias a channel


def counted(layers: str, *without: str, **bindings: Any) -> Table:
    return Model(read_spec(f"{HEAD}layers:\n{layers}", "net.yaml")).count(without=without, **bindings)


def params(layers: str, *without: str, **bindings: Any) -> dict[str, int]:
    """Of the layers that have any."""
    return {row.name: row.params for row in counted(layers, *without, **bindings).rows if row.params != 0}


LAYERS = "  - own: conv 8 3x3\n  - two: conv 8 3x3 share=own\n  - three: conv 8 3x3 share=own\n"


def test_the_first_that_shares_the_weights_has_them() -> None:
    assert params(LAYERS) == {"own": CONV}
    assert params(LAYERS, "own") == {"two": CONV}
    assert params(LAYERS, "own", "two") == {"three": CONV}
    assert counted(LAYERS, "own").totals["macs"] == 2 * 16 * 16 * 8 * 8 * 3 * 3


def test_of_a_chain_of_shares_one_may_be_missing() -> None:
    chain = LAYERS.replace("three: conv 8 3x3 share=own", "three: conv 8 3x3 share=two")
    assert params(chain, "two") == {"own": CONV}
    assert params(chain, "own") == {"two": CONV}
    assert params(chain + "  - four: conv 8 3x3 share=own\n", "own", "two") == {"three": CONV}


BLOCKS = "  - a: pair 8\n  - b: pair 8 share=a\n  - c: pair 8 share=a\n"


@pytest.mark.parametrize(
    ("without", "owners"),
    [
        ((), {"a/x": CONV, "a/y": CONV, "a/y.bn": 16}),
        (("a",), {"b/x": CONV, "b/y": CONV, "b/y.bn": 16}),
        (("a/x",), {"a/y": CONV, "a/y.bn": 16, "b/x": CONV}),
        (("a/y",), {"a/x": CONV, "b/y": CONV, "b/y.bn": 16}),
        (("a", "b/x"), {"b/y": CONV, "b/y.bn": 16, "c/x": CONV}),
        (("a", "b"), {"c/x": CONV, "c/y": CONV, "c/y.bn": 16}),
        (("b",), {"a/x": CONV, "a/y": CONV, "a/y.bn": 16}),
    ],
)
@pytest.mark.parametrize("third", ["a", "b"])
def test_of_a_block_each_layer_goes_to_the_first_that_is_left(
    without: tuple[str, ...], owners: dict[str, int], third: str
) -> None:
    assert params(BLOCKS.replace("c: pair 8 share=a", f"c: pair 8 share={third}"), *without) == owners
    assert sum(owners.values()) == PAIR


def test_a_layer_in_a_group_that_is_left_out_is_handed_on_too() -> None:
    assert params("  - stem: [own: conv 8 3x3, relu]\n  - two: conv 8 3x3 share=stem/own\n", "stem") == {"two": CONV}
    assert params("  - own: 2 x pair 8\n  - b: pair 8 share=own/2\n", "own/2") == {
        "own/1/x": CONV, "own/1/y": CONV, "own/1/y.bn": 16, "b/x": CONV, "b/y": CONV, "b/y.bn": 16,
    }  # fmt: skip


def test_repeats_that_share_what_is_left_out_have_it_once() -> None:
    layers = "  - own: conv 8 3x3\n  - n x: [conv 8 3x3 share=own]\n"
    for n in (1, 2, 5):
        assert counted(layers, "own", n=n).totals["params"] == CONV
    closed = counted(layers, "own", free=["n"]).totals
    assert closed["params"] == CONV
    assert str(closed["macs"]) == f"{16 * 16 * 8 * 8 * 3 * 3}*n"


def test_a_label_that_never_was_is_still_a_mistake() -> None:
    with pytest.raises(SpecError, match="share=owm: there is no earlier layer with that label"):
        counted(LAYERS.replace("three: conv 8 3x3 share=own", "three: conv 8 3x3 share=owm"), "own")
    with pytest.raises(SpecError, match="there is no earlier block with that label"):
        counted(BLOCKS.replace("c: pair 8 share=a", "c: pair 8 share=d"), "a")


def test_weights_that_do_not_fit_are_refused_as_ever() -> None:
    with pytest.raises(SpecError, match="the weights differ"):
        counted(LAYERS.replace("three: conv 8 3x3", "three: conv 8 1x1"), "own")
