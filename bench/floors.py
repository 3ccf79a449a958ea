"""What bare pika does on the same broker: the price of the broker alone."""

from __future__ import annotations

import threading
import time

import pika

BODY = b'{"push_data": {"tag": "1.4.1"}}' * 20
PROPERTIES = pika.BasicProperties(delivery_mode=2)


def confirmed_publishes(amqp_url: str, *, threads: int = 16, seconds: float = 3.0) -> list[float]:
    """[per second, p50 ms, p99 ms] of blocking confirmed publishes to one quorum queue, a connection a thread."""
    queue, samples, stop = "bench.floor.publish", [], time.monotonic() + seconds
    _declare(amqp_url, queue)

    def work() -> None:
        connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        channel = connection.channel()
        channel.confirm_delivery()
        while time.monotonic() < stop:
            started = time.perf_counter()
            channel.basic_publish("", queue, BODY, PROPERTIES, mandatory=True)
            samples.append((time.perf_counter() - started) * 1000)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    started = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rate = len(samples) / (time.monotonic() - started)
    _delete(amqp_url, queue)
    samples.sort()
    return [rate, samples[len(samples) // 2], samples[int(len(samples) * 0.99)]]


class FourHops:
    """hook → run → take → answer as bare messages between two threads with a connection each."""

    QUEUES = ("bench.floor.hook", "bench.floor.run", "bench.floor.take", "bench.floor.answer")

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        for queue in self.QUEUES:
            _declare(amqp_url, queue)
        self._stop = threading.Event()
        # hook and take arrive at the one who keeps the record, run at the one who works.
        self._workers = [
            threading.Thread(target=self._relay, args=(source, target), daemon=True)
            for source, target in zip(self.QUEUES[:3], self.QUEUES[1:], strict=True)
        ]
        for worker in self._workers:
            worker.start()

    def times_ms(self, count: int) -> list[float]:
        """One message at a time through all four queues."""
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.confirm_delivery()
        samples = []
        answers = channel.consume(self.QUEUES[3], auto_ack=True)
        for _ in range(count):
            started = time.perf_counter()
            channel.basic_publish("", self.QUEUES[0], BODY, PROPERTIES, mandatory=True)
            next(answers)
            samples.append((time.perf_counter() - started) * 1000)
            time.sleep(0.01)
        connection.close()
        return samples

    def close(self) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join()
        for queue in self.QUEUES:
            _delete(self._url, queue)

    def _relay(self, source: str, target: str) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=100)
        for method, _, body in channel.consume(source, inactivity_timeout=0.2):
            if method is not None:
                channel.basic_publish("", target, body, PROPERTIES, mandatory=True)
                channel.basic_ack(method.delivery_tag)
            elif self._stop.is_set():
                break
        channel.cancel()
        connection.close()


def _declare(amqp_url: str, queue: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    connection.close()


def _delete(amqp_url: str, *queues: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    for queue in queues:
        channel.queue_delete(queue)
    connection.close()
