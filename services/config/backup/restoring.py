"""Reads a backup whole, and puts it back."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from services.config.migrations import migrate
from services.config.store import Store, copying
from services.config.store.lock import lock_of
from shared.contracts.pushes import HookReceived
from shared.contracts.texts import counted
from shared.process.life import Fatal

from .archive import DATABASE, SPOOL, BackupManifest, unpack


def verify(source: Path) -> BackupManifest:
    """Read every part of a backup: digests, SQLite's own check, rows by table, each hook. Raises `Fatal`."""
    with _work_folder(source) as folder:
        return _verified(source, Path(folder))


def _work_folder(source: Path) -> tempfile.TemporaryDirectory[str]:
    """Where TMPDIR says, else beside the backup, whose disk is made for something large."""
    beside = None if os.environ.get("TMPDIR") or not os.access(source.parent, os.W_OK) else source.parent
    return tempfile.TemporaryDirectory(dir=beside, prefix=".portside-restore-")


def _verified(source: Path, folder: Path) -> BackupManifest:
    manifest = unpack(source, folder)
    database = Store(f"sqlite:///{folder / DATABASE}")
    flaw, counts = copying.flaw_of(database), copying.count_rows(database, manifest.rows)
    database.close()
    if flaw:
        raise Fatal(f"{source} is damaged: its database has a flaw: {flaw}. Take another backup.")
    if wrong := next((table for table, rows in manifest.rows.items() if counts.get(table) != rows), None):
        raise Fatal(
            f"{source} is damaged: its table {wrong} has {counted(counts.get(wrong, 0), 'row')} instead of "
            f"{manifest.rows[wrong]:,}. Take another backup."
        )
    for name in manifest.hooks or ():
        try:
            HookReceived.model_validate_json((folder / SPOOL / name).read_bytes())
        except ValidationError:
            raise Fatal(f"{source} holds a hook that cannot be read: {name}. Take another backup.") from None
    return manifest


def refuse_wrong_keys(source: Path, manifest: BackupManifest, held: Collection[str]) -> None:
    """Raise `Fatal` where a secret in the backup was sealed with a key that is not held here."""
    if missing := sorted(set(manifest.sealed) - set(held)):
        secrets = sum(manifest.sealed[key] for key in missing)
        raise Fatal(
            f"{source} holds {counted(secrets, 'secret')} sealed with key {', '.join(missing)}, and here is "
            f"{'key ' + ', '.join(sorted(held)) if held else 'no key'}: nothing was restored. Put the seal.key of that "
            "time here (or name its file with --keys), or restore with --without-secrets and enter them again."
        )


def restore(source: Path, target: Store, spool: Path, held: Collection[str] | None, *, replace: bool) -> BackupManifest:
    """Put the database and the spool back, all rows or none. `held` are the ids of the keys here; None: any will do.

    A database that is in use is refused, and one with rows unless it is to be replaced. Raises `Fatal`.
    """
    with _work_folder(source) as scratch:
        folder = Path(scratch)
        manifest = _verified(source, folder)
        if held is not None:
            refuse_wrong_keys(source, manifest, held)
        backup = Store(f"sqlite:///{folder / DATABASE}")
        migrate(backup)
        migrate(target)
        _copy_into(backup, target, replace=replace)
        backup.close()
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in manifest.hooks or ():
            _put_hook(folder / SPOOL / name, spool / name)
    return manifest


def _copy_into(backup: Store, target: Store, *, replace: bool) -> None:
    url = target.url.render_as_string(hide_password=True)
    if not replace and (filled := copying.first_filled(target)):
        raise Fatal(
            f"{url} is in use: its table {filled} has rows, and nothing was restored. Name an empty database, or "
            "replace all that is in it with --replace."
        )
    lock = lock_of(target)
    if not lock.acquire():
        raise Fatal(f"config is running on {url}, and nothing was restored: stop Portside first")
    try:
        copying.copy(backup, target, replace=replace)
    finally:
        lock.release()


def _put_hook(source: Path, target: Path) -> None:
    """As the gateway does: there whole or not at all. One of that name is the same delivery."""
    draft = target.with_suffix(f".{os.getpid()}-restore.draft")
    shutil.copyfile(source, draft)
    os.chmod(draft, 0o600)
    draft.rename(target)
