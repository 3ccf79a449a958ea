"""A backup holds database and spool whole, is restored into either kind of database, and opens nothing alone."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.config.backup import keyring
from services.config.backup.archive import BackupManifest
from services.config.backup.making import forget_old, make
from services.config.backup.restoring import refuse_wrong_keys, restore, verify
from services.config.migrations import migrate
from services.config.store import Store, copying
from services.config.store.lock import lock_of
from shared.process.life import Fatal
from shared.process.secrets import KeysMissing, Opener, Sealer, create_keys, key_ids, read_keys
from tests.integration.config.office import Office
from tests.integration.config.test_copying import rows, target
from tests.unit.gateway.test_spool import delivery

assert target

HOOK = "01790000000000000000-d1.json"


def spool(folder: Path) -> Path:
    """A spool with one hook."""
    (folder / "spool").mkdir()
    (folder / "spool" / HOOK).write_text(delivery(1).model_dump_json())
    return folder / "spool"


@pytest.fixture
def backup(office: Office, tmp_path: Path) -> Path:
    """Of an installation with a sealed password, and a hook in the spool."""
    office.docker_endpoint()
    file, _ = make(office.store, tmp_path / "backup.tar.gz", [spool(tmp_path)])
    return file


def test_it_holds_every_row_and_hook_and_is_restored_into_either_database(
    backup: Path, office: Office, target: Store, tmp_path: Path
) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    manifest = verify(backup)
    assert manifest.rows == {table: len(stored) for table, stored in rows(office.store).items()}
    assert sum(manifest.rows.values()) > 5 and set(manifest.hooks or ()) == {HOOK}
    new_spool = tmp_path / "new" / "spool"
    restore(backup, target, new_spool, set(manifest.sealed), replace=False)
    assert rows(target) == rows(office.store)
    assert (new_spool / HOOK).read_bytes() == (tmp_path / "spool" / HOOK).read_bytes()
    assert stat.S_IMODE((new_spool / HOOK).stat().st_mode) == 0o600
    assert [path.name for path in new_spool.parent.iterdir()] == ["spool"]


def test_a_database_with_rows_is_replaced_only_when_told_and_a_running_one_never(
    backup: Path, office: Office, target: Store, tmp_path: Path
) -> None:
    restore(backup, target, tmp_path / "s", None, replace=False)
    office.user("bea")
    second, _ = make(office.store, tmp_path / "second.tar.gz", [])
    before = rows(target)
    with pytest.raises(Fatal, match=r"is in use: its table .* nothing was restored"):
        restore(second, target, tmp_path / "s", None, replace=False)
    running = Store(target.url.render_as_string(hide_password=False))
    lock = lock_of(running)
    assert lock.acquire()
    with pytest.raises(Fatal, match="config is running"):
        restore(second, target, tmp_path / "s", None, replace=True)
    assert rows(target) == before
    lock.release()
    restore(second, target, tmp_path / "s", None, replace=True)
    assert rows(target) == rows(office.store) != before
    running.close()


def test_the_wrong_key_is_refused_in_one_sentence_and_changes_nothing(
    backup: Path, target: Store, tmp_path: Path
) -> None:
    (key,) = verify(backup).sealed
    with pytest.raises(Fatal) as refused:
        restore(backup, target, tmp_path / "s", {"0a1b2c3d4e5f"}, replace=False)
    assert f"sealed with key {key}, and here is key 0a1b2c3d4e5f: nothing was restored." in str(refused.value)
    assert copying.first_filled(target) == ""
    with pytest.raises(Fatal, match="here is no key"):
        refuse_wrong_keys(backup, verify(backup), set())
    refuse_wrong_keys(backup, verify(backup), {key, "0a1b2c3d4e5f"})


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def _repack(file: Path, change: Callable[[Path], None]) -> None:
    """Unpack, change a part, and pack again with the manifest as it was."""
    folder = file.parent / "unpacked"
    with tarfile.open(file) as archive:
        names = archive.getnames()
        archive.extractall(folder, filter="data")
    change(folder)
    with tarfile.open(file, "w:gz") as archive:
        for name in names:
            if (folder / name).exists():
                archive.add(folder / name, name)


def _lose_a_hook(file: Path) -> None:
    _repack(file, lambda folder: (folder / "spool" / HOOK).unlink())


def _change_the_database(file: Path) -> None:
    _repack(file, lambda folder: _flip(folder / "portside.db"))


def _be_another_archive(file: Path) -> None:
    with tarfile.open(file, "w:gz") as archive:
        archive.add(__file__, "../../outside")


@pytest.mark.parametrize("damage", [_cut, _flip, _lose_a_hook, _change_the_database, _be_another_archive])
def test_a_damaged_backup_is_recognised(damage: Callable[[Path], None], office: Office, tmp_path: Path) -> None:
    file, _ = make(office.store, tmp_path / "backup.tar.gz", [spool(tmp_path)])
    damage(file)
    with pytest.raises(Fatal, match=str(file)):
        verify(file)


def test_a_folder_keeps_the_newest_backups_and_nothing_is_overwritten(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    file, manifest = make(office.store, folder, [tmp_path / "no-spool"])
    assert file.parent == folder and manifest.hooks is None
    with pytest.raises(Fatal, match="exists"):
        make(office.store, file, [])
    for day in range(1, 5):
        shutil.copy(file, folder / f"portside-2026010{day}T000000Z.tar.gz")
    (folder / "of-my-own.tar.gz").touch()
    assert forget_old(folder, 2) == 3
    assert {path.name for path in folder.iterdir()} == {
        file.name,
        "portside-20260104T000000Z.tar.gz",
        "of-my-own.tar.gz",
    }


def test_keys_lie_apart_and_never_take_the_place_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEAL_PRIVATE_KEY", "SEAL_PUBLIC_KEY", "JWT_KEY"):
        monkeypatch.delenv(name, raising=False)
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "keys.json"
    create_keys(old)
    keyring.save(old, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(Fatal, match="Nothing is overwritten"):
        keyring.save(old, file)
    keys = keyring.read(new, file)
    assert keys.ids == key_ids(read_keys(old)) == {Sealer.load(old).key_id}
    keys.put(new)
    keys.put(new)
    assert Opener.load(new).open(Sealer.load(old).seal("secret")) == "secret"
    other = tmp_path / "other"
    create_keys(other)
    with pytest.raises(KeysMissing, match="is another key, and stays"):
        keys.put(other)
    file.write_text("[1]")
    with pytest.raises(Fatal, match="is not a file of keys"):
        keyring.read(new, file)
    with pytest.raises(Fatal, match=r"seal\.key is not readable here"):
        keyring.save(tmp_path / "empty", tmp_path / "more.json")


def test_one_of_a_newer_format_names_the_release_that_reads_it(tmp_path: Path, office: Office) -> None:
    file, manifest = make(office.store, tmp_path / "backup.tar.gz", [])
    newer = manifest.model_copy(update={"format": 2, "version": "9.0.0"})

    def become_newer(folder: Path) -> None:
        (folder / "manifest.json").write_text(newer.model_dump_json(by_alias=True))

    _repack(file, become_newer)
    with pytest.raises(Fatal, match=r"made by Portside 9\.0\.0, which is newer"):
        verify(file)
    assert BackupManifest.model_validate_json(newer.model_dump_json(by_alias=True)) == newer


def test_migrated_databases_are_what_it_is_made_of(office: Office, tmp_path: Path) -> None:
    file, manifest = make(office.store, tmp_path / "backup.tar.gz", [])
    empty = Store(f"sqlite:///{tmp_path}/empty.db")
    migrate(empty)
    restore(file, empty, tmp_path / "s", None, replace=False)
    assert copying.sealed_by_key(empty) == manifest.sealed
    empty.close()
