"""The ledger's ordered queue: one table from message to use case, a batch in one transaction, answers after its commit.

Takes, reports, resolved tags, reports about webhooks and notices share one queue because their order matters. An answer
that left before its commit could be a promise that a crash breaks, so that all of them wait for the batch's commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.config.accounts import sign_on_checks
from services.config.catalog.following.looking import SourceFollowing, parse_files
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.polling import TagPolling
from services.config.runs.batch import RunBatch
from services.config.runs.ledger import Ledger, Pending, subjects
from services.config.store import Store, UnitOfWork, Work, notices
from services.config.store.definitions import webhooks
from shared.bus import Ack, Answer, Incoming, Outcome
from shared.contracts.base import Message
from shared.contracts.definition_sources import CommitReported, SourceSeen
from shared.contracts.mirror import MirrorReport
from shared.contracts.notices import NoticeTried
from shared.contracts.pushes import HooksRefused, TagResolved
from shared.contracts.sign_on_checks import SignOnChecked
from shared.contracts.tag_polls import TagsSeen
from shared.contracts.texts import counted

_LOADED_AT_ONCE = 50
"""Runs, of a batch that may not get to its end."""

KeepMirrorReport = Callable[[UnitOfWork, MirrorReport], None]
"""Keeps what hubsync says about a webhook."""


class Inbox:
    """Applies what arrives on `config.ledger`."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        receiver: Deliveries,
        looks: TagPolling,
        keep_mirror_report: KeepMirrorReport,
        following: SourceFollowing,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._handlers: Mapping[type[Message], Callable[[RunBatch, Any], Pending]] = {
            **ledger.handlers(),
            TagResolved: receiver.resolved,
            MirrorReport: lambda batch, report: keep_mirror_report(batch.uow, report),
            NoticeTried: lambda batch, tried: notices.tried(batch.uow, tried),
            TagsSeen: looks.take_answer,
            SourceSeen: lambda batch, answer: following.take_answer(batch.uow, answer),
            CommitReported: lambda batch, answer: following.reported(batch.uow, answer),
            SignOnChecked: lambda batch, answer: sign_on_checks.checked(batch.uow, answer),
            HooksRefused: _hooks_refused,
        }

    def handle_batch(self, batch: Sequence[Incoming]) -> list[Outcome]:
        """Work on `config.ledger`."""
        answers = self.work([incoming.message for incoming in batch])
        return [Ack() if answer is None else Answer(answer) for answer in answers]

    def work(self, messages: Sequence[Message]) -> list[Message | None]:
        """Apply messages in order in one transaction; what is returned is true once this returns.

        Returns the answers to the first of them, for as long as the transaction may last; the others are to come again.
        """
        for message in messages:
            if isinstance(message, SourceSeen):
                parse_files(message)
        with self._store.write(Work.LEDGER) as uow:
            with RunBatch(uow) as movement:
                pending = []
                for place, message in enumerate(uow.within_turn(messages)):
                    if place % _LOADED_AT_ONCE == 0:
                        movement.preload(subjects(messages[place : place + _LOADED_AT_ONCE]))
                    pending.append(self._handlers[type(message)](movement, message))
            answers = self._ledger.answers(uow, pending)
        self._ledger.committed(pending)
        return answers


def _hooks_refused(movement: RunBatch, refused: HooksRefused) -> None:
    pushes = counted(refused.count, "push was", "pushes were")
    line = (
        f"{pushes} rate-limited (429): one gateway process accepts {refused.cap_per_minute} a minute per token "
        "(HOOK_CAP_PER_MINUTE)."
    )
    webhooks.add_history(movement.uow, refused.webhook_id, line)
