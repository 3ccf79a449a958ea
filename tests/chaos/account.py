"""Every hook accounted for: what was accepted, what came of it, and what was done outside. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push and the answer that its hook got; `status` 0 when there was none."""

    repository: str
    tag: str
    digest: str
    status: int

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    @property
    def images(self) -> tuple[str, str]:
        """With its digest; by its tag alone where no runner could ask the registry within the deadline."""
        by_tag = f"{self.repository}:{self.tag}"
        return f"{by_tag}@{self.digest}", by_tag


@dataclass(frozen=True, slots=True)
class Write:
    """The cluster's object of a repository as it was after a change: its image, and by which start."""

    repository: str
    image: str
    start: int


@dataclass(slots=True)
class Account:
    """Numbers of hooks by what became of them; `problems` says each that may not be."""

    accepted: int = 0
    refused: int = 0
    """Answered with an error or not at all, and not heard of since: the Hub shows these as failed."""
    executed: int = 0
    superseded: int = 0
    """A newer push of the same repository took the place of this one, before it started or at the cluster."""
    held: int = 0
    """Arrived behind a newer one, because it waited in the gateway's spool."""
    uncertain: int = 0
    """The runner was killed in the middle of a task that may happen only once: it is told so, and not repeated."""
    waiting: int = 0
    """Of a pipeline that runs one at a time, and still behind others although none of these ends."""
    lost: int = 0
    doubled: int = 0
    disordered: int = 0
    wrong: int = 0
    """Repositories whose last image is not the one that the cluster runs."""
    kills: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing was lost, doubled, out of order or wrong at the end."""
        return not self.problems

    def to_json(self) -> Json:
        return asdict(self) | {"clean": self.clean}


def reckon(
    pushes: Sequence[Pushed],
    events: Iterable[Json],
    executions: Iterable[Json],
    writes: Sequence[Write],
    told: Sequence[str],
    running: Mapping[str, str | None],
    kills: Mapping[str, int],
) -> Account:
    """Compare. `pushes` are in order; `told` names the tag of each call of the task that may happen only once."""
    account = Account(kills=dict(kills))
    by_tag, runs, calls = defaultdict[str, list[Json]](list), defaultdict[str, list[Json]](list), Counter(told)
    for event in events:
        by_tag[event["tag"]].append(event)
    for run in executions:
        runs[str(run["input"].get("DOCKER_TAG"))].append(run)
    written = {write.image for write in writes}
    last: dict[str, Pushed] = {}
    for push in pushes:
        if not push.accepted and not by_tag[push.tag]:
            account.refused += 1
            continue
        account.accepted += 1
        last[push.repository] = push
        _one(account, push, by_tag[push.tag], runs[push.tag], calls[push.tag], not written.isdisjoint(push.images))
    for repository, push in last.items():
        if running.get(repository) not in push.images:
            account.wrong += 1
            account.problems.append(f"{repository}: the cluster runs {running.get(repository)}, not {push.images[0]}")
    for repository in last:
        _order(account, repository, [write for write in writes if write.repository == repository])
    return account


def _one(account: Account, push: Pushed, events: list[Json], runs: list[Json], calls: int, written: bool) -> None:
    name = f"{push.repository}:{push.tag}"
    if len(runs) > 1 or calls > 1:
        account.doubled += 1
        account.problems.append(f"{name}: {len(runs)} executions, {calls} calls")
        return
    if not events:
        account.lost += 1
        account.problems.append(f"{name}: accepted with {push.status}, and there is no event")
        return
    fate, why = _fate(events, runs)
    if fate == "executed" and not (written and calls == 1):
        fate, why = "lost", f"completed, but image written: {written}, calls: {calls}"
    setattr(account, fate, getattr(account, fate) + 1)
    if fate in ("lost", "waiting"):
        account.problems.append(f"{name}: {why}")


def _fate(events: list[Json], runs: list[Json]) -> tuple[str, str]:
    if not runs:
        verdicts = {event["verdict"] for event in events}
        return ("held", "") if "held as older" in verdicts else ("lost", f"verdict: {', '.join(sorted(verdicts))}")
    status, message = runs[0]["status"], str(runs[0]["statusMessage"])
    if status == "COMPLETED":
        return "executed", ""
    if "uperseded by #" in message and "another runner carries on" not in message:
        return "superseded", ""
    if status == "CANCELED" and runs[0]["name"].endswith("cancel-older"):
        return "superseded", ""
    if status == "WAITING" and runs[0].get("_queuePosition"):
        return "waiting", f"#{runs[0]['index']} still waits its turn"
    if "may have run" in message:
        return "uncertain", ""
    return "lost", f"#{runs[0]['index']} is {status}: {message}"


def _order(account: Account, repository: str, writes: list[Write]) -> None:
    """Starts only grow, and an image that was replaced does not come back."""
    seen: list[str] = []
    highest = 0
    for write in writes:
        if write.start < highest:
            account.disordered += 1
            account.problems.append(f"{repository}: start {write.start} wrote {write.image} after start {highest}")
        highest = max(highest, write.start)
        if seen and seen[-1] == write.image:
            continue
        if write.image in seen:
            account.doubled += 1
            account.problems.append(f"{repository}: {write.image} came back after {seen[-1]}")
        seen.append(write.image)
