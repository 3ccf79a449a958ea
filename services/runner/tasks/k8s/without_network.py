"""A program of its own: replaces itself by the command that it is given, which can open no socket to a network, and
fills neither memory nor disk.

Proxies that lead nowhere do not do it alone: Go's programs go past every proxy to a loopback address. On Linux a
seccomp filter refuses each socket but those of Unix. Elsewhere, and without seccomp, the command runs as it is.
Sources: https://man7.org/linux/man-pages/man2/seccomp.2.html and linux/audit.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
"""Offsets in `struct seccomp_data`."""
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
_AF_UNIX = 1
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The kernel's name for the architecture, and its number of `socket`."""


MAX_MEMORY_BYTES = 2 * 1024**3
"""Of data: a template such as `until 1000000000` asks for more. Go reserves far more addresses than it uses."""
MAX_FILE_BYTES = 64 * 1024**2
"""Of any one file, its complaints among them."""
MAX_CPU_S = 120
"""Of all its threads together; by the clock it is ended earlier."""
_FIRST_TO_END = "1000"


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _program(architecture: int, socket: int) -> bytes:
    return b"".join(
        (
            _instruction(_LOAD, _ARCHITECTURE),
            _instruction(_JUMP_EQUAL, architecture, 0, 5),
            _instruction(_LOAD, _NUMBER),
            _instruction(_JUMP_EQUAL, socket, 0, 2),
            _instruction(_LOAD, _FIRST_ARGUMENT),
            _instruction(_JUMP_EQUAL, _AF_UNIX, 0, 1),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _REFUSE),
        )
    )


class _Filter(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def leave_network() -> bool:
    """Whether this process, and what it becomes, can open no more sockets to a network from now on."""
    machine = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if machine is None:
        return False
    program = _program(*machine)
    loaded = _Filter(len(program) // 8, program)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    return not prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(loaded))


def be_bounded() -> None:
    """Within these limits from now on; where memory runs short all the same, the kernel ends it and not the runner."""
    for kind, limit in (
        (resource.RLIMIT_DATA, MAX_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        bound = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(kind, (bound, bound))
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write(_FIRST_TO_END)
    except OSError:
        # Only Linux has it.
        return


if __name__ == "__main__":
    leave_network()
    be_bounded()
    os.execv(sys.argv[1], sys.argv[1:])
