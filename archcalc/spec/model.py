"""What a spec file may hold, key by key: the models that validate it and from which the JSON Schema comes.

Layers, blocks and expressions are left as they stand in the file (`Raw`): they have a grammar of their own in `items`
and `expressions`.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Literal

from archcalc.fields import Check, Checked
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

_SUFFIX: dict[str, int | Fraction] = {
    "": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "%": Fraction(1, 100),
}  # fmt: skip
_SUFFIX |= {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SUFFIX |= {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_QUANTITY = pattern(r"([+-]?\d[\d_,]*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?\s*([A-Za-z%]*)$")


class Quantity(NamedTuple):
    """A number as it is printed: `1.5G` is 1.5e9, known to its last digit, which stands for 1e8."""

    value: Fraction
    digit: Fraction
    text: str

    def matches(self, number: int | Fraction, tolerance: Fraction | None) -> bool:
        """Whether a number is this one: within the tolerance, or else equal to the printed digit."""
        if tolerance is not None:
            return abs(number - self.value) <= tolerance * abs(self.value)
        return abs(number - self.value) <= self.digit / 2 if self.digit != 1 else number == self.value


def read_quantity(value: object) -> Quantity:
    """`7M`, `1.5G`, `8MiB`, `2%`, `6998552`."""
    text = str(value).strip()
    match = _QUANTITY.match(text) if len(text) <= 60 and not isinstance(value, (bool, Fraction)) else None
    if isinstance(value, Fraction):
        return Quantity(value, Fraction(1, _decimals(value)), text)
    if match is None or match.group(4) not in _SUFFIX:
        raise ValueError(f"must be a number such as 7M, 1.5G, 8MiB or 2%, got {_short(value)}")
    whole, decimals, exponent, suffix = match.groups()
    unit = _digit(int(exponent or 0) - len(decimals or ""), suffix)
    return Quantity(int(whole.replace("_", "").replace(",", "") + (decimals or "")) * unit, unit, text)


@cache
def _digit(exponent: int, suffix: str) -> Fraction:
    """What a one in the last place stands for."""
    return Fraction(10) ** exponent * _SUFFIX[suffix]


_DURATION: dict[str, int | Fraction] = {"s": 10**3, "ms": 1, "us": Fraction(1, 10**3), "µs": Fraction(1, 10**3)}


def read_duration(value: object) -> Quantity:
    """`5ms`, `1.2 s`, `300us`, `2%`: in milliseconds, but for a percentage."""
    number, unit = re.fullmatch(r"(.*?)\s*([A-Za-zµ%]*)", str(value).strip()).groups()  # type: ignore[union-attr]
    if unit not in (*_DURATION, "%"):
        raise ValueError(f"must be a time such as 5ms, 1.2s or 300us, got {_short(value)}")
    try:
        found = read_quantity(f"{number}%" if unit == "%" else number)
    except ValueError:
        raise ValueError(f"must be a time such as 5ms, 1.2s or 300us, got {_short(value)}") from None
    scale = _DURATION.get(unit, 1)
    return Quantity(found.value * scale, found.digit * scale, str(value).strip())


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _decimals(value: Fraction) -> int:
    scale = 1
    while (value * scale).denominator != 1 and scale < 10**12:
        scale *= 10
    return scale


def _field(check: Callable[[object], object], **schema: Any) -> Check:
    return Check(check, schema)


def _left(**schema: Any) -> Check:
    """What is left as it stands in the file."""
    return _field(lambda value: value, **schema)


def _value(value: object) -> object:
    return tuple(_value(v) for v in value) if isinstance(value, list) else value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(
            "must be text" + (f", got {_short(value)}; put it in quotes" if isinstance(value, (int, Fraction)) else "")
        )
    return value


def _year(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1900 <= value <= 2100:
        raise ValueError(f"must be a year such as 2015, got {_short(value)}")
    return value


def _bound(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, Fraction, str)):
        raise ValueError("must be a number or an expression in parameters")
    return value


def _multiple(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a positive whole number")
    return value


def _choices(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of values")
    return _value(value)


def _ranges(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be a mapping of parameters to ranges, such as {size: 96..320:32, act: [relu, silu]}")
    return value


def _sizes(value: object) -> object:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of sizes, such as [64, 56, 56]")
    return value


def _bindings(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be a mapping of parameters to values, such as {size: 320}")
    return value


HERE = "#/definitions/"
_ITEM = {"$ref": f"{HERE}Item"}
_PARAMETER = {"$ref": f"{HERE}Parameter"}
_NUMBER_OR_TEXT = {"type": ["number", "string"]}
Amount = Annotated[Any, _field(read_quantity, **_NUMBER_OR_TEXT, description="a number: 6998552, 7M, 1.5G, 8MiB, 2%")]
Duration = Annotated[Any, _field(read_duration, type="string", description="a time: 5ms, 1.2s, 300us")]
Bound = Annotated[Any, _field(_bound, **_NUMBER_OR_TEXT)]
_ANY = {
    "type": ["number", "string", "boolean", "array", "null"],
    "description": "a number, a word, true or false, a list, or an expression in parameters",
}
Value = Annotated[Any, _field(_value, **_ANY)]
Text = Annotated[str, _field(_text, type="string", minLength=1)]
Year = Annotated[
    Any,
    _field(
        _year,
        type="integer",
        minimum=1900,
        maximum=2100,
        description="when it was published, where `paper` doesn't tell",
    ),
]
_NAME: dict[str, object] = {"type": "string", "pattern": r"^[A-Za-z0-9_][\w.+/-]*$"}
Name = Annotated[str, _field(_text, **_NAME)]
Labels = Annotated[Any, _left(type="array", items=_NAME, minItems=1)]
_DIMS: dict[str, object] = {"type": "array", "items": _NUMBER_OR_TEXT, "minItems": 1}
Dims = Annotated[Any, _left(**_DIMS, description="one sample, channels first; numbers or expressions")]
Sizes = Annotated[Any, _field(_sizes, **_DIMS, description="one sample, channels first")]
Items = Annotated[Any, _left(type="array", items=_ITEM)]
Inputs = Annotated[Any, _left(type="object", additionalProperties={"type": "array", "items": _NUMBER_OR_TEXT})]
Parameters = Annotated[Any, _left(type="object", additionalProperties={"anyOf": [_PARAMETER, _ANY]})]
_RANGE = {
    "type": ["number", "string", "array"],
    "description": "the values to choose among: 96..320:32, 0.25..2:0.05, [relu, silu], or one value",
}
Ranges = Annotated[Any, _field(_ranges, type="object", additionalProperties=_RANGE)]
Defaults = Annotated[
    Any,
    _left(
        type="object",
        properties={"dtype": {"type": "string"}, "weights": {"type": "string"}},
        additionalProperties={"type": "object"},
        description="options that each such layer starts from; `dtype` and `weights` of all layers",
    ),
]
Blocks = Annotated[
    Any, _left(type="object", additionalProperties={"anyOf": [_ITEM, {"type": "array", "items": _ITEM}]})
]
Bindings = Annotated[Any, _field(_bindings, type="object", description="parameters that the figure was given for")]


class Parameter(Checked):
    """A design parameter with its constraints."""

    default: Value
    min: Bound = None
    max: Bound = None
    in_: Annotated[Any, _field(_choices, type="array")] = None
    multiple_of: Annotated[int | None, _field(_multiple, type="integer", minimum=1)] = None
    help: Text | None = None


Width = Literal["fp64", "fp32", "fp16", "bf16", "int8"]  # that bytes are counted in
METRICS = (
    "params", "trainable_params", "active_params", "buffers", "macs", "flops", "activations", "act_peak", "act_sum",
    "weight_bytes", "cache", "memory", "arena", "arena_best", "kept", "inside", "training",
    "depth", "depth_with_pooling", "field", "field_stride", "field_start",
)  # fmt: skip


class Reference(Checked):
    """A published figure, checked by `archcalc check`: to its last printed digit, or within `tol`."""

    source: Text
    params: Amount | None = None
    trainable_params: Amount | None = None
    active_params: Amount | None = None
    buffers: Amount | None = None
    macs: Amount | None = None
    flops: Amount | None = None
    activations: Amount | None = None
    act_peak: Amount | None = None
    act_sum: Amount | None = None
    weight_bytes: Amount | None = None
    cache: Amount | None = None
    memory: Amount | None = None
    arena: Amount | None = None
    arena_best: Amount | None = None
    kept: Amount | None = None
    inside: Amount | None = None
    training: Amount | None = None
    depth: Amount | None = None
    depth_with_pooling: Amount | None = None
    field: Amount | None = None
    field_stride: Amount | None = None
    field_start: Amount | None = None
    shape: Sizes | None = None
    layer: Name | None = None
    tol: Amount | None = None
    expect: Literal["match", "mismatch"] = "match"
    train: bool = False
    dtype: Width | None = None
    fold_bn: bool = False
    set: Bindings = {}
    note: Text | None = None


class Limit(Checked):
    """A budget for one metric: absolute bounds, and for `archcalc compare` the most it may grow (`2%` or `+30M`)."""

    max: Amount | None = None
    min: Amount | None = None
    increase: Amount | None = None
    dtype: Width | None = None
    fold_bn: bool = False
    level: Literal["error", "warn"] = "error"

    def agree(self) -> None:
        """Raises ValueError where it sets no limit."""
        if self.max is self.min is self.increase is None:
            raise ValueError("sets no limit: there are max, min and increase")


class LatencyLimit(Limit):
    """A budget for the time predicted on a device: a profile's file, perhaps beside the spec, or one that ships."""

    device: Text
    max: Duration | None = None
    min: Duration | None = None
    increase: Duration | None = None

    def agree(self) -> None:
        """Raises ValueError where it sets no limit, or one of no time."""
        super().agree()
        for name, limit in (("max", self.max), ("min", self.min)):
            if limit is not None and limit.value <= 0:
                raise ValueError(f"`{name}` must be more than no time, got {limit.text}")


