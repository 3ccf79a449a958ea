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
    WAITING = "waiting for the registry"
    NOT_FOUND = "not found"
    TESTED = "tested"
    DISABLED = "ignored: disabled"
    IMAGE = "ignored: image"
    TAG = "ignored: tag"
    REPOSITORY = "ignored: repository"
    NOT_AN_IMAGE = "ignored: not an image"
    NO_TAG = "ignored: no tag"
    UNKNOWN_TOKEN = "unknown token"
    UNREADABLE = "unreadable"
    PIPELINE_DISABLED = "not started: pipeline disabled"
    INPUT_MISSING = "not started: input missing"
    TOKEN_ENDED = "not started: token ended"
    NO_RIGHT = "not started: no right"
    INCOMPLETE = "not started: incomplete webhook"
    BUSY = "not started: another is running"


class Action(StrEnum):
    """The next step as a program takes it, and as a page makes a button of it; on the wire the event's `action`."""

    NONE = ""
    FOLLOW = "follow"
    """Open the event's execution."""
    RERUN = "rerun"
    """`POST /registry-events/{id}?action=rerun`: judge it again as of today."""
    RUN_ANYWAY = "run-anyway"
    """`POST /registry-events/{id}?action=run-anyway`: what holds it back by age or order does not count."""
    ENABLE_WEBHOOK = "enable-webhook"
    EDIT_WEBHOOK = "edit-webhook"
    NEW_WEBHOOK = "new-webhook"
    """A webhook for the event's repository."""
    ENABLE_PIPELINE = "enable-pipeline"
    EDIT_PROJECT = "edit-project"
    """Roles are given there."""
    SHOW_PAYLOAD = "show-payload"


BUTTONS: dict[Action, str] = {
    Action.NONE: "",
    Action.FOLLOW: "Open the run",
    Action.RERUN: "Rerun",
    Action.RUN_ANYWAY: "Run anyway",
    Action.ENABLE_WEBHOOK: "Enable the webhook",
    Action.EDIT_WEBHOOK: "Edit the webhook",
    Action.NEW_WEBHOOK: "Make a webhook",
    Action.ENABLE_PIPELINE: "Enable the pipeline",
    Action.EDIT_PROJECT: "Open the project",
    Action.SHOW_PAYLOAD: "Show the payload",
}


