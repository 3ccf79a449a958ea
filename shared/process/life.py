"""How a process starts and stops: signals end it in order, and the exit code says how it went."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from .logging import get_logger

DONE, CANNOT_START, CLOSED_BADLY, GAVE_UP, HURRIED = 0, 1, 3, 4, 130
"""Exit codes: orderly, could not be built, stopped with an error, ended itself to be started again, stopped by a
second signal."""


class Closer(Protocol):
    """What `build` returns: everything that runs, with one way to end it."""

    def close(self) -> None: ...


class Fatal(Exception):
    """A service cannot start, and the message alone tells a person why and what to do: no traceback."""


# SimpleQueue.put may interrupt itself, so a signal handler can use it; Event.set could deadlock there.
_ends: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()


def stop(reason: str, code: int = DONE) -> None:
    """End this process in order, from any thread: for a service that cannot or need not continue."""
    _ends.put((reason, code))


def run(service_name: str, build: Callable[[], Closer]) -> int:
    """Build the service, wait for SIGTERM, SIGINT or `stop`, close it, and return the exit code."""
    log = get_logger()
    faulthandler.enable()
    threading.excepthook = _report_dead_thread
    signals_received = 0

    def on_signal(signal_number: int, _frame: FrameType | None) -> None:
        nonlocal signals_received
        signals_received += 1
        if signals_received > 1:
            os._exit(HURRIED)
        _ends.put((signal.Signals(signal_number).name, DONE))

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, on_signal)

    try:
        service = build()
    except Fatal as error:
        log.error("process.not-started", reason=str(error))
        return CANNOT_START
    except Exception:
        log.exception("process.not-started", reason="unexpected error while starting; see the traceback")
        return CANNOT_START
    log.info("process.started", name=service_name, pid=os.getpid())
    reason, code = _ends.get()
    log.info("process.stopping", reason=reason)
    try:
        service.close()
    except Exception:
        log.exception("process.not-closed")
        return code or CLOSED_BADLY
    log.info("process.stopped")
    return code


class Watchdog:
    """Ends this process, with the traceback of every thread, when `alive` is not called for so long.

    Works below Python: also when none of its threads can continue. SIGSTOP stops this too.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    def alive(self) -> None:
        """The process works."""
        faulthandler.dump_traceback_later(self._after_s, exit=True)

    def close(self) -> None:
        """Watch no longer."""
        faulthandler.cancel_dump_traceback_later()


def _report_dead_thread(dead: threading.ExceptHookArgs) -> None:
    thread = dead.thread.name if dead.thread else "?"
    with contextlib.suppress(Exception):
        get_logger().error(
            "thread.died",
            thread=thread,
            exc_info=(dead.exc_type, dead.exc_value or dead.exc_type(), dead.exc_traceback),
        )
