"""Makes a backup of a running system."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from services.config.migrations import head, migrate
from services.config.store import Store, copying
from shared.contracts.times import compact
from shared.process import clock
from shared.process.life import Fatal
from shared.version import __version__

from .archive import DATABASE, HOOK, HOOK_BYTES, SPOOL, BackupManifest, digest, pack

SUFFIX = ".tar.gz"
_PREFIX = "portside-"
_DRAFT_PREFIX = ".portside-backup-"


def make(store: Store, target: Path, spools: Sequence[Path]) -> tuple[Path, BackupManifest]:
    """Back up the database and the spools' hooks into one file; a folder gets one that is named by the time.

    Spools are read first: a hook that a gateway sends meanwhile is in the file, at the broker or in the database, and
    one that is in two of them is recognised by its id. Raises `Fatal` where the file exists or cannot be written.
    """
    if target.is_dir():
        target = target / f"{_PREFIX}{compact(clock.now())}{SUFFIX}"
    if target.exists():
        raise Fatal(f"{target} exists; name another file, or a folder, in which each backup is named by its time")
    try:
        # Beside the target: its disk is the one that was chosen for something large.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=_DRAFT_PREFIX) as scratch:
            folder = Path(scratch)
            there = [spool for spool in spools if spool.is_dir()]
            hooks = _copy_hooks(there, folder / SPOOL) if there else None
            manifest = _copy_database(store, folder / DATABASE, hooks)
            pack(folder, manifest, target)
    except OSError as error:
        raise Fatal(f"{target} cannot be written: {error.strerror or error}") from error
    return target, manifest


def _copy_hooks(spools: Sequence[Path], folder: Path) -> dict[str, str]:
    folder.mkdir(mode=0o700)
    digests = {}
    for spool in spools:
        for hook in spool.glob("*.json"):
            copied = folder / hook.name
            # Gone when it has been sent meanwhile.
            with suppress(FileNotFoundError):
                if HOOK.fullmatch(hook.name) and hook.stat().st_size <= HOOK_BYTES:
                    shutil.copyfile(hook, copied)
                    digests[hook.name] = digest(copied)
    return digests


def _copy_database(store: Store, file: Path, hooks: dict[str, str] | None) -> BackupManifest:
    private_file(file)
    target = Store(f"sqlite:///{file}")
    migrate(target)
    made_at = clock.now()
    rows = copying.copy(store, target)
    sealed = copying.sealed_by_key(target)
    target.close()
    return BackupManifest(
        version=__version__,
        schema=head() or "",
        made_at=made_at,
        rows=rows,
        sealed=sealed,
        hooks=hooks,
        database_bytes=file.stat().st_size,
        database_sha256=digest(file),
    )


def private_file(file: Path) -> None:
    """Make it, readable by its owner alone, before SQLite does: its journals take over the file's mode."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))


def forget_old(folder: Path, keep: int) -> int:
    """Delete all but the newest `keep` backups in a folder that were named by their time; returns how many."""
    backups = sorted(folder.glob(f"{_PREFIX}*{SUFFIX}"))
    surplus = backups[:-keep]
    for backup in surplus:
        backup.unlink()
    return len(surplus)