class Budget(Checked):
    """Limits that fail CI."""

    params: Limit | None = None
    trainable_params: Limit | None = None
    active_params: Limit | None = None
    buffers: Limit | None = None
    macs: Limit | None = None
    flops: Limit | None = None
    activations: Limit | None = None
    act_peak: Limit | None = None
    act_sum: Limit | None = None
    weight_bytes: Limit | None = None
    cache: Limit | None = None
    memory: Limit | None = None
    arena: Limit | None = None
    arena_best: Limit | None = None
    kept: Limit | None = None
    inside: Limit | None = None
    training: Limit | None = None
    depth: Limit | None = None
    depth_with_pooling: Limit | None = None
    field: Limit | None = None
    latency: LatencyLimit | None = None


class TrainHead(Checked):
    """Layers that hang on an earlier output and are counted with --train only."""

    from_: Name
    layers: Items


WRITTEN = (
    "module", "functional", "method", "Linear", "Conv2d", "AdaptiveAvgPool2d", "scaled_dot_product_attention",
)  # fmt: skip
Written = Annotated[
    str,
    _field(
        lambda value: _written(value),
        enum=list(WRITTEN),
        description="how PyTorch code writes it: tools that hook modules see that",
    ),
]


def _written(value: object) -> str:
    if value not in WRITTEN:
        raise ValueError(f"must be one of {', '.join(WRITTEN)}; got {_short(value)}")
    return str(value)


