"""What each operator of ONNX puts out and costs: one function an operator, registered by domain and name.

A rule reads its operands' shapes off a `Call`, and gives back what the node puts out: a layer (`emit`, `figure`,
`view`), or a constant where nothing that it reads is computed by a layer.
"""

from archcalc.importer.rules.base import RULES

from archcalc.importer.rules import (  # isort: skip  # each registers its rules
    activation,
    arithmetic,
    attention,
    control,
    convolution,
    dense,
    fused,
    indexing,
    joining,
    normalization,
    pooling,
    quantized,
    recurrent,
    reducing,
    reshaping,
    sequences,
    shapes,
    stretching,
)

__all__ = [
    "RULES",
    "activation",
    "arithmetic",
    "attention",
    "control",
    "convolution",
    "dense",
    "fused",
    "indexing",
    "joining",
    "normalization",
    "pooling",
    "quantized",
    "recurrent",
    "reducing",
    "reshaping",
    "sequences",
    "shapes",
    "stretching",
]
