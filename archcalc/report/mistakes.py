"""A spec's text with the mistakes in it, each where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from archcalc import escapes
from archcalc.errors import Problem
from archcalc.report.page import asset, framed


def mistakes(path: str, source: str, problems: Sequence[Problem], script: str) -> str:
    """The page of a spec that can't be counted; `script` runs in it."""
    here: dict[int, list[Problem]] = {}
    elsewhere = []
    for problem in problems:
        if problem.mark is not None and problem.mark.file == path:
            here.setdefault(problem.mark.line, []).append(problem)
        else:
            elsewhere.append(problem)
    lines = [_line(text, here.get(n, [])) for n, text in enumerate(source.removesuffix("\n").split("\n"), 1)]
    many = len(problems)
    title = f"{many} mistake{'s' * (many != 1)} in {escapes.html(path)}"
    lead = "The page comes back as soon as the file can be counted again."
    told = "".join(f'<p class="mistake">{escapes.html(str(problem))}</p>' for problem in elsewhere)
    main = Template(asset("mistakes.html")).substitute(told=told, lines="".join(lines))
    return framed(title, lead, main, asset("page.css"), script, connect=True)


def _line(text: str, problems: Sequence[Problem]) -> str:
    """A line with its stretches marked, and below it what is wrong with them."""
    shown, done = "", 0
    text = escapes.same_width(text)
    for mark in sorted((problem.mark for problem in problems if problem.mark), key=lambda mark: mark.column):
        start = mark.column - 1
        if start >= done:
            end = start + max(mark.length, 1)
            shown += f"{escapes.html_kept(text[done:start])}<mark>{escapes.html_kept(text[start:end])}</mark>"
            done = end
    told = "".join(
        f'<span class="mistake">{escapes.html(str(problem._replace(mark=None)))}</span>' for problem in problems
    )
    return f'<span class="row">{shown}{escapes.html_kept(text[done:])}\n</span>{told}'


__all__ = ["mistakes"]
