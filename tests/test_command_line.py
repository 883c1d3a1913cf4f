"""A command line is read plainly, or by typer: where both can, they read the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from archcalc.cli import main
from archcalc.cli.commands import COMMANDS, GROUPS
from archcalc.cli.declared import Parameter, parameters, plainly
from archcalc.cli.entry import FUNCTIONS, judged

NEEDING = ("predict", "plot", "export", "calibrate")  # what must be given is rarely drawn, or not plain
VALUES = ("a", "", "7", "0", "-3", "1.5", "a=b", "lenet", "-", "12x4", "size=3", "--", " 3", "\u0663", "9" * 30)


def judge(name: str, words: list[str]) -> dict[str, object] | None:
    """What typer reads; None where it refuses."""
    import typer.main

    command = typer.main.get_command(judged(name))
    command = getattr(command, "commands", {name: command})[name]
    try:
        return command.make_context(name, list(words)).params  # type: ignore[no-any-return]
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        return None


def lines(known: Sequence[Parameter], some: random.Random) -> Iterator[list[str]]:
    for _ in range(40):
        words: list[str] = []
        for _ in range(some.randrange(5)):
            each = some.choice(known)
            if each.declared.kind == "Argument":
                words.append(some.choice(VALUES))
                continue
            word = some.choice(each.declared.words)
            if each.kind is bool:
                words += [word]
            else:
                words += some.choice(([word, some.choice(VALUES)], [f"{word}={some.choice(VALUES)}"], [word]))
        yield words


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_read_plainly_is_what_typer_reads(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    judged(name)
    function, some, read = FUNCTIONS[name], random.Random(name), 0
    known = [each for each in parameters(function) if "callback" not in each.declared.settings]
    for words in lines(known, some) if known else ():
        taken = plainly(name, function, words)
        if taken is not None:
            read += 1
            assert taken == judge(name, words), words
    assert read or len(known) < 2 or name in NEEDING


@pytest.mark.parametrize(
    "words",
    [
        ["lenet", "--depth", "0", "-q", "--set", "a=1", "-s", "b=2"],
        ["--depth=2", "lenet", "vgg16"],
        ["-"],
        ["lenet", "--batch", "3", "--json"],
    ],
)
def test_what_people_type_is_read_plainly(words: list[str]) -> None:
    judged("count")
    assert plainly("count", FUNCTIONS["count"], words) == judge("count", words) is not None


@pytest.mark.parametrize(
    "words",
    [
        [], ["--no-such", "x"], ["lenet", "--depth"], ["lenet", "--depth", "-1"], ["lenet", "-qd0"], ["lenet", "--help"],
        ["lenet", "-o", "json"], ["lenet", "--depth", "1", "--depth", "2"], ["lenet", "--train=1"], ["--", "lenet"],
    ],
)  # fmt: skip
def test_what_has_to_be_judged_is_not_read_plainly(words: list[str]) -> None:
    judged("count")
    assert plainly("count", FUNCTIONS["count"], words) is None


def test_every_command_is_one_of_a_group_with_a_whole_sentence() -> None:
    for commands in GROUPS.values():
        for name, (module, said) in commands.items():
            judged(name)
            assert FUNCTIONS[name].__module__ == f"archcalc.cli.{module}"
            assert said.endswith(".")
            assert len(f"  calibrate  {said}") <= 110


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("count", "--depth"), ("import", "MODEL"), ("formats", "sarif"), ("exit", "could not tell"), ("conv", "filters"),
        ("macs", ""), ("columns", "macs"), ("devices", "--format"), ("operators", "conv"), ("specs", "config.json"),
        ("environment", "COLUMNS"),
    ],
)  # fmt: skip
def test_help_explains_what_there_is(archcalc, topic: str, said: str) -> None:
    done = archcalc("help", topic)
    assert (done.code, done.err) == (0, "")
    assert said in done.out
    assert done.out.strip()


def test_help_of_what_there_is_not(archcalc) -> None:
    done = archcalc("help", "colums")
    assert (done.code, "did you mean 'columns'" in done.err) == (2, True)
    assert "Keep to it:" in archcalc("help").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet"], "lenet is no command; to count it: `archcalc count lenet`"),
        (["resnet.yaml"], "No such command"),
        (["net.yaml"], "net.yaml is no command; to count it: `archcalc count net.yaml`"),
        (["net.yaml@wide", "--depth", "0"], "to count it: `archcalc count net.yaml@wide`"),
        (["--set", "a=1", "count", "lenet"], "--set stands behind its command: `archcalc count ... --set`"),
        (["version"], "`archcalc --version`"),
        (["cuont", "lenet"], "Did you mean 'count'?"),
        (["verify", "lenet", "--plan", "best"], "No such option: --plan; it is an option of memory"),
        (
            ["predict", "lenet"],
            "Missing option '--device'. A profile that `archcalc calibrate` wrote, or one that ships (--dev",
        ),
        (["plot", "lenet"], "Missing option '--kind' / '-k'. treemap: areas"),
        (["export"], "Missing argument 'SPEC'. A spec file"),
        (["count", "lenet", "--fromat", "json"], "--format"),
        (["count", "lenet", "--format", "jsno"], "unknown format 'jsno'; did you mean 'json'?"),
        (["count", "lenet", "--format", "pdf"], "unknown format 'pdf'; there are table, markdown, rst, csv, json"),
        (["count", "lenet", "--by", "laeyr"], "did you mean 'layer'?"),
        (["count", "lenet", "--dtype", "fp23"], "did you mean 'fp32'?"),
        (["count", "lenet", "--train", "--optimizer", "adma"], "did you mean 'adam'?"),
        (["check", "lenet", "--format", "sarfi"], "did you mean 'sarif'?"),
        (["memory", "lenet", "--plan", "bset"], "did you mean 'best'?"),
        (["count", "lenet", "-o"], "Option '-o' requires an argument.\n"),
        (["count", "lenet", "--output="], "--output takes the name of a file"),
    ],
)
def test_what_was_meant_is_said(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "net.yaml").write_text("archcalc: 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["archcalc", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert said in capsys.readouterr().err
