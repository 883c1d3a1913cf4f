"""The command line: what is printed where, in every format, and how it exits."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import jsonschema
import pytest

from archcalc.cli.commands import COMMANDS
from archcalc.files import spec_files, zoo_names
from archcalc.render.columns import COLUMNS
from archcalc.zoo import year_of

ROOT = Path(__file__).parent.parent


def write(folder: Path, layers: str, more: str = "", size: str = "[3, 32, 32]") -> str:
    path = folder / "net.yaml"
    path.write_text(f"archcalc: 1\nname: t\n{more}input: {size}\nlayers:\n{layers}", encoding="utf-8")
    return str(path)


def test_the_lecture_pair_layer_by_layer(archcalc) -> None:
    rows = json.loads(archcalc("count", "cnn-flattening", "--format", "json").out)["layers"]
    assert [row["params"] for row in rows if row["params"]] == [320, 18496, 73856, 294976, 650]
    rows = json.loads(archcalc("count", "cnn-gap", "--format", "json").out)["layers"]
    assert [row["params"] for row in rows if row["params"]] == [320, 18496, 73856, 8256, 650]


def test_the_json_has_the_keys_of_the_contract(archcalc) -> None:
    found = json.loads(archcalc("count", "googlenet", "--format", "json").out)
    assert found["schema"] == "archcalc/count/1"
    assert found["bindings"] == {"size": 224, "classes": 1000} | {
        k: v for k, v in found["bindings"].items() if k not in ("size", "classes")
    }
    assert found["totals"]["params"] == 6_998_552
    assert (found["totals"]["depth"], found["totals"]["depth_with_pooling"], found["totals"]["uncounted"]) == (
        22,
        27,
        [],
    )
    assert {key: found[key] for key in ("convention", "mode", "batch", "free", "variant")} == {
        "convention": "macs", "mode": "inference", "batch": 1, "free": [], "variant": None,
    }  # fmt: skip
    assert found["inputs"] == {"input": [3, 224, 224]}
    assert found["receptive_field"]["at"] == "5b"
    first = found["layers"][0]
    assert {key: first[key] for key in ("name", "op", "block", "inputs", "shape", "params", "macs", "activations", "receptive_field")} == {
        "name": "conv1", "op": "conv", "block": "", "inputs": ["input"], "shape": [64, 112, 112], "params": 64 * 3 * 7 * 7 + 64,
        "macs": 64 * 112 * 112 * 3 * 7 * 7, "activations": 64 * 112 * 112,
        "receptive_field": {"size": [7, 7], "stride": [2, 2], "start": [-3, -3]},
    }  # fmt: skip
    assert "conv1" in (ROOT / "specs/googlenet.yaml").read_text().splitlines()[first["line"] - 1]


def test_several_specs_give_a_list(archcalc) -> None:
    found = json.loads(archcalc("count", "resnet18", "vgg16", "--depth", "0", "--format", "json").out)
    assert [(table["totals"]["params"], table["layers"]) for table in found] == [(11_689_512, []), (138_357_544, [])]


@pytest.mark.parametrize(
    "extra",
    [[], ["--depth", "0"], ["--depth", "2"], ["--by", "layer"], ["--by", "op"], ["--by", "block", "--depth", "2"]],
)
def test_totals_do_not_depend_on_how_rows_are_grouped(archcalc, extra: list[str]) -> None:
    assert json.loads(archcalc("count", "googlenet", *extra, "--format", "json").out)["totals"]["macs"] == 1_582_671_872


@pytest.mark.parametrize(
    "extra",
    [
        ["--by", "layer"],
        ["--by", "op"],
        ["--by", "block"],
        ["--by", "block", "--depth", "2"],
        ["--sort", "macs", "--top", "3"],
    ],
)
def test_rows_add_up_to_the_totals(archcalc, extra: list[str]) -> None:
    found = json.loads(archcalc("count", "googlenet", *extra, "--format", "json").out)
    for name in ("params", "macs", "flops", "activations", "weight_bytes"):
        assert sum(row[name] for row in found["layers"]) == found["totals"][name]


def test_sorting_puts_the_dearest_first_and_keeps_the_rest_in_one_row(archcalc) -> None:
    rows = json.loads(
        archcalc("count", "vgg16", "--by", "layer", "--sort", "params", "--top", "2", "--format", "json").out
    )["layers"]
    assert [(row["name"], row["params"]) for row in rows] == [
        ("fc6", 102_764_544),
        ("fc7", 16_781_312),
        ("37 more", 138_357_544 - 102_764_544 - 16_781_312),
    ]


def test_free_parameters_give_formulas_that_python_reads(archcalc) -> None:
    found = json.loads(archcalc("count", "resnet50", "--free", "size,classes", "--format", "json").out)
    assert found["free"] == ["size", "classes"]
    assert (
        eval(found["totals"]["macs"], {"size": 225, "classes": 10})
        == json.loads(
            archcalc(
                "count", "resnet50", "--set", "size=225", "--set", "classes=10", "--depth", "0", "--format", "json"
            ).out
        )["totals"]["macs"]
    )
    assert found["layers"][0]["shape"] == [64, "(size + 1)//2", "(size + 1)//2"]


def test_free_all_leaves_alone_what_decides_the_structure(archcalc) -> None:
    done = archcalc("count", "resnet50", "--free", "all", "--depth", "0", "--format", "json")
    assert (done.code, json.loads(done.out)["totals"]["params"]) == (0, "2049*classes + 23508032")
    assert "stays" in done.err
    assert archcalc("count", "resnet50", "--free", "all", "--depth", "0", "--quiet").err == ""


def test_batch_multiplies_work_but_not_parameters(archcalc) -> None:
    one, many, free = (
        json.loads(archcalc("count", "alexnet", *extra, "--depth", "0", "--format", "json").out)["totals"]
        for extra in ([], ["--batch", "8"], ["--free", "batch"])
    )
    assert (many["params"], many["macs"], many["act_peak_bytes"]) == (
        one["params"],
        8 * one["macs"],
        8 * one["act_peak_bytes"],
    )
    assert eval(str(free["macs"]), {"batch": 8}) == many["macs"]


def test_dtypes_change_bytes_only(archcalc) -> None:
    wide, narrow = (
        json.loads(archcalc("count", "alexnet", "--dtype", d, "--depth", "0", "--format", "json").out)["totals"]
        for d in ("fp32", "fp16")
    )
    assert (wide["weight_bytes"], narrow["weight_bytes"]) == (61_100_840 * 4, 61_100_840 * 2)
    assert (wide["act_peak_bytes"], wide["macs"]) == (2 * narrow["act_peak_bytes"], narrow["macs"])


def test_the_table_has_a_row_a_line_and_the_totals(archcalc) -> None:
    lines = archcalc("count", "googlenet").out.splitlines()
    assert lines[0] == "GoogLeNet · input 3x224x224 · specs/googlenet.yaml" or lines[0].startswith(
        "GoogLeNet · input 3x224x224"
    )
    assert re.fullmatch(
        r"3a +inception 64 96 128 16 32 32 +256x28x28 +164k +128M +8\.1 +59",
        next(line for line in lines if line.startswith("3a")),
    )
    assert re.fullmatch(r"total +7\.00M +1\.58G +100\.0", next(line for line in lines if line.startswith("total")))
    assert "coverage     141 of 141 layers counted" in lines


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("extra", [[], ["--depth", "3"], ["--free", "all"], ["--train", "--flops"]])
def test_a_table_fits_the_terminal(archcalc, columns: int, extra: list[str]) -> None:
    done = archcalc("count", "resnet50", *extra, columns=columns)
    assert max(map(len, done.out.splitlines())) <= columns


def test_nothing_is_coloured(archcalc) -> None:
    assert "\x1b" not in archcalc("count", "googlenet").out + archcalc("--help").out


def test_markdown_is_a_github_table(archcalc) -> None:
    lines = archcalc("count", "googlenet", "--format", "markdown", "--depth", "2").out.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {8}
    assert re.fullmatch(r"\|:-+\|:-+\|-+:\|-+:\|-+:\|-+:\|-+:\|", table[1])
    assert "**7.00M**" in table[-1]


def test_html_is_one_well_formed_table_a_spec(archcalc) -> None:
    done = archcalc("count", "googlenet", "--free", "size", "--format", "html")
    root = xml.etree.ElementTree.fromstring(done.out)
    assert root.tag == "table"
    assert len(root.findall("./tbody/tr")) == 20
    (total,) = root.findall("./tfoot/tr")
    assert "border-top" in total.attrib["style"]
    assert "total" in "".join(total.itertext())


def test_csv_holds_every_layer_with_exact_numbers(archcalc) -> None:
    rows = list(csv.DictReader(io.StringIO(archcalc("count", "googlenet", "alexnet", "--format", "csv").out)))
    assert sum(int(row["params"]) for row in rows if row["network"] == "GoogLeNet") == 6_998_552
    assert len([row for row in rows if row["network"] == "GoogLeNet"]) == 141


@pytest.mark.parametrize(
    "extra", [[], ["--free", "size"], ["--depth", "2"], ["--columns", "layer,shape,params%,field"]]
)
def test_latex_is_a_tabular_with_balanced_braces_and_escapes(archcalc, extra: list[str]) -> None:
    out = archcalc("count", "resnet18", "--format", "latex", *extra).out
    body = "\n".join(line for line in out.splitlines() if not line.startswith("%"))
    assert body.count(r"\begin{tabular}") == body.count(r"\end{tabular}") == 1
    assert body.count("{") == body.count("}")
    assert body.count("$") % 2 == 0
    assert not re.search(r"(?<!\\)[%#]", body)
    assert not [letter for letter in body if ord(letter) > 127]
    wraps = r">\{\\raggedright\\arraybackslash\}p\{[\d.]+\\linewidth\}"
    columns = re.sub(wraps, "p", body.split("\\begin{tabular}")[1].split("\n")[0])[1:-1]
    assert ("p" in columns) is ("--free" in extra)
    lines = body.splitlines()
    assert [lines.index(rule) for rule in (r"\toprule", r"\bottomrule")] == [1, len(lines) - 2]
    assert lines[-4] == r"\midrule"
    assert lines[-3].startswith("total &")
    assert not re.search(r"\dx\d", body)
    assert {line.count("&") for line in body.splitlines() if line.endswith(r"\\")} == {len(columns) - 1}


SIDE_BY_SIDE = {  # 61,100,840 parameters by hand in tests/test_specs.py, 138,357,544 by torchvision
    "table": "AlexNet 3x224x224 61,100,840",
    "markdown": "| VGG-16 | 3x224x224 | 138,357,544 |",
    "rst": "| VGG-16 | 3x224x224 | 138,357,544 |",
    "html": ">138,357,544</td>",
    "latex": r"VGG-16 & 3$\times$224$\times$224 & 138,357,544 &",
    "csv": "VGG-16,total,,,,0,,,138357544,",
}


@pytest.mark.parametrize("form", SIDE_BY_SIDE)
def test_at_depth_0_several_networks_are_one_table_with_a_row_each(archcalc, form: str) -> None:
    out = archcalc("count", "alexnet", "vgg16", "--depth", "0", "--format", form).out
    assert SIDE_BY_SIDE[form] in re.sub(" +", " ", out)
    assert out.count("VGG-16") == out.count("AlexNet") == 1


def test_latex_of_several_networks_holds_free_sizes_as_math(archcalc) -> None:
    out = archcalc("count", "alexnet", "vgg16", "--free", "size", "--depth", "0", "--format", "latex").out
    assert r"3$\times$$\mathit{size}$$\times$$\mathit{size}$ &" in out
    assert "x00" not in out


def test_csv_is_never_empty_and_json_and_csv_hold_the_chosen_columns(archcalc) -> None:
    (row,) = csv.DictReader(io.StringIO(archcalc("count", "alexnet", "--depth", "0", "--format", "csv").out))
    assert (row["network"], row["params"], row["field_size"]) == ("AlexNet", "61100840", "195x195")
    chosen = ["count", "alexnet", "--columns", "layer,op,shape,macs,macs%,field,layers"]
    rows = list(csv.reader(io.StringIO(archcalc(*chosen, "--format", "csv").out)))
    assert rows[0] == ["network", "layer", "op", "shape", "macs", "macs%", "field", "layers"]
    assert rows[1] == ["AlexNet", "conv1", "conv 64 11x11 stride=4 pad=2", "64x55x55", "70276800", "9.8", "11x11", "1"]
    layers = json.loads(archcalc(*chosen, "--format", "json").out)["layers"]
    assert set(layers[0]) == {"name", "op", "text", "shape", "macs", "receptive_field", "layers"}
    assert archcalc("count", "alexnet", "--columns", "colour", "--format", "csv").code == 2
    every = ["count", "lenet", "--columns", ",".join(COLUMNS), "--train"]
    (_, first, *_) = csv.reader(io.StringIO(archcalc(*every, "--format", "csv").out))
    assert len(first) == 1 + len(COLUMNS)
    assert first[1 + [*COLUMNS].index("kept")].isdecimal()
    assert isinstance(json.loads(archcalc(*every, "--format", "json").out)["layers"][0]["alive_bytes"], int)


def test_columns_can_be_chosen_and_are_explained(archcalc) -> None:
    done = archcalc(
        "count",
        "alexnet",
        "--columns",
        "layer,params%,bytes,intensity,stride,start,elementwise,activations,weights,buffers,trainable,inputs,line,layers",
    )
    assert done.code == 0
    assert "intensity" in archcalc("count", "alexnet", "--columns", "help").out


def test_check_passes_and_fails_with_their_exit_codes(archcalc, tmp_path: Path) -> None:
    right = write(
        tmp_path, "  - conv 8 3x3\n", "reference:\n  - {params: 224, source: by hand}\nbudget: {params: {max: 300}}\n"
    )
    assert archcalc("check", right).code == 0
    for wrong in (
        "reference:\n  - {params: 1, source: nowhere}\n",
        "budget: {params: {max: 223}}\n",
        "budget: {macs: {min: 1G}}\n",
    ):
        done = archcalc("check", write(tmp_path, "  - conv 8 3x3\n", wrong))
        assert (done.code, "FAIL" in done.out, "net.yaml:3:" in done.out or "net.yaml:4:" in done.out) == (
            1,
            True,
            True,
        )
    warned = archcalc("check", write(tmp_path, "  - conv 8 3x3\n", "budget: {params: {max: 223, level: warn}}\n"))
    assert (warned.code, "warn" in warned.out) == (0, True)
    noted = "reference:\n  - {params: 5M, expect: mismatch, source: a slide, note: loose}\n"
    assert archcalc("check", write(tmp_path, "  - conv 8 3x3\n", noted)).code == 0
    assert archcalc("check", write(tmp_path, "  - conv 8 3x3\n", noted.replace("5M", "224"))).code == 1


@pytest.mark.parametrize(
    ("figure", "holds"),
    [("0.2k", True), ("0.3k", False), ("224", True), ("223", False), ("220, tol: 2%", True), ("220, tol: 1%", False)],
)
def test_a_reference_holds_to_its_printed_digit_or_within_its_tolerance(
    archcalc, tmp_path: Path, figure: str, holds: bool
) -> None:
    path = write(tmp_path, "  - conv 8 3x3\n", f"reference:\n  - {{params: {figure}, source: by hand}}\n")
    assert archcalc("check", path).code == (0 if holds else 1)


def test_check_speaks_json(archcalc) -> None:
    found = json.loads(archcalc("check", "specs/googlenet.yaml", "--format", "json").out)
    assert found["schema"] == "archcalc/check/1"
    assert [network["failed"] for network in found["networks"]] == [0] * len(found["networks"])


FIGURES = """reference:
  - {params: 224, macs: 221184, source: by hand}
  - {params: 5M, expect: mismatch, source: a slide, note: loose}
  - {params: 225, source: a typo}
