"""The kind `user-operations`: questions that runs wait for, and the people's answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from services.config.catalog.base import readable
from services.config.catalog.documents import ORGANISATION, link, micros, stamps, wire_time
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

_WORDS = {"approved": "Approved", "approve": "Approved", "rejected": "Rejected", "reject": "Rejected"}


class UserOperations:
    """Approvals: open ones first come with `status eq 'ACTIVE'`."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        found, total = operations.page(uow, readable(uow, person), ask)
        return Page(documents=tuple(_documents(uow, found, person)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id."""
        return Document(document=_shown(uow, _locate(uow, person, ask.id), person))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Approve, reject, or delete what is settled."""
        if ask.verb == "delete":
            return _delete(uow, person, _locate(uow, person, ask.id))
        if ask.verb not in ("patch", "approve", "reject"):
            raise unsupported(Kind.USER_OPERATIONS, ask.verb, ("approve", "reject", "patch", "delete"))
        said = str(ask.body.get("status") or ask.verb).lower()
        if said not in _WORDS:
            raise refuse(Code.INVALID, f"status {said!r} is not an answer; send Approved or Rejected", subject=ask.id)
        one = _locate(uow, person, ask.id)
        _demand_approver(person, one)
        if one.status != ACTIVE:
            raise refuse(Code.CONFLICT, f"The question was settled before: {one.status}", subject=one.id)
        if one.expires_at is not None and one.expires_at <= uow.now:
            raise refuse(
                Code.CONFLICT,
                f"The question expired at {wire_time(one.expires_at)}",
                subject=one.id,
                next_step=f"Run {one.pipeline} again; its author can give `expiration` a longer time.",
            )
        answered = _answer(uow, person, one, _WORDS[said], str(ask.body.get("responseMessage") or ""))
        return Document(document=_shown(uow, answered, person))


def _delete(uow: UnitOfWork, person: Person, one: Operation) -> Document:
    person.demand(one.project, Right.EDIT, "delete user operations")
    if one.status == ACTIVE:
        raise refuse(
            Code.CONFLICT,
            f"{one.pipeline} #{one.execution_index} still waits for the answer",
            subject=one.id,
            next_step="Approve or reject it, or cancel the execution.",
        )
    document = _shown(uow, one, person)
    operations.remove(uow, one.id)
    return Document(document=document)


def _answer(uow: UnitOfWork, person: Person, one: Operation, word: str, message: str) -> Operation:
    answers = [given for given in one.answers if given.get("by") != person.user]
    roles = sorted({person.service_role.value, *_project_role(person, one.project)})
    answers.append(
        {"by": person.user, "email": person.email, "roles": roles, "status": word, "message": message, "at": uow.now}
    )
    approvals = sum(1 for given in answers if given["status"] == "Approved")
    done = word == "Rejected" or approvals >= _quorum(one)
    operations.save_answer(uow, one.id, status=word, answers=answers, by=person.user, message=message, done=done)
    if done:
        with RunBatch(uow) as movement:
            run = movement.run(one.execution_id)
            if run is not None:
                said = {
                    "status": word,
                    "respondedBy": person.user,
                    "respondedByEmail": person.email,
                    "responderRoles": roles,
                    "comments": message,
                    "respondedOnInMicros": micros(uow.now),
                    "index": one.id[-6:],
                    "tryNumber": one.try_number,
                    "answers": answers,
                }
                step = protocol.answer(run.holding, one.stage, one.task, said, uow.now, try_number=one.try_number)
                movement.apply(run, step)
    found = operations.find_operation(uow, one.id)
    return found if found is not None else one


def _quorum(one: Operation) -> int:
    wanted = one.ask.get("quorum")
    return max(1, int(wanted)) if isinstance(wanted, int | float) else 1


def _names(value: Any) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [str(part).strip() for part in parts if str(part).strip()]


def _may_answer(person: Person, one: Operation) -> bool:
    approvers, groups = _asked(one)
    if not approvers and not groups:
        return person.may(one.project, Right.EXECUTE)
    mine = {person.user.casefold(), person.email.casefold()} - {""}
    # A role in the project is a group too, as exported pipelines have it.
    belongs_to = {name.casefold() for name in (*person.groups, *_project_role(person, one.project))}
    return bool(mine & approvers or belongs_to & groups) or person.may(one.project, Right.RESTRICTED)


def _asked(one: Operation) -> tuple[set[str], set[str]]:
    """The people and the groups whose answer counts, in small letters."""
    approvers, groups = (_names(one.ask.get(key)) for key in ("approvers", "approverGroups"))
    return {name.casefold() for name in approvers}, {name.casefold() for name in groups}


def _demand_approver(person: Person, one: Operation) -> None:
    if not _may_answer(person, one):
        raise refuse(
            Code.FORBIDDEN,
            f"{person.user} is not among the approvers of {one.pipeline} #{one.execution_index}",
            subject=one.id,
            next_step=f"Ask one of: {', '.join(sorted(set.union(*_asked(one)))) or 'the project administrators'}.",
        )


def _project_role(person: Person, project: str) -> tuple[str, ...]:
    role = person.project_roles.get(project)
    return () if role is None else (role.value,)


def _locate(uow: Reading, person: Person, number: str) -> Operation:
    one = _of_task(uow, number) if "~" in number else operations.find_operation(uow, number)
    if one is None or not person.may(one.project, Right.READ):
        raise refuse(Code.NOT_FOUND, f"There is no user operation {number}", subject=number)
    return one


def _of_task(uow: Reading, number: str) -> Operation | None:
    """By the id of the task that asks, or the same with the task's name: its newest question."""
    asked = operations.of_execution(uow, number.partition("~")[0])
    ids = _task_ids(uow, asked)
    return next((one for one in asked if number in (ids[one.id], f"{one.execution_id}~{one.stage}.{one.task}")), None)


def _task_ids(uow: Reading, found: Sequence[Operation]) -> dict[str, str]:
    """The wire's id of the task that asks each question."""
    runs = executions.load_runs(uow, {one.execution_id for one in found})
    texts = executions.plan_texts(uow, {run.plan_hash for run in runs.values()})
    ids = {}
    for one in found:
        plan, _, _ = read_plan(*texts[runs[one.execution_id].plan_hash])
        stage = next(stage for stage in plan.stages if stage.name == one.stage)
        ids[one.id] = task_id(one.execution_id, stage.index, plan.task(one.stage, one.task).index)
    return ids


def _shown(uow: Reading, one: Operation, person: Person) -> Json:
    return _documents(uow, [one], person)[0]


def _documents(uow: Reading, found: Sequence[Operation], person: Person) -> list[Json]:
    """Approvals as the API shows them to this person."""
    projects = projects_store.ids(uow, {one.project for one in found})
    tasks = _task_ids(uow, found)
    return [_document(one, projects.get(one.project, ""), tasks[one.id], person) for one in found]


def _document(one: Operation, project_id: str, task: str, person: Person) -> Json:
    """Code Stream's UserOperation with the fields of both its forms."""
    expires = 0 if one.expires_at is None else micros(one.expires_at)
    lasts_s = 0.0 if one.expires_at is None else max(0.0, one.expires_at - one.requested_at)
    last: Json = one.answers[-1] if one.answers else {}
    return {
        "project": one.project,
        "kind": "USER_OPERATION",
        "id": one.id,
        "name": f"{one.stage}.{one.task}",
        "index": one.id[-6:],
        "version": "v1",
        "tags": [],
        "orgId": ORGANISATION,
        "projectId": project_id,
        "_projectId": project_id,
        **stamps(
            one.requested_at,
            one.responded_at if one.responded_at is not None else one.requested_at,
            one.requested_by,
            one.responded_by or one.requested_by,
        ),
        "_link": link("user-operations", one.id),
        "status": one.status,
        "summary": one.summary,
        "description": str(one.ask.get("description") or ""),
        "approvers": _names(one.ask.get("approvers")),
        "approverGroups": _names(one.ask.get("approverGroups")),
        "quorum": _quorum(one),
        "answers": list(one.answers),
        "_mayAnswer": one.status == ACTIVE and _may_answer(person, one),
        "endpoint": str(one.ask.get("endpoint") or ""),
        "sendemail": bool(one.ask.get("sendemail")),
        "expirationInDays": math.ceil(lasts_s / 86_400),
        **_expiration(lasts_s),
        "cancelPreviousPendingUserOp": one.ask.get("cancelPreviousPendingUserOp") in (True, "true"),
        "expirationInSeconds": round(lasts_s),
        "_expiresOnInMicros": expires,
        "expiresOnInMicros": expires,
        "_requestedOnInMicros": micros(one.requested_at),
        "requestedOnInMicros": micros(one.requested_at),
        "executionId": one.execution_id,
        "executionIndex": one.execution_index,
        "executionLink": link("executions", one.execution_id),
        "parentId": one.execution_id,
        "taskExecutionId": task,
        "pipelineId": one.pipeline_id,
        "pipelineName": one.pipeline,
        "pipeline": one.pipeline,
        "pipelineLink": link("pipelines", one.pipeline_id),
        "stageKey": one.stage,
        "taskKey": one.task,
        "requestedBy": one.requested_by,
        "respondedBy": one.responded_by,
        "respondedOnInMicros": 0 if one.responded_at is None else micros(one.responded_at),
        "respondedByEmail": last.get("email", ""),
        "responderRoles": last.get("roles", []),
        "responseMessage": one.response_message,
        "comments": one.response_message,
        "message": one.response_message,
        "changeLog": "\n".join(map(_told, one.answers)),
        "resumeCount": 0,
    }


def _expiration(lasts_s: float) -> Json:
    """How long the question is open, in the largest unit that is whole."""
    for unit, seconds in (("DAYS", 86_400), ("HOURS", 3_600)):
        if lasts_s and lasts_s % seconds == 0:
            return {"expiration": round(lasts_s / seconds), "expirationUnit": unit}
    return {"expiration": math.ceil(lasts_s / 60), "expirationUnit": "MINUTES"}


def _told(answer: Json) -> str:
    said = f": {answer['message']}" if answer.get("message") else ""
    return f"{wire_time(answer.get('at'))} {answer.get('status')} by {answer.get('by')}{said}"
