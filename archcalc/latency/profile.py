"""What is known about a device: the JSON format `archcalc/device/1`.

A profile is `calibrated`, with the prices of each class of kernels that `archcalc calibrate` measured, or a `roofline`, the peaks of
a data sheet, which bound every run from below.
"""

from __future__ import annotations

import json
from functools import lru_cache
from math import exp, log, sqrt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from archcalc.errors import UsageError, suggest
from archcalc.model import specs_folder

SCHEMA = "archcalc/device/1"
MOST_BYTES = 10_000_000

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=1, allow_inf_nan=False)]
Range = tuple[Price, Price]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(_Part):
    """Prices of one class of kernels: picoseconds a count, nanoseconds a call. `seen` are the ranges of counts that they were fitted on."""

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


class Device(_Part):
    """The machine."""

    type: Literal["cpu", "cuda"]
    model: str
    isa: str | None = None
    cores: int | None = Field(None, ge=1)
    threads: int | None = Field(None, ge=1)
    driver: str | None = None


class Runtime(_Part):
    """What ran the networks."""

    name: str
    version: str
    provider: str
    optimization: str = "all"


class Calibration(_Part):
    """How the prices were found: from short chains of layers timed on the device, or from published times of whole networks.

    `noise` is the median difference between odd and even passes.
    """

    date: str
    source: str
    samples: int = Field(ge=1)
    passes: int | None = Field(None, ge=1)
    seconds: Positive | None = None
    noise: Price | None = None
    reference_ms: Positive | None = None
    load: Price | None = Field(None, description="the machine's load average before the calibration")


class HoldOut(_Part):
    """How well what the fit had not seen was predicted. Nine of ten lay within the `factor` where time is spread over many layers, within the
    `single_factor` where one takes it all, and within the `extrapolated_factor` where only the prices that all classes have in common
    were used."""

    samples: int = Field(ge=1)
    of: str
    mape: Price
    within_10: Price
    within_20: Price
    rank: float = Field(ge=-1, le=1)
    layer_error: Price | None = None
    layer_rank: float | None = Field(None, ge=-1, le=1)
    factor: Factor
    single_factor: Factor | None = Field(None, description="none: as `factor`")
    extrapolated_factor: Factor

    def factor_of(self, concentration: float) -> float:
        """The factor of a network; `concentration` is the sum of the squared shares of its different layers, 1 for a single one.

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
    name: str
    note: str | None = None
    device: Device
    runtime: Runtime
    dtype: Literal["fp32", "fp16"]
    batches: tuple[int, int] = Field(description="the least and the most samples in a batch")
    calibration: Calibration
    peak: Peak
    channel_block: int = Field(1, ge=1, le=64, description="channels in a block of the layout that maps are kept in; 1: no blocks")
    fuses: bool = Field(True, description="whether the runtime takes layers together")
    classes: dict[str, Kind]
    fallback: Kind
    holdout: HoldOut

    @property
    def dtypes(self) -> tuple[str, ...]:
        return (self.dtype,)


class Roofline(_Part):
    """A device's data sheet."""

    schema_: Literal["archcalc/device/1"] = Field(alias="schema")
    kind: Literal["roofline"]
    name: str
    note: str | None = None
    device: Device
    gmacs_per_s: dict[Literal["fp64", "fp32", "fp16", "bf16", "int8"], Positive] = Field(min_length=1)
    gbytes_per_s: Positive
    source: str

    @property
    def dtypes(self) -> tuple[str, ...]:
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
    for path in (Path(name), *((beside / name,) if beside is not None else ()), devices_folder() / f"{name}.json"):
        if path.is_file():
            return _read(path, name)
    shipped = devices_folder() / Path(name).name
    if name == f"specs/devices/{shipped.name}" and shipped.is_file():
        return _read(shipped, name)
    known = device_names()
    raise UsageError(f"there is no device profile '{name}'{suggest(name, known, 'there are ' + ', '.join(known) if known else '')}")


def _read(path: Path, shown: str) -> Profile:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown}: can't be read: {error.strerror or error}") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"{shown}: too large for a device profile")
    return parse(content, shown)


@lru_cache(maxsize=16)
def parse(content: bytes, shown: str) -> Profile:
    """A profile from its text. Raises UsageError that says what is wrong and where."""
    try:
        found = json.loads(content)
    except json.JSONDecodeError as error:
        raise UsageError(f"{shown}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise UsageError(f"{shown}:1:1: not JSON") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UsageError(f"{shown}: not a device profile: its `schema` must be {SCHEMA}")
    try:
        return _READER.validate_python(found)
    except ValidationError as error:
        problems = [f"{shown}: {_place(problem)}: {problem['msg'][:1].lower()}{problem['msg'][1:]}" for problem in error.errors()]
        raise UsageError("\n".join(problems[:10])) from None


def _place(problem: Any) -> str:
    """`classes.conv_3x3.ps_per_mac`, without the word that tells the kinds of profiles apart."""
    return ".".join(str(part) for part in problem["loc"] if part not in ("calibrated", "roofline")) or "kind"


def printed(profile: Profile) -> str:
    """A profile as its file holds it."""
    return json.dumps(profile.model_dump(mode="json", by_alias=True, exclude_defaults=True), indent=1, ensure_ascii=False) + "\n"


__all__ = ["SCHEMA", "Calibrated", "Kind", "Profile", "Roofline", "device_names", "devices_folder", "load_profile", "parse", "printed"]
