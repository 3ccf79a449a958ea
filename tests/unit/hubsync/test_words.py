"""What a person reads on the webhook, by what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from services.hubsync import problems
from services.hubsync.handlers import asked_for
from services.hubsync.mirror import CannotUnseal, Mirror
from services.hubsync.plan import ListedHook
from services.hubsync.signing import HubAccount
from shared.contracts.base import Sealed
from shared.contracts.mirror import MirrorPass, MirrorReport, MirrorState, Wanted, WantedHook
from tests.unit.hubsync.registry import Fault, Registry, opened, sealed

NOW = 1_795_000_000.0
BASE = "https://ci.example.com/pipelines/api/docker-hub-webhooks?secureToken="
TOKEN = "s3cret-token"
SLUG = "portside-i1-w1-1"


def hook(**changes: object) -> WantedHook:
    values: dict[str, object] = {
        "webhook_id": "w1",
        "hook_name": SLUG,
        "generation": 1,
        "repository": "acme/web",
        "url_base": BASE,
        "token": sealed(TOKEN),
        "hub_url": "https://hub.example.com",
        "username": "acme",
        "password": sealed("hunter22"),
    }
    return WantedHook.model_validate(values | changes)


@dataclass
class Scene:
    """A mirror before a registry in memory."""

    registry: Registry = field(default_factory=Registry)
    now: float = NOW

    def __post_init__(self) -> None:
        self.mirror = Mirror(lambda account: self.registry, opened, lambda: self.now, lambda: 0.0)

    def look(self, *hooks: WantedHook) -> list[MirrorReport]:
        return list(self.mirror.run(Wanted(installation="i1", hooks=hooks)))

    def one(self, *fail: problems.HubProblem, hook_: WantedHook | None = None) -> MirrorReport:
        self.registry.faults = [Fault(problem) for problem in fail]
        (report,) = self.look(hook_ or hook())
        return report


def test_a_new_webhook_is_made_and_in_step_with_its_slug() -> None:
    scene = Scene()
    report = scene.one()
    assert (report.state, report.slug, report.message, report.repaired) == (MirrorState.IN_STEP, SLUG, "", "")
    assert scene.registry.calls == ["list acme/web", f"create acme/web {SLUG}", "list acme/web"]
    assert scene.one().state is MirrorState.IN_STEP
    assert scene.registry.calls[3:] == ["list acme/web"]


@pytest.mark.parametrize(
    ("problem", "state", "says"),
    [
        (problems.WrongCredentials("Not accepted."), MirrorState.NEEDS_CREDENTIALS, "Check user name and password"),
        (problems.TwoFactorDue("A second factor."), MirrorState.NEEDS_CREDENTIALS, "personal access token"),
        (problems.NotAllowed("Forbidden."), MirrorState.NOT_PERMITTED, "must administer acme/web"),
        (problems.NoRepository("No such."), MirrorState.NOT_PERMITTED, "repository's name"),
        (problems.NoManagement("Not offered."), MirrorState.BY_HAND, f'name "{SLUG}"'),
        (problems.Limited("Too many.", NOW + 40), MirrorState.RATE_LIMITED, "Too many."),
        (problems.HubUnavailable("502."), MirrorState.PENDING, "tried again by itself"),
    ],
)
def test_each_problem_has_its_state_and_its_next_step(
    problem: problems.HubProblem, state: MirrorState, says: str
) -> None:
    report = Scene().one(problem)
    assert report.state is state
    assert str(problem) in report.message and says in report.message
    assert (report.retry_at is not None) == isinstance(problem, problems.Limited | problems.HubUnavailable)


def test_what_is_to_be_pasted_by_hand_shows_the_address_without_the_token() -> None:
    report = Scene().one(problems.NoManagement("Not offered."))
    assert f"URL {BASE}…" in report.message
    assert TOKEN not in report.message


def test_no_secret_that_the_hub_repeats_gets_into_a_report() -> None:
    said = problems.Rejected(f"Docker Hub refused creating the hook (400): {BASE}{TOKEN} by hunter22.")
    scene = Scene()
    scene.registry.create_hook = _raising(said)  # type: ignore[method-assign]
    (report,) = scene.look(hook())
    assert report.state is MirrorState.BY_HAND
    assert TOKEN not in report.message and "hunter22" not in report.message


def _raising(problem: problems.HubProblem) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise problem

    return call


def test_an_endpoint_without_a_password_says_so_and_nothing_is_called() -> None:
    scene = Scene()
    for empty in (hook(username=""), hook(password=None)):
        report = scene.one(hook_=empty)
        assert report.state is MirrorState.NEEDS_CREDENTIALS
        assert "user name" in report.message
    assert scene.registry.calls == []


def test_a_secret_that_no_key_opens_concerns_its_own_webhook_only() -> None:
    def open_some(secret: Sealed) -> str:
        if secret.key_id == "lost":
            raise CannotUnseal("It was sealed with key lost.")
        return opened(secret)

    registry = Registry()
    mirror = Mirror(lambda account: registry, open_some, lambda: NOW, lambda: 0.0)
    lost = Sealed(key_id="lost", box="x")
    other = hook(webhook_id="w2", hook_name="portside-i1-w2-1")
    reports = list(mirror.run(Wanted(installation="i1", hooks=(hook(token=lost), hook(password=lost), other))))
    assert [report.state for report in reports] == [
        MirrorState.PENDING,
        MirrorState.NEEDS_CREDENTIALS,
        MirrorState.IN_STEP,
    ]
    assert "key lost" in reports[0].message


def test_a_lost_answer_to_a_create_makes_no_second_hook() -> None:
    scene = Scene()
    make = scene.registry.create_hook

    def made_but_unheard(repository: str, name: str, url: str) -> ListedHook | None:
        make(repository, name, url)
        raise problems.HubUnavailable("Docker Hub did not answer in time.")

    scene.registry.create_hook = made_but_unheard  # type: ignore[method-assign]
    (report,) = scene.look(hook())
    assert report.state is MirrorState.IN_STEP
    assert [call.split()[0] for call in scene.registry.calls] == ["list", "create", "list"]


def test_drift_is_mended_and_said() -> None:
    scene = Scene()
    slug = scene.one().slug
    scene.registry.hooks["acme/web"].clear()
    report = scene.one(hook_=hook(slug=slug))
    assert (report.state, "deleted at Docker Hub" in report.repaired) == (MirrorState.IN_STEP, True)
    scene.registry.hooks["acme/web"][SLUG] = ListedHook(SLUG, SLUG, ("https://elsewhere.example.com",))
    assert "changed at Docker Hub" in scene.one(hook_=hook(slug=slug)).repaired


def test_an_adopted_hook_is_named() -> None:
    scene = Scene()
    scene.registry.hooks["acme/web"] = {"mine": ListedHook("mine", "mine", (BASE + TOKEN,))}
    report = scene.one()
    assert (report.state, report.slug) == (MirrorState.IN_STEP, "mine")
    assert '"mine"' in report.message


def test_while_an_account_rests_nothing_is_called() -> None:
    scene = Scene()
    assert scene.one(problems.Limited("Too many.", NOW + 40)).retry_at == NOW + 40
    assert scene.one().state is MirrorState.RATE_LIMITED
    assert len(scene.registry.calls) == 1
    scene.now = NOW + 41
    assert scene.one().state is MirrorState.IN_STEP


def test_pauses_grow_with_each_failure_and_start_anew_after_a_success() -> None:
    scene = Scene()
    pauses = [(scene.one(problems.HubUnavailable("502.")).retry_at or 0) - NOW for _ in range(4)]
    assert pauses == [15, 30, 60, 120]
    scene.one()
    assert (scene.one(problems.HubUnavailable("502.")).retry_at or 0) - NOW == 15


def test_a_silent_hub_costs_three_time_limits_a_pass_and_not_one_for_each_repository() -> None:
    scene = Scene()
    hooks = [hook(webhook_id=f"w{n}", hook_name=f"portside-i1-w{n}-1", repository=f"acme/r{n}") for n in range(10)]
    scene.registry.faults = [Fault(problems.HubUnavailable("No answer.")) for _ in range(10)]
    reports = scene.look(*hooks)
    assert {report.state for report in reports} == {MirrorState.PENDING} and len(reports) == 10
    assert len(scene.registry.calls) == 3


def test_a_repository_that_fails_for_ever_keeps_nobody_from_their_turn() -> None:
    scene = Scene()
    hooks = [hook(webhook_id=f"w{n}", hook_name=f"portside-i1-w{n}-1", repository=f"acme/r{n}") for n in range(6)]
    ill = {f"acme/r{n}" for n in range(4)}
    look = scene.registry.list_hooks

    def list_hooks(repository: str) -> tuple[ListedHook, ...]:
        if repository in ill:
            raise problems.HubUnavailable("502.")
        return look(repository)

    scene.registry.list_hooks = list_hooks  # type: ignore[method-assign]
    for _ in range(3):
        reports = {report.webhook_id: report.state for report in scene.look(*hooks)}
    assert (reports["w4"], reports["w5"]) == (MirrorState.IN_STEP, MirrorState.IN_STEP)


def test_a_tombstone_ends_when_the_hub_shows_nothing_of_it_or_has_no_such_repository() -> None:
    scene = Scene()
    scene.one()
    assert scene.one(problems.HubUnavailable("502."), hook_=hook(gone=True)).state is MirrorState.PENDING
    assert scene.one(hook_=hook(gone=True)).state is MirrorState.GONE
    assert scene.registry.hooks["acme/web"] == {}
    assert scene.one(problems.NoRepository("No such."), hook_=hook(gone=True)).state is MirrorState.GONE
    by_hand = scene.one(problems.NoManagement("Not offered."), hook_=hook(gone=True))
    assert (by_hand.state, "Delete it by hand" in by_hand.message) == (MirrorState.BY_HAND, True)


def test_one_account_never_works_for_another_s_webhook() -> None:
    registries = {"acme": Registry(), "bob": Registry()}

    def connect(account: HubAccount) -> Registry:
        return registries[account.username]

    mirror = Mirror(connect, opened, lambda: NOW, lambda: 0.0)
    other = hook(webhook_id="w2", hook_name="portside-i1-w2-1", username="bob", token=sealed("other"))
    list(mirror.run(Wanted(installation="i1", hooks=(hook(), other))))
    assert [sorted(registries[name].hooks["acme/web"]) for name in ("acme", "bob")] == [[SLUG], ["portside-i1-w2-1"]]


def test_several_passes_at_once_are_one() -> None:
    one, two = MirrorPass(reason="a", webhook_ids=("x", "y")), MirrorPass(reason="b", webhook_ids=("y", "z"))
    assert asked_for([one, two]) == ("x", "y", "z")
    assert asked_for([one, MirrorPass(reason="all"), two]) == ()
