"""The door for text from outside: what a spec, a model file, a path or a repository says becomes printable here, in one
place for each format that archcalc writes.

Nothing else escapes (`tests/test_architecture.py` holds that): a renderer hands a text to the function of its format,
and what comes back is one line that no terminal, log, browser, typesetter or spreadsheet takes for more than text.
Line breaks and other white space become blanks; control characters, marks that turn the direction of writing and the
like become what Python writes for them (`\\x1b`, `\\u202e`); so do the beginnings of commands that logs of build
machines obey (`::error::`, `##[group]`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archcalc.patterns import pattern

_BREAKS = pattern(r" *[\t-\r\x1c-\x1f\x85\u2028\u2029]\s*")
_PLAIN = pattern(r"[^\x20-\x7e]")  # what may have to be escaped
_UNSEEN = pattern(r"[^\x20-\x7e\n]")
# GitHub reads `::command` where a line begins and `##[command` anywhere in it; Azure and TeamCity have the others
_COMMANDS = pattern(r"^:(?=:)|(?<!\S):(?=:[A-Za-z-])|#(?=#(?:vso|teamcity)?\[)")
_TAGS = pattern(r"<(?=[A-Za-z/?])")
_BEGINS = pattern(r"(?m)^([^\S\n]*):(?=:)")
_ANYWHERE = pattern(r"#(?=#(?:vso|teamcity)?\[)")


def line(text: str, longest: int | None = None) -> str:
    """Text on one line of a terminal or a log, cut to so many characters if it is longer: no tag of HTML is in it for
    those that show logs as pages.
    """
    text = plain(text)
    if "<" in text:
        text = _TAGS.sub(_escape, text)
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def plain(text: str) -> str:
    """Text on one line, on its way to one of the formats below."""
    text = str(text)  # of a subclass, too: an enumeration's member says its name otherwise
    if not text.isprintable():
        text = _PLAIN.sub(_seen, _BREAKS.sub(" ", text))
    if "::" in text or "##" in text:
        text = _COMMANDS.sub(_escape, text)
    return text


def lines(texts: Iterable[str]) -> str:
    """Lines of a report: none of them becomes two."""
    return "\n".join(map(line, texts))


def same_width(text: str) -> str:
    """A line of a file as it is quoted in a message: a character for each of its characters, so that columns hold."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return _COMMANDS.sub(" ", shown)


def report(text: str) -> str:
    """A whole text on its way to a terminal or a log, line breaks kept: what no renderer should have let through."""
    if not text.replace("\n", "").isprintable():
        text = _UNSEEN.sub(_kept, text)
    text = _BEGINS.sub(r"\1\\x3a", text) if "::" in text else text
    return _ANYWHERE.sub(_escape, text) if "##" in text else text


def _seen(match: re.Match[str]) -> str:
    letter = match.group()
    return letter if letter.isprintable() else " " if letter.isspace() else _escape(match)


def _kept(match: re.Match[str]) -> str:
    """Blanks of other widths stay: tables are indented with them."""
    letter = match.group()
    is_blank = letter.isspace() and letter not in "\r\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029"
    return letter if letter.isprintable() or is_blank else _escape(match)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


# ---- markup ----------------------------------------------------------------------------------------------------------

_MARKDOWN = pattern(r"[\\`*|\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# what renderers of Markdown add to it: entities, templates, math, mentions, links without brackets, struck out text
_EXTENDED = pattern(r"<|&(?=[#\w])|[{}$]|(?<![\w.])@(?=\w)|~(?=~)|(?<=~)~|(?<=\w):(?=//)|(?<=[Ww]{3})\.|(?<=mailto):")
_BARE = pattern(r"(?:[A-Za-z0-9 ,=()/%+-]|(?<=\d)\.)*")  # what neither takes for markup: most cells
_BLOCK = pattern(r"([#>+\-=:%!(~])|(\d{1,9})([.)])(?=\s|$)")


def markdown(text: str) -> str:
    """Text inside a paragraph or a cell of Markdown."""
    if _BARE.fullmatch(text):
        return text
    return _EXTENDED.sub(_entity, _MARKDOWN.sub(r"\\\g<0>", plain(text)))


def markdown_paragraph(text: str) -> str:
    """A paragraph of Markdown: no heading, list, quotation or directive begins with it."""
    written = markdown(text.strip())
    begins = _BLOCK.match(written)
    if not begins:
        return written
    at = begins.end() - 1
    return f"{written[:at]}&#{ord(written[at])};{written[at + 1 :]}"


def markdown_code(text: str, longest: int | None = None) -> str:
    """Text as code in a sentence or a cell of Markdown: nothing in it is markup, a link or a mention."""
    shown = " ".join(line(text, longest).split()).replace("|", "\\|")
    ticks = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}" if shown else ""


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};"


