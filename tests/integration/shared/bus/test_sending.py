from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Any

import pytest

from shared.bus import (
    Answer,
    Bus,
    Consumer,
    Drop,
    Incoming,
    NotConfirmed,
    Outcome,
    RequestTimeout,
    TooLarge,
    Unavailable,
)
from shared.bus.errors import describe
from shared.bus.refusals import Refusals
from shared.contracts import catalog, pushes, runs, topics
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.topics import Service
from tests.integration.shared.bus.conftest import depth
from tests.support.patience import PATIENCE_S, until

NOT_WAITED_S = 3.0
"""Whoever waits for the broker or for an answer waits five seconds."""


def _hook(number: int, body: str = "") -> pushes.HookReceived:
    return pushes.HookReceived(delivery_id=f"d{number}", received_at=1.0, token_hash="h", body={"pad": body})


def test_a_confirmed_message_is_in_its_queue_with_readable_properties(config: Bus, raw: Any) -> None:
    config.publish(
        topics.RUN_EXECUTION, runs.RunExecution(execution_id="e1", dispatch=2), subject="e1", correlation_id="c1"
    )
    _method, properties, body = raw.basic_get(topics.RUNS.name, auto_ack=True)
    assert (properties.type, properties.content_type, properties.app_id) == (
        "run.execution.v1",
        "application/json",
        "portside/config/t0",
    )
    assert (properties.delivery_mode, properties.correlation_id) == (2, "c1")
    assert properties.message_id.encode() in body
    assert b'"data":{"execution_id":"e1","dispatch":2}' in body


