"""The Mermaid blocks of docs/ and their pictures, which `diagrams` draws and `site` puts in their place."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

PICTURES = Path("images", "diagrams")
"""Within docs/."""
BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def picture_name(text: str) -> str:
    """The file of a block's picture: a changed block has another."""
    return f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.svg"
