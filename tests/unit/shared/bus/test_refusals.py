"""When a sender changes its channel or node, and which queues count as full."""

from __future__ import annotations

import math

import pytest

from shared.bus.refusals import Remedy, cure
from shared.bus.topology import COMMANDS, DEAD, EVENTS, QueueSpec, destinations, has_room

NEVER = math.inf


@pytest.mark.parametrize(
    ("refused_s", "since_channel_s", "since_node_s", "due"),
    [
        (4.9, NEVER, NEVER, Remedy.NONE),
        (5.0, NEVER, NEVER, Remedy.CHANNEL),
        (9.0, 4.0, NEVER, Remedy.NONE),
        (10.0, 5.0, NEVER, Remedy.NODE),
        (6.0, 50.0, NEVER, Remedy.CHANNEL),
        (10.0, 5.0, 59.0, Remedy.NONE),
        (30.0, 25.0, 60.0, Remedy.NODE),
    ],
)
def test_first_the_channel_is_changed_and_then_the_node(
    refused_s: float, since_channel_s: float, since_node_s: float, due: Remedy
) -> None:
    assert cure(refused_s, since_channel_s, since_node_s) is due


@pytest.mark.parametrize(
    ("limits", "messages", "room"),
    [
        ({}, 1_000_000, True),
        ({"x-max-length": 10}, 9, True),
        ({"x-max-length": 10}, 10, False),
        ({"x-max-length-bytes": 1000}, 4, True),
        ({"x-max-length-bytes": 1000}, 5, False),
    ],
)
def test_a_queue_counts_as_full_at_its_length_or_at_half_of_its_bytes(
    limits: dict[str, int], messages: int, room: bool
) -> None:
    assert has_room(QueueSpec("q", limits), messages, message_bytes=100) is room


@pytest.mark.parametrize(
    ("exchange", "key", "names"),
    [
        (EVENTS, "hook.received", ["config.hooks"]),
        (COMMANDS, "run.held", ["config.rpc.v2"]),
        (DEAD, "runner.runs", ["config.dead"]),
        ("", "runner.runs.retry.1s", ["runner.runs.retry.1s"]),
        (EVENTS, "execution.over", []),
    ],
)
def test_a_message_is_known_by_the_queues_it_reaches(exchange: str, key: str, names: list[str]) -> None:
    assert [spec.name for spec in destinations(exchange, key)] == names
