"""Classic machine learning (domain ai.onnx.ml): scalers, linear models, trees and what goes around them."""

from __future__ import annotations

from archcalc.importer.rules.base import IN_PLACE, LAYER, Call, Outputs, Reach, Value, rule, size
from archcalc.importer.tensors import FLOAT, INT64, STRING
from archcalc.untyped import Attribute

ML = "ai.onnx.ml"


@rule("Scaler", domain=ML)
def scaler(call: Call, X: Value) -> Value:
    """A difference and a product."""
    return call.figure("scaler", X.dims, elementwise=2 * size(X.dims), flags=IN_PLACE, kind=FLOAT)


@rule("Normalizer", domain=ML)
def normalizer(call: Call, X: Value) -> Value:
    """An operation and a sum for the norm, and a division."""
    return call.figure("normalizer", X.dims, elementwise=3 * size(X.dims), flags=IN_PLACE, kind=FLOAT)


@rule("Imputer", "Binarizer", domain=ML)
def mended(call: Call, X: Value) -> Value:
    """A comparison an element."""
    return call.figure(call.op.lower(), X.dims, elementwise=size(X.dims), flags=IN_PLACE, kind=X.kind)


@rule("LinearRegressor", domain=ML)
def linear_regressor(
    call: Call, X: Value, *, coefficients: Attribute = (), intercepts: Attribute = (), targets: int = 1
) -> Value:
    """A linear model: a product for each feature and target, with its numbers in the node."""
    return _linear(call, X, len(coefficients), len(intercepts), targets)


@rule("LinearClassifier", domain=ML)
def linear_classifier(
    call: Call,
    X: Value,
    *,
    coefficients: Attribute = (),
    intercepts: Attribute = (),
    classlabels_ints: list[int] | None = None,
    classlabels_strings: Attribute = (),
) -> Outputs:
    """A label and the scores; their numbers stand in the node's attributes, and are no tensors."""
    features = X.dims[-1]
    rows = len(coefficients) // features if isinstance(features, int) and features else 1
    scores = _linear(call, X, len(coefficients), len(intercepts), rows)
    labels = max(len(classlabels_ints or ()), len(classlabels_strings), rows)
    kind = STRING if classlabels_strings else INT64
    label = call.figure(
        "label", X.dims[:1], [scores], elementwise=size(X.dims[:1]) * labels, kind=kind, reach=Reach.ALL
    )
    return [label, Value((*X.dims[:1], labels), FLOAT, scores.node)]


def _linear(call: Call, x: Value, weights: int, biases: int, outputs: int) -> Value:
    """Every feature meets a number for each output."""
    rows = size(x.dims[:-1])
    return call.figure(
        "linear", (*x.dims[:-1], outputs), [x], words=f"linear {outputs}", macs=rows * weights,
        elementwise=rows * biases, reach=Reach.ALL, flags=LAYER, kind=FLOAT,
    )  # fmt: skip


@rule("TreeEnsembleRegressor", domain=ML)
def tree_regressor(call: Call, X: Value, *, nodes_treeids: list[int] | None = None, n_targets: int = 1) -> Value:
    """No products: at most a comparison for each tree and level, which the data decide; counted is a sum for each."""
    trees = len(set(nodes_treeids or ()))
    out = (*X.dims[:1], n_targets)
    return call.figure("trees", out, words=f"{trees} trees", elementwise=trees * size(out), reach=Reach.ALL, kind=FLOAT)


@rule("TreeEnsembleClassifier", domain=ML)
def tree_classifier(
    call: Call, X: Value, *, nodes_treeids: list[int] | None = None, classlabels_int64s: list[int] | None = None,
    classlabels_strings: Attribute = (),
) -> Outputs:  # fmt: skip
    """Trees that vote for labels: a sum for each tree and score, a comparison for each score to pick the label."""
    trees, labels = len(set(nodes_treeids or ())), len(classlabels_int64s or classlabels_strings)
    out = (*X.dims[:1], labels)
    scores = call.figure(
        "trees", out, words=f"{trees} trees", elementwise=trees * size(out), reach=Reach.ALL, kind=FLOAT
    )
    kind = STRING if classlabels_strings else INT64
    label = call.figure("label", X.dims[:1], [scores], elementwise=size(out), kind=kind, reach=Reach.ALL)
    return [label, scores]


@rule("TreeEnsemble", domain=ML)
def trees(call: Call, X: Value, *, tree_roots: list[int] | None = None, n_targets: int = 1) -> Value:
    """Trees whose leaves add up to each target: a sum for each tree and target."""
    count, out = len(tree_roots or ()), (*X.dims[:1], n_targets)
    return call.figure(
        "trees", out, words=f"{count} trees", elementwise=count * size(out), reach=Reach.ALL, kind=X.kind
    )


@rule("ArrayFeatureExtractor", domain=ML)
def picked(call: Call, X: Value, Y: Value) -> Value:
    """Some of the last axis."""
    out = (*X.dims[:-1], size(Y.dims)) if len(X.dims) > 1 else (1, size(Y.dims))
    return call.figure("gather", out, [X], words="some features", reach=Reach.MIXED, kind=X.kind)
