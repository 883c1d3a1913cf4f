"""What is known about a device: the JSON format `archcalc/device/1`.

A profile is `calibrated`, with the prices of each class of kernels that `archcalc calibrate` measured, or a `roofline`,
the peaks of a data sheet, which bound every run from below.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from math import exp, log, sqrt
from typing import Annotated, Any, Final, Literal, TypeVar

from archcalc import escapes, reading, shipped
from archcalc.errors import UsageError, suggest
from archcalc.fields import Check, Checked, FieldErrors, key, spelled
from archcalc.patterns import deferred

with deferred():  # it compiles six expressions, and reads with none of them where it is written in C
    import json

SCHEMA: Final = "archcalc/device/1"
WRITTEN = "`archcalc calibrate -o FILE` writes one"
MOST_BYTES = 10_000_000

Figure = TypeVar("Figure", int, float)


def _number(least: float, most: float) -> Callable[[object], float]:
    """Takes the numbers from one to another."""

    def taken(value: Any) -> float:
        if type(value) is float and least <= value <= most:
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(value)

    return taken


def _whole(least: int) -> Callable[[object], int]:
    """Takes the whole numbers from one on."""

    def taken(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10**12:
            raise ValueError(f"must be a whole number of at least {least}")
        return value

    return taken


def _range(taken: Callable[[Any], Figure]) -> Callable[[object], tuple[Figure, Figure]]:
    """Takes the least of something and the most."""

    def both(value: Any) -> tuple[Figure, Figure]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise ValueError("must be two numbers: the least, then the most")
        least, most = map(taken, value)
        if least > most:
            raise ValueError("the least comes first, then the most")
        return least, most

    return both


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not value.isprintable():
        raise ValueError("has characters that can't be printed")
    return value


def _block(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in (1, 4, 8, 16, 32, 64):
        raise ValueError("a block has 1, 4, 8, 16, 32 or 64 channels")
    return value


_price, _count = _number(0, 1e15), _whole(1)

Price = Annotated[float, Check(_price)]
Positive = Annotated[float, Check(_number(1e-9, 1e15))]
Factor = Annotated[float, Check(_number(1 + 1e-9, 100))]
Rank = Annotated[float, Check(_number(-1, 1))]
Count = Annotated[int, Check(_count)]
Samples = Annotated[int, Check(_whole(0))]
Words = Annotated[str, Check(_words)]
Range = Annotated[tuple[float, float], Check(_range(_price))]
Batches = Annotated[tuple[int, int], Check(_range(_count))]


class Kind(Checked):
    """Prices of one class of kernels: picoseconds a count, nanoseconds a call. `seen` are the ranges of counts that
    they were fitted on.
    """

    ps_per_mac: Price = 0
    ps_per_load: Price = 0
    ps_per_edge: Price = 0
    ps_per_weight_byte: Price = 0
    ps_per_input_byte: Price = 0
    ps_per_output_byte: Price = 0
    ps_per_far_byte: Price = 0
    ps_per_activated_byte: Price = 0
    ps_per_reread_byte: Price = 0
    ns_per_step: Price = 0
    ns_at_first: Price = 0
    ns_per_call: Price = 0
    seen: dict[Literal["macs", "weights", "inputs", "outputs"], Range] = {}
    samples: Samples = 0
    error: Price | None = None  # median relative error of layers that the fit had not seen

    @property
    def is_free(self) -> bool:
        """Whether it has no price at all."""
        return not any(getattr(self, name) for name in PRICES)


PRICES = tuple(name for name in Kind.fields if name.startswith(("ps_", "ns_")))


class Device(Checked):
    """The machine."""

    type: Literal["cpu", "cuda"]
    model: Words
    isa: Words | None = None
    cores: Count | None = None
    threads: Count | None = None
    driver: Words | None = None


class Runtime(Checked):
    """What ran the networks."""

    name: Words
    version: Words
    provider: Words
    optimization: Words = "all"


class Calibration(Checked):
    """How the prices were found: from short chains of layers timed on the device, or from published times of whole
    networks.

    `noise` is the median difference between odd and even passes.
    """

    date: Words
    source: Words
    samples: Count
    passes: Count | None = None
    seconds: Positive | None = None
    noise: Price | None = None
    reference_ms: Positive | None = None
    load: Price | None = None  # the machine's load average before the calibration


class Hot(Checked):
    """What is left of each term in a run that follows at once on another of its own, as a share, and what such a run
    takes besides. `weights` are those of networks that have no more bytes of them than caches keep, `far_weights` those
    of others.
    """

    compute: Price = 1
    weights: Price = 1
    far_weights: Price = 1
    activations: Price = 1
    overhead: Price = 1
    ns_per_run: Price = 0
    kept_bytes: Count = 1


class HoldOut(Checked):
    """How well what the fit had not seen was predicted. Nine of ten lay within the `factor` where time is spread over
    many layers, within the `single_factor` where one takes it all, and within the `extrapolated_factor` where only the
    prices that all classes have in common were used."""

    samples: Count
    of: Words
    mape: Price
    within_10: Price
    within_20: Price
    rank: Rank
    layer_error: Price | None = None
    layer_rank: Rank | None = None
    factor: Factor
    single_factor: Factor | None = None  # as `factor`
    extrapolated_factor: Factor
    class_scale: Price | None = None  # of the errors of classes, where the interval is told from these

    def agree(self) -> None:
        """What is less certain has the larger factor."""
        if not self.factor <= (self.single_factor or self.factor) <= self.extrapolated_factor:
            raise ValueError(
                "what is less certain has the larger factor: factor <= single_factor <= extrapolated_factor"
            )

    def factor_of(self, concentration: float, errors: float = 0.0) -> float:
        """The factor of a network; `concentration` is the sum of the squared shares of its different layers, 1 for a
        single one, `errors` the root of the squared errors of its classes, each times its share.

        Errors of different layers are independent but for what a whole device's prices share: their squares add.
        """
        if self.class_scale is not None:
            return exp(sqrt(log(self.factor) ** 2 + (self.class_scale * errors) ** 2))
        many, one = (log(factor) ** 2 for factor in (self.factor, self.single_factor or self.factor))
        return exp(sqrt(many + (one - many) * concentration))


class Peak(Checked):
    """The best rates seen: multiply-accumulates and bytes a second, in 10^9."""

    gmacs_per_s: Positive
    gbytes_per_s: Positive
    of: Words | None = None  # what reached the first; a layer of the calibration, where that isn't said


class Calibrated(Checked):
    """A device that was measured."""

    schema_: Literal["archcalc/device/1"] = SCHEMA
    kind: Literal["calibrated"]
    name: Words
    note: Words | None = None
    device: Device
    runtime: Runtime
    dtype: Literal["fp32", "fp16"]
    batches: Batches  # the least and the most samples in one
    calibration: Calibration
    peak: Peak
    channel_block: Annotated[int, Check(_block)] = 1  # of the layout that maps are kept in; 1: no blocks
    fuses: bool = True  # whether the runtime takes layers together
    classes: dict[str, Kind]
    fallback: Kind
    holdout: HoldOut
    ns_per_run: Price = 0  # besides the kernels
    hot: Hot | None = None

    def agree(self) -> None:
        """Each class has a price."""
        for name, kind in {**self.classes, "fallback": self.fallback}.items():
            if kind.is_free:
                raise ValueError(f"{name} has no price: it would take no time")

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that it was calibrated for: one."""
        return (self.dtype,)


