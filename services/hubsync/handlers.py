"""What hubsync does with each topic that it receives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, cast

from shared.bus import Ack, Incoming, NotConfirmed, Outcome, RequestTimeout, Retry, StopConsuming, Unavailable
from shared.contracts.base import Message
from shared.contracts.catalog import Inspect, Inspected
from shared.contracts.mirror import MirrorPass, MirrorReport, MirrorState, Wanted, WantedAsk
from shared.contracts.problems import Refused
from shared.contracts.tag_polls import TagsLook, TagsSeen
from shared.contracts.topics import MIRROR_REPORT, MIRROR_WANTED, TAGS_LOOK_HUB, TAGS_SEEN, Topic
from shared.process.logging import get_logger

AGAIN_S = 5.0
ASK_TIMEOUT_S = 10.0

log = get_logger(part="mirror")


class HubsyncBus(Protocol):
    """What the handler needs of the bus."""

    def request(self, topic: Topic, message: Message, *, subject: str = "", timeout_s: float = 5.0) -> Message: ...

    def publish(self, topic: Topic, message: Message, *, subject: str, causation_id: str | None = None) -> None: ...


def asked_for(passes: Iterable[MirrorPass]) -> tuple[str, ...]:
    """The webhooks that several passes are about; empty means all."""
    ids: list[str] = []
    for mirror_pass in passes:
        if not mirror_pass.webhook_ids:
            return ()
        ids += mirror_pass.webhook_ids
    return tuple(dict.fromkeys(ids))


def mirror_batch(
    bus: HubsyncBus, run: Callable[[Wanted], Iterable[MirrorReport]]
) -> Callable[[Sequence[Incoming]], Sequence[Outcome]]:
    """The handler of `hubsync.mirror`: what has gathered is one pass; acknowledged when every report is confirmed."""

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        passes = [incoming.message for incoming in batch if isinstance(incoming.message, MirrorPass)]
        ask = WantedAsk(webhook_ids=asked_for(passes))
        try:
            hooks = bus.request(MIRROR_WANTED, ask, timeout_s=ASK_TIMEOUT_S)
        except (RequestTimeout, Unavailable, Refused) as away:
            raise StopConsuming(f"config does not say what is wanted: {away}", AGAIN_S) from away
        if not isinstance(hooks, Wanted):
            raise TypeError(f"the answer to {MIRROR_WANTED.name} is a {type(hooks).__name__}")
        cause = batch[-1].envelope.id if batch else None
        for report in run(hooks):
            _tell(report)
            try:
                bus.publish(MIRROR_REPORT, report, subject=report.webhook_id, causation_id=cause)
            except NotConfirmed as lost:
                raise StopConsuming(f"a report was not confirmed: {lost}", AGAIN_S) from lost
        return [Ack()] * len(batch)

    return handle


def list_tags(answer: Callable[[TagsLook], TagsSeen], bus: HubsyncBus) -> Callable[[Incoming], Outcome]:
    """The handler of `hubsync.looks`: acknowledged when the answer is confirmed."""

    def handle(incoming: Incoming) -> Outcome:
        query = incoming.message
        if not isinstance(query, TagsLook):
            raise TypeError(f"{TAGS_LOOK_HUB.name} brought a {type(query).__name__}")
        try:
            bus.publish(TAGS_SEEN, answer(query), subject=query.webhook_id, causation_id=incoming.envelope.id)
        except NotConfirmed as lost:
            return Retry(1.0, str(lost))
        return Ack()

    return handle


def inspect(answer: Callable[[Inspect], Inspected]) -> Callable[[Incoming], Message]:
    """Look at Docker Hub for a page or a check."""
    return lambda incoming: answer(cast("Inspect", incoming.message))


def _tell(report: MirrorReport) -> None:
    fine = report.state in (MirrorState.IN_STEP, MirrorState.GONE)
    say = log.info if fine and not report.repaired else log.warning
    say(
        "hook",
        webhook_id=report.webhook_id,
        generation=report.generation,
        state=report.state.value,
        reason=report.repaired or report.message,
    )
