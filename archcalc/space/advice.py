"""What lectures teach about the cost of networks, as rewrites of a spec: each with what it comes to, exactly.

A lesson looks at one line of a spec and writes it another way. What it wrote is read and counted, and what can't be
built is no advice. Nothing is said about accuracy: a network that costs less is another network.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from archcalc.cost import Table
from archcalc.errors import ArchcalcError, Mark, UsageError
from archcalc.files import specs_folder
from archcalc.frames import Rows
from archcalc.graph import Node
from archcalc.metrics import metric
from archcalc.model import Model, read
from archcalc.ops.base import Shape
from archcalc.ops.convolution import Conv, DepthwiseConv, Local
from archcalc.ops.kinds import spread
from archcalc.records import Record
from archcalc.spec import read_text
from archcalc.spec.items import Item, Labelled, walk
from archcalc.spec.words import Line
from archcalc.tuples import NamedTuple
from archcalc.untyped import Json

if TYPE_CHECKING:
    from archcalc.spec.again import Again

COMPARED = ("params", "macs", "act_peak", "depth", "field")
FEWEST = 8  # channels behind a bottleneck


class Lesson(NamedTuple):
    """What is taught: a word for it, a sentence, and the spec that holds its figures."""

    word: str
    title: str
    source: str
    rewrite: Callable[[Site], str | None]


class Advice(Record):
    """One rewrite: `text` is the spec as it would be, `before` and `after` are its figures."""

    id: str
    title: str
    source: str
    place: Mark
    old: str
    new: str
    text: str
    before: dict[str, Json] = {}
    after: dict[str, Json] = {}

    def told(self) -> dict[str, Json]:
        """What is changed and where, without the figures."""
        return {
            "id": self.id,
            "lesson": self.title,
            "source": self.source,
            "line": self.place.line,
            "old": self.old,
            "new": self.new,
        }

    def figures(self) -> dict[str, Json]:
        """Each figure before and after, by `macs_before` and `macs_after`."""
        both = {"before": self.before, "after": self.after}
        return {f"{name}_{when}": as_json(of[name]) for name in COMPARED for when, of in both.items() if name in of}


def as_json(value: Json) -> Json:
    """A figure as JSON has it: whole ones as int, other numbers as float."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return value


class Advised(Rows, tuple[Advice, ...]):
    """What lectures would change, those that save most multiply-accumulates first: a tuple, and a table."""

    __slots__ = ()

    @property
    def columns(self) -> list[str]:
        """The names of what an advice has: each figure before and after."""
        figures = [f"{name}_{when}" for name in COMPARED for when in ("before", "after")]
        return ["id", "lesson", "source", "line", "old", "new", *figures]

    def to_rows(self) -> list[dict[str, Json]]:
        """The advice, with numbers as JSON has them."""
        return [{**one.told(), **one.figures()} for one in self]


class Site(NamedTuple):
    """A line of a spec, with the layer that it makes first and the shape that arrives there."""

    line: Line
    node: Node
    arriving: Shape

    @property
    def words(self) -> list[str]:
        """The words after the head that are no options."""
        return [word.text for word in self.line.words]

    def options(self, *without: str, **more: Json) -> str:
        """The options as they are written, but for some."""
        kept = {name: word.text for name, word in self.line.options.items() if name not in without} | more
        return "".join(f" {name}={value}" for name, value in kept.items())


def advise(model: Model) -> Advised:
    """Every lesson that a network could use, those that save most multiply-accumulates first.

    Raises UsageError for a model file, which has no lines to rewrite.
    """
    if model.file is not None:
        raise UsageError(f"{model.name} is a model file: `archcalc import` makes a spec of it, which can be rewritten")
    path = specs_folder().parent / model.spec.path if model.ships else model.spec.path
    return advised(model, read_text(str(path)))


def advised(model: Model, text: str, lines: Container[int] | None = None, again: Again | None = None) -> Advised:
    """The same for the text of a model, or what begins on some of its `lines` (from 1) alone; with `again` only what a
    rewrite changes is read anew.
    """
    table = model.count()
    before = figures(table)
    found = []
    for given in (*_rewritten(model, table, text), *_without_dense_head(model, table, text), *_dropped(model, text)):
        if lines is not None and given.place.line not in lines:
            continue
        after = _counted(given.text, model, _outputs(table), again)
        saves = after is not None and (after["params"] < before["params"] or after["macs"] < before["macs"])
        if after is not None and after != before and (saves or not given.id.startswith("drop:")):
            found.append(given._replace(before=before, after=after))
    return Advised(sorted(found, key=lambda one: (one.after["macs"], one.after["params"], one.id)))


