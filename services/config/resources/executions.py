"""The kind `executions`: finding runs, and handing what is wanted of one to the code that does it."""

from __future__ import annotations

from services.config.catalog.base import readable
from services.config.catalog.pipelines.resource import Pipelines
from services.config.model.people import Person, forbidden
from services.config.model.rights import Right
from services.config.resource import chosen
from services.config.runs import admission
from services.config.runs.commands import VERBS, missing
from services.config.runs.documents import documents, listed
from services.config.runs.plans import plan_of
from services.config.runs.states import States, folded
from services.config.store import Reading, UnitOfWork, execution_views, pruning
from services.config.store.definitions import pipelines, projects
from services.config.store.execution_views import ExecutionView
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number

MAX_DELETED = 200
"""Runs that one call deletes, so that nobody else waits long for the database."""


MAX_PIPELINES, MAX_EACH = 100, 20
"""Of one question for the newest runs of many pipelines."""


class Executions:
    """Runs, newest first. `parent` of a find is a pipeline's id; nested runs have `_parent` in the filter."""

    def __init__(self) -> None:
        self._states = States()

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; `options.brief` leaves stages out. `options.newestOf` names pipelines by id: of each the newest
        runs, `options.each` at most."""
        visible = readable(uow, person)
        if isinstance(pipeline_ids := ask.options.get("newestOf"), list):
            return _newest_of(uow, visible, [str(id) for id in pipeline_ids], ask.options.get("each"))
        if ask.parent:
            pipeline = pipelines.pipeline_by_id(uow, ask.parent)
            if pipeline is None or not person.may(pipeline.project, Right.READ):
                raise refuse(Code.NOT_FOUND, f"There is no pipeline {ask.parent}", subject=ask.parent)
        views, total = execution_views.page(uow, visible, ask)
        states = None if ask.options.get("brief") else self._states.of(uow, views)
        return Page(documents=tuple(listed(uow, views, states)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id, or by pipeline and number: options `pipeline` (an id) or project and name, with `index`."""
        view = _locate(uow, person, ask)
        plan, _ = plan_of(uow, view.plan_hash)
        (document,) = documents(uow, [view], {view.id: folded(uow, view.id, plan)})
        return Document(document=document)

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Cancel, pause, resume, rerun, tag or delete."""
        if ask.verb == "delete-ended":
            return _delete_ended(uow, person, ask)
        verb = chosen(VERBS, ask)
        view = execution_views.one(uow, ask.id)
        if view is None or not person.may(view.project, Right.READ):
            raise missing(ask.id)
        person.demand(view.project, Right.EXECUTE, f"{ask.verb} runs of {view.pipeline}")
        return verb(uow, person, view, ask)


def _newest_of(uow: Reading, visible: frozenset[str] | None, pipeline_ids: list[str], each: object) -> Page:
    """Without stages: for the bars of a list of pipelines."""
    count = min(each if isinstance(each, int) else 1, MAX_EACH)
    views = execution_views.newest_of(uow, visible, pipeline_ids[:MAX_PIPELINES], count)
    return Page(documents=tuple(listed(uow, views, None)), total=len(views))


def execute(catalog_pipelines: Pipelines, uow: UnitOfWork, person: Person, ask: Act) -> Document:
    """Start a run of the pipeline that `ask` names."""
    pipeline = catalog_pipelines.locate(uow, person, ask)
    started = admission.start_manual(uow, pipelines.runnable(pipeline), person, ask.body)
    return Document(document=started)


def _delete_ended(uow: UnitOfWork, person: Person, ask: Act) -> Document:
    """Delete ended runs, the newest that `options.filter` leaves; answers with them and how many there were."""
    condition = str(ask.options.get("filter") or "").strip()
    if not condition:
        raise refuse(
            Code.INVALID,
            "Executions are deleted only by a $filter, so that a forgotten parameter deletes nothing.",
            subject="$filter",
            next_step="Add one, such as `$filter=project eq 'shop' and status eq 'COMPLETED'`.",
        )
    editable = frozenset(p.name for p in projects.PROJECTS.all(uow) if person.may(p.name, Right.EDIT))
    if not editable:
        raise forbidden(person, "delete executions", Right.EDIT)
    page = Find(kind=Kind.EXECUTIONS, filter=condition, top=MAX_DELETED)
    views, total = execution_views.page(uow, editable, page, ended=True)
    answer = {"documents": documents(uow, views, None), "totalCount": total}
    pruning.remove_executions(uow, [run.id for run in views])
    return Document(document=answer)


def _locate(uow: Reading, person: Person, ask: Get) -> ExecutionView:
    index = ask.options.get("index")
    if index is None:
        view, name = execution_views.one(uow, ask.id), ask.id
    else:
        index_number = whole_number(str(index))
        if index_number is None:
            raise refuse(Code.INVALID, f"{str(index)[:50]!r} is not a valid execution number")
        pipeline = str(ask.options.get("pipeline") or "")
        name = f"{pipeline or f'{ask.project}/{ask.name}'} #{index}"
        if pipeline:
            view = execution_views.by_index(uow, pipeline, index_number)
        else:
            view = execution_views.by_name_and_index(uow, ask.project, ask.name, index_number)
    if view is None or not person.may(view.project, Right.READ):
        raise missing(name)
    return view
