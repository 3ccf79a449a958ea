"""Sends a test delivery to our own public address, as a registry would, with the webhook's token."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import quote

from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient, OutboundAccess, OutboundError, RequestLimits
from shared.process import clock

_LIMITS = RequestLimits(overall_s=15.0, connect_s=5.0, read_s=10.0, body_bytes=64 * 1024)
_HEADERS = {"Content-Type": "application/json", "User-Agent": "portside-test", "X-Portside-Test": "1"}
_OWN_ADDRESS = OutboundAccess(local=True)
"""config names the address: it is Portside's own, and on one machine it is this one's."""


def send(client: HttpClient, url_base: str, token: str, body: Json, *, sign: bool = False) -> Json:
    """What came back, or why nothing did; the token is in no answer. `sign` as GitHub and Gitea do."""
    raw, headers = json.dumps(body).encode(), dict(_HEADERS)
    if sign:
        headers["X-Hub-Signature-256"] = f"sha256={hmac.new(token.encode(), raw, hashlib.sha256).hexdigest()}"
    url = url_base + quote(token, safe="")
    started = clock.monotonic()
    try:
        reply = client.request("POST", url, headers=headers, body=raw, limits=_LIMITS, access=_OWN_ADDRESS, redirects=0)
    except OutboundError as error:
        message = error.message.replace(quote(token, safe=""), "…")
        return {"reached": False, "message": message, "status": 0, "answer": {}}
    took_ms = round((clock.monotonic() - started) * 1000)
    try:
        answer = parse_json(reply.body)
    except ValueError:
        answer = {}
    return {
        "reached": True,
        "message": f"Reached in {took_ms} ms.",
        "status": reply.status,
        "answer": answer if isinstance(answer, dict) else {},
    }
