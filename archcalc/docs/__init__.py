"""Cost tables in documents: regions that archcalc fills, and checks.

`regions` finds them, where `markdown` tells code from text, `commands` answers them, `pieces` writes the answers down,
`refresh` puts them in their place.
"""

from archcalc.docs.refresh import Document, Refreshed, documents, read, refreshed, save

__all__ = ["Document", "Refreshed", "documents", "read", "refreshed", "save"]
