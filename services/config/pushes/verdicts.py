"""The closed list of verdicts: the sentence of each, what to do next in words, and the same as a button's name. Pure.

The table is the only place of these words; `docs/reference/verdicts.md` is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The value is what Activity shows."""

    STARTED = "started"
    QUEUED = "queued"
    GATHERED = "gathered"
    DUPLICATE = "duplicate"
    LOOP = "loop"
    OLDER = "held as older"
    LATE = "held as late"
    ORDERING = "waiting for earlier pushes"
    WAITING = "waiting for the registry"
    NOT_FOUND = "not found"
    TESTED = "tested"
    DISABLED = "ignored: disabled"
    IMAGE = "ignored: image"
    TAG = "ignored: tag"
    REPOSITORY = "ignored: repository"
    REGISTRY = "ignored: registry"
    NOT_AN_IMAGE = "ignored: not an image"
    NO_TAG = "ignored: no tag"
    UNKNOWN_TOKEN = "unknown token"
    NETWORK = "ignored: network"
    SIGNATURE = "ignored: signature"
    UNREADABLE = "unreadable"
    PIPELINE_DISABLED = "not started: pipeline disabled"
    INPUT_MISSING = "not started: input missing"
    TOKEN_ENDED = "not started: token ended"
    NO_RIGHT = "not started: no right"
    INCOMPLETE = "not started: incomplete webhook"
    BUSY = "not started: another is running"


class EventAction(StrEnum):
    """The next step for a program, and for a page's button; on the wire the event's `action`."""

    NONE = ""
    FOLLOW = "follow"
    """Open the event's execution."""
    RERUN = "rerun"
    """`POST /registry-events/{id}?action=rerun`: judge it again as of today."""
    RUN_ANYWAY = "run-anyway"
    """`POST /registry-events/{id}?action=run-anyway`: whatever its age and order."""
    ENABLE_WEBHOOK = "enable-webhook"
    EDIT_WEBHOOK = "edit-webhook"
    NEW_WEBHOOK = "new-webhook"
    """A webhook for the event's repository."""
    EDIT_ENDPOINT = "edit-endpoint"
    ENABLE_PIPELINE = "enable-pipeline"
    EDIT_PROJECT = "edit-project"
    """Roles are given there."""
    SHOW_PAYLOAD = "show-payload"


BUTTONS: dict[EventAction, str] = {
    EventAction.NONE: "",
    EventAction.FOLLOW: "Open the run",
    EventAction.RERUN: "Rerun",
    EventAction.RUN_ANYWAY: "Run anyway",
    EventAction.ENABLE_WEBHOOK: "Enable the webhook",
    EventAction.EDIT_WEBHOOK: "Edit the webhook",
    EventAction.NEW_WEBHOOK: "Create a webhook",
    EventAction.EDIT_ENDPOINT: "Open the endpoints",
    EventAction.ENABLE_PIPELINE: "Enable the pipeline",
    EventAction.EDIT_PROJECT: "Open the project",
    EventAction.SHOW_PAYLOAD: "Show the payload",
}


@dataclass(frozen=True, slots=True)
class About:
    """One verdict's words; names in braces are filled in."""

    when: str
    sentence: str
    next_step: str = ""
    action: EventAction = EventAction.NONE


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    next_step: str = ""


