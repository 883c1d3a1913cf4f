"""Results of many rows as the tables of other libraries: pandas, polars, Arrow, and HTML in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from importlib import import_module
from typing import Any

from archcalc import escapes
from archcalc.errors import UsageError

INT64, INT128 = 1 << 63, 1 << 127
DIGITS = 76  # of Arrow's widest decimals
MOST_SHOWN = 40  # rows in a notebook


class Rows:
    """What has `columns` and `to_rows()`: a row is a mapping of columns to numbers, words and lists, as JSON has them.

    A whole number beyond 64 bits stays exact: a Python integer in pandas, Int128 in polars, a decimal in Arrow.
    """

    @property
    def columns(self) -> list[str]:
        """The names of what a row has."""
        raise NotImplementedError

    def to_rows(self) -> list[dict[str, Any]]:
        """The rows, each by the names of its columns."""
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """A pandas DataFrame. Raises UsageError where pandas isn't installed."""
        pandas = _library("pandas")
        return pandas.DataFrame({name: _series(pandas, values) for name, values in self._by_column().items()})

    def to_polars(self) -> Any:
        """A polars DataFrame. Raises UsageError where polars isn't installed."""
        polars = _library("polars")
        columns = self._by_column().items()
        return polars.DataFrame([polars.Series(name, values, _polars_type(polars, values)) for name, values in columns])

    def to_arrow(self) -> Any:
        """An Arrow table. Raises UsageError where pyarrow isn't installed."""
        arrow = _library("pyarrow")
        return arrow.table({name: _arrow(arrow, values) for name, values in self._by_column().items()})

    def _by_column(self) -> dict[str, list[Any]]:
        return {name: _alike(values) for name, values in self._values().items()}

    def _values(self) -> dict[str, list[Any]]:
        """The same as the rows, a list a column."""
        rows = self.to_rows()
        return {name: [row.get(name) for row in rows] for name in self.columns}

    def _repr_html_(self) -> str:
        """As a notebook shows it: the first rows, and how many there are."""
        rows = self.to_rows()
        head = "".join(f"<th>{escapes.html(name)}</th>" for name in self.columns)
        shown = rows[:MOST_SHOWN]
        body = "".join(
            f"<tr>{''.join(f'<td>{_cell(row.get(name))}</td>' for name in self.columns)}</tr>" for row in shown
        )
        more = f"<p>{len(shown):,} of {len(rows):,} rows</p>" if len(rows) > len(shown) else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UsageError(f"this needs the package {name}: pip install 'archcalc[frames]'") from None


def _alike(values: list[Any]) -> list[Any]:
    """A column of one type: whole numbers among fractions are fractions, numbers among words are words."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) > 1:
        return [None if value is None else str(value) for value in values]
    return values


def _largest(values: Sequence[Any]) -> int:
    """The largest whole number of a column, without its sign; 0 of a column of others."""
    return max((abs(value) for value in values if type(value) is int), default=0)


def _series(pandas: Any, values: list[Any]) -> Any:
    return pandas.Series(values, dtype=object if _largest(values) >= INT64 else None)


def _polars_type(polars: Any, values: list[Any]) -> Any:
    largest = _largest(values)
    if largest < INT64:
        return None
    return polars.Int128 if largest < INT128 else polars.Object


def _arrow(arrow: Any, values: list[Any]) -> Any:
    if _largest(values) < INT64:
        return arrow.array(values)
    wide = [None if value is None else Decimal(value) for value in values]
    return arrow.array(wide, arrow.decimal256(DIGITS, 0))


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else escapes.html(str(value))


__all__ = ["Rows"]