_RST = pattern(r"[\\`*|]|_(?![A-Za-z0-9])|(?<=:):|(?<=:)/(?=/)|@")
_RST_BLOCK = pattern(
    r"[-+*•‣⁃](?=\s|$)|\(?(?:#|\d+|[A-Za-z]|[ivxlcdmIVXLCDM]+)[.)](?=\s|$)|:\S|>>>|\+[-=]|\.\.(?=\s|$)|[-/]\S.*  "
    r"|([!-/:-@\[-`{-~])\1{3,}\s*$|=+ +=|__(?=\s|$)"
)


def rst(text: str) -> str:
    """A paragraph or a cell of reStructuredText."""
    shown = line(text).strip()
    begins = "\\" if _RST_BLOCK.match(shown) and shown[0] not in "*|`\\_" else ""
    return begins + _RST.sub(r"\\\g<0>", shown)


def html(text: str) -> str:
    """Text between the tags of HTML, or in an attribute."""
    return html_kept(plain(text))


def html_kept(text: str) -> str:
    """The same of a stretch of a line whose columns hold (`same_width`): blanks at its ends are kept."""
    from html import escape

    return escape(text)


_MERMAID = str.maketrans({letter: f"#{ord(letter)};" for letter in "\\`%{}"} | {
    "#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;",
})  # fmt: skip


def mermaid(text: str) -> str:
    """The text of a box or an arrow, between quotation marks."""
    return plain(text).translate(_MERMAID)


def dot(text: str) -> str:
    """Text between quotation marks of Graphviz, in which a backslash begins a name of something."""
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


_LATEX = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "·": r"$\cdot$", "<": r"$<$", ">": r"$>$",
    "×": r"$\times$",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "→": r"$\rightarrow$", "…": r"\dots{}",
})  # fmt: skip


def latex(text: str) -> str:
    """Text in a paragraph or a cell of LaTeX, without a package."""
    return line(text).translate(_LATEX)


# ---- data ------------------------------------------------------------------------------------------------------------


def json(value: object) -> str:
    """JSON with one value a line, for people and machines: it says exactly what is in it, in characters that print."""
    from json import dumps

    text = dumps(value, indent=1, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e\n]|#(?=#\w*\[)|<(?=[A-Za-z/!?])", lambda match: _in_json(match.group()), text)


def _in_json(letter: str) -> str:
    from json import dumps

    if letter in "#<":
        return f"\\u{ord(letter):04x}"
    return letter if letter.isprintable() else dumps(letter)[1:-1]


def script(value: object) -> str:
    """JSON in ASCII on one line, inside a `script` element of HTML: nothing in it ends the element or begins a tag."""
    from json import dumps

    text = dumps(value, separators=(",", ":"))
    return re.sub("[<>&]", lambda match: f"\\u{ord(match.group()):04x}", text)


def yaml(text: str) -> str:
    """Text between double quotation marks of YAML, which reads it back equal."""
    from json import dumps

    return _PLAIN.sub(_in_yaml, dumps(text, ensure_ascii=False))


def _in_yaml(match: re.Match[str]) -> str:
    return match.group() if match.group().isprintable() else _escape(match)


def csv(text: str) -> str:
    """Text in a cell of CSV: no spreadsheet takes it for a formula."""
    shown = line(text)
    return f"'{shown}" if shown.lstrip()[:1] in ("=", "+", "-", "@", "|", "%") else shown


_ILLEGAL = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # in XML 1.0; slow to compile, and seldom needed


def xml(text: str) -> str:
    """What XML may hold, line breaks kept; whoever writes the document escapes its `<` and `&`."""
    return re.sub(_ILLEGAL, _escape, report(text))


def annotation(text: str) -> str:
    """The message of a workflow command, as GitHub reads it back."""
    return line(text).replace("%", "%25")


def annotated(text: str) -> str:
    """A property of a workflow command."""
    return annotation(text).replace(":", "%3A").replace(",", "%2C")


def sarif(text: str) -> str:
    """A message of SARIF: nothing in it is a link."""
    return line(text).replace("](", "] (")


def uri(path: str) -> str:
    """A path as SARIF and editors name files: relative as it is, absolute with its scheme."""
    from urllib.parse import quote

    named = quote(path, errors="surrogatepass")
    return f"file://{named}" if named.startswith("/") else named


__all__ = [
    "annotated", "annotation", "csv", "dot", "html", "html_kept", "json", "latex", "line", "lines",
    "markdown", "markdown_code", "markdown_paragraph", "mermaid", "plain", "report", "rst",
    "same_width", "sarif", "script", "uri", "xml", "yaml",
]  # fmt: skip
