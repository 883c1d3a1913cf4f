"""Classic machine learning (domain ai.onnx.ml): scalers, linear models, trees and what goes around them."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.algebra import Dim
from archcalc.errors import ShapeError
from archcalc.importer.rules.base import IN_PLACE, LAYER, Call, Outputs, Reach, Shape, Value, rule, size
from archcalc.importer.tensors import FLOAT, INT64, STRING, Tensor
from archcalc.importer.values import Origin
from archcalc.untyped import Attribute

ML = "ai.onnx.ml"


def _fitted(call: Call, **given: Attribute) -> dict[str, Value]:
    """Numbers that stand in a node and were fitted to data, as tensors."""
    return {name: _in_node(call, name, numbers) for name, numbers in given.items() if len(numbers)}


def _in_node(call: Call, name: str, numbers: Sequence[float]) -> Value:
    """Its key is the node and the attribute: bodies are walked more than once."""
    called, dims = f"{call.output}.{name}", (len(numbers),)
    origin = Origin((id(call.node), name), called, dims, True, Tensor(called, dims, FLOAT, values=tuple(numbers)))
    return Value(dims, FLOAT, None, None, (call.holds(origin),))


FITTED = (
    "nodes_values", "target_weights", "class_weights", "nodes_values_as_tensor", "target_weights_as_tensor",
    "class_weights_as_tensor", "nodes_splits", "leaf_weights", "imputed_value_floats",
)  # fmt: skip


def _explained(call: Call, role: str) -> None:
    """List what was fitted and isn't multiplied with anything."""
    for name, found in call.attributes():
        if name in FITTED and isinstance(found, Tensor):
            origin = Origin(found, f"{call.output}.{name}", found.dims, True, found)
            call.explain(Value(found.dims, found.kind, None, None, (call.holds(origin),)), role)
        elif name in FITTED and found:
            call.explain(_in_node(call, name, found), role)


@rule("Scaler", domain=ML)
def scaler(call: Call, X: Value, *, offset: Attribute = (), scale: Attribute = ()) -> Value:
    """A difference and a product; its numbers are statistics of what it was fitted to."""
    buffers = _fitted(call, offset=offset, scale=scale)
    cost = 2 * size(X.dims)
    return call.figure("scaler", X.dims, elementwise=cost, buffers=buffers, flags=IN_PLACE, kind=FLOAT)


@rule("Normalizer", domain=ML)
def normalizer(call: Call, X: Value) -> Value:
    """An operation and a sum for the norm, and a division."""
    return call.figure("normalizer", X.dims, elementwise=3 * size(X.dims), flags=IN_PLACE, kind=FLOAT)


@rule("Imputer", "Binarizer", domain=ML)
def mended(call: Call, X: Value) -> Value:
    """A comparison an element."""
    _explained(call, "filling")
    return call.figure(call.op.lower(), X.dims, elementwise=size(X.dims), flags=IN_PLACE, kind=X.kind)


@rule("LinearRegressor", domain=ML)
def linear_regressor(
    call: Call, X: Value, *, coefficients: Attribute = (), intercepts: Attribute = (), targets: int = 1
) -> Value:
    """A linear model: a product for each feature and target, with its numbers in the node."""
    return _linear(call, X, coefficients, intercepts, targets)


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
    """A label and the scores."""
    features = X.dims[-1] if X.dims else 1
    rows = len(coefficients) // features if isinstance(features, int) and features else 1
    scores = _linear(call, X, coefficients, intercepts, rows)
    labels = max(len(classlabels_ints or ()), len(classlabels_strings), rows)
    kind = STRING if classlabels_strings else INT64
    label = call.figure(
        "label", X.dims[:1], [scores], elementwise=size(X.dims[:1]) * labels, kind=kind, reach=Reach.ALL
    )
    return [label, Value((*X.dims[:1], labels), FLOAT, scores.node)]


def _linear(call: Call, x: Value, coefficients: Attribute, intercepts: Attribute, outputs: int) -> Value:
    """Every feature meets a number for each output."""
    rows = size(x.dims[:-1])
    return call.figure(
        "linear", (*x.dims[:-1], outputs), [x], words=f"linear {outputs}", macs=rows * len(coefficients),
        elementwise=rows * len(intercepts), weights=_fitted(call, weight=coefficients, bias=intercepts),
        reach=Reach.ALL, flags=LAYER, kind=FLOAT,
    )  # fmt: skip


@rule("SVMRegressor", domain=ML)
def svm_regressor(
    call: Call, X: Value, *, coefficients: Attribute = (), support_vectors: Attribute = (), rho: Attribute = ()
) -> Value:
    """A kernel with every vector that it keeps, and a product for each."""
    vectors = len(coefficients) if support_vectors else 1
    return _machine(call, X, coefficients, support_vectors, rho, vectors, 1)


