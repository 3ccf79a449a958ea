"""One execution or pipeline as columns, cards, a bar of its time, and what a task printed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.contracts.failures import FAILURE_CODE, FailureCode
from shared.contracts.texts import counted
from shared.grammar.spec import split_group

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "SKIPPED"})
AT_WORK = frozenset({"RUNNING", "STARTED"})
_EVENT = re.compile(r"(?P<object>[A-Z]\w+ [a-z0-9][\w.-]*): (?P<reason>[A-Z]\w+): (?P<message>.+)")
"""How a Kubernetes task prints an event of what it waits for."""
_DIFF_START = re.compile(r"--- live (?P<object>.+)")
_DIFF_LINE = re.compile(r"[-+ @]")


def stages_of(document: Json) -> list[Json]:
    """Stages in order, each with its groups of tasks in order and how many percent of them have ended."""
    stages = document.get("stages") or {}
    columns = []
    for name in document.get("stageOrder") or list(stages):
        stage = stages.get(name) or {}
        tasks = stage.get("tasks") or {}
        groups = [
            [_shown(task, tasks.get(task) or {}) for task in split_group(str(group))]
            for group in stage.get("taskOrder") or list(tasks)
        ]
        columns.append(
            {**stage, "name": name, "groups": groups, "part": _part(groups), "status": _status(stage, groups)}
        )
    return columns


def _status(stage: Json, groups: Sequence[Sequence[Json]]) -> Any:
    """A stage that is at work only in name waits: for an approval, or for a time."""
    states = {task.get("status") for group in groups for task in group}
    waits = stage.get("status") in AT_WORK and "WAITING" in states and not states & AT_WORK
    return "WAITING" if waits else stage.get("status")


def _part(groups: Sequence[Sequence[Json]]) -> int:
    states = [task.get("status") in ENDED for group in groups for task in group]
    return round(100 * sum(states) / len(states)) if states else 0


def task_of(execution: Json, stage: str, task: str) -> Json | None:
    """One task by its names."""
    tasks = ((execution.get("stages") or {}).get(stage) or {}).get("tasks") or {}
    return {"stage": stage, **_shown(task, tasks[task])} if task in tasks else None


def _shown(name: str, task: Json) -> Json:
    """The task with what it has to say: why it failed, what a Log task logged, else its status in words."""
    output = task.get("output")
    logged = output.get("message") if task.get("type") == "Log" and isinstance(output, dict) else ""
    return {"name": name, **task, "said": task.get("failureMessage") or logged or task.get("statusMessage") or ""}


_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
HEADLINE = 200
"""Characters that one line of a page holds."""


def headline(message: str) -> tuple[str, str]:
    """The first sentence of a message, cut to a line, and the whole message where that is more."""
    first = _SENTENCE_END.split(message.strip(), maxsplit=1)[0].partition("\n")[0]
    line = first if len(first) <= HEADLINE else first[: HEADLINE - 1] + "…"
    return line, "" if line == message.strip() else message


def first_of_interest(execution: Json) -> tuple[str, str] | None:
    """The task that a reader most likely came for: the failed one, else the one at work, else the one that waits."""
    tasks = [(stage["name"], task) for stage in stages_of(execution) for group in stage["groups"] for task in group]
    for status in ("FAILED", "WAITING", "RUNNING", "STARTED"):
        for stage, task in tasks:
            if task.get("status") == status:
                return stage, str(task["name"])
    return None


def exists_already(task: Json) -> bool:
    """Did a task fail because what it was to create is there?"""
    output = task.get("output")
    code = output.get(FAILURE_CODE) if isinstance(output, dict) else None
    return task.get("status") == "FAILED" and code == FailureCode.OBJECT_EXISTS.value


def verbs(execution: Json) -> tuple[str, ...]:
    """What can be done to an execution in its state."""
    status = execution.get("status")
    if status in ENDED:
        begun = any(stage.get("status") not in (None, "NOT_STARTED") for stage in stages_of(execution))
        return ("rerun-from-failed", "rerun") if status != "COMPLETED" and begun else ("rerun",)
    return ("resume", "cancel") if status in ("PAUSED", "PAUSING") else ("pause", "cancel")


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the run's time: `start` and `width` in percent of the whole."""

    label: str
    status: str
    start: float
    width: float
    micros: int


def times(execution: Json) -> list[Bar]:
    """Where the time went: the wait for a place, then each task that was begun."""
    begin = int(execution.get("_requestTimeInMicros") or 0)
    whole = max(1, int(execution.get("_totalDurationInMicros") or 0))
    bars: list[Bar] = []
    waited = whole - int(execution.get("_durationInMicros") or 0)
    if waited > 0:
        bars.append(_bar("waiting to start", "WAITING", 0, waited, whole))
    for stage in stages_of(execution):
        for task in (task for group in stage["groups"] for task in group):
            if started := int(task.get("_startTime") or 0):
                took = int(task.get("_durationInMicros") or 0)
                label = f"{stage['name']} / {task['name']}"
                bars.append(_bar(label, str(task.get("status") or ""), started - begin, took, whole))
    return bars


def _bar(label: str, status: str, start: int, took: int, whole: int) -> Bar:
    offset = min(99.5, max(0.0, 100 * start / whole))
    return Bar(label, status, round(offset, 2), round(min(100 - offset, max(0.5, 100 * took / whole)), 2), took)


@dataclass(frozen=True, slots=True)
class Printed:
    """What a task printed, told apart: `lines` with a word for the colour of each, the diff, the cluster's events."""

    lines: tuple[tuple[str, str], ...] = ()
    diffs: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    events: tuple[tuple[str, str, str], ...] = ()


def printed(lines: Iterable[str]) -> Printed:
    """Sort the lines of one try."""
    plain: list[tuple[str, str]] = []
    diffs: list[tuple[str, list[tuple[str, str]]]] = []
    events: list[tuple[str, str, str]] = []
    within = False
    for line in lines:
        if begun := _DIFF_START.fullmatch(line):
            within = True
            diffs.append((begun["object"], []))
        elif within and _DIFF_LINE.match(line):
            if not line.startswith("+++ "):
                diffs[-1][1].append((_colour(line), line))
        else:
            within = False
            if event := _EVENT.fullmatch(line):
                events.append((event["object"], event["reason"], event["message"]))
        plain.append((_colour(line) if within else "", line))
    return Printed(tuple(plain), tuple((name, tuple(rows)) for name, rows in diffs), tuple(events))


MAX_DIFF_LINES = 400


def diff_rows(text: str) -> tuple[tuple[str, str], ...]:
    """The lines of a unified difference, each with a word for its colour; the longest are cut."""
    lines = text.splitlines()
    cut = [("", f"… {counted(len(lines) - MAX_DIFF_LINES, 'more line')}")] if len(lines) > MAX_DIFF_LINES else []
    return (*((_colour(line), line) for line in lines[:MAX_DIFF_LINES]), *cut)


def _colour(line: str) -> str:
    return {"+": "add", "-": "del", "@": "at"}.get(line[:1], "")
