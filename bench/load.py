"""A bounded HTTP load from this process: keep-alive connections that each post one body after the other."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came of it. `times_ms` in the order of completion."""

    seconds: float = 0.0
    times_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def accepted_per_s(self) -> float:
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300) / self.seconds


def body(number: int, tag: str | None = None) -> bytes:
    """A push payload in Docker Hub's shape; each differs."""
    push = {"tag": tag or f"1.0.{number}", "pusher": "ann", "pushed_at": 1_764_000_000 + number, "images": []}
    repository = {"repo_name": "acme/web", "name": "web", "namespace": "acme", "owner": "acme", "status": "Active"}
    return json.dumps({"callback_url": "", "push_data": push, "repository": repository}).encode()


def post(url: str, *, connections: int, seconds: float, first: int = 0, rate_per_s: float | None = None) -> Load:
    """Post for `seconds`, as fast as the answers come or at a steady rate over all connections."""
    return asyncio.run(_post(url, connections, seconds, first, rate_per_s))


async def _post(url: str, connections: int, seconds: float, first: int, rate_per_s: float | None) -> Load:
    target = urlsplit(url)
    path = f"{target.path}?{target.query}"
    load, stop, numbers = Load(), time.monotonic() + seconds, iter(range(first, first + 10_000_000))

    async def one() -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        pause = connections / rate_per_s if rate_per_s else 0.0
        while time.monotonic() < stop:
            payload = body(next(numbers))
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(payload)}\r\n\r\n"
            )
            started = time.perf_counter()
            writer.write(head.encode() + payload)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in answer.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            await reader.readexactly(length)
            took = time.perf_counter() - started
            load.times_ms.append(took * 1000)
            load.statuses[int(answer[9:12])] += 1
            if pause > took:
                await asyncio.sleep(pause - took)
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(one() for _ in range(connections)))
    load.seconds = time.monotonic() - started
    return load
