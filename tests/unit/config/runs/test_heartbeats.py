"""Signs of life on a clock that stands still while nobody could be heard."""

from __future__ import annotations

from services.config.runs.heartbeats import Leases


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def passing(leases: Leases, clock: Clock, seconds: int, *, connected: bool = True) -> None:
    for _ in range(seconds):
        clock.at += 1
        leases.tick(connected=connected)


def test_whoever_is_silent_for_longer_than_a_lease_has_lost_it() -> None:
    clock = Clock()
    leases = Leases(clock, lease_s=10)
    leases.saw(["a", "b"])
    passing(leases, clock, 8)
    leases.saw(["b"])
    passing(leases, clock, 3)
    assert leases.expired(["a", "b"]) == ["a"]


def test_a_ledger_that_starts_gives_everybody_a_whole_lease() -> None:
    clock = Clock()
    leases = Leases(clock, lease_s=10)
    passing(leases, clock, 60)
    assert leases.expired(["a"]) == []
    passing(leases, clock, 11)
    assert leases.expired(["a"]) == ["a"]


def test_time_without_a_broker_and_a_stopped_machine_do_not_count() -> None:
    clock = Clock()
    leases = Leases(clock, lease_s=10)
    leases.saw(["a"])
    passing(leases, clock, 60, connected=False)
    clock.at += 3600
    leases.tick(connected=True)
    assert leases.expired(["a"]) == []


def test_what_is_not_held_any_more_is_forgotten() -> None:
    clock = Clock()
    leases = Leases(clock, lease_s=10)
    leases.saw(["a"])
    assert leases.expired([]) == []
    passing(leases, clock, 11)
    assert leases.expired(["a"]) == []
