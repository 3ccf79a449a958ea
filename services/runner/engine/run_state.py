"""What a holder knows of one run: the plan, and all that has happened so far, by others and by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from shared.contracts import history as h
from shared.contracts.runs import Started, TakeAnswer
from shared.grammar.plan import Plan
from shared.grammar.progress import advance, fold
from shared.grammar.resolving import Scope, about_run
from shared.grammar.states import TaskState, facts

from .actions import Place
from .secrets import RunSecrets

Opens = Callable[[], Any]


class FoldedRun:
    """Folded from the history that the take brought and from what this holder has said since."""

    def __init__(self, about: Started, answer: TakeAnswer, secrets: RunSecrets) -> None:
        self.about = about
        self.attempt = answer.attempt
        self.start_number = answer.start_number
        self.inputs = secrets.inputs(answer.inputs)
        self.plan = Plan.from_json(answer.plan)
        self.state = fold(self.plan, answer.history)
        self._secrets = secrets
        self._exact: dict[Place, dict[str, Opens]] = {}

    def learn(self, event: h.Event) -> None:
        """Something has happened."""
        # Leave that comes late is folded after later events of other tasks, as if it had been said last.
        fresh = replace(self.state, last=(0, 0))
        self.state = advance(fresh, [h.Recorded(attempt=self.attempt, event=event)])

    def keep(self, place: Place, field: str, exact: Any) -> None:
        """A task's `input` or `output` as later tasks may use it, secrets and all."""
        self._exact.setdefault(place, {})[field] = lambda: exact

    def task(self, stage: str, task: str) -> TaskState:
        """The state of a task."""
        return self.state.task(stage, task)

    def scope(self, stage: str = "", task: str = "", kind: str = "") -> Scope:
        """What `${…}` may name, from within a task where one is given."""
        speaking: Mapping[str, Any] = {"stageName": stage, "taskName": task, "type": kind} if task else {}
        about = about_run(self.about, status=self.state.status.value, statusMessage=self.state.message, **speaking)
        tasks: dict[str, dict[str, Mapping[str, Any]]] = {stage: {**its} for stage, its in facts(self.state).items()}
        for stage_state, task_state in self.state.tasks:
            place = (stage_state.name, task_state.name)
            if exact := {**self._sealed(place, task_state), **self._exact.get(place, {})}:
                tasks[stage_state.name][task_state.name] = _Exact(tasks[stage_state.name][task_state.name], exact)
        return Scope(self.inputs, self._secrets.variables, tasks, about)

    def _sealed(self, place: Place, task: TaskState) -> dict[str, Opens]:
        """What another holder, or another run, gave this task and got from it."""
        name, output, sealed_input = ".".join(place), task.output, task.sealed_input
        sealed: dict[str, Opens] = {}
        if output.sealed is not None:
            sealed["output"] = partial(self._secrets.reveal, output.sealed, output.secrets, f"output of {name}")
        if sealed_input is not None:
            sealed["input"] = partial(self._secrets.unbox, sealed_input, f"input of {name}")
        return sealed


class _Exact(Mapping[str, Any]):
    """A task's facts with its secrets, which are opened when they are asked for."""

    def __init__(self, masked: Mapping[str, Any], exact: Mapping[str, Opens]) -> None:
        self._masked = masked
        self._exact = exact

    def __getitem__(self, field: str) -> Any:
        return self._exact[field]() if field in self._exact else self._masked[field]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masked)

    def __len__(self) -> int:
        return len(self._masked)
