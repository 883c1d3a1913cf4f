"""Branches and loops: which of them runs, and how often, is assumed where only a run tells, and said."""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction

from archcalc.algebra import Dim, minimum
from archcalc.errors import ShapeError
from archcalc.importer.call import Call, Outputs
from archcalc.importer.credit import give
from archcalc.importer.inside import body as built
from archcalc.importer.inside import ordered
from archcalc.importer.proto import NodeProto, Subgraph
from archcalc.importer.sized import hint, sizes_behind
from archcalc.importer.tensors import BOOL, INT64
from archcalc.importer.trials import Built, Saved
from archcalc.importer.values import Unknown, Value, axis_of, brief, least, spell_dim, whole
from archcalc.importer.wire import Bad
from archcalc.ops import Reach
from archcalc.ops.foreign import foreign
from archcalc.tuples import NamedTuple
from archcalc.untyped import Operand

MOST_WRITTEN, LONGEST_WRITTEN = 2000, 64  # nodes and iterations of a loop that is written out
MOST_WRITTEN_INSIDE = 4000  # nodes of all loops that are written out inside of others
MOST_FOLLOWED = 20_000  # nodes that are looked at to see when loops end, in all
LONGEST = 1 << 40  # iterations: exporters write more for a loop without an end
TRUE = Value((), BOOL, None, (True,))
UNTOLD = "only a run tells when the loop ends"


def branched(call: Call, then: Subgraph, other: Subgraph, condition: bool | None) -> Outputs:
    """The branch that the sizes decide; else the one with more MACs."""
    if condition is not None:
        return call.body(then if condition else other, [])
    walker = call.walker
    walker.undecided = True
    names = sizes_behind(walker, call.node, call.scope)
    walker.deciding.update(dict.fromkeys(names))
    saved = walker.save()
    tried = [_tried(call, body, word, saved) for body, word in ((then, "then"), (other, "else"))]
    walker.node = call.node
    dearer = 0 if least(tried[1].macs, tried[0].macs) else 1
    taken = tried[dearer]
    if isinstance(taken.failure, Exception):
        raise taken.failure
    walker.redo(taken.built)
    _give_weights(call, taken, tried[1 - dearer])
    if any(found.failure is None and found.built.nodes for found in tried):
        shown = " and ".join(brief(found.macs) if found.failure is None else "no" for found in tried)
        word = ("then", "else")[dearer]
        call.note(f"only a run tells which branch is taken; counted is `{word}`, of {shown} MACs{hint(names)}")
    return taken.outputs


def _give_weights(call: Call, taken: Tried, other: Tried) -> None:
    """A network holds the weights of both branches: those of the other go to the last layer of the one that counts."""
    walker = call.walker
    met = [walker.tensors[key] for key in other.built.owners if key in walker.tensors and key not in walker.owners]
    left = [Value(origin.shape, origin.kind, None, None, (origin,)) for origin in met]
    positions = [value.node for value in taken.outputs if isinstance(value, Value) and value.node is not None]
    if left and positions and positions[-1] < len(walker.graph.nodes):
        give(walker, positions[-1], {f"other{n + 1}": value for n, value in enumerate(left)})


class Tried(NamedTuple):
    """A branch: what it puts out, its MACs, the layers that it takes; or why it can't be (then its MACs are -1)."""

    outputs: Outputs
    macs: Operand
    built: Built
    failure: Exception | None = None


def _tried(call: Call, body: Subgraph, word: str, saved: Saved) -> Tried:
    """Walk a branch, and take it back."""
    walker = call.walker
    try:
        outputs = built(walker, call, body, [], word)
        macs = walker.macs_since(saved)
    except (Bad, Unknown) as failure:
        return Tried([], -1, walker.undo(saved), failure)
    return Tried(outputs, macs, walker.undo(saved))


def looped(call: Call, body: Subgraph, most: Value | None, going: Value | None, carried: list[Operand]) -> Outputs:
    """One iteration, times their number. Where iterations differ it is written out, if it isn't too long."""
    walker = call.walker
    if len(body.graph.outputs) < 1 + len(carried):
        raise ShapeError(
            f"it carries {len(carried)} values, and its body puts out {len(body.graph.outputs)}: a condition and each"
            " of them are needed"
        )
    trips = _trips(call, body, most, going, carried)
    if isinstance(trips, int) and trips < 1:
        return [*carried, *[None] * (len(call.node.outputs) - len(carried))]
    states = [value if handed_on(body, n) else started(call, value) for n, value in enumerate(carried)]
    if trips == 1:
        return _written_out(call, body, 1, carried, states)
    saved, known = walker.save(), {op for op, _, _ in walker.uncounted}
    outputs = call.body(body, [Value((), INT64), TRUE, *states], "body", trips)
    after: Outputs = list(outputs[1 : 1 + len(carried)])
    alike = (
        [_shape_of(value) for value in after] == [_shape_of(value) for value in states]
        and saved.unknown == walker.unknown
        and all(op in known for op, _, _ in walker.uncounted[saved.uncounted :])
    )
    if not alike and isinstance(trips, int) and _is_short(call, trips, len(body.graph.nodes)):
        walker.undo(saved)
        return _written_out(call, body, trips, carried, states)
    if not alike:
        call.note(f"its iterations differ, and the first is counted {spell_dim(trips)} times")
        grown = zip(states, after, strict=True)
        after = [
            _grown(call, before, value, trips) if _joins(body, n) else value for n, (before, value) in enumerate(grown)
        ]
    return [*after, *(stacked(call, value, trips, 0) for value in outputs[1 + len(carried) :])]


