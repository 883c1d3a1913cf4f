"""Configurations of Hugging Face: a `config.json` is one of the families that ship, with parameters of the same names.

What a file doesn't say is what the library takes where nothing is said. A field that would change the count, and that
no family has, is an error; fields that no count depends on are named in a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from archcalc.configs.fitting import complaint
from archcalc.configs.kinds import ABOUT, ACTIVATIONS, ARCHITECTURES, KINDS, MODEL_TYPE, Config, Kind, Values
from archcalc.errors import Mark, Problem, SpecError, UsageError, among
from archcalc.files import specs_folder
from archcalc.ops.kinds import show
from archcalc.spec import Spec, read_spec
from archcalc.spec.binding import declared
from archcalc.spec.text import MOST_BYTES
from archcalc.untyped import Json


def read_config(text: str, path: str) -> Spec:
    """The family that a configuration is of, with its values. Raises SpecError for what changes the count and has no
    form, UsageError for what is no configuration.
    """
    config = _parsed(text, path)
    name = config.get(MODEL_TYPE)
    if not isinstance(name, str):
        raise UsageError(f"{path}: a configuration names its {MODEL_TYPE}")
    if name not in KINDS:
        hint = among(name, KINDS)
        raise _wrong(text, path, {MODEL_TYPE: f"there is no family of the type '{name}'{hint}"})
    kind = KINDS[name]
    values, wrong = _values(kind, config)
    if wrong:
        raise _wrong(text, path, wrong)
    return _of(kind, values, path, config)


def _parsed(text: str, path: str) -> Config:
    try:
        config = json.loads(text) if len(text) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise UsageError(f"{path}: a configuration is an object of fields, no larger than {MOST_BYTES >> 20} MB")
    return config


def _values(kind: Kind, config: Config) -> tuple[Values, dict[str, str]]:
    """Values for parameters, and what is wrong by field."""
    wrong: dict[str, str] = {}
    values: Values = {kind.fields.get(name, name): value for name, value in kind.missing.items()}
    for name, to in kind.fields.items():
        given = config.get(name)
        if given is not None or (name in config and name in NONE):
            values[to] = given
    for name in (*kind.fields, *kind.reads):
        if what := complaint(name, config.get(name)):
            wrong[name] = what
    for name, allowed in kind.only.items():
        if name in config and name not in kind.fields and config[name] not in allowed:
            wrong[name] = f"{show(config[name])} has no form here, only {', '.join(map(show, allowed))}"
    if LAYER_TYPES not in kind.reads and set(_list(config.get(LAYER_TYPES))) - {"full_attention"}:
        wrong[LAYER_TYPES] = "layers of several types have no form here"
    if not wrong:
        try:
            values |= kind.more(config)
        except ValueError as error:
            wrong[error.args[0]] = error.args[1] if len(error.args) > 1 else "it has no form here"
        except TypeError:
            wrong[next(name for name in (*kind.reads, MODEL_TYPE) if name in config)] = "it is of another kind"
    head, unknown = _head(kind, config)
    return values | head, wrong | unknown


def _list(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


LAYER_TYPES = "layer_types"
NONE = ("q_lora_rank", "sliding_window")  # fields that mean something where they are null


def _head(kind: Kind, config: Config) -> tuple[Values, dict[str, str]]:
    """What the architecture says of the network's end."""
    named = config.get(ARCHITECTURES)
    if named is None or named == []:
        return kind.whole, {}
    first = named[0] if isinstance(named, list) else named
    for ending, values in kind.heads.items():
        if isinstance(first, str) and first.endswith(ending):
            return values, {}
    known = ", ".join(f"...{ending}" for ending in kind.heads)
    return {}, {ARCHITECTURES: f"the head of {show(first)[:80]} has no form here; there are {known}"}


def _of(kind: Kind, values: Values, path: str, config: Config) -> Spec:
    file = specs_folder() / f"{kind.family}.yaml"
    spec = read_spec(file.read_text(encoding="utf-8"), f"specs/{file.name}")
    parameters = dict(spec.parameters)
    for name, value in values.items():
        parameters[name] = parameters[name]._replace(value=declared(name, _written(value)).value)
    title = config.get("_name_or_path") or f"{config[MODEL_TYPE]} of {Path(path).name}"
    return spec._replace(path=path, name=str(title), parameters=parameters, variants={}, references=[],
        reference_marks=[], budget=None, budget_marks={}, notes=tuple(_notes(kind, config)),
    )  # fmt: skip


def _written(value: object) -> object:
    if value is None:
        return "none"
    if isinstance(value, str):
        return ACTIVATIONS.get(value, value)
    return str(value).lower() if isinstance(value, bool) else value


def _notes(kind: Kind, config: Config) -> Iterator[str]:
    """The fields that were not used."""
    used = {*kind.fields, *kind.only, *kind.reads, *kind.parts, *ABOUT}
    names = [name for name in config if name not in used]
    for part, known in kind.parts.items():
        names += [f"{part}.{name}" for name in config.get(part) or () if name not in (*known, *ABOUT)]
    unused = [re.sub(r"[^\w.-]", "?", name)[:60] for name in names]
    if unused:
        yield f"no count depends on these fields, or none that is known here: {', '.join(sorted(unused))}"


def _wrong(text: str, path: str, found: Mapping[str, str]) -> SpecError:
    return SpecError([Problem(f"{name}: {what}", _mark(text, path, name)) for name, what in found.items()])


def _mark(text: str, path: str, name: str) -> Mark:
    """Where a field stands."""
    found = re.search(rf'"{re.escape(name)}"\s*:', text)
    if found is None:
        return Mark(path, 1, 1)
    before = text[: found.start()]
    line, start = before.count("\n") + 1, before.rfind("\n") + 1
    return Mark(path, line, found.start() - start + 1, len(name) + 2, text[start:].partition("\n")[0][:4000])


__all__ = ["KINDS", "read_config"]
