"""Words of the language that today's networks need: ties, branches that are alike, sizes that arrive, brackets in lists."""

from __future__ import annotations

import pytest
from running import Command

from archcalc.cost import Table
from archcalc.errors import SpecError
from archcalc.expand import expand
from archcalc.model import read


def counted(layers: str, top: str = "input: [8, 16, 16]") -> Table:
    return read(f"archcalc: 1\nname: t\n{top}\nlayers:\n{layers}", "t.yaml").count()


TIED = "  - wte: embedding 100 32\n  - linear 64\n  - linear 32\n  - linear 100 bias=false tied=wte\n"


def test_a_tied_head_reads_the_embeddings_table_and_adds_no_parameters() -> None:
    table = counted(TIED, "input: [7]")
    assert table.totals["params"] == 100 * 32 + (32 + 1) * 64 + (64 + 1) * 32
    assert table.rows[-1].macs == 7 * 32 * 100
    again = read(expand(table), "flat.yaml").count()
    assert (again.totals["params"], again.totals["macs"]) == (table.totals["params"], table.totals["macs"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("linear 100 tied=wte", "tied=wte reads a weight and has no bias"),
        ("linear 99 bias=false tied=wte", "tied=wte: the weights differ: weight 100x32 there, weight 99x32 here"),
        ("linear 100 bias=false tied=wtf", "no earlier layer with that label"),
        ("linear 100 bias=false share=wte", "the weights differ: weight 100x32 of embedding there"),
        ("conv 3 1 tied=wte", "conv has no option 'tied'"),
    ],
)
def test_a_tie_that_does_not_fit_is_refused(line: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        counted(f"  - wte: embedding 100 32\n  - {line}\n", "input: [7]")
    assert said in str(caught.value)


def test_branches_that_are_alike_are_written_once() -> None:
    table = counted("  - concat: [8 parallel conv 4 3x3]\n", "input: [3, 8, 8]")
    assert (table.totals["params"], table.rows[-1].shape) == (8 * (3 * 9 * 4 + 4), (32, 8, 8))
    mixed = counted("  - add: [identity, {2 parallel: [conv 8 3x3, relu]}]\n")
    assert mixed.totals["params"] == 2 * (8 * 8 * 9 + 8)
    growing = counted("  - concat: [n parallel conv (i+1) 1x1]\n", "input: [3, 8, 8]\nparams: {n: 3}")
    assert growing.rows[-1].shape == (1 + 2 + 3, 8, 8)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("concat: [1 parallel conv 4 1x1]", "concat takes at least 2 branches, got 1"),
        ("concat: [x/2 parallel conv 4 1x1]", "unknown name"),
        ("concat: [2 parallel]", "what is there 2 times? write `2 parallel layer`"),
        ("concat: [(5/2) parallel conv 4 1x1]", "branches are a whole number, got 2.5"),
    ],
)
def test_parallel_branches_that_cannot_be_are_refused(line: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        counted(f"  - {line}\n")
    assert said in str(caught.value)


def test_commas_in_brackets_belong_to_the_value() -> None:
    table = counted("  - [linear max(cin//4,4), relu]\n", "input: [64]")
    assert [(row.op, row.shape) for row in table.rows] == [("linear", (16,)), ("relu", (16,))]
    assert counted("  - concat: [conv make_divisible(cin/3,2) 1x1, identity]\n").rows[-1].shape == (
        4 + 8,
        16,
        16,
    )  # 2 would be less than nine tenths of 8/3
    with pytest.raises(SpecError, match="unbalanced brackets"):
        counted("  - [linear max(cin//4, relu]\n", "input: [64]")


def test_the_size_that_arrives_is_known() -> None:
    table = counted("  - maxpool 1x2\n  - conv hin 1x1\n  - conv win 1x1\n  - conv nin 1x1\n  - conv 2*cin 1x1\n")
    assert [row.shape[0] for row in table.rows] == [8, 16, 8, 128, 256]


@pytest.mark.parametrize(("norm", "word"), [("rms", "rmsnorm"), ("in", "instancenorm"), ("rmsnorm", "rmsnorm")])
def test_short_names_of_normalisations(norm: str, word: str) -> None:
    assert [row.op for row in counted(f"  - conv 8 3x3 norm={norm}\n").rows] == ["conv", word]


def test_the_parameters_sizes_are_named_after_are_the_languages_own(archcalc: Command, tmp_path: object) -> None:
    with pytest.raises(SpecError, match="the language uses it"):
        counted("  - relu\n", "input: [8]\nparams: {nin: 3}")
