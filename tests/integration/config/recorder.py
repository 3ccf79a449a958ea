"""Records what transactions promised and broadcast, as it would arrive."""

from __future__ import annotations

from services.config.store import Observer, Store
from services.config.store.unit_of_work import Promised
from shared.contracts.base import Message
from shared.contracts.topics import BY_TYPE, Service, Topic
from tests.support.fake_bus import carry


class Recorder(Observer):
    """Keeps, in order, all that the store's observers hear from now on."""

    def __init__(self, store: Store) -> None:
        self.promised: list[Promised] = []
        self.broadcasts: list[tuple[Topic, Message, str]] = []
        store.add_observer(self)

    def on_promised(self, rows: list[Promised]) -> None:
        for row in rows:
            if row.message is not None:
                carry(BY_TYPE[row.type], row.message, sender=Service.CONFIG, subject=row.subject)
        self.promised += rows

    def on_broadcast(self, topic: Topic, message: Message, subject: str) -> None:
        _, arrived = carry(topic, message, sender=Service.CONFIG, subject=subject)
        self.broadcasts.append((topic, arrived, subject))
