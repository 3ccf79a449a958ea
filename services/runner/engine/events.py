"""What a holder says of a run: every event it may report, masked, numbered, known to itself from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, get_args

from services.runner.metrics import TASK_DURATION
from services.runner.task_protocol import Waiting
from shared.contracts import history as h
from shared.contracts.base import Json
from shared.contracts.bounds import MAX_DEPTH, MAX_EVENT_BYTES, excess
from shared.contracts.texts import mended
from shared.grammar.cutting import fitted
from shared.grammar.plan import RollbackPlan
from shared.grammar.resolving import Scope
from shared.grammar.states import TaskState
from shared.process.ids import derived_id

from . import outputs
from .active_task import ActiveTask
from .ports import Host
from .prepare import Barred, rollback_inputs
from .reports import Measured, Reporter
from .run_state import FoldedRun
from .secrets import RunSecrets

_MAX_DEPLOYED = 1_000
_MAX_DEPTH = MAX_DEPTH + 20
"""Of handles, which hold objects that are within the bound."""

_OPEN_FIELDS: dict[type, tuple[str, ...]] = {
    model: tuple(name for name in ("handle", "ask") if name in model.model_fields)
    for model in get_args(get_args(h.Event)[0])
}
"""The fields of each event that hold whatever a task gives."""

E = TypeVar("E", bound=h.Event)


class EventTooLarge(Exception):
    """An event is beyond the bounds; the text says by how much."""


class EventReporter:
    """Speaks for one attempt. What it says travels with the next report; `task_begins` alone waits for leave."""

    def __init__(self, host: Host, folded: FoldedRun, secrets: RunSecrets, reporter: Reporter) -> None:
        self._host = host
        self._folded = folded
        self._secrets = secrets
        self._reporter = reporter

    def run_started(self) -> None:
        self._say(h.RunStarted(**self._stamp()))

    def stage_started(self, stage: str) -> None:
        self._say(h.StageStarted(**self._stamp(), stage=stage))

    def stage_ended(self, stage: str, status: h.Status, message: str) -> None:
        self._say(h.StageEnded(**self._stamp(), stage=stage, status=status, message=self._masked(message)))

    def run_ended(self, status: h.Status, message: str, output: Json) -> None:
        text = self._masked(message)

        def ended(limit: int) -> h.RunEnded:
            view, sealed = self._secrets.hand_on(outputs.shown(output, limit))
            kept = sealed if self._folded.about.nested else {}
            return h.RunEnded(**self._stamp(), status=status, message=text, output=view, sealed=kept)

        self._report(_largest_that_fits(ended))

    def run_parked(self, reason: Any, due_at: float | None) -> None:
        self._say(h.RunParked(**self._stamp(), reason=reason, due_at=due_at))

    def task_begins(self, live: ActiveTask) -> Measured[h.TaskStarted]:
        """Not said yet: where leave is needed, the request for it carries the event."""

        def started(limit: int) -> h.TaskStarted:
            masked_input, exact = fitted(live.input_shown, limit), fitted(live.input_exact, limit)
            sealed = None if masked_input == exact else self._secrets.box(exact)
            return h.TaskStarted(**self._stamp(), **_place(live), input=masked_input, sealed=sealed)

        return self._numbered(_largest_that_fits(started))

    def task_started(self, begun: Measured[h.TaskStarted]) -> None:
        self._pass_on(begun)

    def task_handle(self, live: ActiveTask, handle: Json, pushing: tuple[h.Pushing, ...]) -> None:
        """Raises `EventTooLarge`, and then says nothing: a handle that was cut would find nothing again."""
        self._say(h.TaskHandle(**self._stamp(), **_place(live), handle=mended(handle), pushing=pushing))

    def task_progress(self, live: ActiveTask, message: str) -> None:
        self._say(h.TaskProgress(**self._stamp(), **_place(live), message=self._masked(message)))

    def task_waits(self, live: ActiveTask, step: Waiting) -> None:
        """Raises `EventTooLarge`, and then says nothing."""
        message, ask = self._masked(step.message), mended(self._secrets.masker.mask(step.ask))
        self._say(
            h.TaskWaiting(
                **self._stamp(), **_place(live), reason=step.reason, message=message, due_at=step.due_at, ask=ask
            )
        )

    def task_retries(self, stage: str, task: str, try_number: int, message: str, due_at: float) -> None:
        """This try is over; another follows."""
        self._say(
            h.TaskWaiting(
                **self._stamp(),
                stage=stage,
                task=task,
                try_number=try_number,
                reason="retry",
                message=self._masked(message),
                due_at=due_at,
            )
        )

    def task_barred(self, stage: str, task: str, try_number: int, barred: Barred) -> None:
        """It has not begun: an administrator must let it through."""
        self._say(
            h.TaskWaiting(
                **self._stamp(),
                stage=stage,
                task=task,
                try_number=try_number,
                reason="restricted",
                message=barred.message,
                ask={"restricted": list(barred.restricted)},
            )
        )

    def rollback_started(self, planned: RollbackPlan, scope: Scope) -> None:
        """The ledger starts it as it accepts this, so that it happens once and only after what failed is on record."""
        values, problem = rollback_inputs(planned, scope)
        masked_values, sealed = self._secrets.hand_on(values)
        place = f"{self._folded.about.execution_id}/{planned.stage}/{planned.task}"
        event = h.RollbackStarted(
            **self._stamp(),
            stage=planned.stage,
            task=planned.task,
            pipeline=planned.name,
            execution_id=derived_id(f"portside:rollback:{place}"),
            input=masked_values,
            sealed=sealed,
            problem=self._masked(problem),
        )
        try:
            self._say(event)
        except EventTooLarge as error:
            self._say(event.model_copy(update={"input": {}, "sealed": {}, "problem": f"Its inputs: {error}"}))

    def task_ended(
        self,
        stage: str,
        task: str,
        try_number: int,
        status: h.Status,
        message: str,
        output: Json,
        deployed: tuple[h.Deployed, ...] = (),
    ) -> None:
        text = self._masked(message)

        def ended(limit: int) -> h.TaskEnded:
            packed, usable = outputs.packed(output, self._secrets, limit)
            self._folded.keep((stage, task), "output", usable)
            return h.TaskEnded(
                **self._stamp(),
                stage=stage,
                task=task,
                try_number=try_number,
                status=status,
                message=text,
                output=packed,
                deployed=deployed[:_MAX_DEPLOYED],
            )

        self._count(self._folded.task(stage, task), status)
        self._report(_largest_that_fits(ended))

    def _count(self, task_state: TaskState, status: h.Status) -> None:
        began = task_state.try_started_at
        lasted_s = max(0.0, self._host.now() - began) if began is not None else 0.0
        TASK_DURATION.labels(task_state.type, status.value.lower()).observe(lasted_s)

    def _say(self, event: h.Event) -> None:
        self._report(_measured(event))

    def _report(self, measured: Measured[Any]) -> None:
        self._pass_on(self._numbered(measured))

    def _pass_on(self, measured: Measured[Any]) -> None:
        self._folded.learn(measured.event)
        self._reporter.add(measured)

    def _numbered(self, measured: Measured[E]) -> Measured[E]:
        """The event with the next number. One beyond the bounds gets none, for every number must be sent."""
        if measured.excess:
            raise EventTooLarge(measured.excess)
        numbered = measured.event.model_copy(update={"seq": self._reporter.next_seq()})
        return Measured(cast("E", numbered), measured.size, "")

    def _stamp(self) -> dict[str, Any]:
        return {"seq": 0, "at": self._host.now()}

    def _masked(self, message: str) -> str:
        return outputs.message(message, self._secrets.masker)


def _measured(event: E) -> Measured[E]:
    values = (getattr(event, name) for name in _OPEN_FIELDS[type(event)])
    deep = next((reason for value in values if (reason := excess(value, max_depth=_MAX_DEPTH))), "")
    size = len(event.model_dump_json())
    large = f"{size / 2**20:.1f} MiB, and at most {MAX_EVENT_BYTES // 2**20} MiB can be recorded"
    return Measured(event, size, deep or (large if size > MAX_EVENT_BYTES else ""))


def _largest_that_fits(event_within: Callable[[int], E]) -> Measured[E]:
    """The event with as much of its values as its bound takes, what is sealed in it counted."""
    for limit in outputs.LIMITS:
        measured = _measured(event_within(limit))
        if not measured.excess:
            break
    return measured


def _place(live: ActiveTask) -> dict[str, Any]:
    return {"stage": live.stage, "task": live.task, "try_number": live.try_number}
