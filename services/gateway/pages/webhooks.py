"""Webhooks for Docker: which push starts which pipeline, with which inputs, and the state of its hook."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import render_template, request

from services.gateway.commands import self_check
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Inspect, Kind
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.runs import ResolvedEndpoint
from shared.grammar.inputs import inject

from . import session, webhook_form
from .forms import definable_projects, done, every, field, onward, preset_project, write
from .layout import piece
from .lists import ListFilter, Listing, equal, part_of
from .routing import PageRoute
from .toasts import Undo

STATES = {
    MirrorState.IN_STEP: ("COMPLETED", "registered at Docker Hub"),
    MirrorState.PENDING: ("WAITING", "not yet registered at Docker Hub"),
    MirrorState.NEEDS_CREDENTIALS: ("FAILED", "the endpoint has no working username and password"),
    MirrorState.NOT_PERMITTED: (
        "FAILED",
        "the endpoint's account is not allowed to manage webhooks in this repository",
    ),
    MirrorState.BY_HAND: ("WAITING", "add the hook URL at the registry manually"),
    MirrorState.RATE_LIMITED: ("WAITING", "rate-limited by Docker Hub; Portside retries"),
    MirrorState.GONE: ("SKIPPED", "deleted at Docker Hub"),
}
"""The hook at the registry: the icon of a status, and words."""

TEXTS = (
    *("name", "project", "description", "endpoint", "pipeline", "repoName"),
    *("imageNameRegExPattern", "tagNamePattern", "mode", "gatherSeconds"),
)
LISTS = ("platforms", "sourceNetworks")
INPUT = "input."
KEPT = (Kind.GIT_WEBHOOKS, Kind.GERRIT_LISTENERS, Kind.GERRIT_TRIGGERS)
MAX_KEPT = 100
"""Of each of these kinds on the first page."""
_ACTS: dict[str, tuple[str, Json]] = {
    "enable": ("patch", {"enabled": True}),
    "disable": ("patch", {"enabled": False}),
    "look": ("patch", {"mode": "look"}),
    "replace-elsewhere": ("replace-elsewhere", {}),
    "delete": ("delete", {}),
}
"""What the buttons of a card send."""
_SAID = {
    "enable": "The webhook {} is enabled.",
    "disable": "The webhook {} is disabled: pushes are recorded and start nothing.",
    "look": "Portside polls the registry of {} every minute.",
    "replace-elsewhere": "The other hooks of {} are being deleted at the registry.",
    "delete": "The webhook {} is deleted, and its hook at the registry with it.",
}


_BACK = {"enable": "disable", "disable": "enable"}
"""What takes a verb back."""
LISTING = Listing(
    address="/webhooks",
    kind=Kind.WEBHOOKS,
    noun="webhook",
    order="name",
    columns={"name": "name", "state": "hubState"},
    search=part_of("name", "repoName", "pipeline", "description"),
    filters=(
        ListFilter("project", "Project", part_of("project")),
        ListFilter(
            "state", "At the registry", equal("hubState"), {state.value: words for state, (_, words) in STATES.items()}
        ),
        ListFilter("enabled", "Enabled", lambda value: f"enabled eq {value}", {"true": "enabled", "false": "disabled"}),
    ),
    size=30,
)


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    kept = [] if view.page or view.terms else _kept()
    return render_template("webhooks.html", view=view, rows=page.documents, total=page.total, states=STATES, kept=kept)


def _kept() -> list[Json]:
    """Definitions of Git and Gerrit, which no push starts anything by yet; their first warning says so."""
    return [document for kind in KEPT for document in session.find(Find(kind=kind, top=MAX_KEPT)).documents]


def new() -> str:
    presets = {key: request.args[key] for key in TEXTS if key in request.args}
    return _form({"project": preset_project(), "enabled": True, **presets}, "", presets=True)


def show(id: str) -> str:
    return _form(session.get(Get(kind=Kind.WEBHOOKS, id=id)).document, id)


def card(id: str) -> str:
    """The card alone, which follows the hook's state at the registry."""
    return piece("_webhooks_card.html", row=session.get(Get(kind=Kind.WEBHOOKS, id=id)).document, states=STATES)