budget: {params: {max: 300, min: 300}, macs: {max: 1, level: warn}}
variants: {wide: {c: 16, reference: [{params: 448, source: by hand}]}}
params: {c: 8}
"""


def test_check_ends_with_what_it_checked(archcalc, tmp_path: Path) -> None:
    path = write(tmp_path, "  - conv c 3x3\n", FIGURES)
    done = archcalc("check", path)
    assert done.code == 1
    assert (
        done.out.splitlines()[-1]
        == "3 references matched, 1 known mismatch, 1 budget held, 1 warning, 2 failed in 2 networks"
    )
    found = json.loads(archcalc("check", path, "--format", "json").out)
    wanted = {
        "networks": 2,
        "references_matched": 3,
        "known_mismatches": 1,
        "budgets_held": 1,
        "warnings": 1,
        "failed": 2,
    }
    assert found["totals"] == wanted
    assert [network["failed"] for network in found["networks"]] == [2, 0]
    assert [figure["note"] for figure in found["networks"][0]["figures"] if figure["known_mismatch"]] == ["loose"]


def test_quiet_check_prints_failures_and_what_was_checked(archcalc, tmp_path: Path) -> None:
    lines = archcalc("check", write(tmp_path, "  - conv c 3x3\n", FIGURES), "--quiet").out.splitlines()
    assert [line.split()[0] for line in lines] == [f"{tmp_path}/net.yaml:", "FAIL", "FAIL", "3"]
    assert len(archcalc("check", "resnet18", "--quiet").out.splitlines()) == 1


def test_a_folder_stands_for_the_specs_in_it_and_below(archcalc, tmp_path: Path) -> None:
    for place in ("a.yaml", "b/c/d.yml", ".hidden/e.yaml"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Path(write(tmp_path, "  - relu\n")).rename(tmp_path / place)
    (tmp_path / "README.md").write_text("archcalc: 1\n", encoding="utf-8")
    (tmp_path / "b" / "workflow.yaml").write_text("on: push\njobs: {archcalc: {}}\n", encoding="utf-8")
    (tmp_path / ".pre-commit-config.yaml").write_text("layers: []\n", encoding="utf-8")
    (tmp_path / "b" / "meant.yaml").write_text("name: net\nlayers: [relu]\n", encoding="utf-8")
    done = archcalc("check", str(tmp_path))
    assert (done.code, done.out.splitlines()[-1]) == (0, "0 references matched, 0 known mismatches in 2 networks")
    assert done.err == f"note: no specs, for want of `archcalc: 1`: {tmp_path}/b/meant.yaml\n"
    counted = json.loads(archcalc("count", str(tmp_path), str(tmp_path / "a.yaml"), "--quiet", "--format", "json").out)
    assert [table["spec"] for table in counted] == [f"{tmp_path}/a.yaml", f"{tmp_path}/b/c/d.yml", f"{tmp_path}/a.yaml"]
    assert archcalc("check", str(tmp_path), str(tmp_path / "a.yaml")).out.count("a.yaml") == 1


def test_a_folder_without_specs_is_refused_and_hides_no_network(
    archcalc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet18").mkdir()
    assert archcalc("count", "resnet18", "--depth", "0").code == 0
    for command in ("check", "count"):
        done = archcalc(command, "resnet18/")
        assert (done.code, done.out, done.err) == (2, "", "archcalc: there is no spec in the folder resnet18/\n")
        assert archcalc(command, "nowhere/").err == "nowhere/: No such file or directory\n"
    (tmp_path / "resnet18" / "a.yaml").write_text("name: t\nlayers: []\n", encoding="utf-8")
    assert "a.yaml has layers, but no line `archcalc: 1`" in archcalc("check", "./resnet18").err
    assert "is a directory" in archcalc("expand", "./resnet18").err


def test_mistakes_in_several_specs_of_a_folder_are_told_together(archcalc, tmp_path: Path) -> None:
    for name, layer in (("read", "cnv 8 3x3"), ("built", "conv 8 3x3 groups=2"), ("right", "relu")):
        Path(write(tmp_path, f"  - {layer}\n")).rename(tmp_path / f"{name}.yaml")
    done = archcalc("check", str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert re.findall(r"(\w+)\.yaml:5:5: ", done.err) == ["built", "read"]


@pytest.mark.slow
def test_every_shipped_spec_checks(archcalc) -> None:
    done = archcalc("check", "specs", "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["totals"]["failed"], found["totals"]["warnings"]) == (0, 0, 0)
    assert [network["spec"] for network in found["networks"] if network["variant"] is None] == [
        str(path.relative_to(ROOT)) for path in spec_files()
    ]


def test_specs_of_a_folder_check(archcalc, tmp_path: Path) -> None:
    files = spec_files()[::8]
    for path in files:
        shutil.copy(path, tmp_path)
    done = archcalc("check", str(tmp_path), "--format", "json")
    found = json.loads(done.out)
    assert (done.code, found["totals"]["failed"], found["totals"]["warnings"]) == (0, 0, 0)
    names = [Path(network["spec"]).name for network in found["networks"] if network["variant"] is None]
    assert names == sorted(path.name for path in files)


def test_expand_prints_a_spec_that_counts_the_same(archcalc, tmp_path: Path) -> None:
    flat = tmp_path / "flat.yaml"
    flat.write_text(archcalc("expand", "googlenet").out, encoding="utf-8")
    one, two = (json.loads(archcalc("count", spec, "--format", "json").out) for spec in ("googlenet", str(flat)))
    assert one["totals"] == two["totals"]
    assert [(row["name"], row["macs"], row["receptive_field"]) for row in one["layers"]] == [
        (row["name"], row["macs"], row["receptive_field"]) for row in two["layers"]
    ]


@pytest.mark.slow
def test_the_zoo_lists_every_network(archcalc) -> None:
    assert sorted(network["name"] for network in json.loads(archcalc("zoo", "--format", "json").out)) == zoo_names()


def test_the_zoo_has_figures_and_years(archcalc) -> None:
    families = ("lenet", "alexnet", "vgg", "resnet", "convnext", "conv5x5")
    found = {
        network["name"]: network
        for family in families
        for network in json.loads(archcalc("zoo", "--family", family, "--format", "json").out)
    }
    assert found["resnet50"]["params"] == 25_557_032
    assert {**found["resnet"], "name": "resnet50"} == found["resnet50"]  # a family's own name stands for a member
    years = {
        name: found[name]["year"]
        for name in ("lenet", "alexnet", "alexnet-grouped", "vgg16", "convnext_tiny", "conv5x5")
    }
    assert years == {
        "lenet": 1998,
        "alexnet": 2014,
        "alexnet-grouped": 2012,
        "vgg16": 2014,
        "convnext_tiny": 2022,
        "conv5x5": None,
    }


@pytest.mark.parametrize("families", [("lenet,vgg,resnet,vit,cam",), pytest.param((), marks=pytest.mark.slow)])
@pytest.mark.parametrize("columns", [80, 100, 120])
def test_the_zoo_fits_a_terminal(archcalc, columns: int, families: tuple[str, ...]) -> None:
    lines = archcalc("zoo", *(("--family", *families) if families else ()), columns=columns).out.splitlines()
    assert max(map(len, lines)) <= columns
    names = [line.split()[0] for line in lines if line.strip()]
    assert (
        names.index("lenet")
        < names.index("vgg16")
        < names.index("vgg19")
        < names.index("resnet18")
        < names.index("vit_b_16")
        < names.index("cam")
    )


@pytest.mark.slow
def test_the_page_of_the_zoo_is_what_the_command_prints(archcalc) -> None:
    assert archcalc("zoo", "--format", "markdown").out == (ROOT / "specs" / "README.md").read_text(encoding="utf-8")


def test_the_page_of_the_zoo_has_every_network_and_the_rows_of_the_command(archcalc) -> None:
    page = (ROOT / "specs" / "README.md").read_text(encoding="utf-8")
    assert [name for name in zoo_names() if not re.search(rf"\b{re.escape(name)}\b", page)] == []
    families = ",".join(path.stem for path in spec_files()[::12])
    rows = archcalc("zoo", "--family", families, "--format", "markdown").out.splitlines()
    assert [row for row in rows if row not in page.splitlines()] == []
    assert len(rows) > 12


PAPERS = {
    "arXiv:1512.03385": 2015,
    "arXiv:1611.05431v2": 2016,
    "arXiv:cs/0112017": 2001,
    "arXiv:cs.NE/9901010": 1999,
    "doi:10.1109/5.726791": None,
    None: None,
}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_year_is_read_off_an_arxiv_identifier(paper: str | None) -> None:
    assert year_of(paper) == PAPERS[paper]


def test_the_schema_is_draft_07_and_accepts_every_shipped_spec(archcalc) -> None:
    import yaml

    schema = json.loads(archcalc("schema").out)
    assert "draft-07" in schema["$schema"]
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    for path in spec_files():
        assert [
            error.message
            for error in validator.iter_errors(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))
        ] == []
    for broken in (
        {"archcalc": 1, "name": "t", "layers": ["relu"], "bugdet": {}},
        {"archcalc": 2, "name": "t", "layers": ["relu"]},
        {"archcalc": 1, "name": "t"},
    ):
        assert not validator.is_valid(broken)


def test_ops_describes_one_operator_or_all(archcalc) -> None:
    assert archcalc("ops", "conv").out.startswith("conv OUT KERNEL\n")
    assert len(json.loads(archcalc("ops", "--format", "json").out)) == len(archcalc("ops").out.splitlines())
    assert archcalc("ops", "convv").code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["count", "resnt50"], "did you mean 'resnet50'?"),
        (["count", "resnet@resnet5"], "did you mean 'resnet5"),
        (["expand", "."], "is a directory"),
        (["count", "no/such/net.yaml"], "no/such/net.yaml: No such file"),
        (["count", "resnet50", "--set", "sise=3"], "did you mean 'size'?"),
        (["count", "resnet50", "--set", "size"], "--set takes name=value"),
        (["count", "resnet50", "--set", "size=1/3"], "size"),
        (["count", "resnet50", "--free", "sise"], "did you mean 'size'?"),
        (["count", "resnet50", "--free", "size", "--set", "size=3"], "'size' is both set and free"),
        (["count", "resnet50", "--format", "yaml"], "unknown format 'yaml'"),
        (["count", "resnet50", "--dtype", "fp8"], "unknown dtype 'fp8'"),
        (["count", "resnet50", "--columns", "layer,parms"], "did you mean 'params'?"),
        (["count", "resnet50", "--by", "stage"], "unknown grouping 'stage'"),
        (["count", "resnet50", "--sort", "colour"], "can't sort by 'colour'"),
        (["count", "resnet50", "--sort", "macs", "--free", "size"], "while size is free"),
        (["count", "resnet50", "--depth", "-1"], "--depth"),
        (["count"], "Missing argument"),
        (["cuont"], "cuont"),
        (["expand", "resnet50", "--set", "version=3"], "must be one of"),
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2_says_why_and_prints_nothing(archcalc, words: list[str], says: str) -> None:
    done = archcalc(*words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert "Traceback" not in done.err


def test_mistakes_in_several_files_are_reported_together(archcalc, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers: [rellu]\n")
    done = archcalc("count", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    assert done.code == 2
    assert "a.yaml:4:10" in done.err
    assert "b.yaml:4:10" in done.err


def test_a_layer_that_reaches_no_output_is_pointed_at(archcalc, tmp_path: Path) -> None:
    path = write(tmp_path, "  - a: conv 8 3x3\n  - forgotten: conv 8 3x3\n  - ref a\n  - relu\n")
    done = archcalc("count", path)
    assert done.code == 0
    assert "net.yaml:6:" in done.err
    assert "nothing reads forgotten" in done.err
    assert archcalc("count", path, "--quiet").err == ""


def test_an_upsampling_by_what_looks_like_a_size_is_pointed_at(archcalc, tmp_path: Path) -> None:
    path = write(tmp_path, "  - conv 8 3x3 stride=2\n  - upsample 32x32\n")
    done = archcalc("count", path)
    assert done.code == 0
    assert re.search(r"net.yaml:6:5: warning: upsample 32x32 makes \d+x\d+ of .*such as `upsample \d+`", done.err)
    assert archcalc("count", write(tmp_path, "  - gap keepdims\n  - upsample 28x28\n  - upsample 2x2\n")).err == ""


def test_python_m_archcalc_works_outside_the_checkout(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "archcalc", "count", "resnet18", "--depth", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "11,689,512" in done.stdout


def test_a_closed_pipe_is_no_crash() -> None:
    command = f"{sys.executable} -m archcalc count resnet152 --by layer --format csv | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert done.stdout.startswith("network,name")
    assert "Traceback" not in done.stderr


BUG = "import archcalc.model as m; m.Model.answer = lambda *a, **k: [][1]; import sys; sys.argv = ['archcalc', 'count', 'lenet']; from archcalc.cli import {door}; {door}()"


@pytest.mark.parametrize("door", ["main", "start"])
def test_a_bug_of_ours_is_one_line_that_says_how_to_report_it_and_exit_code_2(door: str) -> None:
    def run(**env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", BUG.format(door=door)]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env})

    done = run(ARCHCALC_TRACEBACK="")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "a bug in archcalc" in done.stderr
    assert "IndexError: list index out of range; please report it" in done.stderr
    done = run(ARCHCALC_TRACEBACK="1")
    assert (done.returncode, "Traceback" in done.stderr, "please report it" in done.stderr) == (2, True, True)


def test_a_file_that_cant_be_had_is_no_bug(tmp_path: Path) -> None:
    fault = "import errno; m.Model.answer = lambda *a, **k: open('/no/such/thing')"
    command = BUG.format(door="main").replace("m.Model.answer = lambda *a, **k: [][1]", fault)
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "/no/such/thing: No such file or directory\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["count", "goog"], ["googlenet", "googlenet-torchvision"]),
        (["check", "lenet", "squeezenet1_"], ["squeezenet1_0", "squeezenet1_1"]),
        (["count", ""], []),  # files, which the shell finds itself
        (["count", "lenet", "--as", "th"], ["thop"]),
        (["predict", "lenet", "--device", "epyc-zen4"], ["epyc-zen4-cpu-1t", "epyc-zen4-cpu-2t"]),
        (["expl"], ["explain"]),
        (["--he"], ["--help"]),
        (["count", "lenet", "--set", "in"], []),
        (["count", "--format", "=", "mark"], ["markdown"]),
        (["count", "googlenet", "--set", "size", "=", "2"], ["224"]),
        (["count", "resnet", "@", "resnet15"], ["@resnet152"]),
        (["solve", "lenet", "--max", "ma"], ["macs="]),
        (["schema", "zo"], ["zoo"]),
        (["count", "lenet", "--train", "--tra"], []),  # it was given
        (["nothing", "a"], []),
    ],
)
def test_a_shell_completes_names(words: list[str], offered: list[str]) -> None:
    code = "import sys; sys.argv = ['archcalc']\nfrom archcalc.cli import main\nmain()"
    asked = {
        "_ARCHCALC_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["archcalc", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **asked})
    found = done.stdout.split()
    assert found == offered


@pytest.mark.parametrize("words", [["count", "lenet"], ["zoo", "--help"], ["import", "--help"], ["--help"]])
def test_the_app_can_be_called_with_any_command(words: list[str]) -> None:
    """`archcalc.cli.app` is the whole app, whatever was imported before it."""
    code = f"from archcalc.cli import app, main\nfrom archcalc.cli.entry import command\napp({words})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("60,840" if words[0] == "count" else "Usage: ") in done.stdout
    if words == ["--help"]:
        assert [word for word in COMMANDS if f"  {word} " not in done.stdout] == []


def test_check_takes_the_specs_of_the_repository(archcalc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "  - conv 4 3x3\n")
    done = archcalc("check")
    assert (done.code, "name a SPEC, or set" in done.err) == (2, True)
    Path("archcalc.toml").write_text('specs = ["*.yaml"]\nbudget.params = {max = 1}\n')
    done = archcalc("check")
    assert (done.code, "net.yaml" in done.out) == (1, True)


def test_columns_stand_under_each_other_whatever_is_written_in_them(
    archcalc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parameter that takes two columns on a terminal, and one of a letter and two marks, which take one."""
    monkeypatch.setenv("COLUMNS", "200")
    path = write(
        tmp_path,
        "  - conv \u5bbd 3x3 bias=false\n  - conv \u0e17\u0e35\u0e48 1x1\n",
        "params: {\u5bbd: 8, \u0e17\u0e35\u0e48: 4}\n",
    )
    lines = archcalc("count", path, "--free", "all", "--columns", "layer,op,params").out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("-"))
    ends = {
        len(line.replace("\u5bbd", "xx").replace("\u0e35", "").replace("\u0e48", ""))
        for line in lines[start - 1 : start + 5]
    }
    assert ends == {len(lines[start])}
    assert len({len(line) for line in lines[start - 1 : start + 5]}) > 1


