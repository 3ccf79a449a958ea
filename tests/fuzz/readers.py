"""The edges that others' answers and texts reach: hooks, manifests, registries, providers, the HTTP server itself."""

from __future__ import annotations

from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from werkzeug.test import Client
from werkzeug.wrappers import Response

from services.gateway.commands.kubeconfig import described
from services.gateway.receiver.allowlist_cache import AllowlistCache
from services.gateway.receiver.app import HUB_PATH, Receiver
from services.gateway.receiver.intake import Intake
from services.gateway.receiver.spool import Spool
from services.gateway.server.framing import RequestFrame
from services.hubsync.answers import error_text
from services.hubsync.dockerhub import DockerHub, HubCaller
from services.hubsync.problems import HubProblem
from services.hubsync.signing import HubAccount, HubReply, HubSignIns
from services.runner.clients.chart_repositories import ChartProblem, index_entries
from services.runner.clients.registry.account import RegistryProblem
from services.runner.clients.registry.challenges import best_known
from services.runner.clients.registry.content import Raw
from services.runner.clients.registry.kinds import read_kind
from services.runner.requests.id_tokens import demand_claims
from services.runner.task_protocol import TaskFailed
from services.runner.tasks.k8s import manifests
from shared.bus import wire
from shared.contracts.base import Message
from shared.contracts.problems import Refused
from shared.contracts.topics import Topic
from shared.grammar.conditions import ConditionError, check_condition
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import fill_manifest
from shared.grammar.patterns import BadPattern, check_pattern, wants
from shared.grammar.repositories import read_repository
from shared.grammar.resolving import Scope, Unresolved, resolve_known, token_value
from tests.support.in_process import InProcess
from tests.unit.gateway.fakes import FakePost, entry

from .mutation import varied
from .target import JSON, Broken, Target, as_json, demand_answered, read, text_of

MANY = 60
_GOLDEN = Path(__file__).parents[1] / "golden"
_DIGEST = "sha256:" + "0123456789abcdef" * 4
_DOCKER_HUB = {
    "push_data": {"tag": "1.4.1", "pusher": "ann", "pushed_at": 1_700_000_000},
    "repository": {"repo_name": "acme/web", "name": "web", "namespace": "acme"},
    "callback_url": "https://x",
}
_DISTRIBUTION = {
    "events": [
        {
            "id": "e1",
            "timestamp": "2026-11-23T07:00:00.1Z",
            "action": "push",
            "target": {
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "digest": _DIGEST,
                "repository": "acme/web",
                "url": "http://registry.example.com:5000/v2/acme/web/manifests/1",
                "tag": "1.4.1",
            },
            "request": {"host": "registry.example.com:5000"},
            "actor": {"name": "ann"},
        }
    ]
}
_GENERIC = {
    "type": "PUSH_ARTIFACT",
    "occur_at": 1_700_000_000,
    "operator": "ann",
    "event_data": {
        "resources": [{"digest": _DIGEST, "tag": "1.4.1", "resource_url": "h.example.com/acme/web:1.4.1"}],
        "repository": {"repo_full_name": "acme/web", "namespace": "acme", "name": "web"},
    },
}
_MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata: {name: web, labels: &l {app: web}}
data:
  <<: *l
  open: "22:30"
  value: ${input.x}
  many: |
    lines ${input.x}
"""
_DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "web", "image": "acme/web:1"}]}}},
}
_KUBECONFIG = {
    "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    "current-context": "c",
    "clusters": [{"name": "k", "cluster": {"server": "https://k.example.com"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
}
_INDEX = {
    "schemaVersion": 2,
    "artifactType": "",
    "manifests": [
        {"mediaType": "m", "digest": _DIGEST, "platform": {"architecture": "amd64", "os": "linux"}},
        {"digest": _DIGEST, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
    ],
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json"},
    "layers": [{"mediaType": "l"}],
}
_CLAIMS = {"iss": "https://id.example.com", "aud": ["portside"], "sub": "a", "exp": 2e9, "iat": 1.7e9, "nonce": "n"}
_HOOKS = {
    "count": 1,
    "next": None,
    "results": [{"name": "w", "slug": "w", "webhooks": [{"name": "w", "hook_url": "https://x.example.com/h"}]}],
}
_CHARTS = """apiVersion: v1
entries:
  web:
  - name: web
    version: 1.2.3
    urls: [web-1.2.3.tgz]
    digest: abc
