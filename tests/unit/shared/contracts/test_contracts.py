"""Every message ever sent can still be read, and what is generated from the table of topics is up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.bus import reference_page, topology, wire
from shared.contracts import schemas
from shared.contracts.envelope import Envelope
from shared.contracts.problems import Problem
from shared.contracts.topics import BY_TYPE, QUEUES, TOPICS, MessageKind, Mode

GOLDEN = Path(__file__).parents[3] / "golden"
MESSAGES = sorted(path.name for path in GOLDEN.glob("*.json"))
SCHEMAS = schemas.schemas()


def _golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def _type_of(name: str) -> str:
    """`run.take.v1.json`, and later examples of the same type as `run.take.v1-what.json`."""
    found = re.fullmatch(r"(.+\.v\d+(?:\.reply)?)(?:-[a-z0-9-]+)?\.json", name)
    assert found, f"{name} is not named after a type"
    return found[1]


def test_every_topic_and_every_reply_has_a_golden_example() -> None:
    examples = {_type_of(name) for name in MESSAGES}
    assert examples >= set(BY_TYPE)
    assert examples >= {topic.type + wire.REPLY_SUFFIX for topic in TOPICS if topic.reply}
    assert wire.PROBLEM_TYPE in examples


@pytest.mark.parametrize("name", MESSAGES)
def test_a_golden_example_is_decoded_and_says_the_same_again(name: str) -> None:
    tree, kind = _golden(name), _type_of(name)
    body = json.dumps(tree).encode()
    if kind.endswith(wire.REPLY_SUFFIX):
        message = wire.unpack_reply(BY_TYPE[kind.removesuffix(wire.REPLY_SUFFIX)], body)
        assert not isinstance(message, Problem)
    elif kind == wire.PROBLEM_TYPE:
        message = wire.unpack_reply(TOPICS[0], body)
    else:
        topic, envelope, message = wire.unpack(body)
        assert (topic.type, envelope.id) == (kind, tree["id"])
    again = json.loads(message.model_dump_json())
    assert _known_to(tree["data"], again) == tree["data"]


def _known_to(old: Any, new: Any) -> Any:
    """The new value without the optional fields that were added after the old one was written."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _known_to(old[key], value) for key, value in new.items() if key in old}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_known_to(one, other) for one, other in zip(old, new, strict=True)]
    return new


@pytest.mark.parametrize("name", MESSAGES)
def test_a_golden_example_fits_its_schema(name: str) -> None:
    tree, kind = _golden(name), _type_of(name)
    whole = kind in BY_TYPE
    jsonschema.Draft202012Validator(SCHEMAS[f"{kind}.json"]).validate(tree if whole else tree["data"])


def test_a_receiver_ignores_fields_that_it_does_not_know() -> None:
    tree = _golden("run.execution.v1.json")
    tree["later"] = tree["data"]["later"] = {"deep": 1}
    assert wire.unpack(json.dumps(tree).encode())[0].type == "run.execution.v1"


def test_no_message_holds_raw_bytes() -> None:
    # They are read from parsed JSON, where base64 would pass for the bytes themselves.
    assert '"format": "binary"' not in json.dumps(SCHEMAS)
    assert '"base64url"' not in json.dumps(SCHEMAS)


def test_the_schemas_and_the_public_document_are_up_to_date() -> None:
    assert schemas.stale() == []
    document = schemas.asyncapi()
    assert set(document["channels"]) == {topic.name for topic in TOPICS if topic.public}
    for message in document["components"]["messages"].values():
        assert (schemas.REFERENCE / message["payload"]["schema"]["$ref"]).is_file()


def test_the_reference_of_queues_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference_page.main(["--check"]) == 0, capsys.readouterr().err


def test_a_topic_has_one_receiver_at_most_and_its_kind_fits_the_queue() -> None:
    assert len({topic.routing_key for topic in TOPICS}) == len(TOPICS)
    for topic in TOPICS:
        assert len(topic.queues) <= 1
        modes = {queue.mode for queue in topic.queues}
        assert topic.kind is not MessageKind.QUERY or modes == {Mode.RPC}
        assert topic.reply is None or modes <= {Mode.RPC, Mode.SINGLE}
        assert topology.is_mandatory(topic) == bool(modes - {Mode.BROADCAST})


def test_every_durable_queue_refuses_rather_than_forgets_and_never_gives_up_by_itself() -> None:
    declared = {queue.name: queue for queue in topology.queues()}
    assert set(declared) >= {queue.name for queue in QUEUES if queue.mode is not Mode.BROADCAST}
    for spec in declared.values():
        assert spec.arguments["x-overflow"] == "reject-publish"
        if spec.arguments["x-queue-type"] == "quorum":
            assert spec.arguments["x-delivery-limit"] == 1_000_000
        if "x-dead-letter-exchange" in spec.arguments:
            assert spec.arguments["x-dead-letter-strategy"] == "at-least-once"
    for queue in (queue for queue in QUEUES if queue.mode is Mode.POOL):
        for rung, (_, seconds) in enumerate(topology.LADDER):
            delay = declared[topology.retry_queue(queue.name, rung)].arguments
            assert (delay["x-dead-letter-exchange"], delay["x-dead-letter-routing-key"]) == ("", queue.name)
            assert delay["x-message-ttl"] == seconds * 1000


@pytest.mark.parametrize(
    ("failures", "after_s", "rung"),
    [(0, None, 0), (1, None, 1), (3, None, 3), (50, None, 3), (0, 0.5, 0), (0, 5, 1), (9, 30, 2), (0, 1e6, 3)],
)
def test_the_ladder_climbs_by_failures_or_by_the_wait_that_was_asked_for(
    failures: int, after_s: float | None, rung: int
) -> None:
    assert topology.rung_for(failures, after_s) == rung


def test_the_envelope_keeps_the_names_of_cloudevents() -> None:
    assert set(Envelope.model_fields) >= {"id", "source", "type", "subject", "time", "datacontenttype"}