class Roofline(Checked):
    """A device's data sheet."""

    schema_: Literal["archcalc/device/1"] = SCHEMA
    kind: Literal["roofline"]
    name: Words
    note: Words | None = None
    device: Device
    gmacs_per_s: dict[Literal["fp64", "fp32", "fp16", "bf16", "int8"], Positive]
    gbytes_per_s: Positive
    source: Words

    def agree(self) -> None:
        """There is a peak."""
        if not self.gmacs_per_s:
            raise ValueError("gmacs_per_s has no type")

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that it has a peak for."""
        return tuple(self.gmacs_per_s)


Profile = Calibrated | Roofline
_KINDS: dict[str, type[Profile]] = {"calibrated": Calibrated, "roofline": Roofline}


def devices_folder() -> str:
    """Where the profiles that ship are."""
    return os.path.join(shipped.folder(), "devices")


def device_names() -> list[str]:
    """The profiles that are known by name."""
    return sorted(name.removesuffix(".json") for name in os.listdir(devices_folder()) if name.endswith(".json"))


def load_profile(name: str, beside: str | os.PathLike[str] | None = None) -> Profile:
    """The profile in a file, or one that ships by its name. A path is looked up in the folder `beside` too.

    Raises UsageError if there is none, or if it isn't one.
    """
    if not isinstance(name, str) or not name.isprintable():
        raise UsageError(f"a device is the name of a profile or its file, got {name!r}")
    ours, file = devices_folder(), os.path.basename(name)
    for path in (
        name,
        *((os.path.join(beside, name),) if beside is not None else ()),
        os.path.join(ours, f"{name}.json"),
    ):
        if reading.is_file(path):
            return _read(path, name)
    if name == f"specs/devices/{file}" and reading.is_file(os.path.join(ours, file)):
        return _read(os.path.join(ours, file), name)
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    if name.endswith(".json"):
        raise UsageError(f"there is no device profile '{shown}': no such file; {WRITTEN}")
    known = device_names()
    raise UsageError(
        f"there is no device profile '{shown}'{suggest(name, known, 'there are ' + ', '.join(known) if known else '')}"
    )


def _read(path: str, shown: str) -> Profile:
    content = reading.read(path, MOST_BYTES, shown=shown)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{shown}: too large for a device profile")
    return parse(content, shown)


@lru_cache(maxsize=16)
def parse(content: bytes, shown: str) -> Profile:
    """A profile from its text. Raises UsageError that says what is wrong and where."""
    try:
        found = json.loads(content, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise UsageError(f"{shown}:{error.lineno}:{error.colno}: not JSON: {error.msg}; {WRITTEN}") from None
    except (ValueError, RecursionError):  # not UTF-8, or a number of thousands of digits
        raise UsageError(f"{shown}:1:1: not JSON; {WRITTEN}") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UsageError(f"{shown}: not a device profile: its `schema` must be {SCHEMA}; {WRITTEN}")
    kind = _KINDS.get(str(found.get("kind")))
    if kind is None:
        raise UsageError(f"{shown}: kind: must be {' or '.join(map(repr, _KINDS))}")
    try:
        return kind.read(found)
    except FieldErrors as error:
        raise UsageError(*[f"{shown}: {spelled(wrong)}" for wrong in error.problems[:10]]) from None
    except ValueError as error:  # the parts don't agree
        raise UsageError(f"{shown}: {error}") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys all differ. Raises UsageError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise UsageError(
            f"not a device profile: `{next(name for name in found if names.count(name) > 1)}` stands twice in one"
            " object"
        )
    return found


def _written(value: object) -> object:
    """Parts as objects, under the keys of a file, without what would be so anyway."""
    if isinstance(value, dict):
        return {name: _written(part) for name, part in value.items()}
    if not isinstance(value, Checked):
        return value
    return {
        key(name): _written(part)
        for name, field in value.fields.items()
        if (part := getattr(value, name)) != field.default or name == "schema_"
    }


def printed(profile: Profile) -> str:
    """A profile as its file holds it."""
    return escapes.json(_written(profile)) + "\n"


__all__ = [
    "SCHEMA",
    "Calibrated",
    "Kind",
    "Profile",
    "Roofline",
    "device_names",
    "devices_folder",
    "load_profile",
    "parse",
    "printed",
]
