"""The JSON Schemas: committed as they are made, valid, and true of specs and of everything that commands print."""

import contextlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from archcalc import schemas
from archcalc.cli import main
from archcalc.files import spec_files


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What a command prints with `--format json`, however it ends."""

    def run(*words: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["archcalc", *words, "--format", "json"])
        with contextlib.suppress(SystemExit):
            main()
        return json.loads(capsys.readouterr().out)

    return run


def closed(name: str) -> dict[str, Any]:
    """A schema that takes no key which it doesn't name: what is printed but not described is found."""

    def shut(part: Any) -> Any:
        if isinstance(part, list):
            return [shut(item) for item in part]
        if not isinstance(part, dict):
            return part
        found = {key: shut(value) for key, value in part.items()}
        return (
            {**found, "additionalProperties": False}
            if isinstance(part.get("properties"), dict) and "additionalProperties" not in part
            else found
        )

    shape = shut(schemas.schema(name))
    jsonschema.Draft7Validator.check_schema(shape)
    return dict(shape)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_the_committed_schema_is_the_one_that_is_made(name: str) -> None:
    committed = (schemas.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert committed == schemas.schema_text(name) + "\n", (
        f"run: archcalc schema {name} > {name}.json; mv {name}.json archcalc/schemas"
    )


def test_there_is_a_file_for_every_schema_and_for_nothing_else() -> None:
    assert sorted(path.stem for path in schemas.FOLDER.glob("*.json")) == sorted(schemas.NAMES)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_draft_07_with_local_references_only(name: str) -> None:
    shape = schemas.schema(name)
    assert shape["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(shape)
    text = json.dumps(shape)
    assert "prefixItems" not in text
    assert "$defs" not in text
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references == {f"#/definitions/{known}" for known in shape["definitions"]} or name == "spec"
    assert {reference.removeprefix("#/definitions/") for reference in references} <= set(shape["definitions"])


COUNTS = [
    ["googlenet"],
    ["googlenet", "--train", "--flops"],
    ["googlenet", "alexnet", "--depth", "0"],
    ["resnet50", "--free", "size,classes,batch"],
    ["alexnet", "--by", "op", "--sort", "macs", "--top", "2"],
    ["alexnet", "--without", "fc7"],
    ["resnet18", "--depth", "2"],
    ["densenet121", "--depth", "1", "--batch", "4", "--dtype", "int8"],
]


@pytest.mark.parametrize("words", COUNTS, ids=" ".join)
def test_counts_are_as_described(printed, words: list[str]) -> None:
    jsonschema.validate(printed("count", *words), closed("count"))


SPECS = {
    "loops": ("params: {n: 3}\ninput: [8, 16, 16]\nlayers:\n  - n x conv 8 3x3\n  - gap\n", ["--free", "n"]),
    "inputs": (
        (
            "inputs: {a: [4, 8, 8], b: [4, 8, 8]}\nlayers:\n  - ref a\n  - conv 8 3x3\n  - add: [identity, [ref b, conv"
            " 8 3x3]]\n"
        ),
        [],
    ),
    "vectors": ("input: [16]\nlayers: [linear 4]\n", []),
    "gates": ("input: [8, 8, 8]\nlayers:\n  - mul: [identity, [gap, linear 8, sigmoid]]\n  - conv 4 3x3\n", []),
    "fractions": ("input: [8, 8, 8]\nlayers:\n  - {add survive=0.3: [identity, conv 8 3x3]}\n", ["--train"]),
}


@pytest.mark.parametrize("case", ["loops", "inputs", "vectors", "gates", "fractions"])
def test_counts_of_every_kind_are_as_described(printed, tmp_path: Path, case: str) -> None:
    body, words = SPECS[case]
    path = tmp_path / "net.yaml"
    path.write_text(f"archcalc: 1\nname: t\n{body}", encoding="utf-8")
    jsonschema.validate(printed("count", str(path), *words), closed("count"))


def test_a_check_is_as_described(printed, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    figures = "reference:\n  - {params: 1, source: s}\n  - {field: 3, source: s, expect: mismatch, note: n}\n"
    figures += "budget:\n  params: {max: 10, level: warn}\n  macs: {max: 10}\n"
    path.write_text(f"archcalc: 1\nname: t\ninput: [3, 8, 8]\nlayers: [conv 8 3x3]\n{figures}", encoding="utf-8")
    for words in (["alexnet"], ["densenet", "lenet"], [str(path)]):
        jsonschema.validate(printed("check", *words), closed("check"))


COMPARISONS = [
    ["alexnet", "alexnet", "--without", "fc7"],
    ["vgg16", "vgg19", "--free", "size"],
    ["resnet50", "resnet50-v1", "--train"],
]


@pytest.mark.parametrize("words", COMPARISONS, ids=" ".join)
def test_a_comparison_is_as_described(printed, words: list[str]) -> None:
    jsonschema.validate(printed("compare", *words), closed("compare"))


def test_a_comparison_with_a_budget_is_as_described(printed, tmp_path: Path) -> None:
    spec = (
        "archcalc: 1\nname: t\ninput: [3, 8, 8]\nparams: {{width: {width}}}\nlayers:\n  - conv width 3x3\nbudget:\n "
        " macs: {{max: 10, increase: 2%}}\n"
    )
    paths = [tmp_path / f"{width}.yaml" for width in (8, 16)]
    for path in paths:
        path.write_text(spec.format(width=path.stem), encoding="utf-8")
    found = printed("compare", *map(str, paths))
    jsonschema.validate(found, closed("compare"))
    assert (len(found["models"][0]["violations"]), found["models"][0]["parameters"]) == (
        2,
        {"width": {"base": 8, "head": 16}},
    )


def test_what_running_a_network_prints_is_as_described(printed) -> None:
    pytest.importorskip("onnxruntime")
    jsonschema.validate(printed("verify", "cnn"), closed("verify"))
    jsonschema.validate(printed("verify", "cnn", "lenet", "--field", "none"), closed("verify"))
    jsonschema.validate(printed("measure", "lenet", "--runs", "1", "--profile"), closed("measure"))
    jsonschema.validate(printed("measure", "lenet", "cnn", "--runs", "1"), closed("measure"))


CHOICES = [
    ["sweep", "mobilenet_v2", "--over", "size=96,224", "--over", "width=0.5,1", "--columns", "params,field"],
    ["sweep", "nasbench201", "--sample", "3", "--pareto", "macs,-params"],
    ["sweep", "resnet50", "--over", "size=1..100", "--over", "batch=1", "--where", "macs <= 1"],
    ["sweep", "resnet50", "--over", "size=32..40", "--device", "rtx4090", "--columns", "latency"],
    ["sweep", "densenet", "--over", "variant=densenet121,densenet169", "--over", "depths=[6,12,24,16],[6,6,6,6]"],
    ["solve", "resnet50", "--maximize", "size", "--max", "macs=2G", "--min", "depth=0.5", "--over", "size=32..200"],
    ["solve", "resnet50", "--maximize", "size", "--over", "size=32..64", "--max", "params=1.5"],
    ["solve", "mobilenet_v2", "--maximize", "size*width", "--minimize", "macs", "--over", "size=96,128",
     "--over", "width=0.25..1:0.25", "--max", "macs=50M"],
    ["solve", "resnet50", "--maximize", "batch", "--fit", "rtx4090", "--device", "rtx4090", "--max", "latency=0.1s"],
    ["advise", "alexnet"],
    ["advise", "gpt2"],
    ["devices"],
]  # fmt: skip


@pytest.mark.parametrize("words", CHOICES, ids=" ".join)
def test_choices_are_as_described(printed, words: list[str]) -> None:
    found = printed(*words)
    jsonschema.validate(found, closed(words[0]))
    assert found["schema"] == f"archcalc/{words[0]}/1"


def test_the_operators_are_as_described(printed) -> None:
    jsonschema.validate(printed("ops"), closed("ops"))


def test_the_zoo_is_as_described(printed) -> None:
    jsonschema.validate(printed("zoo", "--family", "vgg"), closed("zoo"))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("count", {}),
        ("count", {"schema": "archcalc/count/2"}),
        ("check", {"schema": "archcalc/check/1", "networks": 3}),
        ("compare", {"schema": "archcalc/compare/1", "models": []}),
        ("zoo", [{"name": "x"}]),
        ("ops", {}),
        ("sweep", {"schema": "archcalc/sweep/1", "designs": []}),
        ("solve", {"schema": "archcalc/solve/1", "best": 3}),
        ("advise", {"schema": "archcalc/advise/1", "advice": [{}]}),
        ("devices", {"schema": "archcalc/devices/1", "devices": [{"name": 3}]}),
        ("spec", {"archcalc": 1, "name": "t", "input": [3], "layers": ["relu"], "bugdet": {}}),
        ("spec", {"archcalc": 2, "name": "t", "input": [3], "layers": ["relu"]}),
        ("spec", {"archcalc": 1, "name": "t", "input": [3], "layers": "relu"}),
        ("spec", {"archcalc": 1, "name": "t", "input": [3], "layers": ["relu"], "budget": {"params": 3}}),
    ],
)
def test_a_schema_refuses_what_is_not_so(name: str, wrong: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schemas.schema(name))


def test_the_command_prints_a_schema_by_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, name in (([], "spec"), (["spec"], "spec"), (["count"], "count")):
        monkeypatch.setattr(sys, "argv", ["archcalc", "schema", *words])
        with suppress(SystemExit):
            main()
        assert capsys.readouterr().out == schemas.schema_text(name) + "\n"
    monkeypatch.setattr(sys, "argv", ["archcalc", "schema", "cuont"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "there is no schema 'cuont'; did you mean 'count'?" in capsys.readouterr().err


def test_every_shipped_spec_names_its_schema_in_its_first_line() -> None:
    for path in spec_files():
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert named != first, path
        assert (path.parent / named).resolve() == (schemas.FOLDER / "spec.json").resolve(), path
