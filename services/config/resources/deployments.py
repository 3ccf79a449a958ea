"""The kind `deployments`: what should run in each cluster, and which run brought it there."""

from __future__ import annotations

from services.config.catalog.base import readable
from services.config.catalog.documents import link, micros, wire_time
from services.config.catalog.references import resolve_endpoint
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork, deployments
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.deployments import Deployment
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse


class Deployments:
    """The newest of every workload; with `parent`, all of that one's workload. Only runs write them."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        if ask.parent:
            self.get(uow, person, Get(kind=Kind.DEPLOYMENTS, id=ask.parent))
        found, total = deployments.page(uow, readable(uow, person), ask)
        return Page(documents=tuple(document(one) for one in found), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """By id; with `options.look` also its cluster's endpoint as a runner needs it, with secrets sealed."""
        one = deployments.find(uow, ask.id)
        if one is None or not person.may(one.project, Right.READ):
            raise refuse(Code.NOT_FOUND, f"There is no deployment {ask.id}", subject=ask.id)
        found = document(one)
        if ask.options.get("look"):
            found["lookAt"] = _endpoint(uow, one)
        return Document(document=found)

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Nothing: rerun the execution to deploy it again."""
        raise unsupported(Kind.DEPLOYMENTS, ask.verb, ())


def _endpoint(uow: Reading, one: Deployment) -> Json:
    stored = ENDPOINTS.one(uow, project=one.project, name=one.endpoint)
    if stored is None:
        raise refuse(
            Code.NOT_FOUND,
            f"The endpoint {one.endpoint} is gone, so nobody can look into its cluster",
            subject=one.id,
            next_step=f"Make an endpoint {one.endpoint} in project {one.project} again.",
        )
    return resolve_endpoint(uow, stored).model_dump(mode="json")


def document(one: Deployment) -> Json:
    """What the API and pages show."""
    return {
        "project": one.project,
        "kind": "DEPLOYMENT",
        "id": one.id,
        "name": one.name,
        "endpoint": one.endpoint,
        "apiVersion": one.api_version,
        "workloadKind": one.kind,
        "namespace": one.namespace,
        "images": list(one.images),
        "newest": one.newest,
        "pipeline": one.pipeline,
        "pipelineId": one.pipeline_id,
        "executionId": one.execution_id,
        "executionIndex": one.execution_index,
        "executionLink": link("executions", one.execution_id),
        "createdAt": wire_time(one.at),
        "_link": link("deployments", one.id),
        "_createTimeInMicros": micros(one.at),
    }
