"""Pages, scripts and styles compressed for browsers that take it."""

from __future__ import annotations

import gzip
import io
import secrets
from functools import lru_cache

from flask import Request, Response

TYPES = frozenset({"text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml"})
SMALLEST = 1_000
"""Bytes below which compressing gains nothing."""
FILE_LEVEL, PAGE_LEVEL = 9, 4
"""Files are compressed once, pages each time."""
MOST_PADDING = 100
"""Bytes of random length in a page's header, so that its size does not tell what in it repeats what a caller sent
(BREACH); Django pads its pages likewise."""


def compress(request: Request, response: Response) -> Response:
    """The answer with its body compressed, where that may be and gains something."""
    if request.method != "GET" or response.status_code != 200 or response.mimetype not in TYPES:
        return response
    is_file = request.path.startswith("/static/")
    if response.is_streamed and not is_file:
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings.quality("gzip"):
        return response
    if is_file:
        response.direct_passthrough = False
    body = response.get_data()
    if len(body) < SMALLEST:
        return response
    response.set_data(_file(body) if is_file else _page(body))
    response.headers["Content-Encoding"] = "gzip"
    if is_file and (tag := response.get_etag()[0]):
        # Not the same bytes as without compression.
        response.set_etag(tag, weak=True)
    return response


@lru_cache(maxsize=64)
def _file(body: bytes) -> bytes:
    return gzip.compress(body, FILE_LEVEL, mtime=0)


def _page(body: bytes) -> bytes:
    packed = io.BytesIO()
    padding = "-" * (1 + secrets.randbelow(MOST_PADDING))
    with gzip.GzipFile(filename=padding, mode="wb", compresslevel=PAGE_LEVEL, fileobj=packed, mtime=0) as file:
        file.write(body)
    return packed.getvalue()
