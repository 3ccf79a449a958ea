"""Follow what Portside's runs do, from a program of your own: prints a line for each run and stage that ends.

    python follow.py amqp://user:password@broker.example.com/ [--project default] [--count 10]

The contract is docs/reference/asyncapi.json. This program owns its queue: it is there, and fills, while the program is
not. Delivery is at least once, so that what an event sets off is done once by its id (here: printed).
"""

from __future__ import annotations

import argparse
import json
from collections import OrderedDict
from typing import Any

import pika

EXCHANGE = "portside.events"
QUEUE = "example.status-events"
TOPICS = ("execution.over", "execution.stage-over")
REMEMBERED = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the ends of runs and stages.")
    parser.add_argument("url")
    parser.add_argument("--project", default="", help="only this project")
    parser.add_argument("--count", type=int, default=0, help="stop after so many lines; 0: never")
    asked = parser.parse_args()
    connection = pika.BlockingConnection(pika.URLParameters(asked.url))
    channel = connection.channel()
    # Portside declares the exchange; passive, so that a wrong address is an error here and not silence.
    channel.exchange_declare(EXCHANGE, exchange_type="topic", passive=True)
    channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    for topic in TOPICS:
        channel.queue_bind(QUEUE, EXCHANGE, routing_key=topic)
    channel.basic_qos(prefetch_count=100)
    print("following", flush=True)

    seen: OrderedDict[str, None] = OrderedDict()
    lines = 0
    for method, _properties, body in channel.consume(QUEUE):
        event = json.loads(body)
        if _is_new(event["id"], seen) and asked.project in ("", event["data"]["project"]):
            print(told(event), flush=True)
            lines += 1
        # Only now: had this program died before, the event would come again.
        channel.basic_ack(method.delivery_tag)
        if asked.count and lines >= asked.count:
            break
    connection.close()


def told(event: dict[str, Any]) -> str:
    """One line. A field that this program does not know is left alone: new ones may appear at any time."""
    data = event["data"]
    run = f"{data['pipeline']} #{data['index']}"
    if event["type"].startswith("execution.stage-over."):
        return f"{run}: stage {data['stage']} {data['status']}"
    seconds = data["duration_us"] / 1e6
    return f"{run}: {data['status']} after {seconds:.1f} s: {data['status_message']}"


def _is_new(event_id: str, seen: OrderedDict[str, None]) -> bool:
    if event_id in seen:
        return False
    seen[event_id] = None
    if len(seen) > REMEMBERED:
        seen.popitem(last=False)
    return True


if __name__ == "__main__":
    main()
