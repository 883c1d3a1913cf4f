"""A snapshot: what `archcalc count --format json` printed, read back as something to compare with."""

from __future__ import annotations

import json
import os
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction

from archcalc import reading
from archcalc.algebra import Dim, Number, symbol
from archcalc.comparison.sides import COSTS, NO_FIGURES, Figures, Layer, Place, Side, added, symbol_of
from archcalc.errors import ArchcalcError, Mark, UsageError
from archcalc.graph import Uncounted
from archcalc.metrics import FIELD
from archcalc.spec.expressions import compile_expression
from archcalc.untyped import Json

SCHEMA = "archcalc/count/1"
MOST_BYTES = 500_000_000
MOST_CONFIG_BYTES = 3_000_000


def is_snapshot(name: str) -> bool:
    """Whether a name is that of a snapshot and not of a spec, nor of a configuration that names its type of model."""
    return name.endswith(".json") and not _is_configuration(name)


def _is_configuration(name: str) -> bool:
    try:
        data = json.loads(reading.read(name, MOST_CONFIG_BYTES))
    except (UsageError, ValueError, RecursionError):
        return False  # too large for one, too
    return isinstance(data, dict) and "model_type" in data and "schema" not in data


def read_snapshot(path: str) -> list[Side]:
    """The networks in a snapshot. Raises UsageError for a file that isn't one."""
    try:
        read = reading.read(path, MOST_BYTES)
        if len(read) > MOST_BYTES:
            raise UsageError(f"{path}: larger than {MOST_BYTES // 10**6} MB")
        data = json.loads(read.decode("utf-8-sig"), parse_float=Fraction)
    except UsageError as error:
        raise UsageError(f"{error}; make a snapshot with `archcalc count SPEC --format json > {path}`") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from None
    tables = data if isinstance(data, list) else [data]
    if not tables:
        raise UsageError(f"{path}: no network in it")
    sides = [_side(table, path) for table in tables]
    twice = [name for name, times in Counter((place(side.spec), side.variant) for side in sides).items() if times > 1]
    if twice:
        raise UsageError(
            f"{path}: {twice[0][0]}{f'@{twice[0][1]}' if twice[0][1] else ''} is in it more than once, so which one is"
            " meant isn't clear"
        )
    return sides


def place(spec: str) -> str:
    """A spec's path in one spelling: `./models\\net.yaml` is `models/net.yaml`."""
    return posixpath.normpath(spec.replace("\\", "/"))


def matching(sides: list[Side], spec: str) -> list[Side]:
    """What a snapshot holds of a spec, by its path: another file of the same name is another network."""
    return [side for side in sides if os.path.abspath(place(side.spec)) == os.path.abspath(place(spec))]


