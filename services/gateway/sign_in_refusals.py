"""What config refused for a while, repeated here meanwhile, so that a flood of sign-ins ends in the gateway."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from shared.contracts.problems import Problem, Refused

T = TypeVar("T")

MOST_REMEMBERED = 10_000
STRANGER_FOR_S = 30.0
"""So long an origin that config called a stranger shares what is refused to all strangers."""
ASK_EVERY_S = 0.25
"""While strangers are refused, one of them asks again for all."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    problem: Problem
    until: float
    """In monotonic seconds."""


class SignInRefusals:
    """By way and origin, and one for all strangers: config alone knows who is one, so each is asked about once."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._refusals: OrderedDict[tuple[str, str], _Refusal] = OrderedDict()
        self._strangers: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._of_strangers: _Refusal | None = None
        self._lock = threading.Lock()

    def demand_none(self, key: tuple[str, str]) -> None:
        """Nothing is refused to this way and origin now. Raises `Refused`."""
        with self._lock:
            at = self._monotonic()
            _raise_in_force(self._refusals.get(key), at)
            if self._strangers.get(key, at) > at and self._of_strangers is not None:
                _raise_in_force(self._of_strangers, at)
                self._of_strangers = replace(self._of_strangers, until=at + ASK_EVERY_S)

    def remember(self, key: tuple[str, str], problem: Problem) -> None:
        """config has refused it."""
        with self._lock:
            at = self._monotonic()
            refusal = _Refusal(problem, at + (problem.retry_after_s or 0.0))
            if problem.details.get("limit") == "strangers":
                self._of_strangers = refusal
                _put(self._strangers, key, at + STRANGER_FOR_S)
            else:
                _put(self._refusals, key, refusal)

    def forget(self, key: tuple[str, str]) -> None:
        """Somebody has signed in from there."""
        with self._lock:
            self._refusals.pop(key, None)
            self._strangers.pop(key, None)


def _raise_in_force(refusal: _Refusal | None, at: float) -> None:
    if refusal is not None and refusal.until > at:
        raise Refused(refusal.problem.model_copy(update={"retry_after_s": max(1.0, refusal.until - at)}))


def _put(table: OrderedDict[tuple[str, str], T], key: tuple[str, str], value: T) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > MOST_REMEMBERED:
        table.popitem(last=False)