def redraw() -> str:
    """The same form with what the project, the endpoint and the pipeline chosen now offer; saves nothing."""
    return _form(_sent(), field("id"), presets=not field("id"))


def add_inputs() -> str:
    """Let the chosen pipeline take what a push fills in."""
    values = _sent()
    pipeline = _pipeline(values)
    options = [*(pipeline.get("options") or ()), "DOCKER_TRIGGER"]
    inputs, meta = inject(pipeline.get("input") or {}, pipeline.get("_inputMeta") or {}, options)
    body = {"options": options, "input": inputs, "_inputMeta": meta}
    write(Kind.PIPELINES, "patch", body, id=str(pipeline["id"]))
    return _form(values, field("id"))


def tags() -> str:
    return _tags(_sent())


def save() -> Any:
    body, id = _sent(), field("id")
    _demand_inputs(body)
    if id:
        write(Kind.WEBHOOKS, "patch", body, id=id)
        return done("/webhooks", f"The webhook {body['name']} is saved.", f"/webhooks/{id}", "The webhook")
    webhook = write(Kind.WEBHOOKS, "create", body)
    return render_template("webhooks_made.html", row=webhook, states=STATES, rotated=False)


def act(id: str) -> Any:
    verb = field("verb")
    if verb == "rotate":
        row = write(Kind.WEBHOOKS, "rotate", {}, id=id)
        return render_template("webhooks_made.html", row=row, states=STATES, rotated=True)
    if (change := _ACTS.get(verb)) is None:
        return onward("/webhooks")
    name = str(write(Kind.WEBHOOKS, change[0], change[1], id=id).get("name"))
    back = _BACK.get(verb)
    undo = Undo(f"/webhooks/{id}/act", (("verb", back),)) if back else None
    if verb == "delete":
        link, word = f"/activity?{urlencode({'webhook': name})}", "Its pushes"
    else:
        link, word = f"/webhooks/{id}", "The webhook"
    return done("/webhooks", _SAID[verb].format(name), link, word, undo=undo)


def test(id: str) -> str:
    """A delivery as the registry would send it goes end to end; each hop is reported, nothing is started."""
    checked = self_check.check(session.context().config, session.caller(), id, {"tag": field("tag")})
    return piece("_webhooks_tested.html", checked=checked)


def _sent() -> Json:
    """The webhook of the form; a blank input takes the pipeline's own value, a blank API token keeps one not shown."""
    inputs = {name[len(INPUT) :]: value for name, value in request.form.items() if name.startswith(INPUT) and value}
    body: Json = {key: field(key) for key in TEXTS}
    body["exclude"] = [line.strip() for line in request.form.get("exclude", "").splitlines() if line.strip()]
    body |= {key: webhook_form.words(field(key)) for key in LISTS}
    body |= {"input": inputs, "enabled": bool(field("enabled")), "signed": bool(field("signed"))}
    body["wholeNamespace"] = bool(field("wholeNamespace"))
    if field("refreshToken") or field("byVariable"):
        body["refreshToken"] = field("refreshToken")
    return body


def _form(values: Json, id: str, *, presets: bool = False) -> str:
    project = str(values.get("project") or "")
    webhooks = every(Kind.WEBHOOKS)
    registries = webhook_form.registries(every(Kind.ENDPOINTS), project)
    pipelines = webhook_form.pipelines(every(Kind.PIPELINES), project)
    if presets:
        values = _preset(values, registries, pipelines)
    endpoint = next((registry for registry in registries if registry["name"] == values.get("endpoint")), None)
    repository = webhook_form.repository(
        endpoint, str(values.get("repoName") or ""), whole_namespace=bool(values.get("wholeNamespace"))
    )
    if presets and values.get("name", "") == field("suggested"):
        # The name is still the one that we proposed: it follows the repository.
        values = {
            **values,
            "name": webhook_form.suggested_name(repository, [str(webhook["name"]) for webhook in webhooks]),
        }
    pipeline = next((choice for choice in pipelines if choice.name == values.get("pipeline")), None)
    return render_template(
        "_webhooks_form.html" if request.headers.get("HX-Request") else "webhooks_form.html",
        values=values,
        id=id,
        projects=definable_projects(),
        registries=registries,
        pipelines=pipelines,
        pipeline=pipeline,
        repository=repository,
        advanced=webhook_form.advanced(values),
        inputs=webhook_form.inputs(_pipeline(values)) if pipeline else [],
        suggested=values.get("name", "") if presets else "",
    )


