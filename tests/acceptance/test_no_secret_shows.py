"""Nothing secret is ever shown: a run uses every secret in every way, and all that can be read is searched for them."""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pika
import pytest
import requests
import yaml

from cli.demo import CLUSTER_TOKEN
from cli.portside.api import ApiError
from tests.support.patience import PATIENCE_S
from tests.support.web import Web, web_server
from tests.support.world import World, wait_for

API = "/codestream/api"
PROJECT = "vault"
Json = dict[str, Any]

SEALED = {
    "variable": "s3cr3t/Pa55+word=&%ok",
    "docker": "dckr/pat+of=acme&%ok",
    "cluster": "kube+token/of=acme&%ok",
    "notify": "bearer/token+of=acme%ok",
    "signing": "signing/key+of=acme&%ok",
    "odd": 'ödd "quoted"\\value/7f3a+in=%ok\nand the+second/line of=it',
    "hook": "hook-token-of-acme-0123456789",
    "listener": "gerrit/listener+of=acme&%ok",
    "provider": "client/secret+of=acme&%ok",
    "reader": "reader's/own+pass=word&%ok",
    "stranger": "stranger's/own+pass=word&%ok",
    "quoted import": "import/quoted+kind=&%ok",
    "JSON import": "import/json+kind=&%ok",
    "tagged import": "import/tagged+kind=&%ok",
    "anchored import": "import/anchored+kind=&%ok",
    "anchored value": "import/anchored+value=&%ok",
    "broken import": "import/broken+text=&%ok",
}
"""By what they belong to; each has another form in base64, in a URL or in JSON."""
IMPORTS = {
    "quoted import": '"kind": "VARIABLE"\nproject: vault\nname: quoted\ntype: SECRET\nvalue: {}\n',
    "JSON import": '{{"kind": "VARIABLE", "project": "vault", "name": "json", "type": "SECRET", "value": "{}"}}',
    "tagged import": "kind: !!str VARIABLE\nproject: vault\nname: tagged\ntype: !!str SECRET\nvalue: !!str {}\n",
    "anchored import": (
        "description: &k VARIABLE\nkind: *k\nproject: vault\nname: anchored\ntype: &t SECRET\nvalue: {}\n"
    ),
    "anchored value": "kind: VARIABLE\nproject: vault\nname: shared\ntype: SECRET\nvalue: &v {}\ndescription: *v\n",
    "broken import": "kind: VARIABLE\nproject: vault\nname: [broken\ntype: SECRET\nvalue: {}\n",
}
"""Definitions whose kind or secret a hasty reader would not see."""
WRITTEN = {"literal": "literal/value+in=manifest%ok"}
"""In the pipeline's own text: its author's for whoever may read the pipeline, and nobody's anywhere else."""
OWN_TEXT = re.compile(r"/pipelines/|/pipelines$|/pipelines\?|/export")

REFUSED = {"Poll", "Broken", "Refused", "Image", "Ssh", "Header", "Address", "OddScript", "OddCondition"}
"""The tasks that fail, each with the secret in what it fails at."""
VAR, ODD = "${var.pw}", "${var.odd}"
MANIFEST = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: vault, namespace: apps}}
stringData:
  literal: "{WRITTEN["literal"]}"
  variable: "{VAR}"
data:
  encoded: {base64.b64encode(WRITTEN["literal"].encode()).decode()}
"""


@cache
def forms(secret: str) -> frozenset[bytes]:
    """Plain, in a page, in a URL, in JSON, in JSON within JSON, in base64 (behind each number of bytes)."""
    raw = secret.encode()
    texts = {secret, html.escape(secret), quote(secret, safe=""), quote(secret), quote_plus(secret), raw.hex()}
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        texts |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    for before in range(3):
        padded = bytes(before) + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            texts.add(encode(padded).decode()[-(-before * 8 // 6) : len(padded) * 8 // 6])
    return frozenset(text.encode() for text in texts)


def leaks(read: bytes, secrets: Mapping[str, str]) -> list[str]:
    return [name for name, secret in secrets.items() if any(form in read for form in forms(secret))]


class Search:
    """Where which secret was found."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.seen = 0

    def look(self, where: str, read: bytes, *, own_text: bool = False) -> None:
        self.seen += 1
        secrets = SEALED if own_text else {**SEALED, **WRITTEN}
        self.found += [f"{where} shows the secret of {name}" for name in leaks(read, secrets)]