@pytest.mark.parametrize(
    ("words", "ending", "code", "said"),
    [
        ("count lenet --depth 0", "", 0, ""),
        ("count nowhere", "", 2, "there is no file or network 'nowhere'"),
        ("count lenet --depth 0 --strict", ">&-", 0, ""),
        ("count nowhere", "2>&-", 2, ""),
        ("count nowhere", "2> /dev/full", 2, ""),
        ("count lenet", "> /dev/full", 2, "archcalc: the output can't be written: No space left on device\n"),
    ],
)
def test_a_process_ends_with_all_said_and_its_exit_code(words: str, ending: str, code: int, said: str) -> None:
    """`start` is what the `archcalc` of an installation calls; it ends the process itself."""
    if "/dev/full" in ending and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    start = (
        f"import sys; sys.argv = ['archcalc', *{words.split()}]; from archcalc.cli import start; start(); print('still"
        " here')"
    )
    done = subprocess.run(["bash", "-c", f'{sys.executable} -c "{start}" {ending}'], capture_output=True, text=True)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False)
    assert ("params" in done.stdout) is (code == 0 and not ending)
    assert "still here" not in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--depth", "-1"], "'--depth' / '-d'"),
        (["--depth", "one"], "'--depth' / '-d'"),
        (["--batch", "0"], "'--batch' / '-b'"),
        (["--batch", "2.5"], "'--batch' / '-b'"),
        (["--batch", "9" * 5000], "'--batch' / '-b'"),
        (["--batch", " 3"], ""),
        (["--top", "0"], "'--top'"),
        (["--no-such"], "--no-such"),
        (["--free"], "--free"),
    ],
)
def test_options_that_need_judging_are_judged_by_typer(archcalc, words: list[str], said: str) -> None:
    done = archcalc("count", "lenet", *words)
    assert done.code == (2 if said else 0)
    assert said in done.err
    assert ("batch 3" in done.out) is (not said)


