"""A block that is called: its body, built with its arguments bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.build.nodes import FAILED
from archcalc.build.scope import Context, called
from archcalc.build.wide import wide
from archcalc.errors import suggest
from archcalc.spec.options import WORDS
from archcalc.spec.parts import Block, Layer

if TYPE_CHECKING:
    from archcalc.build.items import Builder


def call(builder: Builder, layer: Layer, block: Block, current: int, context: Context, label: str | None) -> int | None:
    """Build a block's body with its arguments bound."""
    env: dict[str, object] = dict(builder.binding.values)
    failed = False
    values = layer.values
    for name in block.arguments:
        word = values.get(name) or block.defaults[name]
        value = builder.evaluate(
            word, context if name in values else context._replace(env=builder.with_channels(env, current)), WORDS
        )
        failed |= value is FAILED
        env[name] = value
    if failed:
        return None
    builder.steps += 8  # a call takes as long as several lines
    path = context.scope.prefix + label if label is not None else context.scope.name(block.name)
    if builder.left_out(path, current, context, layer.line):
        return current
    share = shared_group(builder, layer, path, context)
    calls = ((block.name, layer.line.mark), *context.calls)
    scope, frozen = context.scope.inner(path, block.body), builder.frozen(layer, context)
    width = wide(builder, layer, context)
    inner = context._replace(env=env, scope=scope, calls=calls, frozen=frozen, share=share, wide=width)
    output = builder.chain(block.body, current, inner)
    builder.group(path, called(layer, block, env), layer.line.mark, output)
    return output


def shared_group(builder: Builder, layer: Layer, path: str, context: Context) -> tuple[str, str] | None:
    """The group whose weights a block's call uses and the one that uses them; None where it has its own."""
    word = layer.option("share")
    if word is None:
        return context.share
    owner = next(
        (path for path in context.scope.paths(word.text) if path in builder.graph.groups or builder.is_gone(path)), None
    )
    if owner is None and builder.is_consequence(word.text, context):
        return None
    if owner is None:
        builder.wrong(
            f"share={word.text}: there is no earlier block with that label{suggest(word.text, builder.graph.groups)}",
            word.mark,
            context,
        )
        return None
    return owner, path


__all__ = ["call", "shared_group"]
