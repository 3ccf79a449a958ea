"""What Linux tells of processes and their connections."""

from __future__ import annotations

from pathlib import Path

ESTABLISHED = "01"


def tree(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in tree(int(child)))]


def resident_bytes(pid: int) -> int:
    """The memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def connections_from(address: str, port: int) -> int:
    """How many connections a port of this machine has from an IPv4 address of this machine."""
    local, remote = f":{port:04X}", "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(local) and row[2].startswith(remote) and row[3] == ESTABLISHED for row in rows)
