"""Records what transactions promised and broadcast."""

from __future__ import annotations

from services.config.store import Observer, Store
from services.config.store.unit_of_work import Promised
from shared.contracts.base import Message
from shared.contracts.topics import Topic


class Recorder(Observer):
    """Keeps, in order, all that the store's observers hear from now on."""

    def __init__(self, store: Store) -> None:
        self.promised: list[Promised] = []
        self.broadcasts: list[tuple[Topic, Message, str]] = []
        store.add_observer(self)

    def on_promised(self, rows: list[Promised]) -> None:
        self.promised += rows

    def on_broadcast(self, topic: Topic, message: Message, subject: str) -> None:
        self.broadcasts.append((topic, message, subject))
