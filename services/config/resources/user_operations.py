"""The kind `user-operations`: questions that runs wait for, and the people's answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from services.config.catalog.base import readable
from services.config.catalog.documents import ORGANISATION, link, stamps
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import unsupported
from services.config.runs import protocol
from services.config.runs.batch import RunBatch
from services.config.runs.plans import read_plan
from services.config.store import Reading, UnitOfWork, executions, operations
from services.config.store.definitions import projects as projects_store
from services.config.store.operations import ACTIVE, Operation
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.history import task_id
from shared.contracts.problems import Code, refuse
from shared.contracts.times import micros, wire_time

_WORDS = {"approved": "Approved", "approve": "Approved", "rejected": "Rejected", "reject": "Rejected"}


class UserOperations:
    """Approvals: open ones first come with `status eq 'ACTIVE'`."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        rows, total = operations.page(uow, readable(uow, person), ask)
        return Page(documents=tuple(_documents(uow, rows, person)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id."""
        return Document(document=_shown(uow, _locate(uow, person, ask.id), person))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Approve, reject, or delete what is settled."""
        if ask.verb == "delete":
            return _delete(uow, person, _locate(uow, person, ask.id))
        if ask.verb not in ("patch", "approve", "reject"):
            raise unsupported(Kind.USER_OPERATIONS, ask.verb, ("approve", "reject", "patch", "delete"))
        status = str(ask.body.get("status") or ask.verb).lower()
        if status not in _WORDS:
            raise refuse(Code.INVALID, f"status {status!r} is not an answer; send Approved or Rejected", subject=ask.id)
        operation = _locate(uow, person, ask.id)
        _demand_approver(person, operation)
        if operation.status != ACTIVE:
            raise refuse(Code.CONFLICT, f"The question was settled before: {operation.status}", subject=operation.id)
        if operation.expires_at is not None and operation.expires_at <= uow.now:
            raise refuse(
                Code.CONFLICT,
                f"The question expired at {wire_time(operation.expires_at)}",
                subject=operation.id,
                next_step=f"Run {operation.pipeline} again; its author can give `expiration` a longer time.",
            )
        answered = _answer(uow, person, operation, _WORDS[status], str(ask.body.get("responseMessage") or ""))
        return Document(document=_shown(uow, answered, person))


def _delete(uow: UnitOfWork, person: Person, operation: Operation) -> Document:
    person.demand(operation.project, Right.EDIT, "delete user operations")
    if operation.status == ACTIVE:
        raise refuse(
            Code.CONFLICT,
            f"{operation.pipeline} #{operation.execution_index} still waits for the answer",
            subject=operation.id,
            next_step="Approve or reject it, or cancel the execution.",
        )
    document = _shown(uow, operation, person)
    operations.remove(uow, operation.id)
    return Document(document=document)


def _answer(uow: UnitOfWork, person: Person, operation: Operation, word: str, message: str) -> Operation:
    answers = [earlier for earlier in operation.answers if earlier.get("by") != person.user]
    roles = sorted({person.service_role.value, *_project_role(person, operation.project)})
    answers.append(
        {"by": person.user, "email": person.email, "roles": roles, "status": word, "message": message, "at": uow.now}
    )
    approvals = sum(1 for earlier in answers if earlier["status"] == "Approved")
    done = word == "Rejected" or approvals >= _quorum(operation)
    operations.save_answer(uow, operation.id, status=word, answers=answers, by=person.user, message=message, done=done)
    if done:
        with RunBatch(uow) as movement:
            run = movement.run(operation.execution_id)
            if run is not None:
                outcome = {
                    "status": word,
                    "respondedBy": person.user,
                    "respondedByEmail": person.email,
                    "responderRoles": roles,
                    "comments": message,
                    "respondedOnInMicros": micros(uow.now),
                    "index": operation.id[-6:],
                    "tryNumber": operation.try_number,
                    "answers": answers,
                }
                step = protocol.answer(
                    run.holding, operation.stage, operation.task, outcome, uow.now, try_number=operation.try_number
                )
                movement.apply(run, step)
    after = operations.find_operation(uow, operation.id)
    return after if after is not None else operation


def _quorum(operation: Operation) -> int:
    quorum = operation.ask.get("quorum")
    return max(1, int(quorum)) if isinstance(quorum, int | float) else 1


def _names(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(part).strip() for part in parts if str(part).strip()]


def _may_answer(person: Person, operation: Operation) -> bool:
    if not person.token_allows(operation.project, Right.EXECUTE):
        return False
    approvers, groups = _asked(operation)
    if not approvers and not groups:
        return person.may(operation.project, Right.EXECUTE)
    mine = {person.user.casefold(), person.email.casefold()} - {""}
    # A role in the project is a group too, as exported pipelines have it.
    belongs_to = {name.casefold() for name in (*person.groups, *_project_role(person, operation.project))}
    return bool(mine & approvers or belongs_to & groups) or person.may(operation.project, Right.RESTRICTED)


def _asked(operation: Operation) -> tuple[set[str], set[str]]:
    """The people and the groups whose answer counts, in small letters."""
    approvers, groups = (_names(operation.ask.get(key)) for key in ("approvers", "approverGroups"))
    return {name.casefold() for name in approvers}, {name.casefold() for name in groups}


def _demand_approver(person: Person, operation: Operation) -> None:
    if not _may_answer(person, operation):
        approvers = sorted(set.union(*_asked(operation)))
        raise refuse(
            Code.FORBIDDEN,
            f"{person.user} is not among the approvers of {operation.pipeline} #{operation.execution_index}",
            subject=operation.id,
            next_step=f"Ask one of: {', '.join(approvers) or 'the project administrators'}.",
        )


def _project_role(person: Person, project: str) -> tuple[str, ...]:
    role = person.project_roles.get(project)
    return () if role is None else (role.value,)


def _locate(uow: Reading, person: Person, operation_id: str) -> Operation:
    operation = _of_task(uow, operation_id) if "~" in operation_id else operations.find_operation(uow, operation_id)
    if operation is None or not person.may(operation.project, Right.READ):
        raise refuse(Code.NOT_FOUND, f"There is no user operation {operation_id}", subject=operation_id)
    return operation


def _of_task(uow: Reading, task_key: str) -> Operation | None:
    """By the id of the task that asks, or the same with the task's name: its newest question."""
    rows = operations.of_execution(uow, task_key.partition("~")[0])
    ids = _task_ids(uow, rows)
    return next((row for row in rows if task_key in (ids[row.id], f"{row.execution_id}~{row.stage}.{row.task}")), None)


def _task_ids(uow: Reading, rows: Sequence[Operation]) -> dict[str, str]:
    """The wire's id of the task that asks each question."""
    runs = executions.load_runs(uow, {row.execution_id for row in rows})
    texts = executions.plan_texts(uow, {run.plan_hash for run in runs.values()})
    ids = {}
    for row in rows:
        plan, _, _ = read_plan(*texts[runs[row.execution_id].plan_hash])
        stage = next(stage for stage in plan.stages if stage.name == row.stage)
        ids[row.id] = task_id(row.execution_id, stage.index, plan.task(row.stage, row.task).index)
    return ids


def _shown(uow: Reading, operation: Operation, person: Person) -> Json:
    return _documents(uow, [operation], person)[0]


def _documents(uow: Reading, rows: Sequence[Operation], person: Person) -> list[Json]:
    """Approvals as the API shows them to this person."""
    projects = projects_store.ids(uow, {row.project for row in rows})
    tasks = _task_ids(uow, rows)
    return [_document(row, projects.get(row.project, ""), tasks[row.id], person) for row in rows]


def _document(operation: Operation, project_id: str, task: str, person: Person) -> Json:
    """Code Stream's UserOperation with the fields of both its forms."""
    expires = 0 if operation.expires_at is None else micros(operation.expires_at)
    lasts_s = 0.0 if operation.expires_at is None else max(0.0, operation.expires_at - operation.requested_at)
    return {
        "project": operation.project,
        "kind": "USER_OPERATION",
        "id": operation.id,
        "name": f"{operation.stage}.{operation.task}",
        "index": operation.id[-6:],
        "version": "v1",
        "tags": [],
        "orgId": ORGANISATION,
        "projectId": project_id,
        "_projectId": project_id,
        **stamps(
            operation.requested_at,
            operation.responded_at if operation.responded_at is not None else operation.requested_at,
            operation.requested_by,
            operation.responded_by or operation.requested_by,
        ),
        "_link": link("user-operations", operation.id),
        "status": operation.status,
        "summary": operation.summary,
        "description": str(operation.ask.get("description") or ""),
        "approvers": _names(operation.ask.get("approvers")),
        "approverGroups": _names(operation.ask.get("approverGroups")),
        "quorum": _quorum(operation),
        "answers": list(operation.answers),
        "_mayAnswer": operation.status == ACTIVE and _may_answer(person, operation),
        "endpoint": str(operation.ask.get("endpoint") or ""),
        "sendemail": bool(operation.ask.get("sendemail")),
        "expirationInDays": math.ceil(lasts_s / 86_400),
        **_expiration(lasts_s),
        "cancelPreviousPendingUserOp": operation.ask.get("cancelPreviousPendingUserOp") in (True, "true"),
        "expirationInSeconds": round(lasts_s),
        "_expiresOnInMicros": expires,
        "expiresOnInMicros": expires,
        "_requestedOnInMicros": micros(operation.requested_at),
        "requestedOnInMicros": micros(operation.requested_at),
        **_task_of_run(operation, task),
        **_response(operation),
    }


def _task_of_run(operation: Operation, task: str) -> Json:
    """Which task of which run asks."""
    return {
        "executionId": operation.execution_id,
        "executionIndex": operation.execution_index,
        "executionLink": link("executions", operation.execution_id),
        "parentId": operation.execution_id,
        "taskExecutionId": task,
        "pipelineId": operation.pipeline_id,
        "pipelineName": operation.pipeline,
        "pipeline": operation.pipeline,
        "pipelineLink": link("pipelines", operation.pipeline_id),
        "stageKey": operation.stage,
        "taskKey": operation.task,
    }


def _response(operation: Operation) -> Json:
    """Who asked, who answered last, and what."""
    last: Json = operation.answers[-1] if operation.answers else {}
    return {
        "requestedBy": operation.requested_by,
        "respondedBy": operation.responded_by,
        "respondedOnInMicros": 0 if operation.responded_at is None else micros(operation.responded_at),
        "respondedByEmail": last.get("email", ""),
        "responderRoles": last.get("roles", []),
        "responseMessage": operation.response_message,
        "comments": operation.response_message,
        "message": operation.response_message,
        "changeLog": "\n".join(map(_told, operation.answers)),
        "resumeCount": 0,
    }


def _expiration(lasts_s: float) -> Json:
    """How long the question is open, in the largest unit that is whole."""
    for unit, seconds in (("DAYS", 86_400), ("HOURS", 3_600)):
        if lasts_s and lasts_s % seconds == 0:
            return {"expiration": round(lasts_s / seconds), "expirationUnit": unit}
    return {"expiration": math.ceil(lasts_s / 60), "expirationUnit": "MINUTES"}


def _told(answer: Json) -> str:
    reason = f": {answer['message']}" if answer.get("message") else ""
    return f"{wire_time(answer.get('at'))} {answer.get('status')} by {answer.get('by')}{reason}"
