"""Who leads: an epoch fences off the last leader, and a leader that hangs loses the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.config.store import DatabaseUnavailable, Deposed, Store, leadership, unit_of_work
from services.config.store.lock import DEPOSED_AFTER_S, SessionLock
from services.config.tables.base import Base
from tests.support import postgres
from tests.support.patience import PATIENCE_S


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return postgres.empty_database(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/test.db"


@pytest.fixture
def open_store(url: str) -> Iterator[Callable[[], Store]]:
    """Opens the database once more, as another process would."""
    yield from _opener(url)


def _opener(url: str) -> Iterator[Callable[[], Store]]:
    stores = list[Store]()

    def another() -> Store:
        store = Store(url)
        if not stores:
            Base.metadata.create_all(store.writer)
        stores.append(store)
        return store

    yield another
    for store in stores:
        store.close()


def term(store: Store) -> leadership.Term:
    with store.read() as reading:
        found = leadership.current(reading.session)
    assert found is not None
    return found


def write(store: Store) -> None:
    with store.write() as uow:
        uow.timer("kind", "subject", 1.0)


def test_a_leader_whose_successor_began_writes_nothing_any_more(open_store: Callable[[], Store]) -> None:
    first, second = open_store(), open_store()
    first.lead()
    write(first)
    second.lead()
    with pytest.raises(Deposed):
        write(first)
    write(second)
    assert (term(second).epoch, term(second).holder) == (2, second.holder)


def test_a_command_beside_a_leader_writes_without_leading(open_store: Callable[[], Store]) -> None:
    leader, command = open_store(), open_store()
    leader.lead()
    write(command)
    write(leader)


def test_a_beat_goes_with_a_transaction_now_and_then(
    open_store: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    store.lead()
    assert store.is_beat_due
    write(store)
    write(store)
    assert (term(store).beats, store.is_beat_due) == (1, False)
    monkeypatch.setattr(unit_of_work, "BEAT_EVERY_S", 0.0)
    write(store)
    assert term(store).beats == 2


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


Pair = tuple[Store, SessionLock, Store, SessionLock, Clock]


@pytest.fixture
def pair(postgres_url: str) -> Iterator[Pair]:
    """On PostgreSQL (a file's lock goes with its process): a leader, and one that stands by with a clock that moves."""
    for open_store in _opener(postgres.empty_database(postgres_url)):
        leader, other, clock = open_store(), open_store(), Clock()
        lock, others = SessionLock(leader), SessionLock(other, monotonic=clock)
        assert lock.acquire()
        leader.lead()
        assert not others.acquire()
        yield leader, lock, other, others, clock
        lock.release()
        others.release()


@pytest.mark.postgres
def test_a_leader_that_hangs_in_the_middle_of_a_write_is_deposed_and_what_it_wrote_is_gone(pair: Pair) -> None:
    leader, lock, other, others, clock = pair
    hanging, wake, outcome = threading.Event(), threading.Event(), list[str]()

    def hang() -> None:
        try:
            with leader.write() as uow:
                uow.timer("zombie", "subject", 1.0)
                hanging.set()
                wake.wait(PATIENCE_S)
        except DatabaseUnavailable as error:
            outcome.append(str(error))

    thread = threading.Thread(target=hang, daemon=True)
    thread.start()
    assert hanging.wait(PATIENCE_S)
    others.watch()
    clock.at = DEPOSED_AFTER_S[0] - 1
    others.watch()
    assert not others.acquire()
    clock.at = DEPOSED_AFTER_S[1] + 1
    others.watch()
    assert others.acquire()
    other.lead()
    write(other)
    wake.set()
    thread.join(PATIENCE_S)
    assert outcome
    assert not lock.held()
    with pytest.raises(Deposed):
        write(leader)
    with other.read() as reading:
        kinds = reading.session.connection().exec_driver_sql("SELECT kind FROM timers").scalars().all()
    assert kinds == ["kind"]


@pytest.mark.postgres
def test_a_leader_that_beats_is_left_alone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, _, _, others, clock = pair
    monkeypatch.setattr(unit_of_work, "BEAT_EVERY_S", 0.0)
    for _ in range(5):
        write(leader)
        others.watch()
        clock.at += DEPOSED_AFTER_S[0] - 1
        others.watch()
        assert not others.acquire()
    write(leader)


@pytest.mark.postgres
def test_a_writer_that_outlived_its_lock_does_not_hold_up_the_next_leader(pair: Pair) -> None:
    leader, lock, other, others, _ = pair

    def overtaken() -> None:
        with leader.write() as uow:
            uow.timer("zombie", "subject", 1.0)
            lock.release()
            assert others.acquire()
            other.lead()

    with pytest.raises(DatabaseUnavailable):
        overtaken()
    write(other)


@pytest.mark.postgres
def test_a_database_that_is_cut_off_is_noticed_within_seconds(pair: Pair) -> None:
    leader, *_ = pair
    for engine in (leader.writer, leader._reader):
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            told = driver.info.get_parameters()
        assert (told["tcp_user_timeout"], told["keepalives_idle"]) == ("10000", "5")