@dataclass(frozen=True, slots=True)
class About:
    """One verdict's words; what stands in braces is filled in."""

    when: str
    sentence: str
    next_step: str = ""
    action: Action = Action.NONE


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason."""

    verdict: Verdict
    reason: str
    next_step: str = ""


ABOUT: dict[Verdict, About] = {
    Verdict.STARTED: About(
        "The run has a place.",
        "Started {run}.{note}",
        action=Action.FOLLOW,
    ),
    Verdict.QUEUED: About(
        "The run waits for another, or for a place.",
        "Queued as {run}. {why}{note}",
        action=Action.FOLLOW,
    ),
    Verdict.GATHERED: About(
        "The webhook gathers what is pushed together; one event of them starts the run.",
        "{why}",
        "Nothing to do; to deploy this tag too, run it anyway.",
        Action.RUN_ANYWAY,
    ),
    Verdict.DUPLICATE: About(
        "The same push was delivered before.",
        "Repeats the delivery {other}, whose verdict was: {was}.",
        "Nothing to do; to deploy it again, rerun this event.",
        Action.RERUN,
    ),
    Verdict.LOOP: About(
        "A run of the same pipeline stands among the causes of this push.",
        "Pushed by {by}, and {pipeline} already stands among its causes: {chain}.",
        "Point one of the pipelines at another repository or tag; run it anyway, if the circle is wanted.",
        Action.RUN_ANYWAY,
    ),
    Verdict.OLDER: About(
        "It came late (made up for, from the spool, a rerun), and a later push has started a run.",
        "Older than {live}, which is live: it came late and does not by itself replace a newer image.",
        "Run anyway, if this image is the one that you want.",
        Action.RUN_ANYWAY,
    ),
    Verdict.LATE: About(
        "More than a day passed between the delivery and its matching.",
        "It was received {hours} hours before it could be matched.",
        "Run anyway, if this image is the one that you want.",
        Action.RUN_ANYWAY,
    ),
    Verdict.WAITING: About(
        "The registry is asked which digest the tag has, for up to ten minutes.",
        "{why}",
        "Nothing to do: it goes on by itself.",
    ),
    Verdict.NOT_FOUND: About(
        "The registry did not have the tag, or not for all wanted platforms, within ten minutes.",
        "The registry has no {image}, ten minutes after the push. {detail}",
        "Check that the tag was not deleted and that the endpoint may read it, then rerun this event.",
        Action.RERUN,
    ),
    Verdict.TESTED: About(
        "A test delivery: all is judged, nothing is started.",
        "A test: it would have started {pipeline}.",
        "Nothing to do: a push of this tag runs.",
    ),
    Verdict.DISABLED: About(
        "The webhook is disabled; its hook stays at the registry.",
        "The webhook is disabled; it would have started {pipeline}.",
        "Enable the webhook, then rerun this event.",
        Action.ENABLE_WEBHOOK,
    ),
    Verdict.IMAGE: About(
        "The image pattern does not match.",
        "Image {image} does not match the webhook's image pattern {pattern}.",
        "Change the image pattern of webhook {webhook}, if it should.",
        Action.EDIT_WEBHOOK,
    ),
    Verdict.TAG: About(
        "The tag pattern does not match, or an exclusion does.",
        "Tag {why}.",
        "Change the tag pattern of webhook {webhook}, if it should.",
        Action.EDIT_WEBHOOK,
    ),
    Verdict.REPOSITORY: About(
        "The push is of another repository than the webhook's.",
        "{image} was pushed; webhook {webhook} is for {expected}.",
        "Give that repository a webhook of its own.",
        Action.NEW_WEBHOOK,
    ),
    Verdict.NOT_AN_IMAGE: About(
        "A chart, a signature, or another artifact.",
        "{image} is {kind}, not an image.",
        "Nothing to do: only images are deployed.",
        Action.SHOW_PAYLOAD,
    ),
    Verdict.NO_TAG: About(
        "The push names no tag: by digest only, or an old form of the registry's message.",
        "{why}.",
        "Push with a tag.",
        Action.SHOW_PAYLOAD,
    ),
    Verdict.UNKNOWN_TOKEN: About(
        "The delivery was taken while tokens could not be checked, and its token turned out to be no webhook's.",
        "No webhook has this secure token any more.",
        "Copy the Hook URL of the webhook again and set it at the registry.",
        Action.SHOW_PAYLOAD,
    ),
    Verdict.UNREADABLE: About(
        "The body is of no registry's form.",
        "{why}",
        "See the payload; the webhook's provider must be the one that sent it.",
        Action.SHOW_PAYLOAD,
    ),
    Verdict.PIPELINE_DISABLED: About(
        "The pipeline is disabled.",
        "Not started: pipeline {pipeline} is disabled.",
        "Enable the pipeline, then rerun this event.",
        Action.ENABLE_PIPELINE,
    ),
    Verdict.INPUT_MISSING: About(
        "A mandatory input has no value.",
        "Pipeline {pipeline} was not started: {why}.",
        "Give webhook {webhook} a value for it, or the pipeline a default, then rerun this event.",
        Action.EDIT_WEBHOOK,
    ),
    Verdict.TOKEN_ENDED: About(
        "The API token as whose owner the webhook's runs act has ended or was revoked.",
        "{why}",
        "Give the webhook a good API token, then rerun this event.",
        Action.EDIT_WEBHOOK,
    ),
    Verdict.NO_RIGHT: About(
        "The user as whom the webhook's runs act may not run pipelines in the project.",
        "{why}",
        "Let that user run pipelines in the project, or give the webhook another API token, then rerun this event.",
        Action.EDIT_PROJECT,
    ),
    Verdict.INCOMPLETE: About(
        "The webhook lacks something: a pipeline, a pattern or pipeline that can be read.",
        "Webhook {webhook} is incomplete: {why}",
        "Complete it, then rerun this event.",
        Action.EDIT_WEBHOOK,
    ),
    Verdict.BUSY: About(
        "The pipeline skips new runs while one of the same repository is under way.",
        "Another run of this pipeline and repository is under way, and the pipeline skips new ones meanwhile.",
        "Rerun this event once that run is over.",
        Action.RERUN,
    ),
}


def judge(verdict: Verdict, **words: str) -> Judgement:
    """The judgement with its words filled in; a word that is missing is a KeyError."""
    about = ABOUT[verdict]
    return Judgement(verdict, about.sentence.format_map(words).strip(), about.next_step.format_map(words))


def action_of(verdict: str) -> Action:
    """The next step's name; none for a text that is no verdict (an older version's)."""
    try:
        return ABOUT[Verdict(verdict)].action
    except ValueError:
        return Action.NONE


def page() -> str:
    """The reference page."""
    lines = [
        "# Verdicts",
        "",
        "Every push gets one of these, with its sentence and its next step, in Activity and in `GET /registry-events`.",
        "What stands in braces is filled in. `action` is the next step for a program; the page makes a button of it.",
        "Generated: `make documents`.",
        "",
        "| verdict | when | sentence | next step | action |",
        "|---|---|---|---|---|",
    ]
    for verdict, about in ABOUT.items():
        action = f"`{about.action.value}`" if about.action else ""
        lines.append(f"| {verdict.value} | {about.when} | {about.sentence} | {about.next_step} | {action} |")
    lines += ["", "| action | button | what it does |", "|---|---|---|"]
    lines += [f"| `{action.value}` | {BUTTONS[action]} | {_DOES[action]} |" for action in Action if action]
    return "\n".join(lines) + "\n"


_DOES: dict[Action, str] = {
    Action.FOLLOW: "Opens the execution that `executionLink` names.",
    Action.RERUN: "`POST /registry-events/{id}?action=rerun`: judges the push again as of today. Repeats and age no "
    "longer count; an image that is older than the live one is still held.",
    Action.RUN_ANYWAY: "`POST /registry-events/{id}?action=run-anyway`: the same, and the order of pushes does not "
    "count either.",
    Action.ENABLE_WEBHOOK: '`PATCH /registry-webhooks/{webhookId}` with `{"enabled": true}`.',
    Action.EDIT_WEBHOOK: "Opens the webhook that `webhookId` names.",
    Action.NEW_WEBHOOK: "Opens the form of a new webhook for the pushed repository.",
    Action.ENABLE_PIPELINE: '`PATCH /pipelines/{project}/{pipeline}` with `{"state": "ENABLED"}`.',
    Action.EDIT_PROJECT: "Opens the project's members.",
    Action.SHOW_PAYLOAD: "`GET /registry-events/{id}` shows the payload as it came.",
}
