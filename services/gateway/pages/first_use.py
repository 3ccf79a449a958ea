"""The way to the first deployment: eight steps, each with its button, and which of them are done."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.commands import samples
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind
from shared.process.addresses import parts_of

from . import session
from .routing import PageRoute


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


SEEN = "portside_first_steps"
"""The cookie of a browser that need not see the steps again: all are done, or a person has hidden them."""
_SEEN_FOR_S = 365 * 86_400


def steps() -> str:
    """The list of steps as it is now, as the first thing on the page of executions."""
    listing = _now()
    folder = session.context().settings.samples_folder
    return render_template(
        "_first_use.html",
        steps=listing,
        repository=listing[4].about.split()[-1].partition(":")[0],
        may=session.role().may_somewhere,
        choices=samples.CHOICES if folder and session.role().administrator else {},
        samples=samples.state(folder),
        untouched=not any(step.done for step in listing),
    )


def bar() -> Response:
    """How far one is, in one line for every page; nothing once all is done, and this browser does not ask again."""
    listing = _now()
    undone = [step for step in listing if not step.done]
    on_the_list = parts_of(request.headers.get("HX-Current-URL", "")).path == "/executions" and not listing[-1].done
    if not undone:
        return _seen(make_response(""))
    if on_the_list:
        return make_response("")
    may = session.role().may_somewhere(undone[0].right)
    return make_response(render_template("_first_bar.html", steps=listing, open=undone[0], may=may))


def card() -> str:
    """The list alone, which watches sample data being filled in."""
    return steps()


def hide() -> Response:
    """Not again in this browser."""
    return _seen(make_response("" if request.headers.get("HX-Request") else redirect("/executions")))


def fill_in() -> AnyResponse:
    """Ask for sample data."""
    session.demand_administrator()
    samples.request(session.context().settings.samples_folder, request.form.get("until", ""))
    return redirect("/executions")


def shows_bar() -> bool:
    """Whether this browser asks for the bar."""
    return SEEN not in request.cookies


def _seen(response: Response) -> Response:
    response.set_cookie(SEEN, "done", max_age=_SEEN_FOR_S, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def _now() -> list[Step]:
    def every(kind: Kind) -> list[Json]:
        return list(session.find(Find(kind=kind, orderby="name asc", top=100)).documents)

    endpoints, pipelines, webhooks = every(Kind.ENDPOINTS), every(Kind.PIPELINES), every(Kind.WEBHOOKS)
    pushes = session.find(Find(kind=Kind.EVENTS, top=1)).documents
    runs = session.find(Find(kind=Kind.EXECUTIONS, top=1)).documents
    deployed = session.find(Find(kind=Kind.EXECUTIONS, filter="status eq 'COMPLETED'", top=1)).documents
    return listed(endpoints, pipelines, webhooks, pushes, runs, deployed)


def listed(
    endpoints: list[Json],
    pipelines: list[Json],
    webhooks: list[Json],
    pushes: object = (),
    runs: object = (),
    deployed: object = (),
) -> list[Step]:
    """The steps by what there is; `deployed` are runs that were completed, whose stages are there to open. Pure."""
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
             bool(deployed)),
    ]  # fmt: skip


def _deploys(pipeline: Json) -> bool:
    stages = (pipeline.get("stages") or {}).values()
    return any(
        task.get("type") == "K8S" for stage in stages for task in ((stage or {}).get("tasks") or {}).values() if task
    )


ROUTES = (
    PageRoute("GET", "/first-steps", card),
    PageRoute("GET", "/first-steps/bar", bar),
    PageRoute("POST", "/first-steps/hide", hide),
    PageRoute("POST", "/first-steps/sample-data", fill_in),
)
