"""The lines that a task prints, on their way to the ledger in chunks: the head as it comes, the tail at the end."""

from __future__ import annotations

import threading
from collections import deque

from shared.contracts.texts import counted, mended

HEAD_LINES = 4_000
TAIL_LINES = 1_000
MAX_LINE_CHARS = 4_000
MAX_CHUNK_CHARS = 256 * 1024
"""Of the lines of one message; a character may take six bytes in it."""


class LogBuffer:
    """Filled by a task's thread, emptied by the holder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: list[str] = []
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._printed = 0
        self._sent = 0

    def add(self, text: str) -> None:
        """One text, which may be several lines."""
        with self._lock:
            for line in mended(text).splitlines() or [""]:
                line = line if len(line) <= MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + "…"
                self._printed += 1
                (self._ready if self._printed <= HEAD_LINES else self._tail).append(line)

    def take(self, *, last: bool = False) -> tuple[int, tuple[str, ...]]:
        """What one message may hold of the lines that wait, with the number of the first; `last` brings the tail."""
        with self._lock:
            if last and self._tail:
                left_out = self._printed - HEAD_LINES - len(self._tail)
                if left_out:
                    self._ready.append(f"… {counted(left_out, 'line')} left out …")
                self._ready += self._tail
                self._tail.clear()
            count, room = 0, MAX_CHUNK_CHARS
            while count < len(self._ready) and (room := room - len(self._ready[count])) >= 0:
                count += 1
            lines, self._ready = self._ready[:count], self._ready[count:]
            first, self._sent = self._sent, self._sent + count
            return first, tuple(lines)
