"""The way to the first deployment: eight steps, each with its button, and which of them are done."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template

from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind

from . import session


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `address` is where its button leads."""

    title: str
    about: str
    button: str
    address: str
    done: bool
    right: str = "READ"
    """What one must be allowed to do somewhere to take it."""


def steps() -> str:
    """The list of steps as it is now."""

    def every(kind: Kind) -> list[Json]:
        return list(session.find(Find(kind=kind, orderby="name asc", top=100)).documents)

    endpoints, pipelines, webhooks = every(Kind.ENDPOINTS), every(Kind.PIPELINES), every(Kind.WEBHOOKS)
    pushes = session.find(Find(kind=Kind.EVENTS, top=1)).documents
    runs = session.find(Find(kind=Kind.EXECUTIONS, top=1)).documents
    listing = listed(endpoints, pipelines, webhooks, pushes, runs)
    return render_template("_first_use.html", steps=listing, may=session.role().may_somewhere)


def listed(
    endpoints: list[Json], pipelines: list[Json], webhooks: list[Json], pushes: object = (), runs: object = ()
) -> list[Step]:
    """The steps by what there is. Pure."""
    docker = [pipeline for pipeline in pipelines if "DOCKER_TRIGGER" in (pipeline.get("options") or ())]
    deploying = [pipeline for pipeline in docker or pipelines if _deploys(pipeline)]
    repository = str(webhooks[0].get("repository") or "acme/web") if webhooks else "acme/web"
    edit = f"/pipelines/{docker[0]['id']}/edit" if docker else "/pipelines/new"
    return [
        Step(
            "Endpoint",
            "Tell Portside which Docker Hub repository your image is pushed to.",
            "New Endpoint",
            "/endpoints/new?type=docker",
            any(endpoint.get("type") == "docker" for endpoint in endpoints),
            "EDIT",
        ),
        Step(
            "Inputs",
            "Create a pipeline and choose Docker on its Input tab: a push fills in the image, the tag and the pusher.",
            "New Pipeline",
            "/pipelines/new",
            bool(docker),
            "EDIT",
        ),
        Step(
            "Webhook",
            "Connect the repository to the pipeline. Portside creates the webhook at Docker Hub.",
            "New Webhook for Docker",
            "/webhooks/new",
            bool(webhooks),
            "EDIT",
        ),
        Step(
            "Task",
            "Have the pipeline's Kubernetes task apply your YAML with the pushed image to your cluster.",
            "Edit the task",
            edit,
            bool(deploying) and any(endpoint.get("type") == "k8s" for endpoint in endpoints),
            "EDIT",
        ),
        Step("Push", f"docker push {repository}:1.4.0", "Waiting for it", "/activity", bool(pushes)),
        Step("Activity", "See that the push arrived and what Portside decided.", "Activity", "/activity", bool(runs)),
        Step("Execution", "Watch the run move from stage to stage.", "Executions", "/executions", bool(runs)),
        Step("Stage", "Open a stage to see its tasks, and a task to see its log.", "Executions", "/executions",
             False),
    ]  # fmt: skip


def _deploys(pipeline: Json) -> bool:
    stages = (pipeline.get("stages") or {}).values()
    return any(
        task.get("type") == "K8S" for stage in stages for task in ((stage or {}).get("tasks") or {}).values() if task
    )
