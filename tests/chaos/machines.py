"""More than one machine: a cluster of brokers and PostgreSQL, and how each of them dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cli.rabbitmq import PrivateNode
from tests.support.broker_cluster import BrokerCluster
from tests.support.postgres import PrivatePostgres, empty_database

from .mayhem import Deed

AWAY_S = 4.0


@dataclass(frozen=True, slots=True)
class Machines:
    """What a system of several machines stands on."""

    brokers: BrokerCluster
    database: PrivatePostgres
    database_url: str

    def deeds(self) -> list[Deed]:
        """A node at a time, since two of three are needed; the database as by `pg_ctl stop -m immediate`."""
        return [
            *((f"kill node {number}", partial(self._kill, node)) for number, node in enumerate(self.brokers.nodes, 1)),
            ("stop the database", self._stop_database),
        ]

    def _kill(self, node: PrivateNode) -> None:
        node.kill()
        time.sleep(AWAY_S)
        node.start()
        self.brokers.wait_whole()

    def _stop_database(self) -> None:
        self.database.stop(at_once=True)
        time.sleep(AWAY_S)
        self.database.start()


@contextmanager
def machines(home: Path, size: int) -> Iterator[Machines]:
    """Start `size` brokers and a database that keeps what it has confirmed."""
    brokers, database = BrokerCluster(home / "brokers", size), PrivatePostgres(durable=True)
    try:
        brokers.start()
        database.start()
        yield Machines(brokers, database, empty_database(database.url))
    finally:
        brokers.stop()
        database.remove()
