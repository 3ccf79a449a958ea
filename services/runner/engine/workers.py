"""The threads that call tasks: shared fairly among projects, and counted where a call does not come back.

Everything but the calls themselves happens in the holder's thread. The threads are daemons: one that never returns
must not keep the process from ending.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.outbound.cancel_scope import CancelScope

LOST_AFTER_S = 60.0
"""A call whose sockets were closed so long ago, and that has not come back, is lost with its thread."""
LOST_SHARE = 0.25
"""The runner ends its process when so large a part of its threads is lost."""
PROJECT_SHARE = 0.75
"""The part of the threads that one project may hold; the rest is for the others."""


class Withdrawn:
    """Answers a call that was not begun when its process began to end."""


@dataclass(eq=False)
class TaskCall:
    """A call that waits for a thread or occupies one."""

    project: str
    run: Callable[[CancelScope], Any]
    then: Callable[[Any], None]
    scope: CancelScope | None = None
    """Of its thread, once it has one."""
    ended_at: float | None = None
    """When its scope was first seen to have ended."""


class FairQueue:
    """Which waiting call gets the next thread. Pure.

    The project with the fewest calls under way is next, of equals the one that has waited longest; one project holds
    at most `most` threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[str, deque[TaskCall]] = {}
        """By project, in the order in which each began to wait."""
        self._under_way: dict[str, int] = {}

    def add(self, call: TaskCall) -> None:
        """The call waits for a thread."""
        self._waiting.setdefault(call.project, deque()).append(call)

    def next(self) -> TaskCall | None:
        """The call to begin now, counted as under way; None where nobody may have a thread."""
        free = [project for project in self._waiting if self._under_way.get(project, 0) < self._most]
        if not free:
            return None
        project = min(free, key=lambda project: self._under_way.get(project, 0))
        calls = self._waiting.pop(project)
        call = calls.popleft()
        if calls:
            self._waiting[project] = calls
        self._under_way[project] = self._under_way.get(project, 0) + 1
        return call

    def over(self, call: TaskCall) -> None:
        """The call has given its thread back."""
        self._under_way[call.project] -= 1
        if not self._under_way[call.project]:
            del self._under_way[call.project]

    def withdraw(self) -> list[TaskCall]:
        """Everything that waits; it waits no longer."""
        calls = [call for waiting in self._waiting.values() for call in waiting]
        self._waiting.clear()
        return calls


class TaskThreads:
    """Calls tasks in at most `threads` threads, which start as they are needed."""

    def __init__(self, threads: int, post: Callable[[Callable[[], None]], None]) -> None:
        self._limit = threads
        self._post = post
        self._queue = FairQueue(max(1, int(threads * PROJECT_SHARE)))
        self._under_way: set[TaskCall] = set()
        self._begun: queue.SimpleQueue[TaskCall | None] = queue.SimpleQueue()
        self._started = 0

    def submit(self, call: TaskCall) -> None:
        """Call it in a thread as soon as its project may have one; its answer or exception is posted to `then`."""
        self._queue.add(call)
        self._fill()

    def lost(self, now: float) -> list[TaskCall]:
        """The calls that do not come back although their sockets are closed; asked again and again."""
        for call in self._under_way:
            if call.ended_at is None and call.scope is not None and call.scope.ended is not None:
                call.ended_at = now
        return [call for call in self._under_way if call.ended_at is not None and now - call.ended_at >= LOST_AFTER_S]

    def too_many(self, lost: int) -> bool:
        """Whether what is left of the threads no longer serves."""
        return lost >= max(1.0, self._limit * LOST_SHARE)

    def withdraw(self) -> None:
        """The process ends: what waits for a thread gets none."""
        for call in self._queue.withdraw():
            call.then(Withdrawn())

    def close(self) -> None:
        """Close the sockets of what is still under way, and let the threads end."""
        for call in self._under_way:
            if call.scope is not None:
                call.scope.cancel()
        for _ in range(self._started):
            self._begun.put(None)

    def _fill(self) -> None:
        while len(self._under_way) < self._limit and (call := self._queue.next()) is not None:
            self._under_way.add(call)
            if self._started < len(self._under_way):
                self._started += 1
                threading.Thread(target=self._work, name=f"task-{self._started}", daemon=True).start()
            self._begun.put(call)

    def _work(self) -> None:
        while (call := self._begun.get()) is not None:
            try:
                with CancelScope() as scope:
                    call.scope = scope
                    answer: Any = call.run(scope)
            except BaseException as error:
                answer = error
            self._post(_over(self, call, answer))

    def came_back(self, call: TaskCall, answer: Any) -> None:
        """A thread is free again."""
        self._under_way.discard(call)
        self._queue.over(call)
        self._fill()
        call.then(answer)


def _over(workers: TaskThreads, call: TaskCall, answer: Any) -> Callable[[], None]:
    return lambda: workers.came_back(call, answer)
