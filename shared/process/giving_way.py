"""Threads whose work gives way to all others of the machine, such as what strangers make a process do."""

from __future__ import annotations

import os
import sys
import threading

NICENESS = 5
"""Beyond the process's own: one that itself gives way to others must not put such work before its own."""


def give_way() -> None:
    """Lower the calling thread's priority; threads that it starts inherit that.

    Only Linux keeps a priority for each thread: elsewhere this would lower the whole process, and does nothing.
    """
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
