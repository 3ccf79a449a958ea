"""The list of good secure tokens as a value: what a snapshot, a change, a gap in the revisions do to it. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from shared.contracts.pushes import Allowlist, AllowlistChanged, TokenEntry

UNKNOWN_REVISION = -1


@dataclass(frozen=True, slots=True)
class Tokens:
    """All entries at one revision."""

    revision: int = UNKNOWN_REVISION
    entries: dict[str, TokenEntry] = field(default_factory=dict)
    gap: bool = False
    """A change between this revision and what was heard since is missing: ask for the whole."""

    @property
    def complete(self) -> bool:
        """Is nothing missing as far as this process can know?"""
        return self.revision != UNKNOWN_REVISION and not self.gap


def find(tokens: Tokens, token_hash: str, now: float) -> TokenEntry | None:
    """The entry of a token that is good now. The hash is compared in constant time."""
    entry = tokens.entries.get(token_hash)
    if entry is None or not hmac.compare_digest(entry.token_hash, token_hash):
        return None
    return entry if is_good(entry, now) else None


def is_good(entry: TokenEntry, now: float) -> bool:
    """Not after its end; `now` in seconds since the epoch."""
    return entry.good_until is None or now < entry.good_until


def _merged(entries: dict[str, TokenEntry], change: AllowlistChanged) -> dict[str, TokenEntry]:
    removed = frozenset(change.removed)
    kept = {key: entry for key, entry in entries.items() if key not in removed}
    kept.update((entry.token_hash, entry) for entry in change.put)
    return kept


def changed(tokens: Tokens, change: AllowlistChanged) -> Tokens:
    """Apply one change. What it says counts at once, even when the revisions show that another one was missed."""
    if change.revision <= tokens.revision:
        return tokens
    entries = _merged(tokens.entries, change)
    if tokens.complete and change.revision == tokens.revision + 1:
        return Tokens(change.revision, entries)
    return replace(tokens, entries=entries, gap=True)


def snapshot(whole: Allowlist, during: Iterable[AllowlistChanged] = ()) -> Tokens:
    """The list as config answered it, and the changes that were heard while it was asked.

    What was heard before the question is in the answer: config tells of a change after its commit. The answer's
    revision counts even if it is lower than ours, as after a restored backup.
    """
    tokens = Tokens(whole.revision, {entry.token_hash: entry for entry in whole.entries})
    for change in sorted(during, key=lambda heard: heard.revision):
        tokens = changed(tokens, change)
    return tokens


def learned(tokens: Tokens, entry: TokenEntry) -> Tokens:
    """Add one entry that a look-up at config found; the revision stays, since the list did not change."""
    return replace(tokens, entries={**tokens.entries, entry.token_hash: entry})
