"""What each ONNX operator puts out and costs: products written by hand; and the shapes of onnx's own test cases."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

onnx = pytest.importorskip("onnx")

import numpy  # noqa: E402
from onnx import TensorProto  # noqa: E402

import archcalc.importer.rules  # noqa: E402
from archcalc.algebra import Poly  # noqa: E402
from archcalc.cost import Table  # noqa: E402
from archcalc.errors import SpecError  # noqa: E402
from archcalc.graph import Uncounted  # noqa: E402
from archcalc.importer import ModelFile  # noqa: E402
from archcalc.importer.rules import RULES  # noqa: E402
from archcalc.model import load, loaded  # noqa: E402

from node_cases import node_cases  # isort: skip  # noqa: E402
from onnx_files import ints, node, weights, write  # isort: skip  # noqa: E402

W = weights
MS = "com.microsoft"
PREVIEW = "ai.onnx.preview"
LINEAR = {"q_num_heads": 4, "kv_num_heads": 2}  # of queries with 3 features and values with 6


class Row(NamedTuple):
    """An operator with its operands (a shape is computed, an array is in the file, None is left out), and what it comes
    to.
    """

    op: str
    operands: list[Any]
    shape: tuple[int, ...]
    params: int = 0
    macs: int = 0
    elementwise: int = 0
    attributes: dict[str, Any] = {}
    domain: str = ""
    opset: int = 21
    buffers: int = 0

    def __str__(self) -> str:
        return f"{self.op}-{'x'.join(map(str, self.shape))}"


def table_of(row: Row, folder: Path, outputs: int = 1) -> Table:
    operands = {f"i{n}": operand for n, operand in enumerate(row.operands) if operand is not None}
    inputs = {name: operand for name, operand in operands.items() if isinstance(operand, tuple)}
    arrays = {name: operand for name, operand in operands.items() if not isinstance(operand, tuple)}
    names = [f"i{n}" if operand is not None else "" for n, operand in enumerate(row.operands)]
    made = node(row.op, names, [f"y{n}" for n in range(outputs)], domain=row.domain, **row.attributes)
    domains = {row.domain: 1} if row.domain else {}
    file = write(
        folder / "row.onnx",
        [made],
        inputs,
        [f"y{n}" for n in range(outputs)],
        opset=row.opset,
        domains=domains,
        **arrays,
    )
    return load(file).count()


IMAGE = (1, 4, 10, 10)
TOKENS = (1, 7, 16)

ROWS = [
    # convolutions: every output element is a dot product with cin/groups x kernel numbers, and a bias is one addition
    Row("Conv", [IMAGE, W(8, 4, 3, 3)], (8, 8, 8), 8 * 4 * 9, 8 * 8 * 8 * 4 * 9),
    Row("Conv", [IMAGE, W(8, 4, 3, 3), W(8)], (8, 10, 10), 8 * 4 * 9 + 8, 8 * 100 * 4 * 9, 8 * 100, {"pads": [1] * 4}),
    Row("Conv", [IMAGE, W(8, 4, 3, 3)], (8, 5, 5), 8 * 4 * 9, 8 * 25 * 4 * 9, 0, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Row("Conv", [IMAGE, W(8, 4, 4, 4)], (8, 5, 5), 8 * 4 * 16, 8 * 25 * 4 * 16, 0, {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    Row("Conv", [IMAGE, W(8, 4, 3, 3)], (8, 8, 8), 8 * 4 * 9, 8 * 64 * 4 * 9, 0, {"auto_pad": "VALID"}),
    Row("Conv", [IMAGE, W(8, 2, 3, 3)], (8, 8, 8), 8 * 2 * 9, 8 * 64 * 2 * 9, 0, {"group": 2}),
    Row("Conv", [IMAGE, W(8, 1, 3, 3)], (8, 6, 6), 8 * 9, 8 * 36 * 9, 0, {"group": 4, "dilations": [2, 2]}),
    Row("Conv", [IMAGE, W(8, 4, 3, 3)], (8, 11, 8), 8 * 4 * 9, 8 * 11 * 8 * 4 * 9, 0, {"pads": [2, 0, 1, 0]}),
    Row("Conv", [(1, 4, 20), W(8, 4, 5)], (8, 16), 8 * 4 * 5, 8 * 16 * 4 * 5),
    Row("Conv", [(1, 2, 5, 6, 7), W(3, 2, 2, 2, 2)], (3, 4, 5, 6), 3 * 2 * 8, 3 * 4 * 5 * 6 * 2 * 8),
    # one of the file's own batch of three
    Row("Conv", [(3, 4, 10, 10), W(8, 4, 3, 3)], (8, 8, 8), 8 * 4 * 9, 8 * 64 * 4 * 9),
    Row("Conv", [IMAGE, (8, 4, 3, 3)], (8, 8, 8), 0, 8 * 64 * 4 * 9),  # filters that are computed
    Row("ConvTranspose", [IMAGE, W(4, 6, 2, 2), W(6)], (6, 20, 20), 4 * 6 * 4 + 6, 4 * 100 * 6 * 4, 6 * 400, {"strides": [2, 2]}),
    Row("ConvTranspose", [IMAGE, W(4, 3, 3, 3)], (6, 20, 20), 4 * 3 * 9, 4 * 100 * 3 * 9, 0, {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1], "group": 2}),
    Row("ConvTranspose", [IMAGE, W(4, 6, 3, 3)], (6, 20, 20), 4 * 6 * 9, 4 * 100 * 6 * 9, 0, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    Row("ConvTranspose", [IMAGE, W(4, 6, 3, 3)], (6, 19, 20), 4 * 6 * 9, 4 * 100 * 6 * 9, 0, {"strides": [2, 2], "output_shape": [19, 20]}),
    Row("ConvInteger", [IMAGE, W(8, 4, 3, 3, kind="uint8")], (8, 8, 8), 8 * 4 * 9, 8 * 64 * 4 * 9),
    Row("QLinearConv", [IMAGE, W(1), W(1), W(8, 4, 1, 1, kind="int8"), W(1), W(1), W(1), W(1, kind="uint8"), W(8, kind="int32")], (8, 10, 10), 8 * 4 + 8, 8 * 100 * 4, 8 * 100),
    # four products and three sums between four pixels for each tap, one more product with a mask
    Row("DeformConv", [IMAGE, W(8, 4, 3, 3), (1, 18, 8, 8)], (8, 8, 8), 8 * 4 * 9, 8 * 64 * 4 * 9, 4 * 64 * 9 * 7),
    Row("DeformConv", [IMAGE, W(8, 4, 3, 3), (1, 18, 8, 8), W(8), (1, 9, 8, 8)], (8, 8, 8), 8 * 4 * 9 + 8, 8 * 64 * 4 * 9, 4 * 64 * 9 * 8 + 8 * 64),
    Row("CausalConvWithState", [(1, 6, 20), W(6, 1, 4), W(6)], (6, 20), 6 * 4 + 6, 6 * 20 * 4, 6 * 20, opset=27),
    Row("FusedConv", [IMAGE, W(8, 4, 1, 1), W(8)], (8, 10, 10), 8 * 4 + 8, 8 * 100 * 4, 8 * 100 + 8 * 100, {"activation": "Relu"}, MS),
    # matrix products
    Row("Gemm", [(1, 32), W(10, 32), W(10)], (10,), 320 + 10, 320, 10, {"transB": 1}),
    Row("Gemm", [(5, 32), W(32, 10)], (10,), 320, 320),
    Row("Gemm", [(32, 5), W(32, 10)], (5, 10), 320, 5 * 320, 0, {"transA": 1}),
    Row("Gemm", [(5, 6), (6, 7)], (5, 7), 0, 5 * 6 * 7),
    Row("MatMul", [TOKENS, W(16, 24)], (7, 24), 16 * 24, 7 * 16 * 24),
    Row("MatMul", [(1, 3, 7, 16), W(16, 24)], (3, 7, 24), 16 * 24, 3 * 7 * 16 * 24),
    Row("MatMul", [(1, 3, 7, 16), (1, 3, 16, 9)], (3, 7, 9), 0, 3 * 7 * 16 * 9),
    Row("MatMul", [(1, 3, 7, 16), (16, 9)], (3, 7, 9), 0, 3 * 7 * 16 * 9),
    Row("MatMul", [W(12, 7), TOKENS], (12, 16), 12 * 7, 12 * 7 * 16),
    Row("MatMul", [(16,), (16, 9)], (9,), 0, 16 * 9),
    Row("MatMul", [TOKENS, W(3, 16, 8)], (3, 7, 8), 3 * 16 * 8, 3 * 7 * 16 * 8),
    Row("MatMulInteger", [TOKENS, W(16, 24, kind="uint8")], (7, 24), 16 * 24, 7 * 16 * 24),
    Row("QLinearMatMul", [TOKENS, W(1), W(1), W(16, 24, kind="int8"), W(1), W(1), W(1), W(1, kind="int8")], (7, 24), 16 * 24, 7 * 16 * 24),
    Row("Einsum", [TOKENS, W(16, 24)], (7, 24), 16 * 24, 7 * 16 * 24, 0, {"equation": "bij,jk->bik"}),
    Row("Einsum", [(1, 3, 7, 16), (1, 3, 9, 16)], (3, 7, 9), 0, 3 * 7 * 9 * 16, 0, {"equation": "...id,...jd->...ij"}),
    Row("Einsum", [(1, 7, 16), (1, 7, 16)], (7, 16), 0, 0, 7 * 16, {"equation": "bij,bij->bij"}),
    Row("Einsum", [(1, 7, 16)], (16, 7), 0, 0, 0, {"equation": "bij->bji"}),
    Row("Einsum", [(1, 7, 16)], (7,), 0, 0, 7 * 16, {"equation": "bij->bi"}),
    # first a 5 x 6 by 6 x 7, then its result by 7 x 8
    Row("Einsum", [(5, 6), (6, 7), (7, 8)], (5, 8), 0, 5 * 6 * 7 + 5 * 7 * 8, 0, {"equation": "ab,bc,cd->ad"}),
    # attention: the scores and their use; scaling, softmax of n numbers takes 5n - 2
    Row("Attention", [(1, 7, 32), (1, 9, 32), (1, 9, 32)], (7, 32), 0, 2 * 7 * 9 * 32, 4 * (7 * 9 * 6 - 2 * 7), {"q_num_heads": 4, "kv_num_heads": 4}, opset=23),
    Row("Attention", [(1, 4, 7, 8), (1, 2, 9, 8), (1, 2, 9, 6)], (4, 7, 6), 0, 4 * 7 * 9 * (8 + 6), 4 * (7 * 9 * 6 - 2 * 7), opset=23),
    Row("FlexAttention", [(1, 4, 7, 8), (1, 2, 9, 8), (1, 2, 9, 6)], (4, 7, 6), 0, 4 * 7 * 9 * (8 + 6), 4 * (7 * 9 * 6 - 2 * 7), domain=PREVIEW),
    Row("LinearAttention", [(1, 5, 12), (1, 5, 6), (1, 5, 12)], (5, 24), 0, 5 * 18 * (2 + 4), 5 * (36 + 24), LINEAR | {"update_rule": "linear"}, opset=27),
    Row("LinearAttention", [(1, 5, 12), (1, 5, 6), (1, 5, 12), None, (1, 5, 2)], (5, 24), 0, 5 * 18 * 6, 5 * (2 + 36 + 36 + 24), LINEAR | {"update_rule": "gated"}, opset=27),
    Row("LinearAttention", [(1, 5, 12), (1, 5, 6), (1, 5, 12), None, (1, 5, 6), (1, 5, 2)], (5, 24), 0, 5 * 18 * 8, 5 * (6 + 36 + 36 + 24 + 24), LINEAR, opset=27),
    Row("Attention", [(1, 7, 32), W(32, 96), W(96)], (7, 32), 32 * 96 + 96, 7 * 32 * 96 + 2 * 49 * 32, 4 * (49 * 6 - 14), {"num_heads": 4}, MS),
    Row("QAttention", [(1, 7, 32), W(32, 96), W(96), W(1), W(1)], (7, 32), 32 * 96 + 96, 7 * 32 * 96 + 2 * 49 * 32, 4 * (49 * 6 - 14), {"num_heads": 4}, MS),
    Row("MultiHeadAttention", [(1, 7, 32), (1, 9, 32), (1, 9, 32)], (7, 32), 0, 2 * 7 * 9 * 32, 4 * (63 * 6 - 14), {"num_heads": 4}, MS),
    Row("GroupQueryAttention", [(1, 7, 32), (1, 7, 16), (1, 7, 16), (1, 2, 5, 8), (1, 2, 5, 8)], (7, 32), 0, 2 * 4 * 7 * 12 * 8, 4 * (7 * 12 * 6 - 14), {"num_heads": 4, "kv_num_heads": 2}, MS),
    Row("FusedGemm", [(1, 32), W(32, 10), W(10)], (10,), 330, 320, 10 + 10, {"activation": "Relu"}, MS),
    Row("FusedMatMul", [(1, 3, 7, 16), (1, 3, 9, 16)], (3, 7, 9), 0, 3 * 7 * 16 * 9, 0, {"transB": 1}, MS),
    # rows before the batch: a 4x2x8 is two matrices of 4x8
    Row("FusedMatMul", [(4, 2, 8), (2, 8, 3)], (2, 4, 3), 0, 2 * 4 * 8 * 3, 0, {"transBatchA": 1}, MS),
    Row("FusedMatMul", [(8, 2, 4), (2, 8, 3)], (2, 4, 3), 0, 2 * 4 * 8 * 3, 0, {"transBatchA": 1, "transA": 1}, MS),
    Row("FusedMatMul", [(2, 4, 8), W(3, 2, 8)], (2, 4, 3), 3 * 2 * 8, 2 * 4 * 8 * 3, 0, {"transBatchB": 1, "transB": 1}, MS),
    Row("TransposeMatMul", [(1, 3, 16, 7), (1, 3, 16, 9)], (3, 7, 9), 0, 3 * 7 * 16 * 9, 0, {"transA": 1}, MS),
    Row("QGemm", [(1, 32), W(1), W(1), W(32, 10, kind="int8"), W(1), W(1), W(10, kind="int32")], (10,), 330, 320, 10, {}, MS),
    Row("MatMulIntegerToFloat", [TOKENS, W(16, 24, kind="int8"), W(1), W(1)], (7, 24), 384, 7 * 384, 0, {}, MS),
    Row("DynamicQuantizeMatMul", [TOKENS, W(16, 24, kind="int8"), W(1)], (7, 24), 384, 7 * 384, 0, {}, MS),
    # experts: two of four work on each of 7 positions; their weighted sum is 3 x 16, the softmax over them 5 x 4 - 2
    Row("MoE", [TOKENS, (7, 4), W(4, 24, 16), W(4, 24), W(4, 16, 24), W(4, 16)], (7, 16), 4 * (2 * 384 + 40), 7 * 2 * 768, 7 * (2 * (40 + 24) + 48 + 18), {"k": 2}, MS),
    Row("MoE", [TOKENS, (7, 4), W(4, 48, 16), None, W(4, 16, 24)], (7, 16), 4 * 3 * 384, 7 * 3 * 384, 7 * (5 * 24 + 24 + 16 + 18), {"activation_type": "swiglu", "swiglu_fusion": 1}, MS),
    Row("MoE", [TOKENS, (7, 4), W(4, 24, 16), None, W(4, 16, 24), None, W(4, 24, 16)], (7, 16), 4 * 3 * 384, 7 * 3 * 384, 7 * (5 * 24 + 24 + 16 + 18), {"activation_type": "silu"}, MS),
    Row("QMoE", [TOKENS, (7, 4), W(4, 24, 8, kind="uint8"), W(4, 24), None, W(4, 16, 12, kind="uint8"), W(4, 16)], (7, 16), 4 * 2 * 384, 7 * 2 * 768, 7 * (2 * 24 + 48 + 18), {"k": 2}, MS),
    Row("QMoE", [TOKENS, (7, 4), W(4, 24, 16, kind="uint8"), W(4, 24), W(4, 24), W(4, 16, 24, kind="uint8"), W(4, 16)], (7, 16), 4 * (2 * 384 + 24), 7 * 768, 7 * (24 + 24 + 16 + 18), {"expert_weight_bits": 8}, MS),
    Row("GatherBlockQuantized", [W(100, 8, kind="uint8"), (1, 5), W(100, 1)], (5, 16), 1600, 0, 2 * 80, {"block_size": 16}, MS),
    Row("GatherBlockQuantized", [W(100, 16, kind="uint8"), (1, 5), W(100, 1)], (5, 16), 1600, 0, 2 * 80, {"block_size": 16, "bits": 8}, MS),
    # 4 heads at 7 positions: 4 features meet 8 columns; a bias, two sums of 4, two sigmoids, four steps to one gate
    Row("GatedRelativePositionBias", [TOKENS, W(16), (1, 4, 7, 7), W(4, 8), W(8), W(1, 4, 1, 1)], (4, 7, 7), 16 + 32 + 8 + 4, 28 * 32, 7 * 16 + 28 * (8 + 6 + 8 + 4) + 196, {"num_heads": 4}, MS),
    Row("MatMulNBits", [TOKENS, W(24, 1, 8, kind="uint8"), W(24)], (7, 24), 16 * 24, 7 * 16 * 24, 0, {"K": 16, "N": 24, "bits": 4, "block_size": 16}, MS),
    Row("MatMulBnb4", [TOKENS, W(192, kind="uint8"), W(24)], (7, 24), 16 * 24, 7 * 16 * 24, 0, {"K": 16, "N": 24}, MS),
    Row("MatMulFpQ4", [TOKENS, W(192, kind="uint8"), ints(16, 24)], (7, 24), 16 * 24, 7 * 16 * 24, 0, {"K": 16, "N": 24}, MS),
    Row("Inverse", [(1, 5, 5)], (5, 5), 0, 5 * 5 * 5, 0, {}, MS),
    Row("Det", [(1, 6, 6)], (), 0, 6**3 // 3),
    # recurrent: gates x hidden x (features + hidden) a step; bias two vectors a gate. Elementwise: the sum of the two
    # products, the
    # biases, and the gates' functions with the state's update (18 an LSTM's unit, 14 a GRU's, 1 an RNN's)
    Row("LSTM", [(5, 1, 6), W(1, 32, 6), W(1, 32, 8)], (5, 1, 1, 8), 32 * 14, 5 * 32 * 14, 5 * 8 * (4 + 18), {"hidden_size": 8}),
    Row("LSTM", [(5, 1, 6), W(2, 32, 6), W(2, 32, 8), W(2, 64)], (5, 2, 1, 8), 2 * (32 * 14 + 64), 5 * 2 * 32 * 14, 5 * 2 * 8 * (4 + 8 + 18), {"hidden_size": 8, "direction": "bidirectional"}),
    Row("LSTM", [(1, 5, 6), W(1, 32, 6), W(1, 32, 8)], (5, 1, 8), 32 * 14, 5 * 32 * 14, 5 * 8 * 22, {"hidden_size": 8, "layout": 1}),
    Row("LSTM", [(5, 1, 6), W(1, 32, 6), W(1, 32, 8), None, None, None, None, W(1, 24)], (5, 1, 1, 8), 32 * 14 + 24, 5 * 32 * 14, 5 * 8 * (22 + 6), {"hidden_size": 8}),
    Row("GRU", [(5, 1, 6), W(1, 24, 6), W(1, 24, 8), W(1, 48)], (5, 1, 1, 8), 24 * 14 + 48, 5 * 24 * 14, 5 * 8 * (3 + 6 + 14), {"hidden_size": 8}),
    Row("RNN", [(5, 3, 6), W(1, 8, 6), W(1, 8, 8)], (5, 1, 3, 8), 8 * 14, 5 * 3 * 8 * 14, 5 * 3 * 8 * (1 + 1), {"hidden_size": 8}),
    Row("DynamicQuantizeLSTM", [(5, 1, 6), W(1, 6, 32, kind="int8"), W(1, 8, 32, kind="int8")], (5, 1, 1, 8), 32 * 14, 5 * 32 * 14, 5 * 8 * 22, {"hidden_size": 8}, MS),
    # normalisations
    Row("BatchNormalization", [IMAGE, W(4), W(4), W(4), W(4)], (4, 10, 10), 8, 0, 2 * 400, buffers=8),
    Row("InstanceNormalization", [IMAGE, W(4), W(4)], (4, 10, 10), 8, 0, 5 * 400 + 2 * 4 + 2 * 400),
    Row("LayerNormalization", [TOKENS, W(16), W(16)], (7, 16), 32, 0, 5 * 112 + 2 * 7 + 2 * 112),
    Row("LayerNormalization", [TOKENS, W(7, 16)], (7, 16), 112, 0, 5 * 112 + 2 + 112, {"axis": 1}),
    Row("RMSNormalization", [TOKENS, W(16)], (7, 16), 16, 0, 3 * 112 + 2 * 7 + 112, opset=23),
    Row("SimplifiedLayerNormalization", [TOKENS, W(16)], (7, 16), 16, 0, 3 * 112 + 2 * 7 + 112),
    Row("GroupNormalization", [IMAGE, W(4), W(4)], (4, 10, 10), 8, 0, 5 * 400 + 2 * 2 + 2 * 400, {"num_groups": 2}),
    Row("GroupNorm", [(1, 10, 10, 4), W(4), W(4)], (10, 10, 4), 8, 0, 7 * 400 + 2 * 2, {"groups": 2, "activation": 0}, MS),
    Row("LRN", [IMAGE], (4, 10, 10), 0, 0, (5 + 4) * 400, {"size": 5}),
    Row("LpNormalization", [TOKENS], (7, 16), 0, 0, 3 * 112),
    Row("MeanVarianceNormalization", [IMAGE], (4, 10, 10), 0, 0, 5 * 400),
    Row("Dropout", [IMAGE], (4, 10, 10)),
    Row("SkipLayerNormalization", [TOKENS, TOKENS, W(16), W(16), W(16)], (7, 16), 48, 0, 112 + 112 + 5 * 112 + 14 + 224, {}, MS),
    Row("SkipSimplifiedLayerNormalization", [TOKENS, TOKENS, W(16)], (7, 16), 16, 0, 112 + 3 * 112 + 14 + 112, {}, MS),
    Row("EmbedLayerNormalization", [(1, 7), (1, 7), W(50, 16), W(20, 16), W(2, 16), W(16), W(16)], (7, 16), 72 * 16 + 32, 0, 2 * 112 + 5 * 112 + 14 + 224, {}, MS),
    # pools: a maximum of n is n - 1 comparisons, a mean n operations
    Row("MaxPool", [IMAGE], (4, 5, 5), 0, 0, 4 * 25 * 3, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Row("MaxPool", [(1, 4, 11, 11)], (4, 6, 6), 0, 0, 4 * 36 * 3, {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    Row("MaxPool", [(1, 4, 6)], (4, 4), 0, 0, 4 * 4, {"kernel_shape": [2], "strides": [2], "pads": [1, 1], "ceil_mode": 1}),
    Row("AveragePool", [IMAGE], (4, 8, 8), 0, 0, 4 * 64 * 9, {"kernel_shape": [3, 3]}),
    Row("LpPool", [IMAGE], (4, 9, 9), 0, 0, 4 * 81 * (2 * 4 + 1), {"kernel_shape": [2, 2]}),
    Row("GlobalAveragePool", [IMAGE], (4, 1, 1), 0, 0, 400),
    Row("GlobalMaxPool", [IMAGE], (4, 1, 1), 0, 0, 400 - 4),
    Row("GlobalLpPool", [IMAGE], (4, 1, 1), 0, 0, 800),
    Row("QLinearAveragePool", [IMAGE, W(1), W(1), W(1), W(1)], (4, 9, 9), 0, 0, 4 * 81 * 4, {"kernel_shape": [2, 2]}, MS),
    Row("QLinearGlobalAveragePool", [IMAGE, W(1), W(1), W(1), W(1)], (4, 1, 1), 0, 0, 400, {}, MS),
    # onnxruntime 1.31.1 puts out 1x2x6, whatever the text of the operator says of VALID
    Row("MaxPool", [(1, 2, 12)], (2, 6), 0, 0, 2 * 6 * 2, {"kernel_shape": [3], "strides": [2], "auto_pad": "VALID", "ceil_mode": 1}),
    Row("MaxPool", [(1, 2, 12)], (2, 6), 0, 0, 2 * 6 * 2, {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_LOWER", "ceil_mode": 1}),
    # channels last: what onnxruntime 1.31.1 puts out; filters stand as ever
    Row("QLinearAveragePool", [(1, 8, 6, 5), W(1), W(1), W(1), W(1)], (4, 4, 5), 0, 0, 4 * 4 * 5 * 6, {"kernel_shape": [2, 3], "strides": [2, 1], "channels_last": 1}, MS),
    Row("QLinearGlobalAveragePool", [(1, 8, 6, 5), W(1), W(1), W(1), W(1)], (1, 1, 5), 0, 0, 8 * 6 * 5, {"channels_last": 1}, MS),
    Row("QLinearConv", [(1, 8, 6, 5), W(1), W(1), W(7, 5, 2, 3, kind="int8"), W(1), W(1), W(1), W(1, kind="uint8")], (7, 4, 7), 7 * 5 * 6, 7 * 4 * 7 * 5 * 6, 0, {"channels_last": 1}, MS),
    Row("NhwcFusedConv", [(1, 8, 6, 5), W(7, 5, 2, 3), W(7)], (7, 4, 7), 7 * 5 * 6 + 7, 7 * 4 * 7 * 5 * 6, 2 * 7 * 4 * 7, {"activation": "Relu"}, MS),
    Row("NhwcMaxPool", [(1, 10, 10, 4)], (5, 5, 4), 0, 0, 4 * 25 * 3, {"kernel_shape": [2, 2], "strides": [2, 2]}, MS),
    Row("MaxUnpool", [(1, 4, 5, 5), (1, 4, 5, 5)], (4, 10, 10), 0, 0, 0, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Row("MaxRoiPool", [IMAGE, (3, 5)], (3, 4, 6, 6), 0, 0, 0, {"pooled_shape": [6, 6]}),
    Row("RoiAlign", [IMAGE, (3, 4), ints(0, 0, 0)], (3, 4, 7, 7), 0, 0, 3 * 4 * 49 * 4 * 8, {"output_height": 7, "output_width": 7, "sampling_ratio": 2}),
    # functions of one element
    Row("Relu", [IMAGE], (4, 10, 10), 0, 0, 400), Row("Sigmoid", [IMAGE], (4, 10, 10), 0, 0, 4 * 400), Row("Tanh", [IMAGE], (4, 10, 10), 0, 0, 400),
    Row("LeakyRelu", [IMAGE], (4, 10, 10), 0, 0, 800), Row("LeakyRelu", [IMAGE], (4, 10, 10), 0, 0, 800, {"alpha": 2.0}),
    Row("Elu", [IMAGE], (4, 10, 10), 0, 0, 3 * 400), Row("Elu", [IMAGE], (4, 10, 10), 0, 0, 4 * 400, {"alpha": 2.0}), Row("Selu", [IMAGE], (4, 10, 10), 0, 0, 4 * 400),
    Row("Softplus", [IMAGE], (4, 10, 10), 0, 0, 3 * 400), Row("Mish", [IMAGE], (4, 10, 10), 0, 0, 5 * 400), Row("HardSwish", [IMAGE], (4, 10, 10), 0, 0, 5 * 400),
    Row("HardSigmoid", [IMAGE], (4, 10, 10), 0, 0, 4 * 400), Row("Gelu", [IMAGE], (4, 10, 10), 0, 0, 5 * 400),
    Row("Gelu", [IMAGE], (4, 10, 10), 0, 0, 9 * 400, {"approximate": "tanh"}), Row("Erf", [IMAGE], (4, 10, 10), 0, 0, 400),
    Row("Clip", [IMAGE, numpy.float32(0), numpy.float32(6)], (4, 10, 10), 0, 0, 800), Row("Clip", [IMAGE, numpy.float32(0)], (4, 10, 10), 0, 0, 400),
    Row("Clip", [IMAGE, numpy.float32(-1), numpy.float32(1)], (4, 10, 10), 0, 0, 800), Row("Clip", [IMAGE], (4, 10, 10)),
    Row("PRelu", [IMAGE, W(4, 1, 1)], (4, 10, 10), 4, 0, 800), Row("PRelu", [IMAGE, W(1)], (4, 10, 10), 1, 0, 800),
    Row("Softmax", [(1, 10)], (10,), 0, 0, 50 - 2), Row("Softmax", [TOKENS], (7, 16), 0, 0, 7 * (80 - 2)), Row("Softmax", [IMAGE], (4, 10, 10), 0, 0, 100 * 18, {"axis": 1}),
    Row("Softmax", [IMAGE], (4, 10, 10), 0, 0, 5 * 400 - 2, opset=11), Row("LogSoftmax", [(1, 10)], (10,), 0, 0, 50 - 2 + 10),
    Row("FastGelu", [TOKENS, W(16)], (7, 16), 16, 0, 112 + 9 * 112, {}, MS), Row("BiasGelu", [TOKENS, W(16)], (7, 16), 16, 0, 112 + 5 * 112, {}, MS),
    Row("QuickGelu", [TOKENS], (7, 16), 0, 0, 6 * 112, {}, MS), Row("Swish", [TOKENS], (7, 16), 0, 0, 5 * 112, opset=24),
    Row("SwiGLU", [TOKENS, TOKENS], (7, 16), 0, 0, 6 * 112, opset=27), Row("QLinearSigmoid", [IMAGE, W(1), W(1)], (4, 10, 10), 0, 0, 1600, {}, MS),
    Row("QLinearLeakyRelu", [IMAGE, W(1), W(1)], (4, 10, 10), 0, 0, 800, {}, MS), Row("RotaryEmbedding", [(1, 3, 7, 16), (1, 7), W(9, 8), W(9, 8)], (3, 7, 16), 0, 0, 3 * 336, {}, MS),
    Row("Cast", [IMAGE], (4, 10, 10), 0, 0, 0, {"to": TensorProto.FLOAT16}), Row("QuantizeLinear", [IMAGE, W(1)], (4, 10, 10), 0, 0, 1600),
    Row("DequantizeLinear", [IMAGE, W(1)], (4, 10, 10), 0, 0, 800),
    # two operands; what is in the file may be learned, and one number of it that has a name of its own as well
    Row("Add", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 400), Row("Add", [IMAGE, (1, 4, 1, 1)], (4, 10, 10), 0, 0, 400), Row("Add", [IMAGE, (10,)], (4, 10, 10), 0, 0, 400),
    Row("Add", [TOKENS, W(1, 7, 16)], (7, 16), 112, 0, 112), Row("Add", [IMAGE, W(4, 1, 1)], (4, 10, 10), 4, 0, 400), Row("Mul", [IMAGE, W(4, 1, 1)], (4, 10, 10), 4, 0, 400),
    Row("Mul", [TOKENS, W(16)], (7, 16), 16, 0, 112), Row("Sub", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 400), Row("Div", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 400),
    Row("Pow", [IMAGE, (10,)], (4, 10, 10), 0, 0, 400), Row("Less", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 400), Row("Where", [IMAGE, IMAGE, IMAGE], (4, 10, 10), 0, 0, 400),
    Row("Sum", [IMAGE, IMAGE, IMAGE], (4, 10, 10), 0, 0, 800), Row("Max", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 400), Row("Mean", [IMAGE, IMAGE], (4, 10, 10), 0, 0, 800),
    Row("BiasAdd", [TOKENS, W(16), TOKENS], (7, 16), 16, 0, 224, {}, MS), Row("CumSum", [TOKENS, ints(1)], (7, 16), 0, 0, 112),
    Row("QLinearAdd", [IMAGE, W(1), W(1), IMAGE, W(1), W(1)], (4, 10, 10), 0, 0, 400, {}, MS),
    # over axes
    Row("ReduceMean", [IMAGE, ints(2, 3)], (4, 1, 1), 0, 0, 400), Row("ReduceMean", [TOKENS, ints(-1)], (7, 1), 0, 0, 112),
    Row("ReduceSum", [TOKENS, ints(1)], (16,), 0, 0, 112 - 16, {"keepdims": 0}), Row("ReduceL2", [TOKENS, ints(2)], (7, 1), 0, 0, 224),
    Row("ArgMax", [TOKENS], (7,), 0, 0, 112 - 7, {"axis": 2, "keepdims": 0}), Row("TopK", [TOKENS, ints(5)], (7, 5), 0, 0, 112),
    Row("QLinearReduceMean", [IMAGE, W(1), W(1), W(1), W(1)], (4, 1, 1), 0, 0, 400, {"axes": [2, 3]}, MS), Row("QLinearSoftmax", [(1, 10), W(1), W(1)], (10,), 0, 0, 48, {"axis": 1}, MS),
    # what only moves
    Row("Reshape", [IMAGE, ints(1, -1)], (400,)), Row("Reshape", [IMAGE, ints(0, 2, -1, 0)], (2, 20, 10)), Row("Flatten", [IMAGE], (400,)),
    Row("Transpose", [IMAGE], (10, 10, 4), 0, 0, 0, {"perm": [0, 2, 3, 1]}), Row("Transpose", [(5, 1, 8)], (5, 8), 0, 0, 0, {"perm": [1, 0, 2]}),
    Row("Concat", [IMAGE, IMAGE], (8, 10, 10), 0, 0, 0, {"axis": 1}), Row("Concat", [W(1, 1, 16), TOKENS], (8, 16), 16, 0, 0, {"axis": 1}),
    Row("Slice", [IMAGE, ints(1), ints(3), ints(1)], (2, 10, 10)), Row("Slice", [IMAGE, ints(-1, 8), ints(-12, 2), ints(2, 3), ints(-3, -2)], (4, 4, 3)),
    Row("Pad", [IMAGE, ints(0, 0, 1, 2, 0, 0, 3, 4)], (4, 14, 16)), Row("Expand", [(1, 4, 1, 1), ints(1, 4, 10, 10)], (4, 10, 10)), Row("Tile", [TOKENS, ints(1, 2, 3)], (14, 48)),
    Row("DepthToSpace", [IMAGE], (1, 20, 20), 0, 0, 0, {"blocksize": 2}), Row("SpaceToDepth", [IMAGE], (16, 5, 5), 0, 0, 0, {"blocksize": 2}),
    Row("Squeeze", [(1, 4, 1, 10), ints(2)], (4, 10)), Row("Unsqueeze", [TOKENS, ints(1, -1)], (1, 7, 16, 1)), Row("QLinearConcat", [W(1), W(1), IMAGE, W(1), W(1), IMAGE, W(1), W(1)], (8, 10, 10), 0, 0, 0, {"axis": 1}, MS),
    # interpolation between 2 numbers an axis takes 2^n products and a sum less, between 4 numbers 4^n
    Row("Resize", [IMAGE, None, W(4) * 0 + numpy.array([1, 1, 2, 2], "float32")], (4, 20, 20)), Row("Resize", [IMAGE, None, None, ints(1, 4, 15, 20)], (4, 15, 20), 0, 0, 4 * 300 * 7, {"mode": "linear"}),
    Row("Resize", [IMAGE, None, None, ints(1, 4, 20, 20)], (4, 20, 20), 0, 0, 4 * 400 * 31, {"mode": "cubic"}), Row("Resize", [IMAGE, None, None, ints(1, 4, 20, 20)], (4, 20, 20), 0, 0, 4 * 400 * 7, {"mode": "linear"}),
    Row("GridSample", [IMAGE, (1, 6, 7, 2)], (4, 6, 7), 0, 0, 4 * 42 * 7), Row("AffineGrid", [(1, 2, 3), ints(1, 4, 6, 7)], (6, 7, 2), 0, 6 * 7 * 2 * 3),
    # look-ups
    Row("Gather", [W(50, 16), (1, 7)], (7, 16), 50 * 16), Row("Gather", [TOKENS, ints(0, 3)], (2, 16), 0, 0, 0, {"axis": 1}), Row("Gather", [TOKENS, numpy.int64(3)], (16,), 0, 0, 0, {"axis": 1}),
    Row("GatherElements", [TOKENS, (1, 3, 16)], (3, 16)), Row("ScatterND", [TOKENS, (4, 1), (4, 7, 16)], (7, 16)), Row("OneHot", [(1, 7), ints(10), W(2)], (7, 10)),
    Row("DFT", [(1, 12, 1), None, ints(1)], (12, 2), 0, 12 * 12 * 2), Row("STFT", [(1, 40, 1), ints(8), None, ints(16)], (4, 9, 2), 0, 4 * 9 * 2 * 16, 4 * 16),
    # a complex signal: twice the products; the inverse of 33 bins has 64 real outputs; 16 points filled up to 64
    Row("STFT", [(1, 64, 2), ints(16), W(32)], (3, 32, 2), 0, 3 * 32 * 32 * 4, 2 * 3 * 32, {"onesided": 0}),
    Row("DFT", [(1, 33, 2), None, ints(1)], (64, 1), 0, 64 * 33 * 2, 0, {"inverse": 1, "onesided": 1}, opset=20),
    Row("DFT", [(1, 16, 1), ints(64)], (64, 2), 0, 64 * 16 * 2, 0, {"axis": 1}, opset=17), Row("DFT", [(1, 64, 1), ints(16)], (16, 2), 0, 16 * 16 * 2, 0, {"axis": 1}, opset=17),
    Row("NonMaxSuppression", [(1, 100, 4), (1, 5, 100)], (0, 3)),
    Row("Col2Im", [(1, 20, 5), ints(5, 5), ints(1, 5)], (4, 5, 5), 0, 0, 100), Row("Trilu", [(1, 5, 5)], (5, 5)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_node_costs_what_is_worked_out_by_hand(row: Row, tmp_path: Path) -> None:
    table = table_of(row, tmp_path)
    totals = table.totals
    (output,) = table.graph.outputs
    found = (
        table.graph.nodes[output].shape,
        totals["params"],
        totals["macs"],
        totals["elementwise"],
        totals["buffers"],
    )
    assert (found, totals["uncounted"]) == ((row.shape, row.params, row.macs, row.elementwise, row.buffers), [])


def test_several_outputs_are_layers_of_their_own(tmp_path: Path) -> None:
    table = table_of(Row("Split", [(1, 9, 4), ints(2, 3, 4)], (), attributes={"axis": 1}), tmp_path, 3)
    assert [table.graph.nodes[n].shape for n in table.graph.outputs] == [(2, 4), (3, 4), (4, 4)]
    table = table_of(Row("LSTM", [(5, 1, 6), W(1, 32, 6), W(1, 32, 8)], (), attributes={"hidden_size": 8}), tmp_path, 3)
    assert [(table.graph.nodes[n].shape, table.rows[k].macs) for k, n in enumerate(table.graph.outputs)] == [
        ((5, 1, 1, 8), 5 * 32 * 14),
        ((1, 8), 0),
        ((1, 8), 0),
    ]


# ---- onnx's own cases: the shapes that its reference implementation puts out -----------------------------------------

MOVED = {
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
    "ReduceLogSum", "ReduceLogSumExp", "Squeeze", "Unsqueeze", "Slice", "Pad", "CenterCropPad", "Col2Im", "Split",
}  # fmt: skip
DATA = (
    "test_compress",
    "test_nonmaxsuppression",
    "test_nonzero",
    "test_unique",
    "test_loop11",
)  # sizes that only a run tells


@pytest.fixture(scope="module")
def all_cases() -> list[Any]:
    return node_cases()


@pytest.fixture(scope="module")
def cases(all_cases: list[Any]) -> list[Any]:
    return [case for case in all_cases if case.data_sets and not case.name.startswith("test_cast_")]


def with_constants(case: Any) -> Any:
    """The model of a case, with the axes and sizes that it is given written into the file."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value, array in list(zip(model.graph.input, case.data_sets[0][0], strict=False))[1:]:
        if isinstance(array, numpy.ndarray) and (
            (array.dtype in (numpy.int64, numpy.int32, numpy.bool_) and array.ndim <= 1)
            or value.name in ("scales", "roi")
        ):
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
    return model


