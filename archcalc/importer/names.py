"""Names of layers and of the groups that they stand in, as the exporter's scopes have them.

`/layer1/layer1.0/conv1/Conv` becomes `layer1/0/conv1`. Scopes come from a node's own name, from what torch's exporter
notes beside it, or from the name of its weights (`layer1.0.conv1.weight`); a node without any of these stands where the
one before it does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from keyword import iskeyword

from archcalc.errors import Mark
from archcalc.graph import Graph, Group, Node
from archcalc.importer.proto import SCOPES, NodeProto
from archcalc.ops import OPS
from archcalc.patterns import pattern

_ROLE = pattern(
    r"^(?P<layer>.+?)[._/:](?:weights?|bias(?:es)?|kernel|gamma|beta|scale|alpha|embeddings?|embedding_table"
    r"|w|b|s|rm|riv|W|R|B|bn_s|bn_b|ReadVariableOp)"
    r"(?:[._:](?:\d+|quantized|weight|int8|uint8|Q|DQ))*$"
)
_GENERATED = pattern(r"^(?:onnx::|const|val_|_val_|tmp|arg|primals|ortshared|[A-Za-z]{0,2}\d+$|Constant)")
_COMPUTED = pattern(
    r"^(?:zeros|ones|full|arange|scalar_tensor|expand|clone|lift_fresh_copy|unsqueeze|index|to|_to_copy"
    r"|where|slice|view|permute)(?:_\w*)?$"
)
_SCALE = pattern(r"(?:weight|bias|input|output|_\d+)_(?:scale|zero_point)(?:_mul)?$")
_NUMBERED = pattern(r"^(.*?)_?\d*$")
_QUOTED = pattern(r"'((?:[^'\\]|\\.)*)'")
_UNFIT = pattern(r"[^\w.+-]+")
_FIRST = pattern(r"\w", re.ASCII)
LONGEST = 80
SHOWN = 4  # layers that a group's caption names

Path = tuple[str, ...]


class Namer:
    """Collects where each layer stands; `finish` gives the names."""

    def __init__(self, producer: str) -> None:
        self.own = producer == "archcalc"
        self.paths: list[Path] = []  # scopes, and the last part if it says more than the operator
        self.words: list[str] = []
        self.positions: list[int] = []
        self.inputs: dict[str, None] = {}
        self.prefix: Path = ()
        self.last: Path = ()
        self.twice: dict[str, int] = {}

    @property
    def count(self) -> int:
        """How many layers have been added."""
        return len(self.paths)

    def cut(self, count: int) -> list[tuple[Path, str, int]]:
        """Forget all but the first layers. Gives the others."""
        taken = list(zip(self.paths[count:], self.words[count:], self.positions[count:], strict=True))
        del self.paths[count:], self.words[count:], self.positions[count:]
        return taken

    def paste(self, layers: list[tuple[Path, str, int]]) -> None:
        """Add layers that were taken away."""
        self.paths += [path for path, _, _ in layers]
        self.words += [word for _, word, _ in layers]
        self.positions += [position for _, _, position in layers]

    def input(self, name: str) -> str:
        """A name for an input of the network that no other input has."""
        label = fit(name.rpartition("/")[2] or name) or "input"
        label = unused(label, self.inputs)
        self.inputs[label] = None
        return label

    def symbol(self, name: str) -> str:
        """An identifier for a free size."""
        return identifier(name)

    def add(self, position: int, proto: NodeProto, word: str, hint: str) -> str:
        """Note a layer, its operator's word and place; returns the name that it has until all are known."""
        scope, leaf = self.where(proto, hint)
        self.paths.append((*self.prefix, *scope, leaf))
        self.words.append(word)
        self.positions.append(position)
        return f"{position}"

    @contextmanager
    def inside(self, proto: NodeProto, label: str = "") -> Iterator[None]:
        """The nodes of a function or of a body stand in the scope of the node that holds them."""
        scope, leaf = self.where(proto, "")
        before = self.prefix
        self.prefix = (
            *before,
            *scope,
            *([leaf] if leaf else [proto.op.lower()] if proto.name or label else []),
            *([label] if label else []),
        )[:16]
        try:
            yield
        finally:
            self.prefix = before

    def where(self, proto: NodeProto, hint: str) -> tuple[Path, str]:
        """(scopes, the layer's own name or nothing)."""
        noted = proto.metadata.get(SCOPES)
        if noted:
            dotted = next((path for path in reversed(_quoted(noted[:2000])[:-1]) if path), "")
            return tuple(dotted.split(".")) if dotted else (), ""
        if self.own:
            label, _, kind = proto.name.partition(":")
            parts = tuple(part for part in label.split("/") if part)
            return (parts, "") if kind else (parts[:-1], parts[-1] if parts else "")
        name = proto.name
        if ":" in name or ";" in name:
            name = name.replace("::", "/").replace(";", "/")
        parts = tuple(filter(None, name.split("/"))) if "/" in name else (name,)
        if len(parts) > 1:
            leaf = "" if _plain(parts[-1], proto.op) else parts[-1]
            return _without_repeats(parts[:-1]), leaf
        layer = _layer(hint)
        if layer:
            self.last = layer[:-1]
            return layer[:-1], layer[-1]
        name = parts[0] if parts else ""
        if not name or _plain(name, proto.op) or _GENERATED.match(name) or name.isdigit():
            return self.last, ""
        return tuple(name.split("."))[:-1] if name.count(".") and not name.endswith(".") else (), name.rpartition(".")[
            2
        ] or name

    def may_join(self, position: int, proto: NodeProto) -> bool:
        """Whether a node may become a part of a layer that was placed; in our own models only if it is the same
        layer's.
        """
        if not self.own:
            return True
        label, _, _ = proto.name.partition(":")
        return (
            position in self.positions
            and "/".join(part for part in self.paths[self.positions.index(position)] if part) == label
        )

    def move(self, moved: dict[int, int]) -> None:
        """Layers have other positions now, or are gone."""
        kept = [n for n, position in enumerate(self.positions) if position in moved]
        self.paths, self.words = [self.paths[n] for n in kept], [self.words[n] for n in kept]
        self.positions = [moved[self.positions[n]] for n in kept]

    def finish(self, graph: Graph, file: str) -> None:
        """Name every layer and group of the graph."""
        paths = self._fitting()
        while (
            not self.own
            and len(paths) > 1
            and len(paths[0]) > 1
            and all(len(path) > 1 and path[0] == paths[0][0] for path in paths)
        ):
            paths = [path[1:] for path in paths]
        inside: dict[Path, int] = {}
        for scope, count in Counter([path[:-1] for path in paths]).items():
            for end in range(1, len(scope) + 1):
                inside[scope[:end]] = inside.get(scope[:end], 0) + count
        used = dict(self.inputs)
        counts: dict[tuple[Path, str], int] = {}
        for position, path, word in zip(self.positions, paths, self.words, strict=True):
            name = self._name(path, word, inside, counts, used)
            used[name] = None
            node = graph.nodes[position]
            graph.nodes[position] = Node(name, node.op, node.inputs, node.shape, name, *node[5:])
        if self.own:
            self._lines(graph)
        self._groups(graph, file)

    def _fitting(self) -> list[Path]:
        """Where layers stand, as labels are written; many stand in the same scopes."""
        scopes: dict[Path, Path] = {}
        paths = []
        for path in self.paths:
            scope, leaf = path[:-1], fit(path[-1])
            fitting = scopes.get(scope)
            if fitting is None:
                fitting = scopes[scope] = tuple(filter(None, map(fit, scope)))
            paths.append((*fitting, leaf) if leaf or not path[-1] else fitting or ("",))
        return paths

    def _name(
        self, path: Path, word: str, inside: dict[Path, int], counts: dict[tuple[Path, str], int], used: dict[str, None]
    ) -> str:
        scope, leaf = path[:-1], path[-1]
        if not leaf and scope and inside[scope] == 1:
            name = "/".join(scope)
        elif leaf and (self.own or path not in inside):
            name = "/".join(path)
        else:
            scope = path if leaf else scope
            while True:
                count = counts[scope, word] = counts.get((scope, word), 0) + 1
                numbered = f"{word}{count}"
                numbered = f"{word}_{count}" if numbered in OPS else numbered  # `relu6` is a layer's word
                name = "/".join((*scope, word if count == 1 else numbered))
                if name not in used and tuple(name.split("/")) not in inside:
                    return name
        while name in used:
            count = self.twice[name] = self.twice.get(name, 1) + 1
            name = name if f"{name}_{count}" in used else f"{name}_{count}"
        return name

    @staticmethod
    def _lines(graph: Graph) -> None:
        """What a line adds after its layer, `conv1.bn`, belongs to that line."""
        names = {node.name for node in graph.nodes}
        for n, node in enumerate(graph.nodes):
            before, dot, word = node.name.rpartition(".")
            if dot and before in names and word == node.op.word:
                graph.nodes[n] = node._replace(line=before)

    def _groups(self, graph: Graph, file: str) -> None:
        """A group for each scope, with what it puts out: its last layer that is read outside of it."""
        scopes = [node.name.rpartition("/")[0] for node in graph.nodes]
        around = {scope: list(_around(scope)) for scope in dict.fromkeys(scopes)}
        members: dict[str, list[int]] = {path: [] for paths in around.values() for path in paths}
        for n, scope in enumerate(scopes):
            for path in around[scope]:
                members[path].append(n)
        out: dict[str, int] = {}
        for n, node in enumerate(graph.nodes):
            for source in node.inputs:
                if scopes[source] != scopes[n]:
                    _leave(source, around[scopes[source]], around[scopes[n]], out)
        for n in graph.outputs:
            _leave(n, around[scopes[n]], [], out)
        for path, positions in members.items():
            mark = Mark(file, graph.nodes[positions[0]].mark.line, 1)
            graph.groups[path] = Group(path, _caption(graph, path, positions), mark, out.get(path, positions[-1]))


