"""Which layer owns which weights: a tensor of the file is counted once, with the first layer that uses it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from archcalc.algebra import Dim, Number
from archcalc.importer.names import generated
from archcalc.importer.tensors import INDICES, NARROW
from archcalc.importer.values import Origin, Value, spell_dim
from archcalc.ops import Op, Shape, size
from archcalc.ops.foreign import Foreign, figures, flags_of, foreign

Weights = Mapping[str, Value | None]


class Claim(NamedTuple):
    """An operator with the weights that no earlier layer has, the layer whose weights it uses, and the keys of what it
    owns from now on.
    """

    op: Op
    share: int | None
    owned: list[Hashable]


def claim(
    op: Op, shape: Shape, inputs: Sequence[Shape], weights: Weights, buffers: Weights, owners: Mapping[Hashable, int]
) -> Claim:
    """What a layer with these constants may call its own; `shape` and `inputs` are of one sample, `owners` the layers
    of what is taken.
    """
    learned = {origin.key: origin for value in weights.values() if value is not None for origin in learned_of(value)}
    others = {origin.key: origin for value in buffers.values() if value is not None for origin in value.origins}
    if not learned and not others:
        has_weights = type(op).weights is not Op.weights and op.weights(*inputs)
        return Claim(
            as_foreign(op, shape, inputs, {}, {}) if has_weights else op, None, []
        )  # weights of its own are computed
    fresh = {key: origin for key, origin in learned.items() if key not in owners}
    fresh_others = {key: origin for key, origin in others.items() if key not in owners}
    owned = [*fresh, *fresh_others]
    whole = len(owned) == len(learned) + len(others)
    if owned and not whole:
        return Claim(as_foreign(op, shape, inputs, named(weights, fresh), named(buffers, fresh_others)), None, owned)
    share = None if whole else next(owners[key] for key in (*learned, *others))
    return Claim(
        (
            op
            if _holds(op, inputs, learned, others)
            else as_foreign(op, shape, inputs, named(weights, learned), named(buffers, others))
        ),
        share,
        owned,
    )


def _holds(
    op: Op, inputs: Sequence[Shape], learned: Mapping[Hashable, Origin], others: Mapping[Hashable, Origin]
) -> bool:
    """Whether the operator's own weights and buffers are as large as those in the file."""
    if isinstance(op, Foreign):
        return False
    given = ((op.weights(*inputs), learned), (op.buffers(*inputs), others))
    return all(total(own.values()) == total(origin.shape for origin in found.values()) for own, found in given)


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
    for counts in (_is_no_index, _is_given, _is_named):
        kept = list(filter(counts, kept)) or kept
    return kept


def _is_no_index(origin: Origin) -> bool:
    return origin.kind not in INDICES


def _is_given(origin: Origin) -> bool:
    return origin.given


def _is_named(origin: Origin) -> bool:
    return size(origin.shape) != 1 or not generated(origin.name)


def stored(value: Value) -> bool:
    """Whether it is made of quantised numbers, whose scales and zero points were not learned."""
    return any(origin.kind in NARROW for origin in value.origins)


def total(shapes: Iterable[Shape]) -> Number:
    return sum(map(size, shapes))


def named(weights: Weights, origins: Mapping[Hashable, Origin]) -> dict[str, Shape]:
    """The tensors of the file behind the weights, each once."""
    found: dict[str, Shape] = {}
    left = dict(origins)
    for name, value in weights.items():
        for origin in learned_of(value) if value is not None else ():
            if left.pop(origin.key, None) is not None:
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


__all__ = ["Claim", "Weights", "as_foreign", "claim", "learned_of", "repeated", "stored"]