def agrees(shape: tuple[Any, ...], outputs: list[tuple[int, ...]]) -> bool:
    samples = [output[1:] if output[:1] == (1,) else output for output in outputs]
    return any(
        len(shape) == len(other) and all(isinstance(a, Poly) or a == b for a, b in zip(shape, other, strict=True))
        for other in samples
    )


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_shapes_are_those_of_onnx_s_reference_implementation(cases: list[Any], tmp_path: Path, step: int) -> None:
    file, checked, operators, wrong = tmp_path / "case.onnx", 0, set(), []
    for case in cases[::step]:
        outputs = [
            numpy.asarray(output).shape
            for output in case.data_sets[0][1]
            if isinstance(output, (numpy.ndarray, numpy.generic))
        ]
        if case.name.startswith(DATA) or len(outputs) < len(case.data_sets[0][1]):
            continue
        file.write_bytes(with_constants(case).SerializeToString())
        try:
            model = load(str(file))
            assert isinstance(model.file, ModelFile)
            whole = model.file._replace(written=None)  # as it stands, and not one of what looks like a batch
            table = model._replace(file=whole).count()
        except SpecError as error:
            if "size of 0" not in str(error) and "would be" not in str(error):  # of no elements: refused
                wrong.append(f"{case.name}: {error}")
            continue
        if table.graph.uncounted or not table.graph.outputs:
            continue
        checked += 1
        operators |= {(node.domain, node.op_type) for node in case.model.graph.node}
        if not all(agrees(table.graph.nodes[n].shape, outputs) for n in table.graph.outputs):
            wrong.append(f"{case.name}: {[table.graph.nodes[n].shape for n in table.graph.outputs]}, not {outputs}")
    assert wrong == []
    assert checked > 1200 // step
    if step > 1:  # all operators are in all cases
        return
    tried = operators | {(row.domain, row.op) for row in ROWS} | {("", "Split")}
    elsewhere = {
        "If",
        "Loop",
        "Scan",
        "PrintOp",
        "Optional",
        "OptionalGetElement",
        "StopGradient",
        "Scatter",
        "RandomNormal",
        "RandomUniform",
        "Bernoulli",
    }
    elsewhere |= {
        "RandomNormalLike",
        "RandomUniformLike",
        "Multinomial",
        "ConcatFromSequence",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceLength",
        "SequenceMap",
    }
    elsewhere |= {
        "SequenceAt",
        "SequenceConstruct",
        "SequenceInsert",
        "SplitToSequence",
        "Constant",
        "Upsample",
        "NonMaxSuppression",
        "NonZero",
        "Compress",
        "Unique",
    }
    elsewhere |= {
        "BitCast",
        "ConstantOfShape",
        "Shape",
        "Size",
        "Range",
        "EyeLike",
        "HannWindow",
        "HammingWindow",
        "BlackmanWindow",
        "Cast",
        "CastLike",
        "MelWeightMatrix",
        "OptionalHasElement",
    }
    assert sorted({op for domain, op in RULES if not domain and ("", op) not in tried} - elsewhere) == []


