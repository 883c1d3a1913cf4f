"""archcalc: what a neural network costs, exactly.

A network is declared in a page of YAML; `load` reads it, `Model.count` counts it.

>>> import archcalc
>>> model = archcalc.load("googlenet")
>>> table = model.count()
>>> table.totals["params"], table.totals["macs"]
(6998552, 1582671872)
>>> model.count(size=320).totals["macs"]
3228876800
>>> print(model.count(free=["classes"]).totals["params"])
1025*classes + 5973552
"""

from typing import TYPE_CHECKING

from archcalc.errors import ArchcalcError

if TYPE_CHECKING:
    from archcalc.comparison import Comparison, compare
    from archcalc.importer.outside import rule
    from archcalc.model import Model, from_torch, load
    from archcalc.ops import register

__version__ = "0.1.0"

__all__ = ["ArchcalcError", "Comparison", "Model", "__version__", "compare", "from_torch", "load", "register", "rule"]
_HOMES = {
    "Comparison": "comparison",
    "Model": "model",
    "compare": "comparison",
    "from_torch": "model",
    "load": "model",
    "register": "ops",
    "rule": "importer.outside",
}


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # which would take any name for one that is there

    def __getattr__(name):
        """`load`, `compare` and what they give bring in all the rest, so they are imported when they are first asked
        for.
        """
        if name in _HOMES:
            from importlib import import_module

            return getattr(import_module(f"archcalc.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'archcalc' has no attribute '{name}'")
