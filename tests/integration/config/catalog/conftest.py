"""A project that follows Git, over each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.config.catalog.followed import Followed
from tests.integration.config.office import Office
from tests.support.gitserver import GitServer


@pytest.fixture
def followed(office: Office, tmp_path: Path) -> Iterator[Followed]:
    folder = tmp_path / "git"
    folder.mkdir()
    server = GitServer(folder, "ann", "s3cret-password")
    yield Followed(office, server)
    server.close()