def uncounted(model: Any) -> list[Uncounted]:
    try:
        return loaded(model.SerializeToString(), "case.onnx").count().graph.uncounted
    except SpecError as error:
        return [Uncounted("refused", 1, "", str(error))]


def test_at_most_three_in_a_hundred_of_onnx_s_node_tests_are_uncounted_each_with_a_reason_in_the_page(
    all_cases: list[Any],
) -> None:
    """As they stand: axes and sizes come as inputs, and nothing but the file's own words says what they are."""
    models = [case.model for case in all_cases if case.model is not None]
    first = [found[0] for model in models if (found := uncounted(model))]
    assert len(first) <= 0.03 * len(models)
    page = (Path(__file__).parent.parent / "docs" / "onnx.md").read_text(encoding="utf-8")
    if f"node tests of onnx {onnx.__version__} " not in page:
        pytest.skip("the page's table is of another version of onnx")
    counts = Counter(("an input" if one.op.startswith("input ") else one.op, one.why) for one in first)
    rows = [
        f"| {op} | {count} | {why} |" for (op, why), count in sorted(counts.items(), key=lambda row: (-row[1], row))
    ]
    assert f"{len(first)} of the {len(models):,} node tests of onnx {onnx.__version__} " in page
    wanted = "\n".join(["| operator | tests | reason |", "|---|--:|---|", *rows])
    assert wanted in page, wanted


