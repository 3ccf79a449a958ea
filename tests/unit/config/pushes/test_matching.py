"""When a delivery repeats another: the rules of identity, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.config.model.deliveries import Earlier
from services.config.pushes.matching import repeats
from shared.contracts.pushes import Push

FIRST = Earlier(
    id="d1",
    received_at=1000.0,
    tag="1.4",
    digest=None,
    pushed_at=None,
    pusher="ann",
    provider_delivery_id=None,
    verdict="started",
)


def push(**change: Any) -> Push:
    return Push(
        **{
            "provider": "dockerhub",
            "registry_host": "docker.io",
            "repository": "acme/web",
            "tag": "1.4",
            "pusher": "ann",
            **change,
        }
    )


@pytest.mark.parametrize(
    ("earlier", "later", "at", "repeated"),
    [
        ({}, {}, 1001, False),  # a body without id and time is none by itself
        ({"provider_delivery_id": "x"}, {"provider_delivery_id": "x"}, 99_999, True),
        ({"provider_delivery_id": "x"}, {"provider_delivery_id": "y"}, 1001, False),
        # Some senders' ids are those of the thing pushed: another tag or another image is another push.
        ({"provider_delivery_id": "x"}, {"provider_delivery_id": "x", "tag": "1.5"}, 1001, False),
        (
            {"provider_delivery_id": "x", "digest": "sha256:a"},
            {"provider_delivery_id": "x", "digest": "sha256:b"},
            1001,
            False,
        ),
        ({"pushed_at": 5.0}, {"pushed_at": 5.0}, 99_999, True),
        ({"pushed_at": 5.0}, {"pushed_at": 6.0}, 1001, False),
        ({"pushed_at": 5.0}, {"pushed_at": 5.0, "pusher": "bob"}, 1001, False),
        ({"pushed_at": 5.0}, {"pushed_at": 5.0, "tag": "1.5"}, 1001, False),
        ({"digest": "sha256:a"}, {"digest": "sha256:a"}, 1600, True),
        ({"digest": "sha256:a"}, {"digest": "sha256:a"}, 1601, False),
        # Its hook comes an hour after it was made up for; pushed again later, it is another push.
        ({"digest": "sha256:a", "pushed_at": 900.5}, {"digest": "sha256:a", "pushed_at": 900.0}, 4600, True),
        ({"digest": "sha256:a", "pushed_at": 900.5}, {"digest": "sha256:a", "pushed_at": 4500.0}, 4600, False),
        ({"digest": "sha256:a", "pushed_at": 5.0}, {"digest": "sha256:b", "pushed_at": 5.0}, 1001, False),
        ({"digest": "sha256:a"}, {}, 1001, False),
    ],
)
def test_what_repeats_and_what_does_not(
    earlier: dict[str, Any], later: dict[str, Any], at: float, repeated: bool
) -> None:
    one = replace(FIRST, **earlier)
    assert (repeats(push(**later), at, [one]) is one) is repeated


def test_what_was_found_by_looking_repeats_whatever_had_the_same_digest() -> None:
    one = replace(FIRST, digest="sha256:a")
    assert repeats(push(digest="sha256:a"), 99_999.0, [one], via="look") is one
