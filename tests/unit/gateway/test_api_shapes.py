"""The API's shapes, secrets on the way in, kubeconfigs and YAML imports: all pure."""

from __future__ import annotations

import base64
import json
import pkgutil
from importlib import import_module
from typing import Any

import pytest
import yaml

from services.gateway.api import schemas, wire
from services.gateway.api.schemas import table
from services.gateway.commands.imports import SealedText, seal_yaml
from services.gateway.commands.kubeconfig import described, import_kubeconfig
from services.gateway.commands.sealing import wrap
from shared.contracts.base import Sealed
from shared.contracts.catalog import Kind, Page
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.contracts.secrets import MASK
from shared.process.secrets import new_token, token_hash
from tests.support import go_types


def seal(secret: str) -> Sealed:
    return Sealed(key_id="k", box=f"<{secret}>")


def mint() -> str:
    return "minted"


def test_a_list_is_a_map_from_link_to_document() -> None:
    page = Page(documents=({"id": "1", "_link": "/codestream/api/pipelines/1"}, {"id": "2"}), total=7)
    assert wire.listing(Kind.PIPELINES, page) == {
        "count": 2,
        "totalCount": 7,
        "links": ["/codestream/api/pipelines/1", "/codestream/api/pipelines/2"],
        "documents": {
            "/codestream/api/pipelines/1": {"id": "1", "_link": "/codestream/api/pipelines/1"},
            "/codestream/api/pipelines/2": {"id": "2"},
        },
    }


@pytest.mark.parametrize(
    ("document", "body"),
    [
        ({"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}'),
        ({"a": 'line\n"q"'}, b'{"a":"line\\n\\"q\\""}'),
        ({"a": "\u00e9"}, b'{"a":"\\u00e9"}'),
        ({"a": "\ud800"}, '{"a": "\\ud800"}'),
    ],
)
def test_an_answer_is_ascii_whatever_it_holds(document: Any, body: str | bytes) -> None:
    assert wire.encoded(document) == body
    assert json.loads(wire.encoded(document)) == document


@pytest.mark.parametrize("code", list(Code))
def test_every_error_has_a_next_step_and_its_own_comes_first(code: Code) -> None:
    problem = Problem(code=code, message="No.")
    _, body = wire.error_body(problem, path="/p", at=0.0, request_id="r")
    assert body["nextStep"].endswith(".")
    _, body = wire.error_body(problem.model_copy(update={"next_step": "Do this."}), path="/p", at=0.0, request_id="r")
    assert body["nextStep"] == "Do this."


def test_an_empty_list_has_an_empty_map() -> None:
    assert wire.listing(Kind.PIPELINES, Page())["documents"] == {}


@pytest.mark.parametrize(
    ("query", "top", "skip"),
    [
        ({}, 25, 0),
        ({"$top": "100", "$skip": "200"}, 100, 200),
        ({"page": "3", "$size": "10"}, 10, 30),
        ({"page": "2"}, 25, 50),
        ({"count": "2000"}, 2000, 0),
        ({"$top": "1000000"}, 2000, 0),
        ({"$top": "100", "$page": "4", "$skip": "0"}, 100, 0),
        ({"apiVersion": "2019-10-17", "expand": "true", "whatever": "x"}, 25, 0),
    ],
)
def test_pages_are_asked_for_in_every_form(query: dict[str, str], top: int, skip: int) -> None:
    ask = wire.find(Kind.PIPELINES, query)
    assert (ask.top, ask.skip) == (top, skip)


@pytest.mark.parametrize("written", ["-1", "x", "1.5", "١x"])
def test_a_page_that_is_no_number_is_refused_by_name(written: str) -> None:
    with pytest.raises(Refused) as caught:
        wire.find(Kind.PIPELINES, {"$top": written})
    assert caught.value.problem.subject == "$top"


def test_an_error_has_what_every_client_reads() -> None:
    problem = Problem(
        code=Code.NOT_FOUND,
        message="There is no pipeline x.",
        next_step="Look.",
        flaws=(Flaw(message="here", path="a.b", line=3, column=1),),
    )
    status, body = wire.error_body(problem, path="/codestream/api/pipelines/x", at=0.5, request_id="r1")
    assert status == 404
    assert body["timestamp"] == 500
    assert (body["status"], body["statusCode"], body["error"]) == (404, 404, "Not Found")
    assert body["message"] == body["serverMessage"] == "There is no pipeline x."
    assert body["nextStep"] == "Look." and body["requestId"] == "r1" and body["path"] == "/codestream/api/pipelines/x"
    assert body["flaws"] == [{"message": "here", "path": "a.b", "line": 3, "column": 1}]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 429, 500, 503])
