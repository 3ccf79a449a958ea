"""Looking at the fake Docker Hub over HTTP: pushes without hooks, the mode `look`, and moving between the modes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

from demo.hub.server import FakeHub
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.polling import LOOK, MOST_LOOKED, Pace, TagPolling
from services.config.runs.batch import RunBatch
from services.config.store import Observer
from services.config.store.unit_of_work import Promised
from services.hubsync.dockerhub import DockerHub, HubCaller
from services.hubsync.signing import HubAccount, HubSignIns
from services.hubsync.tag_polls import HubTagLister as HubLooks
from services.runner.clients.registry import Registries
from services.runner.requests.resolve_tag import TagResolver, accounts
from shared.contracts.catalog import Find, Kind
from shared.contracts.pushes import Found, HookReceived, Push, TagResolve
from shared.contracts.tag_polls import TagsLook, TagsSeen
from shared.contracts.topics import BY_TYPE
from shared.process.secrets import token_hash
from tests.integration.config.office import Office
from tests.support.outbound import LOOPBACK

LOOK_S, MISSED_S, PATIENCE_S = 60.0, 300.0, 120.0


class Street(Observer):
    """Config's use cases, a Docker Hub, and what hubsync and a runner answer, without a broker between them."""

    def __init__(self, folder: Path) -> None:
        self.hub = FakeHub()
        self.hub.world.add_repository("acme/web", private=True, admins=["acme"])
        self.office = Office(folder)
        self.office.now = time.time()
        self.receiver = Deliveries(self.office.catalog)
        self.looks = TagPolling(self.receiver, lambda _: Pace(LOOK_S, MISSED_S, PATIENCE_S))
        self.asked: list[TagsLook | TagResolve] = []
        self.office.store.add_observer(self)
        caller = HubCaller(LOOPBACK, connect_s=60, read_s=60)
        sign_ins = HubSignIns(caller, time.time)

        def connect(account: HubAccount) -> DockerHub:
            return DockerHub(account, caller, sign_ins, time.time)

        self.hub_looks = HubLooks(connect, self.office.opener.open)
        self.resolver = TagResolver(accounts(self.office.opener), Registries(LOOPBACK))
        office = self.office
        office.pipeline()
        office.act(
            Kind.ENDPOINTS,
            "create",
            {
                "name": "hub",
                "project": "default",
                "type": "docker",
                "properties": {
                    "serverType": "DockerHub",
                    "repoURL": "acme/web",
                    "hubURL": self.hub.url,
                    "registryURL": self.hub.url,
                    "username": "acme",
                    "password": "*****",
                },
            },
            sealed=office.sealed(properties__password="demo-password"),
        )

    def webhook(self, **body: Any) -> dict[str, Any]:
        return self.office.webhook(endpoint="hub", pipeline="Deploy web", input={"namespace": "web"}, **body)

    def on_promised(self, rows: list[Promised]) -> None:
        kinds = {TagsLook, TagResolve}
        models = ((BY_TYPE[row.type].model, row.body) for row in rows)
        self.asked += [model.model_validate_json(body) for model, body in models if model in kinds]  # type: ignore[misc]

    def push(self, tag: str) -> str:
        """An image is pushed, and its hook never comes."""
        return self.hub.world.push(self.hub.world.repository("acme/web"), tag, ["linux/amd64"], None)

    def hook(self, tag: str) -> None:
        """The hook of a push arrives."""
        push = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag=tag)
        hook = HookReceived(
            delivery_id=f"hook-{self.office.now}",
            received_at=self.office.now,
            token_hash=token_hash("first-token"),
            pushes=(push,),
        )
        with self.office.store.write() as uow, RunBatch(uow) as movement:
            self.receiver.receive(movement, hook)
        self.answer()

    def later(self, seconds: float) -> None:
        """Time passes; what is due is asked and answered."""
        self.office.now += seconds
        with self.office.store.write() as uow:
            self.looks.on_timer(uow, "all")
        self.answer()

    def answer(self) -> None:
        while self.asked:
            asked = self.asked.pop(0)
            answer = self.hub_looks(asked) if isinstance(asked, TagsLook) else self.resolver(asked)
            with self.office.store.write() as uow, RunBatch(uow) as movement:
                if isinstance(answer, TagsSeen):
                    self.looks.take_answer(movement, answer)
                else:
                    self.receiver.resolved(movement, answer)

    def events(self) -> list[tuple[str, str, str]]:
        """Tag, verdict and how it came, oldest first."""
        from services.config.store import activity

        with self.office.store.read() as uow:
            found, _ = activity.page(uow, None, Find(kind=Kind.EVENTS, orderby="timeStampInMicros asc", top=100))
        return [((one.push and one.push.tag) or "", one.verdict, one.via) for one in found]

    def shown(self, made: dict[str, Any]) -> dict[str, Any]:
        return self.office.get(Kind.WEBHOOKS, made["id"])


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    made = Street(tmp_path)
    yield made
    made.hub.close()


