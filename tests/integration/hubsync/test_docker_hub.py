"""The mirror against the fake Docker Hub over HTTP, with every shape of error at every call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from demo.hub.faults import ROUTES, SHAPES
from demo.hub.server import FakeHub
from demo.hub.world import Hook
from services.hubsync.dockerhub import DockerHub, HubCaller
from services.hubsync.mirror import Hooks, Mirror
from services.hubsync.problems import HubUnavailable
from services.hubsync.signing import HubAccount, HubSignIns
from shared.contracts.mirror import MirrorReport, MirrorState, Wanted, WantedHook
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient
from tests.support.hostile import drip, hostile_server
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S, until
from tests.unit.hubsync.registry import opened, sealed

BASE = "https://ci.example.com/pipelines/api/docker-hub-webhooks?secureToken="
SLUG = "portside-i1-w1-1"
PATIENT = HubCaller(LOOPBACK, connect_s=PATIENCE_S, read_s=PATIENCE_S)


@dataclass
class Scene:
    """A mirror and its Hub; `ahead_s` moves the mirror's clock."""

    hub: FakeHub
    ahead_s: float = 0.0
    caller: HubCaller = field(default_factory=lambda: PATIENT)

    def __post_init__(self) -> None:
        self.restart()

    def now(self) -> float:
        return time.time() + self.ahead_s

    def restart(self) -> None:
        sign_ins = HubSignIns(self.caller, self.now)

        def connect(account: HubAccount) -> Hooks:
            return DockerHub(account, self.caller, sign_ins, self.now)

        self.mirror = Mirror(connect, opened, self.now, lambda: 0.0)

    def hook(self, **changes: object) -> WantedHook:
        values: dict[str, object] = {
            "webhook_id": "w1",
            "hook_name": SLUG,
            "generation": 1,
            "repository": "acme/web",
            "url_base": BASE,
            "token": sealed("t0ken-one"),
            "hub_url": self.hub.url,
            "username": "acme",
            "password": sealed("demo-password"),
        }
        return WantedHook.model_validate(values | changes)

    def one(self, hook: WantedHook | None = None) -> MirrorReport:
        (report,) = self.mirror.run(Wanted(installation="i1", hooks=(hook or self.hook(),)))
        return report

    def there(self) -> dict[str, Hook]:
        return self.hub.world.repositories["acme/web"].hooks

    def fail(self, shape: str, route: str, method: str = "", times: int = 1) -> None:
        delay_s = 1.0 if shape == "slow" else 0.0
        if shape == "slow":
            self.caller = HubCaller(LOOPBACK, connect_s=2, read_s=0.5)
            self.restart()
        self.hub.faults.add({"shape": shape, "route": route, "method": method, "times": times, "delay_s": delay_s})

    def calls(self) -> list[str]:
        return [f"{call['method']} {call['path']}" for call in self.hub.world.calls]


@pytest.fixture
def scene() -> Iterator[Scene]:
    hub = FakeHub()
    hub.world.add_repository("acme/web")
    made = Scene(hub)
    yield made
    hub.close()


def test_a_hook_is_made_kept_changed_and_deleted(scene: Scene) -> None:
    first = scene.one()
    assert (first.state, first.slug) == (MirrorState.IN_STEP, SLUG)
    assert scene.there()[SLUG].urls == [f"{BASE}t0ken-one"]
    assert scene.there()[SLUG].expect_final_callback is False
    second = scene.hook(hook_name="portside-i1-w1-2", generation=2, token=sealed("t0ken-two"), slug=SLUG)
    before = len(scene.calls())
    assert scene.one(second).state is MirrorState.IN_STEP
    # The new one is seen in the list before the old one goes.
    assert [call.split()[0] for call in scene.calls()[before:]] == ["GET", "POST", "GET", "DELETE", "GET"]
    assert {slug: hook.urls for slug, hook in scene.there().items()} == {"portside-i1-w1-2": [f"{BASE}t0ken-two"]}
    grave = second.model_copy(update={"gone": True})
    assert scene.one(grave).state is MirrorState.GONE
    assert scene.there() == {}


def test_it_signs_in_once_for_many_calls_and_again_when_the_token_ends(scene: Scene) -> None:
    for _ in range(3):
        scene.one()
    assert scene.calls().count("POST /v2/auth/token") == 1
    scene.hub.world.epoch += 1
    assert scene.one().state is MirrorState.IN_STEP
    assert scene.calls().count("POST /v2/auth/token") == 2


def test_hooks_are_found_on_every_page(scene: Scene) -> None:
    there = scene.there()
    for number in range(230):
        name = f"other-{number}"
        there[name] = Hook(name, name, [f"https://elsewhere.example.com/{number}"], 0.0, False)
    there["by-hand"] = Hook("by-hand", "by hand", [f"{BASE}t0ken-one"], 0.0, False)
    report = scene.one()
    assert (report.state, report.slug) == (MirrorState.IN_STEP, "by-hand")
    assert len(there) == 231


