"""What other tools count: makes `peer_counts.json`, which `tests/test_conventions.py` holds the conventions against.

Not run by the tests. In an environment of its own (torch for the CPU, torchvision, thop, ptflops, fvcore, torchinfo,
calflops, deepspeed, onnx, onnx-tool, keras):

    python tests/data/peers.py [--operators] [TOOL]...
    python tests/data/peers.py --files [FILE]...

Of model files onnx-tool alone says something: of those that archcalc writes (`archcalc export resnet50 -o resnet50.onnx
--weights none`), of those that onnx brings along, and of single nodes.

Every tool counts torchvision's networks (Keras its own) and single operators; one process a tool, because some of them
leave torch patched.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "peer_counts.json"

# networks of torchvision by name: options, input
NETWORKS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "alexnet": ({}, [3, 224, 224]),
    "vgg11": ({}, [3, 224, 224]),
    "vgg11_bn": ({}, [3, 224, 224]),
    "vgg16": ({}, [3, 224, 224]),
    "googlenet": ({"aux_logits": False, "init_weights": False}, [3, 224, 224]),
    "googlenet_aux": ({"aux_logits": True, "init_weights": False}, [3, 224, 224]),
    "inception_v3": ({"aux_logits": False, "init_weights": False}, [3, 299, 299]),
    "inception_v3_aux": ({"aux_logits": True, "init_weights": False}, [3, 299, 299]),
    "resnet18": ({}, [3, 224, 224]),
    "resnet50": ({}, [3, 224, 224]),
    "resnext50_32x4d": ({}, [3, 224, 224]),
    "wide_resnet50_2": ({}, [3, 224, 224]),
    "densenet121": ({}, [3, 224, 224]),
    "densenet201": ({}, [3, 224, 224]),
    "squeezenet1_0": ({}, [3, 224, 224]),
    "squeezenet1_1": ({}, [3, 224, 224]),
    "mobilenet_v2": ({}, [3, 224, 224]),
    "mobilenet_v3_large": ({}, [3, 224, 224]),
    "mobilenet_v3_small": ({}, [3, 224, 224]),
    "mnasnet1_0": ({}, [3, 224, 224]),
    "shufflenet_v2_x1_0": ({}, [3, 224, 224]),
    "efficientnet_b0": ({}, [3, 224, 224]),
    "convnext_tiny": ({}, [3, 224, 224]),
    "vit_b_16": ({}, [3, 224, 224]),
    "resnet18_batch4": ({}, [3, 224, 224]),
    "vit_b_32_batch2": ({}, [3, 224, 224]),
}
KERAS = {
    "vgg16": "VGG16", "vgg19": "VGG19", "resnet50-v1": "ResNet50", "inception_v3": "InceptionV3", "densenet121": "DenseNet121", "densenet169": "DenseNet169",
    "densenet201": "DenseNet201", "mobilenet_v1": "MobileNet", "mobilenet_v2": "MobileNetV2", "mobilenet_v3_large": "MobileNetV3Large",
    "xception": "Xception", "inception_resnet_v2": "InceptionResNetV2", "efficientnet_b0": "EfficientNetB0", "convnext_tiny": "ConvNeXtTiny",
    "convnext_small": "ConvNeXtSmall", "convnext_base": "ConvNeXtBase", "convnext_large": "ConvNeXtLarge",
}  # fmt: skip


SCALE: list[Any] = [{"init": [1]}, {"bytes": [1]}]  # and a zero point
# nodes of a file: operator, attributes, operands. A list is the shape of what is computed, {"init": shape} is in the
# file, {"ints": numbers} as well
NODES: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("Conv", {"group": 2, "pads": [1, 1, 1, 1]}, [[1, 4, 9, 7], {"init": [6, 2, 3, 3]}, {"init": [6]}]),
    ("Conv", {"strides": [2]}, [[1, 4, 9], {"init": [6, 4, 3]}]),
    ("ConvTranspose", {"strides": [2, 2]}, [[1, 4, 5, 5], {"init": [4, 3, 2, 2]}, {"init": [3]}]),
    ("ConvTranspose", {"strides": [2, 2], "group": 2}, [[1, 4, 5, 5], {"init": [4, 3, 2, 2]}]),
    ("Gemm", {"transB": 1}, [[1, 8], {"init": [5, 8]}, {"init": [5]}]),
    ("Gemm", {}, [[1, 8], {"init": [8, 5]}]),
    ("MatMul", {}, [[1, 3, 7, 8], {"init": [8, 5]}]),
    ("MatMul", {}, [[1, 3, 7, 8], [1, 3, 8, 6]]),
    ("Einsum", {"equation": "bij,bjk->bik"}, [[1, 3, 4], [1, 4, 5]]),
    ("LSTM", {"hidden_size": 5}, [[7, 1, 4], {"init": [1, 20, 4]}, {"init": [1, 20, 5]}, {"init": [1, 40]}]),
    ("LSTM", {"hidden_size": 5, "direction": "bidirectional"}, [[7, 1, 4], {"init": [2, 20, 4]}, {"init": [2, 20, 5]}, {"init": [2, 40]}]),
    ("GRU", {"hidden_size": 5}, [[7, 1, 4], {"init": [1, 15, 4]}, {"init": [1, 15, 5]}, {"init": [1, 30]}]),
    ("BatchNormalization", {}, [[1, 4, 9, 7], *({"init": [4]} for _ in range(4))]),
    ("LayerNormalization", {}, [[1, 7, 6], {"init": [6]}, {"init": [6]}]),
    ("LayerNormalization", {"axis": 1}, [[1, 7, 6], {"init": [7, 6]}]),
    ("InstanceNormalization", {}, [[1, 4, 9, 7], {"init": [4]}, {"init": [4]}]),
    ("LpNormalization", {}, [[1, 7, 6]]),
    ("LRN", {"size": 5}, [[1, 8, 9, 7]]),
    ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2]}, [[1, 4, 9, 8]]),
    ("AveragePool", {"kernel_shape": [3]}, [[1, 4, 9]]),
    ("GlobalAveragePool", {}, [[1, 4, 9, 7]]),
    *((op, {}, [[1, 4, 9, 7]]) for op in (
        "Relu", "Sigmoid", "Tanh", "Elu", "LeakyRelu", "HardSigmoid", "HardSwish", "Softplus", "Softmax", "LogSoftmax", "Exp", "Log", "Sqrt", "Sin", "Cos",
        "Atan", "Neg", "Abs", "Ceil", "Floor", "Round", "Sign", "Reciprocal", "Erf", "Gelu", "Identity", "Dropout",
    )),
    *((op, {}, [[1, 4, 9, 7], [1, 4, 1, 7]]) for op in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Less", "Greater", "Equal", "LessOrEqual", "GreaterOrEqual")),
    ("Add", {}, [[1, 4, 9, 7], {"init": [4, 1, 1]}]),
    ("Pow", {}, [[1, 4, 9, 7], {"init": [1]}]),
    ("PRelu", {}, [[1, 4, 9, 7], {"init": [4, 1, 1]}]),
    ("Clip", {}, [[1, 4, 9, 7], {"init": []}, {"init": []}]),
    ("Sum", {}, [[1, 4, 9, 7], [1, 4, 9, 7], [1, 4, 9, 7]]),
    ("CumSum", {}, [[1, 7, 6], {"ints": [1]}]),
    ("ReduceMean", {"keepdims": 0}, [[1, 4, 9, 7], {"ints": [2, 3]}]),
    ("ReduceSum", {}, [[1, 4, 9, 7], {"ints": [1]}]),
    ("Resize", {"mode": "nearest"}, [[1, 4, 9, 7], None, None, {"ints": [1, 4, 18, 14]}]),
    ("Resize", {"mode": "linear"}, [[1, 4, 9, 7], None, None, {"ints": [1, 4, 18, 14]}]),
    ("Resize", {"mode": "cubic"}, [[1, 4, 9, 7], None, None, {"ints": [1, 4, 18, 14]}]),
    ("QuantizeLinear", {}, [[1, 4, 9, 7], {"init": [1]}, {"bytes": [1]}]),
    ("DequantizeLinear", {}, [{"computed bytes": [1, 4, 9, 7]}, {"init": [1]}, {"bytes": [1]}]),
    ("QLinearConv", {}, [{"computed bytes": [1, 4, 9, 7]}, *SCALE, {"bytes": [6, 4, 3, 3]}, *SCALE, *SCALE]),
    ("QLinearMatMul", {}, [{"computed bytes": [1, 7, 8]}, *SCALE, {"bytes": [8, 5]}, *SCALE, *SCALE]),
    ("ConvInteger", {}, [{"computed bytes": [1, 4, 9, 7]}, {"bytes": [6, 4, 3, 3]}]),
    ("MatMulInteger", {}, [{"computed bytes": [1, 7, 8]}, {"bytes": [8, 5]}]),
    ("Transpose", {"perm": [0, 2, 1]}, [[1, 7, 6]]),
    ("Concat", {"axis": 1}, [[1, 7, 6], [1, 7, 6]]),
    ("Gather", {"axis": 1}, [[1, 7, 6], {"ints": [0, 3]}]),
    ("Reshape", {}, [[1, 7, 6], {"ints": [1, 42]}]),
]  # fmt: skip


def models_of_torchvision() -> Any:
    """torchvision, whose wheel may be built for CUDA: without its kernels it still needs the operators that it
    registers unasked.
    """
    from torch import library

    for name in ("nms", "qnms"):
        with contextlib.suppress(RuntimeError):
            library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    return torchvision


def network(name: str) -> tuple[Any, list[int]]:
    torchvision = models_of_torchvision()
    options, shape = NETWORKS[name]
    base, _, batch = name.removesuffix("_aux").partition("_batch")
    return getattr(torchvision.models, base)(weights=None, **options).eval(), [int(batch or 1), *shape]


# ---- single operators: the layers as a spec writes them, how PyTorch writes them where that is no module, the input, t

Probe = tuple[Any, dict[str, str], list[int], Callable[[], Any]]


def operators() -> dict[str, Probe]:
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Call(nn.Module):
        """A function as a module, for what is no module in PyTorch."""

        def __init__(self, function: Callable[[Any], Any]) -> None:
            super().__init__()
            self.function = function

        def forward(self, x: Any) -> Any:
            return self.function(x)

    class Attend(nn.Module):
        """Self-attention with one argument."""

        def __init__(self, **options: Any) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(16, 4, batch_first=True, **options)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    class Own(nn.Module):
        """A parameter of a module of one's own."""

        def __init__(self, shape: tuple[int, ...], function: Callable[[Any, Any], Any]) -> None:
            super().__init__()
            self.parameter, self.function = nn.Parameter(torch.ones(shape)), function

        def forward(self, x: Any) -> Any:
            return self.function(x, self.parameter)

    class First(nn.Module):
        """The output of a recurrent layer, without its state."""

        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Any) -> Any:
            return self.layer(x)[0]

    image, sequence, vector = (
        [8, 12, 10],
        [16, 5],
        [16],
    )  # a sequence is features x positions here, positions x features in PyTorch
    plain: dict[str, str] = {}

    def functional(word: str) -> dict[str, str]:
        return {word: "functional"}

    def method(word: str) -> dict[str, str]:
        return {word: "method"}

    probes: dict[str, Probe] = {
        "conv": (["conv 6 3x3"], plain, image, lambda: nn.Conv2d(8, 6, 3, padding=1)),
        "conv without bias": (["conv 6 3x3 stride=2 bias=false"], plain, image, lambda: nn.Conv2d(8, 6, 3, 2, 1, bias=False)),
        "conv, grouped": (["conv 6 3x3 groups=2"], plain, image, lambda: nn.Conv2d(8, 6, 3, padding=1, groups=2)),
        "conv on a sequence": (["conv 6 3"], plain, [8, 12], lambda: nn.Conv1d(8, 6, 3, padding=1)),
        "conv in 3-D": (["conv 6 3"], plain, [8, 4, 5, 6], lambda: nn.Conv3d(8, 6, 3, padding=1)),
        "dwconv": (["dwconv 3x3"], plain, image, lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8)),
        "conv as Linear": (["conv 6 1x1"], {"conv": "Linear"}, image,
                           lambda: nn.Sequential(Call(lambda x: x.permute(0, 2, 3, 1).contiguous()), nn.Linear(8, 6))),
        "conv_transpose": (["conv_transpose 6 2x2 stride=2 pad=0"], plain, image, lambda: nn.ConvTranspose2d(8, 6, 2, 2)),
        "conv_transpose 3x3": (["conv_transpose 6 3x3 stride=2 pad=1 bias=false"], plain, image, lambda: nn.ConvTranspose2d(8, 6, 3, 2, 1, bias=False)),
        "linear": (["linear 10"], plain, vector, lambda: nn.Linear(16, 10)),
        "linear without bias": (["linear 10 bias=false"], plain, vector, lambda: nn.Linear(16, 10, bias=False)),
        "linear on a sequence": (["linear 10"], plain, sequence, lambda: nn.Linear(16, 10)),
        "linear on a sequence without bias": (["linear 10 bias=false"], plain, sequence, lambda: nn.Linear(16, 10, bias=False)),
        "linear as Conv2d": (["gap", "linear 10"], {"linear": "Conv2d", "gap": "method"}, image,
                             lambda: nn.Sequential(Call(lambda x: x.mean((2, 3), keepdim=True)), nn.Conv2d(8, 10, 1))),
        "matmul": ([{"matmul": ["identity", "permute 1 0"]}], plain, [6, 7], lambda: Call(lambda x: torch.matmul(x, x.transpose(1, 2)))),
        "matmul as @": ([{"matmul": ["identity", "permute 1 0"]}], method("matmul"), [6, 7], lambda: Call(lambda x: x @ x.transpose(1, 2))),
        "bn": (["bn"], plain, image, lambda: nn.BatchNorm2d(8)),
        "bn without scale and shift": (["bn scale=false shift=false"], plain, image, lambda: nn.BatchNorm2d(8, affine=False)),
        "ln": (["ln"], plain, sequence, lambda: nn.LayerNorm(16)),
        "ln without scale and shift": (["ln scale=false shift=false"], plain, sequence, lambda: nn.LayerNorm(16, elementwise_affine=False)),
        "gn": (["gn 4"], plain, image, lambda: nn.GroupNorm(4, 8)),
        "lrn": (["lrn 5"], plain, image, lambda: nn.LocalResponseNorm(5)),
        "maxpool": (["maxpool 3x3 stride=2 pad=1"], plain, image, lambda: nn.MaxPool2d(3, 2, 1)),
        "maxpool, functional": (["maxpool 3x3 stride=2 pad=1"], functional("maxpool"), image, lambda: Call(lambda x: F.max_pool2d(x, 3, 2, 1))),
        "avgpool": (["avgpool 3x3 stride=2 pad=1"], plain, image, lambda: nn.AvgPool2d(3, 2, 1)),
        "avgpool, functional": (["avgpool 3x3 stride=2 pad=1"], functional("avgpool"), image, lambda: Call(lambda x: F.avg_pool2d(x, 3, 2, 1))),
        "gap": (["gap keepdims=true"], plain, image, lambda: nn.AdaptiveAvgPool2d(1)),
        "gap, functional": (["gap keepdims=true"], functional("gap"), image, lambda: Call(lambda x: F.adaptive_avg_pool2d(x, 1))),
        "gap as mean": (["gap"], method("gap"), image, lambda: Call(lambda x: x.mean((2, 3)))),
        "gmp": (["gmp keepdims=true"], plain, image, lambda: nn.AdaptiveMaxPool2d(1)),
        "gmp, functional": (["gmp keepdims=true"], functional("gmp"), image, lambda: Call(lambda x: F.adaptive_max_pool2d(x, 1))),
        "flatten": (["flatten"], plain, image, lambda: nn.Flatten()),
        "flatten after an adaptive pool": (["flatten"], {"flatten": "AdaptiveAvgPool2d"}, image,
                                           lambda: nn.Sequential(nn.AdaptiveAvgPool2d((12, 10)), nn.Flatten())),
        "upsample": (["upsample 2"], plain, image, lambda: nn.Upsample(scale_factor=2)),
        "upsample, functional": (["upsample 2"], functional("upsample"), image, lambda: Call(lambda x: F.interpolate(x, scale_factor=2))),
        "upsample bilinear": (["upsample 2 mode=bilinear"], plain, image, lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
        "upsample bilinear, functional": (["upsample 2 mode=bilinear"], functional("upsample"), image,
                                          lambda: Call(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"))),
        "softmax": (["softmax"], plain, [16], lambda: nn.Softmax(-1)),
        "softmax of a map": (["softmax"], plain, image, lambda: nn.Softmax(1)),
        "softmax, functional": (["softmax"], functional("softmax"), [16], lambda: Call(lambda x: F.softmax(x, -1))),
        "dropout": (["dropout"], plain, image, lambda: nn.Dropout()),
        "add": ([{"add": ["identity", "identity"]}], plain, image, lambda: Call(lambda x: x + x)),
        "add, functional": ([{"add": ["identity", "identity"]}], functional("add"), image, lambda: Call(lambda x: torch.add(x, x))),
        "add of three": ([{"add": ["identity", "identity", "identity"]}], plain, image, lambda: Call(lambda x: x + x + x)),
        "mul": ([{"mul": ["identity", "identity"]}], plain, image, lambda: Call(lambda x: x * x)),
        "mul, functional": ([{"mul": ["identity", "identity"]}], functional("mul"), image, lambda: Call(lambda x: torch.mul(x, x))),
        "mul by a gate": ([{"mul": ["identity", "gap keepdims=true"]}], method("gap"), image, lambda: Call(lambda x: x * x.mean((2, 3), keepdim=True))),
        "sub": ([{"sub": ["identity", "identity"]}], plain, image, lambda: Call(lambda x: x - x)),
        "maximum": ([{"maximum": ["identity", "identity"]}], plain, image, lambda: Call(lambda x: torch.maximum(x, x))),
        "concat": ([{"concat": ["identity", "identity"]}], plain, image, lambda: Call(lambda x: torch.cat([x, x], 1))),
        "slice": (["slice 0 4"], plain, image, lambda: Call(lambda x: x[:, :4])),
        "pad": (["pad 1"], plain, image, lambda: nn.ZeroPad2d(1)),
        "permute": (["permute 1 0"], plain, sequence, lambda: Call(lambda x: x.permute(0, 2, 1))),
        "channel_shuffle": (["channel_shuffle 2"], plain, image, lambda: Call(lambda x: x.view(-1, 2, 4, 12, 10).transpose(1, 2).reshape(-1, 8, 12, 10))),
        "pixel_shuffle": (["pixel_shuffle 2"], plain, image, lambda: nn.PixelShuffle(2)),
        "attention": (["attention 4"], plain, sequence, lambda: Attend()),
        "attention without bias": (["attention 4 bias=false"], plain, sequence, lambda: Attend(bias=False)),
        "embedding": (["embedding 50 16"], plain, [7], lambda: nn.Embedding(50, 16)),
        "rnn": (["rnn 6"], plain, sequence, lambda: First(nn.RNN(16, 6, batch_first=True))),
        "lstm": (["lstm 6"], plain, sequence, lambda: First(nn.LSTM(16, 6, batch_first=True))),
        "lstm, two layers": (["lstm 6 layers=2"], plain, sequence, lambda: First(nn.LSTM(16, 6, 2, batch_first=True))),
        "lstm, two ways": (["lstm 6 bidirectional=true"], plain, sequence, lambda: First(nn.LSTM(16, 6, bidirectional=True, batch_first=True))),
        "lstm without bias": (["lstm 6 bias=false"], plain, sequence, lambda: First(nn.LSTM(16, 6, bias=False, batch_first=True))),
        "gru": (["gru 6"], plain, sequence, lambda: First(nn.GRU(16, 6, batch_first=True))),
        "scale": (["scale"], plain, image, lambda: Own((8, 1, 1), lambda x, p: x * p)),
        "position": (["position"], plain, sequence, lambda: Own((1, 5, 16), lambda x, p: x + p)),
        "token": (["token"], plain, sequence, lambda: Own((1, 1, 16), lambda x, p: torch.cat([p.expand(x.shape[0], -1, -1), x], 1))),
    }  # fmt: skip
    rectifiers = {
        "relu": (nn.ReLU, F.relu), "relu6": (nn.ReLU6, F.relu6), "leaky_relu": (nn.LeakyReLU, F.leaky_relu), "elu": (nn.ELU, F.elu),
        "selu": (nn.SELU, F.selu), "gelu": (nn.GELU, F.gelu), "sigmoid": (nn.Sigmoid, torch.sigmoid), "silu": (nn.SiLU, F.silu),
        "hardsigmoid": (nn.Hardsigmoid, F.hardsigmoid), "hardswish": (nn.Hardswish, F.hardswish), "tanh": (nn.Tanh, torch.tanh),
        "softplus": (nn.Softplus, F.softplus), "mish": (nn.Mish, F.mish),
    }  # fmt: skip
    for word, (module, name) in rectifiers.items():
        probes[word] = ([word], plain, image, module)
        probes[f"{word}, functional"] = (
            [word],
            functional(word),
            image,
            lambda name=name: Call(lambda x: getattr(F, name.__name__, name)(x)),
        )
    probes["prelu"] = (["prelu"], plain, image, lambda: nn.PReLU(8))
    return probes


def probe(name: str) -> tuple[Any, Any]:
    """The module, beside a parameter that nothing reads (some tools need one), and its input."""
    import torch
    from torch import nn

    layers, _, shape, make = operators()[name]

    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unread, self.operator = nn.Parameter(torch.zeros(1)), make()

        def forward(self, x: Any) -> Any:
            return self.operator(x)

    if layers[0].startswith("embedding") if isinstance(layers[0], str) else False:
        return Whole().eval(), torch.zeros(1, *shape, dtype=torch.long)
    return Whole().eval(), torch.rand(1, *(reversed(shape) if len(shape) == 2 and shape == [16, 5] else shape))


# ---- the tools: a model and an input in; what they print out ---------------------------------------------------------


def thop(model: Any, x: Any) -> dict[str, Any]:
    import thop

    macs, params = thop.profile(model, (x,), verbose=False)
    return {"params": whole(params), "macs": whole(macs)}


def ptflops(model: Any, x: Any, backend: str = "pytorch") -> dict[str, Any]:
    import torch
    from ptflops import get_model_complexity_info

    macs, params = get_model_complexity_info(
        model, tuple(x.shape[1:]), input_constructor=lambda _: {next(iter(signature(model))): x}, as_strings=False, print_per_layer_stat=False, backend=backend
    ) if x.dtype == torch.long or x.shape[0] > 1 else get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend=backend
    )  # fmt: skip
    return {"params": params, "macs": whole(macs)}


def ptflops_aten(model: Any, x: Any) -> dict[str, Any]:
    return ptflops(model, x, "aten")


def signature(model: Any) -> Any:
    import inspect

    return inspect.signature(model.forward).parameters


def fvcore(model: Any, x: Any) -> dict[str, Any]:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    analysis = FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return {
        "params": parameter_count(model)[""],
        "macs": whole(analysis.total()),
        "by_op": {k: whole(v) for k, v in analysis.by_operator().items()},
    }


def torchinfo(model: Any, x: Any) -> dict[str, Any]:
    import torchinfo

    found = torchinfo.summary(model, input_data=x, verbose=0)
    return {"params": found.total_params, "macs": found.total_mult_adds}


def calflops(model: Any, x: Any) -> dict[str, Any]:
    from calflops import calculate_flops

    flops, macs, params = calculate_flops(
        model, args=[x], print_results=False, print_detailed=False, output_as_string=False
    )
    return {"params": params, "macs": whole(macs), "flops": whole(flops)}


def deepspeed(model: Any, x: Any) -> dict[str, Any]:
    from deepspeed.profiling.flops_profiler import get_model_profile

    flops, macs, params = get_model_profile(model, args=[x], print_profile=False, warm_up=0, as_string=False)
    return {"params": params, "macs": whole(macs), "flops": whole(flops)}


def flop_counter(model: Any, x: Any) -> dict[str, Any]:
    """On the meta device, where every operator has a formula; with kernels of the CPU the count of attention depends on
    which kernel runs.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.to("meta")(x.to("meta"))
    return {"params": sum(p.numel() for p in model.parameters()), "flops": counter.get_total_flops()}


def onnx_tool(model: Any, x: Any, fold: bool = False) -> dict[str, Any]:
    """The file that torch.onnx writes, opset 17: batch normalisation as nodes, or folded into the convolutions before
    them.
    """
    import onnx_tool
    import torch

    torch.backends.mha.set_fastpath_enabled(False)  # its operator has no form in ONNX
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(
                    0.5, 1.5
                )  # initial values are alike, and the exporter would store those of one shape once
        path = f"{folder}/model.onnx"
        training = torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE
        torch.onnx.export(
            model, (x,), path, dynamo=False, opset_version=17, training=training, do_constant_folding=True
        )
        found = onnx_tool.Model(path, {"verbose": False})
        found.graph.shape_infer(None)
        found.graph.profile()
        return {"params": whole(found.graph.params), "macs": whole(found.graph.macs[0])}


def onnx_tool_folded(model: Any, x: Any) -> dict[str, Any]:
    return onnx_tool(model, x, True)


def whole(value: Any) -> int:
    assert value == int(value), f"{value} is not a whole number"
    return int(value)


TOOLS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "thop": thop, "ptflops": ptflops, "ptflops-aten": ptflops_aten, "fvcore": fvcore, "torchinfo": torchinfo, "calflops": calflops, "deepspeed": deepspeed,
    "flop_counter": flop_counter, "onnx-tool": onnx_tool, "onnx-tool-folded": onnx_tool_folded,
}  # fmt: skip


def read_by_onnx_tool(path: str) -> dict[str, Any]:
    import onnx_tool

    found = onnx_tool.Model(path, {"verbose": False})
    found.graph.shape_infer(None)
    found.graph.profile()
    return {"params": whole(found.graph.params), "macs": whole(found.graph.macs[0])}


def node_file(op: str, attributes: dict[str, Any], operands: list[Any], path: str) -> None:
    """A file of one node."""
    import numpy
    import onnx
    from onnx import helper, numpy_helper

    names, inputs, initializers = [], [], []
    for n, operand in enumerate(operands):
        name = f"i{n}" if operand is not None else ""
        names.append(name)
        if operand is None:
            continue
        ((kind, shape),) = operand.items() if isinstance(operand, dict) else [("computed", operand)]
        whole_ones = "bytes" in kind
        if kind.startswith("computed"):
            inputs.append(
                helper.make_tensor_value_info(
                    name, onnx.TensorProto.UINT8 if whole_ones else onnx.TensorProto.FLOAT, shape
                )
            )
        else:
            array = (
                numpy.array(shape, numpy.int64)
                if kind == "ints"
                else numpy.ones(shape, numpy.uint8 if whole_ones else numpy.float32)
            )
            initializers.append(numpy_helper.from_array(array, name))
    node = helper.make_node(op, names, ["y"], name="node", **attributes)
    graph = helper.make_graph([node], "node", inputs, [helper.make_empty_tensor_value_info("y")], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), path)


def with_files(paths: list[str]) -> None:
    """Numbers of files by their names, and of single nodes."""
    kept = json.loads(OUT.read_text())
    files, nodes = kept.get("files", {}), []
    with contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        for path in paths:
            files[Path(path).name] = read_by_onnx_tool(path)
        for op, attributes, operands in NODES:
            path = f"{folder}/node.onnx"
            try:
                node_file(op, attributes, operands, path)
                numbers = read_by_onnx_tool(path)
            except Exception as error:
                numbers = {"error": f"{type(error).__name__}: {str(error)[:80]}"}
            nodes.append({"op": op, "attributes": attributes, "operands": operands, "onnx-tool": numbers})
    OUT.write_text(dumped(kept | {"files": files, "nodes": nodes}), encoding="utf-8")


OPSET = 20  # of single nodes
PACKAGES = (
    "thop",
    "ptflops",
    "fvcore",
    "torchinfo",
    "calflops",
    "deepspeed",
    "torch",
    "torchvision",
    "onnx",
    "onnx-tool",
    "keras",
)


def with_keras() -> dict[str, Any]:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    return {
        name: {"params": getattr(keras.applications, application)(weights=None).count_params()}
        for name, application in KERAS.items()
    }


def with_torchvision() -> dict[str, Any]:
    """Parameters and 10^9 operations as torchvision prints them in its table of weights."""
    torchvision = models_of_torchvision()
    names = [name for name, (options, _) in NETWORKS.items() if "_aux" not in name and "_batch" not in name]
    metas = {name: next(iter(torchvision.models.get_model_weights(name))).meta for name in names}
    return {name: {"params": meta["num_params"], "gmacs": meta["_ops"]} for name, meta in metas.items()}


def counted(tool: str, networks: bool) -> dict[str, Any]:
    import torch

    warnings.simplefilter("ignore")
    models_of_torchvision()  # some tools import it themselves
    torch.manual_seed(0)
    found: dict[str, Any] = {"networks": {}, "operators": {}}
    if tool in ("keras", "torchvision"):
        return {"networks": with_keras() if tool == "keras" else with_torchvision(), "operators": {}}
    count = TOOLS[tool]
    for name in operators():
        model, x = probe(name)
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                numbers = count(model, x)
                numbers["params"] -= tool not in ("thop", "onnx-tool", "onnx-tool-folded")  # the one that nothing reads
            except Exception as error:
                numbers = {"error": f"{type(error).__name__}: {str(error)[:80]}"}
        found["operators"][name] = numbers
    for name in NETWORKS if networks else ():
        model, shape = network(name)
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                found["networks"][name] = count(model, torch.rand(shape))
            except Exception as error:
                found["networks"][name] = {"error": f"{type(error).__name__}: {str(error)[:80]}"}
        sys.stderr.write(f"{tool} {name} {found['networks'][name]}\n")
    return found


def main() -> None:
    flags, named = (
        [word for word in sys.argv[1:] if word.startswith("--")],
        [word for word in sys.argv[1:] if not word.startswith("--")],
    )
    if "--files" in flags:
        with_files(named)
        return
    if "--one" in flags:
        sys.stdout.write("\n" + json.dumps(counted(named[0], "--operators" not in flags)) + "\n")
        return
    for tool in named or [*TOOLS, "keras", "torchvision"]:
        done = subprocess.run(
            [sys.executable, __file__, "--one", *flags, tool], stdout=subprocess.PIPE, check=True, text=True
        )
        merge(tool, json.loads(done.stdout.strip().rpartition("\n")[2]))


def merge(tool: str, found: dict[str, Any]) -> None:
    """Puts a tool's numbers into the file, in the place of those it printed before."""
    kept = json.loads(OUT.read_text()) if OUT.exists() else {"networks": {}, "operators": {}}
    for part in ("networks", "operators"):
        for name, numbers in found[part].items():
            kept[part].setdefault(name, {})[tool] = numbers
    for name, (layers, written, shape, _) in operators().items():
        kept["operators"].setdefault(name, {}).update({"layers": layers, "torch": written, "input": shape})
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    meta = {
        "what": "what other tools printed, for networks and for single operators; made by peers.py",
        "versions": versions,
    }
    OUT.write_text(dumped(kept | {"_meta": meta}), encoding="utf-8")


def dumped(found: dict[str, Any]) -> str:
    """JSON with a line a network or operator and tool, a file, or a node."""
    lines = ["{", f' "_meta": {json.dumps(found["_meta"])},']
    for part in ("networks", "operators"):
        lines.append(f' "{part}": {{')
        for name, tools in found[part].items():
            lines.append(f"  {json.dumps(name)}: {{")
            lines += [f"   {json.dumps(tool)}: {json.dumps(numbers)}," for tool, numbers in tools.items()]
            lines[-1] = lines[-1].removesuffix(",")
            lines.append("  },")
        lines[-1] = "  }"
        lines.append(" },")
    lines.append(' "files": {')
    lines += [f"  {json.dumps(name)}: {json.dumps(numbers)}," for name, numbers in found.get("files", {}).items()]
    lines[-1] = lines[-1].removesuffix(",")
    lines += [" },", ' "nodes": [']
    lines += [f"  {json.dumps(node)}," for node in found.get("nodes", [])]
    lines[-1] = lines[-1].removesuffix(",")
    lines.append(" ]")
    return "\n".join([*lines, "}"]) + "\n"


if __name__ == "__main__":
    main()