def test_axes_that_a_run_gives_cost_what_they_cost_as_numbers_of_the_file(cases: list[Any]) -> None:
    """The file says the output's shape, and onnx's own value for the axes says what they are."""
    seen: Counter[str] = Counter()
    for case in cases:
        node = case.model.graph.node[0]
        if node.op_type not in MOVED or len(case.model.graph.node) > 1 or "empty_set" in case.name:
            continue
        if not (given := {name for name in node.input[1:] if name} & {v.name for v in case.model.graph.input}):
            continue
        open_, fixed = (loaded(m.SerializeToString(), "case.onnx") for m in (case.model, with_constants(case)))
        whole = [model._replace(file=model.file._replace(written=None)).count() for model in (open_, fixed)]
        assert not whole[0].graph.uncounted, (case.name, given, whole[0].graph.uncounted)
        nodes = [[table.graph.nodes[n].shape for n in table.graph.outputs] for table in whole]
        assert nodes[0] == nodes[1], case.name
        for figure in ("macs", "elementwise", "params"):
            assert whole[0].totals[figure] == whole[1].totals[figure], (case.name, figure)
        seen[node.op_type] += 1
    assert seen.total() > 100
    assert len(seen) >= 15


def test_a_rule_names_what_it_reads_as_onnx_does() -> None:
    """A rule that serves several operators has the names of the first."""
    versions: dict[tuple[str, str], list[Any]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        versions.setdefault((schema.domain, schema.name), []).append(schema)
    unlike, seen = [], set()
    for key, rule in RULES.items():
        if id(rule) in seen or key not in versions:
            continue
        seen.add(id(rule))
        rule.read()
        last = max(versions[key], key=lambda schema: schema.since_version)
        for n, (name, _, needed) in enumerate(rule.inputs):
            given = last.inputs[n] if n < len(last.inputs) else None
            older = any(name in schema.attributes for schema in versions[key])
            optional = given is not None and given.option == onnx.defs.OpSchema.FormalParameterOption.Optional
            if not older and (given is None or given.name.lower() != name.lower() or (needed and optional)):
                unlike.append((key[1], n, name))
        known = {name for schema in versions[key] for name in schema.attributes}
        unlike += [(key[1], name) for name, (_, _, group) in rule.attributes.items() if not group and name not in known]
    # onnxruntime's own operators of these names have more attributes
    more = [("CausalConvWithState", name) for name in ("ndim", "dilation", "channels_last", "input_channels")]
    assert sorted(unlike) == sorted([("QLinearConv", "channels_last"), *more])


def test_no_rule_reaches_for_the_walker() -> None:
    folder = Path(archcalc.importer.rules.__file__).parent
    assert [path.name for path in folder.glob("*.py") if "walker" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(("scale", "shift", "kept"), [(1, 0, 0), (2, 0, 2 * 96), (1, 1, 2 * 96)])
def test_a_norm_that_only_norms_has_learned_nothing(scale: int, shift: int, kept: int, tmp_path: Path) -> None:
    """Exporters write a scale of ones and a shift of zeros for a norm without them."""
    arrays = {"val_1": numpy.full(96, scale, numpy.float32), "val_2": numpy.full(96, shift, numpy.float32)}
    file = write(
        tmp_path / "n.onnx",
        [node("LayerNormalization", ["x", "val_1", "val_2"], ["y"])],
        {"x": [1, 5, 96]},
        ["y"],
        **arrays,
    )
    assert load(file).count().totals["params"] == kept


def test_numbers_that_are_written_into_a_tensor_were_learned(tmp_path: Path) -> None:
    arrays = {"i": ints(0).reshape(1, 1), "p": weights(1, 7)}
    file = write(tmp_path / "s.onnx", [node("ScatterND", ["x", "i", "p"], ["y"])], {"x": [1, 7]}, ["y"], **arrays)
    assert load(file).count().totals["params"] == 7
