"""`archcalc lsp`."""

from __future__ import annotations

from archcalc.cli.entry import command


@command()
def lsp() -> None:
    """Serve editors, over stdin and stdout: mistakes while one types, completion, and what each line costs."""
    import gc

    from archcalc.editor.server import server

    gc.enable()  # a server lives long
    server.start_io()
    raise SystemExit(not server.protocol.is_shut_down)
