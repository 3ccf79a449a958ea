"""The application as new, and Ann's browser; a module whose tests all need more fills `site` in its own fixture."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from .site import Site, the_site


@pytest.fixture
def site() -> Site:
    return the_site().reset()


@pytest.fixture
def ann(site: Site) -> FlaskClient:
    return site.browser()
