"""The shape of the code: imports, those inside functions too, only go down the floors, rooms on one floor don't know
each other, each outside library has one door, and counting stays light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import archcalc

PACKAGE = Path(__file__).parent.parent / "archcalc"

FLOORS = [
    ("patterns", "tuples", "collector"),
    ("escapes", "records", "signatures", "untyped"),
    ("errors", "fields"),
    ("algebra", "reading", "writing", "frames"),
    ("ops", "duration", "shipped"),
    ("spec", "graph"),
    ("build", "files", "reference", "repeats", "memory", "backward"),
    ("receptive", "depth", "configs"),
    ("cost",),
    ("render", "expand", "question"),
    ("importer", "onnx", "metrics", "schemas"),
    ("measure", "conventions", "frameworks"),
    ("latency",),
    ("model", "picture", "devices"),
    ("budget", "zoo", "space"),
    ("check", "beginning"),
    ("findings",),
    ("comparison",),
    ("docs", "report"),
    ("editor",),
    ("cli", "mkdocs", "sphinx"),
]
EXCEPTIONS = {
    ("cost", "render"): "a Table shows itself, in a terminal and in a notebook; rendering is imported only then",
    ("model", "space"): "a Model is asked for the best of its designs, as it is asked for its count",
}
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
DOORS = {
    "sympy": ("algebra",),
    "numpy": ("algebra", "space", "onnx", "measure", "latency", "untyped"),
    "yaml": ("spec",),
    "networkx": ("graph",),
    "tabulate": ("render",),
    "onnx": ("onnx",),
    "onnxruntime": ("measure",),
    "typer": ("cli",),
    "torch": ("frameworks",),
    "sphinx": ("sphinx",),
    "docutils": ("sphinx",),
    "mkdocs": ("mkdocs",),
    "pygls": ("editor",),
    "lsprotocol": ("editor",),
}
TOP = ("__init__", "__main__")


@cache
def modules() -> dict[str, ast.Module]:
    """What each module says, by its path."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@cache
def sources() -> dict[str, str]:
    """The text of each module, by its path."""
    return {path: (PACKAGE / path).read_text(encoding="utf-8") for path in modules()}


