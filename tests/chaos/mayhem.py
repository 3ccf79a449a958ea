"""Who dies when: every process and the broker in turn, in an order that the seed brings again."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from services.config.settings import Settings
from tests.support.world import World

Deed = tuple[str, Callable[[], None]]
QUIET_S = (2.0, 7.0)
"""Between two deeds."""
FROZEN_S = float(Settings.model_fields["lease_s"].default) + 4.0
"""Longer than a lease."""


class Mayhem:
    """A thread that does one deed after another until it is told to stop; what it has stopped goes on then."""

    def __init__(self, world: World, seed: int, tell: Callable[[str], None], more: Sequence[Deed] = ()) -> None:
        self.kills: Counter[str] = Counter()
        self._world = world
        self._random = random.Random(seed)
        self._tell = tell
        self._more = more
        self._started = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mayhem", daemon=True)
        self._asleep: threading.Timer | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Do no more; returns when the last deed is undone. Raises what stopped it before, if anything did."""
        self._stopping.set()
        self._thread.join(120)
        if self._asleep is not None:
            self._asleep.join()
        if self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            for name, deed in self._deeds():
                if self._stopping.wait(self._random.uniform(*QUIET_S)):
                    return
                self._tell(f"{time.monotonic() - self._started:6.1f} s  {name}")
                deed()
                self.kills[name] += 1
        except BaseException as error:
            self.failure = error

    def _deeds(self) -> Iterator[Deed]:
        world = self._world
        services: list[Deed] = [(f"kill {name}", partial(world.kill, name)) for name in world.services]
        while True:
            round_ = [*services, *(self._more or self._of_the_broker()), ("freeze a runner", self._freeze)]
            self._random.shuffle(round_)
            yield from round_

    def _of_the_broker(self) -> list[Deed]:
        away_s = self._random.uniform(0, 4)
        return [
            ("kill broker", lambda: self._world.restart_broker(kill=True)),
            ("stop broker", partial(self._world.restart_broker, away_s=away_s)),
        ]

    def _freeze(self) -> None:
        """Stopped for longer than its lease, then woken: a zombie. Everything else goes on meanwhile."""
        name = self._random.choice([name for name in self._world.services if name.startswith("runner")])
        if self._asleep is None or not self._asleep.is_alive():
            self._world.freeze(name)
            self._asleep = threading.Timer(FROZEN_S, self._world.wake, [name])
            self._asleep.start()