def figures(table: Table) -> dict[str, Json]:
    """What designs are compared by."""
    return {name: metric(table, name, None, table.spec.mark) for name in COMPARED}


def _counted(text: str, model: Model, outputs: list[Shape], again: Again | None) -> dict[str, Json] | None:
    """The figures of a spec that was written; None for one that can't be built, or puts out something else."""
    try:
        table = read(text, model.spec.path, model.variant, again=again).count()
    except ArchcalcError:
        return None
    return figures(table) if _outputs(table) == outputs else None


def _outputs(table: Table) -> list[Shape]:
    return [table.graph.nodes[n].shape for n in table.graph.outputs]


# ---- one line another way --------------------------------------------------------------------------------------------


def _convolution(site: Site) -> tuple[Conv, int] | None:
    """A convolution with an odd square kernel of 3 or more that isn't grouped, and its side."""
    op = site.node.op
    if not isinstance(op, Conv) or isinstance(op, (DepthwiseConv, Local)) or len(site.words) != 2:
        return None
    sides = set(spread(op.kernel, len(site.node.shape) - 1, "kernel"))
    side = sides.pop()
    odd = not sides and isinstance(side, int) and side > 1 and side % 2 == 1
    return (op, int(side)) if odd and op.dilation == 1 and op.groups == 1 else None


