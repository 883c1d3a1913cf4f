"""Changing a value in the text of a spec and nothing else: comments, layout and line endings stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.errors import ArchcalcError
from archcalc.patterns import pattern
from archcalc.spec.pyyaml import yaml

_ALIAS = pattern(r"\s*:\s*\*[^\s,\]}]+")


def put(text: str, path: Sequence[str], value: str) -> str:
    """The text with a plain `value` under these keys. Mappings that aren't there are added: at the end of the one they
    belong to.

    Raises ArchcalcError where the text can't be edited by position: an anchor or an alias stands there.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ArchcalcError(f"can't be edited: {str(error).splitlines()[0]}") from None
    key: yaml.Node | None = None
    for depth, name in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return _filled(text, key, node, path[depth:], value)
        found = next(((k, v) for k, v in node.value if k.value == name), None)
        if found is None:
            return _inserted(text, node, path[depth:], value)
        key, node = found
        if _is_alias(key, node) or text[node.start_mark.index : node.start_mark.index + 1] in ("&", "!"):
            raise ArchcalcError(f"'{'.'.join(path[: depth + 1])}' is an alias or has an anchor: edit it by hand")
    assert node is not None
    old = text[node.start_mark.index : node.end_mark.index]
    after = old[len(old.rstrip()) :]  # a text in several lines ends with its own line break
    return f"{text[: node.start_mark.index]}{value}{after}{text[node.end_mark.index :]}"


def _is_alias(key: yaml.Node, value: yaml.Node) -> bool:
    """An alias is composed to the node that it stands for, which comes before it."""
    return bool(value.start_mark.index < key.end_mark.index)


def _flow(path: Sequence[str], value: str) -> str:
    """`params: {max: 7M}`."""
    return f"{path[0]}: {value}" if len(path) == 1 else f"{path[0]}: {{{_flow(path[1:], value)}}}"


def _filled(text: str, key: yaml.Node | None, node: yaml.Node | None, path: Sequence[str], value: str) -> str:
    """In place of nothing: `budget:` without a value, or with `null`."""
    if key is None or node is None or not isinstance(node, yaml.ScalarNode):
        raise ArchcalcError("can't be edited: it is no mapping")
    after = text.index(":", key.end_mark.index) + 1
    end = node.end_mark.index if node.value else after
    return f"{text[:after]} {{{_flow(path, value)}}}{text[end:]}"


def _inserted(text: str, mapping: yaml.MappingNode, path: Sequence[str], value: str) -> str:
    if mapping.flow_style:
        return _into_flow(text, mapping, _flow(path, value))
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * mapping.value[0][0].start_mark.column
    step = _step(mapping)
    lines = (
        [f"{indent}{path[0]}:", f"{indent}{step}{_flow(path[1:], value)}"]
        if len(path) > 2
        else [f"{indent}{_flow(path, value)}"]
    )
    end = _end(text, mapping)
    if end == len(text) and not text.endswith(("\n", "\r")):
        return newline.join([text, *lines]) + newline
    return text[:end] + newline.join(lines) + newline + text[end:]


def _step(mapping: yaml.MappingNode) -> str:
    """By how much this mapping indents what is inside."""
    column = mapping.value[0][0].start_mark.column
    for _, value in mapping.value:
        if (
            isinstance(value, yaml.MappingNode)
            and not value.flow_style
            and value.value
            and value.start_mark.column > column
        ):
            return " " * int(value.start_mark.column - column)
    return "  "


def _end(text: str, node: yaml.Node) -> int:
    """Where the line after the last one of a block begins."""
    index = _last(node)
    if index and text[index - 1] == "\n":  # a text in several lines ends with its own
        return index
    line = text.find("\n", index)
    return len(text) if line < 0 else line + 1


def _last(node: yaml.Node) -> int:
    """Where the last word of a node ends; the end of a block is counted to what comes after it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        key, value = node.value[-1]
        return int(key.end_mark.index) if _is_alias(key, value) else max(int(key.end_mark.index), _last(value))
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return max(_last(item) for item in node.value)
    return int(node.end_mark.index)


def _into_flow(text: str, mapping: yaml.MappingNode, pair: str) -> str:
    if not mapping.value:
        at = mapping.start_mark.index + 1
        return f"{text[:at]}{pair}{text[at:]}"
    key, value = mapping.value[-1]
    alias = _ALIAS.match(text, key.end_mark.index) if _is_alias(key, value) else None
    at = alias.end() if alias else max(value.end_mark.index, key.end_mark.index)
    return f"{text[:at]}, {pair}{text[at:]}"
