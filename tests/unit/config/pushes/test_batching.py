"""What is pushed together: which event decides for which others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.config.pushes.batching import GroupMember, due_at, group


def members(*given: tuple[str, str | None]) -> list[GroupMember]:
    return [GroupMember(f"d{place}", tag, digest, float(place)) for place, (tag, digest) in enumerate(given)]


@pytest.mark.parametrize(
    ("pattern", "tags", "wins"),
    [
        ("", ["latest", "1.4", "1.4.2", "1"], "1.4.2"),
        ("", ["1.4.2-rc.1", "1.4.2"], "1.4.2"),
        ("", ["main", "sha-0a1b2c3"], "sha-0a1b2c3"),
        ("latest\nsemver:*", ["1.4.2", "latest"], "latest"),
        ("semver:*\nlatest", ["1.4.2", "latest"], "1.4.2"),
    ],
)
def test_the_tag_that_the_pattern_prefers_wins_else_the_longest_version(
    pattern: str, tags: list[str], wins: str
) -> None:
    (found,) = group(members(*((tag, "sha256:a") for tag in tags)), pattern)
    assert tags[int(found.winner[1:])] == wins
    assert found.tags[0] == wins
    assert set(found.tags) == set(tags)


def test_a_tag_that_moves_while_architectures_are_pushed_stands_for_its_last_image() -> None:
    (found,) = group(members(("1.4", "sha256:amd64"), ("1.4", "sha256:arm64"), ("1.4", "sha256:index")), "")
    assert found.winner == "d2"
    assert set(found.others) == {"d0", "d1"}


def test_two_images_start_two_runs_in_the_order_in_which_they_came() -> None:
    found = group(members(("1.4.1", "sha256:a"), ("1.4.2", "sha256:b"), ("latest", "sha256:b")), "")
    assert [one.winner for one in found] == ["d0", "d1"]


def test_images_of_unknown_digest_are_not_taken_for_the_same() -> None:
    assert len(group(members(("1.4.1", None), ("1.4.2", None)), "")) == 2


TAGS = st.sampled_from(["1", "1.4", "1.4.2", "latest", "main"])
DIGESTS = st.sampled_from(["sha256:a", "sha256:b", None])


@given(st.lists(st.tuples(TAGS, DIGESTS), max_size=12))
def test_every_event_is_in_exactly_one_group(given: list[tuple[str, str | None]]) -> None:
    found = group(members(*given), "")
    ids = [one for each in found for one in (each.winner, *each.others)]
    assert sorted(ids) == sorted(f"d{place}" for place in range(len(given)))


def test_a_stream_of_pushes_is_cut_after_ten_quiet_periods() -> None:
    assert due_at(now=100.0, quiet_s=5.0, first_at=98.0) == 105.0
    assert due_at(now=147.0, quiet_s=5.0, first_at=98.0) == 148.0
