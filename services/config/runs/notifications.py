"""Who is notified of what: decided from the events that the ledger accepted, sent by a runner.

What a notification says may name anything of the run. Secrets are not opened here: their boxes travel along, and
outputs are those that people see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.config.catalog.hooks import public_url
from services.config.catalog.references import resolve_for_run
from services.config.store import Reading, UnitOfWork, executions, notices
from services.config.store.definitions import people
from services.config.store.executions import Facts, Run
from services.config.store.notices import NoticeProgress
from shared.contracts.base import Json
from shared.contracts.history import (
    Event,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Status,
    TaskEnded,
    TaskStarted,
    TaskWaiting,
)
from shared.contracts.notices import Notice
from shared.contracts.times import rfc3339_seconds
from shared.contracts.topics import NOTICE_SEND
from shared.grammar.cutting import fitted
from shared.grammar.expressions import references, split_name
from shared.grammar.plan import Notification, Plan
from shared.grammar.states import RunState, facts
from shared.process.ids import derived_id

from .plans import plan_of
from .states import state_of

Place = tuple[str, str]

_NAMESPACE = UUID("b0a3a3c5-2f9d-5c47-8f0d-3b1f1f0f5c11")
_WORDS = {Status.COMPLETED: "SUCCESS", Status.FAILED: "FAILURE", Status.CANCELED: "CANCELED"}
_WAITS_FOR_PEOPLE = frozenset({"approval", "restricted"})

_KNOWN: dict[str, bool] = {}
"""By hash of a plan: whether runs of it tell anybody anything, which few do."""
_MANY = 4096
_MAX_VALUES = 1024 * 1024
"""Bytes of the outputs that one notification may name."""


@dataclass(frozen=True, slots=True)
class _Due:
    """One notification that is due. `key` tells it from others of the run, no matter who reports it and how often."""

    key: str
    word: str
    place: Place
    notification: Notification
    more: Mapping[str, str] = field(default_factory=dict)
    """Further names that its texts may refer to."""


def notify(uow: UnitOfWork, run: Run, events: Sequence[Event]) -> None:
    """Promise what these events have told to whom; the same event again promises nothing."""
    if not events or not (_tells(uow, run.plan_hash) or any(map(_asks_by_mail, events))):
        return
    plan, about = plan_of(uow, run.plan_hash)
    due = [
        _Due(f"{index} {_key(event)}", word, place, notification)
        for event in events
        for word, place in raised(event, plan)
        for index, notification in enumerate(plan.notifications)
        if (notification.event, notification.stage, notification.task) == (word, *place)
    ]
    due += [
        mail
        for event in events
        if isinstance(event, TaskWaiting) and _asks_by_mail(event) and (mail := _mail_to_approvers(uow, run, event))
    ]
    if due:
        _promise(uow, run, plan, about, due)


def raised(event: Event, plan: Plan) -> Iterator[tuple[str, Place]]:
    """What an event means to those who want a notification: a word, and the stage and task that it is about."""
    match event:
        case RunStarted():
            yield "STARTED", ("", "")
        case StageStarted():
            yield "STARTED", (event.stage, "")
        case TaskStarted() if event.try_number == 1:
            yield "STARTED", (event.stage, event.task)
        case TaskWaiting() if event.reason in _WAITS_FOR_PEOPLE:
            yield "WAITING", (event.stage, event.task)
            yield "WAITING", ("", "")
        case TaskEnded() if event.status in _WORDS and not _tried_again(event, plan):
            yield _WORDS[event.status], (event.stage, event.task)
        case StageEnded() if event.status in _WORDS:
            yield _WORDS[event.status], (event.stage, "")
        case RunEnded() if event.status in _WORDS:
            yield _WORDS[event.status], ("", "")


def _tried_again(event: TaskEnded, plan: Plan) -> bool:
    return event.status is Status.FAILED and event.try_number < plan.task(event.stage, event.task).retries.attempts


def _key(event: Event) -> str:
    """The same no matter who says it and how often."""
    place = (getattr(event, name, "") for name in ("type", "stage", "task", "try_number", "reason"))
    return " ".join(map(str, place))


def _tells(uow: Reading, digest: str) -> bool:
    notifies = _KNOWN.get(digest)
    if notifies is None:
        if len(_KNOWN) >= _MANY:
            _KNOWN.clear()
        notifies = _KNOWN[digest] = bool(plan_of(uow, digest)[0].notifications)
    return notifies


def _promise(uow: UnitOfWork, run: Run, plan: Plan, about: Json, due: Sequence[_Due]) -> None:
    new = {derived_id(f"{run.id} {due_notice.key} {due_notice.word}", _NAMESPACE): due_notice for due_notice in due}
    rows = [
        NoticeProgress(
            notice_id,
            run.id,
            due_notice.notification.kind,
            due_notice.word,
            *due_notice.place,
            "",
            notices.WAITING,
            0,
            0,
            "",
        )
        for notice_id, due_notice in new.items()
    ]
    fresh = notices.add(uow, rows)
    if not fresh:
        return
    state = state_of(uow, run.id, plan)
    started_with = executions.facts_of(uow, [run.id])[run.id]
    for notice_row in fresh:
        due_notice, notification = new[notice_row.id], new[notice_row.id].notification
        alone = Plan(pipeline=plan.pipeline, notifications=(notification,))
        endpoints, variables = resolve_for_run(uow, run.project, alone, started_with.input)
        notice = Notice(
            notice_id=notice_row.id,
            execution_id=run.id,
            kind=notification.kind,
            event=due_notice.word,
            entry=_addressed(uow, notification, run.project),
            endpoint=next(iter(endpoints.values()), None),
            variables=variables,
            inputs=dict(started_with.input),
            tasks=fitted(_named(notification.body, state), _MAX_VALUES),
            about={**_about(uow, run, started_with, about, plan, state, due_notice.place), **due_notice.more},
            outputs=fitted(state.output, _MAX_VALUES),
        )
        uow.outbox(NOTICE_SEND, notice, notice_row.id)


def _addressed(uow: Reading, notification: Notification, project: str) -> Json:
    """The entry with addresses for the people and groups that a mail names; what is neither stays as it is written."""
    to = notification.body.get("to")
    if notification.kind != "email" or not to:
        return notification.body
    parts = to.replace(";", ",").split(",") if isinstance(to, str) else to
    if not isinstance(parts, list | tuple):
        return notification.body
    names = [str(part).strip() for part in parts]
    recipients = [address for name in names if name for address in _addresses_of(uow, name, project)]
    return {**notification.body, "to": list(dict.fromkeys(recipients))}


def _addresses_of(uow: Reading, name: str, project: str) -> list[str]:
    if "@" in name or "${" in name:
        return [name]
    return people.addresses(uow, [name], [name], project) or [name]


def _named(body: Json, state: RunState) -> dict[str, dict[str, Json]]:
    """Only the tasks that are referred to: outputs may be long."""
    stage_facts = facts(state)
    named: dict[str, dict[str, Json]] = {}
    for reference in references(body):
        stage, rest = split_name(reference.steps, stage_facts) if reference.root == "task" else (None, ())
        task, _ = split_name(rest, stage_facts[stage]) if stage is not None and rest else (None, ())
        if stage is not None and task is not None:
            named.setdefault(stage, {})[task] = stage_facts[stage][task]
    return named


def _about(
    uow: Reading, run: Run, facts: Facts, description_of: Json, plan: Plan, state: RunState, place: Place
) -> dict[str, Any]:
    stage, task = place
    since, until = run.started_at or run.requested_at, run.ended_at or uow.now
    return {
        "name": run.pipeline,
        "project": run.project,
        "description": str(description_of.get("description") or ""),
        "comments": facts.comments,
        "requestBy": facts.requested_by,
        "executionId": run.id,
        "executionIndex": run.index,
        "executionUrl": f"{public_url.of(uow)}/executions/{run.id}",
        "status": run.status.value,
        "statusMessage": run.status_message or state.message,
        "startTime": rfc3339_seconds(since),
        "endTime": rfc3339_seconds(until) if run.ended_at is not None else "",
        "executedOn": rfc3339_seconds(since),
        "duration": round(max(0.0, until - since)),
        "stageName": stage,
        "taskName": task,
        "type": plan.task(stage, task).type if task else "",
    }


def _asks_by_mail(event: Event) -> bool:
    return isinstance(event, TaskWaiting) and event.reason == "approval" and bool(event.ask.get("sendemail"))


def _mail_to_approvers(uow: Reading, run: Run, event: TaskWaiting) -> _Due | None:
    """What a UserOperation with `sendemail` sends to those whom it asks."""
    to = people.addresses(uow, _names(event.ask, "approvers"), _names(event.ask, "approverGroups"), run.project)
    if not to or not event.ask.get("endpoint"):
        return None
    body = {
        "to": to,
        "subject": "${name} #${executionIndex} asks: ${summary}",
        "body": "${summary}\n\n${details}\n\nAnswer at ${executionUrl}",
    }
    mail = Notification(kind="email", event="WAITING", endpoint=str(event.ask["endpoint"]), body=body)
    # Named, not written into the texts: nothing that a person wrote is taken for an expression here.
    question = {"summary": str(event.ask.get("summary") or ""), "details": str(event.ask.get("description") or "")}
    return _Due(f"approvers {_key(event)}", "WAITING", (event.stage, event.task), mail, question)


def _names(ask: Mapping[str, Any], key: str) -> list[str]:
    value = ask.get(key)
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


def shown(notice: NoticeProgress) -> Json:
    """Code Stream's record of a notification."""
    return {
        "eventGroup": notice.event,
        "providerType": notice.kind.upper(),
        "responseCode": str(notice.code) if notice.code else "",
        "responseMessage": notice.message,
        "success": notice.state == notices.SENT,
        "stage": notice.stage,
        "task": notice.task,
        "_state": notice.state,
        "_tries": notice.tries,
        "_target": notice.target,
    }
