"""The tasks that a holder has in hand: put there ready to begin, and let fall when they have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from services.runner.task_protocol import TaskFailed, TaskRequest, TaskType
from shared.contracts.history import Status
from shared.contracts.runs import LogChunk
from shared.grammar.manifests import secrets_in, shown_input
from shared.grammar.plan import TaskPlan
from shared.grammar.resolving import Scope, Writer

from . import outputs
from .actions import Place
from .active_task import ActiveTask, TaskTools
from .logs import LogBuffer
from .ports import Host
from .prepare import Barred, NotStarted, Ready, names_used, prepare
from .run_state import FoldedRun
from .secrets import RunSecrets


class ActiveTasks:
    """Each task is here once, from the beginning of a try until it ends, waits, or is somebody else's."""

    def __init__(self, host: Host, folded: FoldedRun, secrets: RunSecrets) -> None:
        self._host = host
        self._folded = folded
        self._secrets = secrets
        self._live: dict[Place, ActiveTask] = {}

    def __iter__(self) -> Iterator[ActiveTask]:
        return iter(list(self._live.values()))

    def __contains__(self, live: ActiveTask) -> bool:
        """Whether this very try is in hand still; what comes back later comes back to nobody."""
        return self._live.get(live.place) is live

    def get(self, place: Place) -> ActiveTask | None:
        """The task of that place, if it is in hand."""
        return self._live.get(place)

    def take_up(
        self, stage: str, task: str, try_number: int, *, weigh: bool = False, begins: bool = False
    ) -> ActiveTask | NotStarted | Barred:
        """Put a task in hand, or say how it ended, or for whom it waits, before it could begin."""
        plan = self._folded.plan.task(stage, task)
        kind = self._host.types.get(plan.type)
        if kind is None:
            type_names = ", ".join(sorted(self._host.types))
            return NotStarted(Status.FAILED, f"There is no task type {plan.type}; this runner has {type_names}.")
        try:
            scope = self._folded.scope(stage, task, plan.type)
            ready = prepare(
                plan,
                scope,
                weigh=weigh,
                raw=kind.raw,
                fill=kind.fill,
                writers=lambda ready_input: self._writers(plan, kind, ready_input),
            )
        except TaskFailed as error:
            return NotStarted(Status.FAILED, error.message)
        if isinstance(ready, NotStarted):
            return ready
        if begins and (barred := self._barred(stage, plan, ready)):
            return barred
        live = self._made(plan, kind, stage, try_number, ready, scope)
        self._live[live.place] = live
        return live

    def _writers(self, plan: TaskPlan, kind: TaskType, ready: Ready) -> Mapping[str, Writer]:
        types = {role: self._secrets.endpoint_type(name) for role, name in ready.roles.items()}
        return kind.writers(plan.input, ready.input, types)

    def _barred(self, stage: str, plan: TaskPlan, ready: Ready) -> Barred | None:
        if self._folded.about.may_use_restricted or self._folded.task(stage, plan.name).cleared:
            return None
        restricted = self._secrets.restricted(*names_used(plan, ready))
        return Barred(restricted) if restricted else None

    def let_fall(self, live: ActiveTask) -> None:
        """It has ended, waits, or must be asked for again: what it printed is passed on."""
        self.send_logs(live, last=True)
        self._live.pop(live.place, None)

    def stop(self) -> None:
        """The run is over here: calls under way are cancelled, and their results dropped."""
        for live in self:
            live.stop_asked.append(True)
            live.interrupt()
            live.rest()
        self._live.clear()

    def send_logs(self, live: ActiveTask, *, last: bool = False) -> None:
        """Pass on what a task printed."""
        while (chunk := live.logs.take(last=last))[1]:
            first, lines = chunk
            self._host.ledger.log(
                LogChunk(
                    execution_id=self._folded.about.execution_id,
                    attempt=self._folded.attempt,
                    stage=live.stage,
                    task=live.task,
                    try_number=live.try_number,
                    first_line=first,
                    lines=lines,
                    at=self._host.now(),
                )
            )

    def _made(
        self, plan: TaskPlan, kind: TaskType, stage: str, try_number: int, ready: Ready, scope: Scope
    ) -> ActiveTask:
        run_state, logs, stopping = self._folded, LogBuffer(), list[bool]()
        user, place = run_state.about.requested_by, (stage, plan.name)
        request = TaskRequest(
            type=plan.type,
            stage=stage,
            task=plan.name,
            try_number=try_number,
            attempt=run_state.attempt,
            start_number=run_state.start_number,
            input=ready.input,
            roles=ready.roles,
            about=run_state.about,
            inputs=run_state.inputs,
            tools=TaskTools(self._host, self._secrets, logs, user, scope, place, stopping, run_state.plan.workspace),
            memory={},
        )
        usable = outputs.shown(ready.input)
        run_state.keep(place, "input", usable)
        self._secrets.learn(secrets_in(plan.type, usable))
        masked_input = self._secrets.masker.mask(shown_input(plan.type, usable, self._secrets.hashed))
        return ActiveTask(plan, kind, request, logs, usable, masked_input, stop_asked=stopping)
