"""What a release says of where it is from: addresses of its repository, and links in the README that lead there.

`ARCHCALC_REPOSITORY` in the environment is that address, which the workflow of the release sets. Without it, as in a
checkout, there are no addresses, and the README's links stay as they are: relative.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\((?!\w+:|#|/)([^)\s]+)\)")


class From(MetadataHookInterface):
    """Called by hatchling, which takes what is put into `metadata`."""

    def update(self, metadata: dict[str, object]) -> None:
        """Add the README, and where the project is."""
        root = Path(self.root)
        found = re.search(r'^__version__ = "(.*)"$', (root / "archcalc" / "__init__.py").read_text("utf-8"), re.M)
        assert found is not None
        address = os.environ.get("ARCHCALC_REPOSITORY", "").rstrip("/")
        text = (root / "README.md").read_text("utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, address, f"v{found[1]}") if address else text,
        }
        metadata["urls"] = urls(address, f"v{found[1]}") if address else {}


def absolute(text: str, address: str, tag: str) -> str:
    """Markdown whose links lead to the files of a tag."""
    return _LINK.sub(lambda at: f"{at[1]}[{at[2]}]({address}/{'raw' if at[1] else 'blob'}/{tag}/{at[3]})", text)


def urls(address: str, tag: str) -> dict[str, str]:
    """Addresses by what they are of."""
    return {
        "Source": address,
        "Documentation": f"{address}/tree/{tag}/docs",
        "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }
