"""Which layer owns which weights: a tensor of the file is counted once, with the first layer that uses it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from archcalc.algebra import Dim, Number
from archcalc.importer.masks import is_mask, is_zero
from archcalc.importer.names import generated
from archcalc.importer.tensors import INDICES, NARROW
from archcalc.importer.values import Origin, Value, spell_dim
from archcalc.ops import Op, Shape, size
from archcalc.ops.foreign import Foreign, figures, flags_of, foreign
from archcalc.tuples import NamedTuple

Weights = Mapping[str, Value | None]


class Claim(NamedTuple):
    """An operator with the weights that no earlier layer has, the layer whose weights it uses, and the tensors that it
    owns from now on: parameters, and buffers.
    """

    op: Op
    share: int | None
    owned: dict[Hashable, Origin]
    kept: dict[Hashable, Origin]


Owned = dict[Hashable, tuple[str, Origin]]  # by the tensor: what it is to a layer


def claim(
    op: Op, shape: Shape, inputs: Sequence[Shape], weights: Weights, buffers: Weights, owners: Mapping[Hashable, int]
) -> Claim:
    """What a layer with these constants may call its own; `shape` and `inputs` are of one sample, `owners` the layers
    of what is taken.
    """
    learned, others = _parted(weights, buffers) if weights or buffers else ({}, {})
    if not learned and not others:
        has_weights = type(op).weights is not Op.weights and op.weights(*inputs)
        return Claim(as_foreign(op, shape, inputs, {}, {}) if has_weights else op, None, {}, {})  # they are computed
    fresh = {key: found for key, found in learned.items() if key not in owners}
    fresh_others = {key: found for key, found in others.items() if key not in owners}
    count = len(fresh) + len(fresh_others)
    whole = count == len(learned) + len(others)
    own = {key: origin for key, (_, origin) in fresh.items()}, {key: o for key, (_, o) in fresh_others.items()}
    if count and not whole:
        return Claim(as_foreign(op, shape, inputs, named(fresh), named(fresh_others)), None, *own)
    share = None if whole else next(owners[key] for key in (*learned, *others))
    if not _holds(op, inputs, learned, others):
        op = as_foreign(op, shape, inputs, named(learned), named(others))
    return Claim(op, share, *own)


def _parted(weights: Weights, buffers: Weights) -> tuple[Owned, Owned]:
    """The tensors behind weights and behind buffers; what an exporter calls a buffer is one wherever it stands, and
    what it calls a constant is neither.
    """
    learned: Owned = {}
    others: Owned = {}
    for name, value in weights.items():
        for origin in learned_of(value) if value is not None else ():
            if origin.said != "constant":
                (others if origin.said == "buffer" else learned).setdefault(origin.key, (name, origin))
    for name, value in buffers.items():
        for origin in value.origins if value is not None else ():
            if origin.key not in learned:  # exporters merge a fresh norm's mean with its shift: it is counted once
                others.setdefault(origin.key, (name, origin))
    return learned, others


def _holds(op: Op, inputs: Sequence[Shape], learned: Owned, others: Owned) -> bool:
    """Whether the operator's own weights and buffers are as large as those in the file."""
    if isinstance(op, Foreign):
        return False
    given = ((op.weights(*inputs), learned), (op.buffers(*inputs), others))
    return all(total(own.values()) == total(origin.shape for _, origin in found.values()) for own, found in given)


def learned(value: Value | None) -> bool:
    """Whether a constant in arithmetic was learned: an initializer of floats, but no mask, no zeros and no single
    number that an exporter made up.
    """
    if value is None or value.node is not None or not value.is_float:
        return False
    return any(map(_is_learned, value.origins))


def is_buffer(value: Value) -> bool:
    """Whether the exporter calls a tensor behind a constant a buffer: where things are looked up and masks are, too."""
    return any(origin.said == "buffer" for origin in value.origins)


def _is_learned(origin: Origin) -> bool:
    if origin.said:
        return origin.said in ("parameter", "buffer")
    made_up = generated(origin.name)
    if not origin.given or (made_up and size(origin.shape) == 1):
        return False
    return not is_mask(origin.tensor) and not (made_up and is_zero(origin.tensor))


def learned_of(value: Value) -> Iterable[Origin]:
    """The tensors of the file that a weight was made from, each once.

    Beside others these don't count: where things are looked up; numbers that an exporter made up; and a tensor that was
    only summed over, as a mean or a norm is taken of a weight, if that weight is there itself: exporters write it a
    second time, transposed.
    """
    if len(value.origins) == 1:
        return value.origins
    found = {origin.key: origin for origin in value.origins if origin.reduced} | {
        origin.key: origin for origin in value.origins if not origin.reduced
    }
    whole = {size(origin.shape) for origin in found.values() if not origin.reduced}
    kept = [origin for origin in found.values() if not origin.reduced or size(origin.shape) not in whole]
    for counts in (_is_no_index, _is_given, _is_named, _is_stored):
        kept = list(filter(counts, kept)) or kept
    return kept


def _is_no_index(origin: Origin) -> bool:
    return origin.kind not in INDICES or origin.said == "buffer"


def _is_given(origin: Origin) -> bool:
    return origin.given


def _is_named(origin: Origin) -> bool:
    return size(origin.shape) != 1 or not generated(origin.name)


def _is_stored(origin: Origin) -> bool:
    """Whether its numbers are in the file; others are all the same, as a first state is."""
    return origin.tensor is not None


def stored(value: Value) -> bool:
    """Whether it is made of quantised numbers, whose scales and zero points were not learned."""
    return any(origin.kind in NARROW for origin in value.origins)


def total(shapes: Iterable[Shape]) -> Number:
    """The elements of several shapes, together."""
    return sum(map(size, shapes))


def named(owned: Owned) -> dict[str, Shape]:
    """The tensors of the file behind the weights, each once."""
    found: dict[str, Shape] = {}
    for name, origin in owned.values():
        found[name if name not in found else f"{name}{len(found) + 1}"] = origin.shape
    return found


def as_foreign(
    op: Op, shape: Shape, inputs: Sequence[Shape], weights: dict[str, Shape], buffers: dict[str, Shape]
) -> Op:
    """The same figures with other weights."""
    if isinstance(op, Foreign):
        return op.replaced(weights_=weights, buffers_=buffers)
    words = op.line(rank=len(shape) - 1)
    return foreign(op.word, flags_of(op), words=words, weights_=weights, buffers_=buffers, **figures(op, shape, inputs))


def repeated(op: Op, times: list[Dim], inputs: Sequence[int], shape: Shape, shapes: Sequence[Shape]) -> Op:
    """An operator in the body of a loop: its work is done every time, its weights are the same."""
    runs = size(times)
    plain = as_foreign(op, shape, shapes, op.weights(*shapes), op.buffers(*shapes))
    assert isinstance(plain, Foreign)
    return plain.replaced(
        macs_=plain.macs_ * runs, elementwise_=plain.elementwise_ * runs, words=f"{spell_dim(runs)} x {plain.words}"
    )


__all__ = ["Claim", "Weights", "as_foreign", "claim", "is_buffer", "learned", "learned_of", "repeated", "stored"]
