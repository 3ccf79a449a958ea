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
from .values import ParsedPayload, dig, first_text, text


@dataclass(frozen=True, slots=True)
class Parser:
    """One row: does this parser know the shape, and how does it read it."""

    name: str
    recognise: Callable[[Json], bool]
    parse: Callable[[Json], ParsedPayload]


PARSERS: tuple[Parser, ...] = (
    Parser(dockerhub.NAME, dockerhub.recognise, dockerhub.parse),
    Parser(distribution.NAME, distribution.recognise, distribution.parse),
    *(Parser(row.name, partial(generic.recognise, row), partial(generic.parse, row)) for row in ROWS),
)
BY_NAME: dict[str, Parser] = {parser.name: parser for parser in PARSERS}


def is_ping(body: Json) -> bool:
    """What GitHub and ACR send when a hook is made."""
    return body.get("action") == "ping" or ("zen" in body and "hook_id" in body)


def git_push(body: Json) -> str:
    """Which branch or tag of which Git repository was pushed; blank for anything else.

    GitHub's, Gitea's and GitLab's `ref` with their commits, Bitbucket's `push.changes`, Azure DevOps's `git.push`.
    """
    ref = text(body.get("ref")) or ""
    by_ref = ref.startswith("refs/") and any(key in body for key in ("commits", "after", "checkout_sha"))
    by_name = body.get("object_kind") in ("push", "tag_push") or body.get("eventType") == "git.push"
    by_changes = isinstance(dig(body, "push.changes"), list)
    of_an_image = any(key in body for key in ("image", "image_name", "tag", "image_tag", "push_data"))
    if of_an_image or not (by_ref or by_name or by_changes):
        return ""
    names = ("repository.full_name", "project.path_with_namespace", "resource.repository.name", "repository.name")
    repository = first_text(dig(body, name) for name in names) or "a repository"
    return f"{repository} ({ref})" if ref else repository


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


def read_push(provider: str, body: Any) -> ParsedPayload:
    """Read a parsed body. Any JSON gives an answer; what names no push gives a sentence."""
    if not isinstance(body, dict):
        return ParsedPayload(problem="The body is not a JSON object, so it contains no push.")
    if is_ping(body):
        return ParsedPayload(problem="Ping received: the address and token are valid.", not_a_push=True)
    if pushed := git_push(body):
        return ParsedPayload(
            problem=f"A Git push of {pushed}, and this address takes pushes of images: point the registry's webhook "
            "here (on GitHub the event Packages), not the Git repository's."
        )
    body = unwrapped(body)
    named = BY_NAME.get(provider.lower())
    if named is not None and named.recognise(body):
        return named.parse(body)
    for parser in PARSERS:
        if parser.recognise(body):
            return parser.parse(body)
    return (named or PARSERS[0]).parse(body)
