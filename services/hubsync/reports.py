"""What is reported of a webhook: a state, why, and what to do next. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.mirror import ForeignHook, MirrorReport, MirrorState

from .plan import DesiredHook, ListedHook
from .problems import (
    HubProblem,
    HubUnavailable,
    Limited,
    NoManagement,
    NoRepository,
    NotAllowed,
    Rejected,
    TwoFactorDue,
    WrongCredentials,
)

_STATES: tuple[tuple[type[HubProblem], MirrorState], ...] = (
    (WrongCredentials, MirrorState.NEEDS_CREDENTIALS),
    (NotAllowed, MirrorState.NOT_PERMITTED),
    (NoRepository, MirrorState.NOT_PERMITTED),
    (NoManagement, MirrorState.BY_HAND),
    (Rejected, MirrorState.BY_HAND),
    (Limited, MirrorState.RATE_LIMITED),
    (HubUnavailable, MirrorState.PENDING),
)
NEEDS_RETRY = (Limited, HubUnavailable)
_TOKEN_RIGHTS = "a personal access token with the rights Read, Write and Delete"


@dataclass(frozen=True, slots=True)
class Subject:
    """A want and the words for it that hold no secret."""

    want: DesiredHook
    repository: str
    url_base: str

    @property
    def by_hand(self) -> str:
        """How a person does it without us."""
        if self.want.gone:
            return f'Or delete it by hand: in {self.repository}, Webhooks, the hook "{self.want.name}".'
        return (
            f'Or create it by hand: in {self.repository}, Webhooks, name "{self.want.name}", '
            f"URL {self.url_base}… (the Hook URL that was shown when the webhook was made; Rotate on its page "
            "shows a new one)."
        )


def elsewhere(hook: ListedHook) -> ForeignHook:
    """A hook to another address, without what is secret in it."""
    address = next((url.partition("?")[0] for url in hook.urls), "")
    return ForeignHook(slug=hook.slug, name=hook.name, address=address)


def no_account(subject: Subject) -> MirrorReport:
    """The endpoint has no user name or password."""
    step = f"Give the webhook's endpoint a user name and {_TOKEN_RIGHTS}."
    return _report(subject, MirrorState.NEEDS_CREDENTIALS, f"{step} {subject.by_hand}")


def cannot_open(subject: Subject, why: str, *, credentials: bool) -> MirrorReport:
    """A sealed secret does not open with the keys that this process holds."""
    state = MirrorState.NEEDS_CREDENTIALS if credentials else MirrorState.PENDING
    subject_text = "The endpoint's password" if credentials else "The webhook's token"
    return _report(subject, state, f"{subject_text} cannot be read. {why}")


def in_step(subject: Subject, hook: ListedHook, repaired: str) -> MirrorReport:
    """It is there as wanted."""
    message = ""
    if not hook.name.startswith(subject.want.family):
        message = f'The hook "{hook.name}", which was already at Docker Hub, has this URL and is used.'
    return _report(subject, MirrorState.IN_STEP, message, slug=hook.slug, repaired=repaired)


def leftover(subject: Subject, hook: ListedHook, why: HubProblem | None, retry_at: float) -> MirrorReport:
    """The new hook works, an older one is still there."""
    reason = str(why) if why else "Docker Hub still lists it."
    message = f"Pushes arrive. An older hook of this webhook is still to be deleted at Docker Hub. {reason}"
    return _report(subject, MirrorState.PENDING, message, slug=hook.slug, retry_at=retry_at)


def not_listed(subject: Subject, retry_at: float) -> MirrorReport:
    """The calls went well, and the list does not show it."""
    deed = "was deleted, and Docker Hub still lists it" if subject.want.gone else "was made, and is not listed yet"
    return _report(subject, MirrorState.PENDING, f"The hook {deed}; looking again soon.", retry_at=retry_at)


def kept_for_successor(subject: Subject, retry_at: float) -> MirrorReport:
    """A tombstone whose hook still catches what its successor does not yet."""
    message = "The old hook stays until the new one is listed, so that no push is missed."
    return _report(subject, MirrorState.PENDING, message, retry_at=retry_at)


def removed(subject: Subject) -> MirrorReport:
    """Nothing of a tombstone is left."""
    return _report(subject, MirrorState.GONE, "")


def failed(subject: Subject, problem: HubProblem, retry_at: float | None) -> MirrorReport:
    """What a problem means for one webhook."""
    if subject.want.gone and isinstance(problem, NoRepository):
        # Its hooks went with it.
        return removed(subject)
    state = next(state for kind, state in _STATES if isinstance(problem, kind))
    message = f"{problem} {_next_step(problem, subject)}".strip()
    return _report(subject, state, message, retry_at=retry_at if isinstance(problem, NEEDS_RETRY) else None)


def _next_step(problem: HubProblem, subject: Subject) -> str:
    match problem:
        case TwoFactorDue():
            return f"Put {_TOKEN_RIGHTS} in place of the endpoint's password."
        case WrongCredentials():
            return f"Check user name and password of the webhook's endpoint; best is {_TOKEN_RIGHTS}."
        case NotAllowed():
            return f"The account must administer {subject.repository}, with {_TOKEN_RIGHTS}. {subject.by_hand}"
        case NoRepository():
            return f"Check the repository's name, or let the account administer it. {subject.by_hand}"
        case NoManagement():
            return subject.by_hand.replace("Or c", "C").replace("Or d", "D")
        case Rejected():
            step = "Check that the public address (page Settings, or PUBLIC_URL) is one that Docker Hub can call."
            return f"{step} {subject.by_hand}"
        case _:
            return "It is tried again by itself."


def _report(
    subject: Subject,
    state: MirrorState,
    message: str,
    *,
    slug: str | None = None,
    repaired: str = "",
    retry_at: float | None = None,
) -> MirrorReport:
    return MirrorReport(
        webhook_id=subject.want.webhook_id,
        generation=subject.want.generation,
        state=state,
        slug=slug,
        message=message,
        repaired=repaired,
        retry_at=retry_at,
    )