def test_what_is_given_several_times_and_what_isn_t_given(archcalc) -> None:
    done = archcalc(
        "count", "vgg11", "--set", "classes=7", "--set", "size=96", "--batch", "2", "--depth", "0", "--format", "json"
    )
    found = json.loads(done.out)
    assert (found["bindings"]["classes"], found["bindings"]["size"], found["batch"], found["free"]) == (7, 96, 2, [])
    assert archcalc("count").code == 2


@pytest.mark.parametrize(
    ("left_out", "saved"),
    [
        ("fc7", 4096 * 4096 + 4096),
        ("fc6,fc7", 9216 * 4096 + 4096 + 4096 * 4096 + 4096 - (9216 - 4096) * 1000),
        # conv5 then reads the 192 channels of pool2 in place of conv4's 256
        ("conv3,conv4", 384 * 192 * 9 + 384 + 256 * 384 * 9 + 256 + 256 * (256 - 192) * 9),
    ],
)
def test_layers_can_be_left_out_and_the_next_ones_take_their_input(archcalc, left_out: str, saved: int) -> None:
    whole, rest = (
        json.loads(archcalc("count", "alexnet", *extra, "--format", "json").out)
        for extra in ([], ["--without", left_out])
    )
    assert whole["totals"]["params"] - rest["totals"]["params"] == saved
    assert rest["without"] == left_out.split(",")


