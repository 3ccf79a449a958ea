"""`ADMIN_PASSWORD`: refused where it is easy to guess, by each command that would use it, and only while it counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import secretfiles
from cli.system import Layout, SetUpFailed, initialise
from services.config.__main__ import main as config

GOOD, WEAK = "correct horse battery", "admin"


def test_a_password_that_is_easy_to_guess_makes_no_administrator_and_counts_no_more_once_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTSIDE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/portside.db")
    for password, code in ((WEAK, 1), ("password123", 1), (GOOD, 0), (WEAK, 0)):
        monkeypatch.setenv("ADMIN_PASSWORD", password)
        done = CliRunner().invoke(config, ["migrate"])
        assert done.exit_code == code, done.output
        if code:
            assert "ADMIN_PASSWORD cannot be the first administrator's: Th" in done.output
            assert "At least 10 characters" in done.output


def test_nothing_is_written_with_a_password_that_is_easy_to_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", WEAK)
    layout = Layout(tmp_path / "home", "127.0.0.1", 8080, "http://127.0.0.1:8080")
    for write in (lambda: secretfiles.create(tmp_path / "secrets"), lambda: initialise(layout, {})):
        with pytest.raises(SetUpFailed, match="too short: 5 more characters needed"):
            write()
    assert list(tmp_path.rglob("*password*")) == []
    monkeypatch.setenv("ADMIN_PASSWORD", GOOD)
    secretfiles.create(tmp_path / "secrets")
    assert (tmp_path / "secrets" / "admin" / "password").read_text() == GOOD + "\n"
