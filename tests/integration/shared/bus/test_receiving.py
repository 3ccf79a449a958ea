from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pytest

from cli.rabbitmq import PrivateNode
from shared.bus import (
    Ack,
    Answer,
    Bus,
    DeadLetter,
    Drop,
    Fail,
    Incoming,
    Outcome,
    Retry,
    StopConsuming,
    topology,
)
from shared.contracts import pushes, runs, topics
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import Service
from tests.integration.shared.bus.conftest import depth
from tests.support.patience import PATIENCE_S, until

VICTIM = Path(__file__).with_name("victim.py")


@pytest.fixture
def dead(config: Bus) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    config.consume_dead(letters.append)
    return letters


@pytest.fixture
def short_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rungs, shorter; before the first declaration in this test's own virtual host."""
    names = [name for name, _ in topology.LADDER]
    monkeypatch.setattr(topology, "LADDER", tuple(zip(names, (0.2, 0.3, 0.4, 0.5), strict=True)))


def _run(bus: Bus, name: str) -> None:
    bus.publish(topics.RUN_EXECUTION, runs.RunExecution(execution_id=name, dispatch=1), subject=name)


def _hook(bus: Bus, name: str) -> None:
    bus.publish(
        topics.HOOK_RECEIVED,
        pushes.HookReceived(delivery_id=name, received_at=1.0, token_hash="h"),
        subject=name,
    )


def _subjects(batch: Sequence[Incoming]) -> list[str]:
    return [incoming.envelope.subject for incoming in batch]


def test_a_pool_shares_the_work_and_acknowledges_it(config: Bus, runner: Bus, raw: Any) -> None:
    seen: list[str] = []

    def acknowledge(incoming: Incoming) -> Ack:
        seen.append(incoming.envelope.subject)
        return Ack()

    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: acknowledge}, threads=3, prefetch=10)
    for number in range(40):
        _run(config, str(number))
    until(lambda: len(seen) == 40)
    runner.close()
    assert depth(raw, topics.RUNS.name) == 0
    assert sorted(seen, key=int) == [str(number) for number in range(40)]


@pytest.mark.usefixtures("short_ladder")
def test_a_retry_comes_back_later_and_knows_how_often(config: Bus, runner: Bus) -> None:
    seen: list[tuple[int, float]] = []

    def handle(incoming: Incoming) -> Outcome:
        seen.append((incoming.failures, time.monotonic()))
        return Retry(reason="not yet") if incoming.failures < 3 else Ack()

    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: handle}, threads=1, prefetch=1)
    _run(config, "e")
    until(lambda: len(seen) == 4)
    assert [failures for failures, _ in seen] == [0, 1, 2, 3]
    waits = [later - sooner for (_, sooner), (_, later) in pairwise(seen)]
    assert all(wait >= least for wait, least in zip(waits, (0.18, 0.28, 0.38), strict=True))


@pytest.mark.usefixtures("short_ladder")
def test_a_pool_message_whose_handler_fails_three_times_is_quarantined_and_others_flow(
    config: Bus, runner: Bus, dead: list[DeadLetter]
) -> None:
    seen: list[str] = []

    def handle(incoming: Incoming) -> Outcome:
        seen.append(incoming.envelope.subject)
        if incoming.envelope.subject == "bad":
            raise ZeroDivisionError("by design")
        return Ack()

    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: handle}, threads=1, prefetch=5)
    for name in ("bad", "good"):
        _run(config, name)
    letter = until(lambda: dead and dead[0])
    assert seen.count("bad") == 3
    assert seen.count("good") == 1
    assert (letter.queue, letter.type, letter.subject) == ("runner.runs", "run.execution.v1", "bad")
    assert "ZeroDivisionError: by design" in letter.reason
    assert "3 times" in letter.reason
    assert json.loads(letter.body)["data"]["execution_id"] == "bad"


