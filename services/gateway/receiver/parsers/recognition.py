"""Which parser reads a body: the one that the webhook names if it knows the shape, else the first that does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json

from . import distribution, dockerhub, generic
from .registries import ROWS
from .values import Reading, dig


@dataclass(frozen=True, slots=True)
class Parser:
    """One row: does this parser know the shape, and how does it read it."""

    name: str
    recognise: Callable[[Json], bool]
    parse: Callable[[Json], Reading]


PARSERS: tuple[Parser, ...] = (
    Parser(dockerhub.NAME, dockerhub.recognise, dockerhub.parse),
    Parser(distribution.NAME, distribution.recognise, distribution.parse),
    *(Parser(row.name, partial(generic.recognise, row), partial(generic.parse, row)) for row in ROWS),
)
BY_NAME: dict[str, Parser] = {parser.name: parser for parser in PARSERS}


def is_ping(body: Json) -> bool:
    """What GitHub and ACR send when a hook is made."""
    return body.get("action") == "ping" or ("zen" in body and "hook_id" in body)


def unwrapped(body: Json) -> Json:
    """Pub/Sub brings its message as JSON in base64."""
    data = dig(body, "message.data")
    if not isinstance(data, str):
        return body
    try:
        inner = parse_json(base64.b64decode(data, validate=True))
    except ValueError:
        return body
    return {**body, "message": {**body["message"], "data": inner}} if isinstance(inner, dict) else body


def read_push(provider: str, body: Any) -> Reading:
    """Read a parsed body. Any JSON gives an answer; what names no push gives a sentence."""
    if not isinstance(body, dict):
        return Reading(problem="The body is not a JSON object, so it contains no push.")
    if is_ping(body):
        return Reading(problem="Ping received: the address and token are valid.", not_a_push=True)
    body = unwrapped(body)
    named = BY_NAME.get(provider.lower())
    if named is not None and named.recognise(body):
        return named.parse(body)
    for parser in PARSERS:
        if parser.recognise(body):
            return parser.parse(body)
    return (named or PARSERS[0]).parse(body)
