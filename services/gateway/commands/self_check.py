"""Testing a webhook: a delivery as the registry would send it goes all the way; each hop is reported, nothing runs."""

from __future__ import annotations

import time

from services.gateway.config_client import ConfigClient
from services.gateway.receiver.parsers import dockerhub
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Get, Inspect, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.grammar.repositories import HUB_HOST
from shared.process.clock import monotonic, now

JUDGED_WITHIN_S = 15.0
LOOK_EVERY_S = 0.2
WOULD_RUN = "tested"
_DOCKER_HUB = ("", HUB_HOST)
_LET_IN = {
    "sourceNetworks": "The test comes from Portside's own address; add that address to the source networks to test.",
    "signed": "Docker Hub does not sign deliveries; demand signatures only from other registries.",
}
"""What to do where the receiver says which field of the webhook refused; else the token is not good."""


def check(config: ConfigClient, caller: Caller, id: str, body: Json) -> Json:
    """The hops in order, each with whether it went well; those after a failed one were not reached.

    `body.tag` is the tag to test with; else the tag of the last push.
    """
    facts = config.get(caller, Get(kind=Kind.WEBHOOKS, id=id, options={"forCheck": True})).document
    tag = str(body.get("tag") or facts["lastTag"] or "latest")
    repository = str(body.get("repository") or facts["repository"] or "acme/test")
    way = ResolvedEndpoint(
        name=str(facts["name"]),
        type="hook",
        properties={"urlBase": facts["urlBase"]},
        secrets={"token": Sealed.model_validate(facts["token"])},
    )
    from_hub = facts["registryHost"] in _DOCKER_HUB
    # Docker Hub signs nothing; whatever else may call is set to sign where the webhook demands it.
    options = {"body": _payload(facts, repository, tag), "sign": bool(facts["signed"]) and not from_hub}
    sent = config.inspect(caller, Inspect(what="hook", endpoint=way, options=options)).document
    hops = [_reached(sent), _let_in(sent)]
    event: Json = {}
    if all(hop["ok"] for hop in hops):
        event = _judged(config, caller, str(sent["answer"].get("delivery") or ""))
        matched = _recorded(event)
        hops += [
            matched,
            _would_run(event) if matched["ok"] else _hop("would run", False, "Not tried: the delivery did not match."),
        ]
    failed = next((hop for hop in hops if not hop["ok"]), None)
    return {
        "id": id,
        "kind": "WEBHOOK_CHECK",
        "ok": failed is None,
        "message": hops[-1]["message"] if failed is None else failed["message"],
        "nextStep": "" if failed is None else failed.get("nextStep", ""),
        "image": f"{repository}:{tag}",
        "hops": hops,
        "event": event.get("id", ""),
    }


def _payload(facts: Json, repository: str, tag: str) -> Json:
    if facts["registryHost"] in _DOCKER_HUB:
        return dockerhub.sample(repository, tag, int(now()))
    return {"registry": facts["registryHost"], "repository": repository, "tag": tag, "pusher": "portside-test"}


def _hop(name: str, ok: bool, message: str, next_step: str = "") -> Json:
    return {"hop": name, "ok": ok, "message": message, "nextStep": next_step}


def _reached(sent: Json) -> Json:
    step = "Check the public address, the proxy and the certificate, or switch the webhook to polling."
    return _hop("address reachable", bool(sent["reached"]), sent["message"], "" if sent["reached"] else step)


def _let_in(sent: Json) -> Json:
    if not sent["reached"]:
        return _hop("token good", False, "Not tried: the address could not be reached.")
    status, message = sent["status"], str(sent["answer"].get("message") or "")
    if status == 202:
        return _hop("token good", True, "The receiver accepted the delivery.")
    if not sent["answer"]:
        step = "Point the proxy at the gateway."
        return _hop("token good", False, f"Something other than Portside answered ({status}).", step)
    step = _LET_IN.get(str(sent["answer"].get("subject") or ""), "Rotate the token.")
    return _hop("token good", False, f"The receiver refused the delivery ({status}): {message}", step)


def _judged(config: ConfigClient, caller: Caller, delivery: str) -> Json:
    """The event of the delivery once it has its verdict; empty when there is none in time."""
    until = monotonic() + JUDGED_WITHIN_S
    while delivery and monotonic() < until:
        try:
            event = config.get(caller, Get(kind=Kind.EVENTS, id=delivery)).document
        except Refused:
            event = {}
        if event.get("state") == "judged":
            return event
        time.sleep(LOOK_EVERY_S)
    return {}


def _recorded(event: Json) -> Json:
    if not event:
        message = f"The delivery had no verdict after {JUDGED_WITHIN_S:.0f} seconds."
        return _hop("matched", False, message, "Check config's log and the queues.")
    matched = not str(event["verdict"]).startswith(("ignored", "unreadable", "unknown"))
    if matched:
        return _hop("matched", True, "The repository, image and tag match this webhook.")
    return _hop("matched", False, f"{event['verdict']}: {event['reason']}", event["nextStep"])


def _would_run(event: Json) -> Json:
    runs = event["verdict"] == WOULD_RUN
    return _hop("would run", runs, event["reason"], "" if runs else event["nextStep"])
