"""How large a request's body may be and how it may be encoded; one place for hooks, API and pages."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from shared.contracts.texts import whole_number

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_BODY = 8 * 1024 * 1024
"""Bytes of a body, as sent and after decompression; hooks have a lower bound of their own."""
DROPPED = "portside.body_dropped"
"""Of a WSGI environment: the body was larger than `MAX_BODY`, so that its end was read and thrown away."""
_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_GZIP_WINDOW = 31
"""zlib's word for: a gzip header, any window."""


class BodyTooLarge(Exception):
    """The body, or what it decompresses to, is larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit} bytes.")
        self.limit = limit


class BodyUnreadable(Exception):
    """The body is not what its Content-Encoding says, or no encoding that is read; `unsupported` tells them apart."""

    def __init__(self, message: str, *, unsupported: bool = False) -> None:
        super().__init__(message)
        self.unsupported = unsupported


def read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    """The body as it was sent. Raises `BodyTooLarge`."""
    declared = environ.get("CONTENT_LENGTH") or ""
    length = limit + 1 if (size := whole_number(declared, digits=18)) is None else size
    if environ.get(DROPPED) or (declared and length > limit):
        raise BodyTooLarge(limit)
    raw: bytes = environ["wsgi.input"].read(length)
    if len(raw) > limit:
        raise BodyTooLarge(limit)
    return raw


def decoded(raw: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding. Raises `BodyTooLarge` and `BodyUnreadable`."""
    name = encoding.strip().lower()
    if name in _PLAIN:
        return raw
    if name not in _GZIP:
        message = f"Content-Encoding {name[:40]!r} is not supported; send the body plain or with gzip."
        raise BodyUnreadable(message, unsupported=True)
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = inflater.decompress(raw, limit + 1)
    except zlib.error:
        raise BodyUnreadable("The body is not valid gzip, as its Content-Encoding says.") from None
    if len(body) > limit:
        raise BodyTooLarge(limit)
    if not inflater.eof:
        raise BodyUnreadable("The gzip body ends too early.")
    return body


def with_plain_body(environ: WSGIEnvironment) -> WSGIEnvironment:
    """The environment of a request with its body decompressed. Raises `BodyTooLarge` and `BodyUnreadable`."""
    if environ.get(DROPPED):
        raise BodyTooLarge(MAX_BODY)
    encoding = environ.get("HTTP_CONTENT_ENCODING", "")
    if encoding.strip().lower() in _PLAIN:
        return environ
    body = decoded(read_body(environ, MAX_BODY), encoding, MAX_BODY)
    plain = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    for name in ("HTTP_CONTENT_ENCODING", "HTTP_TRANSFER_ENCODING"):
        plain.pop(name, None)
    return plain