def test_many_threads_publish_at_once_and_each_message_is_confirmed(config: Bus, raw: Any) -> None:
    def publish(start: int) -> None:
        for number in range(start, start + 50):
            config.publish(
                topics.RUN_EXECUTION, runs.RunExecution(execution_id=str(number), dispatch=1), subject=str(number)
            )

    threads = [threading.Thread(target=publish, args=(1000 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    futures = [
        config.publish_nowait(topics.RUN_EXECUTION, runs.RunExecution(execution_id="n", dispatch=1), subject="n")
        for _ in range(700)
    ]
    assert not wait(futures, timeout=PATIENCE_S).not_done
    assert all(future.exception() is None for future in futures)
    until(lambda: depth(raw, topics.RUNS.name) == 1000)


def test_a_message_that_no_queue_takes_is_not_confirmed_and_the_queue_comes_back(config: Bus, raw: Any) -> None:
    raw.queue_delete(topics.RUNS.name)
    message = runs.RunExecution(execution_id="e", dispatch=1)
    with pytest.raises(NotConfirmed, match="no queue takes it"):
        config.publish(topics.RUN_EXECUTION, message, subject="e")

    def again() -> bool:
        try:
            config.publish(topics.RUN_EXECUTION, message, subject="e")
        except NotConfirmed:
            return False
        return True

    until(again)


def test_a_public_event_without_a_queue_of_ours_is_confirmed_all_the_same(config: Bus) -> None:
    over = runs.ExecutionOver(
        execution_id="e", revision=1, project="p", pipeline="q", index=1, status="COMPLETED", duration_us=1
    )
    config.publish(topics.EXECUTION_OVER, over, subject="e")


def test_a_full_queue_refuses_instead_of_forgetting(runner: Bus, raw: Any) -> None:
    # The log queue holds 64 MiB; chunks of 7 MiB fill it.
    chunk = runs.LogChunk(
        execution_id="e", attempt=1, stage="s", task="t", first_line=0, lines=("x" * (7 * 1024 * 1024),), at=1.0
    )
    sent = [runner.publish_nowait(topics.LOG_CHUNK, chunk, subject="e").exception(PATIENCE_S) for _ in range(12)]
    assert sent[0] is None
    assert isinstance(sent[-1], NotConfirmed)
    assert "full" in str(sent[-1])
    raw.queue_purge(topics.LOGS.name)


def test_before_there_is_a_connection_sending_fails_at_once() -> None:
    bus = Bus("amqp://u:p@127.0.0.1:1/", service=Service.CONFIG, instance="t")
    bus.open()
    try:
        began = time.monotonic()
        with pytest.raises(NotConfirmed, match="away"):
            bus.publish(topics.RUN_EXECUTION, runs.RunExecution(execution_id="e", dispatch=1), subject="e")
        with pytest.raises(Unavailable, match="away"):
            bus.request(topics.RUN_HELD, runs.Held(runner="r"))
        bus.broadcast(topics.RUN_INTENT, runs.IntentChanged(execution_id="e"), subject="e")
        assert time.monotonic() - began < NOT_WAITED_S
        assert not bus.connected
        until(lambda: "nobody listens" in bus.trouble)
    finally:
        bus.close()


def test_a_wrong_password_is_told_as_such(amqp_url: str) -> None:
    user, _, rest = amqp_url.partition("@")
    bus = Bus(f"{user}wrong@{rest}", service=Service.CONFIG, instance="t")
    bus.open()
    try:
        until(lambda: "password" in bus.trouble)
    finally:
        bus.close()
    assert describe(ValueError("x")) == "ValueError: x"


def test_a_request_is_answered_and_a_problem_comes_back_as_refused(config: Bus, gateway: Bus) -> None:
    seen: list[Incoming] = []

    def find(incoming: Incoming) -> catalog.Page:
        seen.append(incoming)
        assert isinstance(incoming.message, catalog.Find)
        if incoming.message.filter:
            raise refuse(Code.INVALID, "No such field.", subject=incoming.message.filter)
        return catalog.Page(total=3)

    config.serve(topics.CONFIG_READS, {topics.CATALOG_FIND: find}, threads=2)
    ask = catalog.Find(kind=catalog.Kind.PIPELINES)
    assert gateway.request(topics.CATALOG_FIND, ask, caller=Caller(user="ann"), command_id="k") == catalog.Page(total=3)
    assert seen[0].envelope.caller == Caller(user="ann")
    assert seen[0].envelope.commandid == "k"
    assert seen[0].wants_reply
    with pytest.raises(Refused, match="No such field") as refused:
        gateway.request(topics.CATALOG_FIND, catalog.Find(kind=catalog.Kind.PIPELINES, filter="colour"))
    assert refused.value.problem.subject == "colour"


def test_a_handler_that_fails_or_is_missing_answers_a_problem_without_its_details(
    config: Bus, gateway: Bus, runner: Bus
) -> None:
    def broken(_incoming: Incoming) -> catalog.Page:
        raise RuntimeError("secret detail")

    config.serve(topics.CONFIG_READS, {topics.CATALOG_FIND: broken}, threads=1)
    with pytest.raises(Refused, match="failed unexpectedly") as refused:
        gateway.request(topics.CATALOG_FIND, catalog.Find(kind=catalog.Kind.PIPELINES))
    assert "secret detail" not in refused.value.problem.model_dump_json()
    with pytest.raises(Refused) as unsupported:
        gateway.request(topics.CATALOG_GET, catalog.Get(kind=catalog.Kind.PIPELINES))
    assert unsupported.value.problem.code is Code.UNSUPPORTED
    with pytest.raises(Refused, match="comes from gateway, and this one came from portside/runner") as forbidden:
        runner.request(topics.CATALOG_FIND, catalog.Find(kind=catalog.Kind.PIPELINES))
    assert forbidden.value.problem.code is Code.FORBIDDEN


def test_a_request_that_nobody_answers_times_out_and_is_not_handled_later(config: Bus, runner: Bus, raw: Any) -> None:
    with pytest.raises(RequestTimeout, match="no answer within"):
        runner.request(topics.RUN_HELD, runs.Held(runner="late"), timeout_s=0.2)
    seen: list[str] = []

    def held(incoming: Incoming) -> runs.HeldAnswer:
        assert isinstance(incoming.message, runs.Held)
        seen.append(incoming.message.runner)
        return runs.HeldAnswer()

    config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: held}, threads=1)
    runner.request(topics.RUN_HELD, runs.Held(runner="on time"))
    assert seen == ["on time"]
    until(lambda: depth(raw, topics.SIGNS_OF_LIFE.name) == 0)


def test_a_sender_whose_clock_is_an_hour_slow_is_answered(
    config: Bus, runner: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: lambda _: runs.HeldAnswer()}, threads=1)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    assert runner.request(topics.RUN_HELD, runs.Held(runner="slow"), timeout_s=PATIENCE_S) == runs.HeldAnswer()


