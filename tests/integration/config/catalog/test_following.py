"""A project that follows Git converges: a real repository on loopback, read as a runner does, taken as config does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.config.catalog import look_timer
from services.config.catalog.following import looking
from services.config.catalog.following.looking import SourceFollowing
from services.config.store.definitions.endpoints import VARIABLES
from services.config.store.unit_of_work import Promised
from services.config.tables.machinery import TimerRow
from services.runner.requests.follow_source import SourceLooker
from services.runner.requests.validate import Validator
from shared.contracts import topics
from shared.contracts.catalog import Kind
from shared.contracts.definition_sources import CommitReport, CommitReported, SourceLook, SourceSeen
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import BY_TYPE
from shared.process.secrets import token_hash
from tests.integration.config.office import Office
from tests.support.gitserver import GitServer
from tests.support.outbound import LOOPBACK

REPOSITORY = "acme/config"
VARIABLE = "kind: VARIABLE\nname: {name}\ntype: REGULAR\nvalue: {value}\n"
SECRET = "kind: VARIABLE\nname: registry-token\ntype: SECRET\n"
ENDPOINT = """\
kind: ENDPOINT
name: hub
type: docker
properties:
  serverType: DockerHub
  repoURL: acme/web
  username: acme
  password: {password}
"""
PIPELINE = """\
kind: PIPELINE
name: Deploy web
enabled: true
stageOrder: [Deploy]
stages:
  Deploy:
    taskOrder: [Ask]
    tasks:
      Ask:
        type: {type}
        input: {{action: get, url: "https://example.com/${{var.greeting}}"}}