def test_what_is_left_out_may_be_a_block_or_one_of_a_repeat(archcalc) -> None:
    rows = json.loads(archcalc("count", "resnet50", "--without", "conv3/2", "--format", "json").out)["layers"]
    assert {row["block"].split("/")[1] for row in rows if row["block"].startswith("conv3/")} == {"1", "3", "4"}
    assert archcalc("count", "googlenet", "--without", "4b").code == 0


def test_leaving_out_what_is_not_there_is_an_error(archcalc) -> None:
    done = archcalc("count", "alexnet", "--without", "fc9")
    assert (done.code, done.out, "fc9" in done.err) == (2, "", True)


def test_an_arrow_into_a_loop_carries_what_arrives_at_its_first_repeat(archcalc) -> None:
    """DenseNet: n layers of 12 channels each after a convolution of 16, and transitions that keep the channels
    (arXiv:1608.06993 section 3).
    """
    lines = archcalc("diagram", "densenet-40-12", "--free", "n").out.splitlines()
    arrows = dict(re.findall(r"(n\d+ --)>\|\"(.*)\"\| n\d+", "\n".join(lines)))
    first, *inside = [arrows[f"n{n} --"] for n in range(1, 7)]
    assert first == "16x32x32"
    assert inside == ["(12n + 16)x32x32", "(12n + 16)x16x16", "(24n + 16)x16x16", "(24n + 16)x8x8", "(36n + 16)x8x8"]


