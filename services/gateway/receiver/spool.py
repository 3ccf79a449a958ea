"""A folder that keeps what the broker has not confirmed: one file a delivery, drained oldest first.

Written as draft, synced, renamed, and the folder synced, so that after a crash a file is there whole or not at all.
Any number of processes write; the holder of the lock file drains.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from services.gateway import metrics
from shared.contracts.pushes import HookReceived
from shared.process.clock import monotonic, now
from shared.process.logging import get_logger

SUFFIX = ".json"
_SPARE_BYTES = 16 * 1024 * 1024
"""With less than this left on its disk the spool counts as unusable."""
_RECOUNT_S = 2.0
_RECOUNT_FULL_S = 0.1
"""A full spool is counted this often, or in a tenth of the time: others drain it, and a large folder takes long."""
_ROOM_EVERY_S = 0.02
_STALE_DRAFT_S = 3600.0

Publish = Callable[[HookReceived], "Future[None]"]


class SpoolFull(Exception):
    """There is no room left: the delivery is not kept, and the caller must be asked to come again."""


class Spool:
    """The folder. Safe for threads and processes."""

    def __init__(self, folder: Path, *, max_files: int, max_bytes: int) -> None:
        self._folder = folder
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._files = 0
        self._bytes = 0
        self._counted_at = -_RECOUNT_S
        self._count_took_s = 0.0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._forget_drafts()

    def put(self, delivery: HookReceived, *, wait_s: float = 0.0, bounded: bool = True) -> Path:
        """Keep a delivery; it is safe on disk when this returns. Raises `SpoolFull`.

        Waits up to `wait_s` for room that a drain makes. Not `bounded`: for what the broker may have after all; of it
        there is at most one for each call under way.
        """
        content = delivery.model_dump_json().encode()
        self._reserve(len(content), wait_s if bounded else None)
        # The reception time leads, so that names sort by age.
        path = self._folder / f"{int(delivery.received_at * 1e6):020d}-{delivery.delivery_id}{SUFFIX}"
        draft = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.draft")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
            self._sync_folder()
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SpoolFull(f"The spool {self._folder} cannot be written: {error.strerror}") from error
        return path

    def waiting(self) -> list[Path]:
        """What is kept, oldest first."""
        return sorted(path for path in self._folder.iterdir() if path.suffix == SUFFIX)

    @property
    def used(self) -> float:
        """The part of its bounds that is used, 1 being full; of files or bytes whichever is the greater."""
        files, size = self.held()
        return max(files / self._max_files, size / self._max_bytes)

    def held(self) -> tuple[int, int]:
        """Files and bytes in it, counted a few seconds ago at most."""
        with self._lock:
            if monotonic() - self._counted_at > _RECOUNT_S:
                self._recount()
            return self._files, self._bytes

    def sample(self) -> None:
        """Set the gauges that say how full it is."""
        files, size = self.held()
        metrics.SPOOL_HOOKS.set(files)
        metrics.SPOOL_BYTES.set(size)
        metrics.SPOOL_USED.set(self.used)
        metrics.SPOOL_LIMIT.set(self._max_bytes)
        metrics.SPOOL_OLDEST.set(self._oldest_s() if files else 0.0)

    def _oldest_s(self) -> float:
        with os.scandir(self._folder) as entries:
            oldest = min((entry.name for entry in entries if entry.name.endswith(SUFFIX)), default="")
        try:
            return max(0.0, now() - (self._folder / oldest).stat().st_mtime)
        except OSError:  # It was sent meanwhile.
            return 0.0

    @property
    def usable(self) -> bool:
        """Whether its folder takes files, and its disk has room."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return False
        return os.access(self._folder, os.W_OK | os.X_OK) and disk.f_bavail * disk.f_frsize > _SPARE_BYTES

    @property
    def empty(self) -> bool:
        with os.scandir(self._folder) as entries:
            return not any(entry.name.endswith(SUFFIX) for entry in entries)

    @contextmanager
    def draining(self) -> Iterator[bool]:
        """True for the one process that may drain now."""
        with open(self._folder / ".lock", "a", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def drain(self, publish: Publish, *, window: int = 64, timeout_s: float = 5.0) -> int:
        """Publish what waits, oldest first, and remove each file after its confirm. Ends early at a first failure.

        Returns how many went out.
        """
        sent = 0
        with self.draining() as mine:
            if not mine:
                return 0
            waiting = self.waiting()
            for start in range(0, len(waiting), window):
                batch = [
                    (path, publish(_late(delivery)))
                    for path in waiting[start : start + window]
                    if (delivery := self._read(path)) is not None
                ]
                done = _confirmed(batch, timeout_s)
                sent += done
                if done < len(batch):
                    break
        return sent

    def forget(self, path: Path) -> None:
        """The broker has it after all."""
        path.unlink(missing_ok=True)

    def _read(self, path: Path) -> HookReceived | None:
        try:
            return HookReceived.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValidationError, OSError) as error:
            # Set aside rather than removed: a person may still want it, and it must not stop the ones behind it.
            aside = self._folder / "unreadable"
            aside.mkdir(exist_ok=True)
            with suppress(OSError):
                path.rename(aside / path.name)
            get_logger().error("spool.unreadable", file=path.name, reason=type(error).__name__)
            return None

    def _reserve(self, size: int, wait_s: float | None) -> None:
        """Count a delivery that is about to be written; None is never refused."""
        deadline = monotonic() + (wait_s or 0.0)
        while not self._take_room(size, always=wait_s is None):
            if monotonic() >= deadline:
                raise SpoolFull(f"The spool {self._folder} is full ({self._files} deliveries, {self._bytes} bytes).")
            time.sleep(_ROOM_EVERY_S)

    def _take_room(self, size: int, *, always: bool) -> bool:
        with self._lock:
            if self._is_full(size) or monotonic() - self._counted_at > _RECOUNT_S:
                self._recount()
            if self._is_full(size) and not always:
                return False
            self._files += 1
            self._bytes += size
            return True

    def _is_full(self, size: int) -> bool:
        return self._files >= self._max_files or self._bytes + size > self._max_bytes

    def _recount(self) -> None:
        began = monotonic()
        if began - self._counted_at >= max(_RECOUNT_FULL_S, 10 * self._count_took_s):
            self._count()
            self._count_took_s = self._counted_at - began

    def _count(self) -> None:
        self._files = self._bytes = 0
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    with suppress(OSError):
                        self._bytes += entry.stat().st_size
                        self._files += 1
        self._counted_at = monotonic()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _forget_drafts(self) -> None:
        newest = max((path.stat().st_mtime for path in self._folder.glob("*.draft")), default=0.0)
        for draft in self._folder.glob("*.draft"):
            with suppress(OSError):
                if newest - draft.stat().st_mtime > _STALE_DRAFT_S:
                    draft.unlink()


def _late(delivery: HookReceived) -> HookReceived:
    """A test stays a test, which starts nothing."""
    return delivery if delivery.via == "test" else delivery.model_copy(update={"via": "spool"})


def _confirmed(batch: list[tuple[Path, Future[None]]], timeout_s: float) -> int:
    done = 0
    for path, confirm in batch:
        try:
            confirm.result(timeout_s)
        except Exception as error:
            get_logger().warning("spool.waiting", file=path.name, reason=str(error) or type(error).__name__)
            break
        path.unlink(missing_ok=True)
        done += 1
    return done
