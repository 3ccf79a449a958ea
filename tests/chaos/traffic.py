"""Pushes at a steady rate: a thread for each repository, so that its pushes come in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from tests.support.world import World

from .account import Pushed


class Traffic:
    """Pushes each repository in turn until it is told to stop."""

    def __init__(self, world: World, repositories: Sequence[str], *, every_s: float, prefix: str = "") -> None:
        self.pushes: list[Pushed] = []
        self._world = world
        self._every_s = every_s
        self._prefix = prefix
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._push, args=(one, place * every_s / len(repositories)), daemon=True)
            for place, one in enumerate(repositories)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Push no more; returns when the last answers are there."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)

    def _push(self, repository: str, first_after_s: float) -> None:
        due = time.monotonic() + first_after_s
        number = 0
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            number += 1
            due += self._every_s
            tag = f"{self._prefix}{repository.rpartition('/')[2]}-{number}"
            said = self._world.push(tag, repository)
            (delivery,) = said["deliveries"]
            self.pushes.append(Pushed(repository, tag, said["digest"], delivery["status"]))
