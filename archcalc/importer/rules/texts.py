"""Text: what comes out is a shape; reading letters is no arithmetic."""

from __future__ import annotations

from archcalc.importer.rules.base import Call, Outputs, Reach, Value, rule, size
from archcalc.importer.rules.classic import ML
from archcalc.importer.tensors import BOOL, FLOAT, INT64, STRING
from archcalc.untyped import Attribute


@rule("StringConcat")
def concatenated(call: Call, X: Value, Y: Value) -> Value:
    """Texts of two tensors joined element by element, stretched to one shape: no arithmetic."""
    return call.figure("string_concat", call.assumed.broadcast(X.dims, Y.dims), reach=Reach.MIXED, kind=STRING)


@rule("StringNormalizer")
def normalized(call: Call, X: Value, *, stopwords: Attribute = ()) -> Value:
    """With stop words some are left out; how many of a line, only a run tells."""
    out = X.dims
    if stopwords and out:
        said = call.declared
        out = said if said is not None and len(said) == len(out) else (*out[:-1], call.most(0, out[-1], "words"))
    return call.figure("string_normalizer", out, reach=Reach.MIXED, kind=STRING)


@rule("StringSplit")
def split(call: Call, X: Value) -> Outputs:
    """The parts, as many as the longest text has, and the number of parts of each."""
    said = call.told(call.output)
    most = said[-1] if said is not None and len(said) == len(X.dims) + 1 else call.free("parts", "split")
    parts = call.figure("string_split", (*X.dims, most), reach=Reach.MIXED, kind=STRING)
    return [parts, *call.beside_it(X, "string_split", X.dims, words="parts of a text", reach=Reach.MIXED, kind=INT64)]


@rule("RegexFullMatch")
def matched(call: Call, X: Value) -> Value:
    """Whether each text fits a pattern as a whole: truth values in the same shape, no arithmetic counted."""
    return call.figure("regex_full_match", X.dims, kind=BOOL)


@rule("TfIdfVectorizer")
def tf_idf(
    call: Call, X: Value, *, mode: str = "TF", ngram_indexes: list[int] | None = None, weights: Attribute = ()
) -> Value:
    """A count for each n-gram of the pool; the modes with IDF take a product, or a choice, for each."""
    out = (*X.dims[:-1], max(ngram_indexes or [0]) + 1)
    return call.figure("tf_idf", out, elementwise=0 if mode == "TF" else size(out), reach=Reach.ALL, kind=FLOAT)


@rule("LabelEncoder", domain=ML)
def encoded(
    call: Call,
    X: Value,
    *,
    values_strings: Attribute = None,
    values_int64s: Attribute = None,
    values_floats: Attribute = None,
    values_tensor: Attribute = None,
) -> Value:
    """A value for each key, looked up."""
    kinds = {STRING: values_strings, INT64: values_int64s, FLOAT: values_floats}
    kind = next((kind for kind, given in kinds.items() if given is not None), getattr(values_tensor, "kind", X.kind))
    return call.figure("label_encoder", X.dims, kind=kind)
