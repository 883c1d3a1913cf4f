"""Pictures by their structure: XML that loads nothing, everything inside the canvas, nothing on top of another, text
that can be read, and the figures that the count has.
"""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as tree
from itertools import combinations
from pathlib import Path

import pytest
from running import Command

import archcalc as package
from archcalc.errors import UsageError
from archcalc.latency.profile import load_profile
from archcalc.picture import FORMATS, KINDS, Asked, Design
from archcalc.picture.colours import DARK, LIGHT, Palette
from archcalc.picture.diagram import draw
from archcalc.picture.plot import plot

from shipping import families, shipped  # isort: skip

SVG = "{http://www.w3.org/2000/svg}"
ADVANCE = {
    **dict.fromkeys("iljtfrI.,:;'|!()[]/ ", 0.34),
    **dict.fromkeys("mwMW%@", 0.95),
}  # Helvetica's, at most, in em


def parsed(text: str) -> tree.Element:
    """A picture that is well-formed, runs nothing and loads nothing."""
    root = tree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert {element.tag for element in root.iter()} <= {
        f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "rect", "circle", "path", "text")
    }
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]
    assert [word for word in ("url(", "@import") if word in text] == []
    return root


def texts(root: tree.Element) -> list[tuple[float, float, float, float, str]]:
    """Where each text stands: left, top, right, bottom."""
    found = []
    for element in root.iter(f"{SVG}text"):
        size, shown = float(element.get("font-size", 11)), element.text or ""
        wide = size * sum(ADVANCE.get(letter, 0.67 if letter.isupper() else 0.56) for letter in shown)
        x, y = float(element.attrib["x"]), float(element.attrib["y"])
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")]
        found.append((left, y - 0.75 * size, left + wide, y + 0.2 * size, shown))
    return found


def boxes(root: tree.Element, kinds: str = r"s\d") -> list[tuple[float, float, float, float]]:
    """Boxes that say what they are."""
    return [
        (x, y, x + float(rect.attrib["width"]), y + float(rect.attrib["height"]))
        for rect in root.iter(f"{SVG}rect")
        if re.fullmatch(kinds, rect.attrib["class"]) and rect.find(f"{SVG}title") is not None
        for x, y in [(float(rect.attrib["x"]), float(rect.attrib["y"]))]
    ]


def overlap(one: tuple, other: tuple) -> bool:
    return all(one[k] < other[k + 2] - 0.11 and other[k] < one[k + 2] - 0.11 for k in (0, 1))


def holds(root: tree.Element) -> None:
    """Everything is inside the canvas; texts and boxes don't lie on each other."""
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    said, drawn = texts(root), boxes(root)
    for left, top, right, bottom, *what in [*said, *drawn, *boxes(root, "frame")]:
        assert (left, top, right, bottom) == (
            max(left, 0), max(top, 0), min(max(left, right), wide), min(max(top, bottom), high)
        ), what  # fmt: skip
    assert [(a[4], b[4]) for a, b in combinations(said, 2) if overlap(a, b)] == []
    assert [pair for pair in combinations(drawn, 2) if overlap(*pair)] == []
    points = [float(n) for path in root.iter(f"{SVG}path") for n in re.findall(r"-?[\d.]+", path.attrib["d"])]
    assert [point for point in points if not 0 <= point <= max(wide, high)] == []


@pytest.mark.parametrize("name", shipped(12))
def test_every_network_that_ships_is_drawn(name: str) -> None:
    table = package.load(name).count()
    for depth in (1, 2):
        holds(parsed(draw(table, "svg", depth)))
    assert draw(table, "dot").startswith('digraph "')


def test_the_same_network_makes_the_same_bytes_in_every_process() -> None:
    code = "import archcalc; from archcalc.picture.diagram import draw; "
    code += "print(draw(archcalc.load('inception_v4').count(), 'svg', 2))"
    drawn = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(drawn) == 1


def spec(folder: Path, text: str, name: str = "net") -> str:
    path = folder / "net.yaml"
    path.write_text(f"archcalc: 1\nname: {name}\n{text}", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["resnet152", "densenet121"])
