"""The folder that keeps what the broker has not confirmed."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from services.gateway.receiver.intake import Intake
from services.gateway.receiver.spool import Spool, SpoolFull
from shared.bus import NotConfirmed
from shared.contracts.pushes import HookReceived

from .fakes import FakePost


def delivery(number: int) -> HookReceived:
    return HookReceived(delivery_id=f"d{number}", received_at=1_000.0 + number, token_hash="0" * 64)


def spool(folder: Path, **bounds: int) -> Spool:
    return Spool(folder, max_files=bounds.get("max_files", 100), max_bytes=bounds.get("max_bytes", 10**6))


def test_deliveries_go_out_oldest_first_marked_as_spooled_and_leave_the_folder(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    for number in (3, 1, 2):
        kept.put(delivery(number))
    assert kept.drain(Intake(post, kept)._publish) == 3
    assert [(sent.delivery_id, sent.via) for sent in post.published] == [
        ("d1", "spool"),
        ("d2", "spool"),
        ("d3", "spool"),
    ]
    assert kept.empty


def test_nothing_is_removed_that_was_not_confirmed(tmp_path: Path) -> None:
    kept = spool(tmp_path)
    for number in range(4):
        kept.put(delivery(number))

    def refuse_the_third(sent: HookReceived) -> Future[None]:
        future: Future[None] = Future()
        if sent.delivery_id == "d2":
            future.set_exception(RuntimeError("nack"))
        else:
            future.set_result(None)
        return future

    assert kept.drain(refuse_the_third) == 2
    assert [path.name.rpartition("-")[2] for path in kept.waiting()] == ["d2.json", "d3.json"]


def test_a_full_spool_says_so(tmp_path: Path) -> None:
    by_count, by_size = spool(tmp_path / "a", max_files=2), spool(tmp_path / "b", max_bytes=300)
    by_count.put(delivery(1))
    by_count.put(delivery(2))
    with pytest.raises(SpoolFull):
        by_count.put(delivery(3))
    by_size.put(delivery(1))
    with pytest.raises(SpoolFull):
        by_size.put(delivery(2))


def test_an_unreadable_file_is_set_aside_and_stops_nobody(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    (tmp_path / "00000000000000000001-x.json").write_text("{half")
    kept.put(delivery(1))
    assert kept.drain(Intake(post, kept)._publish) == 1
    assert (tmp_path / "unreadable" / "00000000000000000001-x.json").exists()


def test_only_the_holder_of_the_lock_drains(tmp_path: Path) -> None:
    kept, other, post = spool(tmp_path), spool(tmp_path), FakePost()
    kept.put(delivery(1))
    with other.draining() as mine:
        assert mine
        assert kept.drain(Intake(post, kept)._publish) == 0
    assert kept.drain(Intake(post, kept)._publish) == 1


def test_a_delivery_is_spooled_at_once_when_the_broker_is_away(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    post.connected = False
    Intake(post, kept).take(delivery(1))
    assert post.published == [] and len(kept.waiting()) == 1


def test_a_delivery_does_not_overtake_those_that_wait(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    kept.put(delivery(1))
    intake = Intake(post, kept)
    intake.take(delivery(2))
    assert post.published == []
    intake._drain()
    intake.take(delivery(3))
    assert [(sent.delivery_id, sent.via) for sent in post.published] == [
        ("d1", "spool"),
        ("d2", "spool"),
        ("d3", "hook"),
    ]


def test_with_a_full_spool_a_delivery_waits_for_room_and_goes_behind_those_that_wait(tmp_path: Path) -> None:
    """Sent past them it would be the newest, and all that were accepted before it would be held as older."""
    kept, post = spool(tmp_path, max_files=2), FakePost()
    kept.put(delivery(1))
    kept.put(delivery(2))
    intake = Intake(post, kept)
    drain = threading.Timer(0.1, intake._drain)
    drain.start()
    intake.take(delivery(3))
    drain.join()
    intake._drain()
    assert [sent.delivery_id for sent in post.published] == ["d1", "d2", "d3"]


def test_what_is_refused_is_kept_nowhere(tmp_path: Path) -> None:
    kept, post = spool(tmp_path, max_files=1), FakePost()
    kept.put(delivery(1))
    with pytest.raises(SpoolFull):
        Intake(post, kept).take(delivery(2))
    assert post.published == []
    assert [path.name.rpartition("-")[2] for path in kept.waiting()] == ["d1.json"]


def test_what_the_broker_may_have_is_kept_however_full_the_spool_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.receiver.intake.CONFIRM_TIMEOUT_S", 0.01)
    kept, post = spool(tmp_path, max_files=0), FakePost()
    post.confirms = False
    Intake(post, kept).take(delivery(1))
    assert len(kept.waiting()) == 1


@pytest.mark.parametrize("confirmed", [True, False])
def test_with_a_disk_that_takes_nothing_the_brokers_answer_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confirmed: bool
) -> None:
    monkeypatch.setattr("services.gateway.receiver.intake.CONFIRM_TIMEOUT_S", 0.01)
    kept, post = spool(tmp_path), FakePost()
    post.confirms = False

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    def settle() -> None:
        (confirm,) = post.unconfirmed
        if confirmed:
            confirm.set_result(None)
        else:
            confirm.set_exception(NotConfirmed("not confirmed in time"))

    threading.Timer(0.1, settle).start()
    if confirmed:
        Intake(post, kept).take(delivery(1))
    else:
        with pytest.raises(SpoolFull):
            Intake(post, kept).take(delivery(1))
    assert kept.empty


def test_a_late_confirm_takes_the_delivery_out_of_the_spool_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.receiver.intake.CONFIRM_TIMEOUT_S", 0.01)
    kept, post = spool(tmp_path), FakePost()
    post.confirms = False
    intake = Intake(post, kept)
    intake.take(delivery(1))
    assert len(kept.waiting()) == 1
    post.unconfirmed[0].set_result(None)
    assert kept.empty


def test_a_refused_publish_goes_to_the_spool_and_stays(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()

    def refuse(*_arguments: object, **_more: object) -> Future[None]:
        raise RuntimeError("returned")

    post.publish_nowait = refuse  # type: ignore[method-assign]
    Intake(post, kept).take(delivery(1))
    assert len(kept.waiting()) == 1


def test_what_waits_is_sent_before_the_process_ends(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    kept.put(delivery(1))
    post.connected = False
    Intake(post, kept).close()
    assert post.published == [] and len(kept.waiting()) == 1
    post.connected = True
    Intake(post, kept).close()
    assert [sent.delivery_id for sent in post.published] == ["d1"] and kept.empty


def test_a_process_that_ends_waits_for_the_one_that_drains(tmp_path: Path) -> None:
    kept, post = spool(tmp_path), FakePost()
    kept.put(delivery(1))
    ending = threading.Thread(target=Intake(post, kept).close)
    with spool(tmp_path).draining() as mine:
        assert mine
        ending.start()
        ending.join(0.1)
        assert ending.is_alive() and post.published == []
    ending.join(5)
    assert not ending.is_alive() and [sent.delivery_id for sent in post.published] == ["d1"]