def test_what_arrives_counts_at_once_and_silence_only_while_nothing_is_unread(
    config: Bus, runner: Bus, raw: Any
) -> None:
    """One thread is busy with the first request; of five others two fit into the process."""
    arrived, busy = list[str](), threading.Event()

    def note(incoming: Incoming) -> None:
        assert isinstance(incoming.message, runs.Held)
        arrived.append(incoming.message.runner)

    def slow(_incoming: Incoming) -> runs.HeldAnswer:
        busy.wait(PATIENCE_S)
        return runs.HeldAnswer()

    consumer = config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: slow}, threads=1, deferred=1, on_arrival=note)

    def listened() -> float:
        consumer.listen_on()
        return consumer.heard_until

    began = consumer.heard_until
    until(lambda: listened() > began)
    answers = [runner.request_nowait(topics.RUN_HELD, runs.Held(runner=str(n)), timeout_s=PATIENCE_S) for n in range(6)]
    until(lambda: len(arrived) == 3)
    until(lambda: depth(raw, topics.SIGNS_OF_LIFE.name) == 3)
    stood_at = list[float]()

    def stands() -> bool:
        """What was asked of the broker before the last request had come may be answered still."""
        stood_at.append(listened())
        time.sleep(0.5)
        return listened() == stood_at[-1]

    until(stands)
    assert arrived == ["0", "1", "2"]
    busy.set()
    for answer in answers:
        answer.result(PATIENCE_S)
    assert arrived == [str(n) for n in range(6)]
    until(lambda: listened() > stood_at[-1])


def test_many_requests_wait_at_once_and_each_gets_its_own_answer(config: Bus, runner: Bus) -> None:
    def held(incoming: Incoming) -> runs.HeldAnswer:
        assert isinstance(incoming.message, runs.Held)
        return runs.HeldAnswer(verdicts={incoming.message.runner: runs.Directive.GO})

    config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: held}, threads=3)
    futures = {
        str(number): runner.request_nowait(topics.RUN_HELD, runs.Held(runner=str(number)), timeout_s=PATIENCE_S)
        for number in range(200)
    }
    for name, future in futures.items():
        answer = future.result(PATIENCE_S)
        assert isinstance(answer, runs.HeldAnswer)
        assert set(answer.verdicts) == {name}


