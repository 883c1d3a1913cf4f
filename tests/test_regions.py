"""`archcalc docs`: regions in Markdown, MyST and reStructuredText, filled, checked, and refused where they can't be."""

import codecs
import os
import re
import stat
from functools import partial
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from running import Command
from tiny import MACS, NET, PARAMS, WIDE

import archcalc as package
from archcalc.algebra import latex
from archcalc.docs.pieces import broken
from archcalc.model import Model


@pytest.fixture
def docs(tmp_path: Path, archcalc: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `archcalc docs` in a folder with `net.yaml`."""
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return partial(archcalc, "docs")


def page(text: str, name: str = "page.md") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def region(command: str, content: str = "") -> str:
    return f"<!-- archcalc: {command} -->\n{content}<!-- archcalc: end -->\n"


def inside(text: str) -> str:
    """What the first region holds."""
    match = re.search(r"-->(.*?)<!-- archcalc: end \(sum: [0-9a-f]{12}\) -->", text, re.DOTALL)
    assert match
    return match.group(1).strip()


# ---- what regions hold -----------------------------------------------------------------------------------------------


def test_a_table_is_filled_and_the_rest_of_the_page_stays(docs) -> None:
    path = page(f"# Title\n\n{region('table net.yaml --columns layer,params,macs')}\nText  \nwith two blanks.")
    assert (docs("page.md").code, docs("page.md", "--check").code) == (0, 0)
    text = path.read_text()
    assert text.startswith("# Title\n\n<!-- archcalc: table net.yaml --columns layer,params,macs -->\n\n| layer ")
    assert text.endswith(") -->\n\nText  \nwith two blanks.")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in inside(text).splitlines()
        if line.startswith("|")
    ]
    assert cells[2:] == [
        ["stem", "448", "442k"],
        ["gap", "0", "0"],
        ["fc", "170", "160"],
        ["**total**", "**618**", "**443k**"],
    ]
    assert f"{PARAMS} parameters, {MACS:,} MACs" in text


def test_a_number_stands_in_a_sentence(docs) -> None:
    exact = "<!-- archcalc: value net.yaml macs --form exact --><!-- archcalc: end -->"
    path = page(f"It has <!-- archcalc: value net.yaml macs --><!-- archcalc: end --> MACs, {exact}.\n")
    assert docs("page.md").code == 0
    assert re.sub(r"<!--.*?-->", "", path.read_text()) == "It has 443k MACs, 442,528.\n"
    assert docs("page.md", "--check").code == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("net.yaml params", "618"),
        ("net.yaml macs", "443k"),
        ("net.yaml macs --form exact", f"{MACS:,}"),
        ("net.yaml macs --form plain", str(MACS)),
        ("net.yaml macs --batch 2 --form plain", str(2 * MACS)),
        ("net.yaml params --layer stem", "448"),
        ("net.yaml params --set width=32", "1.23k"),
        ("net.yaml@wide params --form plain", str(WIDE)),
        ("net.yaml weight_bytes", "2.41 KiB"),  # 618 * 4 / 1024
        ("net.yaml weight_bytes --form exact", "2,472 B"),
        ("net.yaml weight_bytes --dtype int8 --form plain", "696"),  # the 26 biases are int32: 618 + 3*26
        ("net.yaml field", "3"),
        ("net.yaml depth", "2"),
        ("net.yaml shape", "10"),
        ("net.yaml shape --layer stem", "16x32x32"),
        ("net.yaml input", "3x32x32"),
        ("net.yaml input --set size=64", "3x64x64"),
        ("net.yaml params --free width", "38·width + 10"),  # 27w + w + 10w + 10
        ("net.yaml params --free width --form plain", r"38\*width + 10"),
        ("net.yaml params --without fc", "448"),
        ("resnet50 params --form plain", "25557032"),
        ("googlenet params", "7.00M"),
    ],
)
def test_a_value(docs, asked: str, said: str) -> None:
    path = page(f"x <!-- archcalc: value {asked} --><!-- archcalc: end -->")
    assert docs("page.md").code == 0
    assert re.sub(r"<!--.*?-->", "", path.read_text()) == f"x {said}"


def test_models_are_a_row_each_also_by_pattern_and_with_variants(docs) -> None:
    page(NET.replace("Tiny", "Copy"), "more/b.yaml")
    page(NET.replace("Tiny", "Other"), "more/a.yaml")
    page(NET, "other/c.yaml")
    Path(".git").mkdir()  # for a pattern stays in the repository
    path = page(region("models ../net.yaml ../more/*.yaml --columns name"), "other/page.md")
    assert docs("other/page.md").code == 0
    assert re.findall(r"\| (\S+\.yaml)", path.read_text()) == ["../net.yaml", "../more/a.yaml", "../more/b.yaml"]
    path = page(region("models net.yaml more/*.yaml resnet18 --columns name,network,params --form plain"))
    assert docs("page.md").code == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside(path.read_text()).splitlines()[2:]]
    assert rows == [
        ["net.yaml", "Tiny", "618"],
        ["more/a.yaml", "Other", "618"],
        ["more/b.yaml", "Copy", "618"],
        ["resnet18", "ResNet-18", "11689512"],
    ]
    path = page(region("models net.yaml --variants --columns name,params"))
    assert docs("page.md").code == 0
    assert "| net.yaml@wide |  1.23k |" in path.read_text()


def test_a_pattern_stays_in_the_project_of_the_document(docs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(NET, "repo/specs/a.yaml")
    path = page(region("models ../specs/*.yaml --columns name"), "repo/docs/page.md")
    assert (done := docs("repo/docs/page.md")).code == 2
    assert "repo/docs/page.md:1:1: '../specs/*.yaml' leaves the document's project" in done.err
    Path("repo/.git").write_text("gitdir: elsewhere\n")  # as in a worktree
    assert docs("repo/docs/page.md").code == 0
    assert "| ../specs/a.yaml |" in path.read_text()
    monkeypatch.chdir("repo/docs")
    page(region("models ../../*.yaml"), "up.md")
    assert "up.md:1:1: '../../*.yaml' leaves the document's project" in docs("up.md").err
    Path("linked.yaml").symlink_to(tmp_path / "net.yaml")
    page(region("models *.yaml"), "link.md")
    assert "link.md:1:1: linked.yaml, which '*.yaml' matches, leaves the document's project" in docs("link.md").err


def test_a_formula_in_latex_in_unicode_and_as_code(docs) -> None:
    block = page(region("formula net.yaml params --free width"))
    line = page(
        "w: <!-- archcalc: formula net.yaml macs --free width,size --form unicode --><!-- archcalc: end -->", "line.md"
    )
    code = page(
        "w: <!-- archcalc: formula net.yaml params --free width --form text --><!-- archcalc: end -->", "code.md"
    )
    math = page("w: <!-- archcalc: formula net.yaml params --free width --><!-- archcalc: end -->", "math.md")
    assert docs("page.md", "line.md", "code.md", "math.md").code == 0
    assert inside(block.read_text()) == "$$\n38 \\mathit{width} + 10\n$$"
    assert inside(line.read_text()) == "27·size²·width + 10·width"
    assert inside(code.read_text()) == "`38*width + 10`"
    assert inside(math.read_text()) == "$38 \\mathit{width} + 10$"


def test_a_diagram_is_a_fence_of_mermaid(docs) -> None:
    path = page(region("diagram net.yaml --direction LR"))
    assert docs("page.md").code == 0
    tokens = [token for token in MarkdownIt().parse(path.read_text()) if token.type == "fence"]
    assert [token.info for token in tokens] == ["mermaid"]
    lines = tokens[0].content.splitlines()
    assert lines[0] == "flowchart LR"
    assert '    n1 -->|"16x32x32"| n2' in lines
    assert docs("page.md", "--check").code == 0


def test_a_difference_by_total_and_by_layer(docs) -> None:
    page(NET.replace("linear 10", "linear 20"), "new.yaml")
    path = page(region("diff net.yaml new.yaml"))
    layers = page(region("diff net.yaml new.yaml --by layer"), "layers.md")
    ablation = page(region("diff net.yaml net.yaml --without fc --by layer"), "ablation.md")
    same = page(region("diff net.yaml net.yaml --by layer"), "same.md")
    assert docs("page.md", "layers.md", "ablation.md", "same.md").code == 0
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inside(path.read_text()).splitlines()]
    assert rows[0] == ["", "before", "after", "change", "%"]
    assert rows[2] == ["params", "618", "788", "+170", "+27.5"]  # 16*10 + 10 more: 170/618
    assert ["depth", "2", "2", "=", ""] in rows
    assert "| fc    | changed | linear 10 -> linear 20 |   +170 | +160 |" in layers.read_text()
    assert "| fc    | removed | linear 10 |   -170 | -160 |" in ablation.read_text()
    assert inside(same.read_text()) == "No layer changed."


def test_a_network_is_counted_once_for_all_that_ask_the_same(docs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str | None, bool]] = []
    answer = Model.answer
    monkeypatch.setattr(
        Model, "answer", lambda self, question: asked.append((self.variant, question.train)) or answer(self, question)
    )
    commands = ["table net.yaml", "value net.yaml params", "value net.yaml macs", "models net.yaml", "table net.yaml"]
    page("".join(region(command) for command in [*commands, "value net.yaml params --train", "diff net.yaml net.yaml"]))
    again = page(region("table net.yaml --top 1"), "again.md")
    assert docs("page.md", "again.md").code == 0
    assert asked == [(None, False), (None, True), (None, False)]  # the last as a side of the difference
    assert again.read_text().count("\n| ") == 4  # the heading, the dearest layer, what the others are, and the total


def test_markdown_shows_what_a_cell_says(docs) -> None:
    page('archcalc: 1\nname: "a*b*|_c_`d`<e>"\ninput: [4]\nlayers: [relu]\n', "odd.yaml")
    path = page(region("models odd.yaml --columns network,params"))
    assert docs("page.md").code == 0
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text())
    (cell,) = [token for token in tokens if token.type == "inline" and "a" in token.content and "b" in token.content]
    assert cell.children is not None
    assert [(child.type, child.content) for child in cell.children] == [("text", "a*b*|_c_`d`<e>")]


# ---- the three notations ---------------------------------------------------------------------------------------------

RST = """\
Title
=====

.. archcalc: table net.yaml
   --columns layer,params
.. archcalc: end

It has |net-macs| MACs, and an example::

   .. archcalc: table nowhere.yaml

.. code-block:: rst

   .. archcalc: end

.. archcalc: value net.yaml macs --define net-macs

.. archcalc: end

* item

  .. archcalc: formula net.yaml params --free width

  .. archcalc: end
"""


def test_restructuredtext_is_what_docutils_reads(docs) -> None:
    path = page(RST, "page.rst")
    assert docs("page.rst").code == 0
    assert docs("page.rst", "--check").code == 0
    docutils = pytest.importorskip("docutils.core", reason="docutils is not installed")
    tree = docutils.publish_doctree(path.read_text(), settings_overrides={"report_level": 1, "halt_level": 2})
    rows = [
        [entry.astext() for entry in row.findall(lambda node: node.tagname == "entry")]
        for row in tree.findall(lambda node: node.tagname == "row")
    ]
    assert rows == [["layer", "params"], ["stem", "448"], ["gap", "0"], ["fc", "170"], ["total", "618"]]
    assert "It has 443k MACs" in tree.astext()
    assert [node.astext() for node in tree.findall(lambda node: node.tagname == "math_block")] == [
        "38 \\mathit{width} + 10"
    ]
    assert [node.astext() for node in tree.findall(lambda node: node.tagname == "literal_block")] == [
        ".. archcalc: table nowhere.yaml",
        ".. archcalc: end",
    ]


def test_a_long_formula_is_of_several_lines() -> None:
    """Between terms, never inside of brackets or braces; put together again it is what it was."""
    form = latex(package.load("densenet121").count(free="all").totals["macs"])
    shown = broken(form)
    body = shown.removeprefix(r"\begin{aligned} & ").removesuffix(r" \end{aligned}")
    lines = body.split(r" \cr & {} ")
    assert " ".join(lines) == form
    assert len(lines) >= 2
    for line in lines:
        assert (line.count("{"), line.count(r"\left")) == (line.count("}"), line.count(r"\right"))
        assert line[0] in "+-" or line is lines[0]
    assert broken("a + b") == "a + b"
    assert broken("a" * 99 + r" + \frac{" + " + ".join("b" * 40) + "}{2}").count(r"\cr") == 1


def test_a_formula_in_a_sentence_of_restructuredtext_is_a_substitution(docs) -> None:
    docutils = pytest.importorskip("docutils.core", reason="docutils is not installed")
    forms = [
        f".. archcalc: formula net.yaml params --free width --form {form} --define {form}\n.. archcalc: end\n"
        for form in ("latex", "unicode", "text")
    ]
    path = page("\n".join([*forms, "|latex|, |unicode|, |text|\n"]), "page.rst")
    assert docs("page.rst").code == 0
    tree = docutils.publish_doctree(path.read_text(), settings_overrides={"report_level": 2, "halt_level": 2})
    (sentence,) = tree.findall(lambda node: node.tagname == "paragraph")
    assert [(node.tagname, node.astext()) for node in sentence.children if node.tagname != "#text" or "38" in node.astext()] == [
        ("math", "38 \\mathit{width} + 10"), ("#text", "38·width + 10"), ("literal", "38*width + 10"),
    ]  # fmt: skip


def test_wide_letters_and_nested_layers_keep_a_grid_straight(docs) -> None:
    page(
        "archcalc: 1\nname: 网络\ninput: [3, 8, 8]\nblocks:\n  unit: [conv 4 3x3, relu]\nlayers: [a: unit, b_: unit]\n",
        "net.yaml",
    )
    path = page(
        ".. archcalc: table net.yaml --depth 2 --columns layer,op\n.. archcalc: end\n\n.. archcalc: models net.yaml\n.."
        " archcalc: end\n",
        "page.rst",
    )
    assert docs("page.rst").code == 0
    docutils = pytest.importorskip("docutils.core", reason="docutils is not installed")
    tree = docutils.publish_doctree(path.read_text(), settings_overrides={"report_level": 2, "halt_level": 2})
    first = [
        row.next_node(lambda node: node.tagname == "entry").astext()
        for row in tree.findall(lambda node: node.tagname == "row")
    ]
    assert first == [
        "layer",
        "a",
        "\u2003conv",
        "\u2003relu",
        "b_",
        "\u2003conv",
        "\u2003relu",
        "total",
        "network",
        "网络",
    ]


def test_myst_comments_begin_with_a_percent_sign(docs) -> None:
    path = page(
        "% archcalc: table net.yaml --columns layer,params\n% archcalc: end\n\n:::{note}\n% archcalc: value net.yaml"
        " params\n% archcalc: end\n:::\n"
    )
    assert docs("page.md").code == 0
    text = path.read_text()
    assert len(re.findall(r"^% archcalc: end \(sum: \w{12}\)$", text, re.MULTILINE)) == 2
    assert "\n618\n" in text
    assert docs("page.md", "--check").code == 0


def test_a_command_may_go_on_over_several_lines(docs) -> None:
    path = page('<!-- archcalc:\n  table net.yaml\n  --columns "layer, params"\n-->\n<!-- archcalc: end -->\n')
    assert docs("page.md").code == 0
    assert "| stem " in path.read_text()
    assert docs("page.md", "--check").code == 0


@pytest.mark.parametrize("prefix", ["  ", "    ", "> ", "> > "])
def test_a_region_stands_in_a_list_or_a_quotation(docs, prefix: str) -> None:
    body = f"{prefix}<!-- archcalc: table net.yaml -->\n{prefix}<!-- archcalc: end -->\n"
    path = page(("1.  item\n\n" if prefix.isspace() else "") + body)
    assert docs("page.md").code == 0
    filled = path.read_text().splitlines()
    assert all(line.startswith(prefix.rstrip()) for line in filled[2 if prefix.isspace() else 0 :])
    assert f"{prefix}| stem " in path.read_text()
    assert docs("page.md", "--check").code == 0


@pytest.mark.parametrize(
    "example",
    [
        "```md\n<!-- archcalc: table nowhere.yaml -->\n```\n",
        "~~~~\n~~~\n<!-- archcalc: end -->\n~~~~\n",
        "````\n```\n<!-- archcalc: end -->\n```\n````\n",
        "- item\n\n  ```\n  <!-- archcalc: end -->\n  ```\n",
        "> ```\n> <!-- archcalc: end -->\n> ```\n",
        "A `<!-- archcalc: table x -->` marker, and ``a ` <!-- archcalc: end -->``.\n",
        "```\n% archcalc: table x\n```\n",
        "A comment: <!-- nothing of archcalc's -->\n",
    ],
)
def test_markers_in_code_are_examples(docs, example: str) -> None:
    path = page(f"{example}\n{region('value net.yaml params')}\n{example}")
    assert docs("page.md").code == 0
    text = path.read_text()
    assert text.startswith(example)
    assert text.endswith(example)
    assert "\n618\n" in text


@pytest.mark.parametrize(
    "example",
    [
        "```yaml\n- ```\nHERE\n```\n",
        "text\n\n    HERE\n",
        "# Title\n    HERE\n",
        "\tHERE\n",
        "- item\n\n      HERE\n",
        "> text\n\n    HERE\n",
        ">     HERE\n",
        "1.  item\n\n        HERE\n",
        "- item\n  ```\n  HERE\n  ```\n",
        "- ```\n  HERE\n  ```\n",
        "> - ~~~\n>   ```\n>   HERE\n",
        "A `` ` HERE `` and\n`more HERE\nof it`.\n",
        "\\\\`HERE`\n",
        "`a\\` `HERE`\n",
        "*\n\n    HERE\n",
    ],
)
def test_code_is_what_commonmark_takes_for_code(docs, example: str) -> None:
    """Held against another reader of Markdown: it finds the marker inside of code."""
    marker = "<!-- archcalc: table nowhere.yaml -->"
    example = example.replace("HERE", marker)
    tokens = [child for token in MarkdownIt("commonmark").parse(example) for child in (token, *(token.children or ()))]
    code = [token.content for token in tokens if token.type in ("fence", "code_block", "code_inline")]
    assert sum(content.count(marker) for content in code) == example.count(marker)
    path = page(f"{example}\n# Next\n\n{region('value net.yaml params')}")
    assert docs("page.md").code == 0
    assert path.read_text().startswith(example)
    assert "\n618\n" in path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "- the ` key\n- it has HERE\n- and ` again\n",
        "the ` key\n# it has HERE\nand ` again\n",
        "> the ` key\n\nit has HERE\n\n> and ` again\n",
        "an escaped \\` and HERE and \\` another\n",
        "one ` and HERE and `` two\n",
        "- item\n  ```\n  code\n\nit has HERE\n",
        "> ```\n> code\n\nit has HERE\n",
        "<!--\n```\n-->\n\nit has HERE\n",
        "a paragraph\n    that has HERE\n",
        "> a paragraph\n    that has HERE\n",
        "- item\n\n  - item\n\n    it has HERE\n",
        "<details>\n    it has HERE\n</details>\n",
    ],
)
def test_what_commonmark_takes_for_text_is_filled(docs, text: str) -> None:
    text = text.replace("HERE", "<!-- archcalc: value net.yaml params --><!-- archcalc: end -->")
    tokens = [child for token in MarkdownIt("commonmark").parse(text) for child in (token, *(token.children or ()))]
    assert [
        token.type
        for token in tokens
        if token.type in ("fence", "code_block", "code_inline") and "archcalc:" in token.content
    ] == []
    path = page(text)
    assert docs("page.md").code == 0
    assert re.sub(r"<!-- archcalc.*?-->", "", path.read_text()).count("618") == 1
    assert docs("page.md", "--check").code == 0


@pytest.mark.parametrize(
    "text",
    [
        "!!! note\n\n    it has HERE\n",
        '??? note "Title"\n\n    it has HERE\n',
        '=== "Tab"\n\n    - item\n\n        it has HERE\n',
        "A note[^1].\n\n[^1]: Text\n\n    it has HERE\n",
        "Term\n\n:   Definition\n\n    it has HERE\n",
        "| a ` tick | b |\n|---|---|\n| x | HERE |\n| ` | y |\n",
    ],
)
def test_what_mkdocs_indents_is_text(docs, text: str) -> None:
    path = page(text.replace("HERE", "<!-- archcalc: value net.yaml params --><!-- archcalc: end -->"))
    assert docs("page.md").code == 0
    assert re.sub(r"<!--.*?-->", "", path.read_text()) == text.replace("HERE", "618")


def test_code_that_is_indented_in_what_mkdocs_indents_and_preformatted_html_are_examples(docs) -> None:
    marker = "<!-- archcalc: table nowhere.yaml -->"
    example = f"!!! note\n\n        {marker}\n\n<pre>\n{marker}\n\n{marker}\n</pre>\n\n<PRE>{marker}</PRE>\n\n"
    path = page(f"{example}{region('value net.yaml params')}")
    assert docs("page.md").code == 0
    assert path.read_text().startswith(example)


@pytest.mark.parametrize(
    "text",
    [
        "> <!-- archcalc: models net.yaml\n>  --columns network,params\n> -->\n> <!-- archcalc: end -->\n",
        ">> <!-- archcalc: models\n> >net.yaml\n>> --columns network,params -->\n>> <!-- archcalc: end -->\n",
        "- item\n\n  > <!-- archcalc: value\n  > net.yaml params -->\n  > <!-- archcalc: end -->\n",
        "> It has <!-- archcalc: value\r\n> net.yaml params --><!-- archcalc: end -->\r\n",
    ],
)
def test_a_command_goes_on_in_a_quotation(docs, text: str) -> None:
    path = page(text)
    assert docs("page.md").code == 0
    assert "618" in re.sub(r"<!--.*?-->", "", path.read_bytes().decode(), flags=re.DOTALL)
    assert docs("page.md", "--check").code == 0


# ---- staleness and hand edits ----------------------------------------------------------------------------------------


def test_a_change_of_the_spec_makes_a_page_stale(docs) -> None:
    path = page(region("value net.yaml params"))
    docs("page.md")
    Path("net.yaml").write_text(NET.replace("width: 16}", "width: 32}"))
    before = path.read_bytes()
    done = docs("page.md", "--check")
    assert (done.code, path.read_bytes()) == (1, before)
    assert "\n-618\n" in done.out
    assert "\n+1.23k\n" in done.out
    assert done.out.startswith("--- page.md\n+++ page.md (refreshed)\n@@ ")
    assert done.err == "out of date; run: archcalc docs page.md\n"
    assert docs("page.md").out == "page.md: 1 region, refreshed\n"
    assert docs("page.md").out == "page.md: 1 region, unchanged\n"
    assert docs("page.md", "--quiet").out == ""


def test_what_was_edited_by_hand_is_not_overwritten(docs) -> None:
    path = page(region("value net.yaml params"))
    docs("page.md")
    path.write_text(path.read_text().replace("618", "619"))
    before = path.read_bytes()
    for words in ([], ["--check"]):
        done = docs("page.md", *words)
        assert (done.code, path.read_bytes()) == (1, before)
        assert "page.md:1:1: this region was edited by hand" in done.err
    assert docs("page.md", "--force").code == 0
    assert "\n618\n" in path.read_text()


def test_an_edit_that_says_what_archcalc_would_say_is_fine(docs) -> None:
    """As after a merge: the content is right, the sum is another's."""
    path = page(region("value net.yaml params"))
    docs("page.md")
    right = path.read_text()
    path.write_text(re.sub(r"sum: \w+", "sum: 0123456789ab", right))
    assert (docs("page.md", "--check").code, docs("page.md").code) == (1, 0)
    assert path.read_text() == right


def test_another_command_or_another_indentation_is_no_hand_edit(docs) -> None:
    path = page(region("table net.yaml"))
    docs("page.md")
    other = path.read_text().replace("table net.yaml", "table net.yaml --depth 0")
    path.write_text("- item\n" + "".join(f"  {line}" if line.strip() else line for line in other.splitlines(True)))
    assert docs("page.md").code == 0


@pytest.mark.parametrize(
    "text",
    [
        region("value net.yaml params", "about 600\n"),
        "x <!-- archcalc: value net.yaml params -->about 600<!-- archcalc: end -->",
    ],
)
def test_what_stood_there_before_archcalc_came_is_not_overwritten_either(docs, text: str) -> None:
    path = page(f"\n{text}\n")
    for words in ([], ["--check"]):
        done = docs("page.md", *words)
        assert (done.code, path.read_text()) == (1, f"\n{text}\n")
        assert re.match(r"page\.md:2:[13]: this region holds text that archcalc did not write\n", done.err)
    assert docs("page.md", "--force").code == 0
    assert "about" not in path.read_text()
    assert "618" in path.read_text()


def test_what_archcalc_would_write_may_stand_there_already(docs) -> None:
    path = page(region("value net.yaml params", "618\n"))
    assert docs("page.md").code == 0
    assert re.search(r"end \(sum: \w{12}\)", path.read_text())


def test_one_edited_region_keeps_every_file_as_it_was(docs) -> None:
    one, two = page(region("value net.yaml params"), "one.md"), page(region("value net.yaml params"), "two.md")
    docs("one.md")
    one.write_text(one.read_text().replace("618", "619"))
    assert docs("one.md", "two.md").code == 1
    assert "618" not in two.read_text()


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_line_endings_and_encoding_are_kept(docs, newline: str, mark: bytes, encoding: str) -> None:
    text = f"# Größe ⌈x⌉\n\n{region('formula net.yaml macs --free size --form unicode')}\nEnde"
    Path("page.md").write_bytes(mark + text.replace("\n", newline).encode(encoding))
    assert docs("page.md").code == 0
    data = Path("page.md").read_bytes()
    assert data.startswith(mark)
    filled = data[len(mark) :].decode(encoding)
    assert "432·size² + 160" in filled
    assert filled.count("\n") == filled.count(newline)
    assert filled.endswith(f"{newline}{newline}Ende")
    assert docs("page.md", "--check").code == 0


def test_git_may_change_the_line_endings(docs) -> None:
    path = page(region("table net.yaml"))
    docs("page.md")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert docs("page.md", "--check").code == 0


def test_a_page_that_is_current_is_not_touched(docs) -> None:
    path = page(region("table net.yaml"))
    docs("page.md")
    before = path.stat()
    docs("page.md")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_permissions_and_links_are_kept(docs) -> None:
    path = page(region("table net.yaml"), "real.md")
    path.chmod(0o640)
    Path("page.md").symlink_to("real.md")
    assert docs("page.md").code == 0
    assert Path("page.md").is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "| stem " in path.read_text()
    assert sorted(file.name for file in Path().iterdir()) == ["net.yaml", "page.md", "real.md"]


def test_specs_are_looked_for_beside_the_document(docs) -> None:
    page(NET.replace("width: 16", "width: 32"), "docs/net.yaml")
    here = page(region("value net.yaml params"))
    there = page(
        region("value net.yaml params") + region("value ../net.yaml params") + region("value googlenet params"),
        "docs/page.md",
    )
    assert docs("page.md", "docs/page.md").code == 0
    assert "\n618\n" in here.read_text()
    assert re.findall(r"^\d.*$", there.read_text(), re.MULTILINE) == ["1.23k", "618", "7.00M"]


def test_a_file_beside_the_document_comes_before_a_network_that_ships(docs) -> None:
    page(NET, "googlenet")
    path = page(region("value googlenet params"))
    assert docs("page.md").code == 0
    assert "\n618\n" in path.read_text()


def test_a_spec_with_spaces_and_letters_of_other_scripts(docs) -> None:
    page(NET, "mein Netz ü.yaml")
    path = page(region('value "mein Netz ü.yaml" params'), "Seite eins.md")
    assert docs("Seite eins.md").code == 0
    assert "\n618\n" in path.read_text()


def test_a_folder_stands_for_its_documents_with_regions(docs) -> None:
    page("nothing\n", "docs/plain.md")
    page("```\n<!-- archcalc: table x -->\n```\n", "docs/example.md")
    page(region("value nowhere.yaml params"), "docs/.hidden/page.md")
    page(region("value nowhere.yaml params"), "docs/node_modules/page.md")
    path = page(region("value ../../net.yaml params"), "docs/deep/page.md")
    assert docs("docs").out == "docs/deep/page.md: 1 region, refreshed\n"
    assert "\n618\n" in path.read_text()
    path.unlink()
    done = docs("docs")
    assert (done.code, "no document in it has region of archcalc" in done.err) == (2, True)


def test_a_link_leads_to_the_document_and_to_what_stands_beside_that(docs) -> None:
    page(NET.replace("width: 16", "width: 32"), "docs/net.yaml")
    path = page(region("value net.yaml params"))
    Path("docs/index.md").symlink_to("../page.md")
    page(region("value net.yaml params"), "docs/real.md")
    Path("a.md").symlink_to("docs/real.md")
    assert docs("docs/index.md").code == 0
    assert "\n618\n" in path.read_text()
    assert (
        docs("a.md", "docs/index.md", "page.md").out
        == "a.md: 1 region, refreshed\ndocs/index.md: 1 region, unchanged\n"
    )
    assert "\n1.23k\n" in Path("docs/real.md").read_text()
    assert docs(".").out == "page.md: 1 region, unchanged\ndocs/real.md: 1 region, unchanged\n"
    assert docs("page.md", "docs").out == "page.md: 1 region, unchanged\ndocs/real.md: 1 region, unchanged\n"


def test_a_linked_folder_is_where_it_really_is(docs) -> None:
    page(NET.replace("width: 16", "width: 32"), "deep/net.yaml")
    path = page(region("value ../net.yaml params"), "deep/docs/page.md")
    Path("docs").symlink_to("deep/docs", target_is_directory=True)
    assert docs("docs/page.md").out == "docs/page.md: 1 region, refreshed\n"
    assert "\n1.23k\n" in path.read_text()


def test_in_a_folder_what_is_no_text_or_no_file_and_holds_no_marker_is_passed_over(docs) -> None:
    page(region("value net.yaml params"))
    Path("latin.md").write_bytes(b"caf\xe9\n")
    Path("dangling.md").symlink_to("nowhere.md")
    Path("folder.md").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.md")
    assert docs(".").out == "page.md: 1 region, refreshed\n"
    Path("wide.md").write_bytes(codecs.BOM_UTF16_LE + region("value net.yaml params").encode("utf-16-le"))
    assert docs(".").out == "page.md: 1 region, unchanged\nwide.md: 1 region, refreshed\n"
    Path("latin.md").write_bytes(b"caf\xe9\n" + region("value net.yaml params").encode())
    done = docs(".")
    assert (done.code, "latin.md:1:1: not a text file: byte 0xe9 at offset 3 is not UTF-8" in done.err) == (2, True)


# ---- refusals: exit 2, with file and line, and nothing written -------------------------------------------------------

GOOD = region("value net.yaml params")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no region\n", "page.md:1:1: there is no region of archcalc"),
        ("\n<!-- archcalc: table net.yaml -->\n", "page.md:2:1: this region has no end: `<!-- archcalc: end -->`"),
        (f"<!-- archcalc: table net.yaml -->\n{GOOD}", "page.md:1:1: this region has no end"),
        ("x\n<!-- archcalc: end -->\n", "page.md:2:1: an end without a beginning"),
        (
            "<!-- archcalc: tabel net.yaml -->\n<!-- archcalc: end -->\n",
            "page.md:1:1: unknown command 'tabel'; did you mean 'table'?",
        ),
        ("<!-- archcalc: -->\n<!-- archcalc: end -->\n", "page.md:1:1: no command; there are table, value"),
        (region("table nowhere.yaml"), "page.md:1:1: nowhere.yaml: No such file or directory"),
        (region("table googlnet"), "page.md:1:1: there is no file or network 'googlnet'; did you mean 'googlenet'?"),
        (region("table net.yaml@tall"), "page.md:1:1: "),
        (region("table"), "page.md:1:1: table: the following arguments are required: spec"),
        (region("table net.yaml --colums layer"), "page.md:1:1: table: unrecognized arguments: --colums"),
        (region("table net.yaml --columns colour"), "page.md:1:1: unknown column 'colour'"),
        (region("table net.yaml --depth x"), "page.md:1:1: table: argument --depth: takes a whole number"),
        (region("table net.yaml --set width"), "page.md:1:1: table: argument --set: takes name=value, got 'width'"),
        (region("table net.yaml --set hight=3"), "page.md:1:1: net.yaml has no parameter 'hight'"),
        (region("table net.yaml 'x"), "page.md:1:1: no closing quotation in"),
        (region("value net.yaml marcs"), "page.md:1:1: unknown figure 'marcs'; did you mean 'macs'?"),
        (region("value net.yaml macs --layer stm"), "page.md:1:1: there is no layer 'stm'; did you mean 'stem'?"),
        (region("value net.yaml macs --define x"), "page.md:1:1: --define x is for reStructuredText"),
        (region("formula net.yaml macs"), "page.md:1:1: a formula needs free parameters"),
        (region("models specs/*.yaml"), "page.md:1:1: no file matches 'specs/*.yaml'"),
        (
            region("models /no/such/*.yaml"),
            "page.md:1:1: '/no/such/*.yaml' is absolute; a pattern goes from the document's folder",
        ),
        (region("models /**/*"), "page.md:1:1: '/**/*' is absolute"),
        (region("models ../*.yaml"), "page.md:1:1: '../*.yaml' leaves the document's project"),
        (region("models */../../*.yaml"), "page.md:1:1: '*/../../*.yaml' goes up after a wildcard"),
        (region('models net.yaml --columns ""'), "page.md:1:1: unknown column ''"),
        (region('value "" params'), "page.md:1:1: "),
        (region("table net.yaml --batch 0"), "page.md:1:1: table: argument --batch: takes a whole number from 1 on"),
        (region("table net.yaml --free nope"), "page.md:1:1: "),
        (
            region("diagram net.yaml --depth 0"),
            "page.md:1:1: diagram: argument --depth: takes a whole number from 1 on",
        ),
        (
            "x <!-- archcalc: table net.yaml --><!-- archcalc: end -->\n",
            "page.md:1:3: a table or a picture needs a region on lines of its own",
        ),
        (
            "<!-- archcalc: table net.yaml -->\nx <!-- archcalc: end -->\n",
            "page.md:2:3: a region that begins on a line of its own ends on one",
        ),
        (
            "see <!-- archcalc: value net.yaml params --> a\n\n## b\n\nc <!-- archcalc: end --> d\n",
            "page.md:1:5: a region that begins in a sentence ends in its",
        ),
        (
            "> see <!-- archcalc: value net.yaml params --> a\r\n> \r\n> c <!-- archcalc: end -->\r\n",
            "page.md:1:7: a region that begins in a sentence ends in its",
        ),
        ("\nx <!-- archcalc: table net.yaml\n", "page.md:2:3: this comment has no end: `-->`"),
    ],
)
def test_refused(docs, text: str, message: str) -> None:
    good, path = page(GOOD, "good.md"), page(text)
    for words in ([], ["--check"], ["--force"]):
        done = docs("good.md", "page.md", *words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(message)
        assert (good.read_text(), path.read_bytes()) == (GOOD, text.encode())


def test_every_mistake_is_reported_at_once(docs) -> None:
    page(region("tabel net.yaml") + region("value net.yaml marcs"))
    page(region("table nowhere.yaml"), "other.md")
    done = docs("page.md", "other.md")
    assert [line.split(" ")[0] for line in done.err.splitlines() if ".md:" in line] == [
        "other.md:1:1:",
        "page.md:1:1:",
        "page.md:3:1:",
    ]


def test_a_mistake_in_a_spec_is_shown_where_it_is(docs) -> None:
    page(NET.replace("linear 10", "liner 10"), "net.yaml")
    page(region("table net.yaml"))
    done = docs("page.md")
    assert done.code == 2
    assert "page.md:1:1: this region can't be filled" in done.err
    assert "net.yaml:8:9: unknown layer 'liner'; did you mean 'linear'?" in done.err


@pytest.mark.parametrize("name", ["page.txt", "page.ipynb", "page"])
def test_other_files_are_refused(docs, name: str) -> None:
    page(GOOD, name)
    done = docs(name)
    assert (done.code, "archcalc fills Markdown (.md, " in done.err) == (2, True)


def test_missing_binary_and_read_only_files(docs) -> None:
    assert (done := docs("none.md")).code == 2
    assert "none.md: No such file or directory" in done.err
    Path("bin.md").write_bytes(b"abc\xff\xfe")
    assert (done := docs("bin.md")).code == 2
    assert "bin.md:1:1: not a text file: byte 0xff at offset 3 is not UTF-8" in done.err


def test_one_file_that_cannot_be_written_keeps_all_as_they_were(docs) -> None:
    pages = [page(GOOD, name) for name in ("a.md", "b.md", "c.md")]
    pages[1].chmod(0o444)
    done = docs("a.md", "b.md", "c.md")
    assert (done.code, done.out) == (2, "")
    assert "b.md: can't be written: it is read-only" in done.err
    assert [path.read_text() for path in pages] == [GOOD] * 3
    pages[1].chmod(0o644)
    assert docs("a.md", "b.md", "c.md").code == 0
    assert ["\n618\n" in path.read_text() for path in pages] == [True] * 3


def test_what_is_no_file_is_not_read(docs) -> None:
    assert "nothing.txt: No such file or directory" in docs("nothing.txt").err
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe.md")
        assert (done := docs("pipe.md")).code == 2
        assert "pipe.md: not a file" in done.err


def test_nothing_is_run_by_a_command(docs) -> None:
    page(region("table net.yaml; touch /tmp/x $(touch y) `touch z`"))
    done = docs("page.md")
    assert done.code == 2
    assert sorted(file.name for file in Path().iterdir()) == ["net.yaml", "page.md"]
