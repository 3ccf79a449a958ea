"""The shapes of the API: lists, pages, errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pydantic_core

from services.gateway.chapters import chapter_of
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind, Page
from shared.contracts.problems import HTTP_STATUS, Code, Problem, refuse
from shared.contracts.texts import whole_number

LINK_BASE = "/codestream/api"
DEFAULT_TOP = 25
MAX_TOP = 2_000
MAX_SKIP = 10_000_000
NEXT_STEPS: dict[Code, str] = {
    Code.INVALID: "See /docs/api for what each call accepts.",
    Code.NOT_FOUND: "List the objects; those you may not read are not listed.",
    Code.CONFLICT: "Read the object as it is now, then try again.",
    Code.UNAUTHENTICATED: "Sign in: POST /csp/gateway/am/api/login, or /iaas/api/login with an API token.",
    Code.FORBIDDEN: "Ask an administrator; GET /settings lists some.",
    Code.TOO_MANY: "Retry after the time in Retry-After.",
    Code.IN_USE: "Change or delete the objects that refer to it first.",
    Code.UNAVAILABLE: "Try again in a few seconds; GET /healthz shows what is unavailable.",
    Code.TIMEOUT: "Try again in a few seconds; GET /healthz shows what is unavailable.",
    Code.UNSUPPORTED: "See /docs/api for what is supported.",
    Code.INTERNAL: "Search the logs for the requestId.",
}
"""What to do about an error that says nothing more precise."""
SIGN_IN_PATHS = ("/csp/", "/iaas/api/login")
"""Where clients decode an error as the identity service writes it: `status` as text, such as `400 BAD_REQUEST`."""


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, "")
    if text == "":
        return default
    value = whole_number(text, digits=18)
    if value is None:
        raise refuse(Code.INVALID, f"{name} must be a non-negative integer, not {text[:50]!r}.", subject=name)
    return min(value, most)


def find(
    kind: Kind,
    query: Mapping[str, str],
    *,
    filter: str = "",
    parent: str = "",
    options: Json | None = None,
) -> Find:
    """A question for one page from `$top`, `$skip`, `page` with `$size`, `count`; unknown parameters are ignored."""
    size = next((name for name in ("$top", "$size", "size", "count") if query.get(name)), "$top")
    top = _number(query, size, DEFAULT_TOP, MAX_TOP)
    skip = _number(query, "$skip", -1, MAX_SKIP)
    if skip < 0:
        skip = _number(query, "page", 0, MAX_SKIP) * top
    return Find(
        kind=kind,
        filter=filter,
        orderby=query.get("$orderby", ""),
        top=top,
        skip=min(skip, MAX_SKIP),
        parent=parent,
        options=options or {},
    )


def all_of(filters: Sequence[str]) -> str:
    """One OData predicate that holds where all of these do."""
    stated = [text for text in filters if text.strip()]
    return stated[0] if len(stated) == 1 else " and ".join(f"({text})" for text in stated)


def link_of(kind: Kind, document: Mapping[str, Any]) -> str:
    """The partial address of a document."""
    return str(document.get("_link") or f"{LINK_BASE}/{kind.value}/{document.get('id', '')}")


def listing(kind: Kind, page: Page) -> Json:
    """A list as clients expect it: `documents` is a map from link to object, never an array."""
    return linked((link_of(kind, document), document) for document in page.documents) | {"totalCount": page.total}


def linked(items: Iterable[tuple[str, Json]]) -> Json:
    """The list shape for what is known whole."""
    documents = dict(items)
    return {
        "count": len(documents),
        "totalCount": len(documents),
        "links": list(documents),
        "documents": documents,
    }


def spring_page(page: Page, ask: Find) -> Json:
    """A list as the project services answer it."""
    size = ask.top or DEFAULT_TOP
    page_index, count = ask.skip // size, len(page.documents)
    pages = -(-page.total // size)
    return {
        "content": list(page.documents),
        "totalElements": page.total,
        "numberOfElements": count,
        "totalPages": pages,
        "number": page_index,
        "size": size,
        "first": page_index == 0,
        "last": page_index + 1 >= pages,
        "empty": count == 0,
        "sort": {"sorted": bool(ask.orderby), "unsorted": not ask.orderby, "empty": not ask.orderby},
        "pageable": {"offset": ask.skip, "pageNumber": page_index, "pageSize": size, "paged": True, "unpaged": False},
    }


def encoded(document: Any) -> str | bytes:
    """A document as JSON in ASCII, which clients read right whatever encoding they take it for."""
    with suppress(ValueError):
        # Twice as fast as the standard library, which alone writes half a surrogate pair.
        return pydantic_core.to_json(document, ensure_ascii=True)
    return json.dumps(document)


def error_body(problem: Problem, *, path: str, at: float, request_id: str) -> tuple[int, Json]:
    """A problem as every client reads it: some print `message`, some `serverMessage`, ours also the next step.

    `at` is in seconds since the epoch, `timestamp` in milliseconds: clients decode it into a 64-bit integer.
    """
    return error_of_status(HTTP_STATUS[problem.code], problem, path=path, at=at, request_id=request_id)


def error_of_status(status: int, problem: Problem, *, path: str, at: float, request_id: str) -> tuple[int, Json]:
    """The same for a status that no code stands for, such as 405 and 413."""
    phrase = HTTPStatus(status).phrase
    body: Json = {
        "timestamp": round(at * 1_000),
        "path": path,
        "status": _status_text(status) if path.startswith(SIGN_IN_PATHS) else status,
        "statusCode": status,
        "error": phrase,
        "message": problem.message,
        "serverMessage": problem.message,
        "requestId": request_id,
        "code": problem.code.value,
        "subject": problem.subject,
        "nextStep": problem.next_step or NEXT_STEPS[problem.code],
        "flaws": [flaw.model_dump(exclude_none=True) for flaw in problem.flaws],
        "@type": f"portside.{problem.code.value}",
    }
    if chapter := chapter_of(problem):
        body["documentation"] = chapter
    if problem.details:
        body["details"] = problem.details
    return status, body


def _status_text(status: int) -> str:
    return f"{status} {HTTPStatus(status).name}"
