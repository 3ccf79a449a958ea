"""What pika's errors mean, however it packs them."""

from __future__ import annotations

import socket

import pika.exceptions
import pytest
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorAMQPHandshakeError,
    AMQPConnectorSocketConnectError,
)

from shared.bus.errors import describe


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        (AMQPConnectorSocketConnectError(ConnectionRefusedError(111, "refused")), "nobody listens"),
        (AMQPConnectorSocketConnectError(socket.gaierror(-2, "unknown")), "host name is unknown"),
        (
            AMQPConnectorAMQPHandshakeError(pika.exceptions.ProbableAuthenticationError(403, "no")),
            "refused user name and password",
        ),
    ],
)
def test_the_reason_is_found_behind_what_pika_packs_it_in(inner: Exception, words: str) -> None:
    earlier = AMQPConnectorSocketConnectError(TimeoutError())
    assert words in describe(AMQPConnectionWorkflowFailed([earlier, inner]))
    assert words in describe(pika.exceptions.AMQPConnectionError(AMQPConnectionWorkflowFailed([earlier, inner])))