def _preset(values: Json, registries: list[Json], pipelines: list[webhook_form.Choice]) -> Json:
    """What there is only one of is chosen."""
    docker = [choice.name for choice in pipelines if choice.docker]
    if not values.get("endpoint") and len(registries) == 1:
        values = {**values, "endpoint": registries[0]["name"]}
    if not values.get("pipeline") and len(docker) == 1:
        values = {**values, "pipeline": docker[0]}
    return values


def _pipeline(values: Json) -> Json:
    ask = Get(kind=Kind.PIPELINES, project=str(values.get("project")), name=str(values.get("pipeline")))
    return session.get(ask).document


def _demand_inputs(body: Json) -> None:
    """A mandatory input without value and default is refused here, since no push would ever run."""
    for name, noun in (("endpoint", "an endpoint"), ("pipeline", "a pipeline")):
        if not body[name]:
            raise refuse(Code.INVALID, f"Choose {noun}.", subject=name)
    missing = webhook_form.unfilled(_pipeline(body), body["input"])
    if missing:
        message = f"{', '.join(missing)} is required: the pipeline defines no default."
        raise refuse(Code.INVALID, message, subject="input", next_step="Set it under Input Parameters.")


def _tags(values: Json) -> str:
    """The newest tags of the repository and which would run; tags seen once are judged again without asking."""
    pattern, exclude = values["tagNamePattern"], values["exclude"]
    asked_of = "/".join(values[key] for key in ("project", "endpoint", "repoName"))
    tag_names = request.form.getlist("tag") if field("tagsOf") == asked_of else []
    problem: Problem | None = None
    if not tag_names and values["endpoint"]:
        try:
            tag_names = _newest_tags(values)
        except Refused as refused:
            problem = refused.problem
    flaw = webhook_form.readable(pattern, exclude)
    judged = [] if flaw else webhook_form.preview(tag_names, pattern, exclude)
    return render_template(
        "_webhooks_tags.html",
        shown=judged,
        known=tag_names,
        of=asked_of,
        flaw=flaw,
        problem=problem,
        endpoint=values["endpoint"],
    )


def _newest_tags(values: Json) -> list[str]:
    options = {"forValidation": True}
    ask = Get(kind=Kind.ENDPOINTS, project=values["project"], name=values["endpoint"], options=options)
    endpoint = ResolvedEndpoint.model_validate(session.get(ask).document)
    repository = webhook_form.repository({"properties": endpoint.properties}, values["repoName"])
    look = Inspect(what="tags", endpoint=endpoint, options={"repository": repository})
    tags = session.context().config.inspect(session.caller(), look).document.get("tags") or []
    return [str(tag["name"]) for tag in tags[: webhook_form.TAGS_SHOWN]]


ROUTES = (
    PageRoute("GET", "/webhooks", listing),
    PageRoute("GET", "/webhooks/new", new),
    PageRoute("GET", "/webhooks/<id>", show),
    PageRoute("GET", "/webhooks/<id>/card", card),
    PageRoute("POST", "/webhooks/form", redraw),
    PageRoute("POST", "/webhooks/inputs", add_inputs),
    PageRoute("POST", "/webhooks/tags", tags),
    PageRoute("POST", "/webhooks", save),
    PageRoute("POST", "/webhooks/<id>/act", act),
    PageRoute("POST", "/webhooks/<id>/test", test),
)
