"""What is secret in a body or an imported text leaves the gateway sealed or hashed, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from services.gateway.commands.imports import SealedText, seal_yaml
from services.gateway.commands.sealing import wrap
from shared.contracts.base import Sealed
from shared.contracts.catalog import Kind
from shared.contracts.problems import Refused
from shared.contracts.secrets import MASK
from shared.process.secrets import new_token, token_hash


def seal(secret: str) -> Sealed:
    return Sealed(key_id="k", box=f"<{secret}>")


def mint() -> str:
    return "minted"


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