def _stack(site: Site) -> str | None:
    found = _convolution(site)
    if found is None or found[1] < 5:
        return None
    out = site.words[0]
    first = f"conv {out} 3x3{site.options('pad')}"
    return _chain([first, *[f"conv {out} 3x3{site.options('pad', 'stride')}"] * ((found[1] - 1) // 2 - 1)])


def _factor(site: Site) -> str | None:
    found = _convolution(site)
    if found is None or len(site.node.shape) != 3 or "pad" in site.line.options or "stride" in site.line.options:
        return None
    out, side = site.words[0], found[1]
    return _chain([f"conv {out} {side}x1{site.options()}", f"conv {out} 1x{side}{site.options()}"])


def _bottleneck(site: Site) -> str | None:
    found, out = _convolution(site), site.node.shape[0]
    arriving = site.arriving[0]
    if found is None or not isinstance(out, int) or not isinstance(arriving, int) or min(out, arriving) < 2 * FEWEST:
        return None
    line = f"conv {site.words[0]} {site.words[1]}{site.options()}"
    return _chain([f"conv {min(out, arriving) // 2} 1x1{site.options('pad', 'stride')}", line])


def _depthwise(site: Site) -> str | None:
    found = _convolution(site)
    arriving = site.arriving[0]
    if found is None or not isinstance(arriving, int) or arriving < FEWEST:
        return None
    own = site.options("act", "norm")
    return _chain([f"dwconv {site.words[1]}{own}", f"conv {site.words[0]} 1x1{site.options('pad', 'stride')}"])


def _grouped(site: Site) -> str | None:
    found, out, arriving = _convolution(site), site.node.shape[0], site.arriving[0]
    even = isinstance(out, int) and isinstance(arriving, int) and out % 2 == arriving % 2 == 0
    if found is None or not even or "groups" in site.line.options:
        return None
    return f"conv {' '.join(site.words)}{site.options(groups=2)}"


LESSONS = (
    Lesson("stack", "a wide kernel as a stack of 3x3", "specs/lectures/factor5x5.yaml", _stack),
    Lesson("factor", "n x n as n x 1 and 1 x n", "specs/lectures/factor_nxn.yaml", _factor),
    Lesson("bottleneck", "a 1x1 bottleneck before a wide kernel", "specs/lectures/conv5x5.yaml", _bottleneck),
    Lesson("depthwise", "a depthwise convolution and a 1x1", "specs/mobilenet_v1.yaml", _depthwise),
    Lesson("groups", "two groups", "specs/alexnet.yaml", _grouped),
)


def _chain(lines: list[str]) -> str:
    return f"[{', '.join(_quoted(line) for line in lines)}]"


def _quoted(line: str) -> str:
    """A line that may stand in a list on one line."""
    return f'"{line}"' if set(line) & set("[]{},:#\"'") else line


def _rewritten(model: Model, table: Table, text: str) -> Iterator[Advice]:
    at: dict[int, Node] = {}
    for node in table.graph.nodes:
        at.setdefault(node.mark.line, node)
    for label, line in _lines(model):
        found = at.get(line.mark.line)
        if found is None or found.op.word != line.begins or not found.inputs:
            continue
        node = found
        site = Site(line, node, table.graph.nodes[node.inputs[0]].shape)
        for lesson in LESSONS:
            new = lesson.rewrite(site)
            old = _written(text, line.mark)
            if new is not None and old:
                changed = _replaced(text, line.mark, old, new)
                name = f"{lesson.word}:{label or node.name.replace('/', '.')}"
                yield Advice(name, lesson.title, lesson.source, line.mark, old, new, changed)


def _lines(model: Model) -> Iterator[tuple[str, Line]]:
    """The lines of layers and blocks, with the label that each has."""
    spec = model.spec
    bodies: list[Item] = [spec.layers, *(block.body for block in spec.blocks.values())]
    for body in bodies:
        labels = {id(item.item): item.label for item in walk(body) if isinstance(item, Labelled)}
        for item in walk(body):
            if isinstance(item, Line) and not item.mark.more:
                yield labels.get(id(item), ""), item


def _written(text: str, mark: Mark) -> str:
    """What stands at a mark; nothing where that isn't a line by itself."""
    lines = text.splitlines()
    source = lines[mark.line - 1] if mark.line <= len(lines) else ""
    return source[mark.column - 1 : mark.column - 1 + mark.length].rstrip()


def _replaced(text: str, mark: Mark, old: str, new: str) -> str:
    lines = text.splitlines(keepends=True)
    source = lines[mark.line - 1]
    start = mark.column - 1
    lines[mark.line - 1] = f"{source[:start]}{new}{source[start + len(old) :]}"
    return "".join(lines)


# ---- several lines ---------------------------------------------------------------------------------------------------


def _top(model: Model) -> list[tuple[str, Line]]:
    """The lines of the list of layers itself."""
    found = []
    for item in model.spec.layers.items:
        line = item.item if isinstance(item, Labelled) else item
        if isinstance(line, Line):
            found.append((item.label if isinstance(item, Labelled) else "", line))
    return found


def _without_dense_head(model: Model, table: Table, text: str) -> Iterator[Advice]:
    """Between the last map and the classes a global mean, and no dense layers but the last."""
    top = _top(model)
    heads = [line.begins for _, line in top]
    if "flatten" not in heads or heads[-1] not in ("linear", "softmax"):
        return
    start = len(heads) - 1 - heads[::-1].index("flatten")
    dense = [n for n in range(start, len(top)) if heads[n] == "linear"]
    if len(dense) < 1 or any(head not in ("flatten", "dropout", "linear", "relu", "softmax") for head in heads[start:]):
        return
    gone = [line for n, (_, line) in enumerate(top) if start < n < dense[-1]]
    flat = top[start][1]
    changed = _replaced(text, flat.mark, _written(text, flat.mark), "gap")
    lines = changed.splitlines(keepends=True)
    kept = [source for n, source in enumerate(lines, 1) if n not in {line.mark.line for line in gone}]
    title = "a global mean instead of a dense head"
    yield Advice("gap", title, "specs/lectures/gap.yaml", flat.mark, "flatten ...", "gap", "".join(kept))


def _dropped(model: Model, text: str) -> Iterator[Advice]:
    """Each labelled layer left out."""
    for label, line in _top(model):
        if label and line.begins in ("conv", "linear", "dwconv"):
            lines = text.splitlines(keepends=True)
            del lines[line.mark.line - 1]
            title, old = "a layer left out", _written(text, line.mark)
            yield Advice(f"drop:{label}", title, "specs/alexnet.yaml", line.mark, old, "", "".join(lines))


# ---- as people read it -----------------------------------------------------------------------------------------------


def difference(before: Json, after: Json) -> str:
    """`-16,781,312`, of figures that are numbers."""
    if not isinstance(before, (int, Fraction)) or not isinstance(after, (int, Fraction)):
        return "" if before == after else f"{before} to {after}"
    return f"{after - before:+,}" if after != before else "="


__all__ = ["COMPARED", "LESSONS", "Advice", "Advised", "advise", "advised", "as_json", "difference", "figures"]