def test_typed_clients_decode_every_error(status: int) -> None:
    problem = Problem(code=Code.INVALID, message="No.", next_step="Look.")
    _, body = wire.error_of_status(
        status, problem, path="/pipeline/api/pipelines", at=1_700_000_000.1234, request_id="r"
    )
    exception = go_types.unmarshal(body, go_types.EXCEPTION)
    assert (exception["timestamp"], exception["status"]) == (1_700_000_000_123, status)


@pytest.mark.parametrize("path", ["/csp/gateway/am/api/login", "/csp/gateway/am/idp/auth/login", "/iaas/api/login"])
def test_typed_clients_decode_a_refused_sign_in(path: str) -> None:
    problem = Problem(code=Code.UNAUTHENTICATED, message="Wrong password.")
    _, body = wire.error_body(problem, path=path, at=2.0, request_id="r")
    refusal = go_types.unmarshal(body, go_types.SIGN_IN_ERROR)
    assert (refusal["timestamp"], refusal["status"]) == (2_000, "401 UNAUTHORIZED")
    assert refusal["serverMessage"] == "Wrong password."
    go_types.unmarshal(body, go_types.TOKEN_ERROR)


def test_the_secrets_of_an_endpoint_are_sealed_and_references_stay_readable() -> None:
    body = {
        "type": "docker",
        "properties": {"username": "ann", "password": "s3cret", "token": "${var.hub}", "repoURL": "acme/web"},
    }
    wrapped = wrap(Kind.ENDPOINTS, body, seal, mint, creating=True)
    assert wrapped.body["properties"] == {
        "username": "ann", "password": "*****", "token": "${var.hub}", "repoURL": "acme/web",
    }  # fmt: skip
    assert wrapped.sealed == {"properties.password": seal("s3cret")}
    assert body["properties"]["password"] == "s3cret"  # type: ignore[index]


def test_the_keys_of_an_unknown_endpoint_type_are_all_sealed() -> None:
    body = {"type": "brand-new", "properties": {"Password": "a", "privateKey": "b", "url": "u"}}
    wrapped = wrap(Kind.ENDPOINTS, body, seal, mint, creating=False)
    assert wrapped.body["properties"] == {"Password": "*****", "privateKey": "*****", "url": "u"}


@pytest.mark.parametrize(
    ("type_", "value", "sealed"),
    [
        ("REGULAR", "x", {}),
        ("SECRET", "x", {"value": "<x>"}),
        ("restricted", 5, {"value": "<5>"}),
        ("SECRET", "*****", {}),
        ("SECRET", "", {}),
        ("SECRET", None, {}),
        ("SECRET", "${var.other}", {"value": "<${var.other}>"}),
    ],
)
def test_a_variable_is_sealed_by_its_type(type_: str, value: Any, sealed: dict[str, str]) -> None:
    wrapped = wrap(Kind.VARIABLES, {"type": type_, "value": value}, seal, mint, creating=True)
    assert {path: box.box for path, box in wrapped.sealed.items()} == sealed


def test_a_new_webhook_gets_a_token_that_only_our_answer_shows() -> None:
    wrapped = wrap(Kind.WEBHOOKS, {"name": "w", "refreshToken": "api"}, seal, mint, creating=True)
    assert wrapped.body == {"name": "w", "refreshToken": "*****", "secretToken": "*****"}
    assert wrapped.hashes == {"secretToken": token_hash("minted"), "refreshToken": token_hash("api")}
    assert wrapped.minted == {"secretToken": "minted"}


def test_a_number_is_a_secret_as_much_as_a_text() -> None:
    body = {"type": "docker", "properties": {"password": 1234, "token": 0.5, "repoURL": "acme/web"}}
    wrapped = wrap(Kind.ENDPOINTS, body, seal, mint, creating=True)
    assert wrapped.body["properties"] == {"password": MASK, "token": MASK, "repoURL": "acme/web"}
    assert set(wrapped.sealed) == {"properties.password", "properties.token"}
    wrapped = wrap(Kind.WEBHOOKS, {"name": "w", "secretToken": 1234}, seal, mint, creating=True)
    assert wrapped.body["secretToken"] == MASK and wrapped.hashes["secretToken"] == token_hash("1234")


def test_a_webhook_may_name_the_variable_that_holds_its_api_token() -> None:
    body = {"name": "w", "refreshToken": "${var.HOOK_TOKEN}"}
    wrapped = wrap(Kind.WEBHOOKS, body, seal, mint, creating=False)
    assert (wrapped.body, wrapped.sealed, wrapped.hashes) == (body, {}, {})


