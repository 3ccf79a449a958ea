"""The queues as the broker sees them: from RabbitMQ's management API, or by passive declares where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import pika
import pika.exceptions

from shared.bus.errors import describe
from shared.bus.topology import QueueSpec, queues
from shared.grammar.json_parser import parse_json
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient, OutboundAccess, OutboundError, RequestLimits
from shared.process.broker_url import node_urls
from shared.process.clock import now

from .nodes import parameters

TIMEOUT_S = 3.0
SAMPLE_EVERY_S = 5
SAMPLES_FOR_S = 300
"""How far back the plots reach; RabbitMQ keeps this detail by default."""
_LIMITS = RequestLimits(overall_s=TIMEOUT_S, connect_s=TIMEOUT_S, read_s=TIMEOUT_S)
_OWN_BROKER = OutboundAccess(local=True)
"""The address is a setting of this system, and often on this machine."""
_OTHER_SHAPE = (ValueError, LookupError, TypeError, AttributeError)
"""What reading JSON of another shape than RabbitMQ's raises."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue now. None where nobody could tell; rates are messages a second."""

    name: str
    note: str
    ready: int | None = None
    unacknowledged: int | None = None
    consumers: int | None = None
    published_s: float | None = None
    delivered_s: float | None = None
    depths: tuple[int, ...] = ()
    """Messages in it over the last five minutes, oldest first."""
    oldest_s: float | None = None
    """How long the oldest message has waited at most; None where none waits or nobody could tell."""

    @property
    def work(self) -> bool:
        """Whether work passes here; the others hold what is tried again later."""
        return ".retry." not in self.name and not self.name.endswith(".alone")


@dataclass(frozen=True, slots=True)
class BrokerState:
    """All queues, the broker's version where known, and what could not be learned, with what would bring it."""

    queues: tuple[QueueState, ...]
    version: str = ""
    missing: str = ""


class Inspection:
    """Looks at the broker. Every look is a fresh one; nothing is kept but the connection to the management API."""

    def __init__(self, amqp_url: str, management_url: str) -> None:
        self._amqp_url = amqp_url
        self._vhost = unquote(urlsplit(node_urls(amqp_url)[0]).path[1:]) or "/"
        self._management_url = management_url.rstrip("/")
        self._client = HttpClient(Guard(), user_agent="portside-gateway")

    def look(self) -> BrokerState:
        """Depth, rates and consumers of every queue of ours; takes three seconds at most where the broker hangs."""
        if not self._management_url:
            return self._passive("Set RABBITMQ_MANAGEMENT_URL to RabbitMQ's management API to see rates and more.")
        try:
            return self._managed()
        except OutboundError as error:
            return self._passive(f"RabbitMQ's management API gives no rates. {error.message}")
        except _OTHER_SHAPE as error:
            return self._passive(f"RabbitMQ's management API gave an answer of another shape ({type(error).__name__}).")

    def _managed(self) -> BrokerState:
        window = {"lengths_age": SAMPLES_FOR_S, "lengths_incr": SAMPLE_EVERY_S}
        rates = {"msg_rates_age": 60, "msg_rates_incr": SAMPLE_EVERY_S}
        rows = self._get(f"/api/queues/{quote(self._vhost, safe='')}", {**window, **rates})
        by_name = {row["name"]: row for row in rows}
        version = str(self._get("/api/overview", {}).get("rabbitmq_version", ""))
        return BrokerState(tuple(_from_row(spec, by_name.get(spec.name)) for spec in queues()), version)

    def _get(self, path: str, query: dict[str, int]) -> Any:
        url = f"{self._management_url}{path}?{urlencode(query)}"
        reply = self._client.request("GET", url, limits=_LIMITS, access=_OWN_BROKER, redirects=0)
        if reply.status != HTTPStatus.OK:
            raise OutboundError("refused", f"{reply.url.partition('?')[0]} answers {reply.status}.", reply.url)
        return parse_json(reply.body)

    def _passive(self, missing: str) -> BrokerState:
        nodes = parameters(self._amqp_url, "inspection")
        for node in nodes:
            node.socket_timeout = node.stack_timeout = node.blocked_connection_timeout = TIMEOUT_S
        try:
            connection = pika.BlockingConnection(nodes)
        except (pika.exceptions.AMQPError, OSError) as error:
            away = f"The broker is away: {describe(error)}. Start it or check AMQP_URL."
            return BrokerState(tuple(QueueState(spec.name, spec.note) for spec in queues()), missing=away)
        try:
            return BrokerState(tuple(_declared(connection, spec) for spec in queues()), missing=missing)
        finally:
            connection.close()


def _declared(connection: Any, spec: QueueSpec) -> QueueState:
    channel = connection.channel()
    try:
        method = channel.queue_declare(spec.name, passive=True).method
    except pika.exceptions.ChannelClosedByBroker:
        return QueueState(spec.name, spec.note)
    channel.close()
    return QueueState(spec.name, spec.note, ready=method.message_count, consumers=method.consumer_count)


def _from_row(spec: QueueSpec, row: dict[str, Any] | None) -> QueueState:
    if row is None:
        return QueueState(spec.name, spec.note)
    stats = row.get("message_stats") or {}
    samples = (row.get("messages_details") or {}).get("samples") or []
    return QueueState(
        spec.name,
        spec.note,
        ready=row.get("messages_ready"),
        unacknowledged=row.get("messages_unacknowledged"),
        consumers=row.get("consumers"),
        published_s=_rate(stats, "publish_details"),
        delivered_s=_rate(stats, "deliver_get_details"),
        depths=(depths := tuple(sample["sample"] for sample in reversed(samples))),
        oldest_s=_oldest_s(row, depths) if row.get("messages_ready") else None,
    )


def _oldest_s(row: dict[str, Any], depths: Sequence[int]) -> float | None:
    """Since the first message was sent, where the broker knows that; else since the queue was last seen empty."""
    sent_at = row.get("head_message_timestamp")
    if isinstance(sent_at, int | float):
        return max(0.0, now() - sent_at)
    if 0 not in depths:
        return float(SAMPLES_FOR_S) if depths else None
    return float(SAMPLE_EVERY_S * (1 + list(reversed(depths)).index(0)))


def _rate(stats: dict[str, Any], name: str) -> float:
    return float((stats.get(name) or {}).get("rate") or 0.0)
