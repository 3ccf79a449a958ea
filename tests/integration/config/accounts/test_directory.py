"""Whom one may name, and what roles would allow, as pickers and previews ask."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.catalog import Kind
from shared.contracts.problems import Code, Refused
from tests.integration.config.office import Office


def ask(office: Office, by: str = "admin", id: str = "", **options: Any) -> dict[str, Any]:
    return office.get(Kind.USERS, id, by=by, options=options)


def test_who_changes_definitions_finds_people_and_groups_and_learns_their_names_alone(office: Office) -> None:
    office.user("ann", default="members")
    office.user("joanna")
    office.act(Kind.USERS, "patch", {"groups": ["release managers"]}, id=office.user("bob"))
    office.act(Kind.USERS, "patch", {"enabled": False, "groups": ["gone"]}, id=office.user("hannah"))
    assert ask(office, "ann", suggest="AN", of="people") == {"names": ["ann", "joanna"]}
    assert ask(office, "ann", suggest="", of="groups") == {"names": ["release managers"]}
    assert ask(office, "ann", suggest="an", of="people and groups") == {"names": ["ann", "joanna", "release managers"]}
    assert ask(office, "ann", suggest="%", of="people") == {"names": []}
    office.act(Kind.PROJECTS, "create", {"name": "web"})
    assert ask(office, suggest="W", of="projects") == {"names": ["web"]}
    assert ask(office, "ann", suggest="", of="projects") == {"names": ["default"]}
    asks: list[dict[str, Any]] = [{"suggest": "a"}, {"wouldInProject": {}}, {"wouldEverywhere": "User"}]
    for refused_options in asks:
        with pytest.raises(Refused) as caught:
            ask(office, "joanna", **refused_options)
        assert caught.value.problem.code is Code.FORBIDDEN


def test_what_a_role_would_allow_is_answered_before_it_is_saved(office: Office) -> None:
    ann = office.user("ann", service="Viewer")
    lists = {"administrators": ["nobody"], "members": ["ann@example.com"], "viewers": ["ann"]}
    rows = ask(office, wouldInProject=lists)["people"]
    assert [(row["name"], row["right"], row["known"]) for row in rows] == [
        ("nobody", "NOTHING", False),
        ("ann", "EDIT", True),
    ]
    assert office.get(Kind.USERS, ann)["projects"] == {}
    document = office.get(Kind.PROJECTS, name="default")
    office.act(Kind.PROJECTS, "patch", {"members": [{"email": "ann"}]}, id=document["id"])
    id = office.get(Kind.USERS, ann)["id"]
    answer = ask(office, id=id, wouldEverywhere="Executor")
    assert answer["others"] == "run pipelines"
    assert answer["projects"] == [{"project": "default", "projectRole": "Member", "words": "change definitions"}]
    with pytest.raises(Refused):
        ask(office, wouldEverywhere="King")
    assert len(ask(office, "ann", matrix=True)["rows"]) == 5
