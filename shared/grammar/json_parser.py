"""The parser of JSON from outside: bounded, and exact about where a text is broken. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from shared.contracts.bounds import MAX_DEPTH, MAX_NUMBER_LENGTH, MAX_TEXT_NODES, TOO_DEEP, excess
from shared.contracts.problems import Flaw

from .malformed import Malformed

_TEXT = r'"(?:[^"\\]++|\\.)*+"?'
_TOKENS = re.compile(rf"{_TEXT}|[\[{{]|[\]}}]", re.DOTALL)


def parse_json(data: bytes | str, *, max_nodes: int = MAX_TEXT_NODES) -> Any:
    """The value of a JSON text, in UTF-8, UTF-16 or UTF-32 when it is bytes.

    Raises `Malformed` with line and column of what is broken, too deep or a number that cannot be built. The caller
    bounds the bytes: it has them in memory already.
    """
    text = data.removeprefix("\ufeff") if isinstance(data, str) else decode_json(data)
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_int=_integer, parse_float=_number)
    except json.JSONDecodeError as error:
        raise Malformed([Flaw(message=error.msg, line=error.lineno, column=error.colno)]) from None
    except RecursionError:
        raise _at(text, _too_deep(text), TOO_DEEP) from None
    except _Unbuildable as error:
        raise _at(text, _position(text, error.written), str(error)) from None
    if reason := excess(value, max_nodes):
        raise _at(text, _too_deep(text) if reason == TOO_DEEP else 0, reason)
    return value


def decode_json(data: bytes) -> str:
    """The text of JSON in any of its encodings, without a byte order mark. Raises `Malformed`."""
    try:
        return data.decode(json.detect_encoding(data)).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise Malformed([Flaw(message=f"invalid {error.encoding} byte", line=line, column=column)]) from None


class _Unbuildable(Exception):
    """A number that JSON's grammar allows and no program keeps."""

    def __init__(self, token: str, message: str) -> None:
        super().__init__(message)
        self.written = token


def _no_constant(word: str) -> NoReturn:
    raise _Unbuildable(word, f"{word} is not a JSON value")


def _integer(token: str) -> int:
    return int(_short(token))


def _short(token: str) -> str:
    if len(token) > MAX_NUMBER_LENGTH:
        raise _Unbuildable(token, f"a number of more than {MAX_NUMBER_LENGTH} characters")
    return token


def _number(token: str) -> float:
    value = float(_short(token))
    if not math.isfinite(value):
        raise _Unbuildable(token, f"{token[:40]} is larger than any number that can be kept")
    return value


def _position(text: str, word: str) -> int:
    """Where this word occurs outside quotes."""
    for token in re.finditer(f"{_TEXT}|{re.escape(word)}", text, re.DOTALL):
        if token[0] == word:
            return token.start()
    return 0


def _too_deep(text: str) -> int:
    """Where the first bracket beyond the allowed depth is."""
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return token.start()
        elif token[0] in "]}":
            depth -= 1
    return 0


def _at(text: str, index: int, message: str) -> Malformed:
    line = text.count("\n", 0, index) + 1
    column = index - (text.rfind("\n", 0, index) + 1) + 1
    return Malformed([Flaw(message=message, line=line, column=column)])
