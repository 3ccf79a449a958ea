"""How often sign-ins may fail: by where they come from, and in all. In memory: a restart forgives.

Nothing is counted by user name, so that nobody can lock another out. Two bounds hold instead. Each origin, a browser
that has signed in before or else the client's address, has a few failures free and then one in a while. All password
checks together are bounded too, because a check costs a core for a tenth of a second; origins that have signed in
before have a share of their own, which strangers cannot use up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MOST_ORIGINS = 10_000
"""This many origins are remembered; the one that failed longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class BucketRate:
    """Tokens of a bucket: how many at most, and how many come back a second."""

    burst: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Share:
    """What strangers, or those who have signed in before, may use of the password checks."""

    rate: BucketRate
    at_once: int


PER_ORIGIN = BucketRate(burst=10, per_s=1 / 30)
STRANGERS = Share(BucketRate(burst=20, per_s=1), at_once=4)
FAMILIAR = Share(BucketRate(burst=60, per_s=4), at_once=16)
MOST_CHECKS = STRANGERS.at_once + FAMILIAR.at_once
"""Password checks that may wait or run at once."""


class Way(StrEnum):
    """What somebody shows to be let in. Failures of one way do not count against another."""

    PASSWORD = "password"
    TOKEN = "token"
    CODE = "code"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class SignInOrigin:
    """Where a sign-in comes from. `name` is for people and empty where the client's address is not known."""

    name: str
    familiar: bool = False


class LimitReached(Exception):
    """Not now: `wait_s` until the next try; `origin` names who failed too often, empty where all together did."""

    def __init__(self, wait_s: float, origin: str = "") -> None:
        super().__init__(f"again in {wait_s:.1f} s")
        self.wait_s = wait_s
        self.origin = origin


class _Bucket:
    """Tokens that come back with time."""

    def __init__(self, rate: BucketRate, at: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = at

    def wait_s(self, at: float) -> float:
        """Seconds until there is a token; 0 when there is one."""
        self._tokens = min(self._rate.burst, self._tokens + (at - self._at) * self._rate.per_s)
        self._at = at
        return max(0.0, (1 - self._tokens) / self._rate.per_s)

    def take(self) -> None:
        self._tokens -= 1

    def give_back(self) -> None:
        self._tokens = min(self._rate.burst, self._tokens + 1)


class _Pool:
    """The password checks of one share."""

    def __init__(self, share: Share, at: float) -> None:
        self._bucket = _Bucket(share.rate, at)
        self._at_once = share.at_once
        self._under_way = 0

    def wait_s(self, at: float) -> float:
        return max(self._bucket.wait_s(at), 0.0 if self._under_way < self._at_once else 1.0)

    def take(self) -> None:
        self._bucket.take()
        self._under_way += 1

    def end(self, *, good: bool) -> None:
        self._under_way -= 1
        if good:
            self._bucket.give_back()


class SignInLimits:
    """Every attempt is admitted, and later ended with whether it was good: good ones cost nothing."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._origins: OrderedDict[tuple[Way, str], _Bucket] = OrderedDict()
        self._pools = {False: _Pool(STRANGERS, monotonic()), True: _Pool(FAMILIAR, monotonic())}
        self._lock = threading.Lock()
        self._refused_at = float("-inf")
        self.refused = 0
        """Attempts that were refused since the last quiet minute."""

    def admit(self, way: Way, origin: SignInOrigin) -> None:
        """Count an attempt as failed until `end` says otherwise. Raises `LimitReached`."""
        with self._lock:
            at = self._monotonic()
            bucket = self._bucket(way, origin, at)
            pool = self._pools[origin.familiar] if way is Way.PASSWORD else None
            if bucket is not None and (wait_s := bucket.wait_s(at)):
                self._refuse(at, wait_s, origin.name)
            if pool is not None and (wait_s := pool.wait_s(at)):
                self._refuse(at, wait_s, "")
            if bucket is not None:
                bucket.take()
            if pool is not None:
                pool.take()

    def end(self, way: Way, origin: SignInOrigin, *, good: bool) -> None:
        """The attempt is over."""
        with self._lock:
            if way is Way.PASSWORD:
                self._pools[origin.familiar].end(good=good)
            if good and (bucket := self._origins.get((way, origin.name))) is not None:
                bucket.give_back()

    def note(self) -> str:
        """For Health: that attempts are refused; empty after a minute without."""
        with self._lock:
            if self._monotonic() - self._refused_at > 60:
                self.refused = 0
            if not self.refused:
                return ""
            return (
                f"{self.refused:,} sign-ins were refused because too many failed before. Addresses and browsers that "
                "have signed in before have a share of their own, and runs and hooks continue."
            )

    def _refuse(self, at: float, wait_s: float, origin: str) -> None:
        self._refused_at = at
        self.refused += 1
        raise LimitReached(wait_s, origin)

    def _bucket(self, way: Way, origin: SignInOrigin, at: float) -> _Bucket | None:
        if not origin.name:
            return None
        key = (way, origin.name)
        bucket = self._origins.setdefault(key, _Bucket(PER_ORIGIN, at))
        self._origins.move_to_end(key)
        if len(self._origins) > MOST_ORIGINS:
            self._origins.popitem(last=False)
        return bucket