class Variant(Checked):
    """A member of the family: other values for parameters, layers left out, and figures of its own."""

    others = True

    name: Text | None = None
    paper: Text | None = None
    year: Year | None = None
    without: list[Name] = []
    torch: dict[str, Written] | None = None
    reference: list[Reference] = []
    budget: Budget | None = None


class Document(Checked):
    """A spec: a network, or a family of networks, that archcalc counts."""

    archcalc: Annotated[int, _field(lambda value: _version(value), const=1, description="the version of the language")]
    name: Text
    paper: Text | None = None
    year: Year | None = None
    description: Text | None = None
    input: Dims | None = None
    inputs: Inputs | None = None
    params: Parameters = {}
    space: Ranges = {}
    require: list[Text] = []
    defaults: Defaults = {}
    blocks: Blocks = {}
    layers: Items
    outputs: Labels = []
    train_heads: dict[str, TrainHead] = {}
    torch: dict[str, Written] = {}
    variants: dict[str, Variant] = {}
    reference: list[Reference] = []
    budget: Budget | None = None


def _version(value: object) -> int:
    if value != 1 or isinstance(value, bool):
        raise ValueError(f"must be 1, the version of the language; got {_short(value)}")
    return 1


_UNITS = pattern(r"(?<![\w.])(\d[\d_.]*)(k|K|M|G|T|KiB|MiB|GiB|TiB|B|kB|MB|GB|TB|us|µs|ms|s)(?!\w)")


def without_units(text: str) -> str:
    """An expression whose amounts and durations are plain numbers: `macs < 150M`, `latency <= 3ms`."""
    return _UNITS.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    read = read_duration if match.group(2) in ("us", "µs", "ms", "s") else read_quantity
    value = read(match.group(0)).value
    return str(value.numerator) if value.denominator == 1 else f"({value.numerator}/{value.denominator})"
