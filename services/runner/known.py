"""What a holder knows of one run: the plan, and all that has happened so far, by others and by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.contracts import history as h
from shared.contracts.runs import Started, TakeAnswer
from shared.grammar.expressions import Scope, about_run
from shared.grammar.plan import Plan
from shared.grammar.progress import TaskState, advance, facts, fold

from .actions import Place
from .vault import Vault


class Known:
    """Folded from the history that the take brought and from what this holder has said since."""

    def __init__(self, about: Started, answer: TakeAnswer, vault: Vault) -> None:
        self.about = about
        self.attempt = answer.attempt
        self.start_number = answer.start_number
        self.inputs = vault.inputs(answer.inputs)
        self.plan = Plan.from_json(answer.plan)
        self.state = fold(self.plan, answer.history)
        self._vault = vault
        self._exact: dict[Place, dict[str, Any]] = {}

    def learn(self, event: h.Event) -> None:
        """Something has happened."""
        # Leave that comes late is folded after later events of other tasks, as if it had been said last.
        fresh = replace(self.state, last=(0, 0))
        self.state = advance(fresh, [h.Recorded(attempt=self.attempt, event=event)])

    def keep(self, place: Place, field: str, exact: Any) -> None:
        """A task's `input` or `output` as later tasks may use it, secrets and all."""
        self._exact.setdefault(place, {})[field] = exact

    def task(self, stage: str, task: str) -> TaskState:
        """How a task stands."""
        return self.state.task(stage, task)

    def scope(self, stage: str = "", task: str = "", kind: str = "") -> Scope:
        """What `${…}` may name, from within a task where one is given."""
        speaking: Mapping[str, Any] = {"stageName": stage, "taskName": task, "type": kind} if task else {}
        about = about_run(self.about, status=self.state.status.value, statusMessage=self.state.message, **speaking)
        return Scope(self.inputs, self._vault.variables, facts(self.state, self._revealed()), about)

    def _revealed(self) -> dict[Place, dict[str, Any]]:
        for stage, task in self.state.tasks:
            place = (stage.name, task.name)
            exact = self._exact.get(place, {})
            if task.output.sealed is not None and "output" not in exact:
                self.keep(place, "output", self._vault.reveal(task.output.sealed, task.output.secrets))
            if task.sealed_input is not None and "input" not in exact:
                self.keep(place, "input", self._vault.unbox(task.sealed_input, f"input of {'.'.join(place)}"))
        return self._exact
