"""How a project begins and ends to follow a repository, and its state as the API shows it."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from services.config.catalog import audit, look_timer, read_only
from services.config.catalog.base import demand
from services.config.catalog.documents import demand_known, flag, text
from services.config.model.definitions import DefinitionSource, Project
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions.definition_sources import SOURCES
from services.config.store.definitions.endpoints import ENDPOINTS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import micros, wire_time

from . import looking
from .taking import not_in_git

EVERY_S, LEAST_S, MOST_S = 60, 10, 86_400
_MAX_TEXT = 500
_FIELDS = frozenset({"endpoint", "branch", "folder", "everySeconds", "prune"})
_ENTRY = ("kind", "name", "version", "file", "line", "willNotRun")


def document(uow: Reading, project: Project) -> Json:
    """What the project follows, and how far it has come."""
    source = SOURCES.one(uow, project=project.name)
    if source is None:
        return {"kind": "DEFINITION_SOURCE", "project": project.name, "following": False}
    return {
        "kind": "DEFINITION_SOURCE",
        "project": project.name,
        "following": True,
        "endpoint": source.endpoint,
        "repository": read_only.repository_of(uow, source),
        "branch": source.branch,
        "folder": source.folder,
        "everySeconds": source.every_s,
        "prune": source.prune,
        "followedBy": source.followed_by,
        "state": source.state,
        "commit": source.commit_id,
        "takenAt": wire_time(source.taken_at or None),
        "seenCommit": source.seen_commit,
        "subject": source.subject,
        "lookedAt": wire_time(source.looked_at or None),
        "_lookedAtInMicros": micros(source.looked_at),
        "problem": source.problem,
        "flaws": source.flaws,
        "objects": [{key: entry[key] for key in _ENTRY} for entry in source.objects],
        "notInGit": not_in_git(uow, source),
        "commitStatus": source.commit_status,
    }


def follow(uow: UnitOfWork, person: Person, project: Project, ask: Act) -> Document:
    """Follow a repository from now on, or in another way than before."""
    demand(uow, person, project.name, Right.RESTRICTED, "have the project follow a repository")
    person.demand_whole("have a project follow a repository")
    old = SOURCES.one(uow, project=project.name)
    shown = document(uow, project)
    # How far it has come changes while somebody edits the rest.
    demand_known(ask.body, "project's source", _FIELDS, shown, shown)
    new = _read(uow, person, project.name, ask.body)
    if old is None:
        SOURCES.insert(uow, new)
    else:
        is_same = (old.endpoint, old.branch, old.folder) == (new.endpoint, new.branch, new.folder)
        # What was in force stays so, and goes only as the new source says.
        SOURCES.update(
            uow,
            replace(
                old,
                endpoint=new.endpoint,
                branch=new.branch,
                folder=new.folder,
                every_s=new.every_s,
                prune=new.prune,
                followed_by=new.followed_by,
                followed_at=new.followed_at,
                state=old.state if is_same else looking.NEW,
                seen_commit="",
                problem="",
                flaws=[],
            ),
        )
    look_timer.look_now(uow, project.name)
    return _told(uow, person, project, "follow", old)


def unfollow(uow: UnitOfWork, person: Person, project: Project, _ask: Act) -> Document:
    """Follow no longer: the definitions stay as they are, and people may change them."""
    demand(uow, person, project.name, Right.RESTRICTED, "end that the project follows a repository")
    old = _followed(uow, project)
    SOURCES.delete(uow, project=project.name)
    uow.cancel_timer(look_timer.LOOK, project.name)
    return _told(uow, person, project, "unfollow", old)


def sync(uow: UnitOfWork, person: Person, project: Project, _ask: Act) -> Document:
    """Look at the repository now."""
    demand(uow, person, project.name, Right.EXECUTE, "have the repository looked at")
    _followed(uow, project)
    look_timer.look_now(uow, project.name)
    return Document(document=document(uow, project))


def _followed(uow: Reading, project: Project) -> DefinitionSource:
    source = SOURCES.one(uow, project=project.name)
    if source is None:
        raise refuse(
            Code.NOT_FOUND,
            f"project {project.name} follows no repository",
            subject=project.name,
            next_step=f"Have it follow one: portside projects follow {project.name} --endpoint NAME.",
        )
    return source


def _told(uow: UnitOfWork, person: Person, project: Project, verb: str, old: DefinitionSource | None) -> Document:
    after = document(uow, project)
    subject = {"id": project.id, "name": project.name, "project": project.name}
    fields = ("endpoint", "repository", "branch", "folder", "everySeconds", "prune", "commit")
    before = {**subject, "following": old is not None}
    audit.record(
        uow,
        person,
        verb,
        Kind.PROJECTS,
        before,
        {**subject, "following": after["following"], **{key: after[key] for key in fields if key in after}},
    )
    return Document(document=after)


def _read(uow: Reading, person: Person, project: str, body: Json) -> DefinitionSource:
    name = text(body, "endpoint").strip()
    endpoint = ENDPOINTS.one(uow, project=project, name=name)
    if endpoint is None or endpoint.type != "git":
        missing = f"project {project} has no Git endpoint {name}"
        raise refuse(
            Code.INVALID,
            missing if name else "endpoint is required: the Git endpoint of the repository",
            subject="endpoint",
            next_step="Create an endpoint of type git, with the repository's address, and name it here.",
        )
    return DefinitionSource(
        project=project,
        endpoint=name,
        branch=_line(body, "branch"),
        folder=_folder(_line(body, "folder")),
        every_s=_seconds(body),
        prune=flag(body, "prune", False),
        followed_by=person.user,
        followed_at=uow.now,
    )


def _line(body: Json, key: str) -> str:
    value = text(body, key).strip()
    if len(value) > _MAX_TEXT or any(ord(char) < 32 for char in value):
        raise refuse(Code.INVALID, f"{key} must be one line of at most {_MAX_TEXT} characters", subject=key)
    return value


def _folder(path: str) -> str:
    folder = posixpath.normpath(path.strip("/") or ".")
    if folder.split("/")[0] == "..":
        raise refuse(Code.INVALID, "folder must be within the repository", subject="folder")
    return "" if folder == "." else folder


def _seconds(body: Json) -> int:
    seconds = text(body, "everySeconds", str(EVERY_S))
    every_s = whole_number(seconds)
    if every_s is None or not LEAST_S <= every_s <= MOST_S:
        message = f"everySeconds must be a number from {LEAST_S} to {MOST_S:,}, not {seconds[:20]!r}"
        raise refuse(Code.INVALID, message, subject="everySeconds")
    return every_s
