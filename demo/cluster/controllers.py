"""The thread inside a cluster that makes ReplicaSets and pods, counts them, ends Jobs and writes events."""

from __future__ import annotations

import logging
import threading
import time

from . import workloads
from .store import Store
from .world import World, move_pods

TICK_S = 0.04


class Controllers:
    """The thread that runs them: fast while something moves, asleep otherwise."""

    def __init__(self, store: Store, pace_s: float = 1.0) -> None:
        self.world = World(store, pace_s)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self.world.store.changed:
            self.world.store.changed.notify_all()
        self._thread.join(5)

    def turn(self) -> None:
        """One round of everybody."""
        world = self.world
        world.now = time.time()
        world.unsettled = False
        with world.store.lock:
            move_pods(world)
            for reconcile in workloads.ALL:
                reconcile(world)

    def _run(self) -> None:
        store = self.world.store
        while not self._stopping.is_set():
            before = store.version
            try:
                self.turn()
                store.save()
            except Exception:
                logging.getLogger(__name__).exception("controller.failed")
            with store.changed:
                # Some deadlines (progressDeadlineSeconds) pass without any write.
                if store.version == before and not self.world.unsettled:
                    store.changed.wait(0.5)
            self._stopping.wait(TICK_S)