def test_only_a_variable_that_may_be_a_token_of_ours_is_hashed_since_a_password_could_be_guessed() -> None:
    token = new_token()
    for value, hashes in ((token, {"value": token_hash(token)}), ("hunter2", {}), (f"{token}!", {})):
        wrapped = wrap(Kind.VARIABLES, {"type": "SECRET", "value": value}, seal, mint, creating=True)
        assert wrapped.hashes == hashes and wrapped.body["value"] == "*****"


def test_a_webhook_that_is_sent_back_keeps_its_tokens() -> None:
    body = {"name": "w", "secretToken": "*****", "refreshToken": "*****"}
    wrapped = wrap(Kind.WEBHOOKS, body, seal, mint, creating=False)
    assert (wrapped.sealed, wrapped.hashes, wrapped.minted) == ({}, {}, {})


def test_a_webhook_with_a_new_endpoint_seals_that_too() -> None:
    body = {"name": "w", "endpoint": {"name": "hub", "properties": {"password": "p"}}}
    wrapped = wrap(Kind.WEBHOOKS, body, seal, mint, creating=True)
    assert wrapped.sealed["endpoint.properties.password"] == seal("p")
    assert wrapped.body["endpoint"]["properties"] == {"password": "*****"}


def test_a_password_leaves_only_as_a_digest() -> None:
    wrapped = wrap(Kind.USERS, {"name": "ann", "password": "open sesame"}, seal, mint, creating=True)
    assert wrapped.body["password"] == "*****" and len(wrapped.hashes["password"]) == 64 and not wrapped.sealed


def kubeconfig(**user: Any) -> str:
    return yaml.safe_dump(
        {
            "current-context": "prod",
            "contexts": [
                {"name": "dev", "context": {"cluster": "c", "user": "u"}},
                {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "apps"}},
            ],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": "https://k8s.example.com:6443",
                        "certificate-authority-data": base64.b64encode(b"PEM CA").decode(),
                    },
                }
            ],
            "users": [{"name": "u", "user": user}],
        }
    )


def test_a_kubeconfig_becomes_the_properties_of_its_current_context() -> None:
    imported = import_kubeconfig({"kubeconfig": kubeconfig(token="t"), "fingerprint": "f"})
    assert imported == {
        "fingerprint": "f",
        "kubernetesURL": "https://k8s.example.com:6443",
        "certAuthorityData": "PEM CA",
        "namespace": "apps",
        "authType": "token",
        "token": "t",
    }
    shown = described(kubeconfig(token="t"))["contexts"]
    assert [(one["name"], one["current"], one["namespace"]) for one in shown] == [
        ("prod", True, "apps"),
        ("dev", False, ""),
    ]
    assert {(one["url"], one["authType"], one["problem"]) for one in shown} == {
        ("https://k8s.example.com:6443", "token", "")
    }
    assert "'t'" not in str(shown)


def test_a_context_that_cannot_travel_is_shown_with_the_reason_beside_the_others() -> None:
    config = yaml.safe_load(kubeconfig(token="t"))
    config["contexts"].append({"name": "eks", "context": {"cluster": "c", "user": "aws"}})
    config["users"].append({"name": "aws", "user": {"exec": {"command": "doctl"}}})
    shown = {one["name"]: one for one in described(yaml.safe_dump(config))["contexts"]}
    assert "running doctl" in shown["eks"]["problem"] and "ServiceAccount" in shown["eks"]["nextStep"]
    assert shown["prod"]["problem"] == ""


def test_the_files_that_a_kubeconfig_names_are_taken_along() -> None:
    text = kubeconfig(**{"client-certificate": "/home/ann/c.pem", "client-key": "k.pem"})
    files = {"/home/ann/c.pem": "CERT", "k.pem": "KEY"}
    imported = import_kubeconfig({"kubeconfig": text, "files": files})
    assert (imported["certData"], imported["certKeyData"]) == ("CERT", "KEY")
    assert "files" not in imported
    assert import_kubeconfig({"kubeconfig": kubeconfig(tokenFile="t"), "files": {"t": "abc\n"}})["token"] == "abc"
    assert described(text)["contexts"][0]["problem"].startswith("The kubeconfig refers to the file /home/ann/c.pem")
    assert described(text, files)["contexts"][0]["problem"] == ""


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost:6443", True),
        ("https://[::1]:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://localhost.example.com", False),
    ],
)
def test_an_address_that_only_one_machine_has_is_warned_of(url: str, warned: bool) -> None:
    text = kubeconfig(token="t").replace("https://k8s.example.com:6443", url)
    assert bool(described(text)["contexts"][0]["warnings"]) is warned


