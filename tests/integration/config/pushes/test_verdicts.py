"""Every verdict of the closed list is reached by a delivery, with its sentence and its next step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.config.model.deliveries import SENDER_REFUSED
from services.config.model.push_events import PushEvent
from services.config.model.triggers import Actor
from services.config.pushes import deliveries
from services.config.pushes.decision import FOUND_WITHIN_S, ORDERED_WITHIN_S
from services.config.pushes.verdicts import ABOUT, BUTTONS, Verdict, action_of
from services.config.runs import admission
from services.config.runs.batch import RunBatch
from services.config.store import Store
from shared.contracts.history import Pushing, TaskHandle
from shared.contracts.pushes import Found, RegistryAccess, TagResolved
from tests.integration.config.conftest import Clock, Definitions, pipeline, webhook
from tests.integration.config.world import World

ACCESS = RegistryAccess(registry_host="docker.io")
NETWORKS = {"networks": ("192.0.2.0/24", "2001:db8::/32")}
SIGNED = {"signed": True}
MANDATORY = {"_inputMeta": {"cluster": {"mandatory": True}}, "input": {"cluster": ""}}


def with_webhook(**change: object) -> Callable[[World], PushEvent]:
    def story(world: World) -> PushEvent:
        world.definitions.webhooks["token"] = webhook(**change)
        return world.hook()

    return story


def called(about: dict[str, Any], **call: Any) -> Callable[[World], PushEvent]:
    """A call that a gateway accepted without asking config, at a webhook of which `about` is true."""

    def story(world: World) -> PushEvent:
        world.definitions.webhooks["token"] = webhook(**about)
        return world.hook(**call)

    return story


def with_push(tag: str | None = "1.4.1", **push: object) -> Callable[[World], PushEvent]:
    return lambda world: world.hook(tag=tag, push=push)


def with_pipeline(**tree: Any) -> Callable[[World], PushEvent]:
    def story(world: World) -> PushEvent:
        world.definitions.pipelines["Deploy web"] = pipeline(**tree)
        return world.hook()

    return story


def queued(world: World) -> PushEvent:
    world.hook("d1", "1.0")
    return world.hook("d2", "1.1")


def gathered(world: World) -> PushEvent:
    world.definitions.webhooks["token"] = webhook(gather_s=5.0)
    loser = world.hook("d1", "1.4", push={"digest": "sha256:a"})
    world.hook("d2", "1.4.2", push={"digest": "sha256:a"})
    world.quiet()
    assert world.delivery("d2").verdict == "started"
    return world.delivery(loser.id)


def duplicate(world: World) -> PushEvent:
    world.hook("d1", push={"pushed_at": 5.0})
    return world.hook("d2", push={"pushed_at": 5.0})


def loop(world: World) -> PushEvent:
    """Deploy web pushes the very image that started it under another tag, and the same webhook hears of it."""
    first = world.hook("d1", "1.4.2", push={"digest": "sha256:a"})
    pushes_image(world, first.execution_id or "", "stable", "sha256:a")
    return world.hook("d2", "stable", push={"digest": "sha256:a"})


def pushes_image(world: World, execution_id: str, tag: str, digest: str) -> None:
    assert world.take(execution_id).taken
    about = {"stage": "Deploy", "task": "Apply", "seq": 0, "at": 0.0}
    pushing = Pushing(registry_host="docker.io", repository="acme/web", tag=tag, digest=digest)
    world.report(execution_id, TaskHandle(handle={}, pushing=(pushing,), **about))


def older(world: World) -> PushEvent:
    held_up = world.clock()
    world.clock.advance(60)
    world.hook("d1", "1.4.3")
    world.hook("d2", "1.4.2", received_at=held_up, via="spool")
    world.ordered()
    return world.delivery("d2")


def late(world: World) -> PushEvent:
    world.hook(received_at=world.clock() - 90_000, via="spool")
    world.ordered()
    return world.delivery("d1")


def not_found(world: World) -> PushEvent:
    world.definitions.webhooks["token"] = webhook(access=ACCESS)
    world.hook()
    world.clock.advance(FOUND_WITHIN_S + 1)
    world.inbox.work([TagResolved(delivery_id="d1", outcome=Found.NOT_FOUND)])
    return world.delivery("d1")


def pipeline_disabled(world: World) -> PushEvent:
    world.definitions.pipelines["Deploy web"] = replace(pipeline(), state="DISABLED")
    return world.hook()


def busy(world: World) -> PushEvent:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="skip-new")
    world.hook("d1", "1.0")
    return world.hook("d2", "1.1")


def unreadable(world: World) -> PushEvent:
    return world.hook(pushes=(), problem="The body is not a JSON object, so it contains no push.")


STORIES: dict[Verdict, tuple[Callable[[World], PushEvent], str]] = {
    Verdict.STARTED: (with_push(), "Started Deploy web #1."),
    Verdict.QUEUED: (queued, "Queued as Deploy web #2, behind #1."),
    Verdict.GATHERED: (gathered, "Batched with acme/web:1.4.2; see that event for the result."),
    Verdict.DUPLICATE: (duplicate, "Repeats delivery d1, whose verdict was: started."),
    Verdict.LOOP: (
        loop,
        "Pushed by Deploy web #1, and Deploy web is already among its causes: Deploy web #1.",
    ),
    Verdict.OLDER: (
        older,
        "Older than the running image 1.4.3: it waited 60 s in the gateway's spool because the message broker was "
        "unavailable, and a later push came first. It was not deployed automatically.",
    ),
    Verdict.LATE: (late, "It was received 25 hours before it could be judged."),
    Verdict.ORDERING: (
        lambda world: world.hook(via="spool"),
        "acme/web:1.4.1 arrived late; earlier pushes of the repository may still come from other gateways.",
    ),
    Verdict.WAITING: (with_webhook(access=ACCESS), "Asking the registry which image acme/web:1.4.1 is."),
    Verdict.NOT_FOUND: (not_found, "The registry has no acme/web:1.4.1, ten minutes after the push."),
    Verdict.TESTED: (lambda world: world.hook(via="test"), "Test: it would have started Deploy web."),
    Verdict.DISABLED: (
        with_webhook(enabled=False),
        "The webhook is disabled; it would have started Deploy web.",
    ),
    Verdict.IMAGE: (with_webhook(image_pattern="acme/api"), "Image acme/web does not match the webhook's image"),
    Verdict.TAG: (with_webhook(tag_pattern="v.*"), "Tag 1.4.1 does not match v.*."),
    Verdict.REPOSITORY: (
        with_webhook(repository="acme/api"),
        "acme/web was pushed; webhook web pushes is for acme/api.",
    ),
    Verdict.REGISTRY: (
        with_push(registry_host="registry:5000", also_at=("10.0.0.7:5000",)),
        "registry:5000/acme/web was pushed; webhook web pushes is for acme/web.",
    ),
    Verdict.NOT_AN_IMAGE: (with_push(kind="chart"), "acme/web:1.4.1 is a Helm chart, not an image."),
    Verdict.NO_TAG: (with_push(tag=None), "The push of acme/web names no tag."),
    Verdict.UNKNOWN_TOKEN: (
        lambda world: world.hook(token_hash="other"),
        "No webhook has this secure token.",
    ),
    Verdict.NETWORK: (
        called(NETWORKS, source_address="198.51.100.7"),
        "The call came from 198.51.100.7, which is outside the source networks of webhook web pushes.",
    ),
    Verdict.SIGNATURE: (
        called({}, signature="wrong"),
        "The signature does not match the body; webhook web pushes does not accept the call.",
    ),
    Verdict.UNREADABLE: (unreadable, "The body is not a JSON object, so it contains no push."),
    Verdict.PIPELINE_DISABLED: (pipeline_disabled, "Not started: pipeline Deploy web is disabled."),
    Verdict.INPUT_MISSING: (with_pipeline(**MANDATORY), "Pipeline Deploy web was not started: "),
    Verdict.TOKEN_ENDED: (
        with_webhook(actor=Actor("ann", token_problem="The API token of ann ended on 3 May 2026.")),
        "The API token of ann ended on 3 May 2026.",
    ),
    Verdict.NO_RIGHT: (
        with_webhook(actor=Actor("ann", right_problem="User ann, as whom this webhook acts, is disabled.")),
        "User ann, as whom this webhook acts, is disabled.",
    ),
    Verdict.INCOMPLETE: (
        with_webhook(pipeline="", missing=("It names no pipeline.",)),
        "Webhook web pushes is incomplete: It names no pipeline.",
    ),
    Verdict.BUSY: (busy, "Another run of this pipeline and repository is in progress"),
}


@pytest.fixture
def world(store: Store, clock: Clock, definitions: Definitions) -> World:
    return World(store, clock, definitions)


@pytest.mark.parametrize("verdict", list(Verdict), ids=lambda one: one.value)
def test_each_verdict_is_reached_and_says_its_sentence(world: World, verdict: Verdict) -> None:
    story, sentence = STORIES[verdict]
    event = story(world)
    assert event.verdict == verdict.value
    assert event.reason.startswith(sentence), event.reason
    about = ABOUT[verdict]
    assert bool(event.next_step) is bool(about.next_step)
    assert action_of(event.verdict) is about.action
    assert BUTTONS[about.action] or not about.action


STARTS = ""
CALLS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (NETWORKS, {"source_address": "192.0.2.7"}, STARTS),
    (NETWORKS, {"source_address": "::ffff:192.0.2.7", "via": "test"}, "tested"),
    (NETWORKS, {"source_address": "2001:db9::1", "via": "test"}, "ignored: network"),
    (NETWORKS, {"source_address": ""}, "ignored: network"),
    (NETWORKS, {"source_address": "198.51.100.7", "via": "spool"}, "ignored: network"),
    (NETWORKS, {"source_address": "198.51.100.7", "webhook_id": "webhook-1"}, "ignored: network"),
    (NETWORKS, {"source_address": "", "via": "look"}, STARTS),
    (NETWORKS | SIGNED, {"source_address": "192.0.2.7", "signature": "good"}, STARTS),
    (NETWORKS | SIGNED, {"source_address": "192.0.2.7", "signature": "missing"}, "ignored: signature"),
    (SIGNED, {"signature": "wrong", "via": "spool"}, "ignored: signature"),
    (SIGNED, {"via": "look"}, STARTS),
    ({}, {"signature": "missing"}, STARTS),
    # A gateway of 0.1 reports no signature; where it knew the webhook it has checked it.
    ({}, {}, STARTS),
    (SIGNED, {"webhook_id": "webhook-1"}, STARTS),
    (SIGNED, {}, "ignored: signature"),
]


def test_what_a_gateway_accepted_without_asking_is_judged_by_its_sender(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="parallel")
    for place, (about, call, verdict) in enumerate(CALLS):
        event = called(about, delivery_id=f"d{place}", tag=f"1.{place}", **call)(world)
        assert bool(event.execution_id) is (verdict == STARTS), (about, call, event.reason)
        assert event.execution_id or event.verdict == verdict, (about, call, event.reason)


def test_a_refused_call_hides_no_push_of_the_registry_and_a_person_may_run_it(world: World) -> None:
    assert {Verdict.NETWORK.value, Verdict.SIGNATURE.value} == set(SENDER_REFUSED)
    same: dict[str, Any] = {"push": {"pushed_at": 5.0, "digest": "sha256:a", "provider_delivery_id": "p1"}}
    refused = called(NETWORKS | SIGNED, delivery_id="d1", source_address="198.51.100.7", **same)(world)
    forged = world.hook("d2", source_address="192.0.2.7", signature="missing", **same)
    assert [refused.verdict, forged.verdict] == list(SENDER_REFUSED)
    assert world.hook("d3", source_address="192.0.2.7", signature="good", **same).verdict == "started"
    assert world.hook("d4", source_address="192.0.2.7", signature="good", **same).verdict == "duplicate"
    with world.store.write() as uow, RunBatch(uow) as movement:
        assert world.receiver.rerun(movement, forged, "ann", anyway=True).verdict == "queued"


def test_what_is_gathered_waits_and_one_run_gets_all_tags(world: World) -> None:
    world.definitions.webhooks["token"] = webhook(gather_s=5.0)
    for place, tag in enumerate(("1.4", "latest", "1.4.2")):
        event = world.hook(f"d{place}", tag, push={"digest": "sha256:a"})
        assert (event.state, event.verdict) == ("gathering", "gathered")
    assert world.dispatched() == []
    world.quiet()
    (run_id,) = world.dispatched()
    inputs = world.take(run_id).inputs
    assert (inputs["DOCKER_TAG"], inputs["DOCKER_TAGS"]) == ("1.4.2", "1.4.2,1.4,latest")


def test_pushes_from_several_spools_are_judged_in_the_order_in_which_they_were_received(world: World) -> None:
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    began = world.clock()
    world.clock.advance(60)
    for delivery_id, after_s, via in (("b", 2, "spool"), ("d", 60, "hook"), ("a", 1, "spool"), ("c", 3, "spool")):
        event = world.hook(delivery_id, f"1.{after_s}", received_at=began + after_s, via=via)
        assert (event.state, event.execution_id) == ("ordering", None)
    world.ordered()
    events = [world.delivery(delivery_id) for delivery_id in "abcd"]
    assert [event.execution_index for event in events] == [1, 2, 3, 4]
    assert [event.verdict for event in events] == ["started", "queued", "queued", "queued"]
    assert world.hook("e", "1.61").state == "judged", "nothing is awaited any more"
    held = world.hook("f", "1.59", received_at=began + 59, via="spool")
    world.ordered()
    assert world.delivery(held.id).verdict == "held as older"


def test_many_late_pushes_are_judged_some_at_a_time_and_none_is_overtaken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "ORDERED_AT_ONCE", 2)
    world.definitions.pipelines["Deploy web"] = pipeline(supersede="queue")
    began, rounds = world.clock(), 0
    for place in range(4):
        world.hook(f"d{place}", f"1.{place}", received_at=began + place / 1000, via="spool")
    world.clock.advance(ORDERED_WITHIN_S)
    while world.ordered():
        rounds += 1
        if rounds == 1:
            assert world.hook("last", "1.900").state == "ordering"
    assert rounds == 3
    assert [world.delivery(f"d{place}").execution_index for place in range(4)] == [1, 2, 3, 4]
    assert world.delivery("last").execution_index == 5


def test_a_rerun_does_not_put_an_older_image_over_a_newer_and_run_anyway_does(world: World) -> None:
    first = world.hook("d1", "1.4.2")
    world.finish(first.execution_id or "")
    world.clock.advance(60)
    second = world.hook("d2", "1.4.3")
    world.finish(second.execution_id or "")

    def again(anyway: bool) -> PushEvent:
        with world.store.write() as uow, RunBatch(uow) as movement:
            return world.receiver.rerun(movement, world.delivery("d1"), "ann", anyway=anyway)

    held = again(anyway=False)
    assert (held.verdict, held.execution_id) == ("held as older", None)
    assert held.reason.startswith("Older than the running image 1.4.3")
    forced = again(anyway=True)
    assert forced.verdict == "started"
    # Now 1.4.2 is live, and 1.4.3 came before it did.
    with world.store.write() as uow, RunBatch(uow) as movement:
        assert world.receiver.rerun(movement, world.delivery("d2"), "ann").verdict == "held as older"


def test_the_newest_of_all_can_be_rerun(world: World) -> None:
    first = world.hook("d1", "1.4.2")
    world.finish(first.execution_id or "")
    with world.store.write() as uow, RunBatch(uow) as movement:
        assert world.receiver.rerun(movement, world.delivery("d1"), "ann").verdict == "started"


def test_a_push_of_ours_starts_another_pipeline_and_says_who_pushed_it(world: World) -> None:
    first = world.hook("d1", "1.4.2", push={"digest": "sha256:a"})
    pushes_image(world, first.execution_id or "", "stable", "sha256:a")
    world.definitions.pipelines["Deploy stable"] = pipeline("Deploy stable")
    world.definitions.webhooks["other"] = webhook(id="webhook-2", pipeline="Deploy stable")
    event = world.hook("d2", "stable", push={"digest": "sha256:a"}, token_hash="other")
    assert (event.verdict, event.pushed_by) == ("started", "Deploy web #1")
    assert event.pushed_by_id == first.execution_id


def test_another_image_under_the_same_tag_is_no_loop(world: World) -> None:
    first = world.hook("d1", "1.4.2", push={"digest": "sha256:a"})
    pushes_image(world, first.execution_id or "", "stable", "sha256:a")
    event = world.hook("d2", "stable", push={"digest": "sha256:b"})
    assert (event.verdict, event.pushed_by) == ("queued", "")


def test_runs_that_come_of_one_by_pushes_are_bounded_in_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_DESCENDANTS", 2)
    execution_id = world.hook("d0", "1.4.2", push={"digest": "sha256:0"}).execution_id or ""
    for number in range(1, 4):
        pushes_image(world, execution_id, f"s{number}", f"sha256:{number}")
        name = f"Deploy {number}"
        world.definitions.pipelines[name] = pipeline(name)
        world.definitions.webhooks[name] = webhook(id=f"webhook-{number}", pipeline=name)
        event = world.hook(f"d{number}", f"s{number}", push={"digest": f"sha256:{number}"}, token_hash=name)
        if number == 3:
            break
        assert event.verdict == "started"
        execution_id = event.execution_id or ""
    assert (event.verdict, event.execution_id) == ("loop", None)
    assert "runs that came of one" in event.reason
    with world.store.write() as uow, RunBatch(uow) as movement:
        assert world.receiver.rerun(movement, event, "ann", anyway=True).verdict == "started"
