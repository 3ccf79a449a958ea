"""`decide` over generated cases: what may start, what never starts, and that every wait ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.config.model.deliveries import Earlier
from services.config.model.lineage import Cause
from services.config.model.push_events import ANSWERED, GATHERING, ORDERING, RECEIVED, RESOLVING, RETRYING, PushEvent
from services.config.model.triggers import Actor, MatchWebhook, RunnablePipeline
from services.config.pushes import records
from services.config.pushes.case import Case, Start, Wait
from services.config.pushes.decision import FOUND_WITHIN_S, RUN_WITHIN_S, decide
from services.config.pushes.verdicts import ABOUT, Judgement, Verdict
from services.config.runs import admission
from shared.contracts.pushes import BodySignature, Found, HookReceived, Push, RegistryAccess, TagResolved

NOW = 1_790_000_000.0
POLICIES = ("queue-latest", "cancel-older", "skip-new", "parallel", "queue")
DIGESTS = (None, "sha256:a", "sha256:b")


def pipeline(policy: str = "queue-latest", *, enabled: bool = True, mandatory: bool = False) -> RunnablePipeline:
    tree: dict[str, Any] = {
        "name": "Deploy web",
        "project": "default",
        "options": ["DOCKER_TRIGGER"],
        "supersede": policy,
        "input": {"cluster": ""},
        "_inputMeta": {"cluster": {"mandatory": mandatory}},
        "stageOrder": ["Deploy"],
        "stages": {"Deploy": {"taskOrder": ["Check"], "tasks": {"Check": {"type": "Condition", "input": {}}}}},
    }
    tree["stages"]["Deploy"]["tasks"]["Check"]["input"] = {"condition": "1 == 1"}
    version = 2 * POLICIES.index(policy) + mandatory
    return RunnablePipeline(
        "pipeline-1", "default", "Deploy web", version, "ENABLED" if enabled else "DISABLED", tree, concurrency=1
    )


def webhook(**change: Any) -> MatchWebhook:
    plain = MatchWebhook(
        id="webhook-1",
        project="default",
        name="web pushes",
        enabled=True,
        pipeline="Deploy web",
        registry_host="docker.io",
        repository="acme/web",
        image_pattern="",
        tag_pattern="",
        exclude=(),
        input={},
        actor=Actor("ann"),
    )
    return replace(plain, **change)


def push(**change: Any) -> Push:
    plain = {
        "provider": "dockerhub",
        "registry_host": "docker.io",
        "repository": "acme/web",
        "tag": "1.4",
        "digest": "sha256:a",
    }
    return Push(**{**plain, **change})


def event(**change: Any) -> PushEvent:
    plain = PushEvent(
        id="d1",
        delivery_id="d1",
        ordinal=0,
        received_at=NOW,
        recorded_at=NOW,
        via="hook",
        token_hash="token",
        webhook_id="webhook-1",
        webhook="web pushes",
        project="default",
        pipeline="Deploy web",
        push=push(),
        state=RECEIVED,
        verdict="",
        reason="",
    )
    return replace(plain, **change)


def case(**change: Any) -> Case:
    """A push that starts a run, but for what is changed."""
    whole = {"event": event(), "now": NOW, "webhook": webhook(), "pipeline": pipeline(), **change}
    if whole["pipeline"] is not None and not whole.get("plan_problem"):
        whole["compiled"] = admission.compiled(whole["pipeline"])
    return Case(**whole)


pushes = st.one_of(
    st.none(),
    st.builds(
        push,
        registry_host=st.sampled_from(("docker.io", "ghcr.io")),
        repository=st.sampled_from(("acme/web", "acme/api")),
        tag=st.sampled_from((None, "1.4", "1.5", "latest", "no tag")),
        digest=st.sampled_from(DIGESTS),
        pushed_at=st.sampled_from((None, NOW - 50.0)),
        pusher=st.sampled_from((None, "ann")),
        kind=st.sampled_from(("image", "image", "image", "chart")),
    ),
)
webhooks = st.one_of(
    st.none(),
    st.builds(
        webhook,
        enabled=st.sampled_from((True, True, True, False)),
        pipeline=st.sampled_from(("Deploy web", "Deploy web", "")),
        repository=st.sampled_from(("acme/web", "")),
        tag_pattern=st.sampled_from(("", "", r"1\..*", "(")),
        actor=st.sampled_from((Actor("ann"), Actor("ann"), Actor("ann", right_problem="User ann is disabled."))),
        missing=st.sampled_from(((), (), ("It names no endpoint.",))),
        access=st.sampled_from((None, RegistryAccess(registry_host="docker.io"))),
        gather_s=st.sampled_from((0.0, 5.0)),
        platforms=st.sampled_from(((), ("linux/arm64",))),
        networks=st.sampled_from(((), ("192.0.2.0/24",))),
        signed=st.booleans(),
        input=st.sampled_from(({}, {"cluster": "blue"})),
    ),
)
events = st.builds(
    event,
    push=pushes,
    received_at=st.sampled_from((NOW, NOW - 60, NOW - RUN_WITHIN_S - 1)),
    recorded_at=st.sampled_from((NOW, NOW - 30, NOW - FOUND_WITHIN_S)),
    via=st.sampled_from(("hook", "spool", "look", "test", "manual")),
    state=st.sampled_from((RECEIVED, ORDERING, RESOLVING, RETRYING, ANSWERED, GATHERING)),
    rerun_of=st.sampled_from((None, None, "d0")),
    forced=st.booleans(),
)
pipelines = st.one_of(
    st.none(),
    st.builds(
        pipeline, st.sampled_from(POLICIES), enabled=st.sampled_from((True, True, False)), mandatory=st.booleans()
    ),
)
FIRST = Earlier("d0", NOW - 5, "1.4", "sha256:a", None, "ann", None, "started")
earlier = st.builds(
    Earlier,
    id=st.just("d0"),
    received_at=st.sampled_from((NOW - 5, NOW - 5_000)),
    tag=st.sampled_from(("1.4", "latest")),
    digest=st.sampled_from(DIGESTS),
    pushed_at=st.sampled_from((None, NOW - 50.0)),
    pusher=st.just("ann"),
    provider_delivery_id=st.none(),
    verdict=st.just("started"),
)
causes = st.builds(
    Cause,
    st.just("run-1"),
    st.sampled_from(("pipeline-1", "pipeline-2")),
    st.just("Build"),
    st.just(7),
    st.just("sha256:a"),
)
answers = st.builds(TagResolved, delivery_id=st.just("d1"), outcome=st.sampled_from(Found), digest=st.just("sha256:a"))
history = {
    "answer": st.one_of(st.none(), answers),
    "earlier": st.lists(earlier, max_size=2).map(tuple),
    "causes": st.lists(causes, max_size=2).map(tuple),
    "started_later": st.one_of(st.none(), st.none(), st.just(push(tag="1.6"))),
    "last_started": st.one_of(st.none(), st.just(push(tag="1.6"))),
    "awaits_earlier": st.booleans(),
    "ordering": st.sampled_from((False, False, True)),
    "gathering_since": st.sampled_from((None, NOW - 60.0)),
    "skipped": st.sampled_from((False, False, False, True)),
}
calls = st.builds(
    HookReceived,
    delivery_id=st.just("d1"),
    received_at=st.just(NOW),
    token_hash=st.just("token"),
    webhook_id=st.sampled_from((None, "webhook-1")),
    problem=st.sampled_from((None, "The body is empty.")),
    source_address=st.sampled_from(("192.0.2.7", "198.51.100.7", "")),
    signature=st.sampled_from((None, *BodySignature)),
    via=st.sampled_from(("hook", "spool", "look", "test")),
)
cases = st.builds(
    case,
    event=events,
    call=st.one_of(st.none(), calls),
    webhook=webhooks,
    pipeline=pipelines,
    plan_problem=st.sampled_from(("", "", "stages: there are none")),
    **history,
)
wanted = st.builds(
    case,
    event=st.builds(replace, events, push=st.builds(push, digest=st.sampled_from(DIGESTS))),
    webhook=st.builds(
        webhook,
        access=st.sampled_from((None, None, RegistryAccess(registry_host="docker.io"))),
        gather_s=st.sampled_from((0.0, 0.0, 5.0)),
        platforms=st.sampled_from(((), ("linux/arm64",))),
    ),
    pipeline=st.builds(pipeline, st.sampled_from(POLICIES)),
    **history,
)
"""Pushes that their webhook wants: what happened before decides about them."""


@given(cases)
def test_every_push_gets_a_verdict_in_words_a_wait_that_ends_or_a_run(generated: Case) -> None:
    match decide(generated):
        case Judgement() as judgement:
            assert judgement.reason and bool(judgement.next_step) is bool(ABOUT[judgement.verdict].next_step)
            assert judgement.verdict not in (Verdict.STARTED, Verdict.QUEUED, Verdict.WAITING, Verdict.ORDERING)
        case Wait(state, due_at):
            others_end_it = {ANSWERED: generated.awaits_earlier, ORDERING: generated.ordering}
            assert (due_at is not None and due_at >= NOW) or others_end_it[state]
        case Start() as start:
            assert start.order.delivery == generated.event.id


@given(cases)
def test_a_run_starts_only_for_an_image_that_an_enabled_complete_webhook_wants(generated: Case) -> None:
    if not isinstance(decision := decide(generated), Start):
        return
    pushed, hook, runs = generated.push, generated.webhook, generated.pipeline
    assert pushed is not None and hook is not None and runs is not None
    assert pushed.kind == "image" and pushed.tag in ("1.4", "1.5", "latest")
    assert hook.enabled and not hook.missing and not hook.actor.problem and hook.repository in ("", pushed.repository)
    assert runs.enabled and decision.pipeline is runs and not generated.plan_problem
    if (call := generated.call) is not None and call.via != "look":
        assert not hook.networks or call.source_address == "192.0.2.7"
        assert call.signature is not BodySignature.WRONG
        assert not hook.signed or call.signature is BodySignature.GOOD or (not call.signature and call.webhook_id)
    assert decision.order.inputs["DOCKER_TAG"] == pushed.tag and decision.order.push == pushed
    assert decision.order.inputs.get("cluster") or not runs.tree["_inputMeta"]["cluster"]["mandatory"]


@given(wanted)
def test_what_is_late_older_a_loop_or_skipped_starts_only_when_a_person_wants_it(generated: Case) -> None:
    if not isinstance(decision := decide(generated), Start):
        return
    event = generated.event
    image = (decision.pipeline.id, decision.order.push.digest if decision.order.push else None)
    assert event.via != "test" and not generated.skipped
    assert generated.rerun or NOW - event.received_at <= RUN_WITHIN_S
    if not event.forced:
        assert all((cause.pipeline_id, cause.digest) != image for cause in generated.causes)
        in_parallel = decision.compiled.policy.value == "parallel"
        later = generated.started_later
        assert later is None or (in_parallel and decision.order.push and later.tag != decision.order.push.tag)


@given(wanted)
def test_pushes_that_wait_for_the_registry_start_in_their_order(generated: Case) -> None:
    if generated.awaits_earlier and generated.event.state in (RESOLVING, ANSWERED):
        assert not isinstance(decide(generated), Start)


@given(wanted, st.sampled_from(Found))
def test_the_registrys_answer_ends_the_question(generated: Case, outcome: Found) -> None:
    """A push that was asked about is not asked about again, but where the registry has no image yet."""
    answer = TagResolved(delivery_id="d1", outcome=outcome, digest="sha256:a", detail="it answered 503.")
    asked = replace(generated.event, state=RESOLVING)
    decision = decide(replace(generated, event=records.answered(asked, answer), answer=answer))
    if isinstance(decision, Wait):
        assert decision.state != RESOLVING
        assert decision.state != RETRYING or (
            outcome is Found.NOT_FOUND and NOW - generated.event.recorded_at < FOUND_WITHIN_S
        )


@given(wanted)
def test_what_was_gathered_is_not_gathered_again_and_repeats_nothing(generated: Case) -> None:
    """The others of its group are earlier events of the same image: they must not make it a duplicate."""
    decision = decide(replace(generated, event=replace(generated.event, state=GATHERING)))
    assert not isinstance(decision, Wait) or decision.state == RETRYING
    assert not isinstance(decision, Judgement) or decision.verdict is not Verdict.DUPLICATE


@given(wanted)
def test_the_same_case_starts_the_same_run(generated: Case) -> None:
    assert decide(generated) == decide(generated)


LATE = event(via="spool", state=ORDERING)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"started_later": push(tag="1.6"), "pipeline": pipeline("parallel")}, None),
        (
            {"started_later": push(tag="1.6"), "pipeline": pipeline("parallel"), "event": LATE},
            None,
        ),
        ({"started_later": push(), "pipeline": pipeline("parallel")}, Verdict.OLDER),
        ({"started_later": push(), "pipeline": pipeline("parallel"), "event": LATE}, Verdict.OLDER),
        ({"last_started": push(tag="1.6"), "pipeline": pipeline("parallel"), "event": event(via="look")}, None),
        ({"started_later": push(tag="1.6")}, Verdict.OLDER),
        ({"started_later": push(tag="1.6"), "event": event(rerun_of="d0", forced=True)}, None),
        ({"last_started": push(tag="1.6")}, None),
        ({"last_started": push(tag="1.6"), "event": event(via="look")}, Verdict.OLDER),
        ({"last_started": push(tag="1.3"), "event": event(via="look")}, None),
        ({"last_started": push(tag="1.6"), "event": event(via="look", push=push(pushed_at=NOW))}, None),
        ({"causes": (Cause("r", "pipeline-1", "Deploy web", 1, "sha256:a"),)}, Verdict.LOOP),
        ({"causes": (Cause("r", "pipeline-1", "Deploy web", 1, "sha256:b"),)}, None),
        ({"causes": (Cause("r", "pipeline-2", "Build web", 1, "sha256:a"),)}, None),
        (
            {"causes": tuple(Cause(f"r{n}", "pipeline-1", "Deploy web", n, f"sha256:{n}") for n in range(50))},
            Verdict.LOOP,
        ),
        ({"pipeline": pipeline(mandatory=True)}, Verdict.INPUT_MISSING),
        ({"pipeline": pipeline(mandatory=True), "webhook": webhook(input={"cluster": "blue"})}, None),
        ({"event": event(via="test")}, Verdict.TESTED),
        ({"skipped": True}, Verdict.BUSY),
        ({"earlier": (FIRST,)}, Verdict.DUPLICATE),
        ({"earlier": (FIRST,), "event": event(rerun_of="d0")}, None),
        ({"earlier": (replace(FIRST, digest="sha256:b"),)}, None),
        ({"plan_problem": "stages: there are none"}, Verdict.INCOMPLETE),
        ({"event": event(received_at=NOW - RUN_WITHIN_S - 1)}, Verdict.LATE),
        ({"event": event(received_at=NOW - RUN_WITHIN_S - 1, rerun_of="d0")}, None),
    ],
)
def test_one_fact_decides(change: dict[str, Any], verdict: Verdict | None) -> None:
    decision = decide(case(**change))
    assert (decision.verdict if isinstance(decision, Judgement) else None) is verdict
    assert isinstance(decision, Start) is (verdict is None)


ASKED = webhook(access=RegistryAccess(registry_host="docker.io"))
ON_ALL = replace(ASKED, platforms=("linux/amd64", "linux/arm64"))
UNNAMED = push(digest=None)
MISSING = TagResolved(delivery_id="d1", outcome=Found.NOT_FOUND)


@pytest.mark.parametrize(
    ("change", "state", "after_s"),
    [
        ({"webhook": ASKED, "event": event(push=UNNAMED)}, RESOLVING, 10.0),
        ({"webhook": ON_ALL}, RESOLVING, 10.0),
        ({"webhook": ASKED, "event": event(push=UNNAMED, state=RETRYING)}, RESOLVING, 10.0),
        ({"webhook": ASKED, "event": event(push=UNNAMED, state=RESOLVING), "answer": MISSING}, RETRYING, 2.0),
        ({"webhook": ON_ALL, "event": event(state=RESOLVING), "answer": MISSING}, RETRYING, 2.0),
        ({"webhook": ASKED, "event": event(state=RESOLVING), "awaits_earlier": True}, ANSWERED, None),
        ({"event": event(via="spool")}, ORDERING, 5.0),
        ({"event": event(via="spool"), "ordering": True}, ORDERING, None),
        ({"event": event(via="hook"), "ordering": True}, ORDERING, None),
        ({"webhook": ASKED, "event": event(push=UNNAMED, state=ORDERING)}, RESOLVING, 10.0),
        ({"webhook": webhook(gather_s=5.0)}, GATHERING, 5.0),
        ({"webhook": webhook(gather_s=5.0), "gathering_since": NOW - 47.0}, GATHERING, 3.0),
    ],
)
def test_one_fact_makes_it_wait(change: dict[str, Any], state: str, after_s: float | None) -> None:
    decision = decide(case(**change))
    assert isinstance(decision, Wait)
    assert (decision.state, decision.due_at) == (state, None if after_s is None else NOW + after_s)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook": ASKED},  # Docker Hub has said which image it is
        {"webhook": ASKED, "event": event(via="test", push=UNNAMED)},
        {"webhook": ASKED, "event": event(state=RESOLVING), "answer": MISSING},  # the push names its image
        {"awaits_earlier": True},
        {"event": event(via="spool", state=ORDERING)},
        {"event": event(via="spool", rerun_of="d0"), "ordering": True},
        {"event": event(via="test"), "ordering": True},
        {"webhook": webhook(gather_s=5.0), "event": event(state=GATHERING)},
        {"webhook": webhook(gather_s=5.0), "event": event(rerun_of="d0")},
    ],
)
def test_what_need_not_wait_is_decided(change: dict[str, Any]) -> None:
    assert not isinstance(decide(case(**change)), Wait)
