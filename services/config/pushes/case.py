"""What is known about a push when it is judged, and what can be decided about it: values alone."""

from __future__ import annotations

from dataclasses import dataclass

from services.config.model.deliveries import Earlier
from services.config.model.lineage import Cause
from services.config.model.push_events import PushEvent
from services.config.model.triggers import MatchWebhook, RunnablePipeline
from services.config.runs.admission import Compiled, RunRequest
from shared.contracts.pushes import HookReceived, Push, TagResolved

from .verdicts import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Every fact about one push, read once and in one transaction. `facts.read` fills it, `decision.decide` uses it."""

    event: PushEvent
    """The push, when and how it arrived, and the state that it is in."""
    now: float
    call: HookReceived | None = None
    """The call that has just brought the push; None when it is judged later, or again."""
    webhook: MatchWebhook | None = None
    pipeline: RunnablePipeline | None = None
    compiled: Compiled | None = None
    plan_problem: str = ""
    """Why the pipeline cannot be compiled."""
    answer: TagResolved | None = None
    """What the registry has just answered; `event` has taken over what it says about the image."""
    earlier: tuple[Earlier, ...] = ()
    """Events of the webhook that this push may repeat, newest first."""
    causes: tuple[Cause, ...] = ()
    """The runs that led to this push, newest first; none when someone else pushed."""
    multiplies: bool = False
    """So many runs came of the first of them already that no further one may start."""
    started_later: Push | None = None
    """The last later push of the webhook and repository that started a run; of the same tag where runs are parallel."""
    last_started: Push | None = None
    """The last push of the webhook and repository that started a run, whatever its order."""
    awaits_earlier: bool = False
    """An earlier push of the webhook and repository still waits for the registry."""
    ordering: bool = False
    """Pushes of the webhook and repository that came late wait until they are in order."""
    gathering_since: float | None = None
    """When the first push of the group that is being gathered arrived."""
    skipped: bool = False
    """The pipeline skips new runs, and one of the same repository runs or waits."""
    tags: tuple[str, ...] = ()
    """All tags of the image, where several were pushed together."""

    @property
    def push(self) -> Push | None:
        return self.event.push

    @property
    def problem(self) -> str | None:
        """Why the body holds no push, or no tag."""
        return self.call.problem if self.call is not None else None

    @property
    def rerun(self) -> bool:
        """A person asked for it again: neither its age nor an earlier delivery of it counts."""
        return self.event.rerun_of is not None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not decided yet: the event stays in `state` until an answer, or until `due_at`."""

    state: str
    due_at: float | None = None
    judgement: Judgement | None = None
    """The words meanwhile; None keeps those that the event has."""


@dataclass(frozen=True, slots=True)
class Start:
    """A run to be started."""

    pipeline: RunnablePipeline
    compiled: Compiled
    order: RunRequest


Decision = Judgement | Wait | Start


def wording(push: Push) -> str:
    """`acme/web:1.4.1`."""
    return f"{push.image}:{push.tag}" if push.tag else push.image
