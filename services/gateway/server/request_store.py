"""The bytes of one request while it is read: in memory, and beyond that in an unnamed file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

IN_MEMORY = 32 * 1024
PIECE = 64 * 1024


class RequestStore:
    """Takes bytes up to `limit`; what comes after that is counted and thrown away (`dropped`)."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0
        """All that was taken, kept or not."""

    @property
    def dropped(self) -> bool:
        """Was some of it thrown away?"""
        return self.size > self._limit

    @property
    def in_memory(self) -> int:
        """Bytes held in memory."""
        return len(self._memory)

    @property
    def on_disk(self) -> int:
        """Bytes held in the file."""
        return min(self.size, self._limit) if self._file is not None else 0

    def write(self, data: bytes) -> None:
        """Take some bytes. Raises `OSError` when the disk does not."""
        kept = data[: max(0, self._limit - self.size)]
        self.size += len(data)
        if self._file is None and len(self._memory) + len(kept) > IN_MEMORY:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `clear`
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += kept
        else:
            self._file.write(kept)

    def pieces(self) -> Iterator[bytes]:
        """All that was kept, in order."""
        if self._file is None:
            yield bytes(self._memory)
            return
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def clear(self) -> None:
        """Forget all of it, for the next request."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._memory = bytearray()
        self.size = 0
