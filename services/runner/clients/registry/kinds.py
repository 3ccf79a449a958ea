"""What a manifest is of: an image, or a chart, a signature, an attestation or another artifact. Pure.

Sources: the OCI image specification 1.1 ("Guidelines for Artifact Usage"), Helm's and cosign's media types, BuildKit's
attestations (`vnd.docker.reference.type`) and its registry cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.contracts.pushes import PushKind, kind_of

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
)
"""Always all of them: a registry answers 404 for a kind that is not asked for. The last was in a draft of OCI 1.1."""
_IMAGE_CONFIGS = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
_EMPTY = "application/vnd.oci.empty.v1+json"
_MAX_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was pushed."""

    kind: PushKind
    media_type: str = ""
    """The type that tells it; empty for an image."""


IMAGE = Artifact("image")


def read_kind(manifest: Json, child: Callable[[str], Json | None]) -> Artifact:
    """From a manifest or an index; `child` reads an entry by its digest, asked at most once.

    What tells nothing counts as an image, since it may well be one.
    """
    entries = manifest.get("manifests")
    if not isinstance(entries, list):
        return _of_manifest(manifest)
    if own := _text(manifest, "artifactType"):
        return _of_type(own)
    return _of_entries([entry for entry in entries[:_MAX_ENTRIES] if isinstance(entry, dict)], child)


def _of_entries(entries: list[Json], child: Callable[[str], Json | None]) -> Artifact:
    kinds = [_of_entry(entry) for entry in entries]
    if IMAGE in kinds:
        return IMAGE
    if None in kinds:
        # Neither a platform nor a type: charts are listed like that, and images by some tools.
        body = child(_text(entries[kinds.index(None)], "digest"))
        return _of_manifest(body) if body is not None else IMAGE
    return next((entry for entry in kinds if entry is not None), IMAGE)


def _of_entry(entry: Json) -> Artifact | None:
    annotations = entry.get("annotations")
    if isinstance(annotations, dict) and annotations.get("vnd.docker.reference.type"):
        return Artifact("signature", _text(annotations, "vnd.docker.reference.type"))
    if own := _text(entry, "artifactType"):
        return _of_type(own)
    media_type = _text(entry, "mediaType")
    if media_type and media_type not in MANIFEST_TYPES:
        return _of_type(media_type)
    platform = entry.get("platform")
    architecture = _text(platform, "architecture") if isinstance(platform, dict) else ""
    return IMAGE if architecture not in ("", "unknown") else None


def _of_manifest(manifest: Json) -> Artifact:
    own, config = _text(manifest, "artifactType"), _text(manifest.get("config"), "mediaType")
    layers = manifest.get("layers")
    types = [_text(layer, "mediaType") for layer in layers] if isinstance(layers, list) else []
    # Signatures have an image's configuration: what they are, only their layers tell.
    alike = types[:1] if len(set(types)) == 1 else []
    for media_type in (own, config, *alike):
        if kind_of(media_type, None) != "image":
            return Artifact(kind_of(media_type, None), media_type)
    if config in _IMAGE_CONFIGS:
        return IMAGE
    # One that has no configuration names its type itself.
    return _of_type(own if config in ("", _EMPTY) else config)


def _of_type(media_type: str) -> Artifact:
    if not media_type or media_type in _IMAGE_CONFIGS or media_type in MANIFEST_TYPES:
        return IMAGE
    kind = kind_of(media_type, None)
    return Artifact("other" if kind == "image" else kind, media_type)


def _text(table: Any, key: str) -> str:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, str) else ""
