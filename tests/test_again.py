"""Reading a text again while somebody types in it: the same as reading it for the first time."""

import random
from pathlib import Path

import pytest

from archcalc.build.items import Builder
from archcalc.editor.analysis import Analysis, analysed
from archcalc.errors import SpecError
from archcalc.spec.again import Again
from archcalc.spec.composing import compose
from archcalc.spec.text import Mapping, Node, Sequence

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
WRITTEN = ("\n", "\n  - relu", "  - conv 8 3x3", "- ", "    - relu\n", " ", "x", "3", " # c", ": ", "[", "]", "{", "'")
WRITTEN += ("\n\n", "|", '"', "\n    x", "ref pool1", "width", "*", "&a ", "é", "\t", "\x0c", "add:", "3 x ")
SPEC = """archcalc: 1
name: t
input: [3, 8, 8]
blocks:
  unit(filters):
    - conv filters 3x3 bias=false
    - relu
layers:
  - stem: conv 4 3x3
  - add:
      - unit 4
      - [conv 4 1x1, relu]
  - 2 x unit 4
  - maxpool 2x2
budget:
  params: {max: 1}
"""


def changed(text: str, rng: random.Random) -> str:
    """A line deleted, doubled, swapped with another, or typed into; mostly one of a list."""
    lines = text.split("\n")
    listed = [n for n, line in enumerate(lines) if line.lstrip().startswith("- ")]
    at = rng.choice(listed) if listed and rng.random() < 0.8 else rng.randrange(len(lines))
    kind, column = rng.random(), rng.choice([len(lines[at]), rng.randrange(len(lines[at]) + 1)])
    if kind < 0.2:
        del lines[at : at + rng.choice([1, 1, 2, 3])]
    elif kind < 0.4:
        lines[at:at] = [lines[at]] * rng.choice([1, 2])
    elif kind < 0.5:
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    elif kind < 0.8:
        lines[at] = lines[at][:column] + rng.choice(WRITTEN) + lines[at][column:]
    else:
        lines[at] = lines[at][:column] + lines[at][column + 1 :]
    return "\n".join(lines)


def tree(read: object, text: str) -> Node | str:
    try:
        return read.compose(text, "net.yaml") if isinstance(read, Again) else compose(text, "net.yaml")
    except SpecError as error:
        return str(error)


def known(found: Analysis) -> object:
    """All that an editor shows."""
    costs = {line: (str(cost), found.field(cost)) for line, cost in found.costs.items()}
    nodes = found.table.graph.nodes if found.table else []
    shown = [(str(node.op), node.name, node.inputs, node.shape, node.line, node.mark, node.share) for node in nodes]
    return found.findings, costs, shown


def typed(text: str, seed: int, steps: int, counts: bool) -> None:
    """Edits on edits, of which some are taken back."""
    rng, again, texts = random.Random(seed), Again(), [text]
    for _ in range(steps):
        if counts:
            assert known(analysed(texts[-1], "net.yaml", again=again)) == known(analysed(texts[-1], "net.yaml"))
        else:
            assert tree(again, texts[-1]) == tree(None, texts[-1])
        texts = texts[:-1] if len(texts) > 1 and rng.random() < 0.4 else [*texts, changed(texts[-1], rng)]


def test_a_text_that_is_typed_has_the_tree_of_one_that_is_read() -> None:
    for seed in range(60):
        typed(SPEC, seed, 20, False)


def test_a_text_that_is_typed_has_the_mistakes_and_costs_of_one_that_is_read() -> None:
    for seed in range(25):
        typed(SPEC, seed, 12, True)


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_whatever_is_typed_into_a_spec_is_read_as_it_stands(path: Path) -> None:
    for seed in range(4):
        typed(path.read_text("utf-8"), seed, 20, False)
    typed(path.read_text("utf-8"), 9, 8, True)


