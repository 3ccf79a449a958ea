"""Wiring: store, catalog, ledger and bus, and what runs while this process is the active one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Protocol

from shared.bus import Bus
from shared.contracts.base import Message, Sealed
from shared.contracts.catalog import Kind
from shared.contracts.topics import (
    CONFIG_READS,
    CONFIG_RPC,
    HOOKS,
    HOOKS_BULK,
    LEDGER,
    LOGS,
    PASSWORDS,
    PROCESS_HEALTH,
    SIGNS_OF_LIFE,
    Service,
    Topic,
)
from shared.grammar.task_schemas import TASK_SCHEMAS
from shared.process import clock
from shared.process.disk import low_disk
from shared.process.health import Health
from shared.process.life import Closer, Fatal
from shared.process.logging import get_logger
from shared.process.metrics import Metrics
from shared.process.own_tasks import add_own_schemas
from shared.process.secrets import KeysMissing, Sealer

from .accounts.admissions import Admissions
from .accounts.callers import load_person
from .accounts.password_checks import LocalPasswords, PasswordChecks, SharedPasswords
from .accounts.sign_in import Authenticator
from .accounts.sign_in_limits import MOST_CHECKS, STRANGERS, SignInLimits
from .catalog.context import Context
from .catalog.following.looking import SourceFollowing
from .catalog.hooks import public_url
from .catalog.options import Options
from .catalog.pipelines.resource import Pipelines
from .handlers import Handlers
from .inbox import Inbox
from .migrations import what_is_missing
from .pushes import deliveries, facts, polling
from .pushes.deliveries import Deliveries
from .pushes.polling import Pace, TagPolling
from .resource import Resource
from .resources.dead_letters import DeadLetters, keep_letter
from .resources.deployments import Deployments
from .resources.dispatch import ResourceDispatcher
from .resources.events import Events
from .resources.executions import Executions
from .resources.logs import Logs
from .resources.nested_runs import NestedRuns
from .resources.registry import TIMERS, Catalog
from .resources.user_operations import UserOperations
from .runs import effects
from .runs.heartbeats import Leases
from .runs.ledger import Ledger
from .runtime import retention
from .runtime.answering import Answering
from .runtime.leader import Active, LeaderWatchdog
from .runtime.outbox import Relay
from .runtime.retention import Keeping
from .runtime.sampling import Sampler
from .runtime.timers import Handler, Timers
from .settings import Settings
from .store import DatabaseUnavailable, Observer, Reading, Store, Work
from .store.lock import lock_of

log = get_logger()

_SIGNS_AT_ONCE = 1_000
"""Signs of life that may wait for their answer in this process: they count before."""
_PASSWORD_THREADS = STRANGERS.at_once + 2
"""Strangers alone cannot occupy them all; they wait for `accounts.passwords`."""
_WATCH_EVERY_S = 1.0
_LOGS_EVERY_S = 0.25
"""A commit for what was printed is one that reports do not get; runners send what is printed as often."""


class SignsOfLife(Protocol):
    """The queue of runners' signs of life, as the leases need it."""

    @property
    def heard_until(self) -> float: ...
    def listen_on(self) -> None: ...


