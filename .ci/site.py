"""Puts together what mkdocs.yml builds: the pages of the repository as they stand in it, so that their links hold, a
report of every network that ships, and a gallery of them.

    python .ci/site.py FOLDER && SITE_PAGES=FOLDER mkdocs build --strict
"""

import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import archcalc
from archcalc import escapes
from archcalc.files import spec_files, zoo_names
from archcalc.picture import Asked
from archcalc.picture.plot import plot
from archcalc.question import Question
from archcalc.report import page, subject
from archcalc.report.source import text_of

ROOT = Path(__file__).parent.parent
TITLED = re.compile(r'^(`{3,}\w+) title="([^"\n]+)"\n', re.MULTILINE)
PAGES = (
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff", "docs", "specs", "tests/benchmarks",
)  # fmt: skip


def copied(folder: Path) -> None:
    """The repository's own pages, and what they link to."""
    for name in PAGES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        else:
            shutil.copy(source, target)
    for file in folder.rglob("*.md"):  # Python-Markdown knows no title of a fence: it would show the fence as text
        text = file.read_text(encoding="utf-8")
        file.write_text(TITLED.sub(r"`\2`\n\n\1\n", text), encoding="utf-8")


def reported(name: str, folder: Path) -> None:
    """A network's page."""
    text = page([subject(archcalc.load(name), Question(), text_of(name))])
    (folder / f"{name}.html").write_text(text, encoding="utf-8")


def shown(name: str, folder: Path) -> tuple[str, int]:
    """A family in the gallery, by its year: where its MACs are, with a link to its page."""
    table = archcalc.load(name).count()
    (folder / f"{name}.svg").write_text(plot([table], "treemap", Asked()), encoding="utf-8")
    title = escapes.markdown(table.name)
    return f"## {title}\n\n[![Where the MACs of {title} are]({name}.svg)]({name}.html)\n", table.spec.year or 0


def main(folder: Path) -> None:
    copied(folder)
    reports = folder / "reports"
    reports.mkdir()
    names = zoo_names()
    families = [file.stem for file in spec_files() if file.parent.name != "lectures"]
    with ProcessPoolExecutor() as pool:
        done = [pool.submit(reported, name, reports) for name in names]
        pictures = [pool.submit(shown, name, reports) for name in families]
        for each in done:
            each.result()
        found = sorted((each.result() for each in pictures), key=lambda each: each[1])
    links = ", ".join(f"[{name}]({name}.html)" for name in names)
    gallery = "\n".join(text for text, _ in found)
    text = (
        f"# Gallery\n\nA click on a picture leads to the network's page, with sliders for its parameters.\n\n{gallery}"
    )
    (reports / "README.md").write_text(f"{text}\n## All networks\n\n{links}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