def test_hooks_of_our_kind_to_another_address_are_shown_and_go_only_when_asked(scene: Scene) -> None:
    there = scene.there()
    for name, url in (
        ("portside-old-1", "https://old.example.com/pipelines/api/docker-hub-webhooks?secureToken=s3cret"),
        ("code-stream", "https://cs.example.com/codestream/api/registry-webhook-listeners/77"),
        ("ci", "https://ci.example.com/hooks/docker"),
    ):
        there[name] = Hook(name, name, [url], 0.0, False)
    report = scene.one()
    assert report.state is MirrorState.IN_STEP
    assert [(one.name, one.address) for one in report.elsewhere or ()] == [
        ("portside-old-1", "https://old.example.com/pipelines/api/docker-hub-webhooks"),
        ("code-stream", "https://cs.example.com/codestream/api/registry-webhook-listeners/77"),
    ]
    assert len(there) == 4
    after = scene.one(scene.hook(replace=("portside-old-1", "ci")))
    assert [one.name for one in after.elsewhere or ()] == ["code-stream"]
    assert set(there) == {SLUG, "code-stream", "ci"}, "what is not of our kind stays even when it is named"


def test_a_hook_that_was_made_by_hand_for_another_webhook_of_ours_is_no_hook_elsewhere(scene: Scene) -> None:
    scene.there()["by-hand"] = Hook("by-hand", "by hand", [f"{BASE}t0ken-two"], 0.0, False)
    by_hand = scene.hook(webhook_id="w2", hook_name="portside-i1-w2-1", token=sealed("t0ken-two"), username="")
    reports = list(scene.mirror.run(Wanted(installation="i1", hooks=(scene.hook(replace=("by-hand",)), by_hand))))
    assert {report.webhook_id: (report.state, report.elsewhere) for report in reports} == {
        "w1": (MirrorState.IN_STEP, ()),
        "w2": (MirrorState.NEEDS_CREDENTIALS, None),
    }
    assert set(scene.there()) == {SLUG, "by-hand"}


def test_an_upper_case_repository_is_asked_for_in_lower_case(scene: Scene) -> None:
    assert scene.one(scene.hook(repository="Acme/Web")).state is MirrorState.IN_STEP


GET_STATES = {
    "400-url": MirrorState.PENDING,
    "400-name": MirrorState.PENDING,
    "401": MirrorState.IN_STEP,
    "403": MirrorState.NOT_PERMITTED,
    "403-pat": MirrorState.NOT_PERMITTED,
    "404": MirrorState.BY_HAND,
    "404-html": MirrorState.BY_HAND,
    "405": MirrorState.BY_HAND,
    "409": MirrorState.PENDING,
    "429": MirrorState.RATE_LIMITED,
    "429-text": MirrorState.RATE_LIMITED,
}
POST_STATES = {
    **GET_STATES,
    "400-url": MirrorState.BY_HAND,
    "lost-answer": MirrorState.IN_STEP,
}
DELETE_STATES = {
    **GET_STATES,
    "400-url": MirrorState.BY_HAND,
    "400-name": MirrorState.PENDING,
    "401": MirrorState.GONE,
    "404": MirrorState.GONE,
    "404-html": MirrorState.GONE,
    "409": MirrorState.BY_HAND,
    "200-html": MirrorState.GONE,
    "200-empty": MirrorState.GONE,
    "lost-answer": MirrorState.GONE,
}
CASES = [
    (method, shape, states.get(shape, MirrorState.PENDING))
    for method, states in (("GET", GET_STATES), ("POST", POST_STATES), ("DELETE", DELETE_STATES))
    for shape in SHAPES
]


@pytest.mark.parametrize(("method", "shape", "state"), CASES)
def test_a_call_that_goes_wrong_once_has_its_state_and_the_next_passes_mend_it(
    scene: Scene, method: str, shape: str, state: MirrorState
) -> None:
    grave = scene.hook(gone=True)
    hook = scene.hook()
    if method == "DELETE":
        scene.one()
        hook = grave
    scene.fail(shape, "hooks", method)
    report = scene.one(hook)
    assert report.state is state, report.message
    assert "t0ken" not in report.message and "demo-password" not in report.message
    if shape == "slow" and method != "GET":
        # What was given up takes effect all the same, later.
        until(lambda: bool(scene.there()) is not hook.gone)
    scene.hub.faults.clear()
    scene.ahead_s += 7_200
    assert scene.one(hook).state is (MirrorState.GONE if hook.gone else MirrorState.IN_STEP)
    assert len(scene.there()) == (0 if hook.gone else 1)


