"""The pass: plan from wanted and actual, act, look again, report. Level-triggered: it keeps no memory of the hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.contracts.base import Sealed
from shared.contracts.mirror import MirrorReport, Wanted, WantedHook
from shared.process.masking import Masker

from . import reports
from .plan import CreateHook, DeleteHook, DesiredHook, HookPlan, ListedHook, plan
from .problems import HubProblem, HubUnavailable, Limited, Rejected
from .reports import Subject
from .retry import after_failures, after_limits
from .signing import HubAccount

ROUNDS = 4
"""Look and act so often in one pass: create, see it and delete the older, see that it is gone, and one to spare."""
AWAY_IN_A_ROW = 3
"""After that many repositories without an answer a pass spares itself the time limits of the rest."""
LIST_LAG_S = 10.0


class Hooks(Protocol):
    """What the mirror needs of a registry's management API; each call may raise a HubProblem."""

    def list_hooks(self, repository: str) -> tuple[ListedHook, ...]: ...

    def create_hook(self, repository: str, name: str, url: str) -> ListedHook | None: ...

    def delete_hook(self, repository: str, slug: str) -> None: ...


class CannotUnseal(Exception):
    """Raised by `open_sealed`: no key of ours fits."""


@dataclass(slots=True)
class RepositoryHooks:
    """The wants of one account at one repository."""

    account: HubAccount
    repository: str
    subjects: list[Subject] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account.hub_url, self.account.username, self.repository


@dataclass(frozen=True, slots=True)
class _Rest:
    """An account that made too many calls, the last time one of many in a row."""

    why: Limited
    until: float
    times: int