def _around(scope: str) -> Iterator[str]:
    """A scope and those that it stands in, the innermost first."""
    while scope:
        yield scope
        scope = scope.rpartition("/")[0]


def _leave(n: int, groups: list[str], reader: list[str], out: dict[str, int]) -> None:
    """Note a layer with the groups around it that what reads it doesn't stand in, where none behind it leaves them."""
    for path in groups:
        if path in reader:
            break
        out[path] = max(n, out.get(path, n))


def _caption(graph: Graph, path: str, positions: list[int]) -> str:
    """What a group is made of."""
    words = [graph.nodes[n].op.word for n in positions]
    if len(words) <= SHOWN + 1:
        return f"[{', '.join(words)}]"
    return f"[{', '.join(words[:SHOWN])}, and {len(words) - SHOWN} more]"


def _quoted(text: str) -> list[str]:
    """The strings in a list as Python writes it; one that was cut is none."""
    return _QUOTED.findall(text) if "\\" in text or '"' in text else text.split("'")[1:-1:2]


@lru_cache(maxsize=1 << 10)
def _without_repeats(parts: Path) -> Path:
    """torch writes `layer1/layer1.0`: the part that a scope repeats of the one around it is left out."""
    found: list[str] = []
    for n, part in enumerate(parts):
        before = parts[n - 1] + "." if n else ""
        found.append(part[len(before) :] if before and part.startswith(before) else part)
    return tuple(found)


