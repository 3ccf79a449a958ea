"""Everything together: what may ordinarily happen next, what may go wrong, and what must hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import SimpleNamespace

from services.config.runs import protocol as p
from shared.contracts.runs import Directive, Held, HeldAnswer, HeldRun, Released, ReportAnswer, Take, TakeAnswer

from .broker import Address, Broker, Letter, Reply
from .holder import Died, Hold, Plan, Runner
from .ledger import LEASE_S, Ledger
from .outside import Broken, Outside

TRUE_RULES = SimpleNamespace(**{name: getattr(p, name) for name in p.__all__})
CAPACITY = 2
DRAIN_ROUNDS = 250

Act = Callable[[], object]


@dataclass
class World:
    """One ledger, one broker, some runners, and the outside."""

    rules: SimpleNamespace = field(default_factory=lambda: TRUE_RULES)
    outside: Outside = field(default_factory=Outside)
    runner_count: int = 2
    broker: Broker = field(default_factory=Broker)
    plans: dict[str, Plan] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    takes: count[int] = field(default_factory=lambda: count(1))
    spoke_at: dict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    """When a holder, as (execution id, attempt), said that it lives, where that was not lost with its queue."""
    hears_by_answering: bool = False
    """A mutation: a sign of life counts only when it is answered."""
    heard_s: float = 0.0
    """Seconds for which everybody could be heard."""
    heard_until: float = 0.0
    """The end of the last of them, by the ledger's time."""
    deaf_clock: bool = False
    """A mutation: the ledger's clock goes on while signs of life are unread."""
    forgetful: bool = False
    """A mutation: a runner forgets the takes whose answer was lost with its connection."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.rules)
        self.runners = [Runner(f"runner-{n}", self.plans) for n in range(self.runner_count)]

    # ------------------------------------------------------------------------------------------------ the ordinary

    def create(self, plan: Plan) -> str:
        """A push was judged."""
        execution_id = f"run-{len(self.plans)}"
        self.plans[execution_id] = plan
        self.ledger.create(execution_id)
        return execution_id

    def actions(self) -> list[Act]:
        """Every ordinary thing that may happen next."""
        todo: list[Act] = []
        if self.ledger.outbox:
            todo.append(self.relay)
        if self.broker.ledger:
            todo.append(self.ledger_works)
        if self.broker.queries:
            todo.append(self.ledger_hears)
        if self.broker.arrived:
            todo.append(self.ledger_answers)
        todo.extend(partial(self.deliver, reply) for reply in self.broker.replies)
        for runner in self.runners:
            if runner.awake:
                todo.extend(self._of_runner(runner))
        return todo

    def _of_runner(self, runner: Runner) -> list[Act]:
        todo: list[Act] = []
        if self.broker.runs and len(runner.holds) + len(runner.taking) < CAPACITY:
            todo.append(lambda: self.receive(runner))
        if runner.holds:
            todo.append(lambda: self.list_held(runner))
        todo.extend(partial(self.step, runner, hold) for hold in runner.holds if hold.asked is None)
        todo.extend(partial(self.flush, hold) for hold in runner.holds if hold.unsent)
        todo.extend(partial(self.ask_how_far, runner, hold) for hold in runner.holds if hold.is_unsure)
        return todo

    def pick(self, number: int) -> None:
        """One ordinary thing."""
        if todo := self.actions():
            todo[number % len(todo)]()
        else:
            self.ask_again(number)

    def relay(self) -> None:
        """The outbox publishes, then marks as sent."""
        self.broker.runs.append(self.ledger.outbox.pop(0))

    def ledger_works(self, *, acknowledge: bool = True) -> None:
        """The ledger handles the next message of its queue, commits, answers, acknowledges."""
        letter = self.broker.ledger[0]
        answer = self.ledger.handle(letter.said)
        if answer is not None and letter.answer_to is not None:
            self.broker.replies.append(Reply(letter.answer_to, answer))
        if acknowledge:
            self.broker.ledger.popleft()

    def ledger_hears(self) -> None:
        """A sign of life reaches the ledger's process and counts, whenever it is answered."""
        address, ask = self.broker.queries.popleft()
        if not self.hears_by_answering:
            self.ledger.leases.heard((one.execution_id, one.attempt) for one in ask.holds)
        self.broker.arrived.append((address, ask))

    def ledger_answers(self) -> None:
        """A `held` query."""
        address, ask = self.broker.arrived.popleft()
        if self.hears_by_answering:
            self.ledger.leases.heard((one.execution_id, one.attempt) for one in ask.holds)
        self.broker.replies.append(Reply(address, self.ledger.held(ask)))

    def receive(self, runner: Runner) -> None:
        """A run message comes in, and the runner asks for the run."""
        message = self.broker.receive(runner.name)
        if message.execution_id in self.unreadable:
            self.broker.ack(runner.name, message)
            self.ledger.happen(message.execution_id, "dead_lettered", message.dispatch, "bad JSON", self.ledger.now)
            return
        self._ask_take(runner, message.execution_id, message.dispatch, f"take-{next(self.takes)}")

    def _ask_take(self, runner: Runner, execution_id: str, dispatch: int, take_id: str) -> None:
        self.ledger.askers[take_id] = (runner.name, runner.life)
        question = next(runner.questions)
        runner.taking[question] = (execution_id, dispatch, take_id)
        said = Take(execution_id=execution_id, dispatch=dispatch, runner=runner.name, take_id=take_id)
        self.broker.publish(Letter(said, Address(runner.name, runner.life, question)))

    def list_held(self, runner: Runner) -> None:
        """The sign of life."""
        holds = tuple(HeldRun(execution_id=hold.execution_id, attempt=hold.attempt) for hold in runner.holds)
        question = next(runner.questions)
        runner.listed[question] = {pair.execution_id: pair.attempt for pair in holds}
        self.broker.queries.append((Address(runner.name, runner.life, question), Held(runner=runner.name, holds=holds)))
        for one in holds:
            self.spoke_at[one.execution_id, one.attempt].append(self.ledger.now)

    def step(self, runner: Runner, hold: Hold) -> None:
        """One step of one run."""
        if hold.asked is not None:
            return
        had_leave = partial(self.ledger.had_leave, hold.execution_id)
        try:
            if hold.step(self.outside, self.ledger.now, had_leave) is not None:
                self._send(runner, hold)
        except Died:
            self.crash(runner)

    def flush(self, hold: Hold) -> None:
        """What was said leaves, unless it has gone meanwhile."""
        if hold.unsent:
            self.broker.publish(Letter(hold.flush()))

    def ask_how_far(self, runner: Runner, hold: Hold) -> None:
        """What was only told may be lost: a report without events asks how far the ledger got."""
        if hold.is_unsure:
            hold.ask()
            self._send(runner, hold)

    def _send(self, runner: Runner, hold: Hold) -> None:
        assert hold.asked is not None
        hold.question = next(runner.questions)
        self.broker.publish(Letter(hold.asked, Address(runner.name, runner.life, hold.question)))

    def deliver(self, reply: Reply) -> None:
        """An answer reaches its runner, if that still lives, is awake and waits for it."""
        runner = next(one for one in self.runners if one.name == reply.to.runner)
        if runner.asleep:
            return
        self.broker.replies.remove(reply)
        if not runner.up or runner.life != reply.to.life:
            return
        if isinstance(reply.answer, TakeAnswer):
            self._hear_take(runner, reply.to.question, reply.answer)
        elif isinstance(reply.answer, HeldAnswer):
            self._hear_held(runner, reply.to.question, reply.answer)
        else:
            self._hear_report(runner, reply.to.question, reply.answer)

    def _hear_take(self, runner: Runner, question: int, answer: TakeAnswer) -> None:
        if question not in runner.taking:
            return
        execution_id, dispatch, _ = runner.taking.pop(question)
        for message in list(self.broker.unacked.get(runner.name, ())):
            if (message.execution_id, message.dispatch) == (execution_id, dispatch):
                self.broker.ack(runner.name, message)
                break
        if answer.taken:
            runner.taken(execution_id, answer)

    def _hear_held(self, runner: Runner, question: int, answer: HeldAnswer) -> None:
        listed = runner.listed.pop(question, {})
        for hold in list(runner.holds):
            if listed.get(hold.execution_id) != hold.attempt:
                continue
            said = answer.verdicts.get(hold.execution_id)
            if said is Directive.FENCED and hold.asked is None:
                runner.holds.remove(hold)
            elif said is not None and said is not Directive.FENCED:
                hold.verdict = said

    def _hear_report(self, runner: Runner, question: int, answer: ReportAnswer) -> None:
        for hold in list(runner.holds):
            if hold.asked is not None and hold.question == question:
                hold.hear(answer)
                if hold.done:
                    runner.holds.remove(hold)
                elif hold.asked is not None:
                    self._send(runner, hold)

    def ask_again(self, number: int) -> None:
        """Somebody has waited long enough for an answer: the same question, under a new number."""
        waiting: list[Act] = []
        for runner in self.runners:
            if runner.awake:
                waiting.extend(partial(self._take_again, runner, question) for question in runner.taking)
                waiting.extend(partial(self._send, runner, hold) for hold in runner.holds if hold.asked)
        if waiting:
            waiting[number % len(waiting)]()

    def _take_again(self, runner: Runner, question: int) -> None:
        self._ask_take(runner, *runner.taking.pop(question))

    def pass_time(self, seconds: int) -> None:
        """The ledger's clock goes on only in a second at whose end nothing was left unread."""
        for _ in range(seconds):
            self.ledger.now += 1
            if not self.broker.queries or self.deaf_clock:
                self.heard_s += 1
                self.heard_until = self.ledger.now
            self.ledger.leases.tick(self.heard_s)

    # ---------------------------------------------------------------------------------------------------- the faults

    def crash(self, runner: Runner) -> None:
        """kill -9."""
        runner.die()
        self.broker.connection_lost(runner.name)

    def connection_breaks(self, runner: Runner) -> None:
        """Its node dies and it lives: messages go back to their queue, and the answers on their way are lost."""
        self.broker.connection_lost(runner.name)
        self.broker.replies = [reply for reply in self.broker.replies if reply.to.runner != runner.name]
        if self.forgetful:
            runner.taking.clear()

    def start(self, runner: Runner) -> None:
        """The same name again, with an empty memory."""
        runner.up = True

    def sleep(self, runner: Runner) -> None:
        """It stops in the middle of whatever it does; the broker takes it for dead."""
        runner.asleep = runner.up
        self.broker.connection_lost(runner.name)

    def wake(self, runner: Runner) -> None:
        """A zombie goes on as if nothing had happened."""
        runner.asleep = False

    def shut_down(self, runner: Runner) -> None:
        """In order: what is in the middle of an act is finished first, then it lets go of everything."""
        if not runner.awake or any(hold.leave for hold in runner.holds):
            return
        for hold in runner.holds:
            said = Released(execution_id=hold.execution_id, attempt=hold.attempt, runner=runner.name)
            self.flush(hold)
            self.broker.publish(Letter(said))
        self.crash(runner)

    def copy_again(self, number: int) -> None:
        """A publisher that never saw the confirm sends a message a second time, however late."""
        if self.broker.copies:
            self.broker.ledger.append(self.broker.copies[number % len(self.broker.copies)])

    def relay_twice(self) -> None:
        """config dies between publish and mark-sent."""
        if self.ledger.outbox:
            self.broker.runs.append(self.ledger.outbox[0])

    def ledger_dies_before_ack(self, number: int) -> None:
        """Some messages are handled and committed, none acknowledged, no answer sent; they come again, in order."""
        for letter in list(self.broker.ledger)[: number % 4 + 1]:
            self.ledger.handle(letter.said)

    def lose_answer(self, number: int) -> None:
        """A reply does not arrive."""
        if self.broker.replies:
            self.broker.replies.pop(number % len(self.broker.replies))

    def lose_everything(self) -> None:
        """The broker's disk is gone, and with it what its queues held."""
        self.broker.purge()
        self.spoke_at.clear()

    def dead_letter(self) -> None:
        """The next run's messages cannot be read by anyone, from now on."""
        if self.broker.runs:
            self.unreadable.add(self.broker.runs[0].execution_id)

    # --------------------------------------------------------------------------------------------------- what must hold

    def check(self) -> None:
        """After every step."""
        for execution_id, recorded in self.ledger.histories.items():
            keys = [(one.attempt, one.event.seq) for one in recorded]
            if len(set(keys)) != len(keys):
                raise Broken(f"{execution_id} recorded an event twice")
            if sum(one.event.type == "run.ended" for one in recorded) != (execution_id in self.ledger.over):
                raise Broken(f"{execution_id} does not end once")
        for runner in self.runners:
            for hold in runner.holds:
                self._check_agreement(hold)
        self._check_order()

    def _check_agreement(self, hold: Hold) -> None:
        """What a holder knows accepted is what the ledger recorded, whatever came twice, late or out of order."""
        mine = [one.event for one in hold.known if one.attempt == hold.attempt]
        recorded = [one.event for one in self.ledger.histories[hold.execution_id] if one.attempt == hold.attempt]
        said = mine + hold.unsure
        if recorded[: len(mine)] != mine or [one for one in recorded if one not in said]:
            raise Broken(f"{hold.execution_id}: the holder said {said}, the ledger recorded {recorded}")

    def _check_order(self) -> None:
        """The cluster's object was written in the order of starts, and of one run in the order of its holders."""
        order = [(self.ledger.holdings[one.execution_id].start, one.attempt) for one in self.outside.writes]
        if order != sorted(order):
            raise Broken(f"the cluster was written out of order: {order}")

    def drain(self) -> None:
        """Faults stop and everybody is scheduled fairly: cancelled runs end by themselves, then all others do."""
        for runner in self.runners:
            self.wake(runner)
            self.start(runner)
        cancelled = {key for key, one in self.ledger.holdings.items() if one.cancel}
        self._settle(cancelled)
        if missing := cancelled - set(self.ledger.over):
            raise Broken(f"{missing} were cancelled and did not end: {[self.ledger.holdings[m] for m in missing]}")
        for execution_id in self.ledger.holdings:
            self.resume(execution_id)
        self._settle(set(self.plans), people_answer=True)
        if missing := set(self.plans) - set(self.ledger.over):
            raise Broken(f"{missing} never ended: {[self.ledger.holdings[m] for m in missing]}")

    def _settle(self, wanted: set[str], *, people_answer: bool = False) -> None:
        for _ in range(DRAIN_ROUNDS):
            if wanted <= set(self.ledger.over):
                return
            self._round()
            self.pass_time(30)
            self.sweep()
            if people_answer:
                self.approve_all()
            self.check()

    def _round(self) -> None:
        """Everything that is under way arrives, everybody makes a step, and who still waits asks again."""
        while self.ledger.outbox:
            self.relay()
        for runner in self.runners:
            for act in self._of_runner(runner) if runner.awake else ():
                act()
        while self.broker.queries:
            self.ledger_hears()
        while self.broker.arrived:
            self.ledger_answers()
        while self.broker.ledger:
            self.ledger_works()
        while self.broker.replies:
            self.deliver(self.broker.replies[0])
        if not self.broker.ledger:
            self.ask_again(len(self.broker.copies))

    def sweep(self) -> None:
        """What config does by the clock: timers, leases of runs that nobody lists, messages that are lost."""
        for execution_id, due_at in list(self.ledger.timers.items()):
            if due_at <= self.ledger.now:
                del self.ledger.timers[execution_id]
                self.ledger.happen(execution_id, "due", self.ledger.now)
        held = [key for key, one in self.ledger.holdings.items() if one.state is p.State.HELD]
        for execution_id in self.ledger.leases.expired(held):
            self._check_silent(execution_id, self.ledger.holdings[execution_id].attempt)
            self._check_remembered(self.ledger.holdings[execution_id])
            self.ledger.expire(execution_id)
        self.ledger.resend_lost()
        for runner in self.runners:
            self.start(runner)

    def _check_silent(self, execution_id: str, attempt: int) -> None:
        """Nobody is given up who said that it lives in the last lease of time in which everybody could be heard."""
        for at in self.spoke_at[execution_id, attempt]:
            if self.heard_until - LEASE_S <= at < self.heard_until:
                raise Broken(f"{execution_id} was given up {self.heard_until - at:g} s after its holder had spoken")

    def _check_remembered(self, holding: p.RunClaim) -> None:
        """Who lives has not forgotten what it asked for: the loss of a connection alone costs no run a death."""
        for runner in self.runners:
            if runner.awake and self.ledger.askers.get(holding.take_id) == (runner.name, runner.life):
                waits = any(take_id == holding.take_id for _, _, take_id in runner.taking.values())
                holds = any(
                    (hold.execution_id, hold.attempt) == (holding.execution_id, holding.attempt)
                    for hold in runner.holds
                )
                if not waits and not holds:
                    raise Broken(f"{runner.name} lives and has forgotten that it took {holding.execution_id}")

    def resume(self, execution_id: str) -> None:
        """Somebody resumes a paused run."""
        if self.ledger.holdings[execution_id].pause:
            self.ledger.happen(execution_id, "intend", p.Intent.RESUME, self.ledger.now)

    def approve_all(self) -> None:
        """Every question that was asked is answered, once."""
        for execution_id in self.plans:
            self.approve(execution_id)

    def approve(self, execution_id: str) -> None:
        """The first question of a run that was asked and not answered."""
        events = [one.event for one in self.ledger.histories[execution_id]]
        answered = {one.task for one in events if one.type == "task.answered"}
        for event in events:
            if event.type == "task.waiting" and event.reason == "approval" and event.task not in answered:
                self.ledger.happen(execution_id, "answer", event.stage, event.task, {"approved": True}, self.ledger.now)
                return
