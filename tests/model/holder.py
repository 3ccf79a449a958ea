"""A runner of the model: it takes runs, decides from plan and history, asks leave, acts, reports, lets go.

Each call of `Hold.step` is one step between any two of which the runner may die, sleep or be told something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count

from shared.contracts import history as h
from shared.contracts.runs import Directive, Grant, Report, ReportAnswer, TakeAnswer

from .outside import Actor, Broken, Live, Outside


class Type(StrEnum):
    """What a task of the model is."""

    PURE = "pure"
    """Only reads, for a while."""
    APPLY = "apply"
    """Repeatable: writes the cluster's object."""
    KEYED = "keyed"
    ONCE = "once"
    APPROVAL = "approval"
    LATER = "later"
    """Fails at first and is tried again after a long while."""
    DEADLY = "deadly"
    """Kills the process that runs it."""


STAGE = "Stage"
ACTING = frozenset({Type.APPLY, Type.KEYED, Type.ONCE, Type.DEADLY})
FAR_S = 600.0

Plan = tuple[Type, ...]


class Died(Exception):
    """The runner's process is gone."""


@dataclass
class Hold:
    """A run in a runner's memory."""

    execution_id: str
    runner: str
    attempt: int
    start_number: int
    plan: Plan
    known: list[h.Recorded]
    """The history as far as this holder knows it accepted."""
    verdict: Directive
    unsure: list[h.Event] = field(default_factory=list)
    """Said, and not known to be accepted."""
    last_seq: int = 0
    sent_seq: int = 0
    asked: Report | None = None
    question: int = 0
    """The number under which `asked` was sent last; answers to older ones are passed over."""
    leave: tuple[str, int] | None = None
    """Task and try that may be done now."""
    read: Live | None = None
    done: bool = False

    @property
    def events(self) -> list[h.Event]:
        """What has happened, to the best of its knowledge."""
        return [recorded.event for recorded in self.known] + self.unsure

    def seq(self) -> int:
        """The next number of this attempt."""
        self.last_seq += 1
        return self.last_seq

    def say(self, event: h.Event) -> None:
        """Remember an event until it is known to be durable."""
        self.unsure.append(event)

    def flush(self, grant: Grant | None = None) -> Report:
        """What was not sent yet; events travel together, and nobody waits for the answer."""
        events = tuple(event for event in self.unsure if event.seq > self.sent_seq)
        self.sent_seq = self.last_seq
        return Report(
            execution_id=self.execution_id, attempt=self.attempt, runner=self.runner, events=events, grant=grant
        )

    def ask(self, grant: Grant | None = None) -> Report:
        """The same, and the answer is waited for."""
        self.asked = self.flush(grant)
        return self.asked

    @property
    def unsent(self) -> bool:
        """There is something to flush."""
        return self.asked is None and self.sent_seq < self.last_seq

    @property
    def is_unsure(self) -> bool:
        """All was sent, and not all of it is known to have arrived."""
        return self.asked is None and self.leave is None and bool(self.unsure) and not self.unsent

    def hear(self, answer: ReportAnswer) -> None:
        """The answer to `asked`."""
        asked, self.asked = self.asked, None
        assert asked is not None
        if answer.verdict is Directive.FENCED:
            self.done = True
            return
        self.verdict = answer.verdict
        covered = [event for event in self.unsure if event.seq <= answer.accepted_seq]
        self.unsure = [event for event in self.unsure if event.seq > answer.accepted_seq]
        if self.unsure:
            self._say_again(asked.grant, answer.accepted_seq)
        elif asked.grant is not None and answer.granted:
            self._may(asked.grant)
        elif asked.grant is not None:
            covered.pop()
            if answer.verdict is Directive.GO and answer.reason:
                self.end_task(asked.grant.task, asked.grant.try_number, h.Status.FAILED, "may have run")
        self.known.extend(h.Recorded(attempt=self.attempt, event=event) for event in covered)
        self.done = any(event.type in ("run.ended", "run.parked") for event in covered)

    def _say_again(self, grant: Grant | None, accepted_seq: int) -> None:
        """Something on the way was lost."""
        self.sent_seq = accepted_seq
        self.ask(grant)

    def _may(self, grant: Grant) -> None:
        if self.verdict is Directive.CANCEL:
            self.end_task(grant.task, grant.try_number, h.Status.CANCELED)
        else:
            self.leave = (grant.task, grant.try_number)

    def _reads(self, task: str) -> bool:
        """This attempt has begun it; a successor reads anew."""
        own = [recorded.event for recorded in self.known if recorded.attempt == self.attempt] + self.unsure
        return any(isinstance(event, h.TaskStarted) and event.task == task for event in own)

    def _ends(self, task: str) -> list[h.TaskEnded]:
        return [event for event in self.events if isinstance(event, h.TaskEnded) and event.task == task]

    def end_task(self, task: str, try_number: int, status: h.Status, message: str = "") -> None:
        """Say that a try is over."""
        self.say(
            h.TaskEnded(
                seq=self.seq(), at=0, stage=STAGE, task=task, try_number=try_number, status=status, message=message
            )
        )

    def step(self, outside: Outside, now: float, had_leave: Callable[[str, str, int, int], bool]) -> Report | None:
        """One step; a report is to be sent and its answer waited for. Not called while an answer is awaited."""
        if self.leave is not None:
            task, try_number = self.leave
            if not had_leave(STAGE, task, try_number, self.attempt):
                raise Broken(f"{self.execution_id} acts in {task} without leave")
            self._act(outside, task, try_number)
            return self.asked
        if self.unsure and self.unsure[-1].type in ("run.ended", "run.parked"):
            return self.ask()
        return self._decide(now)

    def _act(self, outside: Outside, task: str, try_number: int) -> None:
        actor = Actor(self.execution_id, self.attempt, self.start_number)
        type_ = self.plan[int(task)]
        if type_ is Type.DEADLY:
            raise Died
        if type_ is Type.APPLY:
            if self.read is None:
                self.read = outside.live
                return
            read, self.read = self.read, None
            if read.start_number > self.start_number:
                self._finish(task, try_number, h.Status.FAILED, f"superseded by #{read.start_number}")
            elif outside.write(actor, read):
                self._finish(task, try_number, h.Status.COMPLETED)
            return
        if type_ is Type.KEYED:
            outside.charge(f"{self.execution_id}/{task}/{try_number}")
        else:
            outside.shout(self.execution_id, STAGE, task)
        self._finish(task, try_number, h.Status.COMPLETED)

    def _finish(self, task: str, try_number: int, status: h.Status, message: str = "") -> None:
        self.leave = None
        self.end_task(task, try_number, status, message)

    def _decide(self, now: float) -> Report | None:
        if self.verdict is Directive.CANCEL:
            return self._end(h.Status.CANCELED)
        for number, type_ in enumerate(self.plan):
            task = str(number)
            ends = self._ends(task)
            wanted_ends = 2 if type_ is Type.LATER else 1
            if len(ends) == wanted_ends:
                if ends[-1].status is h.Status.FAILED:
                    return self._end(h.Status.FAILED, ends[-1].message)
                continue
            if self.verdict is Directive.PAUSE:
                return self._park("paused")
            return self._go_on(task, type_, len(ends), now)
        return self._end(h.Status.COMPLETED)

    def _go_on(self, task: str, type_: Type, ends: int, now: float) -> Report | None:
        try_number = ends + 1
        if type_ in ACTING:
            self.say(h.TaskStarted(seq=self.seq(), at=now, stage=STAGE, task=task, try_number=try_number))
            repeat = type_ is not Type.ONCE
            return self.ask(Grant(stage=STAGE, task=task, try_number=try_number, repeat=repeat))
        if type_ is Type.PURE:
            if self._reads(task):
                self.end_task(task, try_number, h.Status.COMPLETED)
            else:
                self.say(h.TaskStarted(seq=self.seq(), at=now, stage=STAGE, task=task, try_number=try_number))
            return None
        if type_ is Type.APPROVAL:
            if any(isinstance(event, h.TaskAnswered) and event.task == task for event in self.events):
                self.end_task(task, try_number, h.Status.COMPLETED)
                return None
            return self._wait(task, try_number, "approval", None)
        if ends == 0:
            self.end_task(task, try_number, h.Status.FAILED)
            return None
        waited = [event for event in self.events if isinstance(event, h.TaskWaiting) and event.task == task]
        due_at = waited[-1].due_at if waited else now + FAR_S
        if due_at is not None and due_at > now:
            return self._wait(task, try_number, "retry", due_at)
        self.end_task(task, try_number, h.Status.COMPLETED)
        return None

    def _wait(self, task: str, try_number: int, reason: str, due_at: float | None) -> Report | None:
        waiting = any(
            isinstance(event, h.TaskWaiting) and event.task == task and event.try_number == try_number
            for event in self.events
        )
        if not waiting:
            self.say(
                h.TaskWaiting.model_validate(
                    {"seq": self.seq(), "at": 0, "stage": STAGE, "task": task, "try_number": try_number}
                    | {"reason": reason, "due_at": due_at}
                )
            )
            return None
        return self._park("waiting", due_at)

    def _park(self, reason: str, due_at: float | None = None) -> Report | None:
        self.say(h.RunParked.model_validate({"seq": self.seq(), "at": 0, "reason": reason, "due_at": due_at}))
        return None

    def _end(self, status: h.Status, message: str = "") -> Report | None:
        self.say(h.RunEnded(seq=self.seq(), at=0, status=status, message=message))
        return None


@dataclass
class Runner:
    """One runner process, or the name of one between two lives."""

    name: str
    plans: dict[str, Plan]
    life: int = 0
    up: bool = True
    asleep: bool = False
    questions: Iterator[int] = field(default_factory=lambda: count(1))
    taking: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    """Question → execution, dispatch and take id of takes whose answer is awaited."""
    listed: dict[int, dict[str, int]] = field(default_factory=dict)
    """Question → what a sign of life listed: execution and attempt."""
    holds: list[Hold] = field(default_factory=list)

    @property
    def awake(self) -> bool:
        """It does something when called."""
        return self.up and not self.asleep

    def die(self) -> None:
        """kill -9: memory is gone, and so is whatever would have been answered."""
        self.up = self.asleep = False
        self.life += 1
        self.taking.clear()
        self.listed.clear()
        self.holds.clear()

    def taken(self, execution_id: str, answer: TakeAnswer) -> None:
        """A take was granted."""
        self.holds.append(
            Hold(
                execution_id=execution_id,
                runner=self.name,
                attempt=answer.attempt,
                start_number=answer.start_number,
                plan=self.plans[execution_id],
                known=list(answer.history),
                verdict=answer.verdict,
            )
        )
