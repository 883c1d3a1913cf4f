"""What strangers write: one spec, one model file and one folder whose every text is hostile go through every command,
format and region, and what comes out is read by what will read it: it holds nothing but text.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from running import Done, run

from archcalc import escapes
from archcalc.render import FORMATS

TEXT = (
    "::error::pwn\r\n::error file=a::pwn\n##[add-mask]x ##vso[task.x]y\n# Heading\n- item\n> quote\n\n"
    ".. raw:: html\n\n   <script>alert(1)</script>\n\n![i](http://e.org/i.png) [l](javascript:alert(1)) <http://e.org> "
    "https://e.org www.e.org @everyone `code` *a* **b** _c_ |x|_ :role:`x` |_ \\input{/etc/passwd} \\write18{id} $x$ "
    "%%{init: {}}%% {{ site }} {% include x %} &lt;b&gt; <!-- archcalc: end --> --> ``` ~~~ \x1b[31m \x1b]0;t\x07 \x9b1m "
    "\u202egnp\u2066 \u200b\u2028\u2029\x85\0 ]]> \" ' ,x;y =1+1 ::"
)
NAMES = [
    TEXT,
    *(
        f"{start}pwn {TEXT}"
        for start in (
            "=cmd|' /C calc'!A0 ",
            "@SUM(1) ",
            "-1+1 ",
            "+1 ",
            "1. ",
            "| ",
            "::: ",
            "    ",
            "% ",
            "__ ",
            "a) ",
        )
    ),
]


def quoted(text: str) -> str:
    return json.dumps(text)  # which YAML reads between double quotation marks


def spec(name: str = TEXT, width: int = 3) -> str:
    told = quoted(name)
    return f"""\
archcalc: 1
name: {told}
paper: {told}
input: [3, size, 8]
params: {{size: {{default: 8, min: 4}}}}
blocks:
  unit(c): [conv c 3x3 norm=bn act=relu, conv c 1x1]
layers:
  - stem: unit {width}
  - gap
  - linear 2
reference:
  - {{params: 1, source: {told}, note: {told}}}