ABOUT: dict[Verdict, About] = {
    Verdict.STARTED: About(
        "The run has a slot.",
        "Started {run}.{note}",
        action=EventAction.FOLLOW,
    ),
    Verdict.QUEUED: About(
        "The run waits for another, or for a slot.",
        "Queued as {run}, {behind}.{note}",
        action=EventAction.FOLLOW,
    ),
    Verdict.GATHERED: About(
        "The webhook gathers tags that are pushed together; one event of them starts the run.",
        "{why}",
        "No action needed. To deploy this tag too, run it anyway.",
        EventAction.RUN_ANYWAY,
    ),
    Verdict.DUPLICATE: About(
        "The same push was delivered before.",
        "Repeats delivery {other}, whose verdict was: {was}.",
        "No action needed. To deploy it again, rerun this event.",
        EventAction.RERUN,
    ),
    Verdict.LOOP: About(
        "A run of the same pipeline is among the causes of this push, the chain of causes has 50 runs, or 500 runs "
        "came of one.",
        "Pushed by {by}, {why}.",
        "Point one of the pipelines at another repository or tag, or run it anyway if the loop is intended.",
        EventAction.RUN_ANYWAY,
    ),
    Verdict.OLDER: About(
        "It arrived late (recovered, from the spool, or a rerun), and a later push has started a run.",
        "Older than the running image {live}: {why}. It was not deployed automatically.",
        "Run anyway if you want this image.",
        EventAction.RUN_ANYWAY,
    ),
    Verdict.LATE: About(
        "It was judged more than a day after it was received.",
        "It was received {hours} hours before it could be judged.",
        "Run anyway if you want this image.",
        EventAction.RUN_ANYWAY,
    ),
    Verdict.ORDERING: About(
        "The push came from a gateway's spool, or behind one that did. For up to five seconds Portside waits for "
        "pushes of the repository from other gateways, and then takes all in the order in which they were received.",
        "{image} arrived late; earlier pushes of the repository may still come from other gateways.",
        "No action needed; this continues automatically.",
    ),
    Verdict.WAITING: About(
        "Portside asks the registry which digest the tag has, for up to ten minutes.",
        "{why}",
        "No action needed; this continues automatically.",
    ),
    Verdict.NOT_FOUND: About(
        "The registry did not have the tag, or not for all required platforms, within ten minutes.",
        "The registry has no {image}, ten minutes after the push. {detail}",
        "Check that the tag still exists and that the endpoint can read it, then rerun this event.",
        EventAction.RERUN,
    ),
    Verdict.TESTED: About(
        "A test delivery: everything is checked, nothing starts.",
        "Test: it would have started {pipeline}.",
        "No action needed: a push of this tag starts a run.",
    ),
    Verdict.DISABLED: About(
        "The webhook is disabled; its hook stays at the registry.",
        "The webhook is disabled; it would have started {pipeline}.",
        "Enable the webhook, then rerun this event.",
        EventAction.ENABLE_WEBHOOK,
    ),
    Verdict.IMAGE: About(
        "The image pattern does not match.",
        "Image {image} does not match the webhook's image pattern {pattern}.",
        "If it should match, change the image pattern of webhook {webhook}.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.TAG: About(
        "The tag pattern does not match, or an exclusion does.",
        "Tag {why}.",
        "If it should match, change the tag pattern of webhook {webhook}.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.REPOSITORY: About(
        "The push is for another repository than the webhook's.",
        "{image} was pushed; webhook {webhook} is for {expected}.",
        "Create a webhook for that repository.",
        EventAction.NEW_WEBHOOK,
    ),
    Verdict.REGISTRY: About(
        "The repository matches, and the event names the registry differently from the webhook's endpoint.",
        "{image} was pushed; webhook {webhook} is for {expected}.",
        "If {host} is the same registry, add it to registryAliases of endpoint {endpoint}, then rerun this event; "
        "otherwise create an endpoint and a webhook for it.",
        EventAction.EDIT_ENDPOINT,
    ),
    Verdict.NOT_AN_IMAGE: About(
        "A chart, a signature, or another artifact.",
        "{image} is {kind}, not an image.",
        "No action needed: only images are deployed.",
        EventAction.SHOW_PAYLOAD,
    ),
    Verdict.NO_TAG: About(
        "The push names no tag: it is by digest only, or in an old format of the registry.",
        "{why}.",
        "Push with a tag.",
        EventAction.SHOW_PAYLOAD,
    ),
    Verdict.UNKNOWN_TOKEN: About(
        "The delivery was accepted while tokens could not be checked, and its token belongs to no webhook.",
        "No webhook has this secure token.",
        "Copy the webhook's Hook URL again and set it at the registry.",
        EventAction.SHOW_PAYLOAD,
    ),
    Verdict.NETWORK: About(
        "The call came from outside the webhook's source networks. A gateway that cannot ask config, or knows older "
        "networks, accepts it; config judges it.",
        "The call came from {address}, which is outside the source networks of webhook {webhook}.",
        "If this sender is yours, add its address to the source networks, then rerun this event. Otherwise no action "
        "is needed.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.SIGNATURE: About(
        "The body's signature is wrong, or missing where the webhook demands one. A gateway that cannot ask config "
        "accepts the call; config judges it.",
        "{why}; webhook {webhook} does not accept the call.",
        "The registry must sign with the webhook's secure token. If this push is yours, rerun this event.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.UNREADABLE: About(
        "The body has no known registry's format.",
        "{why}",
        "Check the payload; the webhook's provider must be the one that sent it.",
        EventAction.SHOW_PAYLOAD,
    ),
    Verdict.PIPELINE_DISABLED: About(
        "The pipeline is disabled.",
        "Not started: pipeline {pipeline} is disabled.",
        "Enable the pipeline, then rerun this event.",
        EventAction.ENABLE_PIPELINE,
    ),
    Verdict.INPUT_MISSING: About(
        "A mandatory input has no value.",
        "Pipeline {pipeline} was not started: {why}.",
        "Set a value in webhook {webhook}, or a default in the pipeline, then rerun this event.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.TOKEN_ENDED: About(
        "The API token that the webhook's runs use has expired or was revoked.",
        "{why}",
        "Give the webhook a valid API token, then rerun this event.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.NO_RIGHT: About(
        "The user that the webhook's runs act as may not run pipelines in the project.",
        "{why}",
        "Allow that user to run pipelines in the project, or use another API token, then rerun this event.",
        EventAction.EDIT_PROJECT,
    ),
    Verdict.INCOMPLETE: About(
        "The webhook lacks something: a pipeline, a valid pattern, or a pipeline that compiles.",
        "Webhook {webhook} is incomplete: {why}",
        "Complete it, then rerun this event.",
        EventAction.EDIT_WEBHOOK,
    ),
    Verdict.BUSY: About(
        "The pipeline skips new runs while one of the same repository runs or waits.",
        "Another run of this pipeline and repository is in progress, and the pipeline skips new ones meanwhile.",
        "Rerun this event when that run has ended.",
        EventAction.RERUN,
    ),
}


