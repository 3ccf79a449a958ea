"""The wiring of a runner: which classes implement the ports."""

from __future__ import annotations

from contextlib import ExitStack

from shared.bus import Bus
from shared.contracts import topics
from shared.contracts.definition_sources import CommitReported, SourceSeen
from shared.contracts.notices import NoticeTried
from shared.contracts.pushes import TagResolved
from shared.contracts.sign_on_checks import SignOnChecked
from shared.contracts.tag_polls import TagsSeen
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient
from shared.process import life
from shared.process.health import Health
from shared.process.ids import new_id
from shared.process.life import Fatal
from shared.process.metrics import Metrics
from shared.process.secrets import KeysMissing, Opener, Sealer

from . import handlers
from .clients.clouds import CloudLogins
from .clients.registry import Registries
from .engine.executor import Holder
from .engine.ledger_client import BusLedger
from .notifications.notifier import Notifier
from .requests.check_sign_on import SignOnChecker
from .requests.follow_source import CommitReporter, SourceLooker
from .requests.inspect import OutsideInspector
from .requests.list_tags import TagLooker
from .requests.resolve_tag import TagResolver, accounts
from .requests.sign_on import ProviderSignOn
from .requests.validate import Validator
from .settings import RunnerSettings
from .tasks.k8s.client import quiet_insecure_warnings
from .tasks.k8s.cluster import Clusters
from .tasks.registry import task_types

TAKERS = 32
CLOSE_S = 20.0


class Runner:
    """Everything that runs in this process: wired as it is made, started by `open`."""

    def __init__(self, settings: RunnerSettings) -> None:
        try:
            sealer, opener = Sealer.load(settings.home), Opener.load(settings.home)
        except KeysMissing as missing:
            raise Fatal(str(missing)) from missing
        self._settings = settings
        self._opened = ExitStack()
        guard = Guard(allow_local=settings.outgoing_local, deny=settings.denied_networks)
        self._client = HttpClient(guard, user_agent="portside-runner")
        # One token of a cloud for all that sign in with it.
        logins = CloudLogins(self._client)
        self._clusters = Clusters(guard, logins)
        registries = Registries(self._client, logins)
        self._bus = Bus(settings.amqp_url, service=topics.Service.RUNNER, instance=settings.instance)
        ledger = BusLedger(self._bus)
        self._holder = Holder(
            ledger,
            task_types(self._clusters, self._client, registries),
            sealer=sealer,
            opener=opener,
            # A name for this life of the process only: a successor of the same instance is somebody else.
            runner=f"{settings.instance}-{new_id()[-8:]}",
            slots=settings.runner_slots,
            threads=settings.runner_threads,
            give_up=lambda reason: life.stop(reason, life.GAVE_UP),
        )
        self._health = Health("runner", settings.home, instance=settings.instance)
        self._health.report_to(
            lambda report: self._bus.broadcast(topics.PROCESS_HEALTH, report, subject=report.instance)
        )
        self._health.watch("broker", lambda: self._bus.trouble)
        self._health.watch("tasks", lambda: self._holder.trouble)
        self._health.watch_note("cloud-tokens", logins.note)
        self._metrics = Metrics(settings, self._health, (self._bus.sample, self._holder.sample))
        account_of, validator = accounts(opener), Validator(opener, self._client)
        sign_on = ProviderSignOn(self._client, sealer.seal)
        self._runs = {topics.RUN_EXECUTION: handlers.take_run(self._holder, ledger)}
        self._requests = {
            topics.TAG_RESOLVE: handlers.answer(TagResolver(account_of, registries), self._publish_resolved),
            topics.TAGS_LOOK: handlers.answer(TagLooker(account_of, registries), self._publish_seen),
            topics.SOURCE_LOOK: handlers.answer(SourceLooker(validator.open, self._client), self._publish_source),
            topics.SIGN_ON_CHECK: handlers.answer(
                SignOnChecker(sign_on, validator.open, sealer.seal), self._publish_checked
            ),
            topics.COMMIT_REPORT: handlers.answer(CommitReporter(validator.open, self._client), self._publish_reported),
        }
        notifier = Notifier(self._client, opener, sealer)
        self._notices = {topics.NOTICE_SEND: handlers.send_notice(notifier, self._publish_tried)}
        self._rpc = {
            topics.ENDPOINT_VALIDATE: handlers.validate(validator),
            topics.OUTSIDE_INSPECT: handlers.inspect_outside(OutsideInspector(validator, self._client, sign_on)),
        }
        self._news = {topics.RUN_INTENT: handlers.hear_intent(self._holder)}

    def open(self) -> Runner:
        """Connect and begin to work. Where that fails, what is open already is closed again."""
        settings = self._settings
        threads, notice_threads = settings.runner_request_threads, settings.runner_notice_threads
        quiet_insecure_warnings()
        with ExitStack() as opening:
            opening.callback(self._client.close)
            opening.callback(self._clusters.close)
            opening.callback(self._bus.close)
            self._bus.open()
            opening.callback(self._health.close)
            self._health.start()
            opening.callback(self._holder.close, CLOSE_S)
            self._holder.start()
            self._bus.consume_pool(topics.REQUESTS, self._requests, threads=threads, prefetch=threads)
            # A pool of their own: a mail server that does not answer must not hold up the registries' answers.
            self._bus.consume_pool(topics.NOTICES, self._notices, threads=notice_threads, prefetch=notice_threads)
            self._bus.serve(topics.RUNNER_RPC, self._rpc, threads=threads)
            self._bus.listen(topics.RUNNER_NEWS, self._news)
            # Closed first: nothing more is taken while runs are let go in order.
            runs = self._bus.consume_pool(topics.RUNS, self._runs, threads=TAKERS, prefetch=TAKERS)
            opening.callback(runs.close, CLOSE_S)
            opening.callback(self._holder.take_no_more)
            opening.callback(self._metrics.close)
            self._metrics.start()
            self._opened = opening.pop_all()
        return self

    def close(self) -> None:
        """Take nothing more, let go of every run in order, then of the rest."""
        self._opened.close()

    def _publish_resolved(self, answer: TagResolved, causation_id: str) -> None:
        self._bus.publish(topics.TAG_RESOLVED, answer, subject=answer.delivery_id, causation_id=causation_id)

    def _publish_tried(self, tried: NoticeTried, causation_id: str) -> None:
        self._bus.publish(topics.NOTICE_TRIED, tried, subject=tried.execution_id, causation_id=causation_id)

    def _publish_seen(self, answer: TagsSeen, causation_id: str) -> None:
        self._bus.publish(topics.TAGS_SEEN, answer, subject=answer.webhook_id, causation_id=causation_id)

    def _publish_source(self, answer: SourceSeen, causation_id: str) -> None:
        self._bus.publish(topics.SOURCE_SEEN, answer, subject=answer.project, causation_id=causation_id)

    def _publish_checked(self, answer: SignOnChecked, causation_id: str) -> None:
        self._bus.publish(topics.SIGN_ON_CHECKED, answer, subject=answer.provider, causation_id=causation_id)

    def _publish_reported(self, answer: CommitReported, causation_id: str) -> None:
        self._bus.publish(topics.COMMIT_REPORTED, answer, subject=answer.project, causation_id=causation_id)
