"""Handlers of calls beyond plain collections."""

from __future__ import annotations

from typing import Any

from services.gateway.commands import self_check
from services.gateway.commands.imports import seal_yaml
from services.gateway.commands.notices import notices as current_notices
from services.gateway.commands.snippets import snippets
from services.gateway.commands.workloads import read_live_workload
from shared.bus import QueueState
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Find, Get, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.version import __version__

from . import generic, wire
from .call import YAML_TYPES, Call, Reply

YAML = "application/x-yaml;charset=UTF-8"
API_VERSION = "2019-10-17"
EXPORTED = (
    "pipeline", "pipelines", "endpoints", "variables", "registry-webhooks", "git-webhooks", "gerrit-listeners",
    "gerrit-triggers", "customIntegration", "customIntegrationVersions", "exportAllCustomIntegrationVersions",
    "exportOnlyReleasedCustomIntegrationVersions", "schedules", "projects",
)  # fmt: skip

MOST_NOTICES = 500
"""Of a page whose size nobody asks for."""
IMPORT_ACTIONS = ("create", "apply", "update")


def about(call: Call) -> Reply:
    """Which versions of the API there are, and which release of Portside serves them."""
    version = {
        "apiVersion": API_VERSION,
        "documentationLink": f"{call.context.public_address.last_known()}/openapi.json",
        "deprecationPolicy": {"deprecatedAt": None, "description": None, "expiresAt": None},
    }
    return Reply({"latestApiVersion": API_VERSION, "supportedApis": [version], "_version": __version__})


def nothing(_call: Call) -> Reply:
    """A list of something that Portside does not have, for clients that ask all the same."""
    return Reply(wire.linked(()))


def tiles(call: Call) -> Reply:
    """List task types."""
    return Reply(call.get(Get(kind=Kind.PIPELINES, options={"tiles": True})).document)


def pipeline(call: Call) -> Reply:
    """One pipeline; `?version=` as it was then; as YAML for who accepts that first."""
    options = {"version": _number(call.query["version"], "version")} if call.query.get("version") else {}
    stored = call.get(Get(kind=Kind.PIPELINES, options=options, **generic.address(call)))
    if stored.text and call.request.accept_mimetypes.best_match(("application/json", *YAML_TYPES)) in YAML_TYPES:
        return Reply(text=stored.text, content_type=YAML)
    return Reply(stored.document)


def versions_of(call: Call) -> Reply:
    """The kept versions of a pipeline, newest first."""
    page = call.find(call.asks(Kind.PIPELINES, parent=call.path["id"]))
    base = f"{wire.LINK_BASE}/pipelines/{call.path['id']}"
    rows = [(f"{base}?version={row.get('version', position)}", row) for position, row in enumerate(page.documents)]
    return Reply(wire.linked(rows) | {"totalCount": page.total})


def difference(call: Call) -> Reply:
    """What changed between two versions, as a unified diff of their YAML."""
    numbers = [_number(call.query.get(name, ""), name) for name in ("from", "to")]
    ask = Get(kind=Kind.PIPELINES, id=call.path["id"], options={"diff": numbers})
    return Reply(text=call.get(ask).text, content_type="text/plain;charset=UTF-8")


def snippets_of(call: Call) -> Reply:
    """How a build starts the pipeline and waits for its end."""
    stored = call.get(Get(kind=Kind.PIPELINES, **generic.address(call))).document
    return Reply(snippets(stored, call.context.public_address.in_force()))


# Executions


def execute(call: Call) -> Reply:
    """Run a pipeline."""
    command = Act(kind=Kind.PIPELINES, verb="execute", body=call.body, **generic.address(call))
    return Reply(call.act(command).document)


def delete_executions(call: Call) -> Reply:
    """Delete runs that have ended, those that `$filter` leaves; a call deletes at most a page of them."""
    command = Act(kind=Kind.EXECUTIONS, verb="delete-ended", options={"filter": call.filter})
    answer = call.act(command).document
    rows = [(wire.link_of(Kind.EXECUTIONS, document), document) for document in answer.get("documents", ())]
    return Reply(wire.linked(rows) | {"totalCount": answer.get("totalCount", len(rows))}, status=202)


def executions_of(call: Call) -> Reply:
    """The executions of one pipeline."""
    pipeline = call.path.get("id", "")
    if not pipeline:
        named = Get(kind=Kind.PIPELINES, **generic.address(call))
        pipeline = str(call.get(named).document["id"])
    ask = call.asks(Kind.EXECUTIONS, parent=pipeline)
    return Reply(wire.listing(Kind.EXECUTIONS, call.find(ask)))


def execution_by_index(call: Call) -> Reply:
    """One execution of a pipeline by its number."""
    options = {"pipeline": call.path.get("id", ""), "index": _number(call.path["index"], "index")}
    names = {key: call.path[key] for key in ("project", "name") if key in call.path}
    return Reply(call.get(Get(kind=Kind.EXECUTIONS, options=options, **names)).document)


def _number(text: str, name: str) -> int:
    value = whole_number(text)
    if value is None:
        raise refuse(Code.INVALID, f"{name} must be a number, not {text[:50] or 'absent'!r}.", subject=name)
    return value


def logs_of(call: Call) -> Reply:
    """What the tasks of an execution printed, in order."""
    options = {key: call.query[key] for key in ("stage", "task", "after") if call.query.get(key)}
    ask = call.asks(Kind.LOGS, parent=call.path["id"], options=options)
    page = call.find(ask)
    return Reply({"count": len(page.documents), "totalCount": page.total, "lines": list(page.documents)})


