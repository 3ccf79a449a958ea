"""Who may change what a followed project holds, what a folder may hold, and what the commit is told."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog import look_timer
from services.config.catalog.following import looking
from services.config.store.definitions.endpoints import VARIABLES
from services.config.tables.machinery import TimerRow
from shared.contracts.catalog import Kind
from shared.contracts.definition_sources import CommitReported
from shared.contracts.problems import Code
from shared.process.secrets import token_hash
from tests.integration.config.catalog.followed import ENDPOINT, REPOSITORY, SECRET, VARIABLE, Followed, refused, start


@pytest.mark.parametrize(
    ("kind", "verb", "address", "body"),
    [
        (Kind.VARIABLES, "patch", {"name": "greeting"}, {"value": "by hand"}),
        (Kind.VARIABLES, "delete", {"name": "greeting"}, {}),
        (Kind.VARIABLES, "create", {}, {"name": "another", "type": "REGULAR", "value": "1", "project": "default"}),
        (Kind.PIPELINES, "patch", {"name": "Deploy web"}, {"description": "by hand"}),
        (Kind.PIPELINES, "clone", {"name": "Deploy web"}, {"name": "copy"}),
        (Kind.ENDPOINTS, "patch", {"name": "config"}, {"properties": {"branch": "another"}}),
    ],
)
def test_a_write_by_hand_is_refused_with_repository_and_commit(
    followed: Followed, kind: Kind, verb: str, address: dict[str, str], body: dict[str, Any]
) -> None:
    commit = start(followed)
    where = {"project": "default", **address} if address else {}
    problem = refused(lambda: followed.office.act(kind, verb, body, **where))
    assert problem.code is Code.CONFLICT
    assert f"{followed.server.url}/{REPOSITORY}.git, branch main, commit {commit[:12]}" in problem.message
    assert "read-only: project default has its definitions from folder portside of" in problem.message
    assert followed.state()["commit"] == commit
    source = followed.office.get(Kind.USERS, "me")["definitionsFrom"]["default"]
    assert source.startswith("folder portside of ") and source.endswith(f"branch main, commit {commit[:12]}")


def test_an_import_by_hand_is_refused_too(followed: Followed) -> None:
    start(followed)
    text = VARIABLE.format(name="greeting", value="by hand")
    answer = followed.office.act(Kind.PIPELINES, "import", text=text, options={"project": "default"})
    assert answer["objects"][0]["status"] == "FAILED"
    assert "read-only" in answer["objects"][0]["statusMessage"]


def test_what_no_file_holds_stays_everybodys_to_change(followed: Followed) -> None:
    start(followed)
    office = followed.office
    followed.commit({"secret.yaml": SECRET, "hub.yaml": ENDPOINT.format(password="${var.registry-token}")})
    assert followed.sync()["state"] == "CURRENT"
    office.act(
        Kind.VARIABLES,
        "patch",
        {"value": "*****"},
        project="default",
        name="registry-token",
        sealed=office.sealed(value="dckr_pat_secret"),
    )
    office.act(Kind.PIPELINES, "patch", {"enabled": False}, project="default", name="Deploy web")
    new_password = office.sealed(properties__password="another-password")
    properties = {**office.get(Kind.ENDPOINTS, project="default", name="config")["properties"]}
    office.act(
        Kind.ENDPOINTS, "patch", {"properties": properties}, project="default", name="config", sealed=new_password
    )
    followed.commit({"secret.yaml": SECRET + "description: of Docker Hub\n"})
    with office.store.read() as uow:
        stored = VARIABLES.one(uow, project="default", name="registry-token")
    assert stored is not None and stored.sealed is not None
    assert office.get(Kind.PIPELINES, project="default", name="Deploy web")["enabled"] is False


def test_a_secret_in_git_is_refused_where_it_is_and_never_repeated(followed: Followed) -> None:
    followed.commit(
        {
            "hub.yaml": ENDPOINT.format(password="dckr_pat_secret"),
            "token.yaml": SECRET + "value: dckr_pat_secret\n",
        }
    )
    followed.follow()
    state = followed.sync()
    assert [(flaw["file"], flaw["line"], flaw["column"], flaw["path"]) for flaw in state["flaws"]] == [
        ("portside/hub.yaml", 8, 3, "properties.password"),
        ("portside/token.yaml", 4, 1, "value"),
    ]
    assert "dckr_pat_secret" not in str(state)
    assert "dckr_pat_secret" not in str(followed.audit("commit-refused"))
    assert "dckr_pat_secret" not in str([row.body for row in followed.sent])


def test_what_a_folder_cannot_hold_is_told_at_its_place(followed: Followed) -> None:
    followed.commit(
        {
            "a.yaml": VARIABLE.format(name="greeting", value="a"),
            "b.yaml": "\n" + VARIABLE.format(name="greeting", value="b"),
            "c.yaml": "kind: PROJECT\nname: other\n",
            "d.yaml": "kind: VARIABLE\nproject: other\nname: elsewhere\nvalue: x\n",
            "e.yaml": "kind: BLUEPRINT\nname: x\n",
        }
    )
    followed.follow()
    flaws = followed.sync()["flaws"]
    assert [(flaw["file"], flaw["line"]) for flaw in flaws] == [
        ("portside/c.yaml", 1),
        ("portside/d.yaml", 2),
        ("portside/e.yaml", 1),
        ("portside/b.yaml", 3),
    ]
    assert "also in portside/a.yaml, line 1" in flaws[-1]["message"]


def test_a_push_that_the_git_webhook_takes_in_has_the_repository_looked_at(followed: Followed) -> None:
    followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="hello")})
    webhook = followed.office.act(
        Kind.GIT_WEBHOOKS,
        "create",
        {"name": "config", "project": "default", "endpoint": "config", "secretToken": "*****"},
        hashes={"secretToken": token_hash("first-token")},
        sealed=followed.office.sealed(secretToken="first-token"),
    )
    followed.follow()
    followed.sync()

    def due() -> float:
        with followed.office.store.read() as uow:
            row = uow.session.query(TimerRow).filter_by(kind=look_timer.LOOK, subject="default").one()
            return row.due_at - uow.now

    def push(branch: str) -> None:
        followed.office.act(
            Kind.GIT_EVENTS,
            "receive",
            {"targetBranch": branch},
            by="system",
            id=webhook["id"],
            hashes={"secretToken": token_hash("first-token")},
        )

    assert due() == pytest.approx(60)
    push("feature")
    assert due() == pytest.approx(60)
    push("main")
    assert due() == pytest.approx(0)


def test_the_commit_is_told_what_became_of_it(followed: Followed) -> None:
    commit = start(followed)
    broken = followed.commit({"variables.yaml": "kind: [\n"})
    followed.sync()
    followed.sync()
    good, bad = followed.reports()
    assert (good.commit, good.ok, good.description) == (commit, True, "2 definitions in force in project default")
    assert (bad.commit, bad.ok) == (broken, False)
    assert bad.description.startswith("portside/variables.yaml:2:1: ")
    with followed.office.store.write() as uow:
        followed.following.reported(uow, CommitReported(project="default", commit=broken, detail="Posted."))
    assert followed.state()["commitStatus"] == "Posted."


def test_only_administrators_of_the_project_choose_what_it_follows(followed: Followed) -> None:
    office = followed.office
    office.user("bob", default="members")
    body = {"endpoint": "config"}
    assert refused(lambda: office.act(Kind.PROJECTS, "follow", body, by="bob", id=followed.project_id)).code is (
        Code.FORBIDDEN
    )
    start(followed)
    assert refused(lambda: office.act(Kind.PROJECTS, "unfollow", {}, by="bob", id=followed.project_id)).code is (
        Code.FORBIDDEN
    )
    assert office.act(Kind.PROJECTS, "sync", {}, by="bob", id=followed.project_id)["following"] is True


def test_the_endpoint_that_a_project_follows_by_cannot_be_deleted(followed: Followed) -> None:
    start(followed)
    problem = refused(lambda: followed.office.act(Kind.ENDPOINTS, "delete", project="default", name="config"))
    assert problem.code is Code.IN_USE and "project default" in problem.message


def test_unfollowed_definitions_stay_and_are_everybodys_again(followed: Followed) -> None:
    start(followed)
    followed.office.act(Kind.PROJECTS, "unfollow", id=followed.project_id)
    assert followed.state() == {"kind": "DEFINITION_SOURCE", "project": "default", "following": False}
    assert followed.office.get(Kind.USERS, "me")["definitionsFrom"] == {}
    followed.office.act(Kind.VARIABLES, "patch", {"value": "by hand"}, project="default", name="greeting")
    assert "_source" not in followed.office.get(Kind.VARIABLES, project="default", name="greeting")
    with followed.office.store.write() as uow:
        looking.on_timer(uow, "default")
    followed.follow()
    followed.sync()
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "hello"
    assert [line["action"] for line in followed.audit("unfollow")] == ["unfollow"]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": "nowhere"}, "endpoint"),
        ({"folder": "../other"}, "folder"),
        ({"everySeconds": 5}, "everySeconds"),
        ({"branch": "a\nb"}, "branch"),
    ],
)
def test_what_cannot_be_followed_is_refused(followed: Followed, change: dict[str, Any], subject: str) -> None:
    problem = refused(lambda: followed.follow(**change))
    assert (problem.code, problem.subject) == (Code.INVALID, subject)
