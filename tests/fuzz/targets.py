"""The edges: how each is given a document, and what counts as an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.gateway.commands.kubeconfig import described
from services.gateway.receiver.parsers.recognition import read_push
from services.gateway.receiver.reading import Unreadable, read_json
from services.hubsync.answers import error_text
from services.runner.task_protocol import TaskFailed
from services.runner.tasks.k8s import manifests
from shared.contracts.problems import Refused
from shared.grammar.conditions import ConditionError, check_condition
from shared.grammar.export import to_yaml
from tests.integration.config.office import PIPELINE
from tests.support.in_process import InProcess

P = "/codestream/api"
_UNREAD = ("cannot be read", "is not valid JSON", "must be a JSON object", "is not UTF-8", "cannot be kept", "is empty")
"""What the readers say: the document came no further."""


class Broken(Exception):
    """An edge did what it must not do."""


@dataclass(frozen=True, slots=True)
class Target:
    """An edge. `send` says whether the document came past its reader; raises `Broken`, or what nobody foresaw."""

    name: str
    seed: bytes
    send: Callable[[InProcess, bytes], bool]


def _posted(path: str, content_type: str, *, public: bool = False) -> Callable[[InProcess, bytes], bool]:
    def send(inside: InProcess, document: bytes) -> bool:
        headers = {} if public else inside.bearer
        answer = inside.client().post(path, data=document, content_type=content_type, headers=headers)
        text = answer.get_data(as_text=True)
        if answer.status_code >= 500 and answer.status_code not in (501, 503):
            raise Broken(f"{path} answered {answer.status_code}: {text[:300]}")
        return not (answer.status_code == 400 and any(words in text for words in _UNREAD))

    return send


def _read(read: Callable[[bytes], Any], *refusals: type[Exception]) -> Callable[[InProcess, bytes], bool]:
    def send(_inside: InProcess, document: bytes) -> bool:
        try:
            read(document)
        except refusals as error:
            return not any(words in str(error) for words in _UNREAD)
        return True

    return send


def _text(document: bytes) -> str:
    return document.decode("utf-8", "replace")


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


_PUSH = {
    "push_data": {"tag": "1.4.1", "pusher": "ann", "pushed_at": 1_700_000_000},
    "repository": {"repo_name": "acme/web", "name": "web", "namespace": "acme"},
    "callback_url": "https://x",
}
_MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata: {name: web, labels: &l {app: web}}
data:
  <<: *l
  open: "22:30"
  many: |
    lines
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
_ENDPOINT = {
    "project": "default",
    "kind": "ENDPOINT",
    "name": "hub",
    "type": "docker",
    "properties": {"serverType": "DockerHub", "repoURL": "acme/web", "username": "u", "password": "p"},
}
_WEBHOOK = {
    "project": "default",
    "name": "w",
    "pipeline": "Deploy web",
    "tagNamePattern": "semver:>=1",
    "input": {"a": 1},
}
_RUN = {"input": {"namespace": "web"}, "comments": "c", "tags": ["a"], "executionId": ""}
JSON, YAML = "application/json", "application/x-yaml"

TARGETS: tuple[Target, ...] = (
    Target(
        "sign-in",
        _as_json({"username": "admin", "password": "wrong"}),
        _posted("/csp/gateway/am/api/login", JSON, public=True),
    ),
    Target("sign-in by token", _as_json({"refreshToken": "x"}), _posted("/iaas/api/login", JSON, public=True)),
    Target("pipeline, JSON", _as_json(PIPELINE), _posted(f"{P}/pipelines", JSON)),
    Target("pipeline, YAML", to_yaml(PIPELINE).encode(), _posted(f"{P}/pipelines", YAML)),
    Target(
        "import",
        to_yaml(PIPELINE).encode() + b"---\nkind: VARIABLE\nname: v\nproject: default\nvalue: x\n",
        _posted(f"{P}/import", YAML),
    ),
    Target("execution", _as_json(_RUN), _posted(f"{P}/pipelines/default/Fuzzed/executions", JSON)),
    Target("endpoint", _as_json(_ENDPOINT), _posted(f"{P}/endpoints", JSON)),
    Target("webhook", _as_json(_WEBHOOK), _posted(f"{P}/registry-webhooks", JSON)),
    Target(
        "variable",
        _as_json({"project": "default", "name": "v", "type": "REGULAR", "value": "x"}),
        _posted(f"{P}/variables", JSON),
    ),
    Target("hook", _as_json(_PUSH), _read(lambda raw: read_push("", read_json(raw)), Unreadable)),
    Target("manifest, YAML", _MANIFEST.encode(), _read(lambda raw: manifests.read(_text(raw)), TaskFailed)),
    Target("manifest, JSON", _as_json(_DEPLOYMENT), _read(lambda raw: manifests.read(_text(raw)), TaskFailed)),
    Target("kubeconfig", _as_json(_KUBECONFIG), _read(lambda raw: described(_text(raw)), Refused)),
    Target("Docker Hub's answer", _as_json({"errors": [{"message": "no"}]}), _read(lambda raw: error_text(_text(raw)))),
    Target(
        "condition",
        b'${input.a} == "b" && (1.5 < 0x10 || !${S.T.output.x[0]})',
        _read(lambda raw: check_condition(_text(raw)), ConditionError),
    ),
)
