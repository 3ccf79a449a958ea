"""The allowlist: which secure tokens the receiver lets in. Every change has a revision and is broadcast."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings, webhooks
from shared.contracts import topics
from shared.contracts.mirror import MirrorState
from shared.contracts.pushes import Allowlist, AllowlistAsk, AllowlistChanged, TokenEntry

TOKEN_END_TIMER = "webhook.token-end"
OVERLAP_S = 24 * 3600.0
LEAD_S = 600.0
"""Before a token ends it is asked whether Docker Hub calls by the next one: at the end a push would meet a 403."""


def snapshot(uow: Reading, ask: AllowlistAsk | None = None) -> Allowlist:
    """The whole list, or the one entry that is asked for."""
    entries = webhooks.token_entries(uow, ask.token_hash if ask is not None else None)
    revision = int(settings.setting(uow, "allowlist_revision", "0"))
    return Allowlist(revision=revision, entries=tuple(entries), answered_at=uow.now)


def put(uow: UnitOfWork, entries: Iterable[TokenEntry]) -> None:
    """Let tokens in, or set their end."""
    entries = tuple(entries)
    for entry in entries:
        webhooks.put_token(uow, entry)
        if entry.good_until is not None:
            uow.timer(TOKEN_END_TIMER, entry.webhook_id, entry.good_until - LEAD_S)
    _tell(uow, AllowlistChanged(revision=settings.next_revision(uow), put=entries))


def remove(uow: UnitOfWork, token_hashes: Iterable[str]) -> None:
    """Let tokens in no more."""
    hashes = tuple(sorted(token_hashes))
    if hashes:
        webhooks.drop_tokens(uow, hashes)
        _tell(uow, AllowlistChanged(revision=settings.next_revision(uow), removed=hashes))


def end_overlap(uow: UnitOfWork, webhook_id: str) -> None:
    """Handle the timer: forget tokens whose overlap is over, unless Docker Hub could not be moved off them yet."""
    ending = [token for token in webhooks.tokens_of(uow, webhook_id) if token.good_until is not None]
    if ending and _is_behind(uow, webhook_id):
        end = uow.now + OVERLAP_S
        put(uow, (token.model_copy(update={"good_until": end}) for token in ending))
        webhooks.add_history(
            uow, webhook_id, "The earlier secure token stays good: Docker Hub's hook could not be moved off it yet."
        )
        return
    remove(uow, (token.token_hash for token in ending if (token.good_until or 0) <= uow.now))
    later = [token.good_until for token in ending if token.good_until is not None and token.good_until > uow.now]
    if later:
        first = min(later)
        uow.timer(TOKEN_END_TIMER, webhook_id, first - LEAD_S if first - LEAD_S > uow.now else first)


def _is_behind(uow: Reading, webhook_id: str) -> bool:
    """Whether a hook of ours at Docker Hub is not, or not yet, the one that is wanted."""
    webhook = webhooks.WEBHOOKS.one(uow, id=webhook_id)
    return webhook is not None and bool(webhook.hook_repository) and webhook.hub_state != MirrorState.IN_STEP.value


def _tell(uow: UnitOfWork, change: AllowlistChanged) -> None:
    uow.broadcast(topics.ALLOWLIST_CHANGED, change, "allowlist")
