"""The message bus: the only importer of pika, and the only package that knows that the broker is RabbitMQ.

Others see topics, messages and outcomes: they publish and know it is confirmed, request and get an answer, consume
and return a value that says what becomes of a message. What a message means is not decided here.

`wire` turns messages to bytes and back; `topology` is the table of exchanges and queues, which `declare` puts in
place, `retirement` takes away after an upgrade and `reference_page` documents; `link` is a connection with the one
thread that owns it, to one of the `nodes` after another; `publisher` and `requester` send, and `refusals` says when
they need another channel or node; `subscription` receives. A received message is handled by `pool`, `serve` and `dead`
(each delivery separately, by `workers`), `single` (in order) or `broadcasts`; `outcomes` are what a handler returns and
`settlement` carries out. `crash_counts` quarantines a message that kills its consumer. `errors` words pika's errors.
`bus` joins all of it; `metrics` counts, and `inspection` reads the queues from outside.
"""

from .bus import Bus, Consumer
from .inspection import BrokerState, Inspection, QueueState
from .outcomes import (
    Ack,
    Answer,
    DeadLetter,
    Drop,
    Fail,
    Incoming,
    NotAsked,
    NotConfirmed,
    Outcome,
    RequestTimeout,
    Retry,
    StopConsuming,
    TooLarge,
    Unavailable,
)
from .serve import Server

__all__ = [
    "Ack",
    "Answer",
    "BrokerState",
    "Bus",
    "Consumer",
    "DeadLetter",
    "Drop",
    "Fail",
    "Incoming",
    "Inspection",
    "NotAsked",
    "NotConfirmed",
    "Outcome",
    "QueueState",
    "RequestTimeout",
    "Retry",
    "Server",
    "StopConsuming",
    "TooLarge",
    "Unavailable",
]
