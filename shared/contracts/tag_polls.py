"""Looking at a registry: which tags a repository has now, for pushes that no hook reported."""

from __future__ import annotations

from shared.contracts.base import Message, Sealed
from shared.contracts.pushes import Found, RegistryAccess


class TagsLook(Message):
    """Ask for the newest tags of a repository. Sent by config, answered by `TagsSeen`.

    hubsync asks Docker Hub's tag list, as `username` or anonymously; a runner asks any other registry by `access`,
    whose list has no times: it asks for the digests (HEAD) of the highest `most` tags that `wanted` names.
    """

    webhook_id: str
    asked_at: float
    """Comes back with the answer: an answer to an older question is of no use."""
    repository: str
    hub_url: str = ""
    hub_local: bool = False
    """As in `WantedHook`."""
    username: str = ""
    password: Sealed | None = None
    access: RegistryAccess | None = None
    wanted: str = ""
    """The webhook's tag pattern."""
    exclude: tuple[str, ...] = ()
    most: int = 10


class SeenTag(Message):
    """One tag as the registry shows it."""

    name: str
    digest: str | None = None
    media_type: str | None = None
    pushed_at: float | None = None
    """Seconds since the epoch by the registry's clock; None where it does not say."""
    pusher: str | None = None


class TagsSeen(Message):
    """What a look showed."""

    webhook_id: str
    asked_at: float
    outcome: Found
    tags: tuple[SeenTag, ...] = ()
    """Newest first where the registry says when they were pushed."""
    detail: str = ""
    """Why, in words for a person, when the outcome is not `found`."""
    retry_at: float | None = None
    """Seconds since the epoch: not before."""
