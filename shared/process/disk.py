"""Whether a disk is about to be full, said while there is time to do something."""

from __future__ import annotations

from pathlib import Path
from shutil import disk_usage

_LEAST_SHARE = 0.05
_MOST_BYTES = 1024**3
"""Of a large disk a twentieth would be far from full."""
_MIB = 1024**2


def low_disk(folder: Path) -> str:
    """One line for Health when less than a twentieth, and less than 1 GiB, of the folder's disk is free; else empty."""
    try:
        disk = disk_usage(folder)
    except OSError:
        return ""
    if disk.free >= min(_LEAST_SHARE * disk.total, _MOST_BYTES):
        return ""
    return (
        f"The disk of {folder} is nearly full: {disk.free // _MIB} of {disk.total // _MIB} MiB are free. "
        "Free some; when it is full nothing can be recorded."
    )