def test_a_drop_goes_to_the_dead_letters_with_its_reason(config: Bus, runner: Bus, dead: list[DeadLetter]) -> None:
    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: lambda _i: Drop("no such run")}, threads=1, prefetch=1)
    _run(config, "e9")
    letter = until(lambda: dead and dead[0])
    assert (letter.reason, letter.subject) == ("no such run", "e9")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "envelope is not valid"),
        (b'{"id":"1","source":"s","type":"no.such.v9","subject":"","time":"t","data":{}}', "Unknown message type"),
        (b'{"id":"1","source":"s","type":"run.execution.v1","subject":"e","time":"t","data":{}}', "execution_id"),
    ],
)
def test_what_cannot_be_read_is_dropped_at_first_sight(
    runner: Bus, raw: Any, dead: list[DeadLetter], body: bytes, reason: str
) -> None:
    raw.basic_publish("", topics.RUNS.name, body)
    raw.basic_publish("", topics.LEDGER.name, body)
    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: lambda _i: Ack()}, threads=1, prefetch=1)
    runner.consume_single(topics.LEDGER, lambda batch: [Ack() for _ in batch])
    until(lambda: len(dead) == 2)
    assert {letter.queue for letter in dead} == {"runner.runs", "config.ledger"}
    assert all(reason in letter.reason and letter.body == body for letter in dead)


def test_a_dead_letter_that_could_not_be_kept_comes_again(
    config: Bus, runner: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.dead._AGAIN_S", 0.1)
    letters: list[DeadLetter] = []

    def keep(letter: DeadLetter) -> None:
        letters.append(letter)
        if len(letters) == 1:
            raise OSError("disk full")

    config.consume_dead(keep)
    runner.consume_pool(topics.RUNS, {topics.RUN_EXECUTION: lambda _i: Drop("x")}, threads=1, prefetch=1)
    _run(config, "e")
    until(lambda: len(letters) == 2)
    assert letters[0].message_id == letters[1].message_id


def test_an_ordered_queue_keeps_its_order_and_comes_in_batches(config: Bus, raw: Any) -> None:
    for number in range(300):
        config.publish_nowait(
            topics.HOOK_RECEIVED,
            pushes.HookReceived(delivery_id=str(number), received_at=1.0, token_hash="h"),
            subject=str(number),
        )
    until(lambda: depth(raw, topics.HOOKS.name) == 300)
    batches: list[list[str]] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        batches.append(_subjects(batch))
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, handle, max_batch=50)
    until(lambda: sum(map(len, batches)) == 300)
    assert [name for batch in batches for name in batch] == [str(number) for number in range(300)]
    assert max(map(len, batches)) <= 50
    assert len(batches) < 100
    config.close()
    assert depth(raw, topics.HOOKS.name) == 0


def test_what_is_in_no_hurry_comes_together_unless_it_fills_a_batch(config: Bus) -> None:
    batches: list[list[str]] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        batches.append(_subjects(batch))
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, handle, max_batch=3, gather_s=3600)
    _hook(config, "first")
    until(lambda: batches == [["first"]])
    _hook(config, "a")
    _hook(config, "b")
    time.sleep(0.3)
    assert batches == [["first"]]
    _hook(config, "c")
    until(lambda: batches == [["first"], ["a", "b", "c"]])


def test_an_ordered_queue_answers_after_its_handler(config: Bus, runner: Bus) -> None:
    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        return [
            Answer(runs.TakeAnswer(taken=True, attempt=7))
            if incoming.envelope.subject == "yes"
            else Fail(Problem(code=Code.CONFLICT, message="Taken by another."))
            for incoming in batch
        ]

    config.consume_single(topics.LEDGER, handle)
    take = runs.Take(execution_id="e", dispatch=1, runner="r", take_id="t")
    assert runner.request(topics.RUN_TAKE, take, subject="yes") == runs.TakeAnswer(taken=True, attempt=7)
    with pytest.raises(Refused, match="Taken by another"):
        runner.request(topics.RUN_TAKE, take, subject="no")


