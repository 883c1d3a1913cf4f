"""`archcalc live`."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import STDIN, Batch, Dtype, Quiet, Set, Spec, Without, bindings, loaded, names
from archcalc.cli.saying import out, told


@command()
def live(
    spec: Spec,
    sets: Set = None,
    without: Without = None,
    batch: Batch = 1,
    dtype: Dtype = "fp32",
    port: Annotated[int, Option("--port", min=0, max=65535, help="On which port; one that is free, by default.")] = 0,
    browse: Annotated[bool, Option("--open", help="Open it in the browser.")] = False,
    quiet: Quiet = False,
) -> None:
    """Serve the page of `archcalc report` to this machine, anew whenever the file is saved; Ctrl-C ends it.

    \b
    archcalc live net.yaml --open
    """
    import gc

    from archcalc.errors import UsageError
    from archcalc.question import Question
    from archcalc.report.live import Live
    from archcalc.report.source import text_of

    if spec == STDIN:
        raise UsageError("stdin is read once; archcalc live follows a file")
    if text_of(spec) is None:
        loaded(spec)
        raise UsageError(f"{spec} is no spec that could be edited; archcalc report shows it")
    question = Question(bindings(sets), (), batch, dtype=dtype, without=names(without))
    try:
        server = Live(spec, question, port)
    except OSError as error:
        raise UsageError(f"port {port}: {error.strerror or error}") from None
    gc.enable()  # a server lives long
    with suppress(KeyboardInterrupt):
        out(server.address)
        if not quiet:
            told("Ctrl-C ends it")
        if browse:
            import webbrowser

            webbrowser.open_new_tab(server.address)
        server.serve()
