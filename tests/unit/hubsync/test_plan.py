"""What is done at one repository, by cases."""

from __future__ import annotations

import pytest

from services.hubsync.plan import CreateHook, DeleteHook, DesiredHook, ListedHook, normal, plan

BASE = "https://ci.example.com/pipelines/api/docker-hub-webhooks?secureToken="
FOREIGN = ListedHook("their-hook", "their hook", ("https://elsewhere.example.com/x",))


def want(
    generation: int = 1, *, token: str = "t1", webhook: str = "w1", gone: bool = False, **more: str
) -> DesiredHook:
    return DesiredHook(webhook, f"portside-i1-{webhook}-{generation}", generation, BASE + token, gone, more.get("slug"))


def seen(name: str, token: str = "t1") -> ListedHook:
    return ListedHook(name, name, (BASE + token,))


def test_a_hook_that_is_not_there_is_made() -> None:
    assert plan([want()], [FOREIGN]).actions == (CreateHook(want()),)


def test_a_hook_that_is_there_is_kept() -> None:
    here = seen("portside-i1-w1-1")
    made = plan([want()], [FOREIGN, here])
    assert (made.actions, made.standing) == ((), {want(): here})


def test_an_older_generation_goes_only_when_the_newer_is_listed() -> None:
    old, new = seen("portside-i1-w1-1", "old"), seen("portside-i1-w1-2")
    assert plan([want(2)], [old]).actions == (CreateHook(want(2)),)
    assert plan([want(2)], [old, new]).actions == (DeleteHook(want(2), old),)


def test_a_newer_generation_than_wanted_is_left_to_a_newer_view() -> None:
    newer = seen("portside-i1-w1-3", "newer")
    assert plan([want(2)], [seen("portside-i1-w1-2"), newer]).actions == ()


def test_a_hook_made_by_hand_with_the_same_url_is_adopted_and_deleted_with_the_webhook() -> None:
    by_hand = seen("made-by-ann")
    assert plan([want()], [by_hand]).standing == {want(): by_hand}
    assert plan([want()], [by_hand]).actions == ()
    grave = want(gone=True)
    assert plan([grave], [by_hand]).actions == (DeleteHook(grave, by_hand),)


def test_a_chain_of_several_urls_is_not_adopted() -> None:
    chain = ListedHook("chain", "chain", ("https://elsewhere.example.com/x", BASE + "t1"))
    assert plan([want()], [chain]).actions == (CreateHook(want()),)


@pytest.mark.parametrize(
    "name", ["portside-i2-w1-1", "portside-i1-w11-1", "xportside-i1-w1-1", "portside-i1-w1-1-mine", "portside-i1-w1-"]
)
def test_a_name_that_only_looks_like_ours_is_foreign(name: str) -> None:
    other = ListedHook(name, name, ("https://elsewhere.example.com/x",))
    assert plan([want(gone=True)], [other]).actions == ()
    assert plan([want(2)], [other, seen("portside-i1-w1-2")]).actions == ()


def test_a_url_that_somebody_changed_is_put_back_and_said() -> None:
    edited = ListedHook("portside-i1-w1-1", "portside-i1-w1-1", ("https://elsewhere.example.com/x",))
    made = plan([want()], [edited])
    assert made.actions == (DeleteHook(want(), edited), CreateHook(want()))
    assert "changed at Docker Hub" in made.drift[want()]


def test_a_hook_that_somebody_deleted_is_made_again_and_said() -> None:
    known = want(slug="portside-i1-w1-1")
    assert "deleted at Docker Hub" in plan([known], []).drift[known]
    renewed = want(2, slug="portside-i1-w1-1")
    assert plan([renewed], []).drift == {}


def test_a_tombstone_takes_all_older_generations_along() -> None:
    first, second = seen("portside-i1-w1-1", "a"), seen("portside-i1-w1-2", "b")
    grave = want(2, token="b", gone=True)
    assert plan([grave], [first, second, FOREIGN]).actions == (DeleteHook(grave, first), DeleteHook(grave, second))


def test_a_tombstone_waits_for_its_successor_at_the_same_repository() -> None:
    grave, live = want(1, gone=True), want(3)
    old, new = seen("portside-i1-w1-1"), seen("portside-i1-w1-3")
    waiting = plan([live, grave], [old])
    assert waiting.actions == (CreateHook(live),)
    done = plan([live, grave], [old, new])
    assert [action.seen for action in done.actions if isinstance(action, DeleteHook)] == [old]
    assert done.standing[live] == new


def test_two_webhooks_of_one_repository_do_not_touch_each_other() -> None:
    one, two = want(1), want(1, webhook="w2", token="t2", gone=True)
    hooks = [seen("portside-i1-w1-1"), seen("portside-i1-w2-1", "t2")]
    assert plan([one, two], hooks).actions == (DeleteHook(two, hooks[1]),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://CI.example.com/a?secureToken=X", "https://ci.example.com:443/a?secureToken=X"),
        ("http://ci.example.com:80/a", "http://ci.example.com/a"),
        (" https://ci.example.com", "https://ci.example.com/"),
    ],
)
def test_spellings_of_one_address_are_the_same(one: str, other: str) -> None:
    assert normal(one) == normal(other)


def test_tokens_differ_by_case() -> None:
    assert normal(BASE + "a") != normal(BASE + "A")
