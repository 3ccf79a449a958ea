"""A table of processes, started in order, started again when they die, and stopped in reverse order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli import leftovers
from shared.process import clock
from shared.process.backoff import doubled

STOP_LIMIT_S = 20.0
HUNG_AFTER_S = 30.0
START_LIMIT_S = 300.0
"""Until the first sign of life: a busy machine may need most of a minute to load the code, a large database more."""
QUICK_DEATH_S = 5.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0
LARGEST_LOG_BYTES = 32 * 1024 * 1024
"""Of each process there are at most three such files."""


def portside(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs one of our modules with this very Python."""
    return (sys.executable, "-m", module, *arguments)


class Died(Exception):
    """A process ended before it was ready; the message holds the end of its log."""


@dataclass
class Process:
    """One row of the table. Its output goes to `<log folder>/<name>.log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    ready_limit_s: float = 180.0
    pulse: Path | None = None
    """A file that the process writes every few seconds while it lives; one that stops is ended and started again."""


@dataclass
class _Running:
    process: Process
    child: subprocess.Popen[bytes]
    started: float
    quick_deaths: int = 0

    @property
    def wait_s(self) -> float:
        """How long it is left alone before it is started again."""
        return doubled(FIRST_WAIT_S, self.quick_deaths + 1, LONGEST_WAIT_S)

    pulse_ns: int = 0
    pulse_at: float = 0.0
    """When the pulse's file was seen to change last."""
    has_pulse: bool = False
    """Whether this child has written it."""

    def hangs(self, at: float) -> bool:
        """Whether the process lives and its pulse does not, for too long."""
        if self.process.pulse is None:
            return False
        try:
            pulse_ns = self.process.pulse.stat().st_mtime_ns
        except OSError:
            pulse_ns = self.pulse_ns
        if self.pulse_at < self.started:
            self.pulse_ns, self.pulse_at, self.has_pulse = pulse_ns, at, False
        elif pulse_ns != self.pulse_ns:
            self.pulse_ns, self.pulse_at, self.has_pulse = pulse_ns, at, True
        return at - self.pulse_at > (HUNG_AFTER_S if self.has_pulse else START_LIMIT_S)


def rotate(log: Path, largest: int = LARGEST_LOG_BYTES) -> None:
    """Move what a large log holds to `<name>.log.1`, and what was there to `.2`; its writer continues in the same file,
    which it opened to append.
    """
    try:
        if log.stat().st_size <= largest:
            return
        first, second = log.with_name(f"{log.name}.1"), log.with_name(f"{log.name}.2")
        if first.exists():
            first.replace(second)
        shutil.copyfile(log, first)
        first.chmod(log.stat().st_mode & 0o777)
        os.truncate(log, 0)
    except OSError:
        # Health reports a full disk; the log continues in the same file.
        return


class Supervisor:
    """Keeps the started processes alive until `stop`."""

    def __init__(self, log_folder: Path) -> None:
        self.log_folder = log_folder
        log_folder.mkdir(parents=True, exist_ok=True)
        self._running: dict[str, _Running] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, process: Process) -> None:
        """Start one process and wait until it is ready; raises Died with the end of its log."""
        with self._lock:
            running = _Running(process, self._spawn(process), clock.monotonic())
        deadline = clock.monotonic() + process.ready_limit_s
        while process.ready is not None and not process.ready():
            if running.child.poll() is not None or clock.monotonic() > deadline:
                why = (
                    "ended"
                    if running.child.poll() is not None
                    else f"was not ready after {process.ready_limit_s:.0f} s"
                )
                self._end(running)
                raise Died(f"{process.name} {why}; the end of {self.log_of(process.name)}:\n{self.tail(process.name)}")
            time.sleep(0.05)
        with self._lock:
            self._running[process.name] = running
            if not self._watcher.is_alive() and not self._stopping.is_set():
                self._watcher.start()

    def stop(self) -> None:
        """Stop everything, last started first. Safe to call twice."""
        self._stopping.set()
        with self._lock:
            for running in reversed(list(self._running.values())):
                self._end(running)
            self._running.clear()

    def end(self, name: str) -> None:
        """Stop one process and forget it; `start` may start it again, as another release does."""
        with self._lock:
            self._end(self._running.pop(name))

    def pid_of(self, name: str) -> int:
        with self._lock:
            return self._running[name].child.pid

    def log_of(self, name: str) -> Path:
        return self.log_folder / f"{name}.log"

    def tail(self, name: str, lines: int = 12) -> str:
        """The last lines that a process wrote."""
        try:
            return "\n".join(self.log_of(name).read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no output)"

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        with self.log_of(process.name).open("ab") as output:
            child = subprocess.Popen(
                list(process.command),
                env={**os.environ, **process.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C reaches only the owner, who stops the others in order.
                start_new_session=True,
            )
        leftovers.note(self.log_folder, child.pid)
        return child

    def _end(self, running: _Running) -> None:
        if running.child.poll() is None:
            running.child.terminate()
            try:
                running.child.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                running.child.kill()
                running.child.wait()

    def _end_if_it_hangs(self, running: _Running) -> None:
        if running.hangs(clock.monotonic()):
            with self.log_of(running.process.name).open("a") as log:
                log.write(f"supervisor: no sign of life for {HUNG_AFTER_S:.0f} s: ended, to be started again\n")
            # Not asked: a process that is stopped cannot hear.
            running.child.kill()

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            with self._lock:
                for name in self._running:
                    rotate(self.log_of(name))
                for running in self._running.values():
                    if self._stopping.is_set():
                        continue
                    if running.child.poll() is None:
                        self._end_if_it_hangs(running)
                        continue
                    lived = clock.monotonic() - running.started
                    if lived < running.wait_s:
                        continue
                    running.quick_deaths = running.quick_deaths + 1 if lived < QUICK_DEATH_S else 0
                    running.child = self._spawn(running.process)
                    running.started = clock.monotonic()
