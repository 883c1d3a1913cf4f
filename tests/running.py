"""Commands run in the process of the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from archcalc.cli import main


class Done(NamedTuple):
    """What a command printed and how it ended."""

    out: str
    err: str
    code: int


Command = Callable[..., Done]


def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, columns: int | None = None
) -> Done:
    """Run `archcalc WORDS`, on a terminal as wide as `columns` if given; a traceback is never right."""
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["archcalc", *words])
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    printed = capsys.readouterr()
    assert isinstance(code, int)
    assert "Traceback" not in printed.err
    return Done(printed.out, printed.err, code)