def test_a_kubeconfig_with_certificates_and_another_context() -> None:
    data = {
        "client-certificate-data": base64.b64encode(b"C").decode(),
        "client-key-data": base64.b64encode(b"K").decode(),
    }
    imported = import_kubeconfig({"kubeconfig": kubeconfig(**data), "context": "dev"})
    assert (imported["authType"], imported["certData"], imported["certKeyData"]) == ("certificate", "C", "K")
    assert "namespace" not in imported


def test_whom_a_kubeconfig_acts_as_and_the_name_in_the_certificate_are_taken_over() -> None:
    text = kubeconfig(
        token="t", **{"as": "deployer", "as-groups": ["dev", "ops"], "as-user-extra": {"scope": ["view", "edit"]}}
    ).replace("server:", "tls-server-name: k8s.internal\n    server:")
    imported = import_kubeconfig({"kubeconfig": text})
    assert imported["tlsServerName"] == "k8s.internal"
    assert imported["impersonateUser"] == "deployer"
    assert imported["impersonateGroups"].splitlines() == ["dev", "ops"]
    assert imported["impersonateExtra"].splitlines() == ["scope: view", "scope: edit"]


@pytest.mark.parametrize(
    ("url", "properties"),
    [
        ("http://proxy.example.com:3128/", {"proxyURL": "http://proxy.example.com:3128"}),
        (
            "https://ann:p%40ss@[2001:db8::1]:3128",
            {"proxyURL": "https://[2001:db8::1]:3128", "proxyUser": "ann", "proxyPassword": "p@ss"},
        ),
    ],
)
def test_a_kubeconfigs_proxy_is_taken_over_and_its_password_stands_apart(url: str, properties: dict[str, str]) -> None:
    imported = import_kubeconfig(
        {"kubeconfig": kubeconfig(token="t").replace("server:", f"proxy-url: {url}\n    server:")}
    )
    assert {name: text for name, text in imported.items() if name.startswith("proxy")} == properties


def test_a_key_that_is_not_taken_over_is_warned_of() -> None:
    text = kubeconfig(token="t", later="x").replace("server:", "disable-compression: true\n    server:")
    assert described(text)["contexts"][0]["warnings"] == [
        "The cluster's disable-compression is not taken over: Portside does not use it.",
        "The user's later is not taken over: Portside does not use it.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (kubeconfig(token="t", **{"as-uid": "7"}), "as-uid"),
        (kubeconfig(token="t", **{"as-groups": ["dev"]}), "without as"),
        (
            kubeconfig(token="t").replace("server:", "proxy-url: socks5://proxy\n    server:"),
            "speaks to HTTP proxies only",
        ),
        (kubeconfig(token="t").replace("server:", "proxy-url: http://[::1\n    server:"), "proxy-url is not a URL"),
        (kubeconfig(exec={"command": "doctl"}), "running doctl"),
        (kubeconfig(**{"client-certificate": "/home/ann/c.pem"}), "refers to the file /home/ann/c.pem"),
        (kubeconfig(), "no token, certificate or password"),
        ("a: [", "cannot be read at line 2, column 1: not valid YAML"),
        ("[]", "not a YAML object"),
        ("{}", "has no context"),
    ],
)
def test_a_kubeconfig_that_cannot_travel_says_why(text: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        import_kubeconfig({"kubeconfig": text})
    assert said in caught.value.problem.message


IMPORT = """\
---
project: default
kind: ENDPOINT
name: hub
type: docker
properties:
  username: ann
  password: "s3cret"
  token: ${var.hub}
---
kind: VARIABLE
name: key
type: SECRET
value: |
  line one
  line two
description: after it
---
kind: PIPELINE
name: p
"""


def test_the_secrets_of_an_import_are_taken_out_without_moving_a_line() -> None:
    given = seal_yaml(IMPORT, seal)
    text = given.text
    assert {path: box.box for path, box in given.sealed.items()} == {
        "0.properties.password": "<s3cret>",
        "1.value": "<line one\nline two\n>",
    }
    assert "s3cret" not in text and "line one" not in text
    assert text.splitlines().index("description: after it") == IMPORT.splitlines().index("description: after it")
    documents = list(yaml.safe_load_all(text))
    assert documents[0]["properties"] == {"username": "ann", "password": "*****", "token": "${var.hub}"}
    assert documents[1]["value"] == "*****" and documents[1]["description"] == "after it"


@pytest.mark.parametrize("text", ["", "kind: PIPELINE\nname: x\n", "- kind: ENDPOINT"])
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert seal_yaml(text, seal) == SealedText(text)


PROPERTIES = "properties: {username: ann, password: s3cret-word}"


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "ENDPOINT", "type": "docker", "properties": {"password": "s3cret-word"}}',
        f'"kind" : "ENDPOINT"\ntype: docker\n{PROPERTIES}\n',
        f"kind: &kind ENDPOINT\ntype: docker\n{PROPERTIES}\n",
        f"kind: !!str ENDPOINT\ntype: docker\n{PROPERTIES}\n",
        f"kind:\n  ENDPOINT\ntype: docker\n{PROPERTIES}\n",
        f'kind: "\\x45NDPOINT"\ntype: docker\n{PROPERTIES}\n',
        f"? kind\n: ENDPOINT\n? type\n: docker\n{PROPERTIES}\n",
        f"name: &kind endpoint\nkind: *kind\ntype: docker\n{PROPERTIES}\n",
        '{"kind": "VARIABLE", "type": "SECRET", "value": "s3cret-word"}',
        '{"kind": "DOCKER_WEBHOOK", "endpoint": {"properties": {"password": "s3cret-word"}}}',
        '{"kind": "GERRIT_LISTENER", "apiToken": "s3cret-word"}',
        f"kind: ENDPIONT\ntype: docker\n{PROPERTIES}\n",
        "kind: SECRET_THING\nvalue: s3cret-word\n",
    ],
)
def test_however_a_kind_is_written_its_secrets_are_sealed(text: str) -> None:
    given = seal_yaml(text, seal)
    assert "s3cret-word" not in given.text and len(given.sealed) == 1


