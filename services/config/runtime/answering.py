"""What any config may answer: by standbys first, so that pages leave the deciding core alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from shared.process.life import Closer

ACTIVE, STANDBY = 0, 1
"""Priorities of consumers. The broker gives the active config only what standbys have no room for."""


class Answering:
    """Consumers of the queues that any config may answer.

    `serve` begins to consume at a priority. Without `by_standbys` only the active config does: a SQLite file belongs to
    one process. The next consumers begin before the last ones end, so that somebody always answers.
    """

    def __init__(self, serve: Callable[[int], Sequence[Closer]], *, by_standbys: bool) -> None:
        self._serve = serve
        self._by_standbys = by_standbys
        self._lock = threading.Lock()
        self._consumers: Sequence[Closer] = ()
        self._closed = False

    def stand_by(self) -> None:
        """Another config is active, or none."""
        self._change(STANDBY if self._by_standbys else None)

    def lead(self) -> None:
        """This config is active."""
        self._change(ACTIVE)

    def close(self) -> None:
        """Finish what is in hand; nothing begins again."""
        self._closed = True
        self._change(None)

    def _change(self, priority: int | None) -> None:
        with self._lock:
            earlier = self._consumers
            self._consumers = () if priority is None or self._closed else self._serve(priority)
        for consumer in earlier:
            # A question in hand may take seconds, which nobody has who becomes active.
            closing = threading.Thread(target=consumer.close, name="answering-close", daemon=True)
            closing.start()
            if self._closed:
                closing.join()
