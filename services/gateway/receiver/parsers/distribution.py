"""Notifications of CNCF distribution (v1 and v2 media types, one body): events of pushes, pulls, mounts and deletes."""

from __future__ import annotations

import re
from typing import Any

from shared.contracts.base import Json
from shared.contracts.pushes import Push, kind_of
from shared.grammar.repositories import registry_name

from .values import ParsedPayload, digest, seconds, table, text

NAME = "distribution"
MAX_PUSHES = 100

_UNTOLD = (None, "application/octet-stream")
"""What releases before 2.1 call some manifests; their address tells that they are none of the blobs of that type."""
_ADDRESS = re.compile(r"/manifests/(?P<reference>[^/?#]+)\Z")
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.",
    "application/vnd.oci.image.manifest.",
    "application/vnd.oci.image.index.",
)


def recognise(body: Json) -> bool:
    """An envelope of events whose first has a target."""
    events = body.get("events")
    return isinstance(events, list) and (not events or isinstance(table(events[0]).get("target"), dict))


def _hosts(event: Json, target: Json) -> tuple[str, ...]:
    """The registry's own address comes first: behind a proxy the request may name the registry's container."""
    addresses = (text(target.get("url")), text(table(event.get("request")).get("host")))
    return tuple(dict.fromkeys(host for address in addresses if address and (host := registry_name(address))))


def _tag(address: re.Match[str] | None) -> str | None:
    """Release 2.0 has the tag in the manifest's address alone; later ones have the digest there."""
    reference = address["reference"] if address is not None else ""
    return reference if reference and digest(reference) is None else None


def _of_manifest(media_type: str | None, address: re.Match[str] | None) -> bool:
    if media_type is None or media_type.startswith(_MANIFESTS):
        return True
    return media_type in _UNTOLD and address is not None


def _push(event: Json) -> Push | None:
    """The event as a push; None for pulls, mounts, blobs, deletes and the tagless parts of an index."""
    target = table(event.get("target"))
    media_type = text(target.get("mediaType"))
    address = _ADDRESS.search(text(target.get("url")) or "")
    tag, repository = text(target.get("tag")) or _tag(address), text(target.get("repository"))
    if event.get("action") != "push" or tag is None or repository is None:
        return None
    if not _of_manifest(media_type, address):
        return None
    media_type = None if media_type in _UNTOLD else media_type
    hosts = _hosts(event, target)
    return Push(
        provider=NAME,
        registry_host=hosts[0] if hosts else "",
        also_at=hosts[1:],
        repository=repository.strip("/"),
        tag=tag,
        digest=digest(target.get("digest")),
        media_type=media_type,
        pushed_at=seconds(event.get("timestamp")),
        pusher=text(table(event.get("actor")).get("name")),
        provider_delivery_id=text(event.get("id")),
        kind=kind_of(media_type, tag),
    )


def parse(body: Json) -> ParsedPayload:
    """Every tagged manifest that was pushed, in the order of the envelope."""
    events: list[Any] = body["events"] if isinstance(body.get("events"), list) else []
    pushes = tuple(push for event in events if (push := _push(table(event))) is not None)
    if not pushes:
        return ParsedPayload(problem="The envelope contains no push of a tag.", not_a_push=True)
    if len(pushes) > MAX_PUSHES:
        problem = f"Only the first {MAX_PUSHES} of {len(pushes)} pushes in this envelope were accepted."
        return ParsedPayload(pushes=pushes[:MAX_PUSHES], problem=problem)
    return ParsedPayload(pushes=pushes)
