"""`archcalc zoo`: which networks it lists, and how."""

from __future__ import annotations

import csv
import io
import json

import pytest
from running import Command


def names(archcalc: Command, *words: str) -> list[str]:
    found = archcalc("zoo", *words, "--format", "json")
    assert found.code == 0, found.err
    return [network["name"] for network in json.loads(found.out)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--family", "lenet"), ["lenet", "lenet5-classic"]),
        (("--family", "resnet", "--where", "params == 11689512"), ["resnet18"]),
        (("--family", "resnet", "--where", "macs > 11.5G and depth < 200"), ["resnet152"]),
        (("--family", "resnet", "--where", "params < 25M"), ["resnet18", "resnet34"]),
        (("--family", "resnet", "--where", "weight_bytes < 44.7MiB"), ["resnet18"]),
        (("--family", "resnet,lenet", "--where", "family != 'resnet' and params < 61k"), ["lenet"]),
        (("--family", "resnet", "--where", "name in ['resnet34', 'vgg16']"), ["resnet34"]),
        (("--family", "resnet", "--where", "not depth > 18"), ["resnet18"]),
        (("--family", "lenet", "--where", "year > 1998"), []),
        (("--family", "dsn", "--where", "field > 1 and field < 1"), []),
    ],
)
def test_networks_are_chosen_by_family_and_by_their_figures(
    archcalc: Command, words: tuple[str, ...], found: list[str]
) -> None:
    assert names(archcalc, *words) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--family", "resnt"), "there is no family 'resnt'; did you mean 'resnet'?"),
        (("--family", "lenet", "--where", "parms < 3"), "there is no figure 'parms'; did you mean 'params'?"),
        (("--family", "lenet", "--where", "params"), "'params' is no condition"),
        (("--family", "lenet", "--where", "params <"), "can't read the expression"),
        (("--family", "lenet", "--where", "params < 'a'"), "needs numbers"),
        (("--family", "lenet", "--where", "__import__('os')"), "unknown function"),
        (("--family", "lenet", "--by", "year"), "unknown --by 'year'; there are network, family"),
        (("--family", "lenet", "--by", "family", "--format", "csv"), "--by family is a table"),
        (("--family", "lenet", "--format", "yaml"), "there are table, markdown, csv, json"),
    ],
)
def test_what_there_is_not_is_refused(archcalc: Command, words: tuple[str, ...], said: str) -> None:
    found = archcalc("zoo", *words)
    assert (found.code, found.out) == (2, "")
    assert said in found.err


def test_rows_of_csv_have_the_figures_of_json(archcalc: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(archcalc("zoo", "--family", "lenet,resnet", "--format", "csv").out)))
    other = json.loads(archcalc("zoo", "--family", "lenet,resnet", "--format", "json").out)
    assert [(row["name"], int(row["params"]), int(row["act_peak_bytes"])) for row in rows] == [
        (row["name"], row["params"], row["act_peak_bytes"]) for row in other
    ]
    assert rows[0]["inputs"] == "input 1x32x32"


def test_a_row_for_each_family(archcalc: Command) -> None:
    lines = archcalc("zoo", "--family", "resnet,lenet", "--by", "family").out.splitlines()
    assert [line.split()[:2] for line in lines[2:4]] == [["lenet", "2"], ["resnet", "7"]]
    assert lines[-1] == "9 networks in 2 families"


def test_a_part_of_the_zoo_in_markdown_is_a_table_alone(archcalc: Command) -> None:
    found = archcalc("zoo", "--family", "lenet", "--format", "markdown").out.splitlines()
    assert (len(found), found[0][:2]) == (4, "| ")
