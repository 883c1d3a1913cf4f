"""What is built for PyPI: the wheel carries the specs and works without the checkout."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADDRESS = "https://example.org/somebody/archcalc"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    address = {**os.environ, "ARCHCALC_REPOSITORY": ADDRESS}
    done = subprocess.run(command, capture_output=True, text=True, env=address)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_what_a_docker_build_is_given_is_enough(tmp_path: Path) -> None:
    """The Dockerfile builds a wheel of what `.dockerignore` lets through."""
    given = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in given:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.whl"))) == 1


def test_the_wheel_carries_the_specs_and_the_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    specs = {f"archcalc/specs/{path.relative_to(ROOT / 'specs')}" for path in (ROOT / "specs").rglob("*.yaml")}
    assert specs <= names
    assert "archcalc/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_links_of_a_release_lead_to_files_of_its_tag(wheel: Path) -> None:
    import archcalc

    with zipfile.ZipFile(wheel) as files:
        (name,) = [name for name in files.namelist() if name.endswith(".dist-info/METADATA")]
        said = files.read(name).decode("utf-8")
    tag = f"v{archcalc.__version__}"
    assert f"Project-URL: Source, {ADDRESS}\n" in said
    assert f"Project-URL: Changelog, {ADDRESS}/blob/{tag}/CHANGELOG.md\n" in said
    links = re.findall(r"\]\(([^)\s]+)\)", said)
    assert [link for link in links if "://" not in link and not link.startswith("#")] == []
    ours = [link for link in links if link.startswith(ADDRESS)]
    assert f"{ADDRESS}/raw/{tag}/docs/pictures/googlenet-treemap.svg" in ours
    there = [re.sub(rf"^{re.escape(ADDRESS)}/(blob|raw)/{tag}/", "", link) for link in ours]
    assert len(there) > 25
    assert [path for path in there if not (ROOT / path.partition("#")[0]).exists()] == []


def test_a_checkout_names_no_address_that_isnt_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    monkeypatch.delenv("ARCHCALC_REPOSITORY", raising=False)
    core = ProjectMetadata(str(ROOT), PluginManager()).core
    assert core.urls == {}
    assert core.readme == (ROOT / "README.md").read_text("utf-8")


def test_the_wheel_counts_in_any_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--no-index",
            "--quiet",
            "--target",
            str(site),
            str(wheel),
        ],
        check=True,
    )
    code = (
        "import archcalc, sys; print(archcalc.__file__, flush=True); sys.argv = ['archcalc', 'count', 'googlenet'];"
        " from archcalc.cli import main; main()"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(site))
    assert "6,998,552" in done.stdout
