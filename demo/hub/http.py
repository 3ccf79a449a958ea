"""Requests and answers as values, and errors in the shapes that the Hub's several back-ends use."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call, read to its end."""

    method: str
    path: str
    query_text: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    base: str
    """`http://host:port` as the caller addressed it."""

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_text, keep_blank_values=True)

    def text(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def json(self) -> Any:
        """The body as JSON, or the 400 of Django REST."""
        try:
            return json.loads(self.body or b"null")
        except ValueError as wrong:
            raise Answered(400, {"detail": f"JSON parse error - {wrong}"}) from wrong


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; a dictionary or list as JSON, text as HTML or plain text, bytes as they are."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> tuple[bytes, str]:
        """Bytes and media type."""
        if self.body is None:
            return b"", ""
        if isinstance(self.body, bytes):
            return self.body, "application/octet-stream"
        if isinstance(self.body, str):
            kind = "text/html" if self.body.lstrip().startswith("<") else "text/plain"
            return self.body.encode(), f"{kind}; charset=utf-8"
        return json.dumps(self.body).encode(), "application/json"


class Answered(Exception):
    """An answer that ends the handling of a call at once."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = Answer(status, body, headers or {})


def not_found(noun: str = "object") -> Answered:
    """404 of the newer services."""
    return Answered(404, {"message": f"{noun} not found", "errinfo": {}})


def page(items: list[Json], request: Request, *, largest: int = 100) -> Json:
    """One page: `count`, `next`, `previous`, `results`."""
    try:
        size = min(int(request.text("page_size", "10")), largest)
        page_number = int(request.text("page", "1"))
        if size < 1 or page_number < 1:
            raise ValueError
    except ValueError as wrong:
        raise Answered(404, {"detail": "Invalid page."}) from wrong
    last = max(1, -(-len(items) // size))
    if page_number > last:
        raise Answered(404, {"detail": "Invalid page."})

    def link(to: int) -> str | None:
        return f"{request.base}{request.path}?page={to}&page_size={size}" if 1 <= to <= last else None

    return {
        "count": len(items),
        "next": link(page_number + 1),
        "previous": link(page_number - 1),
        "results": items[(page_number - 1) * size : page_number * size],
    }
