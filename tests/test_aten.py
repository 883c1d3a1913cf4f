"""Operators of PyTorch's ATen, each in a module of its own, held to what torch says: shapes, parameters, and the MACs of
FlopCounterMode."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

import archcalc as api
from archcalc.ops.base import Plain, Reach, Saved

pytestmark = [pytest.mark.torch, pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch isn't installed")]


def counted(function: Callable[[Any], Any]) -> tuple[Any, int]:
    """The count of a linear layer 4 -> 8 over 6 rows and a function of it, with what FlopCounterMode counts."""
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(4, 8)

        def forward(self, x: Any) -> Any:
            return function(self.line(x))

    module = Net()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(torch.rand(1, 6, 4))
    return api.from_torch(module, (6, 4)).count(), counter.get_total_flops() // 2


# what is called with h, of 1 x 6 x 8; t is torch, F its functional
CALLS = """
h.diff() | h.diff(n=2, dim=1) | h.diff(prepend=h[..., :1], append=h) | t.arccos(h) | t.less(h, h) | t.special.expit(h)
t.linalg.matmul(h, h.mT) | t.inner(h, h) | t.inner(h, h[0, 0]) | t.chain_matmul(h[0], h[0].T, h[0])
t.linalg.multi_dot([h[0, 0], h[0].T, h[0], t.ones(8, 3)]) | t.linalg.matrix_power(h[0][:, :6], 6)
t.linalg.matrix_power(h[0][:, :6], 4) | t.linalg.matrix_power(h[0][:, :6], 1) | t.linalg.norm(h) | t.linalg.norm(h, dim=-1)
t.linalg.matrix_norm(h) | t.linalg.cross(h[..., :3], h[..., :3]) | t.linalg.vecdot(h, h) | t.trace(h[0]) | t.kron(h, h)
t.addr(h[0][:, :6], h[0, :, 0], h[0, :, 0]) | t.diag(h[0]) | t.diag_embed(h) | t.rot90(h, 1, (1, 2)) | t.isin(h, h)
t.unique(h) | t.unique(h[0], dim=0) | t.unique(h, return_inverse=True)[1] | t.argwhere(h) | t.aminmax(h, dim=1)[0]
t.cummax(h, 1)[0] | t.logcumsumexp(h, 1) | h.kthvalue(2)[0] | h.mode()[1] | t.quantile(h, 0.5, dim=-1) | t.trapezoid(h)
t.hsplit(h, 2)[1] | t.dsplit(h, 4)[0] | t.vsplit(h[0], (1, 3))[1] | t.column_stack([h[0], h[0, :, 0]]) | t.dstack([h[0], h[0]])
t.row_stack([h, h]) | t.block_diag(h[0], h[0]) | t.atleast_3d(h[0, 0]) | t.atleast_3d(h[0]) | t.atleast_2d(h[0, 0])
t.broadcast_tensors(h, h[:, :1])[1] | t.take(h, t.tensor([0, 3])) | h.clone().uniform_() | h + t.randn(8).normal_()
t.normal(h, h.abs()) | F.gumbel_softmax(h) | t.isclose(h, h) | F.mse_loss(h, h) | F.cross_entropy(h[0], t.arange(6))
F.huber_loss(h, h, reduction="none") | t.polar(h, h).imag | h.sum_to_size(1, 1, 8) | h.as_strided((1, 3), (3, 1))
F.fractional_max_pool2d(h[None], 2, output_size=(3, 4)) | t.nanmean(h, dim=1) | t.pdist(h[0]) | h[0].clone().fill_diagonal_(0)
"""


@pytest.mark.parametrize("call", [part.strip() for part in CALLS.replace("\n", "|").split("|") if part.strip()])
def test_an_operator_is_counted_whole(call: str) -> None:
    """That no shape differs from torch's is part of it: such a node is uncounted."""
    import torch

    table, macs = counted(eval(f"lambda h: {call}", {"t": torch, "F": torch.nn.functional}))
    assert (table.totals["uncounted"], table.totals["params"], table.totals["macs"]) == ([], 40, macs)


@pytest.mark.parametrize(
    ("call", "more"),
    [("t.mv(h[0], h[0, 0])", 48), ("t.dot(h[0, 0], h[0, 0])", 8), ("F.bilinear(h, h, t.ones(3, 8, 8))", 6 * 3 * 8 * 9),
     ("F.affine_grid(h[:, :2, :3], (1, 1, 4, 4))", 4 * 4 * 2 * 3),
     ("t.conv_tbc(h.transpose(0, 1), t.ones(3, 8, 5), t.ones(5))", 4 * 5 * 3 * 8)],
)  # fmt: skip
def test_products_that_the_counter_leaves_out_are_counted(call: str, more: int) -> None:
    import torch

    table, macs = counted(eval(f"lambda h: {call}", {"t": torch, "F": torch.nn.functional}))
    assert (table.totals["uncounted"], table.totals["macs"]) == ([], macs + more)


