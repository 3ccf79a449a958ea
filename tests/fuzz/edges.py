"""The edges that people and programs reach by HTTP: each in the whole application, down to the database."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from shared.grammar.export import to_yaml
from tests.integration.config.office import PIPELINE
from tests.support.in_process import InProcess

from .mutation import form_mutated, varied, words_mutated
from .target import API, FORM, JSON, YAML, Send, Target, as_json, call, demand_answered, is_read, text_of

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
_IMPORT = to_yaml(PIPELINE).encode() + b"---\nkind: VARIABLE\nname: v\nproject: default\nvalue: x\n"
_NAMED: dict[str, Any] = {"project": "default", "name": "n"}
_PROVIDER = {
    "name": "corp",
    "type": "oidc",
    "issuer": "https://id.example.com",
    "clientId": "portside",
    "clientSecret": "s",
    "groups": {"claim": "groups", "rules": [{"value": "dev", "role": "User"}]},
}


def _asked(path: str) -> Send:
    """A document as the filter, the order and the size of a list."""

    def send(inside: InProcess, document: bytes) -> bool:
        words = quote(text_of(document), safe="&=$")
        answer = inside.client().get(f"{API}{path}?{words}"[:60_000], headers=inside.bearer)
        demand_answered(path, answer.status_code, answer.headers, answer.get_data(as_text=True))
        return answer.status_code != 400

    return send


def _addressed(path: str) -> Send:
    """A document in an address."""

    def send(inside: InProcess, document: bytes) -> bool:
        address = f"{API}{path}{quote(text_of(document), safe='')}"[:8_000]
        answer = inside.client().get(address, headers=inside.bearer)
        demand_answered(path, answer.status_code, answer.headers, answer.get_data(as_text=True))
        return True

    return send


def _form(path: str) -> Send:
    """A form that a person sends; its token is the session's."""

    def send(inside: InProcess, document: bytes) -> bool:
        answer = inside.browser().post(
            path.format_map(inside.ids), data=document, content_type=FORM, headers={"X-Form-Token": inside.form_token}
        )
        text = answer.get_data(as_text=True)
        demand_answered(path, answer.status_code, answer.headers, text)
        return answer.status_code != 403 and is_read(text)

    return send


_FEW = 4

