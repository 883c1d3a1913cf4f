"""From text to a `Spec`.

`text` composes YAML with positions, `model` says which keys there are, `items` is the grammar of layers, `expressions` the
arithmetic, `load` puts them together, `layers` finds out what each line means, and `binding` gives parameters their values.
"""

from archcalc.spec.binding import Binding, bind, numeric
from archcalc.spec.load import Spec, load_spec, read_spec

__all__ = ["Binding", "Spec", "bind", "load_spec", "numeric", "read_spec"]