SIGN_IN_STATES = {
    "400-url": MirrorState.NEEDS_CREDENTIALS,
    "400-name": MirrorState.NEEDS_CREDENTIALS,
    "401": MirrorState.NEEDS_CREDENTIALS,
    "403": MirrorState.NEEDS_CREDENTIALS,
    "403-pat": MirrorState.NEEDS_CREDENTIALS,
    "429": MirrorState.RATE_LIMITED,
    "429-text": MirrorState.RATE_LIMITED,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sign_in_that_goes_wrong_has_its_state_and_later_works(scene: Scene, shape: str) -> None:
    scene.fail(shape, "sign-in", times=2)
    assert scene.one().state is SIGN_IN_STATES.get(shape, MirrorState.PENDING)
    scene.hub.faults.clear()
    scene.ahead_s += 7_200
    assert scene.one().state is MirrorState.IN_STEP


@pytest.mark.parametrize("shape", ["404", "404-html", "405", "200-html"])
def test_without_the_newer_sign_in_the_older_one_serves(scene: Scene, shape: str) -> None:
    scene.fail(shape, "auth", times=9)
    assert scene.one().state is MirrorState.IN_STEP


def test_what_an_account_lacks_is_told_apart(scene: Scene) -> None:
    world = scene.hub.world
    world.add_account("two", "pw", two_factor_code="123456", tokens={"pat": "repo:admin", "weak": "repo:write"})
    world.repositories["acme/web"].admins.add("two")
    two_factor = scene.one(scene.hook(username="two", password=sealed("pw")))
    assert (two_factor.state, "second factor" in two_factor.message) == (MirrorState.NEEDS_CREDENTIALS, True)
    wrong = scene.one(scene.hook(username="two", password=sealed("no")))
    assert (wrong.state, "does not accept the password" in wrong.message) == (MirrorState.NEEDS_CREDENTIALS, True)
    weak = scene.one(scene.hook(username="two", password=sealed("weak")))
    assert (weak.state, "Read, Write and Delete" in weak.message) == (MirrorState.NOT_PERMITTED, True)
    missing = scene.one(scene.hook(repository="acme/none"))
    assert (missing.state, "no repository acme/none" in missing.message) == (MirrorState.NOT_PERMITTED, True)
    assert scene.one(scene.hook(username="two", password=sealed("pat"))).state is MirrorState.IN_STEP


def test_five_minutes_of_passes_with_a_wrong_password_do_not_lock_the_account(scene: Scene) -> None:
    for _ in range(30):
        scene.one(scene.hook(password=sealed("no")))
        scene.ahead_s += 10
    assert scene.hub.world.accounts["acme"].failures <= 4
    assert scene.one().state is MirrorState.IN_STEP


def test_the_time_that_the_hub_names_is_waited_for(scene: Scene) -> None:
    scene.hub.faults.add({"shape": "429", "route": "hooks", "retry_after_s": 90})
    report = scene.one()
    assert report.state is MirrorState.RATE_LIMITED
    assert report.retry_at is not None and 80 < report.retry_at - scene.now() <= 92
    before = len(scene.calls())
    assert scene.one().state is MirrorState.RATE_LIMITED
    assert len(scene.calls()) == before
    scene.ahead_s += 95
    assert scene.one().state is MirrorState.IN_STEP


def test_a_refused_address_is_said_with_what_the_hub_said(scene: Scene) -> None:
    report = scene.one(scene.hook(url_base="ftp://ci.example.com/?secureToken="))
    assert report.state is MirrorState.BY_HAND
    assert "Invalid value" in report.message and "PUBLIC_URL" in report.message


def test_nobody_at_the_address_is_pending_with_the_cause(scene: Scene) -> None:
    report = scene.one(scene.hook(hub_url="http://127.0.0.1:9"))
    assert report.state is MirrorState.PENDING
    assert "connection refused" in report.message


def test_a_hub_on_this_machine_is_asked_only_where_an_administrator_ticked_it(scene: Scene) -> None:
    scene.caller = HubCaller(HttpClient(Guard(), user_agent="test"))
    scene.restart()
    report = scene.one()
    assert report.state is MirrorState.PENDING
    assert "may not be called" in report.message and scene.calls() == []
    assert scene.one(scene.hook(hub_local=True)).state is MirrorState.IN_STEP


def test_an_answer_that_drips_ends_by_its_deadline() -> None:
    with hostile_server(drip()) as slow:
        caller = HubCaller(LOOPBACK, connect_s=2, read_s=0.5)
        began = time.monotonic()
        with pytest.raises(HubUnavailable, match=r"within 1\.5 s"):
            caller("GET", slow.url, doing="the test")
        assert time.monotonic() - began < PATIENCE_S


def test_every_route_that_can_fail_is_known_to_these_tests() -> None:
    assert {"sign-in", "auth", "hooks"} <= set(ROUTES)