def test_an_input_cannot_be_left_out(archcalc, tmp_path: Path) -> None:
    assert (
        archcalc("count", "alexnet", "--without", "input").err
        == "archcalc: 'input' is an input, which can't be left out\n"
    )
    path = write(tmp_path, "  - conv 8 3x3\nvariants: {bare: {without: [input]}}\n")
    assert ":6:29: 'input' is an input, which can't be left out\n" in archcalc("count", f"{path}@bare").err
    assert "did you mean" not in archcalc("count", path, "--without", "imput").err  # not what can't be left out either


def test_a_train_head_can_be_left_out_whole(archcalc, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "  - conv1: conv 8 3x3\n  - conv2: conv 4 3x3\ntrain_heads:\n  aux: {from: conv1, layers: [gap, lin: linear"
        " 10]}\n",
    )

    def params(*words: str) -> int:
        return json.loads(archcalc("count", path, "--format", "json", *words).out)["totals"]["params"]

    convolutions = 3 * 3 * 3 * 8 + 8 + 3 * 3 * 8 * 4 + 4
    assert params("--train") == convolutions + 8 * 10 + 10
    assert (
        params("--train", "--without", "aux") == params("--train", "--without", "aux/lin") == params() == convolutions
    )
    for label in ("aux", "aux/lin"):
        done = archcalc("count", path, "--without", label)
        assert (done.code, done.out) == (2, "")
        assert (
            done.err
            == f"archcalc: there is no layer '{label}' to leave out: the train head 'aux' is counted with --train"
            " only\n"
        )
    assert archcalc("count", path, "--train", "--without", "aux/lim").err.endswith("did you mean 'aux/lin'?\n")


