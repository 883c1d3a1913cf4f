"""What a repository begins with: a first spec, the settings, a hook for pre-commit and a workflow.

What is there stays: of a file that can't be written, what it would have needed is said instead.
"""

from __future__ import annotations

import os

from archcalc import escapes
from archcalc.budget import settings_above
from archcalc.budget.settings import OWN
from archcalc.errors import UsageError
from archcalc.files import in_folder
from archcalc.records import Record

FIRST = "models/first.yaml"
HOOKS = ".pre-commit-config.yaml"
WORKFLOW = ".github/workflows/archcalc.yml"

SPEC = """archcalc: 1
name: First
input: [3, size, size]
params:
  size: 32
  width: 16
  classes: 10

blocks:
  unit(filters):
    - conv filters 3x3 stride=2 norm=bn act=relu

layers:
  - stem: conv width 3x3 act=relu
  - unit 2*width
  - unit 4*width
  - gap
  - fc: linear classes

budget:                               # `archcalc check` fails above these
  params: {max: 30k}
  macs: {max: 3M}
"""
SETTINGS = """# the specs that `archcalc check` looks at, and `archcalc compare --base REF`
specs = {patterns}
"""
HOOK = """repos:
  - repo: local # runs the archcalc that is installed
    hooks:
      - id: archcalc-fmt
        name: archcalc fmt
        entry: archcalc fmt --if-any
        language: system
        types: [yaml]
        require_serial: true
      - id: archcalc-check
        name: archcalc check
        entry: archcalc check --quiet --if-any
        language: system
        types: [yaml]
        require_serial: true
"""
RUNS = """name: archcalc
on:
  push:
  pull_request:
permissions:
  contents: read
env:
  ARCHCALC: "" # what pip installs: a wheel, or git+https://... of your copy of archcalc; no index has a release yet
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with: { persist-credentials: false }
      - uses: actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0
        with: { python-version: "3.13" }
      - run: python -m pip install --quiet "${ARCHCALC:?say above where it is}"
      - run: archcalc check --format github
"""


class Piece(Record):
    """A file: what to put into it, or why it stays as it is."""

    path: str
    text: str
    stays: str = ""

    def __str__(self) -> str:
        return f"{'stays ' if self.stays else 'wrote '} {self.path}{f': {self.stays}' if self.stays else ''}"


def begun(folder: str) -> list[Piece]:
    """The files of a repository in this folder. Raises UsageError, and SpecError for settings that can't be read."""
    specs = [os.path.relpath(path, folder).replace(os.sep, "/") for path in in_folder(folder).specs]
    settings = settings_above(folder)
    patterns = sorted({f"{os.path.dirname(path)}/*.yaml".lstrip("/") for path in specs}) or ["models/*.yaml"]
    return [
        _piece(folder, FIRST, SPEC, f"{specs[0]} is there" if specs else ""),
        _piece(folder, OWN, SETTINGS.format(patterns=escapes.json(patterns)), _said_in(settings.file)),
        _piece(folder, HOOKS, HOOK, ""),
        _piece(folder, WORKFLOW, RUNS, ""),
    ]


def _said_in(file: str) -> str:
    return f"{file} has settings" if file else ""


def _piece(folder: str, name: str, text: str, stays: str) -> Piece:
    """A file that is written unless something is there by its name. Raises UsageError where a folder can't be made."""
    path = os.path.normpath(os.path.join(folder, name))
    if os.path.lexists(path):
        needs = {HOOKS: "; it wants the hooks of docs/ci.md", WORKFLOW: ""}
        return Piece(path, text, f"it is there{needs.get(name, '')}")
    for parent in _parents(name):
        above = os.path.join(folder, parent)
        if os.path.lexists(above) and not os.path.isdir(above):
            raise UsageError(f"{os.path.normpath(above)} is a file; a folder is needed there")
    return Piece(path, text, stays)


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
