"""The post: the only importer of pika, and the only room that knows that the broker is RabbitMQ.

Others see topics, messages and outcomes: they publish and know it is confirmed, request and get an answer, consume and
say by a value what shall become of a message. What a message means is none of this room's business.

`wire` turns messages to bytes and back; `furniture` is the table of exchanges and queues, `topology` its reference
page; `link` is a connection with the one thread that owns it; `publisher` and `requester` send; `subscription`
receives. What was received is handled by `pool`, `serve` and `dead` (each delivery on its own, by `workers`), `single`
(in order) or `listen`, and ended by `disposal` as its outcome says. `bus` joins them; `inspection` looks at the queues
from outside.
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
