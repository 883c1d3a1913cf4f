"""The JSON contract, key by key: what commands print with `--format json`, a module a command.

The writers are annotated with these types, so that a key which is missing here, or there, is a type error; the JSON
Schemas in `archcalc/schemas` are made from them. `schema` changes when a key changes its meaning; new keys may be
added.
"""

from archcalc.render.contract.check import Check, Figure
from archcalc.render.contract.choosing import Advised, Devices, Solved, Swept
from archcalc.render.contract.compare import Change, Compare, Compared, Comparison, LayerChange, Side
from archcalc.render.contract.count import (
    Count,
    Held,
    LastMap,
    Latency,
    Layer,
    ReceptiveField,
    Spans,
    Totals,
    Uncounted,
    WholeField,
)
from archcalc.render.contract.explain import BridgeOf, BridgeStep, Described, Explain, Overview, Printed, Tools
from archcalc.render.contract.listings import Operator, Shipped
from archcalc.render.contract.memory import Memory, Planned
from archcalc.render.contract.runs import Against, Asked, Measured, Timed, Verified

__all__ = [
    "Advised",
    "Against",
    "Asked",
    "BridgeOf",
    "BridgeStep",
    "Change",
    "Check",
    "Compare",
    "Compared",
    "Comparison",
    "Count",
    "Described",
    "Devices",
    "Explain",
    "Figure",
    "Held",
    "LastMap",
    "Latency",
    "Layer",
    "LayerChange",
    "Measured",
    "Memory",
    "Operator",
    "Overview",
    "Planned",
    "Printed",
    "ReceptiveField",
    "Shipped",
    "Side",
    "Solved",
    "Spans",
    "Swept",
    "Timed",
    "Tools",
    "Totals",
    "Uncounted",
    "Verified",
    "WholeField",
]
