"""Sends a test delivery to our own public address, as a registry would, with the webhook's token."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from urllib.parse import quote

import requests

from services.runner.clients.errors import why
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json

CONNECT_S, READ_S = 5.0, 10.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": "portside-test", "X-Portside-Test": "1"}


def send(url_base: str, token: str, body: Json, *, sign: bool = False) -> Json:
    """What came back, or why nothing did; the token is in no answer. `sign` as GitHub and Gitea do."""
    raw, headers = json.dumps(body).encode(), dict(_HEADERS)
    if sign:
        headers["X-Hub-Signature-256"] = f"sha256={hmac.new(token.encode(), raw, hashlib.sha256).hexdigest()}"
    started = time.monotonic()
    try:
        answer = requests.post(
            url_base + quote(token, safe=""),
            data=raw,
            headers=headers,
            timeout=(CONNECT_S, READ_S),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        where = url_base.partition("?")[0]
        return {"reached": False, "message": f"Cannot reach {where}: {why(error)}.", "status": 0, "answer": {}}
    took_ms = round((time.monotonic() - started) * 1000)
    try:
        said = parse_json(answer.content)
    except ValueError:
        said = {}
    return {
        "reached": True,
        "message": f"Reached in {took_ms} ms.",
        "status": answer.status_code,
        "answer": said if isinstance(said, dict) else {},
    }
