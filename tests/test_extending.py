"""Operators and rules from outside: registered at run time, and brought by an installed package."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import archcalc
from archcalc import reference
from archcalc.ops import ACTIVATIONS, JOINS, NORMALIZATIONS, OPS, OUTSIDE, SUFFIXED
from archcalc.ops.activation import ELEMENTWISE, ReLU
from archcalc.ops.convolution import Conv
from archcalc.schemas.spec import spec_schema

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is gone after it."""
    from archcalc.importer.rules.base import RULES

    tables: list[dict] = [OPS, ACTIVATIONS, NORMALIZATIONS, JOINS, OUTSIDE, ELEMENTWISE, RULES, *SUFFIXED.values()]  # type: ignore[type-arg]
    before = [dict(table) for table in tables]
    yield
    for table, known in zip(tables, before, strict=True):
        table.clear()
        table.update(known)


def spec(folder: Path, *layers: str, blocks: str = "") -> str:
    path = folder / "net.yaml"
    lines = "".join(f"  - {layer}\n" for layer in layers)
    path.write_text(f"archcalc: 1\nname: t\ninput: [3, 4, 4]\n{blocks}layers:\n{lines}")
    return str(path)


class Square(ReLU):
    """x squared."""

    word = "squared"


def test_a_registered_operator_is_a_word_everywhere(tmp_path: Path) -> None:
    assert archcalc.register(Square) is Square
    table = archcalc.load(spec(tmp_path, "squared", "conv 4 3x3 act=squared")).count()
    assert [row["op"] for row in table.to_rows()] == ["squared", "conv", "squared"]
    assert "squared" in [entry["name"] for entry in reference.rows()]
    assert "### `squared`" in reference.markdown()
    assert "squared" in json.dumps(spec_schema())
    with pytest.raises(archcalc.ArchcalcError, match="did you mean 'squared'"):
        archcalc.load(spec(tmp_path, "sqared"))


def test_a_registered_operator_is_proved(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")

    @archcalc.register
    class Doubled(ReLU):
        word = "doubled"

        def emit(self, builder, *tensors):  # type: ignore[no-untyped-def]
            return builder.node("Add", tensors[0], tensors[0])

    assert archcalc.load(spec(tmp_path, "conv 4 3x3", "doubled")).verify().holds


def test_the_word_of_another_operator_is_taken_only_where_that_is_said(tmp_path: Path) -> None:
    class Mine(Conv):
        def elementwise(self, output, *inputs):  # type: ignore[no-untyped-def]
            return 7

    with pytest.raises(TypeError, match=r"Mine: there is an operator 'conv' already, archcalc.ops.convolution.Conv"):
        archcalc.register(Mine)
    assert OPS["conv"] is Conv
    archcalc.register(Mine, replace=True)
    assert archcalc.load(spec(tmp_path, "conv 4 3x3")).count().to_rows()[0]["elementwise"] == 7


def test_a_missing_rule_is_named() -> None:
    from archcalc.ops.base import Free

    with pytest.raises(TypeError, match="operator 'half' lacks elementwise, saves, windows, emit"):
        type("Half", (Free,), {"__module__": __name__, "word": "half", "shape": lambda self, x: x})
    without_word = type("Wordless", (Free,), {"__module__": __name__})
    for wrong, message in ((without_word, "has no word"), (Square(), "is a class of"), (3, "is a class of")):
        with pytest.raises(TypeError, match=message):
            archcalc.register(wrong)  # type: ignore[arg-type]


def told(path: str) -> None:
    """Ask for all that a count says."""
    table = archcalc.load(path).count()
    assert [table.totals, table.to_rows()]


@pytest.mark.parametrize(
    ("rule", "gives", "said"),
    [
        ("macs", 1.5, "macs gives 1.5, not a whole number of at least 0"),
        ("macs", -3, "macs gives -3"),
        ("elementwise", None, "elementwise gives None"),
        ("shape", [3, 4, 4], "shape gives [3, 4, 4], not a tuple"),
        ("weights", {"w": (3, 2.5)}, "weights gives {'w': (3, 2.5)}, not a dict of shapes"),
        ("saves", (), "saves gives (), not a Saved"),
        ("windows", 3, "windows gives 3, not a Reach"),
    ],
)
def test_what_a_rule_gives_wrongly_is_said_with_its_class(tmp_path: Path, rule: str, gives: object, said: str) -> None:
    odd = type("Odd", (ReLU,), {"__module__": "odd", "word": "odd", rule: lambda self, *shapes, **wanted: gives})
    archcalc.register(odd)
    path = spec(tmp_path, "conv 4 3x3", "odd")
    with pytest.raises(archcalc.ArchcalcError) as failed:
        told(path)
    assert f"operator 'odd' (odd.Odd): {said}" in str(failed.value)


def test_a_rule_that_fails_is_said_with_its_line(tmp_path: Path) -> None:
    @archcalc.register
    class Fails(ReLU):
        word = "fails"

        def elementwise(self, output, *inputs):  # type: ignore[no-untyped-def]
            return 1 // 0

    with pytest.raises(archcalc.ArchcalcError, match=r"elementwise fails: ZeroDivisionError: .*test_extending.py:\d+"):
        archcalc.load(spec(tmp_path, "fails")).count().to_rows()


def test_a_word_that_no_line_could_hold_is_refused() -> None:
    odd = type("Odd", (ReLU,), {"__module__": __name__, "word": "my op"})
    with pytest.raises(TypeError, match="'my op' is no word of a spec"):
        archcalc.register(odd)


def test_a_spec_goes_on_meaning_its_own_blocks(tmp_path: Path) -> None:
    archcalc.register(Square)
    path = spec(tmp_path, "squared", blocks="blocks:\n  squared:\n    - conv 5 3x3\n")
    assert archcalc.load(path).count().totals["params"] == 5 * 3 * 9 + 5


def test_a_rule_that_there_is_stays_unless_that_is_said() -> None:
    with pytest.raises(TypeError, match="there is a rule for 'Relu' already"):
        archcalc.rule("Relu")(lambda call, X: X)
    archcalc.rule("Relu", replace=True)(lambda call, X: X)


def test_a_rule_of_a_framework_stays_unless_that_is_said() -> None:
    """Its own are read late, and yet go first."""
    code = "import archcalc\narchcalc.rule('relu', domain='aten')(lambda call, x: x)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "TypeError: there is a rule for 'relu' of the domain aten already" in done.stderr
    instead = code.replace("'aten')", "'aten', replace=True)") + "\nimport sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", instead], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("annotation", ["", ": float", ": tuple"])
