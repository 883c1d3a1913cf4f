"""What a rule makes of a node, held to what has to be: numbers of the right kind, and shapes that a framework knows."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.algebra import Poly
from archcalc.importer.call import Call
from archcalc.importer.values import Value, Values, brief
from archcalc.ops import Op, Reach
from archcalc.ops.foreign import Foreign


def disagreement(call: Call, found: object) -> str:
    """How shapes differ from those that the framework gives the node's outputs, for what it runs; nothing where they
    are the same as far as numbers tell.
    """
    outputs = found if isinstance(found, list) and not isinstance(found, Values) else [found]
    for name, value in zip(call.node.outputs, outputs, strict=False):
        named = call.scope.declared.of(name) if isinstance(value, Value) else None
        own, said = value.shape if isinstance(value, Value) else None, named.dims if named is not None else None
        if own is not None and said is not None and (len(own) != len(said) or any(map(_apart, own, said))):
            return f"gives {_spelled(own)} where the framework has {_spelled(said)}"
    return ""


def _spelled(shape: tuple[object, ...]) -> str:
    return "x".join(brief(size) if isinstance(size, (int, Poly)) else str(size) for size in shape) or "a number"


def _apart(one: object, other: object) -> bool:
    """Whether two sizes are known to differ; closed forms may be two of one number."""
    return isinstance(one, int) and isinstance(other, int) and one != other


def mistake(call: Call, found: object) -> str:
    """What is no answer to a node in what a rule from outside gives, or in the layers that it has put out."""
    from archcalc.ops.answers import ANSWERS

    outputs: Sequence[object] = found if isinstance(found, list) and not isinstance(found, Values) else [found]
    if len(outputs) > len(call.node.outputs):
        return f"it gives {len(outputs)} outputs, and the node has {len(call.node.outputs)}"
    missing = [n for n in range(len(call.node.outputs)) if call.puts_out(n) and outputs[n : n + 1] in ([], [None])]
    if missing:
        return f"it gives nothing for output {missing[0] + 1}, which is read"
    for value in outputs:
        if isinstance(value, Value) and value.shape is not None and not _is_shape(value.shape):
            return f"a shape is {value.shape!r:.80}, not {ANSWERS['shape'].words}"
    placed = call.walker.graph.nodes[call.first :]
    return next((told for node in placed if (told := _wrong(node.op, node.shape))), "")


def _wrong(op: Op, shape: object) -> str:
    from archcalc.ops.answers import AMOUNT, ANSWERS  # asked for where there are rules from outside alone

    if not _is_shape(shape):
        return f"a shape is {shape!r:.80}, not {ANSWERS['shape'].words}"
    if not isinstance(op, Foreign):
        return ""
    if not isinstance(op.word, str) or not isinstance(op.words, str):
        return f"a word is {op.word!r:.80}, not text"
    for name, value in (("macs", op.macs_), ("elementwise", op.elementwise_)):
        if not AMOUNT.fits(value):
            return f"{name} is {value!r:.80}, not {AMOUNT.words}"
    if not isinstance(op.reach, (Reach, tuple)):
        return f"reach is {op.reach!r:.80}, not {ANSWERS['windows'].words}"
    return ""


def _is_shape(shape: object) -> bool:
    sizes = shape if isinstance(shape, tuple) else (None,)
    return all(isinstance(size, (int, Poly)) and not isinstance(size, bool) for size in sizes)


__all__ = ["disagreement", "mistake"]
