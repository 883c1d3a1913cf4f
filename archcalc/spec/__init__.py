"""From text to a `Spec`.

`text` composes YAML with positions, `model` says which keys there are, `words` and `items` are the grammar of layers,
`expressions` the arithmetic, `parts` what a spec is made of, `layers` finds out what each line means, `uses` which
specs a spec uses, `load` puts them together, and `binding` gives parameters their values. `again` does as much of that
as is needed for a text that was read before it was changed.
"""

from archcalc.spec.binding import Binding, bind, bind_used, numeric
from archcalc.spec.load import decoded, is_spec, load_spec, read_spec, read_text
from archcalc.spec.parts import Spec
from archcalc.spec.uses import Disk, Found, Shelf

__all__ = [
    "Binding",
    "Disk",
    "Found",
    "Shelf",
    "Spec",
    "bind",
    "bind_used",
    "decoded",
    "is_spec",
    "load_spec",
    "numeric",
    "read_spec",
    "read_text",
]
