"""A spec that another uses as a layer: built in a scope and with parameters of its own, up to a label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archcalc.build.calls import shared_group
from archcalc.build.nodes import FAILED
from archcalc.build.scope import Context, Scope
from archcalc.build.wide import wide
from archcalc.errors import Mark, SpecError, suggest
from archcalc.ops import Shape
from archcalc.ops.base import spell
from archcalc.patterns import pattern
from archcalc.spec import Binding, Spec, bind_used
from archcalc.spec.items import USE
from archcalc.spec.options import UNTIL, WITHOUT
from archcalc.spec.parts import Layer, Used
from archcalc.spec.uses import called
from archcalc.spec.values import Value
from archcalc.spec.words import Word

if TYPE_CHECKING:
    from archcalc.build.items import Builder

_NAME = pattern(r"[^,()\[\]\s]+")


class Reached(Exception):
    """The label that a spec is used until has its value."""

    def __init__(self, path: str, output: int | None) -> None:
        self.path, self.output = path, output


def use(builder: Builder, layer: Layer, used: Used, current: int, context: Context, label: str | None) -> int | None:
    """What comes out of a network that is used, None after noting a mistake."""
    name = layer.line.words[0].text
    path = context.scope.prefix + label if label is not None else context.scope.name(called(name))
    if builder.left_out(path, current, context, layer.line):
        return current
    bound = _bound(builder, layer, used, builder.graph.nodes[current].shape, context)
    if bound is None:
        return None
    builder.steps += 8
    share = shared_group(builder, layer, path, context)
    inner = Context(
        dict(bound.values),
        Scope(path, used.spec.layers, f"{path}/"),
        ((f"{USE} {name}", layer.line.mark), *context.calls),
        builder.frozen(layer, context),
        context.survive,
        share,
        context.head,
        context.times,
        context.ranges,
        wide(builder, layer, context),
    )
    left = {f"{path}/{word.text}": word.mark for word in _names(layer.option(WITHOUT))}
    left |= {f"{path}/{gone}": layer.line.mark for gone in bound.without}
    builder.without |= {gone: builder.without.get(gone, False) for gone in left}
    builder.results[f"{path}/{next(iter(used.spec.inputs))}"] = current
    output = _built(builder, layer, used.spec, bound, current, inner, path)
    if output is not None:
        _refuse_unmet(builder, left, path, name, context)
    builder.group(path, _caption(layer, bound), layer.line.mark, output)
    return output


def _built(
    builder: Builder, layer: Layer, spec: Spec, bound: Binding, current: int, context: Context, path: str
) -> int | None:
    """The layers of the spec, with the builder inside of it."""
    until = layer.option(UNTIL)
    outside = builder.spec, builder.binding, builder.resolver, builder.suffixes, builder.until, builder.placed
    opened, before = len(builder.open), len(builder.problems)
    builder.spec, builder.binding, builder.suffixes = spec, bound, {}
    builder.resolver = spec.resolver
    builder.until = f"{path}/{until.text}" if until else ""
    builder.placed = builder.placed or layer.line.mark
    reached = False
    try:
        output = builder.item(spec.layers, current, context)
        if not until:
            output = _output(builder, spec, path, output)
    except Reached as found:
        if found.path != builder.until:
            raise
        output, reached = found.output, True
        del builder.open[opened:]
        for around in _groups(path, found.path):
            builder.group(around, "", layer.line.mark, output)
    finally:
        builder.spec, builder.binding, builder.resolver, builder.suffixes, builder.until, builder.placed = outside
    if until and not reached and len(builder.problems) == before:
        within = [name.removeprefix(f"{path}/") for name in builder.results if name.startswith(f"{path}/")]
        named = layer.line.words[0].text
        message = f"{USE} {named}: there is no layer '{until.text}' in it{suggest(until.text, within)}"
        builder.wrong(message, until.mark, context._replace(calls=context.calls[1:]))
        return None
    return output


def _output(builder: Builder, spec: Spec, path: str, last: int | None) -> int | None:
    """What a whole network puts out: its last layer, or the first of its outputs."""
    return builder.results.get(f"{path}/{spec.outputs[0].text}", last) if spec.outputs else last


def _bound(builder: Builder, layer: Layer, used: Used, shape: Shape, context: Context) -> Binding | None:
    """The parameters of the spec: as the line gives them, sizes as they arrive, the others as they are declared."""
    given: dict[str, tuple[Value, Mark]] = {}
    for name, word in layer.values.items():
        declared = used.spec.parameters[name]
        value = builder.word(word, context) if declared.takes_words else builder.evaluate(word, context)
        if value is FAILED:
            return None
        given[name] = value, word.mark
    try:
        return bind_used(used.spec, used.variant, given, dict(_sizes(used.spec, shape)), builder.binding)
    except SpecError as error:
        for problem in error.problems:
            mark = problem.mark if problem.mark and problem.mark in [mark for _, mark in given.values()] else None
            message = f"{USE} {layer.line.words[0].text}: {problem.message}"
            builder.wrong(message, mark or layer.line.mark, context, problem.symbols)
        return None


def _sizes(spec: Spec, shape: Shape) -> Iterator[tuple[str, object]]:
    """The parameters that stand in the spec's input alone, and what arrives there; none that two sizes disagree on."""
    (words,) = spec.inputs.values()
    if len(words) != len(shape):
        return
    for word, size in zip(words, shape, strict=True):
        if word.text in spec.parameters and all(
            other == size for also, other in zip(words, shape, strict=True) if also.text == word.text
        ):
            yield word.text, size


def _names(word: Word | None) -> Iterator[Word]:
    """The labels in `without=a,b`, each where it stands."""
    for found in _NAME.finditer(word.text) if word else ():
        yield Word(found[0], word.mark.part(found.start(), len(found[0])) if word else Mark("", 0, 0))


def _refuse_unmet(builder: Builder, left: dict[str, Mark], path: str, name: str, context: Context) -> None:
    for gone, mark in left.items():
        if not builder.without[gone]:
            label = gone.removeprefix(f"{path}/")
            within = [known.removeprefix(f"{path}/") for known in builder.results if known.startswith(f"{path}/")]
            builder.wrong(
                f"{USE} {name}: there is no layer '{label}' to leave out{suggest(label, within)}", mark, context
            )


def _groups(path: str, until: str) -> Iterator[str]:
    """The groups between a network and the layer in it that it is used until, the innermost first."""
    while (until := until.rpartition("/")[0]) and until != path:
        yield until


def _caption(layer: Layer, bound: Binding) -> str:
    """The line as a table shows it, its expressions worked out."""
    given = [f"{name}={spell(bound.values[name])}" for name in layer.values]
    asked = [f"{name}={word.text}" for name in (UNTIL, WITHOUT) if (word := layer.option(name))]
    return " ".join([USE, layer.line.words[0].text, *given, *asked])
