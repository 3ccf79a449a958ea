"""Whether a process is well: one line for each trouble, in a file that `health_check` reads."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shared.contracts.health import ProcessHealth

from . import health_check
from .clock import now
from .disk import low_disk
from .logging import get_logger
from .settings import default_instance

EVERY_S = 2.0
_FORGOTTEN_S = 3600.0


class Health:
    """The troubles of one process. `trouble` and `clear` may be called from any thread, as often as one likes."""

    def __init__(self, service: str, home: Path, *, instance: str | None = None) -> None:
        self._folder = home / "run"
        self._service = service
        self._instance = instance or default_instance()
        self._path = self._folder / f"{service}-{self._instance}{health_check.SUFFIX}"
        self._since = now()
        self._tell: Callable[[ProcessHealth], None] = lambda _: None
        self._troubles: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self._watched: dict[str, tuple[Callable[[str, str], None], Callable[[], str]]] = {}
        self.watch("disk", lambda: low_disk(home))
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._write_for_ever, name="health", daemon=True)

    def start(self) -> Health:
        """Begin to write the file, after any fork."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.glob(f"{self._service}-*{health_check.SUFFIX}"):
            with suppress(OSError):
                if now() - old.stat().st_mtime > _FORGOTTEN_S:
                    old.unlink()
        self._write()
        self._thread.start()
        return self

    def report_to(self, tell: Callable[[ProcessHealth], None]) -> None:
        """Also say every report this way; `tell` returns at once and may lose it."""
        self._tell = tell

    def trouble(self, key: str, line: str) -> None:
        """Something is wrong: `line` says what, and what to do. The process counts as unwell until `clear(key)`."""
        self._set(self._troubles, key, line)

    def watch(self, key: str, trouble: Callable[[], str]) -> None:
        """Ask this for every report: why something is wrong, or an empty text."""
        self._watched[key] = (self.trouble, trouble)

    def watch_note(self, key: str, note: Callable[[], str]) -> None:
        """The same for something that leaves the process well."""
        self._watched[key] = (self.note, note)

    def note(self, key: str, line: str) -> None:
        """Something a person should know that leaves the process well."""
        self._set(self._notes, key, line)

    def clear(self, key: str) -> None:
        """The trouble or note of that key is over."""
        with self._lock:
            cleared = self._troubles.pop(key, None) or self._notes.pop(key, None)
        if cleared:
            self._changed.set()

    @property
    def troubles(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._troubles.values())

    @property
    def notes(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._notes.values())

    def close(self) -> None:
        """Stop writing and take the file away."""
        self._closing = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._tell(self._report(ended=True))
        self._path.unlink(missing_ok=True)

    def _set(self, where: dict[str, str], key: str, line: str) -> None:
        with self._lock:
            same = where.get(key) == line
            where[key] = line
        if not same:
            self._changed.set()

    def _write_for_ever(self) -> None:
        while not self._closing:
            self._changed.wait(EVERY_S)
            self._changed.clear()
            if not self._closing:
                try:
                    self._write()
                except OSError as error:
                    get_logger().warning("health.not-written", path=str(self._path), reason=error.strerror)

    def _report(self, *, ended: bool = False) -> ProcessHealth:
        return ProcessHealth(
            service=self._service,
            instance=self._instance,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self._since,
            troubles=self.troubles,
            notes=self.notes,
            ended=ended,
        )

    def _write(self) -> None:
        for key, (tell_line, ask) in list(self._watched.items()):
            if line := ask():
                tell_line(key, line)
            else:
                self.clear(key)
        report = self._report()
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({**report.model_dump(mode="json"), "at": now()}), encoding="utf-8")
        draft.replace(self._path)
        self._tell(report)


if __name__ == "__main__":
    # The name that the health check of 0.1 has in compose files and scripts.
    raise SystemExit(health_check.main(sys.argv[1:]))
