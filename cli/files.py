"""Files that hold secrets."""

from __future__ import annotations

import os
from pathlib import Path

PRIVATE = 0o600


def write(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a whole file; a new one has `mode`, less what the umask takes, from its first moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