"""
BROKEN = "kind: PIPELINE\nname: Deploy web\nstages:\n  Deploy:\n    taskOrder: [Ask\n"


def refused(action: Callable[[], object]) -> Problem:
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.problem


class Followed:
    """A project, a repository, and the messages between config and a runner carried by hand."""

    def __init__(self, office: Office, server: GitServer) -> None:
        self.office, self.server = office, server
        self.looker = SourceLooker(Validator(office.opener, LOOPBACK).open, LOOPBACK)
        self.following = SourceFollowing(office.desk.resources)
        self.sent = office.recorder.promised
        properties = {"serverType": "GIT", "repoURL": f"{server.url}/{REPOSITORY}.git", "authType": "password"}
        office.act(
            Kind.ENDPOINTS,
            "create",
            {
                "name": "config",
                "project": "default",
                "type": "git",
                "properties": {**properties, "username": "ann", "password": "*****"},
            },
            sealed=office.sealed(properties__password="s3cret-password"),
        )
        self.project_id = office.get(Kind.PROJECTS, name="default")["id"]

    def follow(self, **more: Any) -> dict[str, Any]:
        body = {"endpoint": "config", "branch": "main", "folder": "portside", **more}
        return self.office.act(Kind.PROJECTS, "follow", body, id=self.project_id)

    def commit(self, files: dict[str, str], **more: Any) -> str:
        return self.server.commit(REPOSITORY, {f"portside/{name}": text for name, text in files.items()}, **more)

    def ask(self) -> SourceLook:
        """The timer fires; returns the question that it sends."""
        self.office.now += 60
        with self.office.store.write() as uow:
            looking.on_timer(uow, "default")
        return SourceLook.model_validate_json(self.last(topics.SOURCE_LOOK.type).body)

    def take(self, answer: SourceSeen) -> dict[str, Any]:
        looking.parse_files(answer)
        with self.office.store.write() as uow:
            self.following.seen(uow, answer)
        return self.state()

    def sync(self) -> dict[str, Any]:
        """One whole look: asked, answered, taken."""
        return self.take(self.looker(self.ask()))

    def state(self) -> dict[str, Any]:
        return self.office.get(Kind.PROJECTS, self.project_id, options={"source": True})

    def last(self, type_: str) -> Promised:
        return [row for row in self.sent if row.type == type_][-1]

    def reports(self) -> list[CommitReport]:
        rows = [row for row in self.sent if row.type == topics.COMMIT_REPORT.type]
        return [BY_TYPE[row.type].model.model_validate_json(row.body) for row in rows]  # type: ignore[misc]

    def names(self, kind: Kind) -> list[str]:
        return self.office.names(kind, filter="project eq 'default'")

    def audit(self, action: str) -> list[dict[str, Any]]:
        return list(self.office.find(Kind.AUDIT, filter=f"action eq '{action}'").documents)


@pytest.fixture
def followed(office: Office, tmp_path: Path) -> Iterator[Followed]:
    folder = tmp_path / "git"
    folder.mkdir()
    server = GitServer(folder, "ann", "s3cret-password")
    yield Followed(office, server)
    server.close()


def start(followed: Followed, **more: Any) -> str:
    """A repository with a variable and a pipeline that uses it, in force."""
    commit = followed.commit(
        {
            "variables.yaml": VARIABLE.format(name="greeting", value="hello"),
            "pipelines/web.yaml": PIPELINE.format(type="REST"),
        }
    )
    followed.follow(**more)
    assert followed.sync()["state"] == "CURRENT"
    return commit


def test_a_project_becomes_what_the_folder_says_and_shows_the_commit(followed: Followed) -> None:
    commit = start(followed)
    state = followed.state()
    assert (state["commit"], state["flaws"], state["notInGit"]) == (commit, [], [])
    assert state["repository"] == f"{followed.server.url}/{REPOSITORY}.git"
    pipeline = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    assert pipeline["enabled"] is True
    assert pipeline["_source"] == {
        "repository": state["repository"],
        "branch": "main",
        "commit": commit,
        "file": "portside/pipelines/web.yaml",
        "line": 1,
    }
    (listed,) = followed.office.find(Kind.VARIABLES).documents
    assert (listed["value"], listed["_source"]["file"]) == ("hello", "portside/variables.yaml")
    (line,) = followed.audit("commit-taken")
    assert line["after"]["commit"] == commit
    assert line["after"]["created"] == ["variable greeting", "pipeline Deploy web"]
    assert followed.office.get(Kind.ENDPOINTS, project="default", name="config")["_source"]["commit"] == ""


def test_a_new_file_and_a_changed_one_are_taken_and_the_others_are_left(followed: Followed) -> None:
    start(followed)
    before = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    commit = followed.commit(
        {
            "variables.yaml": VARIABLE.format(name="greeting", value="good day"),
            "more.yml": VARIABLE.format(name="place", value="here") + "---\n" + SECRET,
        }
    )
    assert followed.sync()["commit"] == commit
    variables = {it["name"]: it["value"] for it in followed.office.find(Kind.VARIABLES).documents}
    assert variables == {"greeting": "good day", "place": "here", "registry-token": "*****"}
    after = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    assert after["version"] == before["version"]
    taken = followed.audit("commit-taken")[0]["after"]
    assert taken["created"] == ["variable place", "variable registry-token"]
    assert taken["changed"] == ["variable greeting"]


def test_a_field_that_a_file_no_longer_has_goes(followed: Followed) -> None:
    start(followed)
    text = VARIABLE.format(name="greeting", value="hello")
    followed.commit({"variables.yaml": text + "description: polite\n"})
    followed.sync()
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["description"] == "polite"
    followed.commit({"variables.yaml": text})
    followed.sync()
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["description"] == ""


def test_a_broken_file_changes_nothing_and_is_told_by_file_line_and_column(followed: Followed) -> None:
    good = start(followed)
    unknown_task = PIPELINE.format(type="REST").replace("Deploy web", "Other").replace("[Ask]", "[Nobody]")
    broken = followed.commit(
        {
            "variables.yaml": VARIABLE.format(name="greeting", value="lost"),
            "pipelines/web.yaml": BROKEN,
            "pipelines/other.yaml": "\n" + unknown_task,
        }
    )
    state = followed.sync()
    assert (state["state"], state["commit"], state["seenCommit"]) == ("BROKEN", good, broken)
    (unreadable,) = state["flaws"]
    assert (unreadable["file"], unreadable["line"]) == ("portside/pipelines/web.yaml", 6)
    assert unreadable["column"] >= 1 and unreadable["message"]
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "hello"
    # What can be read is only judged once everything can.
    followed.commit({"pipelines/web.yaml": PIPELINE.format(type="REST")})
    unknown = followed.sync()["flaws"][0]
    assert (unknown["file"], unknown["line"], unknown["column"]) == ("portside/pipelines/other.yaml", 8, 17)
    assert "Nobody" in unknown["message"]
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "hello"
    assert len(followed.audit("commit-refused")) == 2
    mended = followed.commit({}, removed=["portside/pipelines/other.yaml"])
    assert followed.sync()["commit"] == mended
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "lost"


def test_a_removed_file_removes_its_object_only_by_choice(followed: Followed) -> None:
    start(followed)
    followed.commit({}, removed=["portside/pipelines/web.yaml"])
    state = followed.sync()
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    assert state["notInGit"] == [
        {
            "kind": "pipelines",
            "name": "Deploy web",
            "reason": "its file is gone; an object goes with its file where prune is on",
        }
    ]
    followed.follow(prune=True)
    assert followed.sync()["notInGit"] == []
    assert followed.names(Kind.PIPELINES) == []
    assert followed.audit("commit-taken")[0]["after"]["deleted"] == ["pipeline Deploy web"]


def test_what_something_refers_to_stays_until_nothing_does(followed: Followed) -> None:
    start(followed, prune=True)
    commit = followed.commit({}, removed=["portside/variables.yaml"])
    state = followed.sync()
    assert (state["state"], state["commit"]) == ("CURRENT", commit)
    (kept,) = state["notInGit"]
    assert kept["reason"] == "its file is gone, but cannot delete variable greeting: pipeline Deploy web refers to it"
    followed.commit({"pipelines/web.yaml": PIPELINE.format(type="REST").replace("${var.greeting}", "hello")})
    assert followed.sync()["notInGit"] == []
    assert followed.names(Kind.VARIABLES) == []


def test_what_goes_together_goes_in_the_order_of_its_references(followed: Followed) -> None:
    start(followed, prune=True)
    followed.commit({"readme.yaml": ""}, removed=["portside/variables.yaml", "portside/pipelines/web.yaml"])
    assert followed.sync()["state"] == "CURRENT"
    assert (followed.names(Kind.VARIABLES), followed.names(Kind.PIPELINES)) == ([], [])


def test_what_will_not_run_is_taken_and_told(followed: Followed) -> None:
    followed.commit({"web.yaml": PIPELINE.format(type="Jenkins")})
    followed.follow()
    state = followed.sync()
    assert state["state"] == "CURRENT"
    (entry,) = state["objects"]
    assert [(it["stage"], it["task"], it["type"]) for it in entry["willNotRun"]] == [("Deploy", "Ask", "Jenkins")]
    followed.commit({"other.yaml": VARIABLE.format(name="greeting", value="hello")})
    assert [entry["willNotRun"] != [] for entry in followed.sync()["objects"]] == [False, True]


def test_a_forced_push_is_followed(followed: Followed) -> None:
    start(followed)
    lost = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="lost")})
    assert followed.sync()["commit"] == lost
    forced = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="kept")}, forced=True)
    assert forced != lost
    assert followed.sync()["commit"] == forced
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "kept"


def test_a_repository_that_is_away_changes_nothing_and_is_followed_again_once_it_is_back(followed: Followed) -> None:
    commit = start(followed)
    away = followed.server.folder / "acme" / "away"
    bare = followed.server.folder / "acme" / "config.git"
    bare.rename(away)
    state = followed.sync()
    assert (state["state"], state["commit"]) == ("AWAY", commit)
    assert state["problem"] and "s3cret-password" not in state["problem"]
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    away.rename(bare)
    newer = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="back")})
    state = followed.sync()
    assert (state["state"], state["commit"], state["problem"]) == ("CURRENT", newer, "")


def test_a_commit_that_is_in_force_is_not_sent_again(followed: Followed) -> None:
    start(followed)
    question = followed.ask()
    answer = followed.looker(question)
    assert (answer.outcome, answer.files) == ("same", ())
    assert followed.take(answer)["state"] == "CURRENT"
    assert len(followed.reports()) == 1


def test_an_answer_that_is_older_than_another_changes_nothing(followed: Followed) -> None:
    start(followed)
    late = followed.ask()
    old = followed.looker(late.model_copy(update={"known_commit": ""}))
    followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="new")})
    followed.sync()
    followed.take(old)
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "new"


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
