"""Packs that hold more than they seem to, and packs as Git writes them."""

from __future__ import annotations

import io
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runner.clients.git_packs import (
    MIB,
    BoundedObjectStore,
    PackLimits,
    PackMeter,
    SendsTooMuch,
    UnpackTimeout,
)
from shared.outbound.cancel_scope import CancelScope, Ended

LIMITS = PackLimits(objects=10, object_bytes=4 * MIB, total_bytes=6 * MIB)
BLOB, OFS_DELTA, REF_DELTA = 3, 6, 7


def head(count: int) -> bytes:
    return b"PACK" + (2).to_bytes(4) + count.to_bytes(4)


def numeral(size: int) -> bytes:
    digits = bytearray()
    while True:
        digits.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(digits)


def entry(kind: int, data: bytes, *, size: int | None = None, base: bytes = b"") -> bytes:
    size = len(data) if size is None else size
    first = kind << 4 | size & 15
    start = bytes([first | 0x80]) + numeral(size >> 4) if size > 15 else bytes([first])
    return start + base + zlib.compress(data)


def measure(pack: bytes, limits: PackLimits = LIMITS, piece_bytes: int = 65536) -> None:
    meter = PackMeter(limits, 20)
    for at in range(0, len(pack), piece_bytes):
        meter.feed(pack[at : at + piece_bytes])


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        (head(11), "11 objects, and at most 10"),
        (head(2**32 - 1), "4,294,967,295 objects"),
        (head(1) + entry(BLOB, b"\0" * 5 * MIB), "an object of 5 MiB, and at most 4"),
        (head(1) + entry(BLOB, b"", size=2**40), "an object of 1048576 MiB"),
        (head(3) + entry(BLOB, b"\0" * 3 * MIB) * 3, "more than 6 MiB once it is unpacked"),
        (head(1) + entry(REF_DELTA, numeral(9) + numeral(2**33), base=b"i" * 20), "an object of 8192 MiB"),
        (head(1) + entry(OFS_DELTA, numeral(9) + numeral(2**33), base=b"\x81\x01"), "an object of 8192 MiB"),
    ],
    ids=["objects", "all objects", "object", "claimed", "total", "delta", "offset delta"],
)
def test_more_than_is_read_is_refused_before_it_is_unpacked(pack: bytes, words: str) -> None:
    with pytest.raises(SendsTooMuch, match=words):
        measure(pack)


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        (b"KCAP" + bytes(8), "is not a pack"),
        (head(1) + entry(BLOB, b"\0" * 1000, size=10), "larger than it says"),
        (head(1) + bytes([0xB0, *[0xFF] * 20]), "has no end"),
        (head(1) + entry(REF_DELTA, b"\xff" * 30, base=b"i" * 20), "has no sizes"),
    ],
    ids=["no pack", "lies", "endless size", "no delta"],
)
def test_what_is_no_pack_is_told(pack: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measure(pack)


@pytest.fixture(scope="module")
def real_pack(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("git")

    def git(*arguments: str, feed: bytes = b"") -> bytes:
        return subprocess.run(["git", *arguments], cwd=folder, input=feed, capture_output=True, check=True).stdout

    git("init", "-q")
    blobs = [git("hash-object", "-w", "--stdin", feed=b"a line of text\n" * 400 + bytes([65 + at])) for at in range(8)]
    return git("pack-objects", "--stdout", "--delta-base-offset", "-q", feed=b"".join(blobs))


@pytest.mark.parametrize("piece_bytes", [1, 7, 65536])
def test_a_pack_of_gits_passes_in_pieces_of_any_size(real_pack: bytes, piece_bytes: int) -> None:
    assert any(byte >> 4 & 7 == OFS_DELTA for byte in real_pack)
    measure(real_pack, piece_bytes=piece_bytes)
    with pytest.raises(SendsTooMuch):
        measure(real_pack, PackLimits(objects=10, object_bytes=MIB, total_bytes=5_000), piece_bytes)


def test_unpacking_ends_with_the_time_for_the_whole_fetch(real_pack: bytes, tmp_path: Path) -> None:
    store = BoundedObjectStore.init(tmp_path / "objects")
    with CancelScope() as scope:
        assert len(store.add_thin_pack(io.BytesIO(real_pack).read, None)) == 8
        scope.cancel(Ended.DEADLINE)
        with pytest.raises(UnpackTimeout):
            store.add_thin_pack(io.BytesIO(real_pack).read, None)
    store.close()


@given(st.binary(max_size=200), st.integers(1, 64))
def test_noise_is_refused_or_waits_for_more(noise: bytes, piece_bytes: int) -> None:
    for pack in (noise, head(3) + noise):
        try:
            measure(pack, piece_bytes=piece_bytes)
        except (SendsTooMuch, ValueError, zlib.error):
            continue
