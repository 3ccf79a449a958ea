"""Fields of people and of sign-in providers that would be ignored are refused."""

from __future__ import annotations

import pytest

from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.problems import Refused
from tests.integration.config.office import Office

PROVIDER: Json = {"name": "sso", "issuer": "https://sso.example.com", "clientId": "portside"}


@pytest.mark.parametrize("field", ["projects", "serviceRol", "e-mail"])
def test_a_user_with_a_field_that_would_be_ignored_is_refused(office: Office, field: str) -> None:
    with pytest.raises(Refused, match=f"a user has no field '{field}'"):
        office.act(Kind.USERS, "create", {"name": "ann", field: "Viewer"})
    made = office.act(Kind.USERS, "create", {"name": "ann"})
    with pytest.raises(Refused, match=f"a user has no field '{field}'"):
        office.act(Kind.USERS, "patch", {field: "Viewer"}, id=made["id"])


def test_what_was_read_may_be_sent_back(office: Office) -> None:
    made = office.act(Kind.USERS, "create", {"name": "ann"})
    changed = office.act(Kind.USERS, "replace", {**made, "email": "ann@example.com"}, id=made["id"])
    assert changed["email"] == "ann@example.com"
    provider = office.act(Kind.PROVIDERS, "create", PROVIDER)
    assert office.act(Kind.PROVIDERS, "replace", {**provider, "title": "SSO"}, id=provider["id"])["title"] == "SSO"


def test_a_provider_with_a_field_that_would_be_ignored_is_refused(office: Office) -> None:
    with pytest.raises(Refused, match="has no field 'createUser'"):
        office.act(Kind.PROVIDERS, "create", {**PROVIDER, "createUser": False})
