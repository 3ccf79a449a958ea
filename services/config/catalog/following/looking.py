"""Following: a runner looks at the repository, at a push and at an interval, and its answer is taken."""

from __future__ import annotations

from dataclasses import replace

from services.config.catalog import audit, read_only
from services.config.catalog.hooks import public_url
from services.config.catalog.look_timer import LOOK
from services.config.catalog.references import endpoint_of, resolve_endpoint
from services.config.catalog.transfer.exporting import Resources
from services.config.catalog.transfer.importing import parse_ahead
from services.config.model.definitions import DefinitionSource
from services.config.model.people import Person
from services.config.store import UnitOfWork
from services.config.store.definitions import people, projects
from services.config.store.definitions.definition_sources import SOURCES
from shared.contracts import topics
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.definition_sources import CommitReport, CommitReported, SourceLook, SourceSeen
from shared.contracts.problems import Refused
from shared.contracts.texts import counted

from .taking import CommitOutcome, take

NEW, CURRENT, BROKEN, AWAY = "NEW", "CURRENT", "BROKEN", "AWAY"
LOST_AFTER_S = 150.0
"""A question without an answer is asked again after that: longer than a runner reads a repository."""
_MAX_FLAWS = 100


def on_timer(uow: UnitOfWork, project: str) -> None:
    """Handle the timer LOOK: ask a runner."""
    source = SOURCES.one(uow, project=project)
    if source is None:
        return
    endpoint = endpoint_of(uow, project, source.endpoint)
    if endpoint is None:
        problem = f"Project {project} no longer has the endpoint {source.endpoint}."
        SOURCES.update(uow, replace(source, state=AWAY, problem=problem))
        uow.timer(LOOK, project, uow.now + source.every_s)
        return
    is_clean = source.state in (CURRENT, AWAY) and source.commit_id == source.seen_commit and not source.kept
    ask = SourceLook(
        project=project,
        asked_at=uow.now,
        endpoint=resolve_endpoint(uow, endpoint),
        branch=source.branch,
        folder=source.folder,
        known_commit=source.commit_id if is_clean else "",
    )
    uow.outbox(topics.SOURCE_LOOK, ask, project)
    uow.timer(LOOK, project, uow.now + max(LOST_AFTER_S, source.every_s))


def parse_files(answer: SourceSeen) -> None:
    """Parse the files of an answer before a transaction takes them."""
    for file in answer.files:
        try:
            parse_ahead(file.text)
        except Refused:
            # The same refusal becomes a flaw, with its place, once the commit is taken.
            continue


class SourceFollowing:
    """Takes what runners have seen."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def take_answer(self, uow: UnitOfWork, answer: SourceSeen) -> None:
        """The answer to a look. One that is older than another changes nothing."""
        source = SOURCES.one(uow, project=answer.project)
        if source is None or answer.asked_at < max(source.followed_at, source.looked_at):
            return
        uow.timer(LOOK, source.project, uow.now + source.every_s)
        looked = replace(source, looked_at=answer.asked_at)
        if answer.outcome == "failed":
            SOURCES.update(uow, replace(looked, state=AWAY, problem=answer.detail))
        elif answer.outcome == "same":
            SOURCES.update(uow, replace(looked, state=CURRENT, problem=""))
        else:
            self._take(uow, looked, answer)

    def _take(self, uow: UnitOfWork, source: DefinitionSource, answer: SourceSeen) -> None:
        person = _follower(uow, source)
        problem = ""
        taken = CommitOutcome()
        if person is None:
            problem = (
                f"{source.followed_by}, with whose rights the definitions are written, no longer has an account here. "
                "Follow the repository again as somebody else."
            )
        else:
            taken = take(uow, person, self._resources, source, answer.files)
            if taken.flaws:
                problem = f"{counted(len(taken.flaws), 'flaw')} in commit {answer.commit[: read_only.SHORT]}."
        is_good = not problem
        new = replace(
            source,
            state=CURRENT if is_good else BROKEN,
            seen_commit=answer.commit,
            subject=answer.subject,
            problem=problem,
            flaws=taken.flaws[:_MAX_FLAWS],
        )
        if is_good:
            taken_at = uow.now if answer.commit != source.commit_id else source.taken_at
            new = replace(new, commit_id=answer.commit, taken_at=taken_at, objects=taken.objects, kept=taken.kept)
        is_news = (source.seen_commit, source.problem) != (new.seen_commit, new.problem) or (taken.moved and is_good)
        SOURCES.update(uow, replace(new, commit_status="") if is_news else new)
        if is_news:
            _record(uow, source, new, taken)
            _report(uow, new, taken)

    def reported(self, uow: UnitOfWork, answer: CommitReported) -> None:
        """What became of the report at the commit."""
        source = SOURCES.one(uow, project=answer.project)
        if source is not None and source.seen_commit == answer.commit:
            SOURCES.update(uow, replace(source, commit_status=answer.detail))


def _follower(uow: UnitOfWork, source: DefinitionSource) -> Person | None:
    """Who had the project follow, within that project alone."""
    person = people.person(uow, source.followed_by, None)
    return None if person is None else replace(person, only_project=source.project, from_git=True)


def _record(uow: UnitOfWork, old: DefinitionSource, new: DefinitionSource, taken: CommitOutcome) -> None:
    """One audit line for the commit, beside those of its objects."""
    subject: Json = {"id": projects.ids(uow, [new.project]).get(new.project, ""), "name": new.project}
    after = {**subject, "project": new.project, "commit": new.seen_commit, "subject": new.subject}
    if new.state == BROKEN:
        after |= {"problem": new.problem, "flaws": new.flaws}
    else:
        after |= {"created": taken.created, "changed": taken.changed, "deleted": taken.deleted, "kept": new.kept}
    action = "commit-refused" if new.state == BROKEN else "commit-taken"
    before = {**subject, "project": new.project, "commit": old.commit_id}
    audit.record(uow, Person(new.followed_by), action, Kind.PROJECTS, before, after)


def _report(uow: UnitOfWork, source: DefinitionSource, taken: CommitOutcome) -> None:
    endpoint = endpoint_of(uow, source.project, source.endpoint)
    if endpoint is None:
        return
    base = public_url.of(uow)
    project_id = projects.ids(uow, [source.project]).get(source.project, "")
    report = CommitReport(
        project=source.project,
        endpoint=resolve_endpoint(uow, endpoint),
        commit=source.seen_commit,
        ok=source.state == CURRENT,
        description=_sentence(source, taken),
        page_url=f"{base}/projects/{project_id}" if base else "",
    )
    uow.outbox(topics.COMMIT_REPORT, report, source.project)


def _sentence(source: DefinitionSource, taken: CommitOutcome) -> str:
    if source.state == CURRENT:
        return f"{counted(len(taken.objects), 'definition')} in force in project {source.project}"
    if not source.flaws:
        return source.problem
    first = source.flaws[0]
    more = f" (and {len(taken.flaws) - 1} more)" if len(taken.flaws) > 1 else ""
    return f"{first['file']}:{first['line']}:{first['column']}: {first['message']}{more}"