def test_a_push_whose_hook_was_suppressed_is_made_up_for(street: Street) -> None:
    street.push("1.0")
    made = street.webhook()
    street.later(1)
    assert street.events() == []
    street.push("1.1")
    street.later(MISSED_S)
    assert street.events() == [], "its hook may still come"
    street.later(PATIENCE_S)
    assert street.events() == [("1.1", "started", "look")]
    street.later(MISSED_S)
    street.later(MISSED_S)
    assert len(street.events()) == 1
    assert street.shown(made)["history"][0]["what"] == "Recovered a missed push: 1.1."


def test_a_push_that_its_hook_reported_is_not_made_up_for(street: Street) -> None:
    street.webhook()
    street.later(1)
    street.push("1.1")
    street.hook("1.1")
    street.later(MISSED_S)
    street.later(PATIENCE_S)
    street.later(MISSED_S)
    assert street.events() == [("1.1", "started", "hook")]


def test_a_hook_that_comes_after_its_push_was_made_up_for_is_its_duplicate(street: Street) -> None:
    street.webhook()
    street.later(1)
    street.push("1.1")
    street.later(MISSED_S)
    street.later(PATIENCE_S)
    street.hook("1.1")
    assert [verdict for _, verdict, _ in street.events()] == ["started", "duplicate"]


def test_a_missed_push_does_not_replace_a_newer_one(street: Street) -> None:
    street.webhook()
    street.later(1)
    street.push("1.1")
    street.push("1.2")
    street.hook("1.2")
    street.later(MISSED_S)
    street.later(PATIENCE_S)
    assert street.events() == [("1.2", "started", "hook"), ("1.1", "held as older", "look")]


def test_in_the_mode_look_each_push_runs_at_the_next_look_and_others_get_their_verdict(street: Street) -> None:
    street.push("1.0")
    made = street.webhook(mode="look", tagNamePattern="1\\..*")
    street.later(1)
    assert street.events() == []
    digest = street.push("1.1")
    street.push("main")
    street.later(LOOK_S)
    assert street.events() == [("1.1", "started", "look"), ("main", "ignored: tag", "look")]
    from services.config.store import activity

    with street.office.store.read() as uow:
        found, _ = activity.page(uow, None, Find(kind=Kind.EVENTS, filter="tag eq '1.1'"))
    assert found[0].push is not None
    assert found[0].push.digest == digest
    assert street.shown(made)["look"]["problem"] == ""


def test_many_tags_pushed_between_two_looks_all_get_their_verdict_and_what_is_too_much_is_said(street: Street) -> None:
    made = street.webhook(mode="look")
    street.later(1)
    for number in range(8):
        street.push(f"1.{number}")
    street.later(LOOK_S)
    assert len(street.events()) == 8
    for number in range(MOST_LOOKED + 1):
        street.push(f"2.{number}")
    street.later(LOOK_S)
    assert len(street.events()) == 8 + MOST_LOOKED
    said = street.shown(made)["history"][0]["what"]
    assert said.startswith("Of 21 pushes since the last poll the newest 20 count: 2.1, 2.2, ")


def test_nothing_is_made_at_the_hub_for_a_webhook_that_looks(street: Street) -> None:
    made = street.webhook(mode="look")
    assert street.shown(made)["hubState"] == "looked at"
    assert street.shown(made)["slug"] == ""


