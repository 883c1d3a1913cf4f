"""What a network holds in memory: what is alive while it runs, what training keeps, and what training holds besides.

`alive` follows tensors in the order of the layers, `kept` follows what PyTorch's autograd saves, `checkpoint` says what
is left of that where some is computed again, `training` has optimisers and precisions, and `held` puts it together.
"""

from archcalc.memory.alive import CONVENTION, Alive, alive, inside
from archcalc.memory.attention import ATTENTION, attending, attention_told
from archcalc.memory.held import Held
from archcalc.memory.kept import KEPT, Keeping, Kept, Widths, kept
from archcalc.memory.settled import alike, of_file, settled
from archcalc.memory.training import OPTIMIZERS, PRECISIONS, TRAINING, WAYS, Training, refused, state_told

__all__ = [
    "ATTENTION",
    "CONVENTION",
    "KEPT",
    "OPTIMIZERS",
    "PRECISIONS",
    "TRAINING",
    "WAYS",
    "Alive",
    "Held",
    "Keeping",
    "Kept",
    "Training",
    "Widths",
    "alike",
    "alive",
    "attending",
    "attention_told",
    "inside",
    "kept",
    "of_file",
    "refused",
    "settled",
    "state_told",
]
