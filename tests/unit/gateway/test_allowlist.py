"""The allowlist as a value: changes, gaps, snapshots."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.receiver.allowlist import Tokens, changed, find, snapshot
from services.gateway.receiver.allowlist_cache import AllowlistCache, CannotAsk
from shared.contracts.pushes import Allowlist, AllowlistChanged
from shared.process.secrets import token_hash

from .fakes import FakePost, entry

if TYPE_CHECKING:
    from shared.bus import Incoming


def test_a_change_in_turn_moves_the_revision() -> None:
    tokens = changed(snapshot(Allowlist(revision=4, entries=())), AllowlistChanged(revision=5, put=(entry("a"),)))
    assert (tokens.revision, tokens.complete) == (5, True)
    assert find(tokens, token_hash("a"), 0) is not None


def test_a_change_after_a_gap_counts_at_once_and_asks_for_the_whole() -> None:
    tokens = changed(
        snapshot(Allowlist(revision=4, entries=(entry("old"),))), AllowlistChanged(revision=6, put=(entry("a"),))
    )
    assert find(tokens, token_hash("a"), 0) is not None
    assert not tokens.complete and tokens.revision == 4


def test_an_old_change_is_ignored() -> None:
    tokens = snapshot(Allowlist(revision=4, entries=(entry("a"),)))
    assert changed(tokens, AllowlistChanged(revision=4, removed=(token_hash("a"),))) is tokens


def test_a_removed_token_is_not_found_and_a_rotated_one_until_its_time() -> None:
    tokens = snapshot(Allowlist(revision=1, entries=(entry("a"), entry("b", good_until=100.0))))
    tokens = changed(tokens, AllowlistChanged(revision=2, removed=(token_hash("a"),)))
    assert find(tokens, token_hash("a"), 0) is None
    assert find(tokens, token_hash("b"), 99.9) is not None
    assert find(tokens, token_hash("b"), 100.0) is None


def test_a_snapshot_keeps_the_changes_heard_while_it_was_asked() -> None:
    heard = [AllowlistChanged(revision=3, removed=(token_hash("a"),)), AllowlistChanged(revision=2, put=(entry("b"),))]
    tokens = snapshot(Allowlist(revision=1, entries=(entry("a"),)), heard)
    assert (tokens.revision, tokens.complete, set(tokens.entries)) == (3, True, {token_hash("b")})


def test_a_list_of_a_restored_backup_replaces_a_newer_one(tmp_path: Path) -> None:
    post = FakePost()
    post.knows(entry("b"), revision=2)
    keeper = AllowlistCache(post, tmp_path / "allowlist.json")
    keeper._tokens = snapshot(Allowlist(revision=9, entries=(entry("a"),)))
    keeper.refresh()
    assert keeper.tokens.revision == 2 and find(keeper.tokens, token_hash("a"), 0) is None


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=12), st.integers(0, 12))
def test_a_snapshot_and_the_later_changes_give_the_same_list_as_all_changes(
    steps: list[tuple[str, bool]], taken_after: int
) -> None:
    changes = [
        AllowlistChanged(
            revision=number, put=(entry(token),) if put else (), removed=() if put else (token_hash(token),)
        )
        for number, (token, put) in enumerate(steps, 1)
    ]
    every = Tokens(0)
    at_snapshot = every
    for change in changes:
        every = changed(every, change)
        if change.revision <= taken_after:
            at_snapshot = every
    whole = Allowlist(revision=at_snapshot.revision, entries=tuple(at_snapshot.entries.values()))
    assert snapshot(whole, changes) == every


def test_the_last_list_is_kept_on_disk_for_the_next_start(tmp_path: Path) -> None:
    post = FakePost()
    post.knows(entry("a", "w7"))
    AllowlistCache(post, tmp_path / "gateway" / "allowlist.json").refresh()
    alone = AllowlistCache(FakePost(), tmp_path / "gateway" / "allowlist.json")
    found = find(alone.tokens, token_hash("a"), 0)
    assert found is not None and found.webhook_id == "w7"
    assert (tmp_path / "gateway" / "allowlist.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_list_on_disk_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "allowlist.json").write_text("{")
    assert AllowlistCache(FakePost(), tmp_path / "allowlist.json").tokens == Tokens()


def test_an_unknown_token_is_looked_up_once_and_then_known(tmp_path: Path) -> None:
    post = FakePost()
    post.knows(entry("new", "w9"))
    keeper = AllowlistCache(post, tmp_path / "a.json")
    found = keeper.look_up(token_hash("new"))
    assert found is not None and found.webhook_id == "w9"
    assert find(keeper.tokens, token_hash("new"), 0) is not None


def test_a_silent_config_is_told_apart_from_a_no_and_not_asked_again_at_once(tmp_path: Path) -> None:
    post = FakePost()
    keeper = AllowlistCache(post, tmp_path / "a.json")
    for _ in range(3):
        with pytest.raises(CannotAsk):
            keeper.look_up(token_hash("x"))
    assert len(post.asked) == 1


def test_a_broadcast_reaches_the_list(tmp_path: Path) -> None:
    post = FakePost()
    post.knows(revision=1)
    keeper = AllowlistCache(post, tmp_path / "a.json")
    keeper.refresh()
    keeper.on_change(cast("Incoming", SimpleNamespace(message=AllowlistChanged(revision=2, put=(entry("a"),)))))
    assert find(keeper.tokens, token_hash("a"), 0) is not None
