"""The file of a backup: a compressed tar of `manifest.json`, `portside.db` and `spool/<delivery>.json`."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import Field, ValidationError

from shared.contracts.base import Message
from shared.process.life import Fatal

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "portside.db"
SPOOL = "spool"
HOOK = re.compile(r"[0-9A-Za-z][\w.-]{0,200}\.json", re.ASCII)
"""The name of a spooled hook's file."""
HOOK_BYTES = 16 * 1024 * 1024
"""Larger than any hook that the gateway accepts."""
_MANIFEST_BYTES = 64 * 1024 * 1024
"""One hook has a line of about 150 bytes, and the spool's own bound is 200,000 of them."""
_PRIVATE = 0o600


class BackupManifest(Message):
    """What a backup holds, so that a reader can tell whether it holds all of it."""

    format: int = FORMAT
    version: str
    """The release of Portside that made it."""
    schema_: str = Field(alias="schema")
    """The last migration of the database in it."""
    made_at: float
    """Seconds since the epoch at which the database was read."""
    rows: dict[str, int]
    """By table."""
    sealed: dict[str, int]
    """Sealed secrets by the key that they were sealed with."""
    hooks: dict[str, str] | None
    """SHA-256 of each spooled hook by its file's name; None where no spool was there to be read."""
    database_bytes: int
    database_sha256: str


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def pack(folder: Path, manifest: BackupManifest, target: Path) -> None:
    """Write the backup from a folder laid out like it: whole and on disk under its name, or not at all."""
    draft = target.with_name(f".{target.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                text = manifest.model_dump_json(indent=1, by_alias=True).encode()
                header = tarfile.TarInfo(MANIFEST)
                header.size, header.mode, header.mtime = len(text), _PRIVATE, int(manifest.made_at)
                archive.addfile(header, io.BytesIO(text))
                for name in (DATABASE, *(f"{SPOOL}/{hook}" for hook in sorted(manifest.hooks or ()))):
                    archive.add(folder / name, name, recursive=False, filter=_private)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mode, member.uid, member.gid, member.uname, member.gname = _PRIVATE, 0, 0, "", ""
    return member


def unpack(source: Path, folder: Path) -> BackupManifest:
    """Read a backup whole into an empty folder, and check that each part is what the manifest says. Raises `Fatal`."""
    with _readable(source), tarfile.open(source, "r:gz") as archive:
        members = iter(archive)
        manifest = _read_manifest(source, archive, next(members, None))
        free = shutil.disk_usage(folder).free
        if manifest.database_bytes > free:
            raise Fatal(
                f"{source} needs {manifest.database_bytes:,} bytes in {folder}, whose disk has {free:,}. Make room, or "
                "name another disk's folder by TMPDIR."
            )
        expected = {DATABASE: manifest.database_sha256}
        expected |= {f"{SPOOL}/{name}": sha256 for name, sha256 in (manifest.hooks or {}).items()}
        _unpack_files(source, archive, members, folder, expected, manifest.database_bytes)
    return manifest


def _unpack_files(
    source: Path,
    archive: tarfile.TarFile,
    members: Iterator[tarfile.TarInfo],
    folder: Path,
    expected: dict[str, str],
    database_bytes: int,
) -> None:
    (folder / SPOOL).mkdir(mode=0o700)
    missing = dict(expected)
    for member in members:
        sha256 = missing.pop(member.name, None)
        if sha256 is None or not member.isfile():
            raise Fatal(f"{source} is not a backup of Portside: it holds {member.name!r}, which its manifest lacks.")
        if member.size > (database_bytes if member.name == DATABASE else HOOK_BYTES):
            raise Fatal(f"{source} is damaged: {member.name} is larger than its manifest says. Take another backup.")
        content = archive.extractfile(member)
        assert content is not None
        _write(folder / member.name, content)
        if digest(folder / member.name) != sha256:
            raise Fatal(f"{source} is damaged: {member.name} is not what was backed up. Take another backup.")
    if missing:
        raise Fatal(f"{source} is damaged: it lacks {min(missing)}. Take another backup.")


def _write(path: Path, content: IO[bytes]) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
        shutil.copyfileobj(content, file)


def _read_manifest(source: Path, archive: tarfile.TarFile, first: tarfile.TarInfo | None) -> BackupManifest:
    content = archive.extractfile(first) if first and first.isfile() and first.name == MANIFEST else None
    if content is None:
        raise Fatal(f"{source} is not a backup of Portside: it does not begin with {MANIFEST}.")
    text = content.read(_MANIFEST_BYTES)
    try:
        manifest = BackupManifest.model_validate_json(text)
    except ValidationError as error:
        raise Fatal(f"{source} cannot be read: its {MANIFEST} is not one of this release's.") from error
    if not all(HOOK.fullmatch(name) for name in manifest.hooks or ()):
        raise Fatal(f"{source} is not a backup of Portside: a hook in its {MANIFEST} has a name that no hook has.")
    if manifest.format > FORMAT:
        raise Fatal(f"{source} was made by Portside {manifest.version}, which is newer: restore it with that release.")
    return manifest


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Fatal(
            f"{source} cannot be read to its end: {error}. It is cut off, or not a backup; take another."
        ) from error
    except OSError as error:
        raise Fatal(f"{source} cannot be read: {error.strerror or error}.") from error
