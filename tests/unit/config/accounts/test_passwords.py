"""Passwords: nobody's costs as much to check as anybody's, and a stranger's check gives way to all that config does."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.config.accounts import passwords


def test_the_hash_that_unknown_users_are_compared_with_has_the_hashers_parameters() -> None:
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)


def _own_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux only")
def test_a_strangers_check_gives_way_to_config_at_whatever_priority_that_runs() -> None:
    def twice() -> list[int]:
        priorities = [_own_priority()]
        for _ in range(2):
            passwords._give_way()
            priorities.append(_own_priority())
        return priorities

    with ThreadPoolExecutor(1) as pool:
        at_first, *lowered = pool.submit(twice).result()
    step = passwords._NICENESS
    assert lowered == [min(19, at_first + step), min(19, at_first + 2 * step)]
