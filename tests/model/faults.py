"""Random lives of a world: ordinary steps with every kind of fault between any two of them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from services.config.runs.protocol import Intent

from .holder import Plan, Runner, Type
from .world import World

WEIGHTS = {
    Type.PURE: 1,
    Type.APPLY: 3,
    Type.KEYED: 1,
    Type.ONCE: 3,
    Type.APPROVAL: 1,
    Type.LATER: 1,
    Type.DEADLY: 0.4,
}


def some_plan(random: Random, types: tuple[Type, ...] = tuple(Type)) -> Plan:
    """One to three tasks in a row."""
    return tuple(random.choices(types, [WEIGHTS[type_] for type_ in types], k=random.randint(1, 3)))


def faults(world: World, random: Random) -> list[Callable[[], object]]:
    """What may go wrong, and what people do, each as likely as its place count here."""
    number = random.randrange(1000)
    runner: Runner = random.choice(world.runners)
    execution_id = random.choice(list(world.plans))
    ledger = world.ledger
    return [
        lambda: world.crash(runner),
        lambda: world.start(runner),
        lambda: world.start(runner),
        lambda: world.sleep(runner),
        lambda: world.wake(runner),
        lambda: world.wake(runner),
        lambda: world.shut_down(runner),
        lambda: world.connection_breaks(runner),
        lambda: world.copy_again(number),
        lambda: world.copy_again(number),
        world.relay_twice,
        lambda: world.ledger_dies_before_ack(number),
        lambda: world.lose_answer(number),
        lambda: world.ask_again(number),
        lambda: ledger.expire(execution_id),
        lambda: ledger.happen(execution_id, "intend", random.choice(list(Intent)), ledger.now),
        lambda: world.approve(execution_id),
        world.sweep,
    ]


def live(world: World, seed: int, *, steps: int = 150, types: tuple[Type, ...] = tuple(Type)) -> None:
    """One life of a world, ended by a fair drain; raises `Broken` where a promise does not hold."""
    random = Random(seed)
    world.create(some_plan(random, types))
    for _ in range(steps):
        chance = random.random()
        if chance < 0.02 and len(world.plans) < 4:
            world.create(some_plan(random, types))
        elif chance < 0.03:
            random.choice([world.dead_letter, world.lose_everything])()
        elif chance < 0.25:
            random.choice(faults(world, random))()
        else:
            world.pick(random.randrange(1000))
        if chance > 0.9:
            world.pass_time(random.choice([1, 5, 700]))
        world.check()
    world.drain()


def zombie_wakes_with_leave(world: World) -> None:
    """A holder gets leave and falls asleep; its successor writes; the holder wakes and goes on where it was."""
    execution_id = world.create((Type.APPLY, Type.APPLY))
    first, second = world.runners[:2]
    _take_and_get_leave(world, first)
    world.sleep(first)
    world.ledger.expire(execution_id)
    _take_and_get_leave(world, second)
    world.step(second, second.holds[0])
    world.step(second, second.holds[0])
    assert len(world.outside.writes) == 1, "the successor writes"
    world.wake(first)
    for _ in range(2):
        world.step(first, first.holds[0])
    world.check()
    world.drain()


def _take_and_get_leave(world: World, runner: Runner) -> None:
    world.relay()
    world.receive(runner)
    world.ledger_works()
    world.deliver(world.broker.replies[0])
    world.step(runner, runner.holds[0])
    world.ledger_works()
    world.deliver(world.broker.replies[0])
    assert runner.holds[0].leave is not None
