"""Load over HTTP, always bounded: as fast as answers come with `wrk`, steadily from this process, or one by one."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import re
import shutil
import subprocess
import tempfile
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
    """A push payload that names its digest, so that no registry is asked; each differs."""
    named = tag or f"1.0.{number}"
    push = {"registry": "docker.io", "repository": "acme/web", "tag": named, "pusher": "ann"}
    digest = f"sha256:{hashlib.sha256(f'{named} {number}'.encode()).hexdigest()}"
    return json.dumps({**push, "pushed_at": 1_764_000_000 + number, "digest": digest}).encode()


class Poster:
    """One kept connection that posts one body after the other, as a registry would."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._path = f"{target.path}?{target.query}"
        self._connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)

    def post(self, payload: bytes) -> None:
        """Post and demand a 2xx."""
        self._connection.request("POST", self._path, payload, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"the hook was answered {answer.status}: {said[:200]!r}")

    def close(self) -> None:
        self._connection.close()


_SCRIPT = """
local thread_number = 0
function setup(thread) thread:set("number", thread_number); thread_number = thread_number + 1 end
function init(_) count = {first} + number * 100000 end
function request()
  count = count + 1
  local body = string.gsub([==[{body}]==], "987654321", count)
  return wrk.format("POST", nil, {{["Content-Type"] = "application/json"}}, body)
end
"""


def accepted_per_s(url: str, *, connections: int, seconds: float, first: int = 0) -> float:
    """Hooks answered 2xx a second, each with a body of its own. `wrk` costs the machine less than a client of ours."""
    if shutil.which("wrk") is None:
        return post(url, connections=connections, seconds=seconds, first=first).accepted_per_s
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(
            _SCRIPT.format(
                first=1_764_000_000 + first, body=body(987_654_321 - 1_764_000_000, "1.0.987654321").decode()
            )
        )
        script.flush()
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds:.0f}s", "-s", script.name, url]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    done = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if done is None:
        raise RuntimeError(f"wrk said nothing that can be read: {said}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return (int(done.group(1)) - (int(refused.group(1)) if refused else 0)) / float(done.group(2))


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
            status = await _answered(reader)
            took = time.perf_counter() - started
            load.times_ms.append(took * 1000)
            load.statuses[status] += 1
            if pause > took:
                await asyncio.sleep(pause - took)
        writer.close()

    started = time.monotonic()
    await asyncio.gather(*(one() for _ in range(connections)))
    load.seconds = time.monotonic() - started
    return load


async def _answered(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    await reader.readexactly(int(length.group(1)) if length else 0)
    return int(head[9:12])