TOWERS = """\
archcalc: 1
name: towers
inputs: {image: [3, 8, 8], text: [5, 8, 8]}
layers:
  - see: [ref image, v: conv 4 3x3]
  - hear: [ref text, w: conv 4 3x3]
  - both: {concat: [ref see, ref hear]}
"""


@pytest.mark.parametrize(
    ("left_out", "channels"),
    [
        (("see", "see/v"), 3 + 4),
        (("hear", "hear/w"), 4 + 5),  # what its `ref` reads, not what stands above it
        (("see,hear", "see/v,hear/w"), 3 + 5),
    ],
)
def test_a_tower_that_is_left_out_stands_for_the_input_that_it_refers_to(
    archcalc, tmp_path: Path, left_out: tuple[str, str], channels: int
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(TOWERS, encoding="utf-8")
    for labels in left_out:
        rows = json.loads(archcalc("count", str(path), "--without", labels, "--format", "json").out)["layers"]
        assert rows[-1]["shape"] == [channels, 8, 8]


def test_a_ref_that_is_left_out_stands_for_what_comes_before_it(archcalc, tmp_path: Path) -> None:
    path = write(tmp_path, "  - wide: conv 8 3x3\n  - narrow: conv 4 3x3\n  - back: ref wide\n  - last: conv 2 1x1\n")
    params = {
        row["name"]: row["params"]
        for row in json.loads(archcalc("count", path, "--without", "back", "--format", "json").out)["layers"]
    }
    assert params["last"] == 4 * 2 + 2


def test_what_is_no_file_is_skipped_in_a_folder(archcalc, tmp_path: Path) -> None:
    Path(write(tmp_path, "  - relu\n")).rename(tmp_path / "a.YAML")
    os.mkfifo(tmp_path / "p.yaml")
    done = archcalc("check", str(tmp_path))
    assert (done.code, done.err) == (0, f"note: skipped, for they are no files: {tmp_path}/p.yaml\n")
    assert done.out.startswith(f"{tmp_path}/a.YAML: 1 layer")
    assert archcalc("count", str(tmp_path), "--quiet").err == ""
    (tmp_path / "a.YAML").unlink()
    assert archcalc("count", str(tmp_path)).err.endswith(f"archcalc: there is no spec in the folder {tmp_path}\n")


def test_a_link_that_points_nowhere_is_told_so(archcalc, tmp_path: Path) -> None:
    write(tmp_path, "  - relu\n")
    link = tmp_path / "linked.yaml"
    link.symlink_to(tmp_path / "gone.yaml")
    for given in (str(tmp_path), str(link)):
        done = archcalc("check", given)
        assert (done.code, done.out, done.err) == (2, "", f"{link}: a link that points nowhere\n")
