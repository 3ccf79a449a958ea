"""The kind `registry-events`: Activity. One row a push, with its verdict, why, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from services.config.catalog.base import readable
from services.config.catalog.documents import link, stamps
from services.config.model.people import Person
from services.config.model.push_events import PushEvent
from services.config.model.rights import Right
from services.config.pushes import explain
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.verdicts import BUTTONS, action_of
from services.config.resource import unsupported
from services.config.runs.batch import RunBatch
from services.config.store import Reading, UnitOfWork, activity, deliveries
from services.config.store.definitions import projects as projects_store
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.times import micros, wire_time

_AGAIN = {"rerun": False, "resume": False, "run-anyway": True}
"""Verbs that judge a push again, and whether the order of pushes counts no more."""


class Events:
    """Deliveries, newest first. Those of unknown tokens belong to no project; administrators see them."""

    def __init__(self, receiver: Deliveries) -> None:
        self._receiver = receiver

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; with `options.pushes` of pushes: the newest event of each, with the others in `_others`."""
        visible = readable(uow, person)
        if not ask.options.get("pushes"):
            events, total = activity.page(uow, visible, ask)
            return Page(documents=tuple(documents(uow, events)), total=total)
        pushes, total = activity.pushes(uow, visible, ask)
        drawn = iter(documents(uow, [event for events in pushes for event in events]))
        rows = [[next(drawn) for _ in events] for events in pushes]
        return Page(documents=tuple({**first, "_others": others} for first, *others in rows), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One event, with the payload as it came; with `options.why` why an image was not deployed."""
        if isinstance(about := ask.options.get("why"), dict):
            repository, tag, at = (str(about.get(name) or "") for name in ("repository", "tag", "at"))
            return Document(document=explain.answer(uow, person, repository, tag, at))
        event = self._locate(uow, person, ask.id)
        # The pushes of one body share it: it is kept with the first.
        first = deliveries.find_push(uow, event.delivery_id, 0) if event.ordinal else event
        return Document(document={**document(uow, event), "payload": dict((first or event).body)})

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Run it again, or delete it."""
        event = self._locate(uow, person, ask.id)
        if ask.verb in _AGAIN:
            person.demand(event.project, Right.EXECUTE, f"rerun events of {event.project or 'no project'}")
            with RunBatch(uow) as movement:
                rerun = self._receiver.rerun(movement, event, person.user, anyway=_AGAIN[ask.verb])
            return Document(document=document(uow, deliveries.find_one(uow, rerun.id) or rerun))
        if ask.verb == "delete":
            person.demand(event.project, Right.EDIT, f"delete events of {event.project or 'no project'}")
            deliveries.remove(uow, event.id)
            return Document(document=document(uow, event))
        raise unsupported(Kind.EVENTS, ask.verb, (*_AGAIN, "delete"))

    def _locate(self, uow: Reading, person: Person, event_id: str) -> PushEvent:
        event = deliveries.find_one(uow, event_id)
        if event is None or not person.may(event.project, Right.READ):
            raise refuse(Code.NOT_FOUND, f"There is no event {event_id}", subject=event_id)
        return event


def document(uow: Reading, event: PushEvent) -> Json:
    """One event as the API shows it."""
    return documents(uow, [event])[0]


def documents(uow: Reading, events: Sequence[PushEvent]) -> list[Json]:
    """Events as the API shows them."""
    projects = projects_store.ids(uow, {event.project for event in events})
    return [_document(event, projects.get(event.project, "")) for event in events]


def _document(event: PushEvent, project_id: str) -> Json:
    """Code Stream's event, old and new field names, and ours."""
    push = event.push
    pusher = (push.pusher or "") if push else ""
    action = action_of(event.verdict)
    return {
        "project": event.project,
        "kind": "DOCKER_EVENT",
        "id": event.id,
        "name": event.webhook,
        "description": "",
        "version": "v1",
        "tags": [],
        "_link": link("registry-events", event.id),
        "_projectId": project_id,
        **stamps(event.received_at, event.updated_at, pusher, ""),
        "timeStampInMicros": micros(event.received_at),
        "owner": pusher,
        **_image(event),
        **_run(event),
        # Code Stream's pages show the run's own words here once there is a run.
        "message": event.execution_message or event.reason,
        "verdict": event.verdict,
        "reason": event.reason,
        "nextStep": event.next_step,
        "action": action.value,
        "actionLabel": BUTTONS[action],
        "state": event.state,
        "digest": push.digest if push else None,
        "registryHost": push.registry_host if push else "",
        "provider": push.provider if push else "",
        "pushedAt": wire_time(push.pushed_at) if push and push.pushed_at is not None else "",
        "webhook": event.webhook,
        "webhookId": event.webhook_id,
        "deliveryId": event.delivery_id,
        "via": event.via,
        "pushedBy": event.pushed_by,
        "pushedByLink": link("executions", event.pushed_by_id) if event.pushed_by_id else "",
        "rerunOf": event.rerun_of,
        "pushKey": event.push_key,
        "sourceAddress": event.source_address,
        "userAgent": event.user_agent,
    }


def _image(event: PushEvent) -> Json:
    """What was pushed, in Code Stream's fields."""
    push, repository = event.push, event.body.get("repository")
    return {
        "imageName": push.repository if push else "",
        "repo": push.name if push else "",
        "repoNamespace": push.namespace if push else "",
        "repoStatus": str(repository.get("status") or "") if isinstance(repository, dict) else "",
        "tag": (push.tag or "") if push else "",
    }


def _run(event: PushEvent) -> Json:
    """The pipeline that it is for, and the run that it started."""
    status = event.execution_status or ("STARTED" if event.execution_id else "")
    return {
        "pipeline": event.pipeline,
        "pipelineName": event.pipeline,
        "executionId": event.execution_id,
        "executionLink": link("executions", event.execution_id) if event.execution_id else "",
        "executionIndex": event.execution_index or 0,
        "executionStatus": status,
    }
