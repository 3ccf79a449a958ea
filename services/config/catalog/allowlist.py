"""The allowlist: which secure tokens the receiver lets in. Every change has a revision and is broadcast."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.store import Reading, UnitOfWork, catalog_settings, catalog_webhooks
from shared.contracts import topics
from shared.contracts.pushes import Allowlist, AllowlistAsk, AllowlistChanged, TokenEntry

TOKEN_END_TIMER = "webhook.token-end"
OVERLAP_S = 24 * 3600.0


def snapshot(uow: Reading, ask: AllowlistAsk | None = None) -> Allowlist:
    """The whole list, or the one entry that is asked for."""
    entries = catalog_webhooks.token_entries(uow, ask.token_hash if ask is not None else None)
    revision = int(catalog_settings.setting(uow, "allowlist_revision", "0"))
    return Allowlist(revision=revision, entries=tuple(entries))


def put(uow: UnitOfWork, entries: Iterable[TokenEntry]) -> None:
    """Let tokens in, or set their end."""
    entries = tuple(entries)
    for entry in entries:
        catalog_webhooks.put_token(uow, entry)
        if entry.good_until is not None:
            uow.timer(TOKEN_END_TIMER, entry.webhook_id, entry.good_until)
    _tell(uow, AllowlistChanged(revision=catalog_settings.next_revision(uow), put=entries))


def remove(uow: UnitOfWork, token_hashes: Iterable[str]) -> None:
    """Let tokens in no more."""
    hashes = tuple(sorted(token_hashes))
    if hashes:
        catalog_webhooks.drop_tokens(uow, hashes)
        _tell(uow, AllowlistChanged(revision=catalog_settings.next_revision(uow), removed=hashes))


def end_overlap(uow: UnitOfWork, webhook_id: str) -> None:
    """Handle the timer: forget tokens whose overlap is over, and look again when the next one ends."""
    remove(uow, catalog_webhooks.ended_tokens(uow, webhook_id))
    later = [t.good_until for t in catalog_webhooks.tokens_of(uow, webhook_id) if t.good_until is not None]
    if later:
        uow.timer(TOKEN_END_TIMER, webhook_id, min(later))


def _tell(uow: UnitOfWork, change: AllowlistChanged) -> None:
    uow.broadcast(topics.ALLOWLIST_CHANGED, change, "allowlist")
