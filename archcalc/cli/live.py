"""`archcalc live`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import STDIN, Given
from archcalc.cli.saying import out, told

if TYPE_CHECKING:
    from archcalc.report.live import Live

Asked = Annotated[Given, takes("sets without batch dtype port browse quiet")]
Port = Annotated[int, Option("--port", min=0, max=65535, help="On which port; one that is free, by default.")]
Browse = Annotated[bool, Option("--open", help="Open it in the browser.")]


@command()
def live(spec: options.Spec, given: Asked, port: Port = 0, browse: Browse = False) -> None:
    """Serve the page of `archcalc report` to this machine, anew whenever the file is saved; Ctrl-C ends it.

    \b
    archcalc live net.yaml --open
    """
    from archcalc.errors import UsageError
    from archcalc.report.live import Live
    from archcalc.report.source import text_of

    if spec == STDIN:
        raise UsageError("stdin is read once; archcalc live follows a file")
    if text_of(spec) is None:
        given.loaded(spec)
        raise UsageError(f"{spec} is no spec that could be edited; archcalc report shows it")
    try:
        server = Live(spec, given.question(), port)
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror or error}") from None
    _serve(server, browse, given.quiet)


def _serve(server: Live, browse: bool, quiet: bool) -> None:
    """Say where it is, and serve until Ctrl-C."""
    import gc

    gc.enable()  # a server lives long
    with suppress(KeyboardInterrupt):
        out(server.address)
        if not quiet:
            told("Ctrl-C ends it")
        if browse:
            import webbrowser

            webbrowser.open_new_tab(server.address)
        server.serve()
