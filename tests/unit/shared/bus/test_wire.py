from __future__ import annotations

import json
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import dead, wire
from shared.bus.errors import describe
from shared.bus.subscription import Delivery
from shared.contracts import runs, topics
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Problem


@given(st.text(max_size=40), st.text(max_size=20), st.lists(st.text(max_size=30), max_size=4))
def test_what_is_packed_is_unpacked_the_same(execution: str, subject: str, lines: list[str]) -> None:
    chunk = runs.LogChunk(
        execution_id=execution, attempt=1, stage="s", task="t", first_line=0, lines=tuple(lines), at=1.5
    )
    parcel = wire.pack(
        topics.LOG_CHUNK, chunk, source="portside/runner/one", subject=subject, caller=Caller(user="ann")
    )
    topic, envelope, message = wire.unpack(parcel.body)
    assert (topic, message) == (topics.LOG_CHUNK, chunk)
    assert (envelope.id, envelope.subject, envelope.caller) == (parcel.message_id, subject, Caller(user="ann"))


def test_properties_repeat_the_head_and_a_request_correlates_by_its_own_id() -> None:
    message = runs.Held(runner="r")
    plain = wire.pack(topics.RUN_HELD, message, source="s", subject="", correlation_id="c").properties
    asked = wire.pack(
        topics.RUN_HELD, message, source="s", subject="", reply_to="q", persistent=False, expires_after_s=1.5
    ).properties
    assert (plain.type, plain.correlation_id, plain.delivery_mode, plain.expiration) == ("run.held.v2", "c", 2, None)
    assert asked.correlation_id == asked.message_id
    assert (asked.delivery_mode, asked.expiration, asked.reply_to) == (1, "1500", "q")


def test_a_reply_of_the_wrong_type_is_refused_where_it_is_made() -> None:
    with pytest.raises(TypeError, match="answered by HeldAnswer"):
        wire.pack_reply(
            topics.RUN_HELD, runs.Held(runner="r"), source="s", subject="", request_id="", correlation_id=""
        )


def test_an_answer_that_cannot_be_read_is_a_problem_and_no_crash() -> None:
    answer = wire.unpack_reply(topics.RUN_HELD, b"{")
    assert isinstance(answer, Problem)
    assert answer.code is Code.INTERNAL


def test_a_body_of_many_flaws_names_the_first_and_counts_the_rest() -> None:
    tree = {"id": "1", "source": "s", "type": "log.chunk.v1", "subject": "", "time": "t", "data": {}}
    with pytest.raises(wire.Undecodable, match=r"execution_id: Field required.*and 2 more"):
        wire.unpack(json.dumps(tree).encode())


@given(st.binary(max_size=200))
def test_no_body_whatever_gets_past_as_a_message_or_raises_anything_else(body: bytes) -> None:
    with pytest.raises(wire.Undecodable):
        wire.unpack(body)


def _delivery(headers: dict[str, Any] | None, *, redelivered: bool = False, body: bytes = b"") -> Delivery:
    return Delivery(1, 1, redelivered, pika.BasicProperties(headers=headers, message_id="m", type="x.v1"), body)


def test_a_letter_that_the_broker_buried_tells_its_queue_and_reason_too() -> None:
    deaths = [{"queue": "runner.runs", "reason": "delivery_limit", "count": 1, "exchange": "portside.commands"}]
    letter = dead.letter(_delivery({"x-death": deaths, wire.FAILURES: 2}, body=b'{"subject": "e1"}'))
    assert (letter.queue, letter.subject, letter.type) == ("runner.runs", "e1", "x.v1")
    assert "delivery_limit" in letter.reason
    assert letter.history == ("2 retries", "delivery_limit in runner.runs, 1 time")
    assert dead.letter(_delivery(None, body=b"\xff")).subject == ""


def test_a_lost_connection_is_described_in_words() -> None:
    closed = pika.exceptions.ConnectionClosedByBroker(320, "CONNECTION_FORCED")
    assert describe(closed) == "320 CONNECTION_FORCED"
    assert "password" in describe(pika.exceptions.ProbableAuthenticationError("x"))
    assert "nobody listens" in describe(pika.exceptions.AMQPConnectionError(ConnectionRefusedError()))
    assert describe(TimeoutError("slow")) == "TimeoutError: slow"