"""
_REQUEST = (
    b"POST /pipelines/api/docker-hub-webhooks?secureToken=a HTTP/1.1\r\nHost: portside.example.com\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;a=b\r\n{"a":\r\n2\r\n1}\r\n0\r\nT: x\r\n\r\n'
)
_TEXT = b'{"a": "x ${input.x} ${Deploy.Apply.output.list[0].b} $${y} ${var.v}", "b": ["${input.map}", 1]}'
_SCOPE = Scope(
    inputs={"x": "one\n---\ntwo", "map": {"a": [1, {"b": None}]}},
    variables={"v": "secret"},
    tasks={"Deploy": {"Apply": {"output": {"list": [{"b": 1}]}}}},
)


def _hooked(inside: InProcess, document: bytes) -> bool:
    """Through the whole receiver: parsed, trimmed, and published as it would be."""
    answer = _receiver(inside.folder).post(
        HUB_PATH, query_string={"secureToken": "good"}, data=document, content_type=JSON
    )
    demand_answered("the receiver", answer.status_code, answer.headers, answer.get_data(as_text=True))
    return answer.status_code not in (400, 413)


@lru_cache(maxsize=1)
def _receiver(folder: Path) -> Client:
    post = _Forgetting()
    post.knows(entry("good", "w1"))
    keeper = AllowlistCache(post, folder / "fuzzed-allowlist.json")
    keeper.refresh()
    intake = Intake(post, Spool(folder / "fuzzed-spool", max_files=3, max_bytes=10**6))
    return Client(Receiver(keeper, intake, cap_per_minute=10**9), Response)


class _Forgetting(FakePost):
    """Keeps nothing of what is published."""

    def publish_nowait(
        self, topic: Topic, message: Message, *, subject: str, message_id: str | None = None
    ) -> Future[None]:
        future = super().publish_nowait(topic, message, subject=subject, message_id=message_id)
        self.published.clear()
        return future


def _framed(_inside: InProcess, document: bytes) -> bool:
    """However the bytes are cut, the request ends at the same place."""
    ends = set()
    for size in (1, 7, len(document) or 1):
        frame, position = RequestFrame(), 0
        while position < len(document) and not frame.complete:
            piece = document[position : position + size]
            used = frame.feed(piece)
            position += used
            if not frame.complete and used != len(piece):
                raise Broken(f"the frame left {len(piece) - used} bytes of a request that is not complete")
        ends.add((frame.complete, frame.refusal, position if frame.complete and frame.refusal is None else -1))
    if len(ends) > 1:
        raise Broken(f"the request ends at {ends}, by how its bytes were cut")
    return next(iter(ends))[0]


def _listed(document: bytes) -> None:
    def answer(method: str, url: str, **_: Any) -> HubReply:
        return HubReply(200, {}, text_of(document))

    account = HubAccount("https://hub.example.com", "", "")
    hub = DockerHub(account, cast("HubCaller", answer), HubSignIns(answer, lambda: 0.0), lambda: 0.0)
    hub.list_hooks("acme/web")
    hub.list_tags("acme/web", 10)
    hub.repositories("acme")


def _filled(document: bytes) -> object:
    return fill_manifest(text_of(document), lambda token: token_value(token, _SCOPE))


def _resolved(document: bytes) -> object:
    return resolve_known(parse_json(document), _SCOPE)


def _claimed(document: bytes) -> object:
    claims = parse_json(document)
    if not isinstance(claims, dict):
        return None
    return demand_claims(claims, issuer="https://id.example.com", client_id="portside", nonce="n", now=1.8e9)


def _kind(document: bytes) -> object:
    manifest = Raw("", "", document).document
    return read_kind(manifest, lambda _digest: manifest)


def _pattern(document: bytes) -> object:
    pattern = text_of(document)
    if check_pattern(pattern):
        raise BadPattern(pattern)
    return [wants(pattern, name) for name in ("1.4.1", "v1.2.3-rc.1", "a" * 128)]


def _message(topic: str) -> Target:
    text = (_GOLDEN / f"{topic}.json").read_bytes()
    return Target(f"message {topic}", text, read(wire.unpack, unread=(wire.Undecodable,)), MANY, varied)


def _hook(name: str, body: Any) -> Target:
    return Target(f"hook, {name}", as_json(body), _hooked, MANY)


READERS: tuple[Target, ...] = (
    _hook("Docker Hub", _DOCKER_HUB),
    _hook("Distribution", _DISTRIBUTION),
    _hook("Harbor", _GENERIC),
    Target("HTTP request", _REQUEST, _framed, MANY),
    Target(
        "manifest, YAML",
        _MANIFEST.encode(),
        read(lambda raw: manifests.read(text_of(raw)), refused=(TaskFailed,)),
        MANY,
    ),
    Target(
        "manifest, JSON",
        as_json(_DEPLOYMENT),
        read(lambda raw: manifests.read(text_of(raw)), refused=(TaskFailed,)),
        MANY,
    ),
    Target("manifest, filled", _MANIFEST.encode(), read(_filled, unread=(Malformed,), refused=(Unresolved,)), MANY),
    Target("references", _TEXT, read(_resolved, unread=(Malformed,)), MANY),
    Target("kubeconfig", as_json(_KUBECONFIG), read(lambda raw: described(text_of(raw)), refused=(Refused,)), MANY),
    Target(
        "Docker Hub's error", as_json({"errors": [{"message": "no"}]}), read(lambda raw: error_text(text_of(raw))), MANY
    ),
    Target("Docker Hub's list", as_json(_HOOKS), read(_listed, unread=(HubProblem,)), MANY),
    Target("registry's index", as_json(_INDEX), read(_kind, unread=(RegistryProblem,)), MANY),
    Target(
        "registry's challenge",
        b'Negotiate abc==, Bearer realm="https://auth.example.com/t",service="r",scope="repository:a/b:pull", Basic',
        read(lambda raw: best_known(text_of(raw))),
        MANY,
    ),
    Target(
        "chart index",
        _CHARTS.encode(),
        read(lambda raw: index_entries(text_of(raw), "web"), unread=(ChartProblem,)),
        MANY,
    ),
    Target("claims", as_json(_CLAIMS), read(_claimed, unread=(Malformed,)), MANY),
    Target(
        "image name",
        b"https://registry.example.com:5000/v2/acme/web:1.4@sha256:0",
        read(lambda raw: read_repository(text_of(raw)), refused=(ValueError,)),
        MANY,
    ),
    Target(
        "tag pattern",
        b"semver:>=1.2 <3\n^v[0-9]+(\\.[0-9]+)*$\nglob:release-*\n!(?i).*-rc.*",
        read(_pattern, refused=(BadPattern,)),
        4,
    ),
    Target(
        "condition",
        b'${input.a} == "b" && (1.5 < 0x10 || !${S.T.output.x[0]})',
        read(lambda raw: check_condition(text_of(raw)), refused=(ConditionError,)),
        MANY,
    ),
    _message("run.report.v1"),
    _message("hook.received.v1"),
    _message("catalog.act.v1"),
    _message("tags.seen.v1"),
)
