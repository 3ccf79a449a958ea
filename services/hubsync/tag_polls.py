"""Which tags a repository at Docker Hub has now: its tag list, newest first, which knows digests and times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared.contracts.base import Sealed
from shared.contracts.pushes import Found
from shared.contracts.tag_polls import SeenTag, TagsLook, TagsSeen
from shared.contracts.times import epoch_or_none

from .mirror import CannotUnseal
from .problems import HubProblem, HubUnavailable, Limited, NoRepository
from .signing import HubAccount

NEWEST = 100
"""One page of the Hub's list."""


class Tags(Protocol):
    """What looking needs of a registry's management API; may raise a HubProblem."""

    def list_tags(self, repository: str, most: int) -> list[dict[str, Any]]: ...


class HubTagLister:
    """Answers `tags.look-hub`; every way to fail is an answer with its reason."""

    def __init__(self, connect: Callable[[HubAccount], Tags], open_sealed: Callable[[Sealed], str]) -> None:
        self._connect = connect
        self._open = open_sealed

    def __call__(self, query: TagsLook) -> TagsSeen:
        try:
            password = self._open(query.password) if query.password is not None else ""
            account = HubAccount(query.hub_url, query.username if password else "", password, query.hub_local)
            listed = self._connect(account).list_tags(query.repository, NEWEST)
        except CannotUnseal as closed:
            return _nothing(query, Found.UNAVAILABLE, f"The endpoint's password cannot be read. {closed}")
        except NoRepository as missing:
            return _nothing(query, Found.NOT_FOUND, str(missing))
        except (Limited, HubUnavailable) as later:
            return _nothing(query, Found.UNAVAILABLE, str(later), later.retry_at)
        except HubProblem as problem:
            return _nothing(query, Found.UNAVAILABLE, str(problem))
        tags = tuple(tag for entry in listed if (tag := _seen(entry)) is not None)
        return TagsSeen(webhook_id=query.webhook_id, asked_at=query.asked_at, outcome=Found.FOUND, tags=tags)


def _nothing(query: TagsLook, outcome: Found, detail: str, retry_at: float | None = None) -> TagsSeen:
    return TagsSeen(
        webhook_id=query.webhook_id, asked_at=query.asked_at, outcome=outcome, detail=detail, retry_at=retry_at
    )


def _seen(entry: Any) -> SeenTag | None:
    """A listed tag, as far as its fields can be read."""
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        return None
    return SeenTag(
        name=name,
        digest=_text(entry.get("digest")),
        media_type=_text(entry.get("media_type")),
        pushed_at=epoch_or_none(entry.get("tag_last_pushed")) or epoch_or_none(entry.get("last_updated")),
        pusher=_text(entry.get("last_updater_username")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
