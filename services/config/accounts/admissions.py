"""Passwords that may be tried: granted before a gateway makes a digest, used up by the sign-in. In memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from services.config.catalog.context import new_id

from .sign_in_limits import SignInLimits, SignInOrigin, Way

ADMITTED_FOR_S = 20.0
"""An admission that is not used by then counts as a failed sign-in, and its place is free again."""


@dataclass(frozen=True, slots=True)
class _Admitted:
    origin: SignInOrigin
    until: float
    """In monotonic seconds."""


class Admissions:
    """As many as the limits let be under way at once."""

    def __init__(self, limits: SignInLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._admitted: dict[str, _Admitted] = {}
        self._lock = threading.Lock()

    def grant(self, origin: SignInOrigin) -> str:
        """The id of a new one. Raises `LimitReached`."""
        at = self._monotonic()
        with self._lock:
            self._end_old(at)
            self._limits.admit(Way.PASSWORD, origin)
            admission_id = new_id()
            self._admitted[admission_id] = _Admitted(origin, at + ADMITTED_FOR_S)
        return admission_id

    def use(self, admission_id: str) -> SignInOrigin | None:
        """Whose it is; None for one that is not in force, as after a restart."""
        with self._lock:
            self._end_old(self._monotonic())
            admitted = self._admitted.pop(admission_id, None)
        return admitted.origin if admitted is not None else None

    def _end_old(self, at: float) -> None:
        for admission_id in [key for key, admitted in self._admitted.items() if admitted.until <= at]:
            self._limits.end(Way.PASSWORD, self._admitted.pop(admission_id).origin, good=False)