def test_a_deep_network_is_one_page_of_a4(name: str) -> None:
    root = parsed(draw(package.load(name).count(), "svg"))
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    assert high / wide <= (297 - 40) / (210 - 30)  # millimetres, with margins
    least = min(float(text.get("font-size", root.attrib["font-size"])) for text in root.iter(f"{SVG}text"))
    assert least * (210 - 30) / wide * 72 / 25.4 >= 7  # points


def test_repeats_are_one_box_branches_stand_side_by_side_and_an_identity_runs_at_the_side() -> None:
    root = parsed(draw(package.load("resnet50").count(), "svg", 3))
    said = [text for *_, text in texts(root)]
    times = [text for text in said if re.fullmatch(r"x \d+", text)]
    assert times == ["x 2", "x 3", "x 5", "x 2"]  # units without a stride
    heights = {}
    for _, top, _, _, text in texts(root):
        heights.setdefault(text, top)
    assert heights["bottleneck"] == heights["shortcut"]
    assert len([path for path in root.iter(f"{SVG}path") if path.attrib["class"] == "skip"]) == 4


def test_colour_is_the_share_of_the_metric_and_a_legend_says_so() -> None:
    table = package.load("vgg16").count()
    shares = {}
    for metric in ("macs", "params"):
        root = parsed(draw(table, "svg", metric=metric))
        assert f"share of {'MACs' if metric == 'macs' else metric}" in [text for *_, text in texts(root)]
        titled = {rect.findtext(f"{SVG}title", "").split("\n")[0]: rect for rect in root.iter(f"{SVG}rect")}
        shares[metric] = {name: rect.attrib["class"] for name, rect in titled.items()}
    assert (shares["macs"]["fc6"], shares["params"]["fc6"]) == ("s0", "s5")  # 102.8 of 15,470 M, of 138.4 M


def test_what_a_box_costs_is_told_exactly_where_the_pointer_rests() -> None:
    root = parsed(draw(package.load("lenet").count(), "svg"))
    titles = [rect.findtext(f"{SVG}title", "") for rect in root.iter(f"{SVG}rect")]
    assert any("117,600 MACs" in title and "156 params" in title for title in titles)  # 28*28*6*25 and 6*26


def test_ten_thousand_layers_are_few_boxes_and_a_word(tmp_path: Path) -> None:
    lines = "".join(f"  - conv {3 + n % 7} {1 + 2 * (n * n % 3)}x{1 + 2 * (n * n % 3)}\n" for n in range(10_000))
    root = parsed(draw(package.load(spec(tmp_path, f"input: [3, 8, 8]\nlayers:\n{lines}")).count(), "svg"))
    holds(root)
    assert len(boxes(root)) <= 400
    assert any(text.startswith("Note: ") for *_, text in texts(root))


HOSTILE = """</text><script>alert(1)</script>&amp;"'\u202e]]>"""


@pytest.mark.parametrize("form", FORMATS)
def test_names_are_text(form: str, tmp_path: Path) -> None:
    name = '"' + HOSTILE.replace('"', '\\"') + '"'
    path = spec(tmp_path, "input: [3, 8, 8]\nlayers:\n  - conv 4 3x3\n", name)
    drawn = draw(package.load(path).count(), form)
    assert "\u202e" not in drawn
    if form == "svg":
        assert "<script" not in drawn
        assert parsed(drawn).findtext(f"{SVG}title", "").startswith("</text><script>")
    if form == "dot":
        assert drawn.split("\n")[0].count('"') - drawn.split("\n")[0].count('\\"') == 2


def test_repeats_of_a_free_number_have_no_colour_and_no_legend() -> None:
    root = parsed(draw(package.load("densenet-40-12").count(free=["n"]), "svg"))
    holds(root)
    assert "share of MACs" not in [text for *_, text in texts(root)]


