"""`AMQP_URL`: one broker, or the nodes of a cluster."""

from __future__ import annotations

import pytest

from shared.process.broker_url import node_urls


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("amqp://u:p@mq.example.com", ["amqp://u:p@mq.example.com"]),
        ("amqp://u:p@a:1,b:2/v?heartbeat=9", ["amqp://u:p@a:1/v?heartbeat=9", "amqp://u:p@b:2/v?heartbeat=9"]),
        ("amqps://a,b", ["amqps://a", "amqps://b"]),
        ("amqp://u:p@a/v, amqps://w:q@b/x", ["amqp://u:p@a/v", "amqps://w:q@b/x"]),
        ("amqp://u:p,w@x@a:1, b:2/", ["amqp://u:p,w@x@a:1/", "amqp://u:p,w@x@b:2/"]),
        ("amqp://u:p@[::1]:5672,127.0.0.2/", ["amqp://u:p@[::1]:5672/", "amqp://u:p@127.0.0.2/"]),
    ],
)
def test_hosts_are_listed_in_one_url_or_as_several(text: str, urls: list[str]) -> None:
    assert list(node_urls(text)) == urls


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("mq.example.com", "must begin with amqp://"),
        ("amqp://u:s3cret@a:1,b:port/", "port must be a number"),
        ("amqp://u:s3cret@a:70000/", "port must be a number"),
        ("amqp://u:s3cret@a,,b/", "a host is missing"),
    ],
)
def test_a_flaw_is_named_without_the_password(text: str, flaw: str) -> None:
    with pytest.raises(ValueError, match=flaw) as refused:
        node_urls(text)
    assert "s3cret" not in str(refused.value)
