"""Keeping the hooks at Docker Hub in step with our webhooks."""

from __future__ import annotations

from enum import StrEnum

from .base import Message, Sealed


class MirrorPass(Message):
    """Compare wanted and actual hooks and repair the difference. `webhook_ids` empty means all."""

    reason: str
    webhook_ids: tuple[str, ...] = ()


class WantedAsk(Message):
    """Ask config for the wanted state."""

    webhook_ids: tuple[str, ...] = ()


class WantedHook(Message):
    """One webhook as it should be at the registry."""

    webhook_id: str
    hook_name: str
    """`portside-<installation>-<webhook>-<generation>`, already a slug."""
    generation: int
    repository: str
    """`acme/web`."""
    url_base: str
    """The hook URL without the token: `<public address>/pipelines/api/docker-hub-webhooks?secureToken=`."""
    token: Sealed
    hub_url: str
    """The management API, `https://hub.docker.com`."""
    hub_local: bool = False
    """An administrator lets the endpoint's Hub be on hubsync's own machine or network."""
    username: str = ""
    password: Sealed | None = None
    gone: bool = False
    """A tombstone: it should no longer be there."""
    slug: str | None = None
    """What the Hub called it when we last saw it."""
    replace: tuple[str, ...] = ()
    """Slugs of hooks that point at another address and that a person wants gone."""


class Wanted(Message):
    """All wanted hooks of this installation."""

    installation: str
    hooks: tuple[WantedHook, ...] = ()


class MirrorState(StrEnum):
    """States that a person understands."""

    IN_STEP = "in step"
    PENDING = "pending"
    NEEDS_CREDENTIALS = "needs credentials"
    NOT_PERMITTED = "not permitted"
    BY_HAND = "create it by hand"
    RATE_LIMITED = "rate limited"
    GONE = "gone"
    """The tombstone's end: deleted there."""


class ForeignHook(Message):
    """A hook of the same kind as ours that points at another address, as after an import."""

    slug: str
    name: str
    address: str
    """Without its query, which holds a secret."""


class MirrorReport(Message):
    """The state of one webhook at the registry."""

    webhook_id: str
    generation: int
    state: MirrorState
    slug: str | None = None
    message: str = ""
    """Why, and what to do next."""
    repaired: str = ""
    """Drift that this pass mended, in words; empty when there was none."""
    retry_at: float | None = None
    """Seconds since the epoch; config sets the timer."""
    elsewhere: tuple[ForeignHook, ...] | None = None
    """Hooks at the same repository that point at another address; None when they could not be listed."""
