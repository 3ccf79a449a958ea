"""One reader for every other registry, by its row of the table in `registries`."""

from __future__ import annotations

import re

from shared.contracts.base import Json
from shared.contracts.pushes import Push, kind_of
from shared.grammar.repositories import HUB_HOST, registry_name

from .registries import Paths, Row
from .values import ParsedPayload, dig, digest, first_text, hub_repository, seconds, text

MAX_PUSHES = 100

_HOST_AND_REST = re.compile(r"(?P<host>[^/\s]+[.:][^/\s]*|localhost)/(?P<rest>.+)\Z")
_TAGGED = re.compile(r"(?P<repository>.+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>\w+:[0-9a-fA-F]+))?\Z")


def recognise(row: Row, body: Json) -> bool:
    """Has the body the marks of this row? The row without marks takes what names a repository."""
    if not row.marks:
        return first_text(dig(body, path) for path in row.repository) is not None
    return all(dig(body, mark) is not None for mark in row.marks)


def _at(paths: Paths, body: Json, item: object) -> list[object]:
    scope = {**body, "item": item}
    return [dig(scope, path) for path in paths]


def _made_host(row: Row, body: Json) -> str:
    template, paths = row.host_of or ("", ())
    values = [text(dig(body, path)) for path in paths]
    return template.format(*values) if all(values) else ""


def _push(row: Row, body: Json, item: object) -> Push | str:
    """The push, or why there is none."""
    full = first_text(_at(row.full_name, body, item))
    name = full or first_text(_at(row.repository, body, item))
    if name is None:
        return f"The payload has no repository (looked at {', '.join((*row.full_name, *row.repository))})."
    host = registry_name(first_text(_at(row.host, body, item)) or "")
    reference = _TAGGED.match(name)
    repository, tag, named = reference.group("repository", "tag", "digest") if reference else (name, None, None)
    if located := _HOST_AND_REST.match(repository):
        host, repository = host or registry_name(located["host"]), located["rest"]
    namespace = None if full else first_text(_at(row.namespace, body, item))
    # Within its namespace a known registry's image may have slashes too; a script may mean something else by the word.
    if namespace and (row.marks or "/" not in repository):
        repository = f"{namespace}/{repository}"
    host = host or row.fixed_host or _made_host(row, body)
    # GitHub writes accounts as their owners do, and image names have no capitals.
    repository = (hub_repository(repository) if host == HUB_HOST else repository.strip("/")).lower()
    tag = first_text(_at(row.tag, body, item)) or tag
    known_digest = next((d for value in _at(row.digest, body, item) if (d := digest(value))), None) or digest(named)
    if tag is not None and digest(tag) is not None:
        # Some write the digest there when there is no tag.
        tag, known_digest = None, known_digest or digest(tag)
    media_type = first_text(_at(row.media_type, body, item))
    return Push(
        provider=row.name,
        registry_host=host,
        repository=repository,
        tag=tag,
        digest=known_digest,
        media_type=media_type,
        pushed_at=next((s for value in _at(row.pushed_at, body, item) if (s := seconds(value))), None),
        pusher=first_text(_at(row.pusher, body, item)),
        provider_delivery_id=first_text(_at(row.delivery_id, body, item)),
        kind=kind_of(media_type, tag),
    )


def parse(row: Row, body: Json) -> ParsedPayload:
    """Every push of the body by one row of the table."""
    for paths, words in row.words:
        word = first_text(dig(body, path) for path in paths)
        if word not in words:
            path = next((path for path in paths if text(dig(body, path))), paths[0])
            return ParsedPayload(problem=f"{path} is {word or 'absent'}, which is not a push.", not_a_push=True)
    items = dig(body, row.each) if row.each else [None]
    items = list(items) if isinstance(items, dict) else items
    if not isinstance(items, list) or not items:
        return ParsedPayload(problem=f"{row.each} is empty.")
    read = [_push(row, body, item) for item in items[:MAX_PUSHES]]
    pushes = tuple(result for result in read if isinstance(result, Push))
    missing = next((result for result in read if isinstance(result, str)), None)
    if missing is None and (bare := next((push for push in pushes if push.tag is None), None)) is not None:
        missing = f"The payload of {bare.repository} has no tag (looked at {', '.join(row.tag)})."
    if missing is None and len(items) > MAX_PUSHES:
        missing = f"Only the first {MAX_PUSHES} of {len(items)} pushes in this body were accepted."
    return ParsedPayload(pushes=pushes, problem=missing)
