"""A plot of one kind or another, as SVG."""

from __future__ import annotations

from importlib import import_module

from archcalc.cost import Table
from archcalc.errors import UsageError, suggest
from archcalc.picture import KINDS, Asked
from archcalc.picture.items import judged


def judge(kind: str, metric: str, networks: int) -> None:
    """Raises UsageError for what doesn't exist, before anything is counted."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind '{kind}'{suggest(kind, KINDS, 'there are ' + ', '.join(KINDS))}")
    most = KINDS[kind].most
    if most == 1 and networks > 1:
        several = ", ".join(name for name, known in KINDS.items() if known.most != 1)
        raise UsageError(f"a plot of kind {kind} is of one network; of several there are {several}")
    if most is not None and networks > most:
        raise UsageError(f"a plot of kind {kind} is of at most {most} networks, not of {networks:,}")
    judged(metric)


def plot(tables: list[Table], kind: str, asked: Asked = Asked()) -> str:  # noqa: B008  # it is frozen
    """The plot as SVG; the same tables make the same bytes.

    Raises UsageError for a kind that doesn't exist or takes one network, for figures that are closed forms, and for a
    roofline without a device.
    """
    judge(kind, asked.metric, len(tables))
    module, _, name = KINDS[kind].drawn_by.partition(".")
    drawn: str = getattr(import_module(f"archcalc.picture.{module}"), name)(tables, asked)
    return drawn