@pytest.fixture(scope="module")
def echo() -> Iterator[Web]:
    with web_server() as web:
        web.body = f"you sent {SEALED['variable']}"
        web.codes = {"GET": 501}
        yield web


@pytest.fixture(scope="module")
def messages(world: World) -> Iterator[Callable[[], list[tuple[str, bytes]]]]:
    """All that is published from now on, by exchange: the broker's own trace, which has the headers too."""
    connection = pika.BlockingConnection(pika.URLParameters(world.broker.amqp_url))
    channel = connection.channel()
    # Not exclusive: the trace would tell of its own queue.
    queue = channel.queue_declare("trace", durable=False).method.queue
    channel.queue_bind(queue, "amq.rabbitmq.trace", routing_key="publish.#")
    world.broker.manage("PUT", "/api/vhosts/%2F", {"tracing": True})

    def read() -> list[tuple[str, bytes]]:
        got = (channel.basic_get(queue, auto_ack=True) for _ in itertools.count())
        copies = itertools.takewhile(lambda delivery: delivery[0] is not None, got)
        return [
            (str(properties.headers["exchange_name"]), repr(properties.headers).encode() + body)
            for _, properties, body in copies
        ]

    yield read
    world.broker.manage("PUT", "/api/vhosts/%2F", {"tracing": False})
    channel.queue_delete(queue)
    connection.close()


def tasks(echo_url: str) -> Json:
    """Every type that runs on this machine; what fails says why, and the run goes on to its last."""
    request = {"url": f"{echo_url}&secret={VAR}", "headers": {"X-Key": VAR}, "payload": f'{{"a": "{VAR}"}}'}
    cluster = {"kubernetesServer": "vault-cluster"}
    all_of_them: Json = {
        "Log": {"type": "Log", "input": {"message": f"it is {VAR}"}},
        "Condition": {"type": "Condition", "input": {"condition": f'"{VAR}" != "x"'}},
        "Rest": {"type": "REST", "input": {"action": "post", **request}},
        "Poll": {"type": "POLL", "input": {**request, "pollCount": 1, "pollIntervalSeconds": 1}},
        "Notify": {
            "type": "Notify",
            "endpoints": {"notify": "vault-notify"},
            "input": {"payload": f'{{"a": "{VAR}"}}', "headers": {"X-Key": VAR}},
        },
        "Apply": {"type": "K8S", "endpoints": cluster, "input": {"action": "APPLY", "yaml": MANIFEST}},
        "Broken": {"type": "K8S", "endpoints": cluster, "input": {"action": "APPLY", "yaml": f"{MANIFEST}  - : x"}},
        "Refused": {
            "type": "K8S",
            "endpoints": cluster,
            "input": {"action": "CREATE", "yaml": MANIFEST.replace("name: vault", f'name: "{VAR}"')},
        },
        "Patch": {
            "type": "K8S",
            "endpoints": cluster,
            "input": {
                "action": "PATCH",
                "kind": "Secret",
                "name": "vault",
                "namespace": "apps",
                "patch": {"stringData": {"literal": WRITTEN["literal"], "more": VAR}},
            },
        },
        "Get": {
            "type": "K8S",
            "endpoints": cluster,
            "input": {"action": "GET", "kind": "Secret", "name": "vault", "namespace": "apps"},
        },
        "Image": {
            "type": "IMAGE",
            "endpoints": {"target": "vault-docker"},
            "input": {"source": "acme/web:none", "target": "acme/web:copy"},
        },
        "Ssh": {
            "type": "SSH",
            "input": {"host": "127.0.0.1:1", "username": "ann", "password": VAR, "script": f"echo {VAR}"},
        },
        "Header": {"type": "REST", "input": {"action": "get", "url": echo_url, "headers": {"X-Odd": ODD}}},
        "Body": {"type": "REST", "input": {"action": "post", "url": echo_url, "payload": ODD}},
        "Address": {"type": "REST", "input": {"action": "get", "url": ODD}},
        "OddManifest": {
            "type": "K8S",
            "endpoints": cluster,
            "input": {"action": "APPLY", "yaml": MANIFEST.replace(VAR, ODD).replace("name: vault", "name: odd")},
        },
        "OddScript": {"type": "SSH", "input": {"host": "127.0.0.1:1", "username": ODD, "password": ODD, "script": ODD}},
        "OddCondition": {"type": "Condition", "input": {"condition": f"{ODD} == 1"}},
        "Later": {"type": "Log", "input": {"message": "${S.Apply.input.yaml} ${S.Rest.input.headers}"}},
        "Nested": {
            "type": "Pipeline",
            "input": {"pipeline": "Inner", "inputProperties": {"token": f"Bearer {VAR}", "plain": "x"}},
        },
        "Back": {"type": "Log", "input": {"message": "${S.Nested.output.outputProperties.seen}"}},
        "Never": {
            "type": "K8S",
            "endpoints": cluster,
            "preCondition": "1 == 2",
            "input": {"action": "APPLY", "yaml": MANIFEST},
        },
    }
    return {name: {"ignoreFailure": True, **task} for name, task in all_of_them.items()}