def home(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


def imported(path: str) -> Iterator[tuple[str, str, int]]:
    """(package, the part of archcalc or nothing, line) of every import, those inside functions too."""
    for node in ast.walk(modules()[path]):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = (
                [node.module or ""] if node.module != "archcalc" else [f"archcalc.{alias.name}" for alias in node.names]
            )
        for name in names:
            package, _, rest = name.partition(".")
            yield package, rest.split(".")[0], node.lineno


def test_imports_only_go_down() -> None:
    assert [
        f"{path}:{line} imports {part}"
        for path in modules()
        for package, part, line in imported(path)
        if package == "archcalc" and home(path) not in TOP and part in FLOOR and part != home(path)
        if FLOOR[part] >= FLOOR[home(path)] and (home(path), part) not in EXCEPTIONS
    ] == []


def test_each_outside_library_has_one_door() -> None:
    assert [
        f"{path}:{line} imports {package}"
        for path in modules()
        for package, _, line in imported(path)
        if home(path) not in DOORS.get(package, (home(path),))
    ] == []


def test_an_exception_is_one_that_the_code_needs() -> None:
    found = {(home(path), part) for path in modules() for package, part, _ in imported(path) if package == "archcalc"}
    assert len(EXCEPTIONS) <= 2
    assert set(EXCEPTIONS) <= found


RECORDS = {  # what makes records of a further kind, and the modules that may
    "dataclasses": {},
    "pydantic": {
        "render/contract": "the fields of the JSON contract say what they are, for its schemas",
        "schemas/outputs.py": "writes the schemas of the JSON contract",
    },
    "TypedDict": {
        "render/contract": "what dictionaries hold that programs read as JSON",
        "cost/totals.py": "what type checkers of others know of totals",
        "memory/training.py": "a dictionary of the JSON contract",
    },
}


def test_records_are_of_two_kinds() -> None:
    """Tuples with names for plain values, classes of fields for the rest: `Record`, and `Checked` for what comes from
    outside."""
    for word, homes in RECORDS.items():
        says = {path for path, text in sources().items() if re.search(rf"^(from|import) .*\b{word}\b", text, re.M)}
        assert sorted(path for path in says if not path.startswith(tuple(homes) or "-")) == [], word
        assert [room for room in homes if not any(path.startswith(room) for path in says)] == [], word


SAYS = {"print", "echo", "secho", "writelines"}
ESCAPING = {  # what makes text printable, and the modules that may: the door, and two that write no text from outside
    "dumps": {
        "escapes.py",
        "schemas/__init__.py",
        "schemas/outputs.py",
        "comparison/snapshot.py",
    },
    "escape": {"escapes.py"},
    "quoteattr": {"escapes.py"},
    "maketrans": {"escapes.py", "algebra/printing.py"},  # the latter for digits that stand high
}


def called(path: str) -> Iterator[tuple[str, int]]:
    """The last name of everything that a module calls, and the line; `re.escape` is about patterns."""
    for node in ast.walk(modules()[path]):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if not (isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "re"):
                yield name, node.lineno


def calls_elsewhere(doors: dict[str, set[str]]) -> list[str]:
    """Calls of these names outside the modules that may."""
    return [
        f"{path}:{line} calls {name}"
        for path in modules()
        for name, line in called(path)
        if path not in doors.get(name, {path})
    ]


def test_text_from_outside_has_one_door() -> None:
    assert calls_elsewhere(ESCAPING | {name: {"cli/saying.py"} for name in SAYS}) == []
    for path in modules():
        text = (PACKAGE / path).read_text(encoding="utf-8")
        assert not re.search(r"sys\.(stdout|stderr)\.(write|buffer)", text), path


READS = {"open", "read_bytes", "fdopen", "write_bytes", "write_text", "mkstemp", "TemporaryDirectory"}
FILES = {  # the doors, and what looks at the machine or at what a runtime has just written
    "reading.py", "writing.py", "cli/entry.py", "measure/device.py", "measure/session.py", "measure/profile.py", "latency/calibrate.py", "latency/timing.py", "measure/processor.py",
    "onnx/stores.py", "onnx/export.py", "files.py", "ops/registry.py", "shipped.py",
}  # fmt: skip


def test_files_have_one_door_for_reading_and_one_for_writing() -> None:
    assert calls_elsewhere(dict.fromkeys(READS, FILES)) == []


def test_every_module_has_a_floor() -> None:
    assert sorted({home(path) for path in modules()} - set(TOP)) == sorted(FLOOR)


LATER = (  # what a plain count has no use for
    "archcalc.algebra.vectors", "archcalc.algebra.grids", "archcalc.algebra.compiling", "archcalc.importer",
    "archcalc.conventions", "archcalc.latency", "archcalc.space", "archcalc.zoo", "archcalc.devices", "archcalc.picture",
    "archcalc.build.loops", "archcalc.build.folding", "archcalc.build.begun", "archcalc.ops.answers", "archcalc.backward", "archcalc.memory.checkpoint",
)  # fmt: skip


@pytest.mark.parametrize("network", ["googlenet", "lenet.onnx"])
def test_counting_loads_no_heavy_library(network: str, tmp_path: Path) -> None:
    if network.endswith(".onnx"):
        pytest.importorskip("onnx")
        network = str(tmp_path / network)
        archcalc.load("lenet").export(network)
    code = f"import sys; sys.argv = ['archcalc', 'count', {network!r}]\nfrom archcalc.cli import main\n"
    code += "main()\nprint('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("LOADED ")[2].split()
    heavy = (
        "sympy", "onnx", "onnxruntime", "numpy", "networkx", "rich", "pydantic", "tabulate", "typer",
        "dataclasses", "inspect", "difflib", "json", "html", "csv", "ast", "traceback", "tokenize",
    )  # fmt: skip
    assert [name for name in (*heavy, "yaml" if network.endswith(".onnx") else "pathlib") if name in loaded] == []
    assert [
        name for name in LATER if name in loaded and not (name.endswith("importer") and network.endswith("onnx"))
    ] == []
    assert "archcalc.cli.count" in loaded


def test_predicting_loads_no_heavy_library() -> None:
    code = "import sys; sys.argv = ['archcalc', 'predict', 'lenet', '--device', 'epyc-zen4-cpu-1t']\n"
    code += "from archcalc.cli import main\nmain()\nprint('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("LOADED ")[2].split()
    assert [
        name for name in ("sympy", "onnx", "numpy", "networkx", "pydantic", "typer", "pathlib") if name in loaded
    ] == []
    assert "archcalc.latency.estimate" in loaded


def test_an_operator_without_a_rule_is_refused_when_it_is_defined() -> None:
    from archcalc.ops import Op

    with pytest.raises(TypeError, match="lacks weights, macs, elementwise, inside, saves, windows, emit"):
        type("Half", (Op,), {"__module__": __name__, "__annotations__": {}, "word": "half", "shape": lambda self, x: x})


def documented() -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """The bases of every class, and the methods of it that say what they do."""
    bases: dict[str, list[str]] = {}
    said: dict[str, set[str]] = {}
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
                methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and ast.get_docstring(each)]
                said[node.name] = {each.name for each in methods}
    return bases, said