@pytest.mark.parametrize(
    ("call", "name", "operations"),
    [("t.linalg.vecdot(h[:, :, None], t.ones(5, 8))", "linalg_vecdot", 2 * 6 * 5 * 8),  # a product and a sum
     ("t.linalg.vecdot(h[..., None], t.ones(8, 5), dim=2)", "linalg_vecdot", 2 * 6 * 5 * 8),
     ("t.dist(h, t.ones(3, 1, 8))", "dist", 3 * 3 * 6 * 8)],
)  # fmt: skip
def test_what_is_stretched_to_the_other_is_counted_as_large_as_both(call: str, name: str, operations: int) -> None:
    import torch

    table, _ = counted(eval(f"lambda h: {call}", {"t": torch}))
    assert [row.elementwise for row in table.rows if row.name == name] == [operations]


@pytest.mark.parametrize(
    "call", ["t.linalg.inv(h[0][:, :6])", "t.linalg.norm(h[0], 2)", "t.fft.rfft(h).real", "t.linalg.svdvals(h)"]
)
def test_what_a_library_decides_is_uncounted(call: str) -> None:
    import torch

    assert len(counted(eval(f"lambda h: {call}", {"t": torch}))[0].totals["uncounted"]) == 1


@pytest.mark.parametrize(("name", "gates"), [("LSTMCell", 4), ("GRUCell", 3), ("RNNCell", 1)])
def test_a_step_of_a_recurrent_layer_is_counted_each_time(name: str, gates: int) -> None:
    from torch import nn

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = getattr(nn, name)(4, 8)

        def forward(self, x: Any) -> Any:
            state = None
            for step in range(5):
                state = self.cell(x[:, step], state)
            return state

    table = api.from_torch(Steps(), (5, 4)).count()
    assert (table.totals["uncounted"], table.totals["params"]) == ([], gates * 8 * (4 + 8 + 2))
    assert table.totals["macs"] == 5 * gates * 8 * (4 + 8)


# ---- rules from outside ----------------------------------------------------------------------------------------------


class Odd(Plain):
    """An operator whose rules are right but for `macs`."""

    word = "odd"

    def shape(self, *inputs: Any) -> Any:
        return inputs[0]

    def weights(self, *inputs: Any) -> Any:
        return {}

    def macs(self, output: Any, *inputs: Any) -> Any:
        return 1.5

    def elementwise(self, output: Any, *inputs: Any) -> Any:
        return 0

    def inside(self, output: Any, *inputs: Any) -> Any:
        return 0

    def saves(self, output: Any, *inputs: Any, dx: Any, dw: Any) -> Saved:
        return Saved()

    def windows(self, *inputs: Any) -> Reach:
        return Reach.ALL

    def emit(self, builder: Any, *tensors: Any) -> Any:
        return tensors[0]


def ruled(rule: Callable[[Any, Any], Any]) -> Any:
    """The count of a module whose operator has that rule, between two layers that cost 24 and 18 MACs."""
    import torch

    from archcalc.importer.rules.base import RULES

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = torch.nn.Linear(4, 6), torch.nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(torch.special.bessel_j0(self.one(x)))

    @api.rule("special_bessel_j0", domain="aten")
    def bessel(call: Any, self: Any) -> Any:
        return rule(call, self)

    try:
        return api.from_torch(Net(), "4").count()
    finally:
        del RULES["aten", "special_bessel_j0"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda call, x: call.figure("x", [1, 6], [x]), "a shape is [1, 6], not a tuple"),
        (lambda call, x: call.figure("x", (1, 2.5), [x]), "a shape is (1, 2.5), not a tuple"),
        (lambda call, x: call.figure("x", (1, "a"), [x]), "a shape is (1, 'a'), not a tuple"),
        (lambda call, x: call.figure("x", (1, 7), [x]), "gives 1x7 where the framework has 1x6"),
        (lambda call, x: call.figure("x", (6,), [x]), "gives 6 where the framework has 1x6"),
        (lambda call, x: call.view(x, (1, 7)), "gives 1x7 where the framework has 1x6"),
        (lambda call, x: call.figure("x", x.dims, [x], macs="a"), "macs is 'a', not a whole number"),
        (lambda call, x: call.figure("x", x.dims, [x], macs=1.5), "macs is 1.5, not a whole number"),
        (lambda call, x: call.figure("x", x.dims, [x], macs=-3), "macs is -3, not a whole number"),
        (lambda call, x: call.figure("x", x.dims, [x], elementwise=None), "elementwise is None"),
        (lambda call, x: call.figure("x", x.dims, [x], reach="all"), "reach is 'all', not a Reach"),
        (lambda call, x: call.figure(3, x.dims, [x]), "a word is 3, not text"),
        (lambda call, x: call.figure("x", 5, [x]), "fails: TypeError: 'int' object"),
        (lambda call, x: [x, x], "it gives 2 outputs, and the node has 1"),
        (lambda call, x: [], "it gives nothing for output 1"),
        (lambda call, x: [[x]], "not what call.emit, call.figure or call.view give"),
        (lambda call, x: (_ for _ in ()).throw(RuntimeError("boo")), "fails: RuntimeError: boo"),
    ],
)
def test_what_a_rule_from_outside_gives_wrongly_is_its_own_and_no_other_layers(rule: Any, said: str) -> None:
    """The layers around it count as they would: 4 x 6 and 6 x 3."""
    found = ruled(rule)
    found.to_rows()
    (missed,) = found.totals["uncounted"]
    assert missed["why"].startswith(f"the rule {__name__}.ruled.")
    assert said in missed["why"]
    assert (found.totals["macs"], found.totals["params"]) == (4 * 6 + 6 * 3, 4 * 6 + 6 + 6 * 3 + 3)