def one_stage(made: Json, **more: Any) -> Json:
    return {"stageOrder": ["S"], "stages": {"S": {"taskOrder": list(made), "tasks": made}}, **more}


@pytest.fixture(scope="module")
def ran(world: World, echo: Web, messages: object) -> Iterator[list[Json]]:
    """Runs that have ended: one that uses everything, what it nests, a failure with its rollback, reruns."""
    client = world.client
    client.post("/projects", {"name": PROJECT})
    for name in ("reader", "stranger"):
        client.post("/users", {"name": name, "email": f"{name}@example.com", "password": SEALED[name]})
    client.patch(f"/projects/{PROJECT}", {"viewers": [{"email": "reader@example.com"}]})
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": world.cluster_url}}],
        "users": [{"name": "u", "user": {"token": SEALED["cluster"]}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "apps"}}],
    }
    hub = {"hubURL": world.hub_url, "registryURL": world.hub_url}
    typed = {
        "vault-docker": ("docker", {"repoURL": "acme/web", "username": "acme", "password": SEALED["docker"], **hub}),
        "vault-kubeconfig": ("k8s", {"authType": "kubeconfig", "kubeconfig": yaml.safe_dump(kubeconfig)}),
        "vault-cluster": ("k8s", {"kubernetesURL": world.cluster_url, "authType": "token", "token": CLUSTER_TOKEN}),
        "vault-notify": ("webhook", {"url": echo.url, "token": SEALED["notify"], "secret": SEALED["signing"]}),
    }
    for name, (kind, properties) in typed.items():
        client.post("/endpoints", {"project": PROJECT, "name": name, "type": kind, "properties": properties})
    for name, type_, of in (("pw", "SECRET", "variable"), ("odd", "RESTRICTED", "odd")):
        client.post("/variables", {"project": PROJECT, "name": name, "type": type_, "value": SEALED[of]})
    listener = {"name": "vault", "endpoint": "gerrit", "apiToken": SEALED["listener"]}
    client.post("/gerrit-listeners", {"project": PROJECT, **listener})
    provider = {"name": "vault-sso", "issuer": "https://sso.example.com", "clientId": "portside"}
    provider["clientSecret"] = SEALED["provider"]
    provider_id = client.post("/sign-in-providers", provider)["id"]
    for name, text in IMPORTS.items():
        with suppress(ApiError):
            client.import_yaml(text.format(SEALED[name]), "create")
    inner = {
        "Say": {"type": "Log", "input": {"message": "${input.token}"}},
        "Rest": {
            "type": "REST",
            "ignoreFailure": True,
            "input": {"action": "post", "url": echo.url, "headers": {"Authorization": "${input.token}"}},
        },
        "Wrong": {
            "type": "K8S",
            "ignoreFailure": True,
            "endpoints": {"kubernetesServer": "vault-kubeconfig"},
            "input": {"action": "GET", "kind": "Secret", "name": "vault"},
        },
    }
    told = {"event": "FAILURE", "endpoint": "vault-notify", "payload": f'{{"a": "{VAR}", "b": "${{statusMessage}}"}}'}
    fail = {"Fail": {"type": "REST", "input": {"action": "get", "url": f"{echo.url}&no={VAR}", "headers": {"a": VAR}}}}
    outer = tasks(echo.url)
    trees = {
        "Inner": one_stage(inner, input={"token": "", "plain": ""}, output={"seen": "${input.token}"}),
        "Outer": one_stage(outer, output={"all": "${S.Apply.input.yaml}", "rest": "${S.Rest.output}"}),
        "Fails": one_stage(
            fail,
            notifications={"webhook": [told]},
            rollbacks=[{"name": "Inner", "inputs": {"token": f"Bearer {VAR}"}}],
        ),
    }
    for name, tree in trees.items():
        made = client.post("/pipelines", {"project": PROJECT, "name": name, **tree})
        client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})
        client.patch(f"/pipelines/{made['id']}", {"description": "changed once"})
    hook = {"name": "vault", "endpoint": "vault-docker", "pipeline": "Outer", "secretToken": SEALED["hook"]}
    client.post("/registry-webhooks", {"project": PROJECT, "repoName": "acme/web", "enabled": True, **hook})

    ended = [run(world, name) for name in ("Outer", "Fails")]
    nested = [one for one in world.executions(name="Inner", project=PROJECT) if one["_nested"]]
    again = [rerun(world, one) for one in nested]
    again.append(rerun(world, ended[1], **{"from": "failed"}))
    yield [*ended, *nested, *again]
    client.delete(f"/sign-in-providers/{provider_id}")


