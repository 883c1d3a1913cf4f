"""What each tool counts, as data: a rule an operator, in the words of `quantities` and the grammar of `rules`.

Read off the tools' sources at the versions named here, and held against what they printed for every operator and for
whole networks (`tests/data/peer_counts.json`). Operators that a table leaves out count nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from archcalc.conventions.nodes import ONNX_TOOL
from archcalc.conventions.rules import Rules
from archcalc.errors import UsageError, suggest
from archcalc.records import Record

Unit = Literal["macs", "flops"]
MACS: Unit = "macs"
FLOPS: Unit = "flops"


class Number(Record):
    """A number that a tool prints: what the tool calls it, whether that is MACs or FLOPs, and its rules."""

    title: str
    unit: Unit
    rules: Rules

    @property
    def factor(self) -> int:
        """Operations a multiply-accumulate."""
        return 2 if self.unit == FLOPS else 1


class Tool(Record):
    """A tool at a version: the numbers that it prints, the one it is asked for first, and its parameters."""

    name: str
    version: str
    about: str
    numbers: tuple[Number, ...]
    params: Rules
    idle: bool = True  # the parameters of heads that only training runs are in
    frozen: bool = True  # frozen parameters are in
    notes: tuple[str, ...] = ()
    nodes: Rules | None = None  # of the nodes of a model file, where it reads such files itself

    @property
    def title(self) -> str:
        """`thop 0.1.1`; `flop_counter of torch 2.13.0`."""
        return f"{self.name} {'of ' if ' ' in self.version else ''}{self.version}"

    @property
    def buffers(self) -> bool:
        """Whether running statistics are parameters to it."""
        return "buffers" in self.params.otherwise

    def number(self, unit: str) -> Number | None:
        """Its MACs, or its FLOPs."""
        return next((number for number in self.numbers if number.unit == unit), None)


LEARNED = Rules({}, otherwise="params")
OURS = Rules(
    {
        "conv, dwconv, local, conv_transpose, linear, matmul, rnn, lstm, gru": "macs",
        "attention": "projections + products - skipped",
    },
    otherwise="macs",
)

_RECTIFIERS = "relu, leaky_relu, prelu, elu, gelu, silu"
_POOLS = "maxpool, avgpool, gap, gmp"

_THOP = Rules({
    "conv, dwconv, linear": "macs",
    "conv_transpose": "unrolled",
    "rnn": "macs + units + biased",
    "lstm": "macs + 8*units + biased",
    "gru": "macs + 7*units + biased",
    "bn, ln": "4*outputs",
    "bn_plain, ln_plain": "2*outputs",
    "ln functional": "",
    "prelu, avgpool": "outputs",
    "avgpool functional": "",
    "gap, flatten AdaptiveAvgPool2d": "inputs + outputs",
    "gap functional, gap method": "",
    "softmax": "3*inputs - positions",
    "softmax functional": "",
    "upsample": "outputs",
    "upsample_bilinear": "11*outputs",
    "upsample functional, upsample_bilinear functional": "",
})  # fmt: skip

_PTFLOPS = Rules({
    "conv, dwconv, conv_transpose, linear": "macs + biased",
    "matmul": "macs",
    "matmul method": "",
    "attention": "projections + products + queries + scores + projected + outputs",
    "attention_plain": "projections + products + queries + scores + outputs",
    "rnn": "macs + units + biased",
    "lstm": "macs + 10*units + biased",
    "gru": "macs + 7*units + biased",
    "bn, gn": "2*outputs",
    "bn_plain, gn_plain, ln": "outputs",
    "ln functional": "",
    "relu, prelu, elu, gelu": "2*outputs",
    "relu functional, elu functional, gelu functional, relu6, leaky_relu, silu, softmax": "outputs",
    "leaky_relu functional": "",
    f"{_POOLS}, flatten AdaptiveAvgPool2d": "2*inputs",
    "maxpool functional, avgpool functional, gap functional, gmp functional": "inputs",
    "gap method": "",
    "upsample, upsample_bilinear": "2*outputs",
    "upsample functional, upsample_bilinear functional": "outputs",
    "lrn": "3*outputs + padded",
    "add functional, mul functional": "merged",
})  # fmt: skip

_PTFLOPS_ATEN = Rules({
    "conv, dwconv, conv_transpose, linear, rnn, gru": "macs + biased",
    "matmul": "macs",
    "attention": "projections + biased",
})  # fmt: skip

_FVCORE = Rules({
    "conv, dwconv, conv_transpose, linear, matmul": "macs",
    "attention": "projections",
    "bn": "2*outputs",
    "bn_plain": "outputs",
    "ln, gn": "5*outputs",
    "ln_plain, gn_plain": "4*outputs",
    "gap, flatten AdaptiveAvgPool2d": "inputs",
    "gap method": "",
    "upsample": "outputs",
    "upsample_bilinear": "4*outputs",
})  # fmt: skip

_TORCHINFO = Rules({
    "conv, dwconv, linear Conv2d": "macs + biased",
    "conv_transpose": "unrolled + biased",
    "linear, conv Linear, bn, ln, gn, prelu, embedding": "params",
    "rnn, lstm, gru": "stepped",
})  # fmt: skip

_CALFLOPS_MACS = Rules({
    "conv, dwconv, linear, matmul": "macs",
    "conv_transpose": "regrouped",
    "matmul method": "",
    "attention": "projections",
})  # fmt: skip

_ELEMENTWISE_FLOPS = {
    "rnn": "2*macs - units + biased",
    "lstm": "2*macs + 2*units + biased",
    "gru": "2*macs + units + biased",
    "bn": "2*outputs",
    "bn_plain": "outputs",
    "ln, gn": "5*outputs",
    "ln_plain, gn_plain": "4*outputs",
    f"{_RECTIFIERS}, relu6 functional, softmax": "outputs",
    f"{_POOLS}, flatten AdaptiveAvgPool2d": "inputs",
    "gap method": "",
    "add functional, mul functional": "merged",
    "lrn": "3*outputs + padded",
}
_CALFLOPS_FLOPS = Rules(_ELEMENTWISE_FLOPS | {
    "conv, dwconv, linear Conv2d": "2*macs + biased",
    "conv_transpose": "2*regrouped + shrunk",
    "linear, matmul, conv Linear": "2*macs",
    "matmul method": "",
    "attention": "2*projections",
    "upsample, upsample_bilinear": "inputs",
})  # fmt: skip

_DEEPSPEED_MACS = Rules({
    "conv, dwconv, conv_transpose, linear, matmul": "macs",
    "attention": "projections + products",
})  # fmt: skip
_DEEPSPEED_FLOPS = Rules(_ELEMENTWISE_FLOPS | {
    "conv, dwconv, conv_transpose, linear Conv2d": "2*macs + biased",
    "linear, matmul, conv Linear": "2*macs",
    "attention": "2*projections + 2*products",
    "upsample, upsample_bilinear": "outputs",
})  # fmt: skip

_FLOP_COUNTER = Rules(
    {
        "conv, dwconv, conv_transpose, linear, matmul, rnn, lstm, gru": "2*macs",
        "attention": "2*projections + 2*products",
    }
)

_ONNX = {
    "conv, dwconv, linear": "macs + biased",
    "conv_transpose": "swapped + biased",
    "matmul": "macs",
    "attention": "projections + products + biased + 36*scores + 2*queries + 78*calls",
    "lstm": "macs + biased + 180*states",
    "gru": "macs + biased + 110*states",
    "bn": "31*outputs",
    "ln": "7*outputs + 29*positions",
    "lrn": "37*outputs + neighbours",
    "gn": "9*outputs",
    "scale, position": "outputs",
    "token": "6*calls",
    "slice method": "7*calls",
    "relu": "outputs",
    "relu6, leaky_relu, prelu": "2*outputs",
    "elu": "35*outputs",
    "gelu": "7*outputs",
    "sigmoid": "32*outputs",
    "silu": "33*outputs",
    "hardsigmoid": "4*outputs",
    "hardswish": "5*outputs",
    "tanh, softplus": "76*outputs",
    "mish": "153*outputs",
    "softmax": "36*outputs",
    "maxpool, avgpool": "taps",
    "gap": "inputs + 4*outputs",
    "gap method, gmp, flatten AdaptiveAvgPool2d": "inputs",
    "upsample_bilinear": "4*outputs",
    "add, sub, mul, maximum": "merged",
}
_ONNX_TOOL = Rules(_ONNX)
_ONNX_TOOL_FOLDED = Rules(_ONNX | {"bn_folded": "outputs", "bn_absorbed": ""})
_ONNX_PARAMS = Rules({}, otherwise="params + buffers")
_ONNX_PARAMS_FOLDED = Rules({"bn_folded": "channels", "bn_absorbed": ""}, otherwise="params + buffers")

_THOP_PARAMS = Rules({
    "conv, dwconv, conv_transpose, linear, bn, ln, prelu, rnn, lstm, gru": "params",
    "ln functional": "",
})  # fmt: skip

_TOOLS = (
    Tool(
        "torchvision",
        "0.28.0",
        "its table of weights; the GFLOPS there are 10^9 MACs",
        (Number("MACs", MACS, OURS),),
        LEARNED,
    ),
    Tool(
        "fvcore",
        "0.1.5",
        "traces the network; a multiply-accumulate is one flop; batch normalisation 2 a number, adaptive pools what"
        " they read",
        (Number("flops", MACS, _FVCORE),),
        LEARNED,
        notes=("scaled dot products are no operator that it knows: of attention it sees the projections",),
    ),
    Tool(
        "thop",
        "0.1.1",
        "hooks modules of classes that it knows; batch normalisation 4 a number, adaptive pools what they read and"
        " write",
        (Number("MACs", MACS, _THOP),),
        _THOP_PARAMS,
        idle=False,
        notes=(
            (
                "functions, nn.MultiheadAttention and subclasses are not seen, nor are their parameters and those of"
                " modules of one's own"
            ),
        ),
    ),
    Tool(
        "ptflops",
        "0.7.5",
        "hooks modules and replaces functions, so that modules which call one count twice; a bias is an operation an"
        " output",
        (Number("MACs", MACS, _PTFLOPS),),
        LEARNED,
        frozen=False,
    ),
    Tool(
        "ptflops-aten",
        "0.7.5",
        "ptflops with backend=aten; contractions and their biases",
        (Number("MACs", MACS, _PTFLOPS_ATEN),),
        LEARNED,
        frozen=False,
        notes=("scaled dot products are no operator that it knows: of attention it sees the projections",),
    ),
    Tool(
        "torchinfo",
        "1.8.0",
        "parameters times the outputs' positions for convolutions, parameters alone for every other module",
        (Number("mult-adds", MACS, _TORCHINFO),),
        LEARNED,
        notes=("nn.Linear counts once, however many positions it is applied to",),
    ),
    Tool(
        "calflops",
        "0.3.2",
        "replaces functions; MACs are those of contractions, FLOPs 2 a MAC and the elementwise functions that it knows",
        (Number("MACs", MACS, _CALFLOPS_MACS), Number("FLOPs", FLOPS, _CALFLOPS_FLOPS)),
        LEARNED,
        frozen=False,
        notes=("scaled dot products are no function that it knows: of attention it sees the projections",),
    ),
    Tool(
        "deepspeed",
        "0.19.8",
        "its flops profiler replaces functions; MACs are those of contractions, FLOPs 2 a MAC and the elementwise"
        " functions that it knows",
        (Number("MACs", MACS, _DEEPSPEED_MACS), Number("FLOPs", FLOPS, _DEEPSPEED_FLOPS)),
        LEARNED,
    ),
    Tool(
        "flop_counter",
        "torch 2.13.0",
        "torch.utils.flop_counter: 2 a MAC of convolutions and matrix products, nothing else",
        (Number("FLOPs", FLOPS, _FLOP_COUNTER),),
        LEARNED,
        notes=(
            (
                "this is its count on the meta device; on a CPU, kernels of attention that it has no formula for count"
                " nothing"
            ),
        ),
    ),
    Tool(
        "onnx-tool",
        "1.0.1",
        "instructions that an ONNX file's nodes would take: 31 a number for batch normalisation, 32 for an exponential,"
        " 4 for a division",
        (Number("MACs", MACS, _ONNX_TOOL),),
        _ONNX_PARAMS,
        idle=False,
        notes=("of a file in which batch normalisation is a node; running statistics are parameters",),
        nodes=ONNX_TOOL,
    ),
    Tool(
        "onnx-tool-folded",
        "1.0.1",
        "onnx-tool on a file that torch.onnx exports in evaluation mode, which folds batch normalisation into"
        " convolutions",
        (Number("MACs", MACS, _ONNX_TOOL_FOLDED),),
        _ONNX_PARAMS_FOLDED,
        idle=False,
        notes=("running statistics that are not folded are parameters",),
        nodes=ONNX_TOOL,
    ),
    Tool(
        "keras",
        "3.15.1",
        "counts no operations; running statistics of batch normalisation are parameters, which it calls non-trainable",
        (),
        Rules({"rnn, lstm": "params - doubled"}, otherwise="params + buffers"),
        notes=("recurrent layers have one bias, a gru two, as `reset_after` has it",),
    ),
)
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _TOOLS}


def find(name: str) -> Tool:
    """The tool of that name. Raises UsageError with all that there are."""
    if name not in TOOLS:
        raise UsageError(f"unknown tool '{name}'{suggest(name, TOOLS)}; there are {', '.join(TOOLS)}")
    return TOOLS[name]
