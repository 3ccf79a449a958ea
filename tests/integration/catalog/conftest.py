from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from services.config.catalog import passwords
from tests.support import postgres

from .office import Office


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A new installation: project default, user admin. argon2 is real and as cheap as it can be."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    url = None
    if request.param == "postgresql":
        url = postgres.empty_database(request.getfixturevalue("postgres_url"))
    opened = Office(tmp_path, url)
    yield opened
    opened.store.close()
