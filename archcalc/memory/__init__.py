"""What a network holds in memory: what is alive while it runs, and what training keeps.

`alive` follows tensors in the order of the layers, `kept` follows what PyTorch's autograd saves.
"""

from archcalc.memory.alive import CONVENTION, Alive, alive, inside
from archcalc.memory.attention import ATTENTION, attending, attention_told
from archcalc.memory.kept import KEPT, Keeping, Kept, Widths, kept

__all__ = [
    "ATTENTION",
    "CONVENTION",
    "KEPT",
    "Alive",
    "Keeping",
    "Kept",
    "Widths",
    "alive",
    "attending",
    "attention_told",
    "inside",
    "kept",
]
