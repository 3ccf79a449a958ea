"""Lines that tasks print: kept in chunks, head and tail, and shown as text."""

from __future__ import annotations

from collections.abc import Sequence

from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.resource import unsupported
from services.config.store import Reading, Store, UnitOfWork, Work, executions
from services.config.store import logs as stored
from shared.bus import Ack, Incoming, Outcome
from shared.contracts.base import Message
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.runs import LogChunk
from shared.contracts.texts import counted, whole_number
from shared.contracts.times import micros

HEAD_LINES = 2_000
TAIL_LINES = 8_000
"""Of each try this many first and last lines are kept."""


def keep_batch(store: Store, batch: Sequence[Incoming]) -> list[Outcome]:
    """Work on `config.logs`."""
    return [Ack()] * keep(store, [incoming.message for incoming in batch])


def keep(store: Store, messages: Sequence[Message]) -> int:
    """Store the first chunks, as many as one transaction has time for, and return how many messages that were.

    The same chunk again changes nothing.
    """
    with store.write(Work.LOGS) as uow:
        kept: list[Message] = []
        for message in uow.within_turn(messages):
            if isinstance(message, LogChunk):
                stored.add(uow, message)
            kept.append(message)
        ends: dict[tuple[str, str, str, int], int] = {}
        for chunk in (message for message in kept if isinstance(message, LogChunk)):
            task = (chunk.execution_id, chunk.stage, chunk.task, chunk.try_number)
            ends[task] = max(ends.get(task, 0), chunk.first_line + len(chunk.lines))
        for task, end in ends.items():
            if end > HEAD_LINES + TAIL_LINES:
                stored.cut(uow, *task, after=HEAD_LINES, before=end - TAIL_LINES)
    return len(kept)


class Logs:
    """The kind `logs`: of one execution, whole or of one task."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """Chunks of the execution `parent`, in order; options `stage`, `task`, `try`, `after` narrow them. With `last`
        those that hold this many last lines, of one try; with `before` too, the last before that line."""
        _demand(uow, person, ask.parent)
        last = whole_number(str(ask.options.get("last") or ""))
        if last is None:
            chunks = stored.chunks(uow, ask.parent, ask.options, limit=ask.top, skip=ask.skip)
        else:
            before = whole_number(str(ask.options.get("before") or ""))
            count = min(last, HEAD_LINES + TAIL_LINES)
            chunks = stored.last_chunks(uow, ask.parent, ask.options, lines=count, before=before)
        documents = tuple(
            {
                "stage": chunk.stage,
                "task": chunk.task,
                "try": chunk.try_number,
                "firstLine": chunk.first_line,
                "lines": chunk.lines,
                "at": micros(chunk.at),
            }
            for chunk in chunks
        )
        return Page(documents=documents, total=ask.skip + len(documents))

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """All kept lines of the execution or one of its tasks as one text; says where lines were cut."""
        _demand(uow, person, ask.id)
        parts: list[str] = []
        ends: dict[tuple[str, str, int], int] = {}
        for chunk in stored.chunks(uow, ask.id, ask.options, limit=100_000, skip=0):
            key = (chunk.stage, chunk.task, chunk.try_number)
            gap = chunk.first_line - ends.get(key, 0)
            if gap > 0:
                parts.append(f"[{counted(gap, 'line')} of {chunk.stage}.{chunk.task} not kept]")
            parts += chunk.lines
            ends[key] = chunk.first_line + len(chunk.lines)
        return Document(document={"executionId": ask.id}, text="\n".join(parts))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Logs are only read."""
        raise unsupported(Kind.LOGS, ask.verb, ())


def _demand(uow: Reading, person: Person, execution_id: str) -> None:
    run = executions.load_runs(uow, [execution_id]).get(execution_id)
    if run is None or not person.may(run.project, Right.READ):
        raise refuse(Code.NOT_FOUND, f"There is no execution {execution_id}", subject=execution_id)
