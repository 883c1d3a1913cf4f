"""Nothing outside of `ops` knows an operator by its word: what others need to know of one, its class says."""

import ast
from collections.abc import Iterator

import pytest
from test_architecture import modules

from archcalc.ops import OPS
from archcalc.ops.foreign import LIKE, foreign

NAMING = {  # rooms and modules that name operators as their trade: they write lines, or say what others call them
    "importer/rules": "a rule proposes an operator for a node of a model file",
    "frameworks/aten": "the names of PyTorch's functions",
    "frameworks/layout.py": "the names of PyTorch's functions",
    "frameworks/translating.py": "the names of PyTorch's modules' attributes",
    "configs/kinds.py": "what configuration files call an activation, and what they leave unsaid",
    "conventions/tools.py": "what another tool counts of each operator is its own table",
    "conventions/files.py": "whether a tool's table counts arithmetic at all shows in its rules for common operators",
    "conventions/reference.py": "the operators that a page shows",
    "latency/chains.py": "draws networks to be timed: lines of specs",
    "latency/drawn.py": "draws networks to be timed: lines of specs",
    "latency/families.py": "draws networks to be timed: lines of specs",
    "latency/stages.py": "draws networks to be timed: lines of specs",
    "space/advice.py": "proposes other lines for a spec's",
    "spec/elsewhere.py": "what other frameworks call an operator, for those who misspell it",
    "spec/standard.py": "blocks of the library are lines of specs",
}
OTHERWISE = {  # where a word means something else
    "table": {
        "cli/count.py": "a format",
        "cli/declared.py": "a format",
        "cli/given.py": "a format",
        "cli/listing.py": "a format",
        "cli/predict.py": "a format",
        "cli/sweep.py": "a format",
        "cost/__init__.py": "a format",
        "devices.py": "a format",
        "docs/commands.py": "a format",
        "render/__init__.py": "a format",
        "render/formats.py": "a format",
        "render/tensors.py": "a format",
        "render/terminal.py": "a function",
        "space/report.py": "a format",
        "zoo.py": "a format",
        "importer/credit.py": "what a tensor of a model file is there for",
        "importer/holding.py": "what a tensor of a model file is there for",
    },
    "attention": {
        "cli/given.py": "an option of commands",
        "question.py": "an option of commands",
        "space/partitions.py": "an option of commands",
    },
    "conv": {"latency/kernels.py": "kinds of kernels"},
    "dwconv": {"latency/kernels.py": "kinds of kernels"},
    "linear": {
        "conventions/nodes.py": "a mode of interpolation",
    },
    "local": {"cli/sweep.py": "an engine", "space/partitions.py": "an engine"},
    "position": {"editor/server.py": "a key of the protocol"},
    "maximum": {"algebra/__init__.py": "a function of closed forms"},
    "mean": {"onnx/weights.py": "the name of a running statistic"},
    "pad": {"reference.py": "a field of windows"},
    "reshape": {"importer/call.py": "a node that only moves numbers is proposed as one"},
    "scale": {
        "importer/call.py": "what a tensor of a model file is there for",
        "importer/credit.py": "what a tensor of a model file is there for",
        "importer/holding.py": "what a tensor of a model file is there for",
        "onnx/weights.py": "the name of a learned tensor",
    },
    "tanh": {"onnx/older.py": "how ONNX's Gelu approximates"},
    "token": {"space/workers.py": "what a worker shows to be let in"},
}
OWN_NODES = {"importer/call.py": "a node of the importer's own, that no spec has: `quantize`"}


def said() -> Iterator[tuple[str, str, int]]:
    """(module, word, line) of every string that is an operator's word, outside of `ops` and of those that name them."""
    for path, tree in modules().items():
        if path.startswith(("ops/", *NAMING)):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in OPS:
                yield path, node.value, node.lineno


def test_no_operator_is_known_by_its_word() -> None:
    assert [f"{path}:{line} says {word!r}" for path, word, line in said() if path not in OTHERWISE.get(word, ())] == []


def test_each_exception_is_needed() -> None:
    found = {(path, word) for path, word, _ in said()}
    assert [(path, word) for word, paths in OTHERWISE.items() for path in paths if (path, word) not in found] == []
    assert [room for room in NAMING if not any(path.startswith(room) for path in modules())] == []


def test_no_word_of_an_operator_is_compared_with_a_string() -> None:
    """Of operators from files as well, whose words are in no table."""
    compared = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path, tree in modules().items()
        if not path.startswith("ops/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(side, ast.Attribute) and side.attr == "word" for side in (node.left, *node.comparators))
        and any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value
            for side in (node.left, *node.comparators)
            for each in ast.walk(side)
        )
        if path not in OWN_NODES
    ]
    assert compared == []


@pytest.mark.parametrize("word", list(OPS))
def test_a_layer_of_a_file_is_treated_as_the_operator_of_its_word(word: str) -> None:
    """A layer of that word that comes with its figures: other rooms ask it what they ask the operator."""
    assert {name: getattr(foreign(word), name) for name in LIKE} == {name: getattr(OPS[word], name) for name in LIKE}
