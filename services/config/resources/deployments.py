"""The kind `deployments`: what should run in each cluster, and which run brought it there."""

from __future__ import annotations

from services.config.catalog.base import readable
from services.config.catalog.documents import link
from services.config.catalog.references import resolve_endpoint
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork, deployments, figures
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.deployments import Deployment
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import micros, wire_time

from . import dora

MOST_DAYS = 366


class Deployments:
    """The newest of every workload; with `parent`, all of that one's workload. Only runs write them."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; with `options.doraDays` the DORA figures of each pipeline instead."""
        if "doraDays" in ask.options:
            return self._dora(uow, person, ask)
        if ask.parent:
            self.get(uow, person, Get(kind=Kind.DEPLOYMENTS, id=ask.parent))
        rows, total = deployments.page(uow, readable(uow, person), ask)
        return Page(documents=tuple(document(row) for row in rows), total=total)

    def _dora(self, uow: Reading, person: Person, ask: Find) -> Page:
        days, projects = _days(ask.options["doraDays"]), readable(uow, person)
        if project := str(ask.options.get("project") or ""):
            projects = frozenset({project}) if projects is None else projects & {project}
        runs = figures.ended_runs(uow, projects, uow.now - days * dora.DAY_S)
        documents = dora.documents(runs, figures.environments_by_pipeline(uow, projects), days)
        return Page(documents=documents, total=len(documents))

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id; with `options.look` also its cluster's endpoint as a runner needs it, with secrets sealed."""
        deployment = deployments.find(uow, ask.id)
        if deployment is None or not person.may(deployment.project, Right.READ):
            raise refuse(Code.NOT_FOUND, f"There is no deployment {ask.id}", subject=ask.id)
        answer = document(deployment)
        if ask.options.get("look"):
            answer["lookAt"] = _endpoint(uow, deployment)
        return Document(document=answer)

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Nothing: rerun the execution to deploy it again."""
        raise unsupported(Kind.DEPLOYMENTS, ask.verb, ())


def _days(text: object) -> int:
    days = whole_number(str(text)) or 0
    if not 1 <= days <= MOST_DAYS:
        raise refuse(Code.INVALID, f"days must be a whole number from 1 to {MOST_DAYS}", subject="days")
    return days


def _endpoint(uow: Reading, deployment: Deployment) -> Json:
    stored = ENDPOINTS.one(uow, project=deployment.project, name=deployment.endpoint)
    if stored is None:
        raise refuse(
            Code.NOT_FOUND,
            f"The endpoint {deployment.endpoint} is gone, so nobody can look into its cluster",
            subject=deployment.id,
            next_step=f"Make an endpoint {deployment.endpoint} in project {deployment.project} again.",
        )
    return resolve_endpoint(uow, stored).model_dump(mode="json")


def document(deployment: Deployment) -> Json:
    """What the API and pages show."""
    return {
        "project": deployment.project,
        "kind": "DEPLOYMENT",
        "id": deployment.id,
        "name": deployment.name,
        "endpoint": deployment.endpoint,
        "apiVersion": deployment.api_version,
        "workloadKind": deployment.kind,
        "namespace": deployment.namespace,
        "images": list(deployment.images),
        "newest": deployment.newest,
        "pipeline": deployment.pipeline,
        "pipelineId": deployment.pipeline_id,
        "executionId": deployment.execution_id,
        "executionIndex": deployment.execution_index,
        "executionLink": link("executions", deployment.execution_id),
        "createdAt": wire_time(deployment.at),
        "_link": link("deployments", deployment.id),
        "_createTimeInMicros": micros(deployment.at),
    }
