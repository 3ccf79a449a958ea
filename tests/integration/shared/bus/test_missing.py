"""Exchanges and queues that somebody deleted under a running Portside: whoever finds one missing declares it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from shared.bus import (
    Ack,
    Bus,
    DeadLetter,
    Drop,
    Incoming,
    NotConfirmed,
    Outcome,
    RequestTimeout,
    Unavailable,
    topology,
)
from shared.contracts import pushes, runs, topics
from tests.support.patience import until


def works(send: Callable[[], object]) -> Callable[[], bool]:
    """Whether it can be sent now."""

    def attempt() -> bool:
        try:
            send()
        except (NotConfirmed, Unavailable, RequestTimeout):
            return False
        return True

    return attempt


@pytest.fixture
def links(config: Bus, runner: Bus) -> Callable[[], list[float]]:
    """Since when the four connections are up: none of them may be made anew."""
    return lambda: [link._up_since for bus in (config, runner) for link in (bus._sending, bus._receiving)]


def hook(config: Bus) -> None:
    message = pushes.HookReceived(delivery_id="d", received_at=1.0, token_hash="h", body={})
    config.publish(topics.HOOK_RECEIVED, message, subject="d", timeout_s=2)


def test_a_deleted_exchange_of_events_comes_back_with_all_that_was_bound_to_it(
    config: Bus, runner: Bus, raw: Any, links: Callable[[], list[float]]
) -> None:
    handled, news, gaps = list[str](), list[str](), list[int]()

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        handled.extend(incoming.envelope.subject for incoming in batch)
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, handle)
    listener = {topics.RUN_INTENT: lambda incoming: news.append(incoming.envelope.subject)}
    runner.listen(topics.RUNNER_NEWS, listener, on_gap=lambda: gaps.append(len(gaps)))
    until(lambda: gaps)
    before = links()
    raw.exchange_delete(topology.EVENTS)
    until(works(lambda: hook(config)))
    until(lambda: "d" in handled)
    until(lambda: len(gaps) >= 2)

    def heard() -> bool:
        config.broadcast(topics.RUN_INTENT, runs.IntentChanged(execution_id="e"), subject="e")
        return bool(news)

    until(heard)
    assert links() == before


def test_bindings_that_went_with_an_exchange_which_another_declared_again_are_missed_too(
    config: Bus, runner: Bus, raw: Any
) -> None:
    gaps = list[int]()
    runner.listen(topics.RUNNER_NEWS, {topics.RUN_INTENT: lambda _: None}, on_gap=lambda: gaps.append(len(gaps)))
    until(lambda: gaps)
    raw.exchange_delete(topology.EVENTS)
    raw.exchange_declare(topology.EVENTS, exchange_type="topic", durable=True)
    until(lambda: len(gaps) >= 2)


def test_a_deleted_exchange_of_commands_comes_back_for_who_asks(
    config: Bus, runner: Bus, raw: Any, links: Callable[[], list[float]]
) -> None:
    config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: lambda _: runs.HeldAnswer()}, threads=1)
    ask = runs.Held(runner="r")
    until(works(lambda: runner.request(topics.RUN_HELD, ask, timeout_s=2)))
    before = links()
    raw.exchange_delete(topology.COMMANDS)
    until(works(lambda: runner.request(topics.RUN_HELD, ask, timeout_s=2)))
    raw.exchange_delete(topology.COMMANDS)
    run = runs.RunExecution(execution_id="e", dispatch=1)
    until(works(lambda: config.publish(topics.RUN_EXECUTION, run, subject="e", timeout_s=2)))
    raw.queue_delete(topics.RUNS.name)
    until(works(lambda: config.publish(topics.RUN_EXECUTION, run, subject="e", timeout_s=2)))
    assert links() == before


def test_a_deleted_exchange_of_dead_letters_comes_back_and_none_is_lost(config: Bus, runner: Bus, raw: Any) -> None:
    letters = list[DeadLetter]()
    raw.exchange_delete(topology.DEAD)
    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: lambda _: Drop("no good")}, threads=1, prefetch=1)
    config.consume_dead(letters.append)
    config.publish(topics.RUN_EXECUTION, runs.RunExecution(execution_id="e", dispatch=1), subject="e")
    until(lambda: letters)
    assert (letters[0].subject, letters[0].reason) == ("e", "no good")