def nodes(node: Node) -> list[Node]:
    inner = node.items if isinstance(node, Sequence) else [n for pair in node.pairs for n in pair]  # type: ignore[union-attr]
    return [
        node,
        *(found for each in inner for found in ([each] if not isinstance(each, (Sequence, Mapping)) else nodes(each))),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maxpool 2x2", "maxpool 3x3"),  # a letter
        ("  - maxpool 2x2\n", "  - maxpool 2x2\n  \n"),  # Return
        ("  - maxpool 2x2\n", "  - maxpool 2x2\n  - relu\n"),
        ("  - 2 x unit 4\n", ""),
        ("  - 2 x unit 4\n", "  - relu\n  - relu\n  - relu\n"),
        ("    - relu\n", "    - relu\n    - relu6\n"),
        ("    - relu\n", "    - relu # not linear\n"),
        ("      - unit 4\n", "      - unit 4\n      - unit 4\n"),
    ],
)
def test_what_is_not_typed_into_is_not_read_again(old: str, new: str) -> None:
    again = Again()
    before = {id(node): node for node in nodes(again.compose(SPEC, "net.yaml"))}
    text = SPEC.replace(old, new, 1)
    after = again.compose(text, "net.yaml")
    assert after == compose(text, "net.yaml")
    kept = [node for node in nodes(after) if id(node) in before]
    assert len(kept) > 25  # of 37 nodes


def test_a_text_with_mistakes_is_remembered_as_it_was_before_them() -> None:
    again = Again()
    first = again.compose(SPEC, "net.yaml")
    with pytest.raises(SpecError):
        again.compose(SPEC.replace("- maxpool 2x2", "- [maxpool 2x2"), "net.yaml")
    assert again.compose(SPEC, "net.yaml") is first


LAYERS = [
    "conv 8 3x3", "relu", "relu6", "bn", "ref first", "conv 8 3x3 share=second", "2 x conv 8 3x3", "dropout 0.1",
    "identity", "add: [identity, conv cin 1x1]", "conv cin 3x3 when=(cin > 4)", "conv 8 3x3 norm=bn", "conv width 3x3",
    "{if: width > 3, then: relu, else: silu}", "concat: [ref /second, identity]", "[conv 8 1x1, relu]",
]  # fmt: skip


def flat(seed: int) -> str:
    """A long chain: labelled, joined, repeated, chosen and shared layers, and not many calls."""
    rng, lines = random.Random(seed), ["  - first: conv 8 3x3", "  - second: conv 8 3x3"]
    for n in range(60):
        label = f"l{n}: " if rng.random() < 0.4 else ""
        each = rng.choice([*LAYERS, "unit 8"] if rng.random() < 0.1 else LAYERS)
        lines.append(f"  - {{{label}{{{each}}}}}" if ": [" in each and label else f"  - {label}{each}")
    above = SPEC.partition("layers:")[0].replace("blocks:", "params: {width: 8}\nblocks:")
    return "\n".join([f"{above}layers:", *lines])


def test_layers_above_a_change_are_those_that_are_built_anew() -> None:
    for seed in range(6):
        typed(flat(seed), seed, 12, True)


def test_layers_above_a_change_are_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    node = Builder.node
    monkeypatch.setattr(Builder, "node", lambda self, name, *more: built.append(name) or node(self, name, *more))
    text = SPEC.partition("blocks:")[0] + "layers:\n" + "  - conv 4 3x3\n" * 50
    again = Again()
    for last in ("gap", "relu", "gap"):
        analysed(f"{text}  - {last}\n", "net.yaml", again=again)
    assert len(built) == 51 + 2 * 3  # the last whole step is of 48


def test_what_was_read_of_lines_that_are_gone_is_forgotten() -> None:
    again, known = Again(), []
    for n in range(12):
        lines = SPEC.split("\n")
        lines.insert(9, f"  - conv {n + 4} 3x3")
        for text in ("\n".join(lines), SPEC):
            again.compose(text, "net.yaml")
            analysed(text, "net.yaml", again=again)
        known.append(len(again.items or ()))
    assert known[-1] == known[1]