# Deployments


def deployments_before(call: Call) -> Reply:
    """Everything that was deployed to the same workload, newest first."""
    ask = call.asks(Kind.DEPLOYMENTS, parent=call.path["id"])
    return Reply(wire.listing(Kind.DEPLOYMENTS, call.find(ask)))


def dora(call: Call) -> Reply:
    """Deployment frequency, lead time, change failure rate and time to restore of each pipeline."""
    options = {"doraDays": call.query.get("days", "30")}
    if project := call.query.get("project"):
        options["project"] = project
    page = call.find(call.asks(Kind.DEPLOYMENTS, options=options))
    return Reply({"count": len(page.documents), "totalCount": page.total, "pipelines": list(page.documents)})


def deployment_now(call: Call) -> Reply:
    """The workload as its cluster has it now."""
    return Reply(read_live_workload(call.context.config, call.caller, call.path["id"]).to_json())


# Export and import


def export(call: Call) -> Reply:
    """Definitions as YAML."""
    names_by_kind: dict[str, Any] = {key: names for key in (*EXPORTED, "piplines") if (names := call.listed(key))}
    # The oldest client misspells it.
    if misspelt := names_by_kind.pop("piplines", None):
        names_by_kind.setdefault("pipelines", misspelt)
    ask = Get(
        kind=Kind.PIPELINES, project=call.query.get("project", ""), options={"export": "yaml", "wanted": names_by_kind}
    )
    return Reply(text=call.get(ask).text, content_type=YAML)


def import_(call: Call) -> Reply:
    """Definitions from YAML; the answer says of each object what became of it."""
    action = (call.query.get("action") or "apply").lower()
    if action not in IMPORT_ACTIONS:
        raise refuse(
            Code.INVALID, f"action must be one of {', '.join(IMPORT_ACTIONS)}, not {action}.", subject="action"
        )
    sealed_text = seal_yaml(call.text, call.context.sealer.seal_secret)
    if not sealed_text.text.strip():
        raise refuse(Code.INVALID, "The body is empty: send YAML documents.")
    done = call.act(sealed_text.command(action, call.query.get("project", "")))
    if "json" in call.request.headers.get("Accept", ""):
        return Reply(done.document)
    return Reply(text=done.text, content_type=YAML)


# Events and webhooks


def why(call: Call) -> Reply:
    """Why an image was not deployed at a given time."""
    question = {name: call.query.get(name, "") for name in ("repository", "tag", "at")}
    return Reply(call.get(Get(kind=Kind.EVENTS, options={"why": question})).document)


WEBHOOK_ACTIONS = ("rotate", "test", "replace-elsewhere", "check")
_act_on_webhook = generic.action(Kind.WEBHOOKS, WEBHOOK_ACTIONS)


def act_on_webhook(call: Call) -> Reply:
    """Rotate, preview, replace; or check: a test delivery end to end, which starts nothing."""
    if (call.query.get("action") or "").lower() == "check":
        return Reply(self_check.check(call.context.config, call.caller, call.path["id"], call.body))
    return _act_on_webhook(call)


# Projects


def projects_page(call: Call) -> Reply:
    """Projects as the project services list them."""
    ask = call.asks(Kind.PROJECTS)
    return Reply(wire.spring_page(call.find(ask), ask))


# The system itself


def settings(call: Call) -> Reply:
    """The installation's settings."""
    return Reply(call.get(Get(kind=Kind.SETTINGS)).document)


def change_settings(call: Call) -> Reply:
    """Change some settings."""
    return Reply(call.act(Act(kind=Kind.SETTINGS, verb="patch", body=call.body)).document)


def notices(call: Call) -> Reply:
    """What administrators should do soon: one page, and how many there are in all."""
    asked = call.asks(Kind.NOTICES)
    page = current_notices(
        call.context,
        call.caller,
        skip=asked.skip,
        top=asked.top if call.query.get("$top") else MOST_NOTICES,
        about=call.query.get("about", ""),
        search=call.query.get("search", ""),
    )
    return Reply({"count": page.total, "notices": list(page.documents)})


def health(call: Call) -> Reply:
    """Is config there for this caller?"""
    call.find(Find(kind=Kind.PROJECTS, top=1))
    return Reply({"status": "ok", "config": "serving"})


def queues(call: Call) -> Reply:
    """What waits in each queue, as the broker reports it, and how many dead letters are kept."""
    # Config authorises: the broker's own state is for those who may see dead letters.
    ask = Find(kind=Kind.DEAD_LETTERS, filter="state eq 'kept'", orderby="_createTimeInMicros asc", top=1)
    letters = call.find(ask)
    broker = call.context.look_at_broker()
    oldest = letters.documents[0]["_createTimeInMicros"] if letters.documents else None
    return Reply(
        {
            "queues": [_queue(state) for state in broker.queues],
            "deadLetters": letters.total,
            "oldestDeadLetterInMicros": oldest,
            "brokerVersion": broker.version,
            "missing": broker.missing,
        }
    )


def _queue(state: QueueState) -> Json:
    return {
        "name": state.name,
        "note": state.note.replace("`", ""),
        "ready": state.ready,
        "unacknowledged": state.unacknowledged,
        "consumers": state.consumers,
        "publishedPerSecond": state.published_s,
        "deliveredPerSecond": state.delivered_s,
        "depths": list(state.depths),
    }
