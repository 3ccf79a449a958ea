"""What a run may hand on to another: its secrets travel sealed, and are hidden there as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from services.config.model.claims import State
from services.runner.engine.secrets import RunSecrets
from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Sealed
from shared.contracts.history import Status
from shared.contracts.runs import ResolvedVariable
from shared.process.masking import Masker
from shared.process.secrets import Opener, Sealer

from .conftest import Rig, do, pipeline, until
from .ledger import MemoryLedger
from .test_holder import over

Keys = tuple[Sealer, Opener]
SECRET = "hunter2secret"


def secrets_of(keys: Keys, inputs: dict[str, Sealed] | None = None, *, variables: bool = False) -> RunSecrets:
    known = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(SECRET))} if variables else {}
    return RunSecrets({}, known, keys[1], keys[0], inputs)


def test_what_holds_a_secret_is_shown_masked_and_opens_to_its_value_in_the_other_run(keys: Keys) -> None:
    given = {"header": f"Bearer {SECRET}", "list": [{"a": SECRET, "n": 1}], "plain": "x", "number": 4}
    shown, sealed = secrets_of(keys, variables=True).hand_on(given)
    assert shown == {"header": "Bearer *****", "list": [{"a": "*****", "n": 1}], "plain": "x", "number": 4}
    assert sorted(sealed) == ["header", "list"]
    other = secrets_of(keys, sealed)
    assert dict(other.inputs(shown)) == given
    assert other.masker.text(f"{SECRET} was refused") == "***** was refused"
    again, boxes = other.hand_on(dict(other.inputs(shown)))
    assert (again, sorted(boxes)) == (shown, sorted(sealed))


def test_an_input_that_cannot_be_opened_is_named_by_whoever_uses_it(keys: Keys) -> None:
    inputs = secrets_of(keys, {"pw": Sealed(key_id="gone", box="AAAA")}).inputs({"pw": "*****", "other": "x"})
    assert inputs["other"] == "x"
    with pytest.raises(TaskFailed, match="input pw cannot be opened"):
        inputs["pw"]


def test_a_task_uses_the_value_of_a_sealed_input_and_nobody_sees_it(rig: Rig, keys: Keys) -> None:
    shown, sealed = secrets_of(keys, variables=True).hand_on({"pw": SECRET})
    undo = {"name": "Undo", "stage": "S0", "task": "B", "inputs": {"pw": "x-${input.pw}"}}
    ledger = MemoryLedger(
        pipeline(
            [
                [("A", do(output={"token": "x-${input.pw}"}, log="pw is ${input.pw}"))],
                [("B", do(preCondition=f'${{input.pw}} == "{SECRET}"', fail=1, why="bad ${input.pw}"))],
            ],
            rollbacks=[undo],
        ),
        inputs=shown,
        sealed_inputs=sealed,
    )
    rig.holder(ledger)
    until(lambda: bool(ledger.state.rollbacks) or over(ledger))
    (asked,) = [one.event for one in ledger.history if one.event.type == "rollback.started"]
    assert (asked.input, asked.problem) == ({"pw": "x-*****"}, "")
    assert secrets_of(keys, dict(asked.sealed)).inputs(asked.input)["pw"] == f"x-{SECRET}"
    said = said_by(ledger)
    assert SECRET not in said
    assert "*****" in said


def test_what_is_learned_while_a_masker_is_made_is_hidden_all_the_same(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(secrets: Iterable[str]) -> Masker:
        made = Masker(secrets)
        run_secrets.learn(frozenset({"learned-meanwhile"}))
        return made

    monkeypatch.setattr("services.runner.engine.secrets.Masker", slow)
    run_secrets = secrets_of(keys, variables=True)
    assert run_secrets.masker.text(SECRET) == "*****"
    assert run_secrets.masker.text("x learned-meanwhile") == "x *****"


def test_an_input_with_a_secret_is_exact_for_whoever_goes_on_with_the_run_and_hidden_there(
    rig: Rig, keys: Keys
) -> None:
    ledger = MemoryLedger(
        pipeline([[("A", do(token="x-${var.pw}"))], [("B", do(ask="go on?"))], [("C", uses("${S0.A.input.token}"))]]),
        variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(SECRET))},
    )
    go_on(rig, ledger, variables={})
    assert ledger.state.message == "S0.C: bad x-*****"
    assert SECRET not in said_by(ledger)


def test_the_secrets_of_an_output_are_hidden_by_who_goes_on_with_the_run_though_its_variable_is_another_now(
    rig: Rig, keys: Keys
) -> None:
    ledger = MemoryLedger(
        pipeline(
            [[("A", do(output={"token": "x-${var.pw}"}))], [("B", do(ask="?"))], [("C", uses("${S0.A.output.token}"))]]
        ),
        variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(SECRET))},
    )
    go_on(rig, ledger, variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal("another"))})
    assert ledger.state.message == "S0.C: bad x-*****"
    assert SECRET not in said_by(ledger)


def test_the_output_of_a_later_try_takes_the_place_of_an_earlier_ones_secret_output(rig: Rig, keys: Keys) -> None:
    first = do(
        fail=1, broke={"token": "x-${var.pw}"}, output={"token": "plain"}, retries={"attempts": 2, "delaySeconds": 0}
    )
    ledger = MemoryLedger(
        pipeline([[("A", first)], [("C", do(output={"got": "${S0.A.output.token}"}))]]),
        variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(SECRET))},
    )
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert ledger.state.task("S0", "C").output.view == {"got": "plain"}


GONE = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=Sealed(key_id="gone", box="AAAA"))}


def test_a_run_whose_output_needs_a_secret_that_cannot_be_opened_ends_without_it(rig: Rig) -> None:
    ledger = MemoryLedger(pipeline([[("A", do())]], output={"t": "${var.pw}", "u": "1"}), variables=GONE)
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert (ledger.state.status, ledger.state.output) == (Status.COMPLETED, {"u": "1"})


def test_a_rollback_whose_input_cannot_be_opened_says_so(rig: Rig) -> None:
    undo = {"name": "Undo", "inputs": {"pw": "${var.pw}"}}
    ledger = MemoryLedger(pipeline([[("A", do(fail=1))]], rollbacks=[undo]), variables=GONE)
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "variable pw cannot be opened" in ledger.state.rollbacks["", ""].message


def test_a_condition_that_cannot_be_decided_shows_no_part_of_a_long_secret(rig: Rig, keys: Keys) -> None:
    long = SECRET * 10
    ledger = MemoryLedger(
        pipeline([[("A", {"type": "Condition", "input": {"condition": "${var.pw}"}})]]),
        variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal(long))},
    )
    rig.holder(ledger)
    until(lambda: over(ledger))
    assert "a value of 132 characters is neither true nor false" in ledger.state.message
    assert SECRET not in said_by(ledger)


def uses(reference: str) -> dict[str, Any]:
    """Fails only if what it refers to is exact."""
    return do(preCondition=f'{reference} == "x-{SECRET}"', fail=1, why=f"bad {reference}", log=reference)


def go_on(rig: Rig, ledger: MemoryLedger, variables: dict[str, ResolvedVariable]) -> None:
    """Another holder takes the run up after the approval."""
    rig.holder(ledger)
    until(lambda: ledger.holding.state is State.PARKED)
    ledger.variables = variables
    ledger.answer("S0", "B", {"status": "Approved"})
    rig.holder(ledger, "r2")
    until(lambda: over(ledger))


def said_by(ledger: MemoryLedger) -> str:
    return "".join(report.model_dump_json() for report in ledger.reports) + "".join(ledger.lines)
