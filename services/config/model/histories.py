"""Histories made smaller: without values for lists, with the largest values cut where all are read. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from shared.contracts.base import Json
from shared.contracts.bounds import MAX_DEPTH, size_of
from shared.contracts.history import (
    Event,
    Output,
    Recorded,
    RollbackStarted,
    RunEnded,
    TaskAnswered,
    TaskEnded,
    TaskHandle,
    TaskKept,
    TaskProgress,
    TaskStarted,
    TaskWaiting,
)
from shared.grammar.cutting import CUT_MARK, cut_deep

E = TypeVar("E", bound=Event)

BRIEF_FROM = 4_096
"""Bytes of an event from which on lists read another, brief one in its place."""
MAX_HISTORY_BYTES = 5 * 1024 * 1024
"""Of the events of one run that are read whole; it leaves room in a message for the plan and the inputs."""
_DEEPEST_HANDLE = 2 * MAX_DEPTH
_BROUGHT = ("outputProperties", "sealedProperties")
"""What the end of a nested run or of a rollback brings along."""


def brief(event: Event) -> Event:
    """The event without what only its own page shows: inputs, outputs, handles, questions."""
    empty = _EMPTY.get(type(event))
    return event.model_copy(update=empty(event)) if empty is not None else event


def cut(event: Event) -> Event:
    """The event with a mark in place of the values that can be missed, and nothing sealed beside a mark.

    A handle or a question stays: cut, it would mean something else.
    """
    marked = _MARKED.get(type(event))
    return event.model_copy(update=marked(event)) if marked is not None else event


def shallow(event: Event) -> Event:
    """The event with a mark in place of whatever is nested too deep to travel; a handle may hold deep objects."""
    values = {name: value for name in _VALUES if (value := getattr(event, name, None))}
    cuts = {name: cut_deep(value, _DEEPEST_HANDLE if name == "handle" else MAX_DEPTH) for name, value in values.items()}
    if isinstance(event, TaskEnded | TaskKept):
        cuts["output"] = event.output.model_copy(update={"view": cut_deep(event.output.view)})
    changed = {name: value for name, value in cuts.items() if value != getattr(event, name)}
    return event.model_copy(update=changed) if changed else event


def within(events: Iterable[tuple[Recorded, int]], limit: int = MAX_HISTORY_BYTES) -> list[Recorded]:
    """A history of at most `limit` bytes: of events, each with its size, the largest are cut until the rest fits.

    Cuts while it reads, so that no more than the limit and one event are ever in memory.
    """
    kept: list[Recorded] = []
    largest: list[tuple[int, int]] = []
    total = 0
    for recorded, size in events:
        heapq.heappush(largest, (-size, len(kept)))
        kept.append(recorded)
        total += size
        while total > limit and largest:
            negative, place = heapq.heappop(largest)
            event = cut(kept[place].event)
            if event is not kept[place].event:
                kept[place] = Recorded.model_construct(attempt=kept[place].attempt, event=event)
                total += negative + len(event.model_dump_json())
    return kept


def _mark(value: Any) -> Json:
    return {CUT_MARK: size_of(value)} if value else {}


def _without_brought(event: TaskAnswered, replace: Callable[[Any], Any]) -> Json:
    return {key: replace(value) if key in _BROUGHT else value for key, value in event.answer.items()}


_VALUES = ("input", "handle", "data", "ask", "answer")
_EMPTY: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    TaskStarted: lambda _: {"input": {}, "sealed": None},
    TaskHandle: lambda _: {"handle": {}},
    TaskProgress: lambda _: {"data": {}},
    TaskWaiting: lambda _: {"ask": {}},
    TaskAnswered: lambda event: {"answer": _without_brought(event, lambda _: {})},
    TaskEnded: lambda _: {"output": Output()},
    TaskKept: lambda _: {"input": {}, "sealed": None, "output": Output()},
    RollbackStarted: lambda _: {"input": {}, "sealed": {}},
    RunEnded: lambda _: {"output": {}, "sealed": {}},
}
_MARKED: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    TaskStarted: lambda event: {"input": _mark(event.input), "sealed": None},
    TaskProgress: lambda event: {"data": _mark(event.data)},
    TaskAnswered: lambda event: {"answer": _without_brought(event, lambda value: {CUT_MARK: size_of(value)})},
    TaskEnded: lambda event: {"output": Output(view=_mark(event.output.view))},
    TaskKept: lambda event: {
        "input": _mark(event.input),
        "sealed": None,
        "output": Output(view=_mark(event.output.view)),
    },
    RollbackStarted: lambda event: {"input": _mark(event.input), "sealed": {}},
    RunEnded: lambda event: {"output": _mark(event.output), "sealed": {}},
}
