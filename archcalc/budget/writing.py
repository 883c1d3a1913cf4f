"""Budgets made from what a network costs now: the current figure and some slack, put into the spec."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from archcalc import reading
from archcalc.cost import Table
from archcalc.devices import limits, spelled
from archcalc.errors import ArchcalcError, UsageError, among
from archcalc.files import is_model_file
from archcalc.metrics import TRAINING, Figure, is_bytes, metric
from archcalc.model import Model, read
from archcalc.question import Question
from archcalc.records import Record
from archcalc.render import numbers
from archcalc.spec import read_text
from archcalc.spec.editing import put
from archcalc.spec.model import Budget, Quantity, read_quantity
from archcalc.tuples import NamedTuple
from archcalc.writing import write_all

PLAIN = Question()
FIRST = ("params", "macs", "act_peak")  # of a network that has no budget yet
DIGITS = 4
MOST_SLACK = 10_000  # times what a network costs now
_SI = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


class Ceiling(NamedTuple):
    """A `max`: of which metric of which network, what it costs now, what to write, and what stands there."""

    variant: str | None
    metric: str
    counted: int | Fraction
    written: str
    was: str | None
    device: str = ""  # that a time is predicted on
    dtype: str = ""  # that bytes are counted in

    @property
    def keys(self) -> dict[str, str]:
        """What the limit says beside its device, which the spec has already."""
        return {"max": self.written, **({"dtype": self.dtype} if self.dtype else {})}

    @property
    def limit(self) -> str:
        """As the spec has it."""
        said = {**self.keys, **({"device": self.device} if self.device else {})}
        return f"{self.metric}: {{{', '.join(f'{key}: {value}' for key, value in said.items())}}}"


class Written(Record):
    """A spec with its budget made anew."""

    path: str
    text: str
    old: str
    ceilings: tuple[Ceiling, ...]

    @property
    def data(self) -> bytes:
        """What to put into the file, with the mark of UTF-8 that it may begin with."""
        mark = b"\xef\xbb\xbf" if reading.read(self.path, 3).startswith(b"\xef\xbb\xbf") else b""
        return mark + self.text.encode("utf-8")


def save(made: Iterable[Written]) -> None:
    """Put budgets into their files, into all or none. Raises UsageError."""
    write_all((Path(written.path), written.data) for written in made if written.text != written.old)


def slack(text: str) -> Fraction:
    """`2%`. Raises UsageError."""
    try:
        amount = read_quantity(text)
    except ValueError:
        amount = Quantity(Fraction(-1), Fraction(1), text)
    if amount.value < 0 or not (text.strip().endswith("%") or amount.value == 0):
        raise UsageError(f"--slack takes a percentage such as 2%, got '{text}'")
    if amount.value > MOST_SLACK:
        raise UsageError(f"--slack {text} is no limit any more; {MOST_SLACK * 100:,}% is the most")
    return amount.value


def budgeted(
    models: Sequence[Model], more: Fraction, names: Sequence[str] = (), asked: Question = PLAIN
) -> list[Written]:
    """Specs with a `max` for each metric: those that have one, those in `names`, or the usual ones if there is none
    yet; of the devices that a network is `asked` to fit, what they have.

    A spec stands for its network and the variants that have a budget of their own; `net.yaml@variant` for that one.
    Each file comes once, and nothing else in its text changes. Raises UsageError, SpecError, ArchcalcError.
    """
    for name in names:
        if name not in Budget.fields:
            raise UsageError(f"no budget can be set for '{name}'{among(name, Budget.fields)}")
    files: dict[str, list[Model]] = {}
    for model in models:
        if model.ships:
            raise UsageError(f"{model.spec.path} ships with archcalc; copy it to give it a budget of yours")
        if is_model_file(model.spec.path):
            limits = "`archcalc import` makes one of it, and limits for model files stand in archcalc.toml"
            raise UsageError(f"{model.spec.path} is a model file, and `archcalc budget` writes into specs: {limits}")
        files.setdefault(os.path.realpath(model.spec.path), []).append(model)
    return [_budgeted(same, more, names, asked) for same in files.values()]


def _budgeted(models: Sequence[Model], more: Fraction, names: Sequence[str], asked: Question) -> Written:
    """One file, whose networks these are."""
    model = models[0]
    own = [None, *(name for name, member in model.spec.variants.items() if member.budget)]
    members = dict.fromkeys(variant for named in models for variant in ([named.variant] if named.variant else own))
    ceilings = [ceiling for variant in members for ceiling in _ceilings(Model(model.spec, variant), more, names, asked)]
    old = read_text(model.spec.path)
    text = old
    for ceiling in ceilings:
        where = ("variants", ceiling.variant) if ceiling.variant else ()
        try:
            for key, value in ceiling.keys.items():
                text = put(text, (*where, "budget", ceiling.metric, key), value)
        except ArchcalcError as error:
            raise ArchcalcError(f"{model.spec.path}: {error}") from None
    _verify(text, model, ceilings)
    return Written(model.spec.path, text, old, tuple(ceilings))


def _budget(model: Model) -> Budget | None:
    member = model.spec.variant(model.variant)
    return member.budget if member else model.spec.budget


def _ceilings(model: Model, more: Fraction, names: Sequence[str], asked: Question) -> list[Ceiling]:
    sizes = {metric: size for metric, size, _ in limits(asked.fit, asked.train)}
    budget = _budget(model)
    has: dict[str, Quantity] = {
        name: limit.max for name in Budget.fields if (limit := getattr(budget, name, None)) and limit.max is not None
    }
    wanted = list(dict.fromkeys([*has, *names, *sizes])) or list(FIRST)
    found = []
    for name in wanted:
        own = getattr(budget, name, None)
        device, dtype = getattr(own, "device", ""), getattr(own, "dtype", None) or asked.dtype
        if name == "latency" and not device:
            raise UsageError(
                f"{model.name}: a budget for latency names its device: write `latency: {{device: ..., max: 5ms}}` first"
            )
        counted: object = metric(_table(model, name, device, dtype, own), name, None, model.spec.mark)
        if not isinstance(counted, (int, Fraction)):
            raise UsageError(f"{model.name}: {name} is {counted}, which can't have a limit")
        least = getattr(budget, name, None) and getattr(budget, name).min
        if least is not None and counted * (1 + more) < least.value:
            raise UsageError(
                f"{model.name}: a max of {name} would be below its min, {least.text}: it is"
                f" {numbers.exact(counted)} now"
            )
        found.append(
            Ceiling(
                model.variant,
                name,
                counted,
                _written(counted, more, name, sizes, device),
                has[name].text if name in has else None,
                device,
                dtype if is_bytes(name) and dtype != PLAIN.dtype else "",
            )
        )
    return found


def _table(model: Model, name: str, device: str, dtype: str, own: Figure) -> Table:
    """What a limit speaks of."""
    question = Question(dtype=dtype, fold_bn=getattr(own, "fold_bn", False), train=name in TRAINING)
    return model.answer(model.on(device, question) if device else question)


def _written(counted: int | Fraction, more: Fraction, name: str, sizes: Mapping[str, int], device: str) -> str:
    """The limit: what a device has, or what the network takes and some slack."""
    if name in sizes:
        return spelled(sizes[name])
    return duration(counted, more) if device else amount(counted, more, is_bytes(name))


def amount(counted: int | Fraction, more: Fraction, is_bytes: bool) -> str:
    """What to write for a figure and its slack: rounded up to four digits, or exact without slack."""
    most = counted * (1 + more)
    if not more:
        return str(-(-most // 1))
    unit, suffix = next(((unit, suffix) for unit, suffix in (_BINARY if is_bytes else _SI) if most >= unit), (1, ""))
    step = Fraction(unit, 10 ** max(0, DIGITS - len(str(int(most // unit))))) if unit > 1 else Fraction(1)
    rounded = -(-most // step) * step / unit
    digits = numbers.decimal(rounded, DIGITS - 1).rstrip("0").rstrip(".")
    return f"{digits}{suffix}"


def duration(milliseconds: int | Fraction, more: Fraction) -> str:
    """What to write for a time and its slack: rounded up to three digits."""
    most = milliseconds * (1 + more)
    step = Fraction(1, 100)
    while most / step >= 1000:
        step *= 10
    return f"{float(-(-most // step) * step):.10g}ms"


def _verify(text: str, model: Model, ceilings: Sequence[Ceiling]) -> None:
    """The text, read again, says what was meant: else the spec is laid out in a way that can't be edited by
    position.
    """
    try:
        spec = read(text, model.spec.path).spec
        for ceiling in ceilings:
            limit = getattr(_budget(Model(spec, ceiling.variant)), ceiling.metric)
            if limit.max.text != ceiling.written:
                raise ArchcalcError(f"{ceiling.metric} would be {limit.max.text}")
    except (ArchcalcError, AttributeError) as error:
        lines = "\n".join(f"  {ceiling.limit}" for ceiling in ceilings)
        raise ArchcalcError(
            f"{model.spec.path}: the budget can't be placed ({error}); write it by hand:\nbudget:\n{lines}"
        ) from None


def block(written: Written) -> str:
    """The budget as YAML to paste, each figure with what it is now."""
    lines: list[str] = []
    for variant in dict.fromkeys(ceiling.variant for ceiling in written.ceilings):
        mine = [ceiling for ceiling in written.ceilings if ceiling.variant == variant]
        widest = max(len(ceiling.limit) for ceiling in mine)
        indent = "    " if variant else ""
        lines += ([f"# in the variant {variant}"] if variant else []) + [f"{indent}budget:"]
        lines += [f"{indent}  {ceiling.limit:<{widest}}  # {_now(ceiling)}" for ceiling in mine]
    return "\n".join(lines)


def _now(ceiling: Ceiling) -> str:
    counted = f"{ceiling.counted:,}" if isinstance(ceiling.counted, int) else f"{float(ceiling.counted):,.2f}"
    return f"{counted} now" + (f", max was {ceiling.was}" if ceiling.was and ceiling.was != ceiling.written else "")
