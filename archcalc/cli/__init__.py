"""The command line: a command reads its arguments, calls one function and prints.

One module a command; its imports stand inside the function, so that a command pays only for what it uses.
"""

from archcalc.cli import (  # isort: skip  # the order of `archcalc --help`
    count,
    explain,
    check,
    compare,
    budget,
    docs,
    diagram,
    expand,
    export,
    importing,
    verify,
    measure,
    calibrate,
    predict,
    listing,
)
from archcalc.cli.app import app, main

__all__ = ["app", "main"]
