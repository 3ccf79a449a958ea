"""Where one request ends in the bytes that a connection brings. Pure.

Only as much of HTTP/1.1 as that takes (RFC 9112): the head up to its blank line, then the body by its length (section
6.2) or its chunks (7.1). gunicorn's parser reads the request afterwards and has the last word: what is odd counts as
complete at once, so that the parser refuses it.
"""

from __future__ import annotations

import re
from enum import Enum, auto

MAX_HEAD = 32 * 1024
MAX_CHUNK_LINE = 256
MAX_CHUNKS = 16_384
"""Of one body. A body of tiny chunks costs far more to read than its sender pays."""
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
TLS_HANDSHAKE = b"\x16"
"""The first byte of a client that speaks HTTPS to a port of HTTP."""


class _Part(Enum):
    HEAD = auto()
    LENGTH = auto()
    CHUNK_SIZE = auto()
    CHUNK = auto()
    TRAILER = auto()
    END = auto()


class RequestFrame:
    """Reads along until the request is complete. `feed` says how much of some bytes still belongs to it."""

    def __init__(self) -> None:
        self._part = _Part.HEAD
        self._line = bytearray()
        self._left = 0
        self._chunks = 0
        self.target = ""
        """What the first line asks for, as it was sent; empty until the head is there."""
        self.declared = 0
        """The body's length, where the head says one."""
        self.expects_continue = False
        """The sender waits for `100 Continue` before it sends the body."""
        self.is_odd = False
        """Its end is a guess: the parser is asked at once, and nothing on the connection is read after it."""
        self.refusal: int | None = None
        """The HTTP status of what no parser need see: a head or a chunk beyond every bound."""

    @property
    def complete(self) -> bool:
        """Is there nothing more to read for this request?"""
        return self._part is _Part.END

    @property
    def in_head(self) -> bool:
        """Is the head not complete yet?"""
        return self._part is _Part.HEAD

    def end(self) -> None:
        """Read no further."""
        self._part = _Part.END

    def feed(self, data: bytes) -> int:
        """Read along; answers how many of these bytes belong to the request."""
        position = 0
        while position < len(data) and self._part is not _Part.END:
            position += _READERS[self._part](self, data, position)
        return position

    def _read_head(self, data: bytes, position: int) -> int:
        if not self._line and data.startswith(TLS_HANDSHAKE, position):
            # No blank line will ever end this head: an answer in plain text ends the handshake at once.
            self._refuse(400)
            return 0
        head, used = self._up_to(b"\r\n\r\n", data, position, MAX_HEAD)
        if head is not None:
            self._begin_body(head)
        elif len(self._line) > MAX_HEAD:
            self._refuse(431)
        return used

    def _begin_body(self, head: bytes) -> None:
        first_line, *lines = head.split(b"\r\n")
        self.target = first_line.partition(b" ")[2].partition(b" ")[0].decode("latin-1")
        fields = [line.partition(b":") for line in lines]
        values: dict[bytes, list[bytes]] = {}
        for name, _, value in fields:
            values.setdefault(name.lower(), []).append(value.strip(b" \t"))
        lengths, codings = values.get(b"content-length", []), values.get(b"transfer-encoding", [])
        self.expects_continue = [value.lower() for value in values.get(b"expect", [])] == [b"100-continue"]
        if len(codings) == 1 and not lengths and codings[0].lower().endswith(b"chunked"):
            self._part = _Part.CHUNK_SIZE
        elif len(lengths) == 1 and not codings and _LENGTH.fullmatch(lengths[0]):
            self.declared = self._left = int(lengths[0])
            self._part = _Part.LENGTH if self._left else _Part.END
        else:
            self._part, self.is_odd = _Part.END, bool(codings or lengths)

    def _read_length(self, data: bytes, position: int) -> int:
        used = min(self._left, len(data) - position)
        self._left -= used
        if not self._left:
            self._part = _Part.END
        return used

    def _read_chunk_size(self, data: bytes, position: int) -> int:
        line, used = self._up_to(b"\r\n", data, position, MAX_CHUNK_LINE)
        if line is None:
            if len(self._line) > MAX_CHUNK_LINE:
                self._refuse(400)
            return used
        size, self._chunks = _CHUNK_SIZE.fullmatch(line), self._chunks + 1
        if self._chunks > MAX_CHUNKS:
            self._refuse(413)
        elif size is None:
            self._part, self.is_odd = _Part.END, True
        elif length := int(size[1], 16):
            self._part, self._left = _Part.CHUNK, length + len(b"\r\n")
        else:
            # The trailer begins where the last chunk's line ends: a blank line there is all of it.
            self._part, self._line = _Part.TRAILER, bytearray(b"\r\n")
        return used

    def _read_chunk(self, data: bytes, position: int) -> int:
        used = min(self._left, len(data) - position)
        self._left -= used
        if not self._left:
            self._part = _Part.CHUNK_SIZE
        return used

    def _read_trailer(self, data: bytes, position: int) -> int:
        trailer, used = self._up_to(b"\r\n\r\n", data, position, MAX_HEAD)
        if trailer is not None:
            self._part = _Part.END
        elif len(self._line) > MAX_HEAD:
            self._refuse(431)
        return used

    def _up_to(self, mark: bytes, data: bytes, position: int, most: int) -> tuple[bytes | None, int]:
        """What has come up to and with a mark, or None; and how many bytes of `data` were used for it."""
        before = len(self._line)
        self._line += data[position : position + most + 1]
        end = self._line.find(mark, max(0, before - len(mark) + 1))
        if end < 0:
            return None, len(self._line) - before
        end += len(mark)
        text, self._line = bytes(self._line[:end]), bytearray()
        return text, end - before

    def _refuse(self, status: int) -> None:
        self._part, self.refusal = _Part.END, status


_READERS = {
    _Part.HEAD: RequestFrame._read_head,
    _Part.LENGTH: RequestFrame._read_length,
    _Part.CHUNK_SIZE: RequestFrame._read_chunk_size,
    _Part.CHUNK: RequestFrame._read_chunk,
    _Part.TRAILER: RequestFrame._read_trailer,
}