@lru_cache(maxsize=1 << 10)
def _plain(name: str, op: str) -> bool:
    """Whether a name says no more than the operator: `Conv_3`."""
    match = _NUMBERED.match(name)
    stem = (match.group(1) if match else name).lower().removeprefix("node_").removesuffix("_token").replace("_", "")
    return stem in (op.lower(), "node", "n", "op", "")


def _layer(hint: str) -> Path:
    """The path of a layer, from the name of its weights."""
    if not hint or _GENERATED.match(hint):
        return ()
    match = _ROLE.match(hint)
    if match is None:
        return ()
    return tuple(part for part in re.split(r"[/.]", match.group("layer")) if part)


def generated(name: str) -> bool:
    """Whether an exporter made up the name of a tensor."""
    if not name or name.isdigit() or "Constant" in name or "_output_" in name:
        return True
    return bool(_GENERATED.search(name) or _COMPUTED.search(name) or _SCALE.search(name))


@lru_cache(maxsize=1 << 12)
def fit(name: str) -> str:
    """A name as labels of the language are written: they begin with a letter of ASCII, a digit or `_`."""
    label = _UNFIT.sub("_", name).strip("_.+-")[:LONGEST]
    return label if not label or _FIRST.match(label) else f"_{label}"


def unused(name: str, used: dict[str, None]) -> str:
    """The name, numbered from 2 where it is taken."""
    if name not in used:
        return name
    count = 2
    while f"{name}_{count}" in used:
        count += 1
    return f"{name}_{count}"


def identifier(name: str) -> str:
    """A name as parameters of the language are written."""
    label = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST] or "size"
    label = label if not label[0].isdigit() else f"n{label}"
    return (
        f"{label}_"
        if iskeyword(label) or label in ("batch", "cin", "i", "first", "last", "true", "false", "none")
        else label
    )


__all__ = ["SCOPES", "Namer", "fit", "generated", "identifier", "unused"]
