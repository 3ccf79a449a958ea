"""The kind `executions`: finding runs, and handing what is wanted of one to whoever does it."""

from __future__ import annotations

from shared.contracts.catalog import Act, Document, Find, Get, Page
from shared.contracts.problems import Code, refuse

from .acting import VERBS, missing
from .catalog.base import readable
from .people import Person
from .resources import chosen
from .rights import Right
from .showing import documents
from .states import States
from .store import Reading, UnitOfWork, catalog_pipelines, execution_views
from .store.execution_views import Seen


class Executions:
    """Runs, newest first. `parent` of a find is a pipeline's id; nested runs have `_parent` in the filter."""

    def __init__(self) -> None:
        self._states = States()

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; `options.brief` leaves stages out."""
        projects = readable(uow, person)
        if ask.parent:
            pipeline = catalog_pipelines.pipeline_by_id(uow, ask.parent)
            if pipeline is None or not person.may(pipeline.project, Right.READ):
                raise refuse(Code.NOT_FOUND, f"There is no pipeline {ask.parent}", subject=ask.parent)
        seen, total = execution_views.page(uow, projects, ask)
        states = None if ask.options.get("brief") else self._states.of(uow, seen)
        return Page(documents=tuple(documents(uow, seen, states)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id, or by pipeline and number: options `pipeline` (an id) or project and name, with `index`."""
        seen = [_locate(uow, person, ask)]
        (document,) = documents(uow, seen, self._states.of(uow, seen))
        return Document(document=document)

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Cancel, pause, resume, rerun, tag or delete."""
        verb = chosen(VERBS, ask)
        seen = execution_views.one(uow, ask.id)
        if seen is None or not person.may(seen.project, Right.READ):
            raise missing(ask.id)
        person.demand(seen.project, Right.EXECUTE, f"{ask.verb} runs of {seen.pipeline}")
        return verb(uow, person, seen, ask)


def _locate(uow: Reading, person: Person, ask: Get) -> Seen:
    index = ask.options.get("index")
    if index is None:
        seen, name = execution_views.one(uow, ask.id), ask.id
    else:
        if not str(index).isdigit():
            raise refuse(Code.INVALID, f"{index!r} is no number of a run")
        pipeline = str(ask.options.get("pipeline") or "")
        name = f"{pipeline or f'{ask.project}/{ask.name}'} #{index}"
        if pipeline:
            seen = execution_views.by_index(uow, pipeline, int(index))
        else:
            seen = execution_views.by_name_and_index(uow, ask.project, ask.name, int(index))
    if seen is None or not person.may(seen.project, Right.READ):
        raise missing(name)
    return seen
