"""Holds many runs at once without a thread for each: one thread decides and reports, a pool calls the tasks."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from services.runner import metrics
from services.runner.task_protocol import TaskType
from shared.contracts.runs import Held, HeldAnswer, HeldRun, Released, TakeAnswer
from shared.outbound.cancel_scope import CancelScope
from shared.process.clock import monotonic
from shared.process.logging import get_logger
from shared.process.secrets import Opener, Sealer

from .ledger_clock import LedgerClock
from .ports import LedgerPort
from .run import ActiveRun
from .workers import TaskCall, TaskThreads

HELD_EVERY_S = 1.0
LOGS_EVERY_S = 0.25
LOST_EVERY_S = 1.0

log = get_logger()


class Holder:
    """Runs in hand, and the thread in which everything about them happens."""

    def __init__(
        self,
        ledger: LedgerPort,
        types: dict[str, TaskType],
        *,
        sealer: Sealer,
        opener: Opener,
        runner: str,
        slots: int = 32,
        threads: int = 16,
        give_up: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`give_up` ends the process, for the reason that it is given."""
        self.ledger = ledger
        self.types = types
        self.sealer = sealer
        self.opener = opener
        self.runner = runner
        self._limit = slots
        self._slots = threading.Semaphore(slots)
        self._threads = threads
        self._workers = TaskThreads(threads, self.post)
        self._lost = 0
        self._give_up = give_up
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, list[Callable[[], None]]]] = []
        self._order = itertools.count()
        self._runs: dict[str, ActiveRun] = {}
        self._asked_held = itertools.count(1)
        self._heard_held_number = 0
        self._unheard = False
        self._clock = LedgerClock()
        self._stopping = False
        self._thread = threading.Thread(target=self._live, name="holder", daemon=True)

    def start(self) -> None:
        """Begin to work, after any fork."""
        self._thread.start()
        self.post(self._tick_held)
        self.post(self._tick_logs)
        self.post(self._tick_lost)

    # --------------------------------------------------------------------------------------------- from other threads

    def reserve(self, timeout_s: float) -> bool:
        """Wait for a free place; its taker hands in a run or gives it back."""
        return not self._stopping and self._slots.acquire(timeout=timeout_s)

    def give_back(self) -> None:
        """The reserved place is not needed."""
        self._slots.release()

    def hold(self, answer: TakeAnswer) -> None:
        """Carry out a run that was taken; its place was reserved."""
        self.post(lambda: self._begin(answer))

    def look_now(self, execution_id: str) -> None:
        """Somebody wants something of a run; if it is here, ask what."""
        self.post(lambda: self._ask_held() if execution_id in self._runs else None)

    def sample(self) -> None:
        """Set the gauges of slots."""
        busy = self.holding
        metrics.SLOTS.labels("busy").set(busy)
        metrics.SLOTS.labels("free").set(max(0, self._limit - busy))

    @property
    def stopping(self) -> bool:
        """No further run is begun; one that is taken nevertheless is released."""
        return self._stopping

    def take_no_more(self) -> None:
        """Begin to stop: takes that wait for their answer are given up."""
        self._stopping = True

    @property
    def holding(self) -> int:
        """How many runs are in hand."""
        return len(self._runs)

    @property
    def trouble(self) -> str:
        """In words, which task threads are lost; empty when all come back."""
        if not self._lost:
            return ""
        return f"{self._lost} of {self._threads} task threads do not come back although their connections are closed."

    def close(self, timeout_s: float = 20.0) -> None:
        """Let go of everything in order: what is known is reported, then each run is released."""
        if not self._thread.is_alive():
            return
        self.take_no_more()
        empty = threading.Event()
        self.post(lambda: self._let_all_go(empty))
        if not empty.wait(timeout_s):
            log.warning("run.not-released", holding=self.holding, timeout_s=timeout_s)
        self.post(self._end_thread)
        self._thread.join(timeout_s)
        self._workers.close()

    # ---------------------------------------------------------------------------------------------------- what runs use

    def post(self, happened: Callable[[], None]) -> None:
        """Do this in the holder's thread; callable from any."""
        self._inbox.put(happened)

    def later(self, delay_s: float, then: Callable[[], None]) -> Callable[[], None]:
        """Do this after a while; answers how to call it off."""
        box = [then]
        heapq.heappush(self._timers, (monotonic() + delay_s, next(self._order), box))
        return box.clear

    def work(self, project: str, call: Callable[[CancelScope], Any], then: Callable[[Any], None]) -> None:
        """Do `call` in a worker thread that the project may have, then `then` here with its answer or its exception,
        or with `Withdrawn` where the process ends before."""
        self._workers.submit(TaskCall(project, call, then))

    def drop(self, execution_id: str, attempt: int) -> None:
        """The run no longer needs a place."""
        run = self._runs.get(execution_id)
        if run is not None and run.attempt == attempt:
            del self._runs[execution_id]
            self._slots.release()

    def now(self) -> float:
        """Seconds since the epoch, by the ledger's clock."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Seconds that also pass while the process is stopped."""
        return monotonic()

    # -------------------------------------------------------------------------------------------------- its own thread

    def _live(self) -> None:
        try:
            while True:
                self._do(self._next())
        except _End:
            return

    def _next(self) -> Callable[[], None]:
        while True:
            wait = None
            if self._timers:
                wait = self._timers[0][0] - monotonic()
                if wait <= 0:
                    box = heapq.heappop(self._timers)[2]
                    if box:
                        return box[0]
                    continue
            try:
                return self._inbox.get(timeout=wait)
            except queue.Empty:
                continue

    def _do(self, happened: Callable[[], None]) -> None:
        try:
            happened()
        except _End:
            raise
        except Exception:
            log.exception("lease.holder-failed")

    def _end_thread(self) -> None:
        raise _End

    def _begin(self, answer: TakeAnswer) -> None:
        execution_id = answer.about.execution_id if answer.about is not None else ""
        self._clock.heard(answer.at)
        older = self._runs.get(execution_id)
        if older is not None and older.attempt == answer.attempt:
            log.info("run.already-held", execution=execution_id)
            self._slots.release()  # The message came twice.
            return
        try:
            run = ActiveRun(self, answer)
        except Exception:
            # The lease runs out, and after three times the ledger fails the run with its reason.
            log.exception("run.not-begun", execution=execution_id)
            self._slots.release()
            return
        if older is not None:
            older.abandon()
        self._runs[execution_id] = run
        if self._stopping:
            self._release(run, lambda: None)
            return
        run.step()

    def _tick_held(self) -> None:
        self.later(HELD_EVERY_S, self._tick_held)
        self._ask_held()

    def _ask_held(self) -> None:
        """Never waits for the last answer: what counts is that the question is heard."""
        if not self._runs:
            return
        question_number = next(self._asked_held)
        attempts = {execution_id: run.attempt for execution_id, run in self._runs.items()}
        holds = tuple(HeldRun(execution_id=execution_id, attempt=attempt) for execution_id, attempt in attempts.items())
        answer = self.ledger.held(Held(runner=self.runner, holds=holds))
        answer.add_done_callback(lambda done: self.post(lambda: self._hear_held(done, question_number, attempts)))

    def _hear_held(self, done: Future[HeldAnswer], question_number: int, attempts: dict[str, int]) -> None:
        error = done.exception()
        if (error is not None) is not self._unheard:
            self._unheard = error is not None
            log.warning("ledger.not-reached" if error else "ledger.reached", reason=str(error or ""))
        # An answer that was overtaken by the next one knows less.
        if error is not None or question_number < self._heard_held_number:
            return
        self._heard_held_number = question_number
        answer = done.result()
        self._clock.heard(answer.at)
        for execution_id, verdict in answer.verdicts.items():
            run = self._runs.get(execution_id)
            if run is not None and run.attempt == attempts.get(execution_id):
                run.take_directive(verdict)

    def _tick_logs(self) -> None:
        self.later(LOGS_EVERY_S, self._tick_logs)
        for run in list(self._runs.values()):
            run.send_logs()

    def _tick_lost(self) -> None:
        """Threads that hang where no closed socket reaches them take the runner's places one by one; the process
        itself is what can be ended."""
        self.later(LOST_EVERY_S, self._tick_lost)
        lost = len(self._workers.lost(self.monotonic()))
        if lost > self._lost:
            log.warning("task.threads-lost", lost=lost, threads=self._threads)
        self._lost = lost
        if self._workers.too_many(lost) and not self._stopping:
            self.take_no_more()
            self._give_up(f"{self.trouble} The runs are released, and the process ends to start again.")

    def _let_all_go(self, empty: threading.Event) -> None:
        runs = list(self._runs.values())
        if not runs:
            empty.set()
        for run in runs:
            self._release(run, lambda: None if self._runs else empty.set())
        self._workers.withdraw()

    def _release(self, run: ActiveRun, then: Callable[[], None]) -> None:
        def released(_done: Future[None] | None = None) -> None:
            run.abandon()
            then()

        def tell() -> None:
            if run.over:
                then()
                return
            release = Released(execution_id=run.execution_id, attempt=run.attempt, runner=self.runner)
            self.ledger.released(release).add_done_callback(lambda done: self.post(lambda: released(done)))

        run.let_go(tell)


class _End(Exception):
    """The holder's thread ends."""
