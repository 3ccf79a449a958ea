"""Runs that runners start within other runs: `run.start-nested`, and the `catalog.act` by which release 0.1 asks."""

from __future__ import annotations

from dataclasses import dataclass

from services.config.catalog.pipelines.resource import Pipelines
from services.config.runs import admission
from services.config.store import Reading, Store, executions
from services.config.store.definitions import pipelines
from shared.contracts import earlier
from shared.contracts.catalog import Act, Document, Get, Kind
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, refuse
from shared.contracts.runs import NestedStarted, StartNested

from .dispatch import LoadPerson


@dataclass(frozen=True)
class NestedRuns:
    """Starts them with the rights of the outer run's owner, who is the caller."""

    store: Store
    pipelines: Pipelines
    load_person: LoadPerson

    def start(self, ask: StartNested, caller: Caller | None) -> NestedStarted:
        """Start it; a run that this ask has started already is the answer, whatever has changed since."""
        with self.store.write() as uow:
            if (started := _started(uow, ask)) is not None:
                return started
            person = self.load_person(uow, caller or ANONYMOUS)
            question = Get(kind=Kind.PIPELINES, project=ask.project, name=ask.pipeline)
            pipeline = self.pipelines.locate(uow, person, question)
            return admission.start_nested(uow, pipelines.runnable(pipeline), person, ask)

    def act(self, ask: Act, caller: Caller | None) -> Document | None:
        """The same for a runner 0.1; None for an act that asks for something else. Until 0.3."""
        nested = earlier.nested_of_act(ask)
        if nested is None:
            return None
        started = self.start(nested, caller)
        return Document(document=admission.response(started.execution_id, started.execution_index))


def _started(uow: Reading, ask: StartNested) -> NestedStarted | None:
    run = executions.load_runs(uow, [ask.execution_id]).get(ask.execution_id)
    if run is None:
        return None
    if run.parent != ask.parent:
        raise refuse(Code.CONFLICT, "Another run has that id", subject=ask.execution_id)
    return NestedStarted(execution_id=run.id, execution_index=run.index)
