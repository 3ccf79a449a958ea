"""Signs of life on a clock that stands still while somebody could not be heard."""

from __future__ import annotations

from services.config.runs.heartbeats import Leases


class Ears:
    """Moves the clock; `deaf` leaves it where it is."""

    def __init__(self) -> None:
        self.leases = Leases(lease_s=10)
        self.at = 0.0
        self.leases.tick(self.at)

    def passing(self, seconds: int, *, deaf: bool = False) -> None:
        for _ in range(seconds):
            if not deaf:
                self.at += 1
            self.leases.tick(self.at)


def test_a_holder_that_is_silent_for_longer_than_a_lease_loses_it() -> None:
    ears = Ears()
    ears.leases.heard([("a", 1), ("b", 1)])
    ears.passing(8)
    ears.leases.heard([("b", 1)])
    ears.passing(3)
    assert ears.leases.expired(["a", "b"]) == ["a"]


def test_a_ledger_that_starts_gives_everybody_a_whole_lease() -> None:
    ears = Ears()
    ears.passing(60)
    assert ears.leases.expired(["a"]) == []
    ears.passing(11)
    assert ears.leases.expired(["a"]) == ["a"]


def test_time_in_which_nobody_could_be_heard_does_not_count() -> None:
    ears = Ears()
    ears.leases.heard([("a", 1)])
    ears.passing(60, deaf=True)
    ears.at += 3600
    ears.leases.tick(ears.at)
    assert ears.leases.expired(["a"]) == []


def test_a_zombie_does_not_keep_its_successors_lease() -> None:
    ears = Ears()
    ears.leases.heard([("a", 2)])
    ears.passing(8)
    ears.leases.heard([("a", 1)])
    ears.passing(3)
    assert ears.leases.expired(["a"]) == ["a"]


def test_what_is_not_held_any_more_is_forgotten() -> None:
    ears = Ears()
    ears.leases.heard([("a", 1)])
    assert ears.leases.expired([]) == []
    ears.passing(11)
    assert ears.leases.expired(["a"]) == []