def test_an_ordered_consumer_that_stops_gets_the_same_messages_again_in_order(config: Bus) -> None:
    seen: list[list[str]] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        seen.append(_subjects(batch))
        if len(seen) == 1:
            raise StopConsuming("the database is away", again_after_s=0.2)
        return [Ack() for _ in batch]

    for name in ("a", "b", "c"):
        _hook(config, name)
    config.consume_single(topics.HOOKS, handle, max_batch=10)
    until(lambda: [name for batch in seen[1:] for name in batch] == ["a", "b", "c"])


def test_one_bad_message_of_a_batch_is_quarantined_and_the_others_pass(
    config: Bus, dead: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.bus.single._BETWEEN_TRIES_S", (0.01, 0.01))
    passed: list[str] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if "bad" in _subjects(batch):
            raise KeyError("by design")
        passed.extend(_subjects(batch))
        return [Ack() for _ in batch]

    for name in ("a", "bad", "b"):
        _hook(config, name)
    config.consume_single(topics.HOOKS, handle)
    letter = until(lambda: dead and dead[0])
    assert (letter.queue, letter.subject) == ("config.hooks", "bad")
    assert "3 times" in letter.reason
    until(lambda: sorted(passed) == ["a", "b"])


def test_a_closing_ordered_consumer_finishes_its_batch_and_gives_the_rest_back(config: Bus, raw: Any) -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        begun.set()
        go_on.wait(PATIENCE_S)
        seen.extend(_subjects(batch))
        return [Ack() for _ in batch]

    for name in ("a", "b", "c", "d"):
        _hook(config, name)
    consumer = config.consume_single(topics.HOOKS, handle, max_batch=1)
    assert begun.wait(PATIENCE_S)
    closing = threading.Thread(target=consumer.close)
    closing.start()
    until(lambda: cast("Any", consumer)._closing)
    go_on.set()
    closing.join(PATIENCE_S)
    assert seen == ["a"]
    assert not consumer.running
    until(lambda: depth(raw, topics.HOOKS.name) == 3)
    config.consume_single(topics.HOOKS, handle)
    until(lambda: seen == ["a", "b", "c", "d"])


def test_what_a_handler_has_no_time_for_comes_next_and_only_what_it_handled_is_acknowledged(
    config: Bus, raw: Any, dead: list[DeadLetter]
) -> None:
    batches: list[list[str]] = []
    third = threading.Event()

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        batches.append(_subjects(batch))
        if len(batches) == 3:
            third.set()
            raise StopConsuming("the database is away", again_after_s=3600)
        return [Ack() for _ in batch[:2]]

    names = ["a", "b", "c", "d", "e"]
    for name in names:
        if name == "d":
            raw.basic_publish("", topics.HOOKS.name, b"unreadable")
        _hook(config, name)
    until(lambda: depth(raw, topics.HOOKS.name) == 6)
    consumer = config.consume_single(topics.HOOKS, handle, max_batch=6)
    assert third.wait(PATIENCE_S)
    handled = list(chain(*(batch[:2] for batch in batches[:2])))
    assert [*handled, *batches[2]] == names[: len(handled) + len(batches[2])]
    consumer.close()
    until(lambda: depth(raw, topics.HOOKS.name) == len(names) - len(handled) + (not dead))
    rest: list[str] = []

    def finish(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        rest.extend(_subjects(batch))
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, finish)
    until(lambda: [*handled, *rest] == names)
    until(lambda: dead)
    assert [letter.body for letter in dead] == [b"unreadable"]


def test_a_second_consumer_of_an_ordered_queue_waits_for_the_first_to_close(
    open_bus: Callable[[Service], Bus],
) -> None:
    first, second = open_bus(Service.CONFIG), open_bus(Service.CONFIG)
    seen: list[tuple[str, str]] = []

    def handler(name: str) -> Callable[[Sequence[Incoming]], Sequence[Outcome]]:
        def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
            seen.extend((name, subject) for subject in _subjects(batch))
            return [Ack() for _ in batch]

        return handle

    active = first.consume_single(topics.HOOKS, handler("first"))
    until(lambda: active.running)
    standby = second.consume_single(topics.HOOKS, handler("second"))
    until(lambda: standby.running)
    _hook(first, "a")
    until(lambda: seen == [("first", "a")])
    active.close()
    _hook(first, "b")
    until(lambda: seen[1:] == [("second", "b")])


def test_a_consumer_that_closes_hands_an_ordered_queue_over_in_order_with_what_it_still_held(
    open_bus: Callable[[Service], Bus], raw: Any
) -> None:
    first, second = open_bus(Service.CONFIG), open_bus(Service.CONFIG)
    names = [str(number) for number in range(30)]
    for name in names:
        _hook(first, name)
    until(lambda: depth(raw, topics.HOOKS.name) == len(names))
    handled: list[str] = []

    def handle_one(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if handled:
            raise StopConsuming("the database is away", again_after_s=3600)
        handled.extend(_subjects(batch[:1]))
        return [Ack()]

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        handled.extend(_subjects(batch))
        return [Ack() for _ in batch]

    active = first.consume_single(topics.HOOKS, handle_one, max_batch=5)
    until(lambda: handled and depth(raw, topics.HOOKS.name) == len(names) - 10 - 1)
    standby = second.consume_single(topics.HOOKS, handle, max_batch=5)
    until(lambda: standby.running)
    active.close()
    until(lambda: len(handled) == len(names))
    assert handled == names


@pytest.mark.parametrize("queue", [topics.RUNS, topics.LEDGER], ids=lambda queue: queue.mode)
def test_a_message_that_ends_its_process_again_and_again_is_quarantined_and_its_neighbours_are_not(
    config: Bus, runner: Bus, vhost_url: str, dead: list[DeadLetter], queue: topics.Queue
) -> None:
    names = ["one", "killer", "two"]
    if queue is topics.LEDGER:
        names += [f"n{number}" for number in range(30)]
    neighbours = [name for name in names if name != "killer"]
    for name in names:
        if queue is topics.RUNS:
            _run(config, name)
        else:
            released = runs.Released(execution_id=name, attempt=1, runner="r")
            runner.publish(topics.RUN_RELEASED, released, subject=name)
    batches: list[list[str]] = []
    deaths = 0
    for _process in range(12):
        if dead and set(neighbours) <= set(chain(*batches)):
            break
        finished = subprocess.run(
            [sys.executable, str(VICTIM), vhost_url, queue.name],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        batches += [line.split() for line in finished.stdout.splitlines()]
        deaths += finished.returncode == 9
        assert deaths < 6, finished.stderr
    assert [letter.subject for letter in dead] == ["killer"]
    assert "ended the process" in dead[0].reason
    assert deaths == 3
    if queue is topics.RUNS:
        assert set(chain(*batches)) == set(neighbours)
    else:
        # What a process handled just before its end may come again, and after all that came before it.
        assert list(dict.fromkeys(chain(*batches))) == neighbours


def test_what_a_lost_connection_brings_back_comes_in_batches_as_before(
    config: Bus, runner: Bus, broker: PrivateNode, vhost_url: str
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    batches: list[list[str]] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        if not begun.is_set():
            begun.set()
            may_end.wait(PATIENCE_S)
        else:
            batches.append(_subjects(batch))
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, handle)
    names = [str(number) for number in range(100)]
    for name in names:
        _hook(runner, name)
    assert begun.wait(PATIENCE_S)
    _close_connections(broker, vhost_url)
    until(lambda: not config.connected)
    until(lambda: config.connected)
    may_end.set()
    until(lambda: sum(map(len, batches)) >= len(names))
    assert list(chain(*batches)) == names
    assert len(batches) < len(names) / 10


def _close_connections(broker: PrivateNode, vhost_url: str) -> None:
    """All of a virtual host's, from the broker's side."""
    vhost = vhost_url.rpartition("/")[2]

    def connections() -> list[str]:
        listed = broker.manage("GET", f"/api/vhosts/{vhost}/connections")
        assert isinstance(listed, list)
        return [quote(connection["name"], safe="") for connection in listed]

    for name in until(connections):
        broker.manage("DELETE", f"/api/connections/{name}")
