"""A commit that has a secret in clear is refused, with the file, the line and the column."""

from __future__ import annotations

import pytest

from services.config.catalog.following.files import read
from services.config.catalog.following.literals import NO_VALUE, REFER
from shared.contracts.definition_sources import SourceFile

TASK = """\
kind: PIPELINE
name: Deploy web
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Run]
    tasks:
      Run:
        type: {type}
        input:
          {input}
"""
TOKEN = "ghp_" + "a1B2" * 9
KEY = "-----BEGIN " + "OPENSSH PRIVATE KEY-----"


def flaws(text: str) -> list[tuple[int, int, str]]:
    """Line, column and path of each."""
    _, found = read([SourceFile(path="a.yaml", text=text)], "default")
    assert {flaw["message"] for flaw in found} <= {REFER, NO_VALUE}
    return [(flaw["line"], flaw["column"], flaw["path"]) for flaw in found]


INPUT = "stages.Only.tasks.Run.input"


@pytest.mark.parametrize(
    ("type_", "given", "place"),
    [
        ("SSH", "password: hunter2", (11, 11, f"{INPUT}.password")),
        ("SSH", "PrivateKey: x", (11, 11, f"{INPUT}.PrivateKey")),
        ("SSH", "password: 12345678", (11, 11, f"{INPUT}.password")),
        ("SSH", "environmentVariables: {DB_PASSWORD: hunter2}", (11, 34, f"{INPUT}.environmentVariables.DB_PASSWORD")),
        ("REST", "headers: {Authorization: Basic YTpi}", (11, 21, f"{INPUT}.headers.Authorization")),
        ("POLL", "headers: {X-Api-Key: abc}", (11, 21, f"{INPUT}.headers.X-Api-Key")),
        ("REST", "url: https://ann:hunter2@example.com/", (11, 11, f"{INPUT}.url")),
        ("K8S", "values: {db: {auth: {password: hunter2}}}", (11, 32, f"{INPUT}.values.db.auth.password")),
        ("Custom", "properties: {token: abc}", (11, 24, f"{INPUT}.properties.token")),
        ("CI", f"steps: ['git clone https://x:{TOKEN}@github.com/acme/web']", (11, 40, f"{INPUT}.steps[0]")),
    ],
)
def test_a_secret_of_a_task_is_found_at_its_place(type_: str, given: str, place: tuple[int, int, str]) -> None:
    assert flaws(TASK.format(type=type_, input=given)) == [place]


def test_the_secret_of_a_manifest_is_found_at_its_own_line() -> None:
    manifest = (
        "yaml: |\n            kind: Secret\n            apiVersion: v1\n            metadata: {name: db}\n"
        "            stringData:\n              user: ${var.user}\n              password: hunter2"
    )
    assert flaws(TASK.format(type="K8S", input=manifest)) == [(17, 25, f"{INPUT}.yaml")]
    patch = "kind: Secret\n          patch: {stringData: {password: hunter2}}"
    assert flaws(TASK.format(type="K8S", input=patch)) == [(12, 42, f"{INPUT}.patch")]


def test_a_header_of_a_notification_is_found() -> None:
    text = "kind: PIPELINE\nname: x\nnotifications:\n  webhook:\n  - headers: {Authorization: Bearer abc}\n"
    assert flaws(text) == [(5, 15, "notifications.webhook[0].headers.Authorization")]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"kind: VARIABLE\nname: x\ntype: REGULAR\nvalue: {TOKEN}\n", (4, 8, "value")),
        (f"kind: CUSTOM_INTEGRATION\nname: x\nyaml: |\n  a: 1\n  {KEY}\n", (5, 3, "yaml")),
        ("kind: VARIABLE\nname: x\ntype: SECRET\nvalue: abc\n", (4, 1, "value")),
        ("kind: ENDPOINT\nname: x\ntype: docker\nproperties: {password: abc}\n", (4, 14, "properties.password")),
        ("kind: REGISTRY_WEBHOOK\nname: x\nsecretToken: abc\n", (3, 1, "secretToken")),
    ],
)
def test_a_secret_of_another_object_is_found(text: str, place: tuple[int, int, str]) -> None:
    assert flaws(text) == [place]


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("SSH", "password: ${var.password}"),
        ("SSH", "password: ''"),
        ("REST", 'headers: {Authorization: "Bearer ${var.token}", Idempotency-Key: abc, Accept: text/plain}'),
        ("REST", "url: https://example.com/token?key=1"),
        ("K8S", "values: {existingSecret: web-db, tls: {secretName: web-tls}, tokenUrl: https://example.com}"),
        ("K8S", "imagePullSecretFrom: registry"),
        ("K8S", "yaml: 'kind: ConfigMap\n\n            data: {password: not-a-secrets-value}'"),
        ("K8S", 'yaml: {kind: Secret, stringData: {url: "postgres://web:${var.password}@db/web"}}'),
        ("Pipeline", "inputProperties: {TOKEN: '${input.TOKEN}'}"),
    ],
)
def test_what_only_refers_to_a_secret_is_none(type_: str, given: str) -> None:
    assert flaws(TASK.format(type=type_, input=given)) == []