budget:
  params: {{max: 1}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.fixture
def archcalc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    def command(*words: str, codes: tuple[int, ...] = (0,), columns: int | None = None) -> Done:
        done = run(capsys, monkeypatch, *words, columns=columns)
        assert done.code in codes, done.err
        is_harmless(done.out if "github" not in words else "\n".join(_text_of(done.out)))
        is_harmless(done.err)
        return done

    return command


def is_harmless(text: str) -> None:
    """No terminal obeys it, no build machine does, and nothing turns the direction of what follows."""
    assert [
        letter for letter in text if not letter.isprintable() and not (letter == "\n" or letter in "\u2003\xa0")
    ] == []
    assert re.findall(r"(?m)^\s*::|##\w*\[", text) == []


def _text_of(output: str) -> Iterator[str]:
    """What of the format `github` is text: annotations are looked at by themselves."""
    for line in output.split("\n"):
        if not re.match(r"::(error|warning|notice) [^:]*::|::(stop-commands::)?[0-9a-f]{16,}(::)?$", line):
            yield line


# ---- readers ---------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_comment(self, data: str) -> None:
        self.seen.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.seen.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.seen.append("instruction")


def in_html(text: str) -> None:
    found = Tags(text)
    assert set(found.seen) <= {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}
    assert set(found.attributes) <= {"style"}


def in_markdown(text: str, *more: str) -> None:
    """`more` are tokens that belong to the document."""
    markdown_it = pytest.importorskip("markdown_it")
    reader = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = [token for block in reader.parse(text) for token in (block, *(block.children or ()))]
    found = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    allowed = {"table", "thead", "tbody", "tr", "th", "td", "inline", "paragraph", "text", "softbreak", "strong"}
    assert found <= {*allowed, "code_inline", *more}, found
    for token in tokens:
        if token.type == "text":
            assert not re.search(r"\{\{|\{%", token.content) or "{{" not in text


def in_rst(text: str, *more: str) -> None:
    core, nodes = pytest.importorskip("docutils.core"), pytest.importorskip("docutils.nodes")
    told = io.StringIO()
    tree = core.publish_doctree(
        text, settings_overrides={"warning_stream": told, "raw_enabled": True, "file_insertion_enabled": False}
    )
    assert told.getvalue() == "", text
    for message in list(tree.findall(nodes.system_message)):  # what docutils thinks of our `%`, which it doesn't print
        message.parent.remove(message)
    found = {type(node).__name__ for node in tree.findall(nodes.Node)}
    allowed = {
        "document",
        "paragraph",
        "table",
        "tgroup",
        "colspec",
        "thead",
        "tbody",
        "row",
        "entry",
        "strong",
        "Text",
    }
    assert found <= {*allowed, *more}, found


COMMANDS = r"\\(begin|end)\{tabular\}|\\(toprule|midrule|bottomrule|hline|raggedright|arraybackslash|linewidth|quad|textbackslash|textasciitilde|textasciicircum|textbar|textquotedbl|dots|cdot|times|rightarrow|lceil|rceil|mathit|left|right|lfloor|rfloor|frac)\b|\\[&%$#_{}\\]"


def in_latex(text: str) -> None:
    for line in text.split("\n"):
        if not line.startswith("%"):
            assert "\\" not in re.sub(COMMANDS, "", line), line
            assert "%" not in line.replace("\\%", ""), line


def test_latex_compiles(folder: Path, archcalc: Any) -> None:
    """The whole table, in a document of its own; `-no-shell-escape` is the reader's, not ours to count on."""
    tex = shutil.which("pdflatex") or shutil.which("tectonic")
    if tex is None:
        pytest.skip("there is no TeX here")
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    packages = "\\usepackage{booktabs,array,amsmath,amssymb,tabularx}"
    for words in ([], ["--depth", "0"], ["--free", "size"]):
        table = archcalc("count", "net.yaml", "--format", "latex", *words).out
        text = f"\\documentclass{{article}}{packages}\\begin{{document}}{table}\\end{{document}}"
        Path("t.tex").write_text(text, encoding="utf-8")
        more = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in tex else []
        done = subprocess.run([tex, *more, "t.tex"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:]


WORDS = ("network", "layer", "name", "op", "operation", "text", "block", "inputs")


def in_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == text.count("\n") + 1
    words = [n for n, name in enumerate(rows[0]) if name in WORDS]
    assert words
    assert [cell for row in rows for cell in (row[n] for n in words) if cell.lstrip()[:1] in tuple("=+-@")] == []


READERS: dict[str, Callable[[str], None]] = {
    "html": in_html, "markdown": in_markdown, "rst": in_rst, "latex": in_latex, "csv": in_csv, "json": lambda text: json.loads(text),
    "table": lambda text: None,
}  # fmt: skip

# ---- a spec ----------------------------------------------------------------------------------------------------------


def test_every_format_has_a_reader_here() -> None:
    assert list(FORMATS) == [name for name in FORMATS if name in READERS], (
        "what reads a format shows what is text in it"
    )


@pytest.mark.parametrize("form", FORMATS)
def test_the_escape_that_a_format_names_makes_text_harmless(form: str) -> None:
    for name in NAMES:
        written = getattr(escapes, FORMATS[form].escape)(name)
        is_harmless(written)
        assert "\n" not in written


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_format_of_count_takes_a_name_for_more_than_text(folder: Path, archcalc: Any, form: str, name: str) -> None:
    Path("net.yaml").write_text(spec(name), encoding="utf-8")
    for words in ([], ["--depth", "0"], ["--by", "op"], ["--free", "size"], ["--columns", "layer,op,inputs,line,macs"]):
        done = archcalc("count", "net.yaml", "--format", form, *words)
        READERS[form](done.out.rstrip("\n"))
    if form == "json":
        assert json.loads(done.out)["name"] == name


def test_every_other_command_prints_it_as_text(folder: Path, archcalc: Any) -> None:
    pytest.importorskip("onnxruntime")
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    Path("other.yaml").write_text(spec(TEXT + "other", 5), encoding="utf-8")
    archcalc("count", "net.yaml", columns=60)
    archcalc("check", "net.yaml", codes=(1,))
    assert archcalc("check", "net.yaml", "--format", "json", codes=(1,)).out.startswith("{")
    archcalc("budget", "net.yaml")
    archcalc("diagram", "net.yaml")
    archcalc("expand", "net.yaml")
    archcalc("explain", "net.yaml")
    archcalc("explain", "net.yaml", "--format", "json")
    archcalc("predict", "net.yaml", "--device", "t4")
    archcalc("verify", "net.yaml")
    archcalc("verify", "net.yaml", "--json")
    archcalc("measure", "net.yaml", "other.yaml", "--runs", "2")
    archcalc("measure", "net.yaml", "--runs", "2", "--json")
    archcalc("export", "net.yaml", "-o", "net.onnx")
    archcalc("import", "net.onnx")
    for form in FORMATS:
        READERS[form](archcalc("count", "net.onnx", "--format", form).out.rstrip("\n"))


ASKED = [
    ["memory", "net.yaml"], ["memory", "net.yaml", "--json"], ["memory", "net.yaml", "--train"],
    ["sweep", "net.yaml", "--over", "size=8,12"], ["sweep", "net.yaml", "--over", "size=8,12", "--format", "markdown"],
    ["sweep", "net.yaml", "--over", "size=8,12", "--format", "csv"], ["sweep", "net.yaml", "--over", f"{TEXT}=8,12"],
    ["solve", "net.yaml", "--maximize", "size", "--over", "size=8,12"], ["solve", "net.yaml", "--maximize", TEXT],
    ["advise", "net.yaml"], ["zoo", "--where", TEXT], ["zoo", TEXT], ["devices", TEXT], ["ops", TEXT],
    ["count", "net.yaml", "--set", f"{TEXT}=1"], ["count", "net.yaml", "--columns", TEXT], ["memory", "net.yaml", "--fit", TEXT],
    ["predict", "net.yaml", "--device", TEXT], ["plot", "net.yaml", "--kind", TEXT], ["report", TEXT], ["schema", TEXT],
]  # fmt: skip


@pytest.mark.parametrize("words", ASKED, ids=lambda words: " ".join(words).replace(TEXT, "TEXT"))
def test_a_command_that_reads_it_says_it_as_text(folder: Path, archcalc: Any, words: list[str]) -> None:
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    done = archcalc(*words, codes=(0, 1, 2))
    assert done.code == 2 or TEXT not in words
    assert done.out + done.err


PICTURES = [
    ["diagram", "net.yaml", "--format", "svg"], ["plot", "net.yaml", "--kind", "bars"],
    ["plot", "net.yaml", "--kind", "treemap"], ["plot", "net.yaml", "--kind", "roofline", "--device", "t4"],
]  # fmt: skip


@pytest.mark.parametrize("words", PICTURES, ids=" ".join)
def test_a_picture_holds_shapes_and_text(folder: Path, archcalc: Any, words: list[str]) -> None:
    """No script, no link, nothing from elsewhere: XML that any reader takes, of elements that draw."""
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    archcalc(*words, "-o", "p.svg")
    root = ElementTree.parse("p.svg").getroot()
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "g", "rect", "text", "tspan", "line", "path", "polyline", "polygon", "circle", "title", "desc", "style", "defs",
        "marker", "clipPath",
    }  # fmt: skip
    attributes = {name.rpartition("}")[2] for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name.startswith("on") or name in ("href", "src")}
    is_harmless("".join(root.itertext()))


def test_a_report_has_no_element_that_is_not_ours(folder: Path, archcalc: Any) -> None:
    for name, text in (("tame.yaml", "n"), ("net.yaml", TEXT), ("more.yaml", f"</script></style>{TEXT}")):
        Path(name).write_text(spec(text), encoding="utf-8")
        archcalc("report", name, "-o", name.replace("yaml", "html"))
    pages = [Tags(Path(name).read_text(encoding="utf-8")) for name in ("tame.html", "net.html", "more.html")]
    for page in pages[1:]:
        assert (set(page.seen), set(page.attributes)) == (set(pages[0].seen), set(pages[0].attributes))
        assert page.seen.count("script") == pages[0].seen.count("script")


def test_an_editor_is_told_text(folder: Path) -> None:
    pytest.importorskip("pygls")
    from pygls.workspace import TextDocument

    from archcalc.editor.analysis import analysed
    from archcalc.editor.server import _diagnostic
    from archcalc.findings import sarif

    for text in (spec(), *MISTAKES.values()):
        found = analysed(text, "net.yaml", variants=True)
        assert found.findings
        is_harmless(sarif(found.findings, "1"))
        for finding in found.findings:
            is_harmless(_diagnostic(TextDocument("file:///net.yaml", text), finding, "net.yaml").message)


@pytest.mark.parametrize("field", ["model_type", "architectures", TEXT])
def test_a_configuration_of_strangers(folder: Path, archcalc: Any, field: str) -> None:
    Path("config.json").write_text(json.dumps({"model_type": "gpt2", field: TEXT}), encoding="utf-8")
    archcalc("count", "config.json", codes=(0, 2))


@pytest.mark.parametrize("form", ["text", "markdown", "json", "github", "junit"])
def test_a_comparison_in_every_format(folder: Path, archcalc: Any, form: str) -> None:
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    Path("other.yaml").write_text(spec(TEXT + "other", 5).replace("size: {", "more: 1, size: {"), encoding="utf-8")
    done = archcalc("compare", "net.yaml", "other.yaml", "--format", form, codes=(1,))
    if form == "junit":
        root = ElementTree.fromstring(done.out.encode())
        assert {element.tag for element in root.iter()} <= {
            "testsuites",
            "testsuite",
            "testcase",
            "failure",
            "skipped",
            "system-out",
        }
    elif form == "json":
        assert json.loads(done.out)["models"][0]["head"]["name"] == TEXT + "other"
    elif form == "markdown":
        body = re.sub(
            r"(?m)^<(details><summary><code>|/details>|sub>)|</code>|</summary>|</sub>|^<!-- archcalc:\S+ -->$",
            "",
            done.out,
        )
        in_markdown(body, "heading", "list_item", "bullet_list")
    elif form == "github":
        for line in done.out.split("\n"):
            assert re.match(
                r"::(error|warning|notice) file=[^:,]*,line=\d+,col=\d+,title=[^:]*::", line
            ) or not line.startswith("::e")


def test_every_region_of_a_document(folder: Path, archcalc: Any) -> None:
    Path("net.yaml").write_text(spec(), encoding="utf-8")
    Path("other.yaml").write_text(spec(TEXT + "other", 5), encoding="utf-8")
    commands = [
        "table net.yaml", "table net.yaml --depth 0", "models net.yaml other.yaml --columns name,network,paper,params", "diagram net.yaml",
        "diff net.yaml other.yaml", "diff net.yaml other.yaml --by layer", "formula net.yaml macs --free size", "value net.yaml input",
    ]  # fmt: skip
    for command in commands:
        Path("page.md").write_text(f"<!-- archcalc: {command} -->\n<!-- archcalc: end -->\n", encoding="utf-8")
        Path("page.rst").write_text(f".. archcalc: {command}\n.. archcalc: end\n", encoding="utf-8")
        archcalc("docs", "page.md", "page.rst")
        archcalc("docs", "page.md", "page.rst", "--check")
        page, other = (Path(name).read_text(encoding="utf-8") for name in ("page.md", "page.rst"))
        for text in (page, other):
            is_harmless(text)
        in_markdown(re.sub(r"(?m)^<!-- archcalc: .* -->$", "", page), *(["fence"] if "diagram" in command else []))
        if "diagram" not in command:
            in_rst(other, "comment", *(["math_block"] if "formula" in command else []))


MISTAKES = {
    "an unknown key": f"archcalc: 1\n{quoted(TEXT)}: 1\n",
    "an unknown layer": f"archcalc: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n  - {quoted(TEXT)}\n  - {quoted('a ' + TEXT)}: relu\n",
    "a requirement": f"archcalc: 1\nname: n\ninput: [3, 8, 8]\nparams: {{a: 1}}\nrequire: [{quoted('a > 1 : ' + TEXT)}]\nlayers: [relu]\n",
    "a parameter": f"archcalc: 1\nname: n\ninput: [3, 8, 8]\nparams: {{{quoted(TEXT)}: 1}}\nlayers: [relu]\n",
    "a variant": f"archcalc: 1\nname: n\ninput: [3, 8, 8]\nvariants: {{{quoted(TEXT)}: {{a: 1}}}}\nlayers: [relu]\n",
    "a budget": f"archcalc: 1\nname: n\ninput: [3, 8, 8]\nlayers: [relu]\nbudget: {{params: {{max: {quoted(TEXT)}}}}}\n",
    "an anchor": "archcalc: 1\nname: *\u202ex\n",
    "no YAML": "archcalc: 1\n\x1b[31m::error::\n",
    "plain": "archcalc: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n  - ##[group] ::error::x\n  - conv ##[x] \u202e3x3\n",
}


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_messages_quote_it_as_text(folder: Path, archcalc: Any, text: str) -> None:
    Path("net.yaml").write_text(text, encoding="utf-8")
    for command in ("count", "check"):
        assert "net.yaml:" in archcalc(command, "net.yaml", codes=(2,)).err


# ---- names of files and folders --------------------------------------------------------------------------------------

NAME = "::error::pwn\n##[group]\x1b[31m\u202e@x"


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_names_of_files_and_folders_are_text(folder: Path, archcalc: Any) -> None:
    inside = folder / NAME
    inside.mkdir()
    file = inside / f"{NAME}.yaml"
    file.write_text(spec("n"), encoding="utf-8")
    (inside / f"{NAME}z.yaml").write_text("openapi: 3\n", encoding="utf-8")
    os.mkfifo(inside / f"{NAME}fifo.yaml")
    name = str(file.relative_to(folder))
    for form in FORMATS:
        READERS[form](archcalc("count", name, "--format", form).out.rstrip("\n"))
    archcalc("count", NAME)
    archcalc("count", f"{NAME}/none.yaml", codes=(2,))
    archcalc("count", NAME + "none", codes=(2,))
    archcalc("check", NAME, codes=(1,))
    archcalc("compare", name, name, codes=(0, 1))
    archcalc("compare", name, "--base", NAME, codes=(2,))
    (folder / f"{NAME}.md").write_text("x <!-- archcalc: value none.yaml params --><!-- archcalc: end -->\n")
    archcalc("docs", f"{NAME}.md", codes=(2,))
    archcalc("docs", ".", codes=(2,))
    archcalc(f"--{NAME}", codes=(2,))
    archcalc("count", f"--{NAME}", codes=(2,))
    archcalc("count", "lenet", "--format", NAME, codes=(2,))
    archcalc("count", "lenet", "--set", f"{NAME}=1", codes=(2,))
    archcalc(NAME, codes=(2,))


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_the_list_of_tensors_holds_names_as_text(folder: Path, archcalc: Any, form: str) -> None:
    pytest.importorskip("onnx")
    from onnx_files import node, weights, write

    made = [node("Conv", [TEXT, f"={TEXT}"], ["y"], name=TEXT)]
    write(folder / "m.onnx", made, {TEXT: [1, 3, 8, 8]}, ["y"], name=TEXT, **{f"={TEXT}": weights(4, 3, 3, 3)})
    out = archcalc("count", "m.onnx", "--tensors", "--format", form).out.rstrip("\n")
    READERS[form](re.sub(r"(?m)^\*\*.*$", "", out) if form == "markdown" else out)
    archcalc("memory", "m.onnx")
    archcalc("verify", "m.onnx", codes=(0, 1, 2))


def test_a_model_file_whose_names_are_hostile(folder: Path, archcalc: Any) -> None:
    pytest.importorskip("onnx")
    from onnx_files import node, weights, write

    nodes = [
        node("Conv", [TEXT, "w" + TEXT], ["a" + TEXT], name=TEXT),
        node("Odd" + TEXT, ["a" + TEXT], ["b" + TEXT], name="b" + TEXT, domain="d" + TEXT),
        node("Relu", ["a" + TEXT], ["y" + TEXT], name="c" + TEXT),
    ]
    domains = {"d" + TEXT: 1}
    write(
        folder / "m.onnx",
        nodes,
        {TEXT: ["n" + TEXT, 3, 8, 8]},
        ["y" + TEXT, "b" + TEXT],
        name=TEXT,
        producer=TEXT,
        domains=domains,
        **{"w" + TEXT: weights(4, 3, 3, 3)},
    )
    write(
        folder / "good.onnx",
        [nodes[0], nodes[2]],
        {TEXT: ["n" + TEXT, 3, 8, 8]},
        ["y" + TEXT],
        name=TEXT,
        producer=TEXT,
        **{"w" + TEXT: weights(4, 3, 3, 3)},
    )
    for form in FORMATS:
        for words in ([], ["--depth", "0"], ["--columns", "layer,op,inputs,macs"]):
            READERS[form](archcalc("count", "m.onnx", "--format", form, *words).out.rstrip("\n"))
    archcalc("import", "m.onnx", codes=(0, 2))
    archcalc("import", "good.onnx", "-o", "good.yaml")
    archcalc("count", "good.yaml")
    archcalc("compare", "good.onnx", "good.yaml", codes=(0, 1))
    archcalc("explain", "m.onnx")
    for damage in (b"Conv", b"Relu"):
        (folder / "bad.onnx").write_bytes((folder / "m.onnx").read_bytes().replace(damage, b"\x1b[3\n", 1))
        archcalc("count", "bad.onnx", codes=(0, 2))


# ---- the door --------------------------------------------------------------------------------------------------------


def test_text_stays_what_it_was_where_nothing_is_wrong_with_it() -> None:
    for text in ("ResNet-50", "a/b.yaml:12:3", "größer ≥ 3", "卷积", "x :: y", "a@b", "std::vector", "#1"):
        assert escapes.line(text) == text
    assert escapes.line("a\n b\tc") == "a b c"
    assert escapes.line("\x1b[31m\u202e\0") == "\\x1b[31m\\u202e\\x00"
    assert escapes.line("a" * 9, 5) == "aaaa…"
    assert json.loads(escapes.json({TEXT: [TEXT, 1.5, None]})) == {TEXT: [TEXT, 1.5, None]}
