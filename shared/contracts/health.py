"""How the processes are: what each of them says of itself every two seconds."""

from __future__ import annotations

from .base import Message


class ProcessHealth(Message):
    """One process's word on itself. Broadcast and never stored: who falls silent is unwell."""

    service: str
    instance: str
    host: str
    pid: int
    since: float
    """When the process began, in seconds since the epoch."""
    troubles: tuple[str, ...] = ()
    """One line each: what is wrong and what to do."""
    notes: tuple[str, ...] = ()
    """What a person should know that leaves the process well."""
    ended: bool = False
    """The process stops in order: its silence is not a fault."""
