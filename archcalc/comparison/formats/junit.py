"""JUnit XML, which GitLab and others show in their view of a change: a case a limit, grouped by network."""

from __future__ import annotations

from xml.etree import ElementTree

from archcalc import escapes
from archcalc.check import Verdict
from archcalc.comparison.formats import text, words
from archcalc.comparison.result import Comparison, Report


def report(found: Report) -> str:
    """The whole document."""
    root = ElementTree.Element("testsuites", name="archcalc compare")
    for comparison in found.comparisons:
        root.append(_suite(comparison, found))
    for name in ("tests", "failures", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}'


def _suite(comparison: Comparison, found: Report) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_legal(words.plain(comparison.label)))
    whole = _case(
        suite, comparison, words.tally(comparison) if comparison.base and comparison.head else comparison.status
    )
    ElementTree.SubElement(whole, "system-out").text = _legal(
        text.report(Report((comparison,), found.base, found.said))
    )
    for verdict in comparison.verdicts:
        case = _case(suite, comparison, f"{verdict.metric} {verdict.limit}", verdict)
        mark = verdict.mark._replace(file=comparison.place(verdict.mark.file))
        message = _says(verdict)
        if verdict.fails:
            ElementTree.SubElement(case, "failure", message=_legal(message), type="budget").text = _legal(
                f"{mark}: {message}"
            )
        elif not verdict.passed:
            ElementTree.SubElement(case, "system-out").text = _legal(
                f"{mark}: warning: {verdict.metric} {words.figure(verdict.counted)} {verdict.wanted}"
            )
    for limit in comparison.unjudged:
        ElementTree.SubElement(_case(suite, comparison, limit), "skipped", message="there is no base")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(verdict.fails for verdict in comparison.verdicts)))
    suite.set("skipped", str(len(comparison.unjudged)))
    return suite


def _says(verdict: Verdict) -> str:
    """`922 params, over 700`."""
    kind, _, limit = verdict.limit.partition(" ")
    beyond = {"max": "over", "min": "under"}.get(kind)
    figure = f"{words.figure(verdict.counted)} {verdict.metric}"
    return f"{figure}, {beyond} {limit}" if beyond else f"{figure}, wanted {verdict.wanted}"


def _case(
    suite: ElementTree.Element, comparison: Comparison, name: str, verdict: Verdict | None = None
) -> ElementTree.Element:
    label = _legal(words.plain(comparison.label))
    file = comparison.file or comparison.side.spec
    return ElementTree.SubElement(
        suite,
        "testcase",
        classname=label,
        name=_legal(name),
        file=_legal(comparison.place(verdict.mark.file) if verdict else file),
    )


def _legal(value: str) -> str:
    return escapes.xml(value)
