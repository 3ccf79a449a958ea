"""The one literal table of topics. Broker topology, JSON Schemas and the AsyncAPI document are generated from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from . import catalog, definition_sources, health, mirror, notices, pushes, runs, sign_on_checks, tag_polls
from .base import Message


class Service(StrEnum):
    GATEWAY = "gateway"
    CONFIG = "config"
    RUNNER = "runner"
    HUBSYNC = "hubsync"


class MessageKind(StrEnum):
    EVENT = "event"
    """Something happened; the sender does not care who listens."""
    COMMAND = "command"
    """Do this; exactly one receiver."""
    QUERY = "query"
    """Tell me; transient, with a deadline."""


class Mode(StrEnum):
    POOL = "pool"
    """One worker of many gets it; quorum queue, retries, dead letters."""
    SINGLE = "single"
    """One consumer, in order, acknowledged in batches after commit; quorum queue, dead letters."""
    BROADCAST = "broadcast"
    """Every process gets it; exclusive queue; may be lost."""
    RPC = "rpc"
    """One of the service's processes answers; quorum queue with limits of time and length, no dead letters."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its full name; topics that name the same queue arrive in the order they were published."""

    name: str
    service: Service
    mode: Mode
    max_bytes: int | None = None


HOOKS = Queue("config.hooks", Service.CONFIG, Mode.SINGLE, max_bytes=256 * 1024 * 1024)
HOOKS_BULK = Queue("config.hooks-bulk", Service.CONFIG, Mode.SINGLE, max_bytes=256 * 1024 * 1024)
"""What a token sends faster than others may have to wait for."""
LEDGER = Queue("config.ledger", Service.CONFIG, Mode.SINGLE)
LOGS = Queue("config.logs", Service.CONFIG, Mode.SINGLE, max_bytes=64 * 1024 * 1024)
CONFIG_RPC = Queue("config.rpc.v2", Service.CONFIG, Mode.RPC)
CONFIG_READS = Queue("config.reads", Service.CONFIG, Mode.RPC)
"""What every config may answer from PostgreSQL, standbys first."""
PASSWORDS = Queue("config.passwords", Service.CONFIG, Mode.RPC)
"""Apart from what pages ask, so that a flood of sign-ins holds up none."""
SIGNS_OF_LIFE = Queue("config.signs-of-life.v2", Service.CONFIG, Mode.RPC)
"""Apart from all that others ask, so that nobody can hold up what runners say."""
RUNS = Queue("runner.runs", Service.RUNNER, Mode.POOL)
REQUESTS = Queue("runner.requests", Service.RUNNER, Mode.POOL)
NOTICES = Queue("runner.notices", Service.RUNNER, Mode.POOL)
RUNNER_RPC = Queue("runner.rpc.v2", Service.RUNNER, Mode.RPC)
HUBSYNC_RPC = Queue("hubsync.rpc.v2", Service.HUBSYNC, Mode.RPC)
MIRROR = Queue("hubsync.mirror", Service.HUBSYNC, Mode.SINGLE)
LOOKS = Queue("hubsync.looks", Service.HUBSYNC, Mode.POOL)
RETIRED: dict[str, Queue] = {
    "config.rpc": CONFIG_RPC,
    "config.signs-of-life": SIGNS_OF_LIFE,
    "runner.rpc": RUNNER_RPC,
    "hubsync.rpc": HUBSYNC_RPC,
}
"""Queues of earlier releases, and the one that took the place of each."""
GATEWAY_NEWS = Queue("gateway.news", Service.GATEWAY, Mode.BROADCAST)
RUNNER_NEWS = Queue("runner.news", Service.RUNNER, Mode.BROADCAST)


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table. Its wire type is `<name>.v<version>`."""

    name: str
    version: int
    model: type[Message]
    kind: MessageKind
    senders: tuple[Service, ...]
    queues: tuple[Queue, ...]
    reply: type[Message] | None = None
    public: bool = False
    """Stable for consumers outside Portside, who bind queues of their own to the topic exchange."""
    key: str = ""
    """The routing key where it is not the name: of a version that goes to another queue than the one before."""

    @property
    def type(self) -> str:
        return f"{self.name}.v{self.version}"

    @property
    def routing_key(self) -> str:
        return self.key or self.name


_G, _C, _R, _H = Service.GATEWAY, Service.CONFIG, Service.RUNNER, Service.HUBSYNC

HOOK_RECEIVED = Topic("hook.received", 1, pushes.HookReceived, MessageKind.EVENT, (_G, _R), (HOOKS,))
HOOK_IN_BULK = Topic("hook.in-bulk", 1, pushes.HookReceived, MessageKind.EVENT, (_G,), (HOOKS_BULK,))
HOOKS_REFUSED = Topic("hook.refused", 1, pushes.HooksRefused, MessageKind.EVENT, (_G,), (LEDGER,))
TAG_RESOLVE = Topic("tag.resolve", 1, pushes.TagResolve, MessageKind.COMMAND, (_C,), (REQUESTS,))
TAG_RESOLVED = Topic("tag.resolved", 1, pushes.TagResolved, MessageKind.EVENT, (_R,), (LEDGER,))
TAGS_LOOK = Topic("tags.look", 1, tag_polls.TagsLook, MessageKind.COMMAND, (_C,), (REQUESTS,))
TAGS_LOOK_HUB = Topic("tags.look-hub", 1, tag_polls.TagsLook, MessageKind.COMMAND, (_C,), (LOOKS,))
TAGS_SEEN = Topic("tags.seen", 1, tag_polls.TagsSeen, MessageKind.EVENT, (_R, _H), (LEDGER,))
SOURCE_LOOK = Topic("source.look", 1, definition_sources.SourceLook, MessageKind.COMMAND, (_C,), (REQUESTS,))
SOURCE_SEEN = Topic("source.seen", 1, definition_sources.SourceSeen, MessageKind.EVENT, (_R,), (LEDGER,))
SIGN_ON_CHECK = Topic("sign-on.check", 1, sign_on_checks.SignOnCheck, MessageKind.COMMAND, (_C,), (REQUESTS,))
SIGN_ON_CHECKED = Topic("sign-on.checked", 1, sign_on_checks.SignOnChecked, MessageKind.EVENT, (_R,), (LEDGER,))
COMMIT_REPORT = Topic("commit.report", 1, definition_sources.CommitReport, MessageKind.COMMAND, (_C,), (REQUESTS,))
COMMIT_REPORTED = Topic("commit.reported", 1, definition_sources.CommitReported, MessageKind.EVENT, (_R,), (LEDGER,))
ALLOWLIST_ASK = Topic(
    "allowlist.ask", 1, pushes.AllowlistAsk, MessageKind.QUERY, (_G,), (CONFIG_READS,), pushes.Allowlist
)
ALLOWLIST_CHANGED = Topic("allowlist.changed", 1, pushes.AllowlistChanged, MessageKind.EVENT, (_C,), (GATEWAY_NEWS,))
DELIVERY_CHANGED = Topic("delivery.changed", 1, pushes.DeliveryChanged, MessageKind.EVENT, (_C,), (GATEWAY_NEWS,))

RUN_EXECUTION = Topic("run.execution", 1, runs.RunExecution, MessageKind.COMMAND, (_C,), (RUNS,))
RUN_TAKE = Topic("run.take", 1, runs.Take, MessageKind.COMMAND, (_R,), (LEDGER,), runs.TakeAnswer)
RUN_REPORT = Topic("run.report", 1, runs.Report, MessageKind.COMMAND, (_R,), (LEDGER,), runs.ReportAnswer)
RUN_RELEASED = Topic("run.released", 1, runs.Released, MessageKind.EVENT, (_R,), (LEDGER,))
RUN_HELD = Topic(
    "run.held", 2, runs.Held, MessageKind.QUERY, (_R,), (SIGNS_OF_LIFE,), runs.HeldAnswer, key="run.held.v2"
)
RUN_HELD_V1 = Topic("run.held", 1, runs.Held, MessageKind.QUERY, (_R,), (CONFIG_RPC,), runs.HeldAnswer)
"""Until 0.3: how runners and configs of 0.1 meet those of 0.2."""
START_NESTED = Topic(
    "run.start-nested", 1, runs.StartNested, MessageKind.COMMAND, (_R,), (CONFIG_RPC,), runs.NestedStarted
)
RUN_INTENT = Topic("run.intent", 1, runs.IntentChanged, MessageKind.EVENT, (_C,), (RUNNER_NEWS,))
LOG_CHUNK = Topic("log.chunk", 1, runs.LogChunk, MessageKind.EVENT, (_R,), (LOGS,))

EXECUTION_CHANGED = Topic(
    "execution.changed", 1, runs.ExecutionChanged, MessageKind.EVENT, (_C,), (GATEWAY_NEWS,), public=True
)
EXECUTION_STAGE_OVER = Topic("execution.stage-over", 1, runs.StageOver, MessageKind.EVENT, (_C,), (), public=True)
EXECUTION_OVER = Topic("execution.over", 1, runs.ExecutionOver, MessageKind.EVENT, (_C,), (), public=True)

NOTICE_SEND = Topic("notice.send", 1, notices.Notice, MessageKind.COMMAND, (_C,), (NOTICES,))
NOTICE_TRIED = Topic("notice.tried", 1, notices.NoticeTried, MessageKind.EVENT, (_R,), (LEDGER,))

MIRROR_PASS = Topic("mirror.pass", 1, mirror.MirrorPass, MessageKind.COMMAND, (_C,), (MIRROR,))
MIRROR_WANTED = Topic("mirror.wanted", 1, mirror.WantedAsk, MessageKind.QUERY, (_H,), (CONFIG_RPC,), mirror.Wanted)
MIRROR_REPORT = Topic("mirror.report", 1, mirror.MirrorReport, MessageKind.EVENT, (_H,), (LEDGER,))

CATALOG_FIND = Topic("catalog.find", 1, catalog.Find, MessageKind.QUERY, (_G,), (CONFIG_READS,), catalog.Page)
CATALOG_GET = Topic("catalog.get", 1, catalog.Get, MessageKind.QUERY, (_G,), (CONFIG_READS,), catalog.Document)
CATALOG_ACT = Topic("catalog.act", 1, catalog.Act, MessageKind.COMMAND, (_G, _R), (CONFIG_RPC,), catalog.Document)
ADMIT_SIGN_IN = Topic(
    "auth.admit-sign-in", 1, catalog.AdmissionAsk, MessageKind.QUERY, (_G,), (CONFIG_RPC,), catalog.Admission
)
SIGN_IN = Topic("auth.sign-in", 1, catalog.SignIn, MessageKind.QUERY, (_G,), (CONFIG_RPC,), catalog.SignedIn)
CHECK_PASSWORD = Topic(
    "auth.check-password", 1, catalog.PasswordCheck, MessageKind.QUERY, (_C,), (PASSWORDS,), catalog.PasswordChecked
)
HASH_PASSWORD = Topic(
    "auth.hash-password", 1, catalog.PasswordToHash, MessageKind.QUERY, (_C,), (PASSWORDS,), catalog.PasswordHashed
)
ENDPOINT_VALIDATE = Topic(
    "endpoint.validate", 1, catalog.ValidateAsk, MessageKind.QUERY, (_G,), (RUNNER_RPC,), catalog.Validated
)
OUTSIDE_INSPECT = Topic(
    "outside.inspect", 1, catalog.Inspect, MessageKind.QUERY, (_G,), (RUNNER_RPC,), catalog.Inspected
)
HUB_INSPECT = Topic("hub.inspect", 1, catalog.Inspect, MessageKind.QUERY, (_G,), (HUBSYNC_RPC,), catalog.Inspected)

PROCESS_HEALTH = Topic("process.health", 1, health.ProcessHealth, MessageKind.EVENT, (_G, _C, _R, _H), (GATEWAY_NEWS,))

TOPICS: tuple[Topic, ...] = (
    HOOK_RECEIVED,
    HOOK_IN_BULK,
    HOOKS_REFUSED,
    TAG_RESOLVE,
    TAG_RESOLVED,
    TAGS_LOOK,
    TAGS_LOOK_HUB,
    TAGS_SEEN,
    SOURCE_LOOK,
    SOURCE_SEEN,
    SIGN_ON_CHECK,
    SIGN_ON_CHECKED,
    COMMIT_REPORT,
    COMMIT_REPORTED,
    ALLOWLIST_ASK,
    ALLOWLIST_CHANGED,
    DELIVERY_CHANGED,
    RUN_EXECUTION,
    RUN_TAKE,
    RUN_REPORT,
    RUN_RELEASED,
    RUN_HELD,
    RUN_HELD_V1,
    START_NESTED,
    RUN_INTENT,
    LOG_CHUNK,
    EXECUTION_CHANGED,
    EXECUTION_STAGE_OVER,
    EXECUTION_OVER,
    NOTICE_SEND,
    NOTICE_TRIED,
    MIRROR_PASS,
    MIRROR_WANTED,
    MIRROR_REPORT,
    CATALOG_FIND,
    CATALOG_GET,
    CATALOG_ACT,
    ADMIT_SIGN_IN,
    SIGN_IN,
    CHECK_PASSWORD,
    HASH_PASSWORD,
    ENDPOINT_VALIDATE,
    OUTSIDE_INSPECT,
    PROCESS_HEALTH,
    HUB_INSPECT,
)

MOVED: dict[Queue, tuple[Topic, ...]] = {CONFIG_RPC: (ALLOWLIST_ASK, CATALOG_FIND, CATALOG_GET)}
"""Topics that processes of 0.1 bind to a queue which they no longer belong to. Until 0.3 its consumer answers them
too, and takes the bindings away."""

QUEUES: tuple[Queue, ...] = tuple(dict.fromkeys(queue for topic in TOPICS for queue in topic.queues))
BY_TYPE: dict[str, Topic] = {topic.type: topic for topic in TOPICS}