def _is_short(call: Call, trips: int, nodes: int) -> bool:
    """Whether a loop may be written out. Loops inside such loops share what may be walked: each level multiplies it."""
    walker = call.walker
    if trips > LONGEST_WRITTEN or walker.spread * trips * nodes > MOST_WRITTEN:
        return False
    if walker.spread > 1 or walker.times:
        walker.written += trips * nodes
    return walker.written <= MOST_WRITTEN_INSIDE


def _trips(call: Call, body: Subgraph, limit: Value | None, condition: Value | None, carried: list[Operand]) -> Dim:
    """How often a loop runs: as often as its first input says, and no longer than its condition holds. Where a run
    tells, that is said.
    """
    content = limit.content if limit is not None else None
    going = condition.content if condition is not None else (True,)
    most = whole(content[0]) if content else None
    if isinstance(most, int) and most > LONGEST:
        most = None
    if going == (False,) or (isinstance(most, int) and most < 1):
        return 0
    follower = Follower(call, body, carried)
    ends = follower.ends(most) if most != 1 else None
    if most is None and ends is None:
        trips = call.free("trips", "loop")
        call.note(f"only a run tells how often the loop runs; that is {trips}")
        return trips
    if ends is not None:
        if most is None and limit is not None and not content:
            return call.most("trips", ends, "loop")  # a number that a run gives, and a condition that ends it then
        runs = ends if most is None else minimum(most, ends)
        assert not isinstance(runs, Fraction)
        return runs
    assert most is not None
    if going is None or None in going:
        call.note("only a run tells whether the loop runs; counted is that it does")
    if follower.doubt:
        call.note(f"{follower.doubt}; all {spell_dim(most)} iterations are counted")
    return most


class Follower:
    """Follows the condition that a loop's body puts out: only the nodes that it depends on, iteration by iteration.

    It decides whether the next iteration runs, if the loop was given one to begin with or not: onnxruntime has it so.
    """

    def __init__(self, call: Call, body: Subgraph, carried: list[Operand]) -> None:
        self.call, self.body, self.carried = call, body, carried
        self.doubt = ""  # why it isn't known when the loop ends
        self.only, read = self._needed()
        self.steady = not read  # its condition is the same every time

    def _needed(self) -> tuple[frozenset[int], set[int]]:
        """The outputs that have to be known from one iteration to the next, and the inputs that they depend on, without
        the condition.
        """
        names = {named.name: n for n, named in enumerate(self.body.graph.inputs)}
        only = frozenset((0,))
        while True:
            nodes = ordered(self.call.walker, self.call, self.body, only)
            ends = [self.body.graph.outputs[n].name for n in only]
            read = {
                names[name] for name in (*ends, *(name for node in nodes for name in node.reads)) if name in names
            } - {1}
            needed = only | {n - 1 for n in read if 2 <= n < 2 + len(self.carried)}
            if needed == only:
                return only, read
            only = needed

    def ends(self, most: Dim | None) -> int | None:
        """After how many iterations it is false; None where it stays true for `most`, or that isn't known."""
        if handed_on(self.body, -1):
            return None  # it is true because it was
        walker = self.call.walker
        nodes = ordered(walker, self.call, self.body, self.only)
        if any(holds_more(node, walker.model.functions) for node in nodes):
            self.doubt = UNTOLD
            return None
        walked, saved, states = walker.walked, walker.save(), list(self.carried)
        try:
            for n in range(min(most, LONGEST) if isinstance(most, int) else LONGEST):
                walker.followed += 1 + len(nodes) if n else 0
                if walker.followed > MOST_FOLLOWED:
                    self.doubt = f"its condition was followed for {n} iterations"
                    return None
                outputs = built(
                    walker,
                    self.call,
                    self.body,
                    [Value((), INT64, None, (n,)), TRUE, *states],
                    "condition",
                    only=self.only,
                )
                going = outputs[0].content if isinstance(outputs[0], Value) else None
                if not going or going[0] is None:
                    self.doubt = UNTOLD
                    return None
                if not going[0]:
                    return n + 1
                if self.steady:
                    return None
                states = [outputs[1 + k] if 1 + k in self.only else value for k, value in enumerate(states)]
        except (Bad, Unknown):
            self.doubt = UNTOLD
        finally:
            walker.undo(saved)
            walker.walked, walker.node = walked, self.call.node
        return None


