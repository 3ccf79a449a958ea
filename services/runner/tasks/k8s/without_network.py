"""A program of its own: replaces itself by the command that it is given, which can open no socket to a network.

Proxies that lead nowhere do not do it alone: Go's programs go past every proxy to a loopback address. On Linux a
seccomp filter refuses each socket but those of Unix. Elsewhere, and without seccomp, the command runs as it is.
Sources: https://man7.org/linux/man-pages/man2/seccomp.2.html and linux/audit.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
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


if __name__ == "__main__":
    leave_network()
    os.execv(sys.argv[1], sys.argv[1:])
