"""The one active config process: takes the lock, works while it holds it, and stops at once when it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from services.config.store import DatabaseUnavailable, Deposed
from shared.process.life import Closer
from shared.process.logging import get_logger

log = get_logger()

EVERY_S = 0.5


class Lock(Protocol):
    """Held by at most one process."""

    def acquire(self) -> bool: ...
    def held(self) -> bool: ...
    def watch(self) -> None: ...
    def release(self) -> None: ...


class LeaderWatchdog(Protocol):
    """Ends the process when it hears for too long nothing from the thread that leads."""

    def alive(self) -> None: ...
    def close(self) -> None: ...


class Active:
    """A thread that tries for the lock, calls `start` when it has it, and closes what that returned when it is lost.

    While another process holds it, `lock.watch` may take it from one that shows no life. `watchdog` hears that this
    thread, and so the writer that it waits for, continues. `database_is` gets why the database cannot be used, or an
    empty text when it can.
    """

    def __init__(
        self,
        lock: Lock,
        start: Callable[[], Closer],
        beat: Callable[[], None],
        database_is: Callable[[str], None],
        *,
        watchdog: LeaderWatchdog | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self._lock = lock
        self._start = start
        self._beat = beat
        self._database_is = database_is
        self._watchdog = watchdog
        self._every_s = every_s
        self._working: Closer | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="active", daemon=True)

    @property
    def working(self) -> bool:
        """Whether this process is the active one."""
        return self._working is not None

    def open(self) -> None:
        """Begin to try."""
        self._thread.start()

    def close(self) -> None:
        """Finish what is in hand and let another process work."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(30)
        self._stop("closing")
        if self._watchdog is not None:
            self._watchdog.close()

    def _work(self) -> None:
        reported = False
        while not self._closing.is_set():
            if self._watchdog is not None:
                self._watchdog.alive()
            try:
                if self._working is None:
                    reported = self._try(reported)
                elif not self._lock.held():
                    self._stop("the lock is lost")
                else:
                    self._beat()
            except Deposed as error:
                self._stop(str(error))
            except DatabaseUnavailable as error:
                self._database_is(str(error))
                self._stop("the database is away")
            except Exception:
                log.exception("config.not-started")
                self._stop("an error")
            self._closing.wait(self._every_s)

    def _try(self, reported: bool) -> bool:
        mine = self._lock.acquire()
        self._database_is("")
        if not mine:
            if not reported:
                log.info("config.standing-by", reason="another process holds the lock")
            self._lock.watch()
            return True
        self._working = self._start()
        log.info("config.active")
        return False

    def _stop(self, reason: str) -> None:
        working, self._working = self._working, None
        if working is not None:
            log.info("config.released", reason=reason)
            try:
                working.close()
            finally:
                self._lock.release()
        else:
            self._lock.release()
