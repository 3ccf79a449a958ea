"""What an image consists of: the manifests below an index, the blobs below a manifest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.runner.clients.registry import RegistryProblem
from services.runner.clients.registry.content import Raw
from services.runner.clients.registry.reading import is_digest
from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json

MAX_BLOB_BYTES = 2**40


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer or a configuration."""

    digest: str
    size: int


def children(raw: Raw) -> list[str]:
    """The digests of the manifests that an index names, all of them: attestations belong to it too."""
    return [_digest(raw, entry) for entry in _entries(raw, _body(raw).get("manifests"))]


def blobs(raw: Raw) -> list[Blob]:
    """The blobs that a manifest names and a registry holds; foreign layers are fetched elsewhere by its node."""
    body = _body(raw)
    lists = ([body.get("config")], body.get("layers"), body.get("blobs"))
    kept = (entry for entries in lists for entry in _entries(raw, entries) if not entry.get("urls"))
    return list(dict.fromkeys(Blob(_digest(raw, entry), _size(raw, entry)) for entry in kept))


def media_type(raw: Raw) -> str:
    """As it is sent to the target: what the manifest says of itself, else what the source registry said."""
    return str(_body(raw).get("mediaType") or raw.media_type)


def _entries(raw: Raw, entries: Any) -> list[Json]:
    if entries is not None and not isinstance(entries, list):
        raise TaskFailed(f"The manifest {raw.digest} has something else where its parts are listed.")
    return [entry for entry in entries or () if isinstance(entry, dict)]


def _digest(raw: Raw, entry: Json) -> str:
    digest = entry.get("digest")
    if not isinstance(digest, str) or not is_digest(digest):
        raise TaskFailed(f"The manifest {raw.digest} names a part by something that is not a digest.")
    return digest


def _size(raw: Raw, entry: Json) -> int:
    size = entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_BLOB_BYTES:
        raise TaskFailed(f"The manifest {raw.digest} has a part whose size is not a number of bytes.")
    return size


def _body(raw: Raw) -> Json:
    try:
        body = raw.document
    except RegistryProblem as problem:
        raise TaskFailed(problem.message) from None
    if body.get("schemaVersion") == 1:
        raise TaskFailed(
            f"The manifest {raw.digest} is of Docker's first format, whose digest changes with every copy; push the "
            "image again with a newer Docker."
        )
    return body