EDGES: tuple[Target, ...] = (
    Target(
        "sign-in",
        as_json({"username": "admin", "password": "wrong"}),
        call("/csp/gateway/am/api/login", JSON, public=True, base=""),
    ),
    Target("sign-in by token", as_json({"refreshToken": "x"}), call("/iaas/api/login", JSON, public=True, base=""), 8),
    Target(
        "device sign-in",
        b"client_id=cli&client_name=laptop&scope=read&days=30&project=default",
        call("/oauth/device", FORM, public=True),
        _FEW,
    ),
    Target(
        "device token",
        b"grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=a",
        call("/oauth/token", FORM, public=True),
        _FEW,
    ),
    Target("pipeline, JSON", as_json(PIPELINE), call("/pipelines", JSON), _FEW),
    Target("pipeline, YAML", to_yaml(PIPELINE).encode(), call("/pipelines", YAML), _FEW),
    Target(
        "pipeline, patch",
        as_json({"description": "d", "concurrency": 2, "input": {"a": "b"}, "tags": ["a"]}),
        call("/pipelines/{pipeline}", JSON, method="PATCH"),
        _FEW,
        varied,
    ),
    Target("import", _IMPORT, call("/import", YAML), _FEW),
    Target("execution", as_json(_RUN), call("/pipelines/{pipeline}/executions", JSON), _FEW),
    Target("endpoint", as_json(_ENDPOINT), call("/endpoints", JSON), _FEW),
    Target("webhook", as_json(_WEBHOOK), call("/registry-webhooks", JSON), _FEW),
    Target("variable", as_json({**_NAMED, "type": "REGULAR", "value": "x"}), call("/variables", JSON), _FEW),
    Target(
        "schedule",
        as_json({**_NAMED, "pipeline": "Fuzzed", "cron": "0 3 * * 1-5", "timeZone": "Europe/Berlin", "input": {}}),
        call("/schedules", JSON),
        _FEW,
    ),
    Target("project", as_json({"name": "p", "members": [{"email": "a@example.com"}]}), call("/projects", JSON), _FEW),
    Target(
        "user",
        as_json({"name": "ann", "email": "ann@example.com", "password": "long enough 1", "serviceRole": "User"}),
        call("/users", JSON),
    ),
    Target("sign-in provider", as_json(_PROVIDER), call("/sign-in-providers", JSON), _FEW),
    Target(
        "integration",
        as_json({**_NAMED, "yaml": "runtime: shell\ncode: |\n  echo hello\ninputProperties: []\n"}),
        call("/custom-integrations", JSON),
        _FEW,
        varied,
    ),
    Target(
        "Git webhook", as_json({**_NAMED, "branchName": "main", "events": ["PUSH"]}), call("/git-webhooks", JSON), 4
    ),
    Target(
        "Gerrit trigger",
        as_json({**_NAMED, "branch": "master", "gerritProject": "web", "listener": "gerrit"}),
        call("/gerrit-triggers", JSON),
        _FEW,
    ),
    Target(
        "approvals", as_json({"a": {"status": "Approved", "comment": "c"}}), call("/batch-user-operations", JSON), 4
    ),
    Target(
        "kubeconfig, sent",
        as_json({"kubeconfig": "contexts: [{name: c, context: {cluster: k}}]\nclusters: []\n"}),
        call("/kubeconfig", JSON),
        _FEW,
    ),
    Target(
        "list",
        b"$filter=(name eq 'a' or startswith(name,'b')) and id ne '1'&$orderby=name desc&$top=2&$skip=1",
        _asked("/pipelines"),
        _FEW,
        words_mutated,
    ),
    Target(
        "list of runs",
        b"$filter=status eq 'COMPLETED' and index gt 3&$orderby=name&page=1&$size=5&after=1",
        _asked("/executions"),
        _FEW,
        words_mutated,
    ),
    Target("address of an audit entry", b"12", _addressed("/audit/"), _FEW),
    Target("address of a pipeline", b"default/Deploy web", _addressed("/pipelines/"), _FEW),
    Target("form, pipeline", b"text=" + quote(to_yaml(PIPELINE)).encode(), _form("/pipelines/new"), _FEW, form_mutated),
    Target(
        "form, beside the editor",
        b"text=" + quote(to_yaml(PIPELINE)).encode() + b"&stage=Deploy&task=Apply",
        _form("/pipelines/side"),
        _FEW,
        form_mutated,
    ),
    Target(
        "form, change of a task",
        b"text=" + quote(to_yaml(PIPELINE)).encode() + b"&stage=Deploy&task=Apply&change=task&type=K8S",
        _form("/pipelines/change"),
        _FEW,
        form_mutated,
    ),
    Target("form, run", b"input.namespace=web&comments=c&tag=1", _form("/pipelines/{pipeline}/run"), _FEW),
    Target("form, dry run", b"input.namespace=web&comments=c&tag=1", _form("/pipelines/{pipeline}/dry-run"), _FEW),
    Target(
        "form, import",
        b"text=" + quote(_IMPORT).encode() + b"&action=apply",
        _form("/pipelines/import"),
        _FEW,
        form_mutated,
    ),
    Target(
        "form, variable", b"name=v&project=default&type=SECRET&value=x&description=d", _form("/variables/new"), _FEW
    ),
    Target(
        "form, webhook",
        b"name=w&project=default&pipeline=Fuzzed&endpoint=hub&repoName=acme/web&tagNamePattern=v*&exclude=a&input.a=b",
        _form("/webhooks"),
        _FEW,
    ),
    Target(
        "form, endpoint",
        b"name=e&project=default&type=docker&properties.serverType=DockerHub&properties.repoURL=a/b",
        _form("/endpoints"),
        _FEW,
    ),
)
