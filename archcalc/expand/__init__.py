"""A graph as a spec: one layer a line (`flat`), or with what repeats written once (`writing`, of `items` that `folding`
folds).
"""

from archcalc.expand.flat import expand

__all__ = ["expand"]
