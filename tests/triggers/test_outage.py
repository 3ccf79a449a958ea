"""The broker is away under a steady stream of hooks: every hook that got its 202 is executed once."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from typing import Any

import requests

from tests.support.world import World, wait_for

Json = dict[str, Any]
PER_S = 100
AWAY_S = float(os.environ.get("OUTAGE_S", "8"))
"""The suite's is short; `OUTAGE_S=60` is the whole minute."""
SENDERS = 8
PIPELINE = """
project: default
kind: PIPELINE
name: Nothing
enabled: true
concurrency: 100
supersede: parallel
options: [DOCKER_TRIGGER]
stageOrder: [One]
stages:
  One:
    taskOrder: [Check]
    tasks:
      Check:
        type: Condition
        input: {condition: "1 == 1"}
"""


class Stream:
    """This many hooks a second; keeps the delivery ids of those that got 202, and what the others got."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.accepted: list[str] = []
        self.refused: Counter[object] = Counter()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(SENDERS)]
        self._began = time.monotonic()

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            with self._lock:
                number = next(self._numbers)
            time.sleep(max(0.0, self._began + number / PER_S - time.monotonic()))
            body = {
                "registry": "docker.io",
                "repository": f"acme/app{number % 50}",
                "tag": f"t{number}",
                "digest": f"sha256:{number:064x}",
                "pushed_at": 1_700_000_000 + number,
            }
            try:
                answer = session.post(self._url, data=json.dumps(body), timeout=20)
            except requests.RequestException as error:
                self.refused[type(error).__name__] += 1
                continue
            if answer.status_code == 202:
                self.accepted.append(answer.json()["delivery"])
            else:
                self.refused[answer.status_code] += 1


def test_every_accepted_hook_is_executed_once_though_the_broker_was_away(world: World) -> None:
    world.client.import_yaml(PIPELINE, "apply")
    nowhere = "http://127.0.0.1:9"
    properties = {"serverType": "DockerHub", "repoURL": "acme", "hubURL": nowhere, "registryURL": nowhere}
    endpoint = {"name": "stream", "project": "default", "type": "docker", "properties": properties}
    about = {"name": "stream", "project": "default", "pipeline": "Nothing", "wholeNamespace": True}
    made = world.client.post("/registry-webhooks", {**about, "endpoint": endpoint})
    with Stream(made["hookUrl"]) as stream:
        time.sleep(2)
        world.restart_broker(away_s=AWAY_S)
        time.sleep(2)
    assert stream.refused == Counter()
    accepted = Counter(stream.accepted)
    assert len(accepted) == len(stream.accepted) > PER_S * AWAY_S / 2

    patience_s = 60 + len(accepted) / 5
    mine = "webhook eq 'stream' and (verdict eq 'started' or verdict eq 'queued')"
    wait_for(lambda: total(world, "/registry-events", mine) >= len(accepted), "every event to be judged", patience_s)
    # Read when no more come: a row that is added while pages are read moves the others.
    events = everything(world, "/registry-events", "webhook eq 'stream'")
    assert Counter(one["deliveryId"] for one in events) == accepted
    assert len({one["executionLink"] for one in events}) == len(accepted)
    wait_for(
        lambda: total(world, "/executions", "name eq 'Nothing' and status eq 'COMPLETED'") == len(accepted),
        f"{len(accepted)} executions to end well",
        patience_s,
    )
    assert total(world, "/executions", "name eq 'Nothing'") == len(accepted)


def everything(world: World, path: str, filter: str) -> list[Json]:
    """All pages of a list."""
    found: list[Json] = []
    while True:
        window = {"$filter": filter, "$top": 200, "$skip": len(found)}
        page = world.retry(lambda window=window: world.client.documents(path, **window))  # type: ignore[misc]
        found += page
        if len(page) < 200:
            return found


def total(world: World, path: str, filter: str) -> int:
    """How many a list has; exact up to ten thousand."""
    answer = world.retry(lambda: world.client.get(path, **{"$filter": filter, "$top": "1"}))
    return int(answer["totalCount"])
