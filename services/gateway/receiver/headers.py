"""What a sender says beside the body: its token, and its own id of the delivery. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from .trimming import clean_text

_TOKEN_HEADERS = ("HTTP_X_SECURE_TOKEN", "HTTP_X_JFROG_EVENT_AUTH")
_DELIVERY_IDS = ("HTTP_X_GITHUB_DELIVERY", "HTTP_X_GITEA_DELIVERY", "HTTP_X_NEXUS_WEBHOOK_DELIVERY")


def sent_token(environ: Mapping[str, Any]) -> str:
    """From the query, else from a header, which some registries can send and which no proxy logs; blank without."""
    if query := _query_token(environ.get("QUERY_STRING", "")):
        return query
    for name in _TOKEN_HEADERS:
        if header := environ.get(name, ""):
            return str(header)
    scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic_password(value)
    return str(value.strip() or scheme)


def sent_delivery_id(environ: Mapping[str, Any]) -> str | None:
    """What a sender calls this delivery, and again when it sends it again."""
    delivery_id = next((value for name in _DELIVERY_IDS if (value := environ.get(name))), "")
    return clean_text(delivery_id, 200) or None


def _query_token(query: str) -> str:
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if name == "secureToken":
            return unquote_plus(value)
    return ""


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
