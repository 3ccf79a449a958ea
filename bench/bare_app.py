"""The floor of the receiver: a bare Flask app that parses the JSON and does one blocking confirmed publish."""

from __future__ import annotations

import os
import threading

import pika
from flask import Flask, request

app = Flask(__name__)
_local = threading.local()
QUEUE = "bench.floor.app"


def _channel() -> pika.adapters.blocking_connection.BlockingChannel:
    if not hasattr(_local, "channel"):
        _local.channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
        _local.channel.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        _local.channel.confirm_delivery()
    return _local.channel


@app.post("/hook")
def hook() -> tuple[dict[str, str], int]:
    """Parse, publish, wait for the confirm, answer."""
    request.get_json()
    _channel().basic_publish("", QUEUE, request.get_data(), pika.BasicProperties(delivery_mode=2), mandatory=True)
    return {"status": "accepted"}, 202
