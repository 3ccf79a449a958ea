"""Every route times every role, against the running system."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import requests
import yaml

from tests.support.loopback import FromAddress
from tests.support.patience import PATIENCE_S
from tests.support.world import World

from .rights_table import READING, ROLES, ROWS, Need, Row
from .things import PROJECT, Things

API = "/codestream/api"
Json = dict[str, Any]
ABSENT = {"no_letter": "no dead letter", "no_session": "you have no session"}
"""What cannot be made for each role: it is asked for by an id that nothing has, and who may ask reads these words."""
REACHED = ("password", "token is not known", "There is no such sign-in")
"""What a public route says of a wrong password, token or code."""


@pytest.fixture(scope="module")
def callers(world: World, things: Things) -> Iterator[dict[str, requests.Session]]:
    """A session for each role, signed in by password.

    Each has an address of its own, as failed sign-ins are limited by address.
    """
    sessions: dict[str, requests.Session] = {}
    lists: dict[str, list[Json]] = {"administrators": [], "members": [], "viewers": []}
    for number, (title, role) in enumerate(ROLES.items(), start=2):
        session = sessions[title] = requests.Session()
        session.mount("https://", FromAddress(f"127.0.0.{number}"))
        session.trust_env, session.verify = False, world.layout.certificate
        if not role.signed_in:
            continue
        user = things.user(serviceRole=role.service.value, password="a long enough password")
        if role.project is not None:
            lists[f"{role.project.value.lower()}s"].append({"email": user["email"]})
        answer = session.post(
            f"{world.layout.url}/csp/gateway/am/api/login?access_token",
            json={"username": user["name"], "password": "a long enough password"},
            timeout=PATIENCE_S,
        )
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    world.client.patch(f"/projects/{PROJECT}", lists)
    yield sessions
    for session in sessions.values():
        session.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.need.name} {row.call} {row.on}")
def test_each_role_may_exactly_what_it_may(
    world: World, things: Things, callers: dict[str, requests.Session], row: Row
) -> None:
    fresh = _maker(things, row)
    wrong = []
    for title, role in ROLES.items():
        answer = _send(callers[title], world.layout.url, row, fresh(), things.name("new"))
        allowed, expected = _allowed(answer, row), role.may(row.need)
        if allowed is not expected or answer.status_code >= 500:
            wrong.append(f"{title}: {answer.status_code} {answer.text[:200]}")
        elif not expected and role.signed_in and answer.status_code == 403:
            assert answer.json()["nextStep"], f"{title} is told no next step: {answer.text}"
    assert wrong == []


def _maker(things: Things, row: Row) -> Callable[[], Json]:
    if not row.on:
        return dict
    if row.on in ABSENT:
        return lambda: {"id": "00000000-0000-0000-0000-000000000000"}
    if row.on in READING:
        return lambda: getattr(things, row.on) if row.on != "matrix" else things.matrix()
    make: Callable[[], Json] = getattr(things, row.on)
    return cache(make) if row.method == "GET" else make


def _send(session: requests.Session, base: str, row: Row, thing: Json, new: str) -> requests.Response:
    path = row.path if row.path.startswith(("/iaas", "/csp", "/oauth", "/project-service")) else API + row.path
    path = path.format(
        id=thing.get("id"),
        project=PROJECT,
        name=thing.get("name"),
        index=thing.get("index"),
        label=thing.get("label"),
        type="k8s",
    )
    headers = {"Content-Type": "application/json"}
    body: Any = yaml.safe_dump(row.body) if isinstance(row.body, dict) else row.body
    if isinstance(row.body, dict):
        body = json.dumps(_filled(row.body, new))
    elif isinstance(row.body, str):
        body = row.body.replace("{new}", new)
        headers["Content-Type"] = "application/x-www-form-urlencoded" if "=" in body else "application/x-yaml"
    query = row.query.format(name=thing.get("name"))
    return session.request(
        row.method, f"{base}{path}", params=query or None, data=body, headers=headers, timeout=PATIENCE_S
    )


def _filled(value: Any, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, new) for key, inner in value.items()}
    return value.replace("{new}", new) if isinstance(value, str) else value


def _allowed(answer: requests.Response, row: Row) -> bool:
    if row.need is Need.NO_TOKEN:
        # Reached without a token: what is wrong is only what was sent.
        return answer.status_code == 200 or any(words in answer.text for words in REACHED)
    if row.on in ABSENT:
        return answer.status_code == 404 and ABSENT[row.on] in answer.text
    if row.path == "/import":
        return answer.status_code == 200 and "FAILED" not in answer.text
    return answer.ok
