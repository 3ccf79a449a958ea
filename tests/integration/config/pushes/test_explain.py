"""Why was this image not deployed then: one call answers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from services.config.accounts.callers import load_person
from services.config.model.people import SYSTEM
from services.config.pushes import explain
from services.config.pushes.deliveries import Deliveries
from services.config.pushes.explain import MOST_WEBHOOKS, instant
from services.config.resources.events import Events
from services.config.runs.batch import RunBatch
from services.config.store import Store, polls
from services.config.store.definitions import webhooks
from services.config.tables.catalog import WebhookRow
from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.history import Status
from shared.contracts.problems import Code, Refused
from shared.contracts.pushes import HookReceived, Push
from shared.process.secrets import token_hash
from tests.integration.config.conftest import Clock, Definitions
from tests.integration.config.office import Office
from tests.integration.config.world import World


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def push(office: Office, tag: str, token: str = "first-token") -> None:
    about = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag=tag)
    hook = HookReceived(
        delivery_id=f"d-{tag}-{office.now}", received_at=office.now, token_hash=token_hash(token), pushes=(about,)
    )
    with office.store.write() as uow, RunBatch(uow) as movement:
        Deliveries(office.catalog).receive(movement, hook)


def why(
    office: Office, tag: str, at: str = "", *, by: str = "admin", repository: str = "acme/web"
) -> dict[str, object]:
    events = Events(Deliveries(office.catalog))
    ask = Get(kind=Kind.EVENTS, options={"why": {"repository": repository, "tag": tag, "at": at}})
    with office.store.read() as uow:
        return events.get(uow, load_person(uow, Caller(user=by)), ask).document


def test_a_delivery_answers_with_its_verdict(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub", pipeline="Deploy web", tagNamePattern="v.*")
    push(office, "1.4.1")
    said = why(office, "1.4.1")
    assert str(said["answer"]).endswith("ignored: tag: Tag 1.4.1 does not match v.*.")
    assert said["nextStep"] == "If it should match, change the tag pattern of webhook web."
    assert len(said["events"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "repository", ["acme/web", " docker.io/acme/web", "https://hub.docker.com/r/acme/web", "docker.io/acme/web:1.4.1"]
)
def test_the_repository_is_understood_in_each_form_that_people_have_at_hand(office: Office, repository: str) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub", pipeline="Deploy web", tagNamePattern="v.*")
    assert "Webhook web:" in str(why(office, "1.4.1", repository=repository)["answer"])
    push(office, "1.4.1")
    assert "does not match v.*" in str(why(office, "1.4.1", repository=repository)["answer"])


def test_each_push_of_one_body_shows_the_payload_that_is_kept_once(office: Office) -> None:
    office.webhook()
    about = [Push(provider="quay", registry_host="quay.io", repository="acme/web", tag=tag) for tag in ("1.4", "1.4.1")]
    body = {"updated_tags": ["1.4", "1.4.1"]}
    hook = HookReceived(
        delivery_id="d1",
        received_at=office.now,
        token_hash=token_hash("first-token"),
        pushes=tuple(about),
        body=body,
    )
    with office.store.write() as uow, RunBatch(uow) as movement:
        numbers = [one.id for one in Deliveries(office.catalog).receive(movement, hook)]
    with office.store.read() as reading:
        admin = load_person(reading, Caller(user="admin"))
        events = Events(Deliveries(office.catalog))
        shown = [events.get(reading, admin, Get(kind=Kind.EVENTS, id=number)).document for number in numbers]
    assert [(one["tag"], one["payload"]) for one in shown] == [("1.4", body), ("1.4.1", body)]


def test_the_delivery_nearest_to_the_time_is_meant(office: Office) -> None:
    office.webhook()
    push(office, "1.4.1")
    office.now += 7_200
    office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, name="web", project="default")
    push(office, "1.4.1")
    assert "not started: incomplete webhook" in str(why(office, "1.4.1", str(int(office.now - 7_200)))["answer"])
    assert "ignored: disabled" in str(why(office, "1.4.1", str(int(office.now * 1e6)))["answer"])


def test_a_failed_run_answers_before_one_that_is_live_and_before_what_was_ignored(world: World) -> None:
    for number, status, message in (("d1", Status.FAILED, "Image cannot be pulled."), ("d2", Status.COMPLETED, "")):
        world.clock.advance(600)
        world.hook(number, push={"digest": f"sha256:{number[1] * 64}"})
        world.finish(str(world.delivery(number).execution_id), status, message)
    world.hook("d3", push={"digest": f"sha256:{'2' * 64}"})
    with world.store.read() as reading:
        answer = explain.answer(reading, SYSTEM, "acme/web", "1.4.1", "")
    begins = [sentence.partition(":")[0] for sentence in answer["sentences"]]
    assert begins[:2] == ["Deploy web #1 is FAILED", "Deploy web #2 is COMPLETED"]
    assert "duplicate" in answer["sentences"][2]
    assert answer["answer"].startswith("Deploy web #1 is FAILED: Image cannot be pulled.")


def test_without_a_delivery_each_webhook_of_the_repository_says_what_is_wrong_with_it(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub", tagNamePattern="v.*")
    said = str(why(office, "1.4.1")["answer"])
    assert said.startswith("No delivery of acme/web:1.4.1 was received")
    assert "its hook is not in step (pending: Docker Hub has not been asked yet.)" in said
    assert "it would ignore tag 1.4.1, which does not match v.*." in said


def test_without_a_webhook_it_says_that_nothing_listens(office: Office) -> None:
    said = why(office, "1", repository="acme/other")
    assert "nothing listens" in str(said["answer"])
    assert said["nextStep"] == "Create a webhook for acme/other."


def test_only_webhooks_of_the_repository_and_of_any_are_asked_and_at_most_twenty_answer(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(name="any", token="any", pipeline="Deploy web")
    for number in range(25):
        office.webhook(name=f"web {number:02}", token=f"web {number}", endpoint="hub", pipeline="Deploy web")
        office.webhook(
            name=f"api {number:02}", token=f"api {number}", endpoint="hub", pipeline="Deploy web", repoName="acme/api"
        )
    answer = why(office, "1.4.1", repository="acme/api")
    assert len(answer["webhooks"]) == MOST_WEBHOOKS  # type: ignore[arg-type]
    assert all(str(sentence).startswith("Webhook api ") for sentence in answer["sentences"])  # type: ignore[attr-defined]
    namespace = {"serverType": "DockerHub", "repoURL": "acme"}
    office.act(
        Kind.ENDPOINTS, "create", {"name": "all", "project": "default", "type": "docker", "properties": namespace}
    )
    office.webhook(name="all of acme", token="all", endpoint="all", pipeline="Deploy web", wholeNamespace=True)
    answer = why(office, "1.4.1", repository="acme/new")
    assert [str(sentence)[:8] for sentence in answer["sentences"]] == ["Webhook "] * 2  # type: ignore[attr-defined]
    answer = why(office, "1.4.1", repository="other/new")
    assert [str(sentence)[:12] for sentence in answer["sentences"]] == ["Webhook any:"]  # type: ignore[attr-defined]


def test_the_question_costs_the_same_whatever_the_number_of_webhooks(office: Office) -> None:
    office.docker_endpoint()
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def asked() -> int:
        statements.clear()
        event.listen(Engine, "before_cursor_execute", note)
        why(office, "1.4.1")
        event.remove(Engine, "before_cursor_execute", note)
        return len(statements)

    office.webhook(name="web", endpoint="hub", pipeline="Deploy web")
    few = asked()
    assert few > 2
    for number in range(30):
        office.webhook(
            name=f"api {number:02}", token=f"api {number}", endpoint="hub", pipeline="Deploy web", repoName="acme/api"
        )
    assert asked() == few


def test_the_repository_of_a_webhook_follows_its_endpoint_and_its_variables(office: Office) -> None:
    office.act(Kind.VARIABLES, "create", {"name": "repo", "project": "default", "type": "REGULAR", "value": "acme/web"})
    office.webhook(name="early", endpoint="hub", pipeline="Deploy web")
    assert "Webhook early" in str(why(office, "1")["answer"]), "it has no endpoint yet, and may be for any repository"
    properties = {"serverType": "DockerHub", "repoURL": "${var.repo}"}
    endpoint = {"name": "hub", "project": "default", "type": "docker", "properties": properties}
    office.act(Kind.ENDPOINTS, "create", endpoint)
    assert "nothing listens" in str(why(office, "1", repository="acme/api")["answer"])
    assert "Webhook early" in str(why(office, "1")["answer"])
    office.act(Kind.VARIABLES, "patch", {"value": "acme/api"}, name="repo", project="default")
    assert "Webhook early" in str(why(office, "1", repository="acme/api")["answer"])
    assert "nothing listens" in str(why(office, "1")["answer"])


def test_webhooks_of_an_earlier_version_get_their_scope_when_config_starts(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub", pipeline="Deploy web")
    with office.store.write() as uow:
        uow.session.execute(update(WebhookRow).values(scope=None))
    assert "Webhook web" in str(why(office, "1")["answer"])
    with office.store.write() as uow:
        office.catalog.start(uow)
    with office.store.read() as reading:
        assert webhooks.WEBHOOKS.one(reading, name="web").scope == "acme/web"  # type: ignore[union-attr]


def test_others_events_are_not_told(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub")
    push(office, "1.4.1")
    office.act(Kind.PROJECTS, "create", {"name": "other"})
    office.user("eve", other="viewers")
    said = why(office, "1.4.1", by="eve")
    assert (said["events"], said["webhooks"]) == ([], [])


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-23T07:00:00Z", 1795417200.0),
        ("2026-11-23 07:00:00+00:00", 1795417200.0),
        ("1795417200", 1795417200.0),
        ("1795417200000", 1795417200.0),
        ("1795417200000000", 1795417200.0),
    ],
)
def test_times_are_read_as_people_and_programs_write_them(written: str, at: float) -> None:
    assert instant(written) == at


def test_what_is_no_time_and_no_repository_is_refused(office: Office) -> None:
    for at, repository in (("yesterday", "acme/web"), ("", "")):
        with pytest.raises(Refused) as caught:
            why(office, "1", at, repository=repository)
        assert caught.value.problem.code is Code.INVALID


def test_a_webhook_that_lacks_something_answers_with_that_first(office: Office) -> None:
    office.webhook(endpoint="hub", repoName="acme/web", pipeline="Deploy web", tagNamePattern="v.*")
    with office.store.write() as uow:
        polls.save(uow, polls.PollState(webhooks.WEBHOOKS.all(uow)[0].id, problem=polls.NO_REPOSITORY))
    answer = why(office, "1.4.1")
    assert "it is incomplete (There is no pipeline Deploy web in project default. There is no endpoint hub" in str(
        answer["answer"]
    )
    assert "polling" not in str(answer["answer"])
    assert answer["nextStep"] == "Give webhook web what it lacks; Test then sends it a delivery."
