"""The kind `registry-events`: Activity. One row a push, with its verdict, why, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from services.config.catalog.base import readable
from services.config.catalog.documents import link, micros, stamps, wire_time
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.pushes import explain
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.verdicts import BUTTONS, action_of
from services.config.resource import unsupported
from services.config.runs.batch import RunBatch
from services.config.store import Reading, UnitOfWork, deliveries
from services.config.store.definitions import projects as projects_store
from services.config.store.deliveries import PushEvent
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse

_AGAIN = {"rerun": False, "resume": False, "run-anyway": True}
"""Verbs that judge a push again, and whether the order of pushes counts no more."""


class Events:
    """Deliveries, newest first. Those of unknown tokens belong to no project; administrators see them."""

    def __init__(self, receiver: Deliveries) -> None:
        self._receiver = receiver

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        found, total = deliveries.page(uow, readable(uow, person), ask)
        return Page(documents=tuple(documents(uow, found)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One event, with the payload as it came; with `options.why` why an image was not deployed."""
        if isinstance(about := ask.options.get("why"), dict):
            repository, tag, at = (str(about.get(name) or "") for name in ("repository", "tag", "at"))
            return Document(document=explain.answer(uow, person, repository, tag, at))
        one = self._locate(uow, person, ask.id)
        # The pushes of one body share it: it is kept with the first.
        first = deliveries.find_push(uow, one.delivery_id, 0) if one.ordinal else one
        return Document(document={**document(uow, one), "payload": dict((first or one).body)})

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Run it again, or delete it."""
        one = self._locate(uow, person, ask.id)
        if ask.verb in _AGAIN:
            person.demand(one.project, Right.EXECUTE, f"rerun events of {one.project or 'no project'}")
            with RunBatch(uow) as movement:
                made = self._receiver.rerun(movement, one, person.user, anyway=_AGAIN[ask.verb])
            return Document(document=document(uow, deliveries.find_one(uow, made.id) or made))
        if ask.verb == "delete":
            person.demand(one.project, Right.EDIT, f"delete events of {one.project or 'no project'}")
            deliveries.remove(uow, one.id)
            return Document(document=document(uow, one))
        raise unsupported(Kind.EVENTS, ask.verb, (*_AGAIN, "delete"))

    def _locate(self, uow: Reading, person: Person, number: str) -> PushEvent:
        one = deliveries.find_one(uow, number)
        if one is None or not person.may(one.project, Right.READ):
            raise refuse(Code.NOT_FOUND, f"There is no event {number}", subject=number)
        return one


def document(uow: Reading, one: PushEvent) -> Json:
    """One event as the API shows it."""
    return documents(uow, [one])[0]


def documents(uow: Reading, found: Sequence[PushEvent]) -> list[Json]:
    """Events as the API shows them."""
    projects = projects_store.ids(uow, {one.project for one in found})
    return [_document(one, projects.get(one.project, "")) for one in found]


def _document(one: PushEvent, project_id: str) -> Json:
    """Code Stream's event, old and new field names, and ours."""
    push = one.push
    pusher = (push.pusher or "") if push else ""
    repository = one.body.get("repository")
    action = action_of(one.verdict)
    status = one.execution_status or ("STARTED" if one.execution_id else "")
    return {
        "project": one.project,
        "kind": "DOCKER_EVENT",
        "id": one.id,
        "name": one.webhook,
        "description": "",
        "version": "v1",
        "tags": [],
        "_link": link("registry-events", one.id),
        "_projectId": project_id,
        **stamps(one.received_at, one.updated_at, pusher, ""),
        "timeStampInMicros": micros(one.received_at),
        "owner": pusher,
        "imageName": push.repository if push else "",
        "repo": push.name if push else "",
        "repoNamespace": push.namespace if push else "",
        "repoStatus": str(repository.get("status") or "") if isinstance(repository, dict) else "",
        "tag": (push.tag or "") if push else "",
        "pipeline": one.pipeline,
        "pipelineName": one.pipeline,
        "executionId": one.execution_id,
        "executionLink": link("executions", one.execution_id) if one.execution_id else "",
        "executionIndex": one.execution_index or 0,
        "executionStatus": status,
        # Code Stream's pages show the run's own words here once there is a run.
        "message": one.execution_message or one.reason,
        "verdict": one.verdict,
        "reason": one.reason,
        "nextStep": one.next_step,
        "action": action.value,
        "actionLabel": BUTTONS[action],
        "state": one.state,
        "digest": push.digest if push else None,
        "registryHost": push.registry_host if push else "",
        "provider": push.provider if push else "",
        "pushedAt": wire_time(push.pushed_at) if push and push.pushed_at is not None else "",
        "webhook": one.webhook,
        "webhookId": one.webhook_id,
        "deliveryId": one.delivery_id,
        "via": one.via,
        "pushedBy": one.pushed_by,
        "pushedByLink": link("executions", one.pushed_by_id) if one.pushed_by_id else "",
        "rerunOf": one.rerun_of,
        "sourceAddress": one.source_address,
        "userAgent": one.user_agent,
    }
