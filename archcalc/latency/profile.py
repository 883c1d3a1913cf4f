"""What is known about a device: the JSON format `archcalc/device/1`.

A profile is `calibrated`, with the prices of each class of kernels that `archcalc calibrate` measured, or a `roofline`,
the peaks of a data sheet, which bound every run from below.
"""

from __future__ import annotations

import json
from functools import lru_cache
from math import exp, log, sqrt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from archcalc import escapes, reading
from archcalc.errors import UsageError, suggest
from archcalc.files import specs_folder

SCHEMA = "archcalc/device/1"
MOST_BYTES = 10_000_000

Price = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=1e-9, le=1e15, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=1, le=100, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that can't be printed")
    return text


def _ordered(found: tuple[float, float]) -> tuple[float, float]:
    if found[0] > found[1]:
        raise ValueError("the least comes first, then the most")
    return found


def _block(channels: int) -> int:
    if channels not in (1, 4, 8, 16, 32, 64):
        raise ValueError("a block has 1, 4, 8, 16, 32 or 64 channels")
    return channels


Words = Annotated[str, AfterValidator(_printable)]
Range = Annotated[tuple[Price, Price], AfterValidator(_ordered)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Kind(_Part):
    """Prices of one class of kernels: picoseconds a count, nanoseconds a call. `seen` are the ranges of counts that
    they were fitted on.
    """

    ps_per_mac: Price = 0
    ps_per_load: Price = 0
    ps_per_edge: Price = 0
    ps_per_weight_byte: Price = 0
    ps_per_input_byte: Price = 0
    ps_per_output_byte: Price = 0
    ps_per_activated_byte: Price = 0
    ns_per_call: Price = 0
    seen: dict[Literal["macs", "weights", "inputs", "outputs"], Range] = {}
    samples: int = Field(0, ge=0)
    error: Price | None = Field(None, description="median relative error of layers that the fit had not seen")

    @property
    def is_free(self) -> bool:
        """Whether it has no price at all."""
        return not any(price for name, price in self if name.startswith(("ps_", "ns_")))


class Device(_Part):
    """The machine."""

    type: Literal["cpu", "cuda"]
    model: Words
    isa: Words | None = None
    cores: int | None = Field(None, ge=1)
    threads: int | None = Field(None, ge=1)
    driver: Words | None = None


class Runtime(_Part):
    """What ran the networks."""

    name: Words
    version: Words
    provider: Words
    optimization: Words = "all"


class Calibration(_Part):
    """How the prices were found: from short chains of layers timed on the device, or from published times of whole
    networks.

    `noise` is the median difference between odd and even passes.
    """

    date: Words
    source: Words
    samples: int = Field(ge=1)
    passes: int | None = Field(None, ge=1)
    seconds: Positive | None = None
    noise: Price | None = None
    reference_ms: Positive | None = None
    load: Price | None = Field(None, description="the machine's load average before the calibration")


class HoldOut(_Part):
    """How well what the fit had not seen was predicted. Nine of ten lay within the `factor` where time is spread over
    many layers, within the `single_factor` where one takes it all, and within the `extrapolated_factor` where only the
    prices that all classes have in common were used."""

    samples: int = Field(ge=1)
    of: Words
    mape: Price
    within_10: Price
    within_20: Price
    rank: float = Field(ge=-1, le=1)
    layer_error: Price | None = None
    layer_rank: float | None = Field(None, ge=-1, le=1)
    factor: Factor
    single_factor: Factor | None = Field(None, description="none: as `factor`")
    extrapolated_factor: Factor

    @model_validator(mode="after")
    def _rising(self) -> HoldOut:
        if not self.factor <= (self.single_factor or self.factor) <= self.extrapolated_factor:
            raise ValueError(
                "what is less certain has the larger factor: factor <= single_factor <= extrapolated_factor"
            )
        return self

    def factor_of(self, concentration: float) -> float:
        """The factor of a network; `concentration` is the sum of the squared shares of its different layers, 1 for a
        single one.

        Errors of different layers are independent but for what a whole device's prices share: their squares add.
        """
        many, one = (log(factor) ** 2 for factor in (self.factor, self.single_factor or self.factor))
        return exp(sqrt(many + (one - many) * concentration))


class Peak(_Part):
    """The best rates seen: multiply-accumulates and bytes a second, in 10^9."""

    gmacs_per_s: Positive
    gbytes_per_s: Positive


class Calibrated(_Part):
    """A device that was measured."""

    schema_: Literal["archcalc/device/1"] = Field(alias="schema")
    kind: Literal["calibrated"]
    name: Words
    note: Words | None = None
    device: Device
    runtime: Runtime
    dtype: Literal["fp32", "fp16"]
    batches: Annotated[tuple[Count, Count], AfterValidator(_ordered)] = Field(
        description="the least and the most samples in a batch"
    )
    calibration: Calibration
    peak: Peak
    channel_block: Annotated[int, AfterValidator(_block)] = Field(
        1, description="channels in a block of the layout that maps are kept in; 1: no blocks"
    )
    fuses: bool = Field(True, description="whether the runtime takes layers together")
    classes: dict[str, Kind]
    fallback: Kind
    holdout: HoldOut

    @model_validator(mode="after")
    def _priced(self) -> Calibrated:
        for name, kind in {**self.classes, "fallback": self.fallback}.items():
            if kind.is_free:
                raise ValueError(f"{name} has no price: it would take no time")
        return self

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that it was calibrated for: one."""
        return (self.dtype,)


class Roofline(_Part):
    """A device's data sheet."""

    schema_: Literal["archcalc/device/1"] = Field(alias="schema")
    kind: Literal["roofline"]
    name: Words
    note: Words | None = None
    device: Device
    gmacs_per_s: dict[Literal["fp64", "fp32", "fp16", "bf16", "int8"], Positive] = Field(min_length=1)
    gbytes_per_s: Positive
    source: Words

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The types that it has a peak for."""
        return tuple(self.gmacs_per_s)


Profile = Calibrated | Roofline
_READER: TypeAdapter[Profile] = TypeAdapter(Annotated[Profile, Field(discriminator="kind")])


def devices_folder() -> Path:
    """Where the profiles that ship are."""
    return specs_folder() / "devices"


def device_names() -> list[str]:
    """The profiles that are known by name."""
    return sorted(file.stem for file in devices_folder().glob("*.json"))


def load_profile(name: str, beside: Path | None = None) -> Profile:
    """The profile in a file, or one that ships by its name. A path is looked up in the folder `beside` too.

    Raises UsageError if there is none, or if it isn't one.
    """
    if not isinstance(name, str) or not name.isprintable():
        raise UsageError(f"a device is the name of a profile or its file, got {name!r}")
    for path in (Path(name), *((beside / name,) if beside is not None else ()), devices_folder() / f"{name}.json"):
        if reading.is_file(path):
            return _read(path, name)
    shipped = devices_folder() / Path(name).name
    if name == f"specs/devices/{shipped.name}" and reading.is_file(shipped):
        return _read(shipped, name)
    known = device_names()
    shown = name if len(name) <= 80 else f"{name[:77]}..."
    raise UsageError(
        f"there is no device profile '{shown}'{suggest(name, known, 'there are ' + ', '.join(known) if known else '')}"
    )


def _read(path: Path, shown: str) -> Profile:
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
        raise UsageError(f"{shown}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise UsageError(f"{shown}:1:1: not JSON") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UsageError(f"{shown}: not a device profile: its `schema` must be {SCHEMA}")
    try:
        return _READER.validate_json(json.dumps(found))
    except ValidationError as error:
        problems = [
            f"{shown}: {_place(problem)}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
            for problem in error.errors()
        ]
        raise UsageError(*problems[:10]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys all differ. Raises UsageError."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise UsageError(
            f"not a device profile: `{next(name for name in found if names.count(name) > 1)}` stands twice in one"
            " object"
        )
    return found


def _place(problem: Any) -> str:
    """`classes.conv_3x3.ps_per_mac`, without the word that tells the kinds of profiles apart."""
    return ".".join(str(part) for part in problem["loc"] if part not in ("calibrated", "roofline")) or "kind"


def printed(profile: Profile) -> str:
    """A profile as its file holds it."""
    return escapes.json(profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)) + "\n"


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