class Mirror:
    """Keeps between passes only how often something failed and until when an account must rest."""

    def __init__(
        self,
        connect: Callable[[HubAccount], Hooks],
        open_sealed: Callable[[Sealed], str],
        now: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._connect = connect
        self._open = open_sealed
        self._now = now
        self._jitter = jitter
        self._failures: dict[tuple[str, str, str], int] = {}
        self._resting: dict[tuple[str, str], _Rest] = {}

    def run(self, answer: Wanted) -> Iterator[MirrorReport]:
        """One pass over these hooks; a report for each, as soon as it is known."""
        groups: dict[tuple[str, str, str, str], RepositoryHooks] = {}
        everything: dict[tuple[str, str], list[DesiredHook]] = {}
        secrets: set[str] = set()
        for hook in answer.hooks:
            subject, account = self._opened(hook)
            if subject.want.url:
                # A webhook without an account to make calls with has a hook there too, made by hand.
                secrets.add(subject.want.url.removeprefix(hook.url_base))
                everything.setdefault((hook.hub_url.rstrip("/"), hook.repository), []).append(subject.want)
            if isinstance(account, MirrorReport):
                yield account
                continue
            secrets.add(account.password)
            key = (*account.key, hook.repository)
            groups.setdefault(key, RepositoryHooks(account, hook.repository)).subjects.append(subject)
        masker = Masker(secrets - {""})
        # What failed before comes last, so that it cannot keep the others from their turn.
        in_turn = sorted(groups.values(), key=lambda group: (self._failures.get(group.key, 0), group.key))
        away: dict[str, int] = {}
        for group in in_turn:
            hub_url = group.account.hub_url
            wants = everything[hub_url, group.repository]
            for report in self._group(group, wants, away):
                yield _masked(report, masker)

    def _opened(self, hook: WantedHook) -> tuple[Subject, HubAccount | MirrorReport]:
        """The hook with its whole URL, if that can be known, and who may manage it or why nobody can."""
        want = DesiredHook(hook.webhook_id, hook.hook_name, hook.generation, "", hook.gone, hook.slug, hook.replace)
        subject = Subject(want, hook.repository, hook.url_base)
        try:
            url = hook.url_base + self._open(hook.token)
        except CannotUnseal as closed:
            return subject, reports.cannot_open(subject, str(closed), credentials=False)
        subject = Subject(replace(want, url=url), hook.repository, hook.url_base)
        if not hook.username or hook.password is None:
            return subject, reports.no_account(subject)
        try:
            password = self._open(hook.password)
        except CannotUnseal as closed:
            return subject, reports.cannot_open(subject, str(closed), credentials=True)
        return subject, HubAccount(hook.hub_url.rstrip("/"), hook.username, password, hook.hub_local)

    def _group(self, group: RepositoryHooks, wants: Sequence[DesiredHook], away: dict[str, int]) -> list[MirrorReport]:
        account = group.account
        hub_url, resting_key = account.hub_url, (account.hub_url, account.username)
        try:
            resting = self._resting.get(resting_key)
            if resting is not None and resting.until > self._now():
                return [reports.failed(subject, resting.why, resting.until) for subject in group.subjects]
            if away.get(hub_url, 0) >= AWAY_IN_A_ROW:
                # Not this repository's failure: it does not count, so that next time it comes before the others.
                silent = HubUnavailable("Docker Hub gave no answer for other repositories in this pass.")
                at = after_failures(1, self._now(), self._jitter())
                return [reports.failed(subject, silent, at) for subject in group.subjects]
            result = _Attempt(self._connect(account), group, wants).run()
        except Limited as limited:
            self._again_at(group)
            rest = self._resting[resting_key] = self._rest(limited, self._resting.get(resting_key))
            return [reports.failed(subject, limited, rest.until) for subject in group.subjects]
        except HubProblem as problem:
            if isinstance(problem, HubUnavailable):
                away[hub_url] = away.get(hub_url, 0) + 1
            at = max(self._again_at(group), getattr(problem, "retry_at", None) or 0.0)
            return [reports.failed(subject, problem, at) for subject in group.subjects]
        away.pop(hub_url, None)
        self._resting.pop(resting_key, None)
        return self._reports(group, result)

    def _rest(self, limited: Limited, before: _Rest | None) -> _Rest:
        """Whichever of its repositories was too much, the account rests: until the Hub's time, or longer each time."""
        times = 1 if before is None else before.times + 1
        requested_at, now = limited.retry_at or 0.0, self._now()
        return _Rest(limited, requested_at if requested_at > now else after_limits(times, now, self._jitter()), times)

    def _again_at(self, group: RepositoryHooks) -> float:
        failures = self._failures[group.key] = self._failures.get(group.key, 0) + 1
        return after_failures(failures, self._now(), self._jitter())

    def _reports(self, group: RepositoryHooks, result: _Attempt) -> list[MirrorReport]:
        again_at = self._again_at(group)
        elsewhere = tuple(reports.elsewhere(hook) for hook in result.last.elsewhere)
        group_reports = [
            _report(subject, result, again_at, self._now() + LIST_LAG_S).model_copy(update={"elsewhere": elsewhere})
            for subject in group.subjects
        ]
        if all(report.retry_at is None for report in group_reports):
            self._failures.pop(group.key, None)
        return group_reports


class _Attempt:
    """One group in one pass."""

    def __init__(self, hooks: Hooks, group: RepositoryHooks, wants: Sequence[DesiredHook]) -> None:
        self._hooks = hooks
        self._group = group
        self._wants = wants
        self._mine = {subject.want for subject in group.subjects}
        self.problems: dict[DesiredHook, HubProblem] = {}
        self.drift: dict[DesiredHook, str] = {}
        self.last = HookPlan()

    def run(self) -> _Attempt:
        """Act until nothing is left to do, or what is left has failed once; raises what concerns the whole group."""
        for round_number in range(ROUNDS):
            self.last = plan(self._wants, self._hooks.list_hooks(self._group.repository))
            if round_number == 0:
                self.drift = self.last.drift
            todo = [
                action for action in self.last.actions if action.want in self._mine and action.want not in self.problems
            ]
            if not todo or round_number == ROUNDS - 1:
                break
            for action in todo:
                self._do(action)
        return self

    def _do(self, action: CreateHook | DeleteHook) -> None:
        if action.want in self.problems:
            # The hook that was in the way is still there: the rest of this want's plan no longer fits.
            return
        try:
            if isinstance(action, CreateHook):
                self._hooks.create_hook(self._group.repository, action.want.name, action.want.url)
            else:
                self._hooks.delete_hook(self._group.repository, action.seen.slug)
        except Limited:
            raise
        except HubProblem as problem:
            # Whatever it was, it may have happened: the next look tells.
            self.problems[action.want] = problem


def _report(subject: Subject, result: _Attempt, again_at: float, soon: float) -> MirrorReport:
    want = subject.want
    problem = result.problems.get(want)
    hook = result.last.standing.get(want)
    todo = any(action.want == want for action in result.last.actions)
    if want.gone and hook is None:
        return reports.removed(subject)
    if not want.gone and hook is not None:
        if todo:
            return reports.leftover(subject, hook, problem, again_at)
        return reports.in_step(subject, hook, result.drift.get(want, ""))
    if isinstance(problem, Rejected) and "already exists" in str(problem):
        # It was made by an earlier call and is not listed yet.
        problem = HubUnavailable(str(problem))
    if problem is not None:
        return reports.failed(subject, problem, again_at)
    if want.gone and not todo:
        return reports.kept_for_successor(subject, again_at)
    return reports.not_listed(subject, soon)


def _masked(report: MirrorReport, masker: Masker) -> MirrorReport:
    return report.model_copy(update={"message": masker.text(report.message), "repaired": masker.text(report.repaired)})