@pytest.mark.parametrize(
    "text",
    [
        "kind: ENDPOINT\nproperties: {password: s3cret-word",
        "kind: ENDPOINT\ntype: docker\nproperties: {password: [s3cret-word]}\n",
        "kind: ENDPOINT\ntype: docker\nproperties: {password: {a: s3cret-word}}\n",
        "kind: ENDPOINT\ntype: docker\nproperties: [{password: s3cret-word}]\n",
        "kind: ENDPOINT\ntype: docker\nproperties: {password: a, password: s3cret-word}\n",
        "kind: ENDPOINT\ntype: docker\nproperties: {<<: {password: s3cret-word}}\n",
        "kind: VARIABLE\ntype: SECRET\ndescription: &word s3cret-word\nvalue: *word\n",
        "kind: VARIABLE\ntype: SECRET\nvalue: [s3cret-word]\n",
        "kind: VARIABLE\nkind: PIPELINE\ntype: SECRET\nvalue: s3cret-word\n",
        "x: *gone\n---\nkind: VARIABLE\ntype: SECRET\nvalue: s3cret-word\n",
    ],
)
def test_a_text_whose_secrets_cannot_be_told_apart_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Refused, match="the YAML cannot be read: line") as refused:
        seal_yaml(text, seal)
    assert refused.value.problem.flaws[0].line is not None
    assert "s3cret-word" not in str(refused.value.problem)


def test_an_imported_webhook_brings_its_tokens_sealed_and_hashed() -> None:
    given = seal_yaml("kind: DOCKER_WEBHOOK\nname: w\nsecretToken: tok\nrefreshToken: '*****'\n", seal)
    assert given.hashes == {"0.secretToken": token_hash("tok")} and set(given.sealed) == {"0.secretToken"}


def test_an_imported_variable_that_may_be_a_token_of_ours_is_hashed_and_a_reference_to_it_stays() -> None:
    token = new_token()
    text = f"kind: VARIABLE\ntype: SECRET\nvalue: {token}\n---\nkind: DOCKER_WEBHOOK\nrefreshToken: ${{var.T}}\n"
    given = seal_yaml(text, seal)
    assert given.hashes == {"0.value": token_hash(token)} and "refreshToken: ${var.T}" in given.text


def test_a_kubeconfig_in_an_import_is_refused_with_its_place() -> None:
    with pytest.raises(Refused) as caught:
        seal_yaml("kind: ENDPOINT\ntype: k8s\nproperties:\n  kubeconfig: |\n    token: s3cret\n", seal)
    assert caught.value.problem.flaws[0].line == 4 and "s3cret" not in str(caught.value.problem)


@pytest.mark.parametrize("whole", ["SCHEMAS", "REQUIRED"])
def test_each_schema_is_in_one_module_and_each_module_is_in_the_table(whole: str) -> None:
    names = [info.name for info in pkgutil.iter_modules(schemas.__path__) if info.name != "table"]
    parts = [getattr(import_module(f"{schemas.__name__}.{name}"), whole, {}) for name in names]
    assert sorted(schema for part in parts for schema in part) == sorted(getattr(table, whole))
