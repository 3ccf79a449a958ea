"""How long a queue's oldest message has waited, from what RabbitMQ's management API says of the queue."""

from __future__ import annotations

from typing import Any

import pytest

from shared.bus.inspection import SAMPLES_FOR_S, _from_row
from shared.bus.topology import queues
from shared.process.clock import now


def age(**row: Any) -> float | None:
    depths = row.pop("depths", ())
    samples = [{"sample": depth} for depth in reversed(depths)]
    return _from_row(queues()[0], {"messages_details": {"samples": samples}, **row}).oldest_s


def test_the_time_of_the_first_message_counts() -> None:
    assert age(messages_ready=2, head_message_timestamp=now() - 90) == pytest.approx(90, abs=2)


@pytest.mark.parametrize(
    ("depths", "oldest_s"), [((0, 0, 1), 10), ((0, 3, 2, 2), 20), ((1, 1), SAMPLES_FOR_S), ((), None)]
)
def test_without_it_the_queue_was_empty_that_long_ago(depths: tuple[int, ...], oldest_s: float | None) -> None:
    assert age(messages_ready=1, depths=depths) == oldest_s


def test_an_empty_queue_has_no_oldest_message() -> None:
    assert age(messages_ready=0, depths=(0, 1, 0)) is None
