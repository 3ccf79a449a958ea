"""What a Git server's pack may hold: measured entry by entry, each before it is unpacked whole.

The format: git-scm.com/docs/pack-format.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from dulwich.object_store import DiskObjectStore
from dulwich.pack import OFS_DELTA, REF_DELTA, Pack

from shared.outbound.cancel_scope import current_scope

MIB = 2**20
_PIECE_BYTES = 64 * 1024
_DELTA_HEAD_BYTES = 20
"""Two sizes of 64 bits, 7 bits a byte."""
_LONGEST_SIZE = 10

T = TypeVar("T")
_Steps = Generator[None, bytes, T]


class SendsTooMuch(Exception):
    """More comes from a server than is read; the text says how much of what."""


class UnpackTimeout(Exception):
    """The time for the whole fetch is up while its pack is unpacked."""


@dataclass(frozen=True, slots=True)
class PackLimits:
    """How much one commit with its files may hold; sizes are of unpacked objects, in bytes."""

    objects: int = 500_000
    object_bytes: int = 100 * MIB
    """GitHub takes no larger file."""
    total_bytes: int = 2048 * MIB


class PackMeter:
    """Measures a pack that passes by in pieces of any size. Raises SendsTooMuch, and ValueError for anything else.

    What a delta makes counts as its object's size, and so do the delta's own bytes in the total.
    """

    def __init__(self, limits: PackLimits, id_bytes: int) -> None:
        self._limits = limits
        self._id_bytes = id_bytes
        self._data, self._at = b"", 0
        self._total = 0
        self._steps = self._pack()
        next(self._steps)

    def feed(self, piece: bytes) -> None:
        """The next bytes of the pack."""
        self._steps.send(piece)

    def _pack(self) -> _Steps[None]:
        head = yield from self._take(12)
        if head[:4] != b"PACK":
            raise ValueError("what it sends is not a pack")
        count = int.from_bytes(head[8:])
        if count > self._limits.objects:
            raise SendsTooMuch(f"{count:,} objects, and at most {self._limits.objects:,} are read")
        for _ in range(count):
            yield from self._entry()
        while True:  # The checksum.
            yield

    def _entry(self) -> _Steps[None]:
        first = yield from self._byte()
        kind, size, shift, byte = (first >> 4) & 7, first & 15, 4, first
        while byte & 0x80:
            byte = yield from self._byte()
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 7 * _LONGEST_SIZE:
                raise ValueError("an object's size in the pack has no end")
        self._count(size)
        if kind == OFS_DELTA:
            while (yield from self._byte()) & 0x80:
                pass
        elif kind == REF_DELTA:
            yield from self._take(self._id_bytes)
        head = yield from self._inflate(size)
        if kind in (OFS_DELTA, REF_DELTA):
            _, at = _delta_size(head, 0)
            self._count(_delta_size(head, at)[0])

    def _inflate(self, size: int) -> _Steps[bytes]:
        """Unpack an object of that size piece by piece, and answer its first bytes."""
        stream, unpacked, head = zlib.decompressobj(), 0, b""
        while not stream.eof:
            piece = stream.unconsumed_tail or (yield from self._some())
            data = stream.decompress(piece, _PIECE_BYTES)
            head += data[: _DELTA_HEAD_BYTES - len(head)]
            unpacked += len(data)
            if unpacked > size:
                raise ValueError("an object in the pack is larger than it says")
        self._data, self._at = stream.unused_data, 0
        return head

    def _count(self, size: int) -> None:
        self._total += size
        if size > self._limits.object_bytes:
            raise SendsTooMuch(
                f"an object of {size // MIB} MiB, and at most {self._limits.object_bytes // MIB} are read"
            )
        if self._total > self._limits.total_bytes:
            raise SendsTooMuch(f"more than {self._limits.total_bytes // MIB} MiB once it is unpacked")

    def _byte(self) -> _Steps[int]:
        return (yield from self._take(1))[0]

    def _take(self, size: int) -> _Steps[bytes]:
        while len(self._data) - self._at < size:
            self._data, self._at = self._data[self._at :] + (yield), 0
        self._at += size
        return self._data[self._at - size : self._at]

    def _some(self) -> _Steps[bytes]:
        """All that is there, at least one byte."""
        yield from self._take(1)
        piece = self._data[self._at - 1 :]
        self._data, self._at = b"", 0
        return piece


def _delta_size(head: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    for place in range(at, len(head)):
        size |= (head[place] & 0x7F) << shift
        shift += 7
        if not head[place] & 0x80:
            return size, place + 1
    raise ValueError("a delta in the pack has no sizes")


class BoundedObjectStore(DiskObjectStore):
    """Takes a fetched pack only as far as it is within its limits, and no longer than the current scope lasts."""

    limits = PackLimits()

    def add_thin_pack(
        self, read_all: Callable[[int], bytes], read_some: Callable[[int], bytes] | None,
        progress: Callable[..., None] | None = None, **options: Any,
    ) -> Pack:  # fmt: skip
        """As in dulwich, which calls it with every fetched pack."""
        meter = PackMeter(self.limits, self.object_format.oid_length)

        def measured(size: int) -> bytes:
            piece = read_all(size)
            meter.feed(piece)
            return piece

        try:
            return super().add_thin_pack(measured, None, _in_time, **options)
        except BaseException:
            # dulwich leaves the file that it read the pack into open.
            getattr(getattr(read_all, "__self__", None), "close", int)()
            raise


def _in_time(_: bytes) -> None:
    demand_time()


def demand_time() -> None:
    """Raise UnpackTimeout once the current scope has ended."""
    scope = current_scope()
    if scope is not None and scope.ended is not None:
        raise UnpackTimeout
