"""A hook for MkDocs, which fills the regions of pages while a site is built; files stay as they are.

A file named under `hooks:` in mkdocs.yml takes its functions from here:

    from archcalc.mkdocs import on_page_markdown, on_serve

A region that holds nothing yet is filled. One whose content in the repository is out of date, or was edited by hand, is
filled as well, with a warning, or an error if the build is strict: `mkdocs build --strict` fails on it, with `--quiet`
too, which mutes warnings before they are counted. A command that can't be answered ends the build. Specs are read from
the repository; others may be allowed in mkdocs.yml, by their folders: `extra: {archcalc: {allow: [../models]}}`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.pages import Page

from archcalc import reading
from archcalc.docs.commands import Catalog, home
from archcalc.docs.pictures import is_fresh
from archcalc.docs.refresh import MOST_BYTES, refreshed
from archcalc.docs.regions import regions
from archcalc.errors import ArchcalcError

_log = logging.getLogger("mkdocs.hooks.archcalc")
_read: set[Path] = set()  # the specs of this build, which `mkdocs serve` watches


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """The page's Markdown with every region filled. Raises PluginError for one that can't be."""
    path = Path(page.file.src_uri if page.file.abs_src_path is None else page.file.abs_src_path)
    above = _lines_above(markdown, path)  # so that messages name the lines of the file
    text = "\n" * above + markdown
    root, more = Path(config.config_file_path or ".").parent, config.extra.get("archcalc") or {}
    catalog = Catalog(allowed=tuple(root / str(folder) for folder in [".", *more.get("allow", ())]))
    try:
        filled = refreshed(text, path, regions(text, path), catalog)
    except ArchcalcError as error:
        raise PluginError(f"archcalc: {error}") from None
    finally:
        _read.update(catalog.files)
    level = logging.ERROR if config.strict else logging.WARNING
    for edit in filled.edited:
        _log.log(level, "%s; `archcalc docs --force` writes over it", edit)
    for mark in filled.stale:
        _log.log(level, "%s: this region is out of date; run: archcalc docs %s", mark, path.name)
    for picture in filled.pictures:
        if not is_fresh(picture, home(path)):
            _log.log(level, "%s: %s is out of date; run: archcalc docs %s", path, picture.path, path.name)
    return filled.text[above:]


def on_serve(server: LiveReloadServer, **_: object) -> LiveReloadServer:
    """Build again when a spec changes."""
    for file in sorted(_read):
        server.watch(str(file))
    return server


def _lines_above(markdown: str, path: Path) -> int:
    """How many lines of the file, its front matter, MkDocs has taken off."""
    try:
        whole = reading.read(path, MOST_BYTES).decode("utf-8-sig")
    except (ArchcalcError, UnicodeDecodeError):
        return 0
    return whole.count("\n", 0, max(whole.find(markdown), 0))