def run(world: World, name: str) -> Json:
    started = world.client.post(f"/pipelines/{PROJECT}/{name}/executions", {})
    return over(world, started["executionId"])


def rerun(world: World, one: Json, **more: str) -> Json:
    body = {"input": one["input"], **more}
    started = world.client.post(f"/executions/{one['id']}?action=rerun", body)
    return over(world, started["executionId"])


def over(world: World, number: str) -> Json:
    def ended() -> Json | None:
        found = world.client.get(f"/executions/{number}")
        return found if found["status"] in ("COMPLETED", "FAILED", "CANCELED") else None

    return wait_for(ended, f"the end of {number}")


@contextmanager
def a_session(world: World) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env, session.verify = False, world.layout.certificate
        yield session


def person(world: World, name: str) -> tuple[str, str]:
    return name, SEALED.get(name) or world.layout.password_file.read_text().strip()


@pytest.mark.parametrize("name", ["stranger", "reader", "admin"])
def test_no_answer_of_the_api_shows_one(world: World, ran: list[Json], name: str) -> None:
    search = Search()
    with a_session(world) as session:
        user, password = person(world, name)
        body = {"username": user, "password": password}
        login = f"{world.layout.url}/csp/gateway/am/api/login?access_token"
        session.headers["Authorization"] = (
            f"Bearer {session.post(login, json=body, timeout=PATIENCE_S).json()['access_token']}"
        )
        paths = session.get(f"{world.layout.url}/openapi.json", timeout=PATIENCE_S).json()["paths"]
        reading = [path for path, does in paths.items() if "get" in does]
        documents: dict[str, list[Json]] = {}

        def ask(path: str) -> requests.Response:
            prefix = "" if path.startswith(("/iaas", "/project-service")) else API
            answer = session.get(f"{world.layout.url}{prefix}{path}", timeout=PATIENCE_S)
            search.look(f"GET {path}", answer.content, own_text=bool(OWN_TEXT.search(path)))
            return answer

        for path in (path for path in reading if "{" not in path):
            answer = ask(path)
            listed = answer.json() if "json" in answer.headers["Content-Type"] else {}
            documents[path] = list((listed.get("documents") or {}).values()) if isinstance(listed, dict) else []
        for path in (path for path in reading if "{" in path):
            for one in documents.get(path.partition("/{")[0], []):
                address = {key: one.get(key) for key in ("id", "project", "name")}
                known = {**address, "index": 1, "label": "1.0", "version": "1.0"}
                ask(path.format(**known))
        for path in ("/audit?export=csv", "/registry-events?export=csv", "/pipelines?expand=true"):
            ask(path)
        for one in ran:
            assert ask(f"/executions/{one['id']}").ok is (name != "stranger")
            assert ask(f"/executions/{one['id']}/logs").ok is (name != "stranger")
    assert search.found == []
    assert search.seen > (len(reading) if name != "stranger" else len(reading) / 2)


