"""The run protocol (docs/adr/0001) under crashes, duplicates, delays, losses and zombies between any two steps.

`ProtocolMachine` drives the model by hypothesis, which shrinks what it finds; `HYPOTHESIS_PROFILE=deep` looks longer.
That the model can fail is a test too: `mutations.py` takes one rule of the protocol away at a time, and each time a
promise must break. The number beside each mutation is the rule's in ADR 0001.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.config.runs.protocol import Intent

from .faults import live, zombie_wakes_with_leave
from .holder import Type
from .mutations import MUTATIONS, Mutation
from .outside import Broken
from .world import World

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
LIVES = 5_000 if DEEP else 100
MOST_RUNS = 5
LIVES_TO_FIND_A_MUTATION = 500

plans = st.lists(st.sampled_from(list(Type)), min_size=1, max_size=3).map(tuple)
runners = st.integers(min_value=0, max_value=1)
numbers = st.integers(min_value=0, max_value=999)


class ProtocolMachine(RuleBasedStateMachine):
    """Ordinary steps and faults in any order; the world is drained at the end, and every run must then have ended."""

    executions: Bundle[str] = Bundle("executions")

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(target=executions, plan=plans)
    def first_push(self, plan: tuple[Type, ...]) -> str:
        return self.world.create(plan)

    @precondition(lambda self: len(self.world.plans) < MOST_RUNS)
    @rule(target=executions, plan=plans)
    def push(self, plan: tuple[Type, ...]) -> str:
        return self.world.create(plan)

    @rule(picks=st.lists(numbers, min_size=1, max_size=30))
    def go_on(self, picks: list[int]) -> None:
        for pick in picks:
            self.world.pick(pick)
            self.world.check()

    @rule(seconds=st.sampled_from([1, 5, 700]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule()
    def config_looks_at_the_clock(self) -> None:
        self.world.sweep()

    @rule(runner=runners)
    def runner_is_killed(self, runner: int) -> None:
        self.world.crash(self.world.runners[runner])

    @rule(runner=runners)
    def runner_starts(self, runner: int) -> None:
        self.world.start(self.world.runners[runner])

    @rule(runner=runners)
    def runner_is_stopped(self, runner: int) -> None:
        self.world.sleep(self.world.runners[runner])

    @rule(runner=runners)
    def zombie_wakes(self, runner: int) -> None:
        self.world.wake(self.world.runners[runner])

    @rule(runner=runners)
    def runner_shuts_down_in_order(self, runner: int) -> None:
        self.world.shut_down(self.world.runners[runner])

    @rule(runner=runners)
    def connection_breaks(self, runner: int) -> None:
        self.world.connection_breaks(self.world.runners[runner])

    @rule(number=numbers)
    def a_late_copy_arrives(self, number: int) -> None:
        self.world.copy_again(number)

    @rule(number=numbers)
    def an_answer_is_lost(self, number: int) -> None:
        self.world.lose_answer(number)

    @rule(number=numbers)
    def somebody_asks_again(self, number: int) -> None:
        self.world.ask_again(number)

    @rule()
    def config_dies_between_publish_and_mark_sent(self) -> None:
        self.world.relay_twice()

    @rule(number=numbers)
    def config_dies_between_fold_and_ack(self, number: int) -> None:
        self.world.ledger_dies_before_ack(number)

    @rule()
    def the_broker_loses_everything(self) -> None:
        self.world.lose_everything()

    @rule()
    def a_run_message_is_poison(self) -> None:
        self.world.dead_letter()

    @rule(execution_id=executions)
    def a_lease_runs_out(self, execution_id: str) -> None:
        self.world.ledger.expire(execution_id)

    @rule(execution_id=executions, intent=st.sampled_from(list(Intent)))
    def a_person_intends(self, execution_id: str, intent: Intent) -> None:
        self.world.ledger.happen(execution_id, "intend", intent, self.world.ledger.now)

    @rule(execution_id=executions)
    def a_person_answers(self, execution_id: str) -> None:
        self.world.approve(execution_id)

    @invariant()
    def promises_hold(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.drain()


TestProtocol = ProtocolMachine.TestCase
TestProtocol.settings = settings(
    max_examples=1000 if DEEP else 50,
    stateful_step_count=80 if DEEP else 30,
    deadline=None,
    derandomize=not DEEP,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_every_promise_holds_through_random_lives() -> None:
    first = Random().randrange(10**9) if DEEP else 0
    for seed in range(first, first + LIVES):
        try:
            live(World(), seed)
        except Broken as broken:
            pytest.fail(f"live(World(), {seed}): {broken}")


def test_a_zombie_that_wakes_with_leave_is_refused_by_the_cluster() -> None:
    world = World()
    zombie_wakes_with_leave(world)
    assert [writer.attempt for writer in world.outside.writes] == [2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_the_model_finds_the_protocol_broken_without(mutation: Mutation) -> None:
    with pytest.raises(Broken):
        _look_for_a_broken_promise(mutation)


def _look_for_a_broken_promise(mutation: Mutation) -> None:
    if mutation.story is not None:
        mutation.story(mutation.world())
    for seed in range(LIVES_TO_FIND_A_MUTATION):
        live(mutation.world(), seed, types=mutation.types)