class Config:
    """One config process, active or standing by: wired as it is made, started by `open`."""

    def __init__(self, settings: Settings, *, watchdog: LeaderWatchdog | None = None) -> None:
        self.settings = settings
        self._opened = ExitStack()
        self.store = Store(settings.database_url)
        self.health = Health("config", settings.home, instance=settings.instance)
        self.bus = Bus(settings.amqp_url, service=Service.CONFIG, instance=settings.instance)
        self.options = Options(settings)
        passwords = LocalPasswords() if self.store.is_sqlite else SharedPasswords(self.bus)
        self.catalog = Catalog(Context(_sealer(settings), self.options), passwords)
        self.leases = Leases(lease_s=settings.lease_s)
        self.receiver = Deliveries(self.catalog)
        self.looks = TagPolling(self.receiver, self._pace)
        self.ledger = Ledger(
            self.store,
            self.catalog,
            self.leases,
            pipeline_named=self.catalog.pipeline,
            public_url=public_url.of,
        )
        resources = self._resources()
        following = SourceFollowing(resources)
        inbox = Inbox(self.store, self.ledger, self.receiver, self.looks, self.catalog.report, following)
        self.desk = ResourceDispatcher(self.store, resources, load_person)
        self.sign_in_limits = SignInLimits(clock.monotonic)
        if folder := self.store.folder:
            self.health.watch("database-disk", lambda: "" if folder == settings.home else low_disk(folder))
        self.health.watch_note("sign-ins", self.sign_in_limits.note)
        self.sign_in_pool = ThreadPoolExecutor(MOST_CHECKS, "sign-in")
        self.handlers = Handlers(
            self.store,
            self.receiver,
            inbox,
            self.ledger,
            self.desk,
            NestedRuns(self.store, Pipelines(self.catalog.context), load_person),
            self.catalog,
            Authenticator(self.store, self.sign_in_limits, Admissions(self.sign_in_limits, clock.monotonic), passwords),
            self.sign_in_pool,
            PasswordChecks(self.store),
        )
        self.answering = Answering(self._answer, by_standbys=not self.store.is_sqlite)
        self.active = Active(lock_of(self.store), self._start, self._beat, self._database_is, watchdog=watchdog)
        self._watched_at = 0.0
        self.sampler = Sampler(self.store)
        self._signs_of_life: SignsOfLife | None = None
        self.store.add_observer(_Broadcaster(self.bus))
        self.health.report_to(lambda report: self.bus.broadcast(PROCESS_HEALTH, report, subject=report.instance))
        self.metrics = Metrics(settings, self.health, (self.bus.sample, self.sampler.sample))

    def open(self) -> Config:
        """Connect, and try for the lock. Where that fails, what is open already is closed again."""
        add_own_schemas(TASK_SCHEMAS)
        with ExitStack() as opening:
            opening.callback(self.store.close)
            if missing := what_is_missing(self.store):
                raise Fatal(missing)
            opening.callback(self.bus.close)
            self.bus.open()
            opening.callback(self.health.close)
            self.health.start()
            opening.callback(self.sign_in_pool.shutdown, wait=False, cancel_futures=True)
            opening.callback(self.active.close)
            opening.callback(self.answering.close)
            self.answering.stand_by()
            self.active.open()
            opening.callback(self.metrics.close)
            self.metrics.start()
            self._opened = opening.pop_all()
        return self

    def _resources(self) -> dict[Kind, Resource]:
        return {
            **self.catalog.resources(),
            Kind.EXECUTIONS: Executions(),
            Kind.EVENTS: Events(self.receiver),
            Kind.DEAD_LETTERS: DeadLetters(self.receiver),
            Kind.USER_OPERATIONS: UserOperations(),
            Kind.LOGS: Logs(),
            Kind.DEPLOYMENTS: Deployments(),
        }

    def _timer_handlers(self) -> dict[str, Handler]:
        return {
            **TIMERS,
            effects.DUE: self.ledger.due,
            deliveries.RESOLVE_DEADLINE: self.receiver.on_deadline,
            deliveries.RESOLVE_AGAIN: self.receiver.on_again,
            deliveries.GATHER: self.receiver.on_quiet,
            facts.ORDER: self.receiver.on_ordered,
            polling.LOOK: self.looks.on_timer,
            retention.PRUNE: lambda uow, _: retention.prune(uow, Keeping.of(self.options.in_force(uow))),
        }

    def _pace(self, uow: Reading) -> Pace:
        in_force = self.options.in_force(uow)
        return Pace(in_force.look_every_s, in_force.missed_every_s, in_force.missed_patience_s)

    def _start(self) -> _Working:
        """The lock is ours: send what is left over, then consume."""
        self.store.lead()
        self.leases.start()
        with self.store.write() as uow:
            self.catalog.start(uow)
            self.looks.start(uow)
            uow.timer(retention.PRUNE, "all", uow.now + retention.FIRST_AFTER_S)
        working = _Working()
        try:
            relay = Relay(self.store, self.bus)
            working.add(relay.open, relay.close)
            working.add(lambda: self._sample(relay), lambda: self._sample(None))
            timers = Timers(self.store, self._timer_handlers())
            working.add(timers.open, timers.close)
            signs = self.bus.serve(
                SIGNS_OF_LIFE,
                self.handlers.signs_of_life(),
                threads=1,
                deferred=_SIGNS_AT_ONCE,
                on_arrival=self.handlers.heard,
            )
            self._signs_of_life = signs
            working.closing(signs)
            working.add(self.answering.lead, self.answering.stand_by)
            # Closed in reverse: nothing more comes in while the relay still sends what was promised.
            working.closing(self.bus.consume_single(LEDGER, self.handlers.ledger_batch))
            working.closing(self.bus.consume_single(HOOKS, self.handlers.hooks))
            working.closing(self.bus.consume_single(HOOKS_BULK, self.handlers.hooks))
            working.closing(self.bus.consume_single(LOGS, self.handlers.logs, gather_s=_LOGS_EVERY_S))
            working.closing(
                self.bus.serve(CONFIG_RPC, self.handlers.rpc(), threads=self.settings.rpc_threads, deferred=MOST_CHECKS)
            )
            working.closing(self.bus.consume_dead(lambda letter: keep_letter(self.store, letter)))
        except BaseException:
            working.close()
            raise
        return working

    def _answer(self, priority: int) -> tuple[Closer, ...]:
        """Consume what a standby may answer too."""
        reads = self.bus.serve(
            CONFIG_READS, self.handlers.reads(), threads=self.settings.rpc_threads, priority=priority
        )
        checks = self.handlers.password_checks()
        return reads, self.bus.serve(PASSWORDS, checks, threads=_PASSWORD_THREADS, priority=priority)

    def _sample(self, relay: Relay | None) -> None:
        self.sampler.relay = relay

    def _beat(self) -> None:
        """Twice a second while active: leases, and what is wrong in words."""
        connected = self.bus.connected
        if self._signs_of_life is not None:
            self._signs_of_life.listen_on()
            # A blocked broker takes nothing from runners either, however promptly it answers us.
            if connected:
                self.leases.tick(self._signs_of_life.heard_until)
        if self.store.is_beat_due:
            with self.store.write(Work.LEADERSHIP):
                log.debug("leadership.renewed")
        at = clock.monotonic()
        if at - self._watched_at >= _WATCH_EVERY_S:
            self._watched_at = at
            try:
                self.ledger.watch(connected=connected)
                self._database_is(self.store.trouble)
            except DatabaseUnavailable as error:
                self._database_is(str(error))
        if trouble := self.bus.trouble:
            self.health.trouble("broker", trouble)
        else:
            self.health.clear("broker")

    def _database_is(self, trouble: str) -> None:
        if trouble:
            sentence = f"{trouble[:1].upper()}{trouble[1:]}"
            next_step = "Hooks and reports wait in the broker; repair it or free space; work resumes automatically."
            self.health.trouble("database", f"{sentence}. {next_step}")
        else:
            self.health.clear("database")

    def close(self) -> None:
        """Finish what is in hand, and let a standby take over."""
        self._opened.close()


class _Broadcaster(Observer):
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def on_broadcast(self, topic: Topic, message: Message, subject: str) -> None:
        self._bus.broadcast(topic, message, subject=subject)


class _Working:
    """What runs while the lock is held; closed in reverse order."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def add(self, open_: Callable[[], None], close: Callable[[], None]) -> None:
        open_()
        self._stack.callback(close)

    def closing(self, open_already: Closer) -> None:
        self._stack.callback(open_already.close)

    def close(self) -> None:
        self._stack.close()


def _sealer(settings: Settings) -> Callable[[str], Sealed]:
    try:
        return Sealer.load(settings.home).seal
    except KeysMissing as error:
        raise Fatal(str(error)) from error
