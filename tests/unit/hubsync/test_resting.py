"""An account that made too many calls rests, alone, for a time that is told and that grows."""

from __future__ import annotations

import pytest

from services.hubsync.mirror import Mirror
from services.hubsync.problems import HubUnavailable, Limited
from services.hubsync.signing import HubAccount
from shared.contracts.mirror import MirrorReport, MirrorState, Wanted, WantedHook
from tests.unit.hubsync.registry import Fault, Registry, opened, sealed

NOW = 1_795_000_000.0


class Hub:
    """Accounts with a registry each, and a mirror whose clock the test moves."""

    def __init__(self) -> None:
        self.now = NOW
        self.of = {"acme": Registry(), "else": Registry()}
        self.mirror = Mirror(self._connect, opened, lambda: self.now, lambda: 0.0)

    def _connect(self, account: HubAccount) -> Registry:
        return self.of[account.username]

    def run(self, *hooks: WantedHook) -> list[MirrorReport]:
        by_id = {one.webhook_id: one for one in self.mirror.run(Wanted(installation="i1", hooks=hooks))}
        return [by_id[hook.webhook_id] for hook in hooks]


@pytest.fixture
def hub() -> Hub:
    return Hub()


def hook(number: int, username: str = "acme") -> WantedHook:
    return WantedHook(
        webhook_id=f"w{number}",
        hook_name=f"portside-i1-w{number}-1",
        generation=1,
        repository=f"{username}/web{number}",
        url_base="https://ci.example.com/?secureToken=",
        token=sealed(f"token{number}"),
        hub_url="https://hub.example.com",
        username=username,
        password=sealed("password"),
    )


def limited(hub: Hub, retry_at: float | None = None) -> None:
    hub.of["acme"].faults.append(Fault(Limited("No more calls.", retry_at)))


def test_without_a_time_the_whole_account_rests_for_a_minute_and_no_other(hub: Hub) -> None:
    limited(hub)
    one, two, other = hub.run(hook(1), hook(2), hook(3, "else"))
    assert (one.state, one.retry_at) == (two.state, two.retry_at) == (MirrorState.RATE_LIMITED, NOW + 60)
    assert other.state is MirrorState.IN_STEP
    assert len(hub.of["acme"].calls) == 1


def test_each_time_in_a_row_it_rests_longer_whichever_repository_was_asked(hub: Hub) -> None:
    for rest_s in (60, 120, 240):
        limited(hub)
        (report, _) = hub.run(hook(1), hook(2))
        assert report.retry_at == hub.now + rest_s
        hub.now += rest_s
    assert [one.state for one in hub.run(hook(1), hook(2))] == [MirrorState.IN_STEP] * 2
    limited(hub)
    assert hub.run(hook(1))[0].retry_at == hub.now + 60


def test_what_failed_before_at_the_repository_does_not_make_the_account_rest_longer(hub: Hub) -> None:
    for _ in range(6):
        hub.of["acme"].faults.append(Fault(HubUnavailable("Docker Hub gave no usable answer (502).")))
        hub.run(hook(1))
    limited(hub)
    assert hub.run(hook(1))[0].retry_at == NOW + 60


def test_a_time_that_the_hub_names_is_the_one(hub: Hub) -> None:
    limited(hub, NOW + 7)
    assert hub.run(hook(1))[0].retry_at == NOW + 7