def test_a_request_that_is_in_doubt_still_gets_its_answer(
    config: Bus, runner: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger may be behind for longer than it takes to think that the channel is broken."""
    doubted = threading.Event()
    refused = Refusals.refused

    def note_doubt(refusals: Refusals, route: tuple[str, str], message_bytes: int) -> None:
        refused(refusals, route, message_bytes)
        doubted.set()

    monkeypatch.setattr(Refusals, "refused", note_doubt)

    def late(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        assert doubted.wait(PATIENCE_S)
        return [Answer(runs.TakeAnswer(taken=True, attempt=1))] * len(batch)

    config.consume_single(topics.LEDGER, late)
    ask = runs.Take(execution_id="x1", dispatch=1, runner="r1", take_id="t1")
    answer = runner.request_nowait(topics.RUN_TAKE, ask, timeout_s=PATIENCE_S, doubt_after_s=0.2)
    assert answer.result(PATIENCE_S) == runs.TakeAnswer(taken=True, attempt=1)


def test_broadcasts_reach_every_process_that_listens(config: Bus, open_bus: Callable[[Service], Bus]) -> None:
    heard: list[str] = []
    gaps: list[str] = []

    def listen(bus: Bus, name: str) -> None:
        def changed(incoming: Incoming) -> None:
            assert isinstance(incoming.message, runs.IntentChanged)
            heard.append(f"{name} {incoming.message.execution_id}")

        bus.listen(topics.RUNNER_NEWS, {topics.RUN_INTENT: changed}, on_gap=lambda: gaps.append(name))

    listen(open_bus(Service.RUNNER), "one")
    listen(open_bus(Service.RUNNER), "two")
    until(lambda: sorted(gaps) == ["one", "two"])
    config.broadcast(topics.RUN_INTENT, runs.IntentChanged(execution_id="e1"), subject="e1")
    config.broadcast(topics.RUN_INTENT, runs.IntentChanged(execution_id="e2"), subject="e2")
    until(lambda: len(heard) == 4)
    assert [line for line in heard if line.startswith("one")] == ["one e1", "one e2"]


def test_what_is_asked_of_the_wrong_queue_or_topic_is_a_mistake_of_the_program(config: Bus) -> None:
    with pytest.raises(ValueError, match="does not arrive"):
        config.consume_pool(topics.RUNS, {topics.TAG_RESOLVE: lambda _i: Drop("")}, threads=1, prefetch=1)
    with pytest.raises(ValueError, match="is a pool queue"):
        config.consume_single(topics.RUNS, lambda _batch: [])
    with pytest.raises(TypeError, match="no reply"):
        config.request(topics.RUN_EXECUTION, runs.RunExecution(execution_id="e", dispatch=1))
    with pytest.raises(TypeError, match="carries RunExecution"):
        config.publish(topics.RUN_EXECUTION, _hook(1), subject="e")


def test_a_message_that_no_broker_takes_is_refused_before_it_is_sent(config: Bus, gateway: Bus, runner: Bus) -> None:
    """RabbitMQ closes the channel of a message beyond 16 MiB, and all that is in flight there is lost."""
    config.serve(topics.CONFIG_READS, {topics.CATALOG_GET: lambda _: catalog.Document(text="small")}, threads=1)
    large = "x" * 20_000_000
    under_way = [runner.publish_nowait(topics.RUN_EXECUTION, _run(n), subject=f"e{n}") for n in range(100)]
    for send in (
        lambda: runner.publish(topics.HOOK_RECEIVED, _hook(1, large), subject="d1"),
        lambda: runner.publish_nowait(topics.HOOK_RECEIVED, _hook(1, large), subject="d1"),
        lambda: gateway.request(topics.CATALOG_GET, _get(large)),
        lambda: gateway.request_nowait(topics.CATALOG_GET, _get(large)),
    ):
        with pytest.raises(TooLarge, match=r"would take 19\.1 MiB, and a message takes at most 8 MiB"):
            send()
    runner.broadcast(topics.EXECUTION_CHANGED, _changed(large), subject="e1")
    wait(under_way, timeout=PATIENCE_S)
    assert [future.exception() for future in under_way] == [None] * 100
    assert gateway.request(topics.CATALOG_GET, catalog.Get(kind=catalog.Kind.PIPELINES)) == catalog.Document(
        text="small"
    )


def test_an_answer_that_no_broker_takes_is_told_to_who_asked(config: Bus, gateway: Bus) -> None:
    answers = iter(["x" * 20_000_000, "small"])
    config.serve(topics.CONFIG_READS, {topics.CATALOG_GET: lambda _: catalog.Document(text=next(answers))}, threads=1)
    with pytest.raises(Refused) as refused:
        gateway.request(topics.CATALOG_GET, _get())
    assert "catalog.get.v1.reply would take 19.1 MiB" in refused.value.problem.message
    assert gateway.request(topics.CATALOG_GET, catalog.Get(kind=catalog.Kind.PIPELINES)) == catalog.Document(
        text="small"
    )


def _run(number: int) -> runs.RunExecution:
    return runs.RunExecution(execution_id=f"e{number}", dispatch=1)


def _changed(message: str) -> runs.ExecutionChanged:
    about: dict[str, Any] = {"execution_id": "e1", "revision": 1, "project": "p", "pipeline": "p", "index": 1}
    return runs.ExecutionChanged(**about, status="RUNNING", status_message=message)


def _get(id: str = "") -> catalog.Get:
    return catalog.Get(kind=catalog.Kind.PIPELINES, id=id)


def test_a_topic_that_moved_is_answered_where_an_earlier_release_binds_it_and_then_unbound(
    raw: Any, config: Bus, gateway: Bus
) -> None:
    answered_from = list[str]()

    def answer_from(queue: topics.Queue) -> Consumer:
        def find(_incoming: Incoming) -> catalog.Page:
            answered_from.append(queue.name)
            return catalog.Page(total=3)

        consumer = config.serve(queue, {topics.CATALOG_FIND: find}, threads=1)
        until(lambda: consumer.running)
        return consumer

    def ask(answers: int) -> list[str]:
        answered_from.clear()
        reply = gateway.request(topics.CATALOG_FIND, catalog.Find(kind=catalog.Kind.PIPELINES), timeout_s=PATIENCE_S)
        assert reply == catalog.Page(total=3)
        until(lambda: len(answered_from) == answers)
        return sorted(answered_from)

    answer_from(topics.CONFIG_READS)
    earlier = answer_from(topics.CONFIG_RPC)
    raw.queue_bind(topics.CONFIG_RPC.name, "portside.commands", "catalog.find")
    assert ask(2) == [topics.CONFIG_READS.name, topics.CONFIG_RPC.name]
    earlier.close()
    answer_from(topics.CONFIG_RPC)
    assert [ask(1), ask(1)] == [[topics.CONFIG_READS.name]] * 2
