"""Lines of equal text, of which a long spec has many: they are read and understood once, and each stands where it does."""

import pytest

from archcalc.errors import Mark
from archcalc.model import read
from archcalc.ops import OPS
from archcalc.spec.items import walk
from archcalc.spec.load import read_spec
from archcalc.spec.parts import Layer, Spec
from archcalc.spec.words import Line

HEAD = "archcalc: 1\nname: net\ninput: [8, 16, 16]\nparams: {n: 8}\ndefaults: {conv: {norm: bn}}\n"
LAYERS = """\
layers:
  - conv 8 3x3 act=relu pad=(n//8)
  - a: conv 8 3x3 act=relu pad=(n//8)
  - [relu, conv 8 3x3 act=relu pad=(n//8), relu]
  - add: [identity, conv 8 3x3 act=relu pad=(n//8)]
  - "conv 8 3x3 act=relu pad=(n//8)"
  - add: [identity, relu]
  - 2 x relu
"""


def spec(text: str) -> Spec:
    return read_spec(text, "net.yaml")


def lines(found: Spec, begins: str) -> list[Line]:
    bodies = [found.layers, *(block.body for block in found.blocks.values())]
    return [part for body in bodies for part in walk(body) if isinstance(part, Line) and part.begins == begins]


def at(mark: Mark) -> str:
    return mark.source[mark.column - 1 : mark.column - 1 + mark.length]


def test_equal_lines_say_and_mean_the_same() -> None:
    found = spec(HEAD + LAYERS)
    for word, count, others in (
        ("conv", 5, 0),
        ("add", 2, 0),
        ("relu", 4, 1),
    ):  # a repeat on one line is read by itself
        equal = lines(found, word)
        assert len(equal) == count
        assert len({line.said for line in equal}) == 1 + others
        assert len({id(found.resolver.layers[line]) for line in equal}) == 1 + others


def test_a_line_where_other_names_are_known_has_a_meaning_of_its_own() -> None:
    found = spec(
        f"{HEAD}blocks:\n  unit(m): [conv n 3x3]\n  other: [conv n 3x3]\nlayers: [conv n 3x3, unit 4, other]\n"
    )
    equal = lines(found, "conv")
    assert len(equal) == 3
    assert len({line.said for line in equal}) == 1
    assert len({id(found.resolver.layers[line]) for line in equal}) == 2  # `other` knows what the top does


def test_words_stand_where_their_line_does() -> None:
    found = spec(HEAD + LAYERS)
    equal = lines(found, "conv")
    assert [line.mark.line for line in equal] == [7, 8, 9, 10, 11]
    for line in equal:
        assert {word.mark.line for word in (line.head, *line.words, *line.options.values())} == {line.mark.line}
        assert [at(word.mark) for word in line.words] == ["8", "3x3"]
        assert {name: at(word.mark) for name, word in line.options.items()} == {"act": "relu", "pad": "(n//8)"}
        assert {name: at(mark) for name, mark in line.keys.items()} == {"act": "act", "pad": "pad"}


def test_what_a_line_means_stands_where_it_does_and_defaults_where_they_do() -> None:
    found = spec(HEAD + LAYERS)
    for line in lines(found, "conv"):
        layer = found.resolver.of(line)
        assert isinstance(layer, Layer)
        act, norm = layer.option("act"), layer.option("norm")
        assert act is not None
        assert norm is not None
        assert (at(act.mark), act.mark.line) == ("relu", line.mark.line)
        assert (at(norm.mark), norm.mark.line) == ("bn", 5)
        assert {at(word.mark) for word in layer.values.values()} == {"8", "3x3", "(n//8)"}
        assert {word.mark.line for word in layer.values.values()} == {line.mark.line}


@pytest.mark.parametrize("rule", ["shape", "weights", "buffers", "macs", "elementwise", "saves"])
def test_what_layers_cost_is_asked_once_for_all_that_are_alike(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    own = getattr(OPS["conv"], rule)

    def noted(*values: object, **named: object) -> object:
        asked.append(values)
        return own(*values, **named)

    monkeypatch.setattr(OPS["conv"], rule, noted)
    counts = []
    for times in (10, 1000):
        asked.clear()
        table = read(f"{HEAD}layers:\n" + "  - conv 8 3x3\n" * times, "net.yaml").count()
        assert table.totals["params"] == times * (8 * 8 * 9 + 8 + 2 * 8)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 10
