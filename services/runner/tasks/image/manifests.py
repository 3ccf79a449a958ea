"""What an image consists of: the manifests below an index, the blobs below a manifest. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.runner.clients.registry import RegistryProblem
from services.runner.clients.registry.content import Raw
from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json


@dataclass(frozen=True, slots=True)
class Blob:
    """A layer or a configuration."""

    digest: str
    size: int


def children(raw: Raw) -> list[str]:
    """The digests of the manifests that an index names, all of them: attestations belong to it too."""
    return [str(one["digest"]) for one in _body(raw).get("manifests") or () if isinstance(one, dict)]


def blobs(raw: Raw) -> list[Blob]:
    """The blobs that a manifest names and a registry holds; foreign layers are fetched elsewhere by its node."""
    body = _body(raw)
    named = [body.get("config"), *(body.get("layers") or ()), *(body.get("blobs") or ())]
    kept = (one for one in named if isinstance(one, dict) and not one.get("urls"))
    return list(dict.fromkeys(Blob(str(one["digest"]), int(one["size"])) for one in kept))


def media_type(raw: Raw) -> str:
    """As it is sent to the target: what the manifest says of itself, else what the source registry said."""
    return str(_body(raw).get("mediaType") or raw.media_type)


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
