"""The stand-in for the bus refuses what the bus refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.contracts.catalog import Find, Get, Kind, Page
from shared.contracts.mirror import WantedAsk
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.pushes import HookReceived, HooksRefused
from shared.contracts.topics import CATALOG_FIND, HOOK_RECEIVED, MIRROR_WANTED

from .fakes import FakePost

HOOK = HookReceived(delivery_id="d1", received_at=1.0, token_hash="0" * 64)
REFUSED = HooksRefused(webhook_id="w1", count=1, since=1.0, cap_per_minute=60)
FIND = Find(kind=Kind.PIPELINES)


def test_a_message_of_another_model_than_its_topics_is_refused() -> None:
    with pytest.raises(TypeError, match=r"hook\.received\.v1 carries HookReceived, not HooksRefused"):
        FakePost().publish_nowait(HOOK_RECEIVED, REFUSED, subject="s")
    with pytest.raises(TypeError, match=r"catalog\.find\.v1 carries Find, not Get"):
        FakePost().request(CATALOG_FIND, Get(kind=Kind.PIPELINES))


def test_a_topic_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(TypeError, match=r"hook\.received\.v9 is not in the table"):
        FakePost().publish_nowait(replace(HOOK_RECEIVED, version=9), HOOK, subject="s")


def test_a_request_of_another_service_is_refused() -> None:
    with pytest.raises(TypeError, match=r"mirror\.wanted\.v1 is sent by hubsync, not by gateway"):
        FakePost().request(MIRROR_WANTED, WantedAsk())


def test_an_answer_of_another_type_than_the_topics_is_refused() -> None:
    post = FakePost()
    post.answers["catalog.find"] = lambda ask: ask
    with pytest.raises(TypeError, match=r"catalog\.find\.v1 is answered by Page, not Find"):
        post.request(CATALOG_FIND, FIND)


def test_an_answer_and_a_problem_arrive_as_on_the_wire() -> None:
    post = FakePost()
    post.answers["catalog.find"] = lambda _: Page(documents=({"at": (1, 2)},), total=1)
    answer = post.request(CATALOG_FIND, FIND)
    assert isinstance(answer, Page) and answer.documents == ({"at": [1, 2]},)
    post.answers["catalog.find"] = lambda _: Problem(code=Code.NOT_FOUND, message="There is none.")
    with pytest.raises(Refused, match=r"There is none\."):
        post.request(CATALOG_FIND, FIND)