def silent() -> Iterator[str]:
    """Every public function, and every public method of a public class, without a docstring of its own or of what it
    stands in for.
    """
    bases, said = documented()

    def inherits(kind: str, name: str) -> bool:
        return any(name in said.get(base, ()) or inherits(base, name) for base in bases.get(kind, ()))

    for path, tree in modules().items():
        for node in tree.body:
            kind = node.name if isinstance(node, ast.ClassDef) else ""
            for each in node.body if isinstance(node, ast.ClassDef) else [node]:
                if not isinstance(each, ast.FunctionDef) or each.name.startswith("_") or kind.startswith("_"):
                    continue
                if not ast.get_docstring(each) and not inherits(kind, each.name):
                    yield f"{path}:{each.lineno} {kind}{'.' * bool(kind)}{each.name}"


def test_every_public_function_says_what_it_does() -> None:
    assert list(silent()) == []


ANY = {  # what has no type of its own, and the modules through whose doors it comes
    "names each kind of thing that comes in untyped": {"untyped.py"},
    "a field holds what its annotation says, which is read when the program runs": {
        "fields.py", "records.py", "latency/profile.py", "latency/parts.py", "schemas/spec.py", "spec/model.py", "ops/foreign.py", "ops/kinds.py",
        "ops/registry.py", "conventions/quantities.py",
    },
    "modules, operators and patterns give what they are asked for by name": {
        "cli/__init__.py", "ops/experts.py", "patterns.py",
    },
    "a class of named tuples is made of what its statement holds": {"tuples.py"},
    "numbers, closed forms and words in one operator: which it is, the operands decide": {
        "spec/values.py", "spec/expressions.py", "metrics.py", "cost/row.py", "graph.py", "receptive.py", "build/loops.py",
        "importer/values.py", "importer/batch.py", "importer/own.py", "importer/network.py", "render/json.py",
        "latency/estimate.py", "expand/folding.py", "onnx/weights.py", "comparison/formats/json.py",
    },
    "numpy's arrays and functions, whose kinds are found when they run": {
        "algebra/compiling.py", "measure/prober.py", "measure/ceilings.py", "space/conditions.py", "space/designs.py",
        "space/front.py", "space/search.py",
    },
    "PyYAML's events and marks": {"spec/composing.py"},
    "ONNX Runtime's sessions": {"measure/session.py", "measure/device.py"},
    "typer's parameters and click's contexts, and options handed on to what takes them": {
        "cli/declared.py", "cli/judged.py", "cli/given.py", "render/__init__.py",
    },
    "tables of pandas, polars and Arrow": {"frames.py", "cost/__init__.py"},
    "pygls's and Sphinx's objects": {"editor/server.py", "sphinx.py"},
}  # fmt: skip
UNTYPED = {  # the names that `untyped` gives such things, and the rooms that may know them
    "Array": {"algebra", "latency", "measure", "onnx", "space"},
    "Attribute": {"frameworks", "importer", "latency", "onnx", "ops"},
    "Element": {"importer"},
    "Operand": {"frameworks", "importer"},
    "Torch": {"frameworks", "model"},
    "Json": {
        "budget", "cli", "comparison", "configs", "conventions", "cost", "editor", "latency", "measure", "reference",
        "render", "report", "schemas", "space", "spec", "zoo",
    },
}  # fmt: skip


def names(word: str) -> set[str]:
    """The modules that use a name other than to import it."""
    return {
        path
        for path, tree in modules().items()
        if any(isinstance(node, ast.Name) and node.id == word for node in ast.walk(tree))
    }


def test_any_stands_at_doors_only() -> None:
    assert sorted(names("Any")) == sorted(path for paths in ANY.values() for path in paths)


def test_what_is_untyped_stays_in_its_rooms() -> None:
    given = {
        (alias.name, home(path))
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "archcalc.untyped"
        for alias in node.names
    }
    assert given == {(name, room) for name, rooms in UNTYPED.items() for room in rooms}


LONGEST = 40  # lines of a function, its docstring and its options among them


def test_lines_are_of_at_most_120_columns() -> None:
    files = sorted(Path(archcalc.__file__).parent.rglob("*.py"))
    assert [
        f"{path.name}:{n} has {len(line)} columns"
        for path in files
        for n, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > 120
    ] == []


MOST_LINES = 400  # of a module: what is longer holds two ideas


def test_modules_are_short() -> None:
    lines = {path: len(text.splitlines()) for path, text in sources().items()}
    assert [f"{path} has {count} lines" for path, count in lines.items() if count > MOST_LINES] == []


def test_functions_are_short() -> None:
    assert [
        f"{path}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        if (node.end_lineno or 0) - node.lineno >= LONGEST
    ] == []