def test_attributes_of_a_rule_from_outside_need_no_annotation(tmp_path: Path, annotation: str) -> None:
    helper = pytest.importorskip("onnx.helper")
    rooms: dict[str, object] = {}
    body = "return call.figure('odd', x.dims, [x], elementwise=times * more * 6)"
    exec(f"def odd(call, x, *, times{annotation}, more=1): {body}", rooms)
    archcalc.rule(f"Odd{len(annotation)}", domain="com.odd")(rooms["odd"])  # type: ignore[arg-type]
    node = helper.make_node(f"Odd{len(annotation)}", ["x"], ["y"], domain="com.odd", times=5)
    ends = [helper.make_tensor_value_info(name, 1, [1, 6]) for name in ("x", "y")]
    (tmp_path / "odd.onnx").write_bytes(
        helper.make_model(helper.make_graph([node], "odd", ends[:1], ends[1:])).SerializeToString()
    )
    table = archcalc.load(tmp_path / "odd.onnx").count()
    assert (table.totals["uncounted"], [row.elementwise for row in table.rows]) == ([], [5 * 6])


# ---- the package of docs/extending.md --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's package as pip installs it, and beside it its spec."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), re.MULTILINE | re.DOTALL):
        (folder / name).write_text(text)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    said = folder / f"{project['name']}-{project['version']}.dist-info"
    said.mkdir()
    (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of.items()) for group, of in groups]
    (said / "entry_points.txt").write_text("\n".join(lines))
    return folder


def outside(folder: Path, code: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = [str(folder), *sys.path]
    start = f"import sys; sys.path[:] = {path!r}\n"
    return subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, cwd=cwd or PAGE.parent)


def run(folder: Path, *words: str) -> str:
    code = f"sys.argv = {['archcalc', *words]!r}\nfrom archcalc.cli import main\nmain()"
    done = outside(folder, code)
    assert not done.returncode, done.stderr
    return done.stdout


def test_the_example_package_counts_and_is_listed(installed: Path) -> None:
    found = json.loads(run(installed, "count", str(installed / "net.yaml"), "--format", "json"))
    assert found["totals"]["params"] == 64 * 4 + 4 * 32 + 32 * 10 + 10
    assert found["totals"]["macs"] == 64 * 4 + 4 * 32 + 32 * 10
    assert [layer["op"] for layer in found["layers"]] == ["lowrank", "relu2", "linear", "relu2"]
    text = PAGE.read_text()
    for command, output in re.findall(r"^```text\n\$ archcalc ([^\n]+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert run(installed, *command.split()).split() == output.split()


def test_the_example_package_is_proved_and_read_back_by_its_rule(installed: Path) -> None:
    helper = pytest.importorskip("onnx.helper")
    pytest.importorskip("onnxruntime")
    assert "4 of 4 tensors (714 numbers)" in run(installed, "verify", str(installed / "net.yaml"))
    node = helper.make_node("LowRank", ["x", "down", "up"], ["y"], domain="com.thin")
    ends = [helper.make_tensor_value_info(name, 1, [1, size]) for name, size in (("x", 64), ("y", 32))]
    weights = [helper.make_tensor("down", 1, [64, 4], [0.5] * 256), helper.make_tensor("up", 1, [4, 32], [0.5] * 128)]
    graph = helper.make_graph([node], "thin", ends[:1], ends[1:], weights)
    (installed / "thin.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    found = json.loads(run(installed, "count", str(installed / "thin.onnx"), "--format", "json"))
    assert (found["totals"]["params"], found["totals"]["macs"], found["totals"]["uncounted"]) == (384, 384, [])


def test_a_package_in_the_folder_of_a_command_is_not_loaded(installed: Path) -> None:
    code = f"sys.path.insert(0, {str(installed)!r})\nfrom archcalc.ops import OPS\nprint('lowrank' in OPS)"
    assert outside(installed, code, cwd=installed).stdout == "False\n"
    assert outside(installed, code).stdout == "True\n"


def test_a_package_that_fails_is_warned_of_and_the_rest_goes_on(tmp_path: Path) -> None:
    said = tmp_path / "broken-1.dist-info"
    said.mkdir()
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (said / "entry_points.txt").write_text("[archcalc.operators]\nhalf = broken:Half\n")
    (tmp_path / "broken.py").write_text("from archcalc.ops import Op\nclass Half(Op):\n    word = 'half'\n")
    done = outside(tmp_path, "import archcalc\nprint(archcalc.load('lenet').count().totals['params'])")
    assert done.stdout == "60840\n"
    assert "broken (half = broken:Half) can't be used: TypeError: operator 'half' lacks shape, weights" in done.stderr


def test_packages_are_looked_for_where_the_folder_is_gone(tmp_path: Path) -> None:
    program = "import os, sys; os.rmdir(os.getcwd()); import archcalc.ops; print(len(archcalc.ops.OPS))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stderr, int(done.stdout) > 50) == ("", True)