def _side(table: object, path: str) -> Side:
    if not isinstance(table, dict) or table.get("schema") != SCHEMA:
        schema = table.get("schema") if isinstance(table, dict) else None
        what = f"a file of {schema}" if str(schema).startswith("archcalc/") else "not a snapshot"
        raise UsageError(f"{path}: {what}; `archcalc count SPEC --format json` makes one ({SCHEMA})")
    try:
        return _read(table, path)
    except (KeyError, TypeError, ValueError, AttributeError, ArchcalcError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{path}: can't be read as {SCHEMA}: {reason}") from None


def _read(table: dict[str, Json], path: str) -> Side:
    if table["convention"] != "macs":
        raise UsageError(f"counted by the convention '{table['convention']}', not by archcalc's own")
    symbols = {str(name): symbol(str(name)) for name in table["free"]}
    totals = {name: _number(value, symbols) for name, value in table["totals"].items() if name not in NO_FIGURES}
    layers, places = _layers(table, symbols, path)
    whole = totals["layers"] == sum((layer.layers for layer in layers), 0)
    fields = {name: _field(table["receptive_field"], part, symbols) for name, part in FIELD.items()}
    return Side(
        name=str(table["name"]),
        spec=str(table["spec"]),
        variant=None if table["variant"] is None else str(table["variant"]),
        figures=Figures(totals, fields, tuple(layers) if whole else None, places if whole else {}),
        bindings={str(name): _value(value) for name, value in table["bindings"].items()},
        inputs={str(name): tuple(_dim(dim, symbols) for dim in shape) for name, shape in table["inputs"].items()},
        symbols={name: symbol_of(found) for name, found in symbols.items()},
        domain=tuple(map(str, table.get("domain", ()))),
        mode=str(table["mode"]),
        batch=table["batch"] if isinstance(table["batch"], int) else str(table["batch"]),
        dtype=str(table["dtype"]),
        device=str(table.get("latency", {}).get("device", "")),
        without=tuple(map(str, table.get("without", ()))),
        sets=tuple(map(str, table.get("set", ()))),
        uncounted=tuple(
            Uncounted(str(found["op"]), int(found["count"]), str(found["first"]), str(found["why"]))
            for found in table["totals"]["uncounted"]
        ),
    )


def _value(value: object) -> object:
    return tuple(_value(item) for item in value) if isinstance(value, list) else value


def _layers(table: dict[str, Json], symbols: Mapping[str, Number], path: str) -> tuple[list[Layer], dict[str, Place]]:
    """Lines of the spec, put together from their operators: `conv1.bn` belongs to `conv1` when it reads it."""
    found: list[Layer] = []
    places: dict[str, Place] = {}
    last = ""
    ahead = {row["name"] for row in table["layers"]}
    for row in table["layers"]:
        ahead.discard(row["name"])
        if row["op"] == "block" or not ahead.isdisjoint(row["inputs"]):  # grouped, or sorted by a cost
            return [], {}
        layer = _layer(row, symbols, path)
        adds = found and row["name"] == f"{found[-1].path}.{row['op']}" and list(row["inputs"]) == [last]
        if adds:
            found[-1] = _joined(found[-1], layer)
        else:
            found.append(layer)
            places.update((group, Place("", layer.mark)) for group in _parents(layer.path) if group not in places)
        last = row["name"]
    return found, places


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:n]) for n in range(1, len(parts)))


def _layer(row: dict[str, Json], symbols: Mapping[str, Number], path: str) -> Layer:
    return Layer(
        path=str(row["name"]),
        op=str(row["op"]),
        text=str(row["text"]),
        mark=Mark(path, int(row["line"]), 1),
        shape=tuple(_dim(dim, symbols) for dim in row["shape"]),
        costs={name: _number(row[name], symbols) for name in COSTS if name in row},
        layers=_number(row.get("layers", 1), symbols),
    )


def _joined(line: Layer, more: Layer) -> Layer:
    return line._replace(
        text=f"{line.text}, {more.text}",
        shape=more.shape,
        costs=added((line.costs, more.costs)),
        layers=line.layers + more.layers,
    )


def _field(found: Json, part: str, symbols: Mapping[str, Number]) -> object:
    if not isinstance(found, dict):
        return str(found)
    values = tuple(_number(value, symbols) for value in found[part])
    return values[0] if len(set(values)) == 1 else "x".join(map(str, values))


def _number(value: object, symbols: Mapping[str, Number]) -> Number:
    """A figure: a number, or a closed form as text."""
    if isinstance(value, str):
        return _closed_form(value, symbols)
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)):
        raise ValueError(f"{json.dumps(value, default=str)[:40]} is not a figure")
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _dim(value: object, symbols: Mapping[str, Number]) -> Dim:
    size = _number(value, symbols)
    if isinstance(size, Fraction):
        raise ValueError(f"{value} is not a size")
    return size


def _closed_form(text: str, symbols: Mapping[str, Number]) -> Number:
    """A closed form, term by term: each is short, however many there are."""
    whole: Number = 0
    for term in _terms(text):
        value = compile_expression(term).run(symbols, ())
        if isinstance(value, (bool, str, tuple)) or value is None:
            raise ValueError(f"`{term[:40]}` is not a figure")
        whole = whole + value
    return whole


def _terms(text: str) -> Iterator[str]:
    """The terms of a sum, each with its sign."""
    depth, start = 0, 0
    for n, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and letter in "+-" and n > start and text[n - 1 : n + 2] in (" + ", " - "):
            yield text[start:n].strip()
            start = n if letter == "-" else n + 1
    yield text[start:].strip()