def test_a_class_that_a_rule_puts_out_is_said_by_its_name() -> None:
    api.register(Odd)
    try:
        with pytest.raises(api.ArchcalcError, match=r"operator 'odd' \(.*Odd\): macs gives 1.5, not a whole number"):
            ruled(lambda call, x: call.emit(call.made(Odd), x.dims, [x])).to_rows()
    finally:
        from archcalc.ops import OPS, OUTSIDE

        for table in (OPS, OUTSIDE):
            table.pop("odd", None)


@pytest.mark.parametrize(
    ("call", "operations"),
    [("h.norm()", 96), ("h.norm(1)", 95), ("h.norm(0, dim=1)", 96 - 8), ("h.norm(math.inf, dim=-1)", 96 - 6),
     ("t.linalg.vector_norm(h, -math.inf)", 95), ("h.norm(3, dim=-1)", 3 * 48), ("t.linalg.matrix_norm(h, 1)", 95),
     ("t.linalg.norm(h[0], math.inf)", 95), ("t.linalg.norm(h, 1, dim=1)", 96 - 8)],
)  # fmt: skip
def test_a_norm_is_what_its_order_takes(call: str, operations: int) -> None:
    """Of n elements an absolute value, a square or a comparison with 0 each, n - 1 sums or comparisons, and of order 2
    a root; of another order two powers in the place of one value: n more, and a root.
    """
    import math

    import torch

    table, _ = counted(eval(f"lambda h: {call}", {"t": torch, "math": math}))
    assert (table.totals["uncounted"], sum(row.elementwise for row in table.rows if "norm" in row.name or "l2" in row.name)) == (
        [], operations)  # fmt: skip


@pytest.mark.parametrize(
    "call",
    ["s.sum(0)", "s.norm(1, 0)", "s.max(0)[1]", "s.topk(1)[0]", "s.argmax(0)", "s.mode()[1]", "s.aminmax(dim=0)[0]",
     "s.median(0, keepdim=True)[0]", "s.logsumexp(-1)", "s.squeeze(0)", "h[:, :1].squeeze(())", "h.amax(())"],
)  # fmt: skip
def test_a_lone_number_has_an_axis_to_go_over(call: str) -> None:
    """As PyTorch has it, which takes a number for a row of one."""
    table, _ = counted(lambda h: eval(call, {"h": h, "s": h.sum()}))
    assert table.totals["uncounted"] == []


@pytest.mark.parametrize(
    ("first", "second", "offs", "macs"),
    [((7, 8), (2, 8, 16), 2, 7 * 8 * 16), ((3, 7, 8), (3, 8, 16), 0, 3 * 7 * 8 * 16),
     ((8, 24), (24, 16), 2, 8 * 24 * 16), ((2, 7, 8), (8, 24), 2, 7 * 8 * 24)],
)  # fmt: skip
def test_products_in_groups_meet_every_row_with_one_matrix(
    first: tuple[int, ...], second: tuple[int, ...], offs: int, macs: int
) -> None:
    """FlopCounterMode has no rule for them. The groups of 2 x 7 x 8 with 8 x 24 are of columns: 24 in all."""
    import torch
    from torch import nn

    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(second, dtype=torch.bfloat16))

        def forward(self, x: Any, ends: Any) -> Any:
            return torch._grouped_mm(x[0], self.weight, ends[0] if offs else None)

    table = api.from_torch(
        Experts(), {"x": "x".join(map(str, first)) + ":bfloat16", "ends": f"{max(offs, 1)}:int32"}
    ).count()
    assert (table.totals["uncounted"], table.totals["macs"], table.totals["params"]) == (
        [],
        macs,
        torch.Size(second).numel(),
    )


def test_mixtrals_experts_have_the_macs_that_they_run() -> None:
    """Held to a run whose experts are products of their own, which FlopCounterMode sees."""
    transformers = pytest.importorskip("transformers")
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 4,
             "num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 100}  # fmt: skip
    with torch.device("meta"):
        module = transformers.MixtralModel(transformers.MixtralConfig(**sizes))
    table = api.from_torch(module, {"input_ids": "8:int64"}).count()
    run = transformers.MixtralModel(transformers.MixtralConfig(**sizes, experts_implementation="eager")).eval()
    attention = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with torch.no_grad(), attention, FlopCounterMode(display=False) as counter:
        run(input_ids=torch.zeros(1, 8, dtype=torch.int64))
    assert (table.totals["uncounted"], table.totals["macs"]) == ([], counter.get_total_flops() // 2)
    assert table.totals["params"] == sum(each.numel() for each in module.parameters())