@pytest.mark.parametrize("name", ["reader", "admin"])
def test_no_page_shows_one(world: World, ran: list[Json], name: str) -> None:
    search, limit, masks = Search(), 250, 0
    with a_session(world) as session:
        user, password = person(world, name)
        form = session.get(f"{world.layout.url}/sign-in", timeout=PATIENCE_S).text
        hidden = dict(re.findall(r'<input type="?hidden"? name="?(\w+)"? value="?([^">]*)"?', form))
        given = {**hidden, "username": user, "password": password}
        session.post(f"{world.layout.url}/sign-in", data=given, timeout=PATIENCE_S).raise_for_status()
        first = ["/", *(f"/executions/{one['id']}" for one in ran)]
        waiting, known = deque(first), set(first)
        while waiting and search.seen < limit:
            path = waiting.popleft()
            with session.get(f"{world.layout.url}{path}", timeout=PATIENCE_S, stream=True) as answer:
                if "event-stream" in answer.headers.get("Content-Type", ""):
                    continue
                search.look(f"page {path}", answer.content, own_text=bool(OWN_TEXT.search(path)))
                masks += answer.text.count("*****")
                found = re.findall(r'(?:href|hx-get)="(/[^"#]*)"', answer.text) if answer.ok else []
            fresh = [one.replace("&amp;", "&") for one in found if not one.startswith(("/static", "/docs", "/openapi"))]
            waiting += [one for one in dict.fromkeys(fresh) if one not in known]
            known.update(fresh)
    assert search.found == []
    assert (search.seen > 30, masks > 10) == (True, True), "the pages of these runs were not seen"


def test_no_message_holds_one(ran: list[Json], messages: Callable[[], list[tuple[str, bytes]]]) -> None:
    search, published = Search(), messages()
    assert sum(b"vault" in body for _, body in published) > 50
    assert {"", "portside.events", "portside.commands"} <= {exchange for exchange, _ in published}
    for exchange, body in published:
        search.look(f"a message of {exchange or 'an answer'}", body, own_text=exchange != "portside.events")
    assert search.found == []


def test_no_row_of_the_database_holds_one(world: World, ran: list[Json]) -> None:
    search = Search()
    with closing(sqlite3.connect(world.home / "portside.db", timeout=5)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the database's own names
                for value in row:
                    text = value if isinstance(value, bytes) else str(value).encode()
                    search.look(f"table {table}", text, own_text=True)
    assert search.found == []
    assert {"events", "log_chunks", "outbox", "answered", "audit"} <= set(tables)


def test_no_file_holds_one_not_even_a_log_at_debug(world: World, ran: list[Json]) -> None:
    search, outside = Search(), ("demo-hub.log", "demo-cluster.log")
    for file in sorted(file for file in Path(world.home).rglob("*") if file.is_file()):
        if file.parent.name != "keys" and file.name not in outside:
            with suppress(FileNotFoundError):
                search.look(str(file.relative_to(world.home)), file.read_bytes(), own_text=True)
    assert search.found == []
    assert search.seen > 20


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
def test_the_search_finds_every_form(before: str) -> None:
    text = before + SEALED["odd"] + before
    encoded = base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode())
    in_json = json.dumps({"a": text}), json.dumps({"a": text}, ensure_ascii=False), json.dumps(json.dumps([text]))
    texts = (text, quote(text), quote_plus(text), html.escape(text), *in_json)
    for read in (*encoded, *(text.encode() for text in texts)):
        assert leaks(read, SEALED) == ["odd"]


def test_the_secrets_were_used_for_real(world: World, ran: list[Json], echo: Web) -> None:
    assert world.environment["LOG_LEVEL"] == "DEBUG"
    variables = {variable["name"] for variable in world.documents(f"/variables?$filter=project eq '{PROJECT}'")}
    assert variables == {"pw", "odd", "quoted", "json", "tagged", "anchored"}
    outer, fails, nested, *_ = ran
    assert outer["status"] == "COMPLETED", outer["statusMessage"]
    ended = {name: task["status"] for name, task in outer["stages"]["S"]["tasks"].items()}
    failed = {name for name, status in ended.items() if status == "FAILED"}
    assert failed == REFUSED, ended
    assert (fails["status"], nested["status"]) == ("FAILED", "COMPLETED")
    sent = [one["headers"].get("Authorization") for one in echo.requests]
    runs_of_inner = sum(one["name"] == "Inner" for one in ran)
    assert sent.count(f"Bearer {SEALED['variable']}") >= runs_of_inner
    assert nested["input"]["token"] == "Bearer *****"