def holds_more(node: NodeProto, functions: Container[Operand]) -> bool:
    """Whether a node stands for others."""
    return bool(node.graphs) or (node.domain, node.op, node.overload) in functions


def handed_on(body: Subgraph, n: int) -> bool:
    """Whether a loop's body puts out a value that it carries as it is: weights that every iteration reads; -1 is its
    condition.
    """
    graph = body.graph
    names = [named.name for named in graph.inputs]
    name = graph.outputs[1 + n].name
    seen: set[str] = set()
    while name in body.makers and name not in seen:
        seen.add(name)
        node = body.makers[name]
        inner, at = node.attributes.get("body"), node.outputs.index(name)
        if node.op == "Identity" and node.inputs:
            name = node.inputs[0]
        elif (
            node.op == "Loop"
            and isinstance(inner, Subgraph)
            and at + 2 < len(node.inputs)
            and at + 1 < len(inner.graph.outputs)
            and handed_on(inner, at)
        ):
            name = node.inputs[at + 2]
        else:
            return False
    return 2 + n < len(names) and name == names[2 + n]


def _shape_of(value: Operand) -> Operand:
    return value.shape if isinstance(value, Value) else None


def _written_out(call: Call, body: Subgraph, trips: int, carried: list[Operand], states: list[Operand]) -> Outputs:
    """Iteration by iteration; numbers that a state starts from are known."""
    walker = call.walker
    scans: list[list[Operand]] = [[] for _ in body.graph.outputs[1 + len(carried) :]]
    current = [
        value if isinstance(value, Value) and value.is_constant and not value.is_float else state
        for value, state in zip(carried, states, strict=True)
    ]
    walker.spread *= trips
    try:
        for n in range(trips):
            outputs = built(
                walker, call, body, [Value((), INT64, None, (n,)), TRUE, *current], f"{n}" if trips > 1 else "body"
            )
            current = list(outputs[1 : 1 + len(carried)])
            for found, value in zip(scans, outputs[1 + len(carried) :], strict=True):
                found.append(value)
    finally:
        walker.spread //= trips
    return [*current, *(_together(call, values) for values in scans)]


def started(call: Call, value: Operand) -> Operand:
    """What a loop carries is computed, from the second iteration on."""
    if not isinstance(value, Value) or value.shape is None:
        return value
    if value.node is not None:
        return Value(value.shape, value.kind, value.node)
    if not value.is_float:
        return Value(value.shape, value.kind)
    sample = call.walker.sample(value.shape)
    layer = foreign("state", ("is_view",), words="what the loop starts from", size_=sample)
    return Value(value.shape, value.kind, call.walker.place(layer, (), sample, "", call.node, value.kind))


def stacked(call: Call, value: Operand, trips: Dim, axis: int) -> Operand:
    """What a body puts out in every trip, `trips` of them along a new axis: a copy. What isn't one tensor stays as it
    is.
    """
    if not isinstance(value, Value) or value.shape is None:
        return value
    at = axis_of(axis, len(value.shape) + 1)
    shape = (*value.shape[:at], trips, *value.shape[at:])
    return (
        Value(shape, value.kind)
        if value.is_constant
        else call.figure("stack", shape, [value], reach=Reach.MIXED, kind=value.kind)
    )


def _joins(body: Subgraph, n: int) -> bool:
    """Whether a loop's body joins more to a value that it carries, as it is or of another type."""
    maker = body.makers.get(body.graph.outputs[1 + n].name)
    if maker is None or maker.op != "Concat":
        return False
    read = {*maker.inputs}
    read |= {node.inputs[0] for name in read if (node := body.makers.get(name)) and node.op in ("Cast", "Identity")}
    return body.graph.inputs[2 + n].name in read


def _grown(call: Call, before: Operand, value: Operand, trips: Dim) -> Operand:
    """What a loop carries after all iterations, each of which joins as much to it as the first."""
    if not isinstance(before, Value) or not isinstance(value, Value) or before.shape is None or value.node is None:
        return value
    if len(value.dims) != len(before.shape):
        return value
    shape = tuple([start + (end - start) * trips for start, end in zip(before.shape, value.dims, strict=True)])
    return call.figure("stack", shape, [value], reach=Reach.MIXED, kind=value.kind)


def _together(call: Call, values: list[Operand]) -> Operand:
    first = values[0] if values else None
    if not isinstance(first, Value) or first.shape is None:
        return first
    shape = (len(values), *first.shape)
    if not call.data(values):
        parts = [value.content for value in values]
        content = None if any(part is None for part in parts) else tuple(item for part in parts for item in part or ())
        return Value(shape, first.kind, None, content)
    return call.figure("stack", shape, values, reach=Reach.MIXED, kind=first.kind)


__all__ = ["branched", "looped", "stacked", "started"]
