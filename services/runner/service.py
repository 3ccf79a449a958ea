"""The wiring of a runner: which classes implement the ports."""

from __future__ import annotations

from shared.bus import Bus
from shared.contracts import topics
from shared.contracts.definition_sources import CommitReported, SourceSeen
from shared.contracts.notices import NoticeTried
from shared.contracts.pushes import TagResolved
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
from .requests.follow_source import CommitReporter, SourceLooker
from .requests.inspect import OutsideInspector
from .requests.list_tags import TagLooker
from .requests.resolve_tag import TagResolver, accounts
from .requests.validate import Validator
from .settings import RunnerSettings
from .tasks.k8s.client import quiet_insecure_warnings
from .tasks.k8s.cluster import Clusters
from .tasks.registry import task_types

TAKERS = 32
CLOSE_S = 20.0


class Runner:
    """Everything that runs in this process."""

    def __init__(self, settings: RunnerSettings) -> None:
        try:
            sealer, opener = Sealer.load(settings.home), Opener.load(settings.home)
        except KeysMissing as missing:
            raise Fatal(str(missing)) from missing
        quiet_insecure_warnings()
        self._health = Health("runner", settings.home, instance=settings.instance).start()
        guard = Guard(allow_local=settings.outgoing_local, deny=settings.denied_networks)
        self._client = HttpClient(guard, user_agent="portside-runner")
        # One token of a cloud for all that sign in with it.
        logins = CloudLogins(self._client)
        self._clusters = Clusters(guard, logins)
        self._registries = Registries(self._client, logins)
        self._bus = Bus(settings.amqp_url, service=topics.Service.RUNNER, instance=settings.instance)
        ledger = BusLedger(self._bus)
        # A name for this life of the process only: a successor of the same instance is somebody else.
        name = f"{settings.instance}-{new_id()[-8:]}"
        self._holder = Holder(
            ledger,
            task_types(self._clusters, self._client, self._registries),
            sealer=sealer,
            opener=opener,
            runner=name,
            slots=settings.runner_slots,
            threads=settings.runner_threads,
            give_up=lambda reason: life.stop(reason, life.GAVE_UP),
        )
        self._holder.start()
        self._health.tell(lambda report: self._bus.broadcast(topics.PROCESS_HEALTH, report, subject=report.instance))
        self._health.watch("broker", lambda: self._bus.trouble)
        self._health.watch("tasks", lambda: self._holder.trouble)
        self._bus.open()
        self._runs = self._bus.consume_pool(
            topics.RUNS,
            {topics.RUN_EXECUTION: handlers.take_run(self._holder, ledger)},
            threads=TAKERS,
            prefetch=TAKERS,
        )
        account_of = accounts(opener)
        validator = Validator(opener, self._client)
        resolver = TagResolver(account_of, self._registries)
        looker = TagLooker(account_of, self._registries)
        threads = settings.runner_request_threads
        self._bus.consume_pool(
            topics.REQUESTS,
            {
                topics.TAG_RESOLVE: handlers.answer(resolver, self._publish_resolved),
                topics.TAGS_LOOK: handlers.answer(looker, self._publish_seen),
                topics.SOURCE_LOOK: handlers.answer(SourceLooker(validator.open, self._client), self._publish_source),
                topics.COMMIT_REPORT: handlers.answer(
                    CommitReporter(validator.open, self._client), self._publish_reported
                ),
            },
            threads=threads,
            prefetch=threads,
        )
        notifier = Notifier(self._client, opener, sealer)
        # A pool of their own: a mail server that does not answer must not hold up the registries' answers.
        self._bus.consume_pool(
            topics.NOTICES,
            {topics.NOTICE_SEND: handlers.send_notice(notifier, self._publish_tried)},
            threads=settings.runner_notice_threads,
            prefetch=settings.runner_notice_threads,
        )
        self._bus.serve(
            topics.RUNNER_RPC,
            {
                topics.ENDPOINT_VALIDATE: handlers.validate(validator),
                topics.OUTSIDE_INSPECT: handlers.look(OutsideInspector(validator, self._client)),
            },
            threads=threads,
        )
        self._bus.listen(topics.RUNNER_NEWS, {topics.RUN_INTENT: handlers.hear_intent(self._holder)})

        self._metrics = Metrics(settings, self._health, (self._bus.sample, self._holder.sample)).start()

    def close(self) -> None:
        """Take nothing more, let go of every run in order, then of the rest."""
        self._metrics.close()
        self._runs.close(CLOSE_S)
        self._holder.close(CLOSE_S)
        self._health.close()
        self._bus.close()
        self._clusters.close()
        self._client.close()

    def _publish_resolved(self, answer: TagResolved, causation_id: str) -> None:
        self._bus.publish(topics.TAG_RESOLVED, answer, subject=answer.delivery_id, causation_id=causation_id)

    def _publish_tried(self, tried: NoticeTried, causation_id: str) -> None:
        self._bus.publish(topics.NOTICE_TRIED, tried, subject=tried.execution_id, causation_id=causation_id)

    def _publish_seen(self, answer: TagsSeen, causation_id: str) -> None:
        self._bus.publish(topics.TAGS_SEEN, answer, subject=answer.webhook_id, causation_id=causation_id)

    def _publish_source(self, answer: SourceSeen, causation_id: str) -> None:
        self._bus.publish(topics.SOURCE_SEEN, answer, subject=answer.project, causation_id=causation_id)

    def _publish_reported(self, answer: CommitReported, causation_id: str) -> None:
        self._bus.publish(topics.COMMIT_REPORTED, answer, subject=answer.project, causation_id=causation_id)
