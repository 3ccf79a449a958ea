"""How a command ends (by a signal in order, by an expected failure in its own words), and that it runs alone."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import requests
from rich.console import Console

from cli.brokers import NoBroker
from cli.client import ApiError
from cli.demo import DemoFailed
from cli.processes import Died
from cli.rabbitmq import BrokerFailed
from cli.system import SetUpFailed

EXPECTED = (
    ApiError,
    BrokerFailed,
    Died,
    NoBroker,
    DemoFailed,
    SetUpFailed,
    requests.RequestException,
)


@contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[None]:
    """One holder of the file at a time; a second one ends with these words. What the dead held is free."""
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetUpFailed(otherwise) from None
        yield


class until_stopped:
    """Turns Ctrl-C, SIGTERM and the terminal's end into an event, so that everything started is stopped in order."""

    def __enter__(self) -> threading.Event:
        self._event = threading.Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            if self._event.is_set() or threading.current_thread() is not threading.main_thread():
                return
            self._event.set()
            raise KeyboardInterrupt

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_signal)
        return self._event

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return kind is KeyboardInterrupt


class failures_said:
    """Expected failures end the command with their own words and exit code 1, never with a traceback."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EXPECTED):
            self._console.print(f"\n{error}", style="bold red", markup=False, soft_wrap=True)
            raise SystemExit(1)
