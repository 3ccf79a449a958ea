"""The one clock of the system: rows with a due time, and one thread that has them handled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from services.config.store import DatabaseUnavailable, Observer, Store, UnitOfWork, Work
from services.config.store.timers import Timer, due_timers, next_due, put_off, take_timer
from shared.process.backoff import doubled
from shared.process.logging import get_logger

log = get_logger()

Handler = Callable[[UnitOfWork, str], None]
"""What to do for a subject, in the transaction that removes its timer."""

_PAGE = 100
_LONGEST_SLEEP_S = 5.0
_AWAY_S = 2.0
_LONGEST_PUT_OFF_S = 600.0


class Timers(Observer):
    """Fires each due timer once it is due; one whose handler fails comes again later and holds up no other."""

    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = handlers
        self._wake = threading.Event()
        self._closing = False
        self._next = 0.0
        self._thread = threading.Thread(target=self._work, name="timers", daemon=True)

    def open(self) -> None:
        """Begin to fire."""
        self._store.add_observer(self)
        self._thread.start()

    def close(self) -> None:
        """Fire no more."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._store.remove_observer(self)

    def on_timer(self, due_at: float) -> None:
        """Wake up early for it."""
        if due_at < self._next:
            self._wake.set()

    def _work(self) -> None:
        while not self._closing:
            try:
                sleep_s = self.fire()
            except DatabaseUnavailable as error:
                log.warning("timers.waiting", reason=str(error))
                sleep_s = _AWAY_S
            if sleep_s > 0:
                self._wake.wait(sleep_s)
            self._wake.clear()

    def fire(self) -> float:
        """Fire what is due; returns for how many seconds there is nothing more to do."""
        # Set before looking, so that a timer made meanwhile wakes the thread.
        self._next = float("inf")
        with self._store.read() as uow:
            due = due_timers(uow, _PAGE)
            upcoming = next_due(uow) if len(due) < _PAGE else uow.now
            now = uow.now
        for timer in due:
            self._fire(timer)
        if due:
            return 0.0
        sleep_s = _LONGEST_SLEEP_S if upcoming is None else min(_LONGEST_SLEEP_S, max(0.0, upcoming - now))
        self._next = now + sleep_s
        return sleep_s

    def _fire(self, timer: Timer) -> None:
        try:
            handler = self._handlers[timer.kind]
            with self._store.write(Work.TIMERS) as uow:
                if take_timer(uow, timer):
                    handler(uow, timer.subject)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("timer.failed", kind=timer.kind, subject=timer.subject, failures=timer.failures + 1)
            with self._store.write(Work.TIMERS) as uow:
                wait_s = doubled(1.0, timer.failures + 1, _LONGEST_PUT_OFF_S)
                put_off(uow, timer, uow.now + wait_s)
