"""A project that follows a repository on loopback, with the messages between config and a runner carried by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.config.catalog.following import looking
from services.config.catalog.following.looking import SourceFollowing
from services.config.store.unit_of_work import Promised
from services.runner.requests.follow_source import SourceLooker
from services.runner.requests.validate import Validator
from shared.contracts import topics
from shared.contracts.catalog import Kind
from shared.contracts.definition_sources import CommitReport, SourceLook, SourceSeen
from shared.contracts.problems import Problem, Refused
from shared.contracts.topics import BY_TYPE
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
            self.following.take_answer(uow, answer)
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
