"""What the API offers around endpoints: types, trying one, certificates, kubeconfigs, and what one reaches."""

from __future__ import annotations

from services.gateway.commands import inspection
from services.gateway.commands.kubeconfig import described
from services.gateway.commands.sealing import wrap
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.runs import ResolvedEndpoint
from shared.grammar.patterns import BadPattern
from shared.process.clock import monotonic
from shared.process.secrets import new_token

from .call import Call, Reply


def types(call: Call) -> Reply:
    """What each type of endpoint takes: enough to draw a form."""
    return Reply(call.get(Get(kind=Kind.ENDPOINTS, options={"types": True})).document)


def tiles(call: Call) -> Reply:
    """What each type of endpoint takes, in the shape of Code Stream's tiles."""
    return Reply({"tiles": list(_tiles(call).values())})


def tile(call: Call) -> Reply:
    """The tile of one type."""
    tiles = _tiles(call)
    document = tiles.get(call.path["type"].lower())
    if document is None:
        message = f"There is no endpoint type {call.path['type']}."
        raise refuse(Code.NOT_FOUND, message, next_step=f"There are: {', '.join(tiles)}.")
    return Reply(document)


def _tiles(call: Call) -> dict[str, Json]:
    document = call.get(Get(kind=Kind.ENDPOINTS, options={"types": True})).document
    return {str(it["type"]).lower(): _tile(it) for it in document["types"]}


def _tile(it: Json) -> Json:
    return {
        "tileId": it["type"],
        "displayName": it.get("title") or it["type"],
        "description": it.get("description") or "",
        "inputProperties": {
            property["name"]: {
                "type": property["kind"],
                "description": property["help"] or property["title"],
                "mandatory": property["required"],
            }
            for property in it["properties"]
        },
        "outputProperties": {},
    }


def validate(call: Call) -> Reply:
    """Validate an endpoint, saved or not, for real."""
    wrapped = wrap(Kind.ENDPOINTS, call.body, call.context.sealer.seal_secret, new_token, creating=False)
    id = str(wrapped.body.get("id") or "")
    endpoint = inspection.prepared(call.context.config, call.caller, id=id, body=wrapped.body, sealed=wrapped.sealed)
    options = {key: call.query[key] for key in ("repository", "namespace") if call.query.get(key)}
    since = monotonic()
    tried = inspection.tried(call.context.config, call.caller, endpoint, options)
    micros = round((monotonic() - since) * 1e6)
    answer: Json = {
        "status": "COMPLETED" if tried.ok else "FAILED",
        "duration": micros,
        "output": tried.details,
        "ok": tried.ok,
        "statusMessage": tried.message,
        "message": tried.message,
        "nextStep": tried.next_step,
        "code": tried.code,
        "details": tried.details,
    }
    if not tried.ok:
        # Clients look at the status alone.
        raise Refused(
            Problem(
                code=Code.INVALID,
                message=tried.message,
                subject=endpoint.name,
                next_step=tried.next_step,
                details=answer,
            )
        )
    return Reply(answer)


def certificate(call: Call) -> Reply:
    """The certificates that a server shows, by their fingerprints."""
    url = call.query.get("url", "")
    if not url:
        raise refuse(Code.INVALID, "url is required.", subject="url")
    return Reply(inspection.certificates(call.context.config, call.caller, url))


def kubeconfig(call: Call) -> Reply:
    """List the contexts of a kubeconfig: what each would become, or why it cannot; nothing is kept."""
    files = call.body.get("files")
    return Reply(described(str(call.body.get("kubeconfig") or ""), files if isinstance(files, dict) else {}))


def tags(call: Call) -> Reply:
    """The repository's last tags, each with whether a pattern would run it."""
    try:
        return Reply(
            inspection.last_tags(
                call.context.config,
                call.caller,
                _meant(call),
                call.query.get("repository", ""),
                call.query.get("tagNamePattern", ""),
                call.request.args.getlist("exclude"),
            )
        )
    except BadPattern as error:
        raise refuse(Code.INVALID, str(error), subject="tagNamePattern") from None


def repositories(call: Call) -> Reply:
    """The repositories that the endpoint's account sees in its namespace."""
    return Reply(inspection.inspect_outside(call.context.config, call.caller, "repositories", _meant(call)))


def workloads(call: Call) -> Reply:
    """What runs in a namespace of the cluster, if asked only what runs images of one repository."""
    options = {key: call.query[key] for key in ("namespace", "repository") if call.query.get(key)}
    return Reply(inspection.inspect_outside(call.context.config, call.caller, "workloads", _meant(call), options))


def _meant(call: Call) -> ResolvedEndpoint:
    id, project, name = (call.query.get(key, "") for key in ("id", "project", "name"))
    if not id and not name:
        raise refuse(Code.INVALID, "Which endpoint? Give its id, or its project and name.", subject="id")
    return inspection.prepared(call.context.config, call.caller, id=id, project=project, name=name)
