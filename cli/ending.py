"""How a command ends (by a signal in order, by an expected failure in its own words), and that it runs alone."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from rich.console import Console

from cli.brokers import NoBroker
from cli.demo import DemoFailed
from cli.portside.ending import CommandFailed
from cli.processes import Died
from cli.rabbitmq import BrokerFailed
from cli.system import SetUpFailed

EXPECTED = (
    BrokerFailed,
    CommandFailed,
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


@contextmanager
def until_stopped() -> Iterator[threading.Event]:
    """Turns Ctrl-C, SIGTERM and the terminal's end into an event, so that everything started is stopped in order."""
    stopped = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        if not stopped.is_set() and threading.current_thread() is threading.main_thread():
            stopped.set()
            raise KeyboardInterrupt

    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, on_signal)
    with suppress(KeyboardInterrupt):
        yield stopped


@contextmanager
def failures_said(console: Console) -> Iterator[None]:
    """Expected failures end the command with their own words and exit code 1, never with a traceback."""
    try:
        yield
    except EXPECTED as error:
        console.print(f"\n{error}", style="bold red", markup=False, soft_wrap=True)
        raise SystemExit(1) from None
