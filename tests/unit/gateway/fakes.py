"""Stand-ins for the bus: they keep what arrives and answer what a test told them, checked as on the real one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from shared.bus import RequestTimeout
from shared.contracts.base import Message
from shared.contracts.envelope import Caller
from shared.contracts.pushes import Allowlist, AllowlistAsk, HookReceived, HooksRefused, TokenEntry
from shared.contracts.topics import Service, Topic
from shared.process.secrets import token_hash
from tests.support.fake_bus import carry, carry_back


class FakePost:
    """Confirms at once by default; answers questions from a table of topic names."""

    def __init__(self) -> None:
        self.connected = True
        self.confirms = True
        self.published: list[HookReceived] = []
        self.topics: list[str] = []
        self.refused: list[HooksRefused] = []
        self.unconfirmed: list[Future[None]] = []
        self.asked: list[tuple[str, Message, Caller | None]] = []
        self.answers: dict[str, Callable[[Any], Message]] = {}

    def publish_nowait(
        self, topic: Topic, message: Message, *, subject: str, message_id: str | None = None
    ) -> Future[None]:
        future: Future[None] = Future()
        _, arrived = carry(topic, message, sender=Service.GATEWAY, subject=subject)
        if isinstance(arrived, HooksRefused):
            self.refused.append(arrived)
            future.set_result(None)
            return future
        assert isinstance(arrived, HookReceived)
        self.topics.append(topic.name)
        if self.confirms:
            self.published.append(arrived)
            future.set_result(None)
        else:
            self.unconfirmed.append(future)
        return future

    def request(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str = "",
        caller: Caller | None = None,
        command_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Message:
        envelope, ask = carry(
            topic, message, sender=Service.GATEWAY, subject=subject, caller=caller, command_id=command_id
        )
        self.asked.append((topic.name, ask, envelope.caller))
        if topic.name not in self.answers:
            raise RequestTimeout(f"nobody answered {topic.name}")
        return carry_back(topic, self.answers[topic.name](ask), request_id=envelope.id)

    def knows(self, *entries: TokenEntry, revision: int = 1) -> None:
        """Answer for the allowlist like config."""

        def answer(ask: AllowlistAsk) -> Allowlist:
            found = tuple(entry for entry in entries if ask.token_hash in (None, entry.token_hash))
            return Allowlist(revision=revision, entries=found)

        self.answers["allowlist.ask"] = answer


def entry(token: str, webhook_id: str = "w1", **more: Any) -> TokenEntry:
    """An allowlist entry for a clear token."""
    return TokenEntry(token_hash=token_hash(token), webhook_id=webhook_id, **more)
