"""What the gateway needs of the bus, so that tests can stand in for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from shared.contracts.base import Message
from shared.contracts.envelope import Caller
from shared.contracts.topics import Queue, Topic

if TYPE_CHECKING:
    from shared.bus import Consumer, Incoming

M = TypeVar("M", bound=Message)


def expect(message: Message, expected: type[M]) -> M:
    """The message as the type that its topic promises. Raises `TypeError` for any other."""
    if not isinstance(message, expected):
        raise TypeError(f"Expected {expected.__name__}, received {type(message).__name__}.")
    return message


class PublishPort(Protocol):
    """The receiver's half: one confirmed publish a hook."""

    @property
    def connected(self) -> bool: ...

    def publish_nowait(
        self, topic: Topic, message: Message, *, subject: str, message_id: str | None = None
    ) -> Future[None]: ...


class RequestPort(Protocol):
    """The half of API and pages: a question and its answer."""

    def request(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str = "",
        caller: Caller | None = None,
        command_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Message: ...


class ListenPort(Protocol):
    """News for every process."""

    def listen(
        self,
        queue: Queue,
        handlers: Mapping[Topic, Callable[[Incoming], None]],
        *,
        on_gap: Callable[[], None] | None = None,
    ) -> Consumer: ...


class BusPort(PublishPort, RequestPort, ListenPort, Protocol):
    """All of it: what `shared.bus.Bus` is."""