@rule("SVMClassifier", domain=ML)
def svm_classifier(
    call: Call, X: Value, *, coefficients: Attribute = (), support_vectors: Attribute = (), rho: Attribute = (),
    vectors_per_class: list[int] | None = None, classlabels_ints: list[int] | None = None,
    classlabels_strings: Attribute = (), prob_a: Attribute = (),
) -> Outputs:  # fmt: skip
    """A label and the scores of pairs of classes; where it is fitted to probabilities, one for each class."""
    labels = len(classlabels_ints or classlabels_strings)
    pairs = labels * (labels - 1) // 2
    outputs = labels if prob_a or pairs == 1 else pairs
    scores = _machine(call, X, coefficients, support_vectors, rho, sum(vectors_per_class or ()) or 1, outputs)
    kind = STRING if classlabels_strings else INT64
    label = call.figure(
        "label", X.dims[:1], [scores], elementwise=size(X.dims[:1]) * outputs, kind=kind, reach=Reach.ALL
    )
    return [label, scores]


def _machine(
    call: Call, x: Value, coefficients: Attribute, kept: Attribute, rho: Attribute, vectors: int, outputs: int
) -> Value:  # fmt: skip
    """A support vector machine: of every row a product with each vector, and their sums with its coefficients."""
    rows, features = size(x.dims[:-1]), x.dims[-1] if x.dims else 1
    if kept and isinstance(features, int) and len(kept) != vectors * features:
        raise ShapeError(f"{len(kept)} numbers aren't {vectors} vectors of {features} features")
    return call.figure(
        "svm", (*x.dims[:-1], outputs), [x], words=f"svm {vectors}", macs=rows * (len(kept) + len(coefficients)),
        elementwise=rows * (len(rho) + (vectors if kept else 0)),
        weights=_fitted(call, vectors=kept, weight=coefficients, bias=rho), reach=Reach.ALL, flags=LAYER, kind=FLOAT,
    )  # fmt: skip


@rule("OneHotEncoder", domain=ML)
def one_hot_encoder(
    call: Call, X: Value, *, cats_int64s: list[int] | None = None, cats_strings: Attribute = ()
) -> Value:
    """A new last axis, as long as there are categories: no arithmetic."""
    out = (*X.dims, len(cats_int64s or cats_strings))
    return call.figure("one_hot", out, words="categories", reach=Reach.MIXED, kind=FLOAT)


@rule("FeatureVectorizer", domain=ML)
def feature_vectorizer(call: Call, *X: Value, inputdimensions: list[int] | None = None) -> Value:
    """Features of several tensors side by side: no arithmetic."""
    widths: list[Dim] = [*(inputdimensions or ())] or [x.dims[-1] for x in X]
    rows: Shape = X[0].dims[:1] if len(X[0].dims) > 1 else (1,)
    return call.figure("features", (*rows, sum(widths)), words="features side by side", reach=Reach.MIXED, kind=FLOAT)


@rule("TreeEnsembleRegressor", domain=ML)
def tree_regressor(call: Call, X: Value, *, nodes_treeids: list[int] | None = None, n_targets: int = 1) -> Value:
    """No products: at most a comparison for each tree and level, which the data decide; counted is a sum for each."""
    _explained(call, "tree")
    trees = len(set(nodes_treeids or ()))
    out = (*X.dims[:1], n_targets)
    return call.figure("trees", out, words=f"{trees} trees", elementwise=trees * size(out), reach=Reach.ALL, kind=FLOAT)


@rule("TreeEnsembleClassifier", domain=ML)
def tree_classifier(
    call: Call, X: Value, *, nodes_treeids: list[int] | None = None, classlabels_int64s: list[int] | None = None,
    classlabels_strings: Attribute = (),
) -> Outputs:  # fmt: skip
    """Trees that vote for labels: a sum for each tree and score, a comparison for each score to pick the label."""
    _explained(call, "tree")
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
    _explained(call, "tree")
    count, out = len(tree_roots or ()), (*X.dims[:1], n_targets)
    return call.figure(
        "trees", out, words=f"{count} trees", elementwise=count * size(out), reach=Reach.ALL, kind=X.kind
    )


@rule("ArrayFeatureExtractor", domain=ML)
def picked(call: Call, X: Value, Y: Value) -> Value:
    """Some of the last axis."""
    out = (*X.dims[:-1], size(Y.dims)) if len(X.dims) > 1 else (1, size(Y.dims))
    return call.figure("gather", out, [X], words="some features", reach=Reach.MIXED, kind=X.kind)
