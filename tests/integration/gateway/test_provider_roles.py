"""Routes × roles for people whom a provider vouches for: what the table of rights says, as for local people.

Each has the role that a rule grants. The acceptance tests try every row on local people of a running system; here are
the rows that read, and those that are refused, of gateway and config in one process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from services.gateway.sessions import Sessions
from shared.contracts.catalog import Kind, SignIn
from shared.process.clock import now
from tests.acceptance.rights_table import ROLES, ROWS, Need, Row
from tests.acceptance.things import PROJECT
from tests.support.in_process import KEY, InProcess

COLLECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "pipeline": ("pipelines", {}),
    "endpoint": ("endpoints", {"type": "webhook", "properties": {"url": "https://hooks.example.com"}}),
    "variable": ("variables", {"type": "REGULAR", "value": "1"}),
    "user": ("users", {"password": "a long enough password"}),
}
"""What the rows are tried on here: where it is made, and of what."""
TRIED = [
    row
    for row in ROWS
    if (not row.on or row.on in COLLECTIONS) and row.need is not Need.NO_TOKEN and row.path.startswith("/")
]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def portside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    running = InProcess(tmp_path_factory.mktemp("provider-roles"))
    running.call("POST", "/codestream/api/projects", json={"name": PROJECT})
    yield running
    running.close()


@pytest.fixture(scope="module")
def bearers(portside: InProcess) -> dict[str, str]:
    """Access tokens by role, of people who have come in by their provider."""
    rules = [
        {
            "claim": "groups",
            "value": title,
            "serviceRole": role.service.value,
            "projects": {PROJECT: role.project.value} if role.project else {},
        }
        for title, role in ROLES.items()
        if role.signed_in
    ]
    body = {"name": "acme", "issuer": "https://sso.example.com", "clientId": "portside", "rules": rules}
    portside.office.act(Kind.PROVIDERS, "create", body)
    tokens = {}
    for number, title in enumerate(title for title, role in ROLES.items() if role.signed_in):
        claims = {"sub": f"s{number}", "preferred_username": f"colleague-{number}", "groups": [title]}
        signed_in = portside.office.sign_ins.sign_in(SignIn(provider="acme", claims=claims, source_address="192.0.2.7"))
        tokens[title] = Sessions(KEY).issue(signed_in, now()).token
    return tokens


@pytest.fixture(scope="module")
def things(portside: InProcess) -> dict[str, Json]:
    """One object of each kind, which calls that read or are refused leave as it is."""
    made: dict[str, Json] = {"": {}}
    for noun, (collection, body) in COLLECTIONS.items():
        name = {"name": f"matrix-{noun}"} | ({} if noun == "user" else {"project": PROJECT})
        answer = portside.call("POST", f"/codestream/api/{collection}", json={**name, **body})
        made[noun] = answer.get_json()
        assert answer.status_code < 300, answer.text
    return made


@pytest.mark.parametrize("row", TRIED, ids=lambda row: f"{row.need.name} {row.call} {row.on}")
def test_a_provider_person_may_exactly_what_the_role_allows(
    portside: InProcess, bearers: dict[str, str], things: dict[str, Json], row: Row
) -> None:
    thing = things[row.on]
    prefix = "" if row.path.startswith(("/iaas", "/csp", "/oauth", "/project-service")) else "/codestream/api"
    path = (prefix + row.path).format(
        id=thing.get("id"), name=thing.get("name"), project=PROJECT, index=1, type="k8s", label="x"
    )
    body = (row.body if isinstance(row.body, str) else json.dumps(row.body)).replace("{new}", "another")
    content = "application/yaml" if isinstance(row.body, str) else "application/json"
    wrong = []
    for title, bearer in bearers.items():
        may = ROLES[title].may(row.need)
        if may and row.method != "GET":
            continue
        headers = {"Authorization": f"Bearer {bearer}", "Content-Type": content}
        query = row.query.format(name=thing.get("name"))
        answer = portside.client().open(path, method=row.method, headers=headers, data=body, query_string=query)
        # An import says of each object in it whether it was refused.
        allowed = answer.status_code < 300 and not (row.path == "/import" and "FAILED" in answer.text)
        if allowed is not may or (not may and answer.status_code not in (200, 403, 404)):
            wrong.append(f"{title}: {answer.status_code} {answer.text[:160]}")
    assert wrong == []
