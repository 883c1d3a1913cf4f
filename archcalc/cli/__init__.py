"""The command line: a command reads its arguments, calls one function and prints.

One module a command; its imports stand inside the function, so that a command pays only for what it uses.
"""

from typing import TYPE_CHECKING, Any

from archcalc.cli.entry import main, start

if TYPE_CHECKING:
    import typer

    app: typer.Typer

__all__ = ["app", "main", "start"]


def __getattr__(name: str) -> Any:
    """`app` is the typer app with all its commands, which are imported when it is first asked for."""
    if name == "app":
        from archcalc.cli.entry import judged

        return judged()
    raise AttributeError(f"module 'archcalc.cli' has no attribute '{name}'")
