"""The command line: a command reads its arguments, calls one function and prints.

One module a command; its imports stand inside the function, so that a command pays only for what it uses.
"""

from archcalc.cli.app import main, start, whole

__all__ = ["main", "start", "whole"]