def judge(verdict: Verdict, **words: str) -> Judgement:
    """The judgement with its words filled in; a missing word is a KeyError."""
    about = ABOUT[verdict]
    return Judgement(verdict, about.sentence.format_map(words).strip(), about.next_step.format_map(words))


def action_of(verdict: str) -> EventAction:
    """The next step's name; none for any other text (an older version's)."""
    try:
        return ABOUT[Verdict(verdict)].action
    except ValueError:
        return EventAction.NONE


def page() -> str:
    """The reference page."""
    lines = [
        "# Verdicts",
        "",
        "Every push gets one of these, with its sentence and its next step, in Activity and in `GET /registry-events`.",
        "Names in braces are filled in. `action` is the next step for a program; the page makes a button of it.",
        "Generated: `make documents`.",
        "",
        "| verdict | when | sentence | next step | action |",
        "|---|---|---|---|---|",
    ]
    for verdict, about in ABOUT.items():
        action = f"`{about.action.value}`" if about.action else ""
        lines.append(f"| {verdict.value} | {about.when} | {about.sentence} | {about.next_step} | {action} |")
    lines += ["", "| action | button | what it does |", "|---|---|---|"]
    lines += [f"| `{action.value}` | {BUTTONS[action]} | {_DOES[action]} |" for action in EventAction if action]
    return "\n".join(lines) + "\n"


_DOES: dict[EventAction, str] = {
    EventAction.FOLLOW: "Opens the execution that `executionLink` names.",
    EventAction.RERUN: "`POST /registry-events/{id}?action=rerun`: judges the push again as of today. Repeats and age "
    "no longer count; an image older than the running one is still held.",
    EventAction.RUN_ANYWAY: "`POST /registry-events/{id}?action=run-anyway`: the same, and the order of pushes does "
    "not count either.",
    EventAction.ENABLE_WEBHOOK: '`PATCH /registry-webhooks/{webhookId}` with `{"enabled": true}`.',
    EventAction.EDIT_WEBHOOK: "Opens the webhook that `webhookId` names.",
    EventAction.NEW_WEBHOOK: "Opens the form of a new webhook for the pushed repository.",
    EventAction.EDIT_ENDPOINT: "Opens the endpoints; the event's next step names the one that is meant.",
    EventAction.ENABLE_PIPELINE: '`PATCH /pipelines/{project}/{pipeline}` with `{"state": "ENABLED"}`.',
    EventAction.EDIT_PROJECT: "Opens the project's members.",
    EventAction.SHOW_PAYLOAD: "`GET /registry-events/{id}` shows the payload as it arrived.",
}
