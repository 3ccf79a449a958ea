"""Queues in words: each has its own, and one that nobody takes from or whose oldest message is old is a trouble."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway import broker_watch
from services.gateway.pages import queue_words
from shared.bus import BrokerState, QueueState
from shared.bus.topology import queues
from tests.unit.gateway.site import Site


def trouble(name: str, **state: Any) -> str:
    (row,) = queue_words.rows(BrokerState((QueueState(name, "a note", **state),)))
    return row.trouble


def test_each_queue_that_work_passes_has_words() -> None:
    states = [QueueState(spec.name, spec.note) for spec in queues()]
    assert {state.name for state in states if state.work} == set(queue_words.WORDS)


def test_queues_come_in_the_order_of_a_pushs_way_and_unknown_ones_last() -> None:
    states = [QueueState(name, "a note") for name in ("other.queue", "runner.runs", "config.hooks")]
    shown = queue_words.rows(BrokerState(tuple(states)))
    assert [row.words.waiting for row in shown] == [
        "Pushes waiting to be judged",
        "Runs waiting for a runner",
        "a note",
    ]


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("runner.runs", {"consumers": 0, "ready": 3}, "Nobody takes these. Start runner"),
        ("config.hooks", {"consumers": 1, "ready": 3, "oldest_s": 61.0}, "longer than 60 s"),
        ("config.rpc.v2", {"consumers": 1, "ready": 3, "oldest_s": 11.0}, "longer than 10 s"),
        ("config.hooks", {"consumers": 1, "ready": 3, "oldest_s": 59.0}, ""),
        ("config.hooks", {"consumers": 1, "ready": 0, "oldest_s": None}, ""),
        ("config.hooks", {}, ""),
    ],
)
def test_what_is_a_trouble(name: str, state: dict[str, Any], words: str) -> None:
    said = trouble(name, **state)
    assert words in said and bool(words) == bool(said)


def test_a_queue_is_named_on_every_page_once_two_looks_agree(site: Site, ann: FlaskClient) -> None:
    untaken = BrokerState((QueueState("runner.runs", "a note", ready=3, consumers=0),))
    taken = BrokerState((QueueState("runner.runs", "a note", ready=3, consumers=1),))
    assert (
        queue_words.lasting((taken, untaken)) == queue_words.lasting((untaken, taken)) == queue_words.lasting(()) == []
    )
    site.broker = untaken
    for path in ("/executions", "/account", "/settings"):
        page = ann.get(path).text
        assert "Runs waiting for a runner:</strong> Nobody takes these. Start runner" in page, path
    site.broker = taken
    assert "Nobody takes these" not in ann.get("/executions").text


def test_looks_are_kept_in_the_background_and_old_ones_count_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(broker_watch, "monotonic", lambda: clock[0])
    watch = broker_watch.BrokerWatch(lambda: BrokerState((), version=f"{clock[0]:.0f}"))
    watch.take()
    assert watch.looks() == ()
    clock[0] += broker_watch.EVERY_S
    watch.take()
    assert [look.version for look in watch.looks()] == ["1000", "1020"]
    clock[0] += broker_watch.FORGOTTEN_AFTER_S
    assert watch.looks() == ()