def test_dot_has_clusters_for_groups_that_are_opened() -> None:
    drawn = draw(package.load("googlenet").count(), "dot", 2, "LR")
    assert drawn.count("{") == drawn.count("}")
    assert (drawn.count("subgraph"), "rankdir=LR" in drawn) == (10, True)  # conv2 and nine inceptions


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "sgv"), "unknown format 'sgv'; did you mean 'svg'?"),
        (("--metric", "mac", "--format", "svg"), "unknown metric 'mac'; did you mean 'macs'?"),
        (("--direction", "LR", "--format", "svg"), "a diagram in svg goes from top to bottom"),
    ],
)
def test_what_cannot_be_drawn_is_told(archcalc: Command, words: tuple[str, ...], said: str) -> None:
    done = archcalc("diagram", "lenet", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# ---- colours ---------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_everything_that_it_stands_on(colours: Palette) -> None:
    assert contrast("#000000", "#ffffff") == 21
    under = (colours.paper, colours.frame, *colours.scale)
    assert [fill for fill in under if contrast(colours.ink, fill) < 4.5] == []
    assert [fill for fill in (colours.paper, colours.frame) if contrast(colours.faint, fill) < 4.5] == []
    drawn = (colours.line, colours.accent, colours.warm, *colours.curves)
    assert [fill for fill in drawn if contrast(fill, colours.paper) < 3] == []


# ---- plots -----------------------------------------------------------------------------------------------------------


def plotted(kind: str, *names: str, **asked: object) -> tree.Element:
    """A plot of networks that ship, which holds what every picture does."""
    root = parsed(plot([package.load(name).count() for name in names], kind, Asked(**asked)))
    holds(root)
    return root


def labels(root: tree.Element) -> list[str]:
    return [text for *_, text in texts(root)]


@pytest.mark.parametrize("name", families(8))
def test_every_network_that_ships_is_plotted(name: str) -> None:
    table = package.load(name).count()
    device = (load_profile("rtx4090"),)
    for kind in (name for name, known in KINDS.items() if not known.of_designs):
        holds(parsed(plot([table], kind, Asked(profiles=device))))


@pytest.mark.parametrize("kind", ["field", "memory"])
def test_curves_of_several_networks_are_told_apart(kind: str) -> None:
    names = ["vgg16", "resnet50", "densenet121", "googlenet", "lenet", "alexnet"]
    root = plotted(kind, *names)
    curves = [path.attrib["class"] for path in root.iter(f"{SVG}path") if path.attrib["class"].startswith("c")]
    assert curves == [f"c{n}" for n in range(6)] * 2  # each, and its sign in the legend
    assert [text.split(":")[0] for text in labels(root)].count("VGG-16") >= 1
    rules = root.findtext(f"{SVG}style", "")
    assert len(set(re.findall(r"\.c\d [^}]*?dasharray: ([^}]*?) }", rules))) == 6  # for whoever sees no colours
    with pytest.raises(UsageError, match="of at most 6 networks, not of 7"):
        plotted(kind, *names, "unet")


def test_the_peaks_of_several_networks_are_at_their_shares_of_the_run() -> None:
    """VGG-16 has its peak where the second convolution runs, whose input and output are 64x224x224 in fp32: the fourth
    of 40, after the input, a convolution and its ReLU (13 convolutions and 3 dense layers, 15 ReLUs, 5 poolings,
    2 dropouts, the flattening and the input).
    """
    root = plotted("memory", "vgg16", "lenet")
    mark = next(circle for circle in root.iter(f"{SVG}circle") if circle.attrib["class"] == "mark")
    assert "VGG-16: peak 24.5 MiB at conv1/2" in labels(root)  # 2 * 64 * 224 * 224 * 4 bytes
    assert float(mark.attrib["cx"]) == pytest.approx(72 + (760 - 24 - 72) * 3.5 / 40, abs=0.1)


def test_areas_are_shares() -> None:
    root = plotted("treemap", "vgg16", metric="params")
    wide, high = 760 - 32, 560 - 62 - 16
    areas = {
        rect.findtext(f"{SVG}title", "").split("\n")[0]: float(rect.attrib["width"]) * float(rect.attrib["height"])
        for rect in root.iter(f"{SVG}rect")
        if rect.find(f"{SVG}title") is not None
    }
    assert areas["fc6"] / (wide * high) == pytest.approx(102_764_544 / 138_357_544, rel=0.002)  # 25,088*4,096 + 4,096
    assert sum(areas.values()) == pytest.approx(wide * high, rel=0.005)


def test_bars_are_as_long_as_their_share_and_the_dearest_comes_first() -> None:
    root = plotted("bars", "vgg16", metric="params")
    drawn = [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    lengths = [float(rect.attrib["width"]) for rect in drawn]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[1] / lengths[0] == pytest.approx((4096 * 4096 + 4096) / 102_764_544, abs=0.001)
    assert "103M, 74.3 %" in labels(root)


def test_memory_names_the_peak_and_its_tensors() -> None:
    root = plotted("memory", "googlenet")
    assert labels(root).count("peak 4.59 MiB at lrn2") == 2  # 2 x 192 x 56 x 56 x 4 bytes
    mark = next(circle for circle in root.iter(f"{SVG}circle") if circle.attrib["class"] == "mark")
    assert "2.30 MiB" in mark.findtext(f"{SVG}title", "")


def test_the_field_crosses_the_line_of_the_input() -> None:
    root = plotted("field", "googlenet")
    assert "the input: 224" in labels(root)
    told = [circle.findtext(f"{SVG}title", "") for circle in root.iter(f"{SVG}circle")]
    assert told[1].endswith("sees 7 at depth 1")
    assert told[2].endswith("sees 11 at depth 2")  # 7 + (3 - 1) * 2
    line = next(path for path in root.iter(f"{SVG}path") if path.attrib["class"] == "limit")
    y = float(re.findall(r"[\d.]+", line.attrib["d"])[1])
    above = [float(circle.attrib["cy"]) < y for circle in root.iter(f"{SVG}circle")]
    sees = [int(re.search(r"sees ([\d,]+)", title)[1].replace(",", "")) > 224 for title in told]
    assert above == sees


def test_a_roofline_has_a_roof_for_each_device() -> None:
    devices = tuple(map(load_profile, ("rtx4090", "t4")))
    root = plotted("roofline", "googlenet", profiles=devices)
    assert len([path for path in root.iter(f"{SVG}path") if path.attrib["class"] == "limit"]) == 2
    assert [text for text in labels(root) if text.startswith("NVIDIA T4: 8.10k GFLOP/s, 320 GB/s")] != []  # data sheet
    told = [circle.findtext(f"{SVG}title", "") for circle in root.iter(f"{SVG}circle")]
    linear_layer = next(title for title in told if title.startswith("fc\n"))
    assert "bound by memory" in linear_layer  # half a FLOP a byte
    assert "0.49" in linear_layer or "0.50" in linear_layer


def test_bubbles_are_in_the_order_of_their_costs() -> None:
    root = plotted("bubble", "lenet", "googlenet", "resnet50", "vgg16")
    places = {
        circle.findtext(f"{SVG}title", "").split("\n")[0]: (float(circle.attrib["cx"]), -float(circle.attrib["cy"]))
        for circle in root.iter(f"{SVG}circle")
    }
    order = ["LeNet-5", "GoogLeNet", "ResNet-50", "VGG-16"]  # by params, and by MACs
    for axis in (0, 1):
        assert sorted(order, key=lambda name: places[name][axis]) == order
    assert set(order) <= set(labels(root))


def test_names_are_text_in_plots(tmp_path: Path) -> None:
    name = '"' + HOSTILE.replace('"', '\\"') + '"'
    table = package.load(spec(tmp_path, "input: [3, 8, 8]\nlayers:\n  - conv 4 3x3\n", name)).count()
    designs = (Design(HOSTILE, (1, 2), True), Design(HOSTILE, (2, 3), False))
    for kind in KINDS:
        drawn = plot([table], kind, Asked(profiles=(load_profile("t4"),), designs=designs))
        assert parsed(drawn).findtext(f"{SVG}title", "").startswith("</text><script>") or kind == "bubble"
        assert "<script" not in drawn


def test_numbers_beyond_every_unit_are_drawn(tmp_path: Path) -> None:
    path = spec(tmp_path, "input: [3]\nlayers:\n" + f"  - linear {10**18}\n" * 2)
    table = package.load(path).count()
    for kind in KINDS:
        holds(
            parsed(
                plot([table], kind, Asked(profiles=(load_profile("t4"),), designs=(Design("d", (10**30, 1), True),)))
            )
        )


def test_plot_writes_a_file_or_prints_the_same(archcalc: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    assert archcalc("plot", "lenet", "--kind", "memory", "-o", str(path)) == ("", "", 0)
    assert archcalc("plot", "lenet", "--kind", "memory").out == path.read_text(encoding="utf-8")


def test_the_kinds_are_told_by_the_help(archcalc: Command) -> None:
    said = re.sub(r"\s+", " ", archcalc("plot", "--help").out)
    page = (Path(__file__).parent.parent / "docs" / "pictures.md").read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        assert f"{name}: {kind.help}" in said
        assert f"| `{name}` |" in page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenet", "--kind", "tremap"), "unknown kind 'tremap'; did you mean 'treemap'?"),
        (
            ("lenet", "vgg16", "--kind", "bars"),
            "a plot of kind bars is of one network; of several there are field, memory, bubble",
        ),
        (("lenet", "--kind", "roofline"), "a roofline is a device's: --device rtx4090"),
        (("lenet", "--kind", "roofline", "--device", "t5"), "there is no device profile 't5'"),
        (("lenet", "--kind", "roofline", "--device", "t4", "--dtype", "fp64"), "has no figures for fp64"),
        (("lenet", "--kind", "bars", "--metric", "mac"), "unknown metric 'mac'"),
    ],
)
def test_what_cannot_be_plotted_is_told(archcalc: Command, words: tuple[str, ...], said: str) -> None:
    done = archcalc("plot", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


# ---- fronts and flowcharts -------------------------------------------------------------------------------------------


def test_a_front_has_all_designs_and_joins_the_best(archcalc: Command) -> None:
    over = ("--over", "width=0.5,0.75,1", "--over", "size=96..192:32")
    done = archcalc("plot", "mobilenet_v2", "--kind", "front", *over, "--pareto", "macs,-size")
    assert done.code == 0
    root = parsed(done.out)
    holds(root)
    circles = [circle.attrib["class"] for circle in root.iter(f"{SVG}circle")]
    assert (circles.count("mark"), circles.count("dot")) == (4, 8)  # of each size the narrowest
    titles = [c.findtext(f"{SVG}title", "") for c in root.iter(f"{SVG}circle") if c.attrib["class"] == "mark"]
    assert all("width=0.5" in title for title in titles)
    macs = package.load("mobilenet_v2").count(width="0.5", size=96).totals["macs"]
    assert any(f"macs {macs:,}" in title for title in titles)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "front"), "needs both of them"),
        (("--kind", "bars", "--over", "size=96"), "are of --kind front"),
        (("--kind", "front", "--over", "size=96,128", "--pareto", "macs"), "by two figures"),
    ],
)
def test_what_no_front_is_of_is_told(archcalc: Command, words: tuple[str, ...], said: str) -> None:
    done = archcalc("plot", "resnet50", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_flowchart_has_subgraphs_for_blocks_and_colours_for_shares() -> None:
    drawn = draw(package.load("googlenet").count(), "mermaid", 2)
    assert drawn.count("    subgraph ") == drawn.count("    end\n") + drawn.endswith("    end") == 10
    assert 'subgraph g0["conv2"]' in drawn
    table = package.load("vgg16").count()
    by_macs, by_params = (draw(table, "mermaid", metric=metric) for metric in ("macs", "params"))
    box = re.compile(r'\["fc6<br/>[^"]*"\]:::(\w+)')
    assert (box.findall(by_macs), box.findall(by_params)) == (["s0"], ["s5"])  # 102.8 of 15,470 M, of 138.4 M
    assert f"classDef s5 fill:{LIGHT.scale[5]}" in by_params


def test_every_layer_is_a_box_where_that_is_asked_for() -> None:
    table = package.load("lenet").count()
    for form in FORMATS:
        lines, layers = (draw(table, form, by=by) for by in ("block", "layer"))
        assert lines != layers
    root = parsed(draw(package.load("resnet18").count(), "svg", by="layer"))
    holds(root)
    said = [text for *_, text in texts(root)]
    assert said.count("bn") > 5
