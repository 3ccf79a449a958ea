"""One edge, and the two usual ways to give it a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.in_process import InProcess

from .mutation import mutated

API = "/codestream/api"
JSON, YAML, FORM = "application/json", "application/x-yaml", "application/x-www-form-urlencoded"
_UNREAD = ("cannot be read", "is not valid JSON", "must be a JSON object", "is not UTF-8", "cannot be kept", "is empty")
"""What the readers say: the document came no further."""
Send = Callable[[InProcess, bytes], bool]


class Broken(Exception):
    """An edge did what it must not do."""


@dataclass(frozen=True, slots=True)
class Target:
    """An edge. `send` says whether the document came past its reader; raises `Broken`, or what nobody foresaw."""

    name: str
    seed: bytes
    send: Send
    documents: int = 1
    """Sent in each round: more where they cost little."""
    mutate: Callable[[Random, bytes], bytes] = mutated
    """Makes the next document of the seed. A third of what it makes, or more, should come past the reader."""


def call(path: str, content_type: str, *, public: bool = False, method: str = "POST", base: str = API) -> Send:
    """By HTTP, as an administrator unless the path is public. `{place}` in the path is an object's id."""

    def send(inside: InProcess, document: bytes) -> bool:
        headers = {} if public else inside.bearer
        address = base + path.format_map(inside.ids)
        answer = inside.client().open(address, method=method, data=document, content_type=content_type, headers=headers)
        text = answer.get_data(as_text=True)
        demand_answered(address, answer.status_code, answer.headers, text)
        return answer.status_code < 400 or is_read(text)

    return send


def is_read(refusal: str) -> bool:
    """Whether what was refused had been read."""
    return not any(words in refusal for words in _UNREAD)


def demand_answered(what: str, status: int, headers: Any, text: str) -> None:
    """No failure of the server, but for a moment in which it can do no more, and says until when."""
    if status >= 500 and not (status == 503 and "Retry-After" in headers):
        raise Broken(f"{what} answered {status}: {text[:300]}")


def read(
    reader: Callable[[bytes], Any],
    *,
    unread: tuple[type[Exception], ...] = (),
    refused: tuple[type[Exception], ...] = (),
) -> Send:
    """By a function alone, which may say with one of these that it cannot read a document or will not have it."""

    def send(_inside: InProcess, document: bytes) -> bool:
        try:
            reader(document)
        except unread:
            return False
        except refused as error:
            return is_read(str(error))
        return True

    return send


def text_of(document: bytes) -> str:
    return document.decode("utf-8", "replace")


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
