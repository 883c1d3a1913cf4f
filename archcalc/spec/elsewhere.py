"""What PyTorch, Keras and papers call the words of the language.

A value is the word that is meant, or a phrase that says how it is written, which has a space. Keys are in lower case,
without `_`, `-` and the number of dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archcalc.errors import near_to

GATED = "a gated layer is a product: `mul: [linear 64 act=silu, linear 64]`"
PRODUCT = "a product of two tensors is `matmul: [ref a, ref b]`"
RESIDUAL = "a residual connection is a sum: `add: [identity, [...]]`"
CHAIN = "layers one after the other are a list: `[conv 8 3x3, relu]`"
EXCITE = "write `mul: [identity, [gap, linear cin//16 act=relu, linear cin act=sigmoid]]`"
COSTLESS = "it changes no cost: leave it out"
ARRIVING = "what arrives is known (`cin`): leave it out"
SURVIVE = "stochastic depth is an option of the sum: `add survive=0.9: [identity, [...]]`"

LAYERS = {
    "dense": "linear", "fc": "linear", "fullyconnected": "linear", "gemm": "linear", "innerproduct": "linear",
    "lineardense": "linear", "convolution": "conv", "convolutional": "conv", "pointwise": "conv",
    "pointwiseconv": "conv", "depthwise": "dwconv", "depthwiseconv": "dwconv", "convdw": "dwconv", "dconv": "dwconv",
    "deconv": "conv_transpose", "deconvolution": "conv_transpose", "convtranspose": "conv_transpose",
    "transposedconv": "conv_transpose", "upconv": "conv_transpose", "tconv": "conv_transpose",
    "locallyconnected": "local", "batchnorm": "bn", "batchnormalization": "bn", "syncbatchnorm": "bn",
    "frozenbatchnorm": "bn", "layernorm": "ln", "layernormalization": "ln", "groupnorm": "gn",
    "groupnormalization": "gn", "instancenorm": "`gn cin` is one", "localresponsenorm": "lrn", "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu", "swish": "silu", "hswish": "hardswish", "hsigmoid": "hardsigmoid",
    "logistic": "sigmoid", "quickgelu": "gelu", "celu": "elu", "logsoftmax": "softmax", "glu": GATED,
    "activation": "name the function: `relu`", "globalavgpool": "gap",
    "globalaveragepool": "gap", "globalaveragepooling": "gap", "globalmeanpool": "gap", "meanpool": "gap",
    "meanpooling": "gap", "adaptiveavgpool": "gap", "globalpool": "gap", "avg": "avgpool", "globalmaxpool": "gmp",
    "globalmaxpooling": "gmp", "adaptivemaxpool": "gmp", "averagepool": "avgpool", "averagepooling": "avgpool",
    "maxpooling": "maxpool", "pool": "`maxpool 2x2` or `avgpool 2x2`", "pooling": "`maxpool 2x2` or `avgpool 2x2`",
    "cat": "concat", "concatenate": "concat", "concatenation": "concat", "stack": "concat", "sum": "add",
    "plus": "add", "eltwise": "add", "multiply": "mul", "times": "mul", "subtract": "sub", "minus": "sub",
    "average": "mean", "bmm": PRODUCT, "mm": PRODUCT, "dot": PRODUCT, "einsum": PRODUCT, "interpolate": "upsample",
    "resize": "upsample", "upsampling": "upsample", "upscale": "upsample", "unpool": "upsample",
    "pixelshuffle": "pixel_shuffle", "depthtospace": "pixel_shuffle", "pixelunshuffle": "pixel_unshuffle",
    "spacetodepth": "pixel_unshuffle", "focus": "pixel_unshuffle", "channelshuffle": "channel_shuffle",
    "shuffle": "channel_shuffle", "view": "reshape", "squeeze": "reshape", "unsqueeze": "reshape",
    "transpose": "permute", "swapaxes": "permute", "split": "slice", "chunk": "slice", "crop": "slice",
    "cropping": "slice", "zeropad": "pad", "zeropadding": "pad", "padding": "pad", "reflectionpad": "pad",
    "mha": "attention", "multiheadattention": "attention", "selfattention": "attention", "crossattention": "attention",
    "sdpa": "attention", "embed": "embedding", "posembed": "position", "positionembedding": "position",
    "positionalembedding": "position", "positionalencoding": "position", "clstoken": "token", "classtoken": "token",
    "layerscale": "scale", "bilstm": "`lstm 64 bidirectional` is one", "bigru": "`gru 64 bidirectional` is one",
    "rnncell": "rnn", "simplernn": "rnn", "lstmcell": "lstm", "grucell": "gru", "droppath": SURVIVE,
    "stochasticdepth": SURVIVE, "spatialdropout": "dropout", "alphadropout": "dropout", "dropblock": "dropout",
    "residual": RESIDUAL, "skip": RESIDUAL, "shortcut": RESIDUAL, "sequential": CHAIN, "seq": CHAIN, "chain": CHAIN,
    "parallel": "branches are the list of a join: `concat: [conv 8 1x1, conv 8 3x3]`",
    "branches": "branches are the list of a join: `concat: [conv 8 1x1, conv 8 3x3]`",
    "separableconv": "write `[dwconv 3x3, conv 64 1x1]`", "sepconv": "write `[dwconv 3x3, conv 64 1x1]`",
    "convbn": "write `conv 64 3x3 norm=bn`", "convbnrelu": "write `conv 64 3x3 norm=bn act=relu`", "se": EXCITE,
    "squeezeexcite": EXCITE, "squeezeexcitation": EXCITE, "mlp": "write `[linear 4*cin act=gelu, linear cin]`",
    "ffn": "write `[linear 4*cin act=gelu, linear cin]`", "repeat": "a repeat is written `3 x layer`",
    "input": "inputs stand at the top: `input: [3, 224, 224]`",
    "output": "outputs stand at the top: `outputs: [a, b]`", "none": "identity", "noop": "identity",
    "pass": "identity",
}  # fmt: skip

OPTIONS: dict[str, tuple[str, ...]] = {
    "activation": ("act",), "actlayer": ("act",), "nonlinearity": ("act",), "activationfn": ("act",),
    "normalization": ("norm",), "normlayer": ("norm",), "batchnorm": ("norm",), "padding": ("pad",), "pads": ("pad",),
    "paddings": ("pad",), "filters": ("out",), "numfilters": ("out",), "units": ("out", "hidden"),
    "channels": ("out",), "outchannels": ("out",), "outfeatures": ("out",), "outdim": ("out",), "numoutput": ("out",),
    "features": ("out",), "outputdim": ("out", "dim"), "planes": ("out",), "width": ("out",),
    "kernelsize": ("kernel",), "ksize": ("kernel",), "k": ("kernel",), "poolsize": ("kernel",), "window": ("kernel",),
    "size": ("kernel", "scale"), "strides": ("stride",), "s": ("stride",), "subsample": ("stride",),
    "dilationrate": ("dilation",), "dilations": ("dilation",), "atrous": ("dilation",), "group": ("groups",),
    "numgroups": ("groups",), "cardinality": ("groups",), "usebias": ("bias",), "hasbias": ("bias",),
    "numheads": ("heads",), "nhead": ("heads",), "nheads": ("heads",), "embeddim": ("dim",), "embeddingdim": ("dim",),
    "dmodel": ("dim",), "numembeddings": ("vocab",), "vocabsize": ("vocab",), "numkvheads": ("kv_heads",),
    "hiddensize": ("hidden",), "numlayers": ("layers",), "returnsequences": ("sequence",), "alpha": ("slope",),
    "negativeslope": ("slope",), "rate": ("p", "dilation"), "prob": ("p",), "dropout": ("p",), "ceilmode": ("ceil",),
    "outputpadding": ("output_pad",), "scalefactor": ("scale",), "factor": ("scale",), "blocksize": ("factor",),
    "depthmultiplier": ("multiplier",), "center": ("shift",), "beta": ("shift",), "gamma": ("scale",),
    "affine": ("scale",), "elementwiseaffine": ("scale",), "interpolation": ("mode",), "dims": ("axis",),
    "trainable": ("frozen",), "requiresgrad": ("frozen",), "droppath": ("survive", "kept"),
    "dropconnect": ("survive", "kept"), "survivalprob": ("survive", "kept"), "keepprob": ("survive", "kept"),
    "condition": ("when",), "if": ("when",), "sharewith": ("share",), "reuse": ("share",), "weights": ("share",),
}  # fmt: skip

SAID = {  # options that have no place here, and why
    **dict.fromkeys(
        (
            "eps", "epsilon", "momentum", "device", "dataformat", "paddingmode", "kernelinitializer",
            "initializer", "kernelregularizer", "aligncorners", "batchfirst", "trackrunningstats", "countincludepad",
        ),
        COSTLESS,
    ),
    **dict.fromkeys(
        ("inchannels", "infeatures", "inplanes", "inputdim", "inputsize", "inputshape", "nin", "numfeatures"), ARRIVING
    ),
    "name": "a label stands before the layer: `stem: conv 64 7x7`",
}  # fmt: skip

VALUES = {"no": "false", "off": "false", "yes": "true", "on": "true", "null": "none"}


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that another one is probably meant to be, or what other libraries' word is here: a word, or a
    phrase.
    """
    known, plain = list(known), _plain(word)
    there = LAYERS.get(plain)
    if there is not None and (there in known or " " in there):
        return there
    near = near_to(word, known) or near_to(plain, known)
    return near[0] if near else None


def hint(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a message about a layer that isn't known."""
    found = meant(word, known)
    if found is None:
        return otherwise and f"; {otherwise}"
    return f"; {found}" if " " in found else f"; did you mean '{found}'?"


def option_hint(name: str, known: Iterable[str]) -> str:
    """The end of a message about an option that isn't known."""
    known, plain = sorted(known), _plain(name)
    there = [option for option in OPTIONS.get(plain, ()) if option in known]
    if not there and plain in SAID:
        return f"; {SAID[plain]}"
    near = there or near_to(name, known)
    return f"; did you mean '{near[0]}'?" if near else f"; it has {', '.join(known)}"


def _plain(word: str) -> str:
    return re.sub(r"[_\- ]|[123]d", "", word.lower())


__all__ = ["VALUES", "hint", "meant", "option_hint"]
