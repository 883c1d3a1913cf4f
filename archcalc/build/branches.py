"""Branches beside each other and what joins them, and operators that are made of the chain behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from archcalc.algebra import Poly
from archcalc.build.nodes import FAILED, MOST_LAYERS
from archcalc.build.scope import Context, is_identity
from archcalc.ops.kinds import show
from archcalc.spec.items import Branches, Chain, Item, Parallel
from archcalc.spec.parts import Layer
from archcalc.spec.values import Value

if TYPE_CHECKING:
    from archcalc.build.items import Builder


def bodied(
    builder: Builder, item: Branches, layer: Layer, current: int | None, context: Context, label: str | None
) -> int | None:
    """An operator that is made of the chain behind it: what is built of that is its body, and no layer of its
    own.
    """
    if current is None:
        return None
    builder.with_channels(context.env, current)
    made, saved, start = builder.made(layer, context), builder.save(), len(builder.graph.nodes)
    body = Chain(item.mark, item.items)
    path = context.scope.prefix + (label or item.line.begins)
    inner = context._replace(env=dict(context.env), scope=context.scope.inner(f"{path}:", body), share=None)
    end = builder.chain(body, current, inner)
    if end is None or made is None:
        return None
    nodes = builder.graph.nodes[start:]
    in_row = all(node.inputs == (before,) for node, before in zip(nodes, (current, *range(start, end)), strict=False))
    if not nodes or end != start + len(nodes) - 1 or not in_row or any(node.share is not None for node in nodes):
        builder.wrong(f"{made.word} takes a chain of layers with weights of their own", item.mark, context)
        return None
    ops = tuple(node.op for node in nodes)
    builder.restore(saved)
    key = (made, *ops)
    if key not in builder.bodies:
        values = {name: getattr(made, name) for name in made.fields} | {"body": ops}
        builder.bodies[key] = type(made)(**values)
    name = None if label is None else context.scope.prefix + label
    return builder.made_into(builder.bodies[key], layer, (current,), builder.kept(layer, context), name)


def joined(
    builder: Builder, item: Branches, layer: Layer | None, current: int | None, context: Context, name: str | None
) -> int | None:
    """An operator that joins branches, each built from what arrives; None after noting a mistake."""
    survive: Value = 1
    if layer is not None and layer.meaning.control:
        context = builder.kept(layer, context)
        survive = builder.probability(layer, "survive", context)
    branches = list(beside(builder, item.items, current, context))
    if layer is not None and not fits(builder, layer, len(branches), context):
        return None
    residual = [n for n, (branch, _) in enumerate(branches) if not is_identity(branch)] if survive != 1 else []
    for n in residual[:1]:
        branch, inner = branches[n]
        branches[n] = branch, inner._replace(survive=context.survive * survive)
    ends = [builder.item(branch, current, inner) for branch, inner in branches]
    if layer is None or None in ends:
        return None
    return builder.operator(layer, tuple(end for end in ends if end is not None), context, name)


def beside(
    builder: Builder, items: Iterable[Item], current: int | None, context: Context
) -> Iterator[tuple[Item, Context]]:
    """The branches, those that are alike one by one, with what is known in each."""
    for item in items:
        if not isinstance(item, Parallel):
            yield item, context
            continue
        count = builder.evaluate(item.count, context._replace(env=builder.with_channels(context.env, current)))
        if count is FAILED:
            continue
        if isinstance(count, Poly):
            builder.wrong(
                "parallel branches need a number: bind it with --set",
                item.count.mark,
                context,
                tuple(sorted(count.symbols)),
            )
            continue
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_LAYERS:
            builder.wrong(f"branches are a whole number, got {show(count)}", item.count.mark, context)
            continue
        for n in range(count):
            env = {**context.env, "i": n, "first": n == 0, "last": n == count - 1}
            yield item.item, context._replace(env=env)


def fits(builder: Builder, layer: Layer, count: int, context: Context) -> bool:
    """Whether an operator joins so many branches, where how many there are is known only now."""
    low, high = layer.op.arity if layer.op is not None else (0, None)
    if count >= low and (high is None or count <= high):
        return True
    builder.wrong(f"{layer.line.begins} takes at least {low} branches, got {count}", layer.line.mark, context)
    return False
