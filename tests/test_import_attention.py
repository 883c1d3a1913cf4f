"""Attention of newer standards against the functions by which onnx itself defines it: the same products, counted in
their nodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, defs, helper  # noqa: E402

from archcalc.errors import SpecError  # noqa: E402
from archcalc.model import load  # noqa: E402

from onnx_files import node, write  # isort: skip  # noqa: E402

PREVIEW = "ai.onnx.preview"
HEADS = {"q_num_heads": 4, "kv_num_heads": 2}
QUERIES, KEYS, VALUES, DECAY, FADING, BETA = [1, 5, 12], [1, 5, 6], [1, 5, 16], [1, 5, 2], [1, 5, 6], [1, 5, 2]


def schema(op: str, domain: str = "") -> Any:
    if not defs.has(op, domain):
        pytest.skip(f"needs an onnx that has {op}")
    return defs.get_schema(op, domain=domain)


def both(
    folder: Path,
    op: str,
    shapes: dict[str, list[int]],
    names: list[str],
    outputs: int,
    domain: str = "",
    **attributes: Any,
) -> tuple[Any, Any]:
    """The tables of the node, and of what onnx says that it stands for."""
    found = schema(op, domain)
    one = node(op, names, ["y", "state"][:outputs], name="it", domain=domain, **attributes)
    types = [
        helper.make_tensor_type_proto(TensorProto.FLOAT, shapes[name]).SerializeToString() if name else b""
        for name in names
    ]
    function = onnx.FunctionProto.FromString(found.get_context_dependent_function(one.SerializeToString(), types))
    given = dict(zip(function.input, names, strict=False)) | dict(zip(function.output, ["y", "state"], strict=False))
    for each in function.node:
        each.input[:] = [given.get(name, name) for name in each.input]
        each.output[:] = [given.get(name, name) for name in each.output]
    version = found.since_version if not domain else 25
    domains = {domain: 1} if domain else {}
    files = [
        write(folder / f"{n}.onnx", nodes, shapes, opset=version, domains=domains)
        for n, nodes in enumerate(([one], list(function.node)))
    ]
    return load(files[0]).count(), load(files[1]).count()


@pytest.mark.parametrize(
    ("update", "more"),
    [
        ("linear", {}),
        ("gated", {"g": DECAY}),
        ("gated", {"g": FADING}),
        ("delta", {"b": BETA}),
        ("gated_delta", {"g": DECAY, "b": BETA}),
    ],
)
@pytest.mark.parametrize("shared", [1, 2, 4])
def test_linear_attention_multiplies_what_its_definition_does(
    tmp_path: Path, update: str, more: dict[str, list[int]], shared: int
) -> None:
    depth, value_depth = 3, 8
    shapes = {"q": QUERIES, "k": [1, 5, shared * depth], "v": [1, 5, shared * value_depth]}
    shapes |= {name: [1, 5, shared * depth if shape is FADING else shared] for name, shape in more.items()}
    names = ["q", "k", "v", "", "g" if "g" in more else "", "b" if "b" in more else ""]
    table, defined = both(
        tmp_path, "LinearAttention", shapes, names, 2, update_rule=update, q_num_heads=4, kv_num_heads=shared
    )
    products = {"linear": 1, "gated": 1, "delta": 2, "gated_delta": 2}[update]
    assert table.totals["macs"] == defined.totals["macs"] == 5 * depth * value_depth * (products * shared + 4)
    assert (table.totals["uncounted"], table.rows[-1].shape) == ([], (5, 4 * value_depth))
    assert table.totals["elementwise"] <= defined.totals["elementwise"]


def change(*nodes: Any) -> Any:
    """A graph of one input and one output of the same shape."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("s", "t")]
    return helper.make_graph(list(nodes), "change", value[:1], value[1:])


@pytest.mark.parametrize(
    "mods",
    [
        {},
        {"score_mod": [node("Tanh", ["s"], ["t"])]},
        {"score_mod": [node("Abs", ["s"], ["t"])], "prob_mod": [node("Exp", ["s"], ["t"])]},
    ],
)
def test_flex_attention_multiplies_what_its_definition_does(tmp_path: Path, mods: dict[str, Any]) -> None:
    shapes = {"q": [1, 4, 5, 8], "k": [1, 2, 7, 8], "v": [1, 2, 7, 6]}
    table, defined = both(
        tmp_path,
        "FlexAttention",
        shapes,
        ["q", "k", "v"],
        1,
        PREVIEW,
        **{name: change(*nodes) for name, nodes in mods.items()},
    )
    assert table.totals["macs"] == defined.totals["macs"] == 4 * 5 * 7 * (8 + 6)
    assert (table.totals["uncounted"], table.rows[-1].shape) == ([], (4, 5, 6))
    words = [row.op for row in table.rows]
    assert [word in words for word in ("tanh", "abs", "exp")] == [
        "Tanh" in str(mods),
        "Abs" in str(mods),
        "Exp" in str(mods),
    ]


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "said"),
    [
        (
            "LinearAttention",
            [QUERIES, KEYS, VALUES],
            {"q_num_heads": 4, "update_rule": "linear"},
            "it needs numbers of heads, for queries and for keys",
        ),
        (
            "LinearAttention",
            [QUERIES, KEYS, VALUES],
            {"q_num_heads": 3, "kv_num_heads": 2, "update_rule": "linear"},
            "3 heads of queries can't share 2 of keys",
        ),
        (
            "LinearAttention",
            [QUERIES, KEYS, VALUES],
            HEADS | {"update_rule": "squared"},
            "there is no update_rule 'squared'",
        ),
        (
            "LinearAttention",
            [QUERIES, [1, 5, 8], VALUES],
            HEADS | {"update_rule": "linear"},
            "the keys' features and the queries' disagree: 8 and 6",
        ),
        ("LinearAttention", [QUERIES, KEYS, VALUES], HEADS, "lacks its input 5"),
        ("FlexAttention", [[1, 4, 5, 8], [1, 3, 7, 8], [1, 3, 7, 6]], {}, "4 heads of queries can't share 3 of keys"),
        ("FlexAttention", [[1, 5, 8], [1, 7, 8], [1, 7, 6]], {}, "it needs 4 axes"),
        (
            "FlexAttention",
            [[1, 4, 5, 8], [1, 2, 7, 8], [1, 2, 7, 6]],
            {"score_mod": change(node("ReduceSum", ["s"], ["t"]))},
            "must leave their shape as it is",
        ),
    ],
)
def test_attention_that_can_not_be_is_refused_at_its_node(
    tmp_path: Path, op: str, shapes: list[list[int]], attributes: dict[str, Any], said: str
) -> None:
    inputs = dict(zip("qkv", shapes, strict=True))
    domain = PREVIEW if op == "FlexAttention" else ""
    file = write(
        tmp_path / "a.onnx",
        [node(op, list(inputs), ["y"], name="it", domain=domain, **attributes)],
        inputs,
        opset=27,
        domains={domain: 1} if domain else {},
    )
    with pytest.raises(SpecError, match=said) as caught:
        load(file).count()
    assert f"node 'it' ({op})" in str(caught.value)
