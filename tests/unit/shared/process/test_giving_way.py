"""A thread's work that gives way to all other work of the machine."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.process.giving_way import NICENESS, give_way


def _own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux only")
def test_a_thread_gives_way_at_whatever_priority_its_process_runs() -> None:
    def twice() -> list[int]:
        priorities = [_own_priority()]
        for _ in range(2):
            give_way()
            priorities.append(_own_priority())
        return priorities

    before = _own_priority()
    with ThreadPoolExecutor(1) as pool:
        at_first, *lowered = pool.submit(twice).result()
    assert lowered == [min(19, at_first + NICENESS), min(19, at_first + 2 * NICENESS)]
    assert _own_priority() == before