def test_moving_between_hook_and_look_loses_and_doubles_nothing(street: Street) -> None:
    made = street.webhook(mode="look")
    street.later(1)
    street.push("1.0")
    street.later(LOOK_S)
    street.push("1.1")
    street.office.act(Kind.WEBHOOKS, "patch", {"mode": "hook"}, id=made["id"])
    street.later(1)
    assert street.events() == [("1.0", "started", "look")]
    street.later(PATIENCE_S)
    assert [tag for tag, _, _ in street.events()] == ["1.0", "1.1"]
    street.push("1.2")
    street.hook("1.2")
    street.office.act(Kind.WEBHOOKS, "patch", {"mode": "look"}, id=made["id"])
    street.later(1)
    street.push("1.3")
    street.later(LOOK_S)
    assert [tag for tag, _, _ in street.events()] == ["1.0", "1.1", "1.2", "1.3"]


def test_enabling_takes_a_new_baseline(street: Street) -> None:
    made = street.webhook(mode="look")
    street.later(1)
    street.office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, id=made["id"])
    street.push("1.0")
    street.later(LOOK_S)
    street.office.act(Kind.WEBHOOKS, "patch", {"enabled": True}, id=made["id"])
    street.later(1)
    street.push("1.1")
    street.later(LOOK_S)
    assert street.events() == [("1.1", "started", "look")]


def test_an_answer_from_before_the_webhook_was_disabled_makes_no_baseline(street: Street) -> None:
    made = street.webhook(mode="look")
    street.office.now += 1
    with street.office.store.write() as uow:
        street.looks.on_timer(uow, "all")
    (old,) = street.asked
    street.asked.clear()
    assert isinstance(old, TagsLook)
    early = street.hub_looks(old)
    street.office.now += 1
    street.office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, id=made["id"])
    street.push("1.0")
    street.office.act(Kind.WEBHOOKS, "patch", {"enabled": True}, id=made["id"])
    with street.office.store.write() as uow, RunBatch(uow) as movement:
        street.looks.take_answer(movement, early)
    street.later(1)
    assert street.events() == []


@pytest.mark.parametrize(
    ("shape", "outcome"),
    [("429", Found.UNAVAILABLE), ("500", Found.UNAVAILABLE), ("200-html", Found.UNAVAILABLE), ("404", Found.NOT_FOUND)],
)
def test_a_hub_that_does_not_answer_is_said_on_the_webhook_and_asked_again(
    street: Street, shape: str, outcome: Found
) -> None:
    made = street.webhook(mode="look")
    street.later(1)
    street.hub.faults.add({"shape": shape, "route": "tags", "times": 1})
    street.push("1.0")
    street.later(LOOK_S)
    said = street.shown(made)["look"]["problem"]
    assert said
    assert said in street.shown(made)["history"][0]["what"]
    street.later(7200)
    assert street.events() == [("1.0", "started", "look")]
    assert street.shown(made)["look"]["problem"] == ""


def test_a_public_repository_is_looked_at_without_an_account(street: Street) -> None:
    street.hub.world.add_repository("acme/open", private=False)
    ask = TagsLook(webhook_id="w", asked_at=1.0, repository="acme/open", hub_url=street.hub.url)
    assert street.hub_looks(ask).outcome is Found.FOUND
    hidden = street.hub_looks(ask.model_copy(update={"repository": "acme/web"}))
    assert (hidden.outcome, hidden.detail) == (
        Found.NOT_FOUND,
        "Docker Hub shows the public no repository acme/web.",
    )
    assert urlparse(street.hub.url).hostname == "127.0.0.1"


def test_the_timer_comes_again_by_itself(street: Street) -> None:
    with street.office.store.write() as uow:
        street.looks.start(uow)
        street.looks.on_timer(uow, "all")
    from sqlalchemy import select

    from services.config.tables.machinery import TimerRow

    with street.office.store.read() as uow:
        assert list(uow.session.scalars(select(TimerRow.kind).where(TimerRow.kind == LOOK))) == [LOOK]
