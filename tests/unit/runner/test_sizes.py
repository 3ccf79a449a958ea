"""What tasks bring home is bounded before it gets a number: no event and no report is more than the broker takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.config.model.claims import State
from services.runner.engine.logs import MAX_CHUNK_CHARS, LogBuffer
from services.runner.task_protocol import Done, Running, Step, TaskRequest, Waiting
from shared.contracts.base import Json
from shared.contracts.bounds import MAX_EVENT_BYTES, MAX_MESSAGE_BYTES, excess
from shared.contracts.history import Event, Status, TaskEnded
from shared.contracts.runs import ResolvedVariable
from shared.grammar.cutting import CUT_MARK, has_cut
from shared.process.secrets import Opener, Sealer

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import MemoryLedger


def nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


def over(ledger: MemoryLedger) -> bool:
    return ledger.holding.state is State.ENDED


def events(ledger: MemoryLedger) -> list[Event]:
    return [recorded.event for recorded in ledger.history]


def brings(probe: Probe, output: Json, message: str = "") -> None:
    probe.start = lambda asked: Done(output, message)  # type: ignore[method-assign]


def assert_within_bounds(ledger: MemoryLedger) -> None:
    assert [event.seq for event in events(ledger)] == list(range(1, len(ledger.history) + 1))
    for event in events(ledger):
        assert len(event.model_dump_json()) <= MAX_EVENT_BYTES
    for report in ledger.reports:
        assert len(report.model_dump_json()) < MAX_MESSAGE_BYTES - 1024 * 1024


def test_forty_outputs_of_250_kilobytes_travel_in_reports_that_the_broker_takes(rig: Rig, probe: Probe) -> None:
    brings(probe, {"text": "x" * 250_000})
    ledger = MemoryLedger(pipeline([[(f"T{number}", do(effect="pure")) for number in range(40)]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.state.status is Status.COMPLETED
    assert_within_bounds(ledger)
    ends = [event for event in events(ledger) if isinstance(event, TaskEnded)]
    assert len(ends) == 40 and all(end.output.view == {"text": "x" * 250_000} for end in ends)


def test_what_is_sealed_counts_like_what_is_shown(rig: Rig, probe: Probe, keys: tuple[Sealer, Opener]) -> None:
    """Each character of the secret's text takes six bytes in the box, and eight as base64."""
    secret = "gehéim-" + "ß" * 20
    brings(probe, {"text": secret + "ß" * 120_000})
    variables = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(secret))}
    ledger = MemoryLedger(pipeline([[("A", do(x="${var.pw}"))]]), variables=variables)
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert_within_bounds(ledger)
    (end,) = [event for event in events(ledger) if isinstance(event, TaskEnded)]
    assert end.status is Status.COMPLETED and secret not in end.model_dump_json()


@pytest.mark.parametrize("levels", [61, 193, 196, 5_000])
def test_an_output_that_is_nested_too_deep_is_cut(rig: Rig, probe: Probe, levels: int) -> None:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    brings(probe, {"deep": value, "flat": [1, {"a": 2}]})
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert_within_bounds(ledger)
    (end,) = [event for event in events(ledger) if isinstance(event, TaskEnded)]
    assert end.status is Status.COMPLETED
    assert end.output.view["flat"] == [1, {"a": 2}] and has_cut(end.output.view["deep"])
    assert excess(end.output.view) == ""


def test_a_later_task_that_needs_what_was_cut_says_so(rig: Rig, probe: Probe) -> None:
    brings(probe, {"deep": nested(100)})
    tree = pipeline([[("A", do())], [("B", {"type": "Log", "input": {"message": "${S0.A.output.deep[0]}"}})]])
    ledger = MemoryLedger(tree)
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.state.status is Status.FAILED
    assert "output too large: this part of it was not kept" in ledger.state.message


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ({"state": "x" * 1_200_000}, "1.1 MiB, and at most 1 MiB"),
        ({"state": nested(90)}, "nested deeper than 80 levels"),
    ],
)
def test_a_task_that_must_remember_too_much_fails_before_it_goes_on(
    rig: Rig, probe: Probe, handle: Json, words: str
) -> None:
    probe.start = lambda asked: Running(handle, effect_next=True)  # type: ignore[method-assign]
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert_within_bounds(ledger)
    assert words in ledger.state.message and probe.observed == []


def test_a_task_that_comes_to_remember_too_much_ends_what_it_began(rig: Rig, probe: Probe) -> None:
    def observe(asked: TaskRequest, handle: Json) -> Step:
        return Running({**handle, "state": "x" * 1_200_000})

    probe.observe = observe  # type: ignore[method-assign]
    ledger = MemoryLedger(pipeline([[("A", do(handle="h"))]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert_within_bounds(ledger)
    assert "do less in one task" in ledger.state.message and probe.cancelled == [{"id": "h"}]


def test_a_question_that_is_too_large_fails_its_task(rig: Rig, probe: Probe) -> None:
    probe.start = lambda asked: Waiting("approval", "?", None, {"summary": "x" * 1_200_000})  # type: ignore[method-assign]
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert_within_bounds(ledger)
    assert "What the task asks for is 1.1 MiB" in ledger.state.message


def test_a_rollback_whose_inputs_are_too_large_is_not_begun_and_says_so(rig: Rig, probe: Probe) -> None:
    brings(probe, {f"part{n}": "x" * 250_000 for n in range(1)})
    inputs = {f"i{n}": f"${{S{n}.A.output}}" for n in range(6)}
    tree = pipeline(
        *[[[("A", do())]] for _ in range(6)],
        [[("B", {"type": "Nope", "input": {}})]],
        rollbacks=[{"name": "undo", "stage": "S6", "inputs": inputs}],
    )
    ledger = MemoryLedger(tree)
    rig.holder(ledger)
    until(lambda: any(event.type == "rollback.started" for event in events(ledger)))
    assert_within_bounds(ledger)
    (begun,) = [event for event in events(ledger) if event.type == "rollback.started"]
    assert "1.4 MiB, and at most 1 MiB" in begun.problem and begun.input == {}


def test_lines_travel_in_messages_that_the_broker_takes() -> None:
    logs = LogBuffer()
    logs.add("\n".join("é" * 4_000 for _ in range(4_500)))
    chunks = []
    while (chunk := logs.take(last=True))[1]:
        chunks.append(chunk)
    assert sum(len(lines) for _, lines in chunks) == 4_500
    assert [first for first, _ in chunks] == [sum(len(c[1]) for c in chunks[:n]) for n in range(len(chunks))]
    assert max(sum(map(len, lines)) for _, lines in chunks) <= MAX_CHUNK_CHARS


def test_an_output_that_is_too_large_in_itself_keeps_its_small_parts(rig: Rig, probe: Probe) -> None:
    brings(probe, {"log": "x" * 9_000_000, "version": "1.4.1"})
    ledger = MemoryLedger(pipeline([[("A", do())]]))
    rig.holder(ledger)
    until(lambda: over(ledger))
    (end,) = [event for event in events(ledger) if isinstance(event, TaskEnded)]
    assert end.output.view["version"] == "1.4.1" and CUT_MARK in end.output.view["log"]
