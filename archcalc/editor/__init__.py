"""Specs in an editor: what is wrong, what may stand here, what it costs.

`analysis` reads a text as it is, `words` finds names in one that may be half written, `completion` and `hover` answer
from both, and `server` speaks the Language Server Protocol; pygls is imported there alone. Lines and columns count
from 0, columns in characters.
"""
