"""A running system is backed up by its command, and another goes on from the file, on either database."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from cli.processes import portside
from tests.support import postgres
from tests.support.world import a_world, wait_for


def command(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`portside system …` as a person types it."""
    return subprocess.run(
        [*portside("cli", "system", *arguments)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_another_system_goes_on_from_the_backup_of_a_running_one(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def fresh_database() -> dict[str, str]:
        if database == "sqlite":
            return {}
        return {"DATABASE_URL": postgres.empty_database(request.getfixturevalue("postgres_url"))}

    old, new, backup, keys = tmp_path / "old", tmp_path / "new", tmp_path / "b.tar.gz", tmp_path / "keys.json"
    with a_world(old, more=fresh_database()) as world:
        world.push("1.4.0")
        assert world.ended("1.4.0")["status"] == "COMPLETED"
        world.broker.stop()
        world.push("spooled")
        saved = command(world.environment, "backup", str(backup), "--keys", str(keys))
    assert saved.returncode == 0, saved.stderr
    assert "1 hook of the spool" in saved.stdout and f"keys are in {keys}" in saved.stdout
    assert {stat.S_IMODE(file.stat().st_mode) for file in (backup, keys)} == {0o600}
    shutil.copy(world.layout.password_file, tmp_path / "admin-password")
    verified = command({}, "verify", str(backup))
    assert verified.returncode == 0 and "sealed secrets need key" in verified.stdout, verified.stderr

    there = {"PORTSIDE_HOME": str(new), **fresh_database()}
    refused = command({**there, "PORTSIDE_HOME": str(tmp_path / "other")}, "restore", str(backup))
    assert refused.returncode == 1 and "no key: nothing was restored" in refused.stderr, refused.stderr
    restored = command(there, "restore", str(backup), "--keys", str(keys))
    assert restored.returncode == 0 and "1 hook of the spool" in restored.stdout, restored.stderr

    shutil.copy(tmp_path / "admin-password", new / "admin-password")
    more = {name: value for name, value in there.items() if name == "DATABASE_URL"}
    with a_world(new, define=False, more=more) as world:
        assert world.execution_of("1.4.0")["status"] == "COMPLETED"
        # What it deploys to is gone with the old world; that the hook was judged is what counts here.
        wait_for(lambda: world.events(tag="spooled", state="judged"), "the spooled hook's verdict")
