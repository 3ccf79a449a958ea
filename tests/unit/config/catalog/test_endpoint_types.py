from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog.endpoints import schemas
from services.config.catalog.endpoints.types import endpoint_type, flaws_of, spelled
from shared.contracts.secrets import ENDPOINT_SECRETS

COMPLETE: dict[str, dict[str, Any]] = {
    "docker": {"repoURL": "acme/web"},
    "k8s": {"kubernetesURL": "https://10.0.0.1:6443", "token": "*****"},
    "git": {"repoURL": "https://git.example.com/acme/web.git"},
    "email": {"senderAddress": "portside@example.com", "outboundHost": "smtp.example.com"},
    "slack": {"url": "https://hooks.slack.com/services/T/B/x"},
    "teams": {"url": "https://acme.webhook.example.com/workflows/x"},
    "discord": {"url": "https://discord.example.com/api/webhooks/1/x"},
    "pagerduty": {"routingKey": "x"},
    "webhook": {"url": "https://example.com/told"},
}


def flaws(type_: str, **properties: Any) -> list[str]:
    return [flaw.message for flaw in flaws_of(type_, spelled(type_, properties), {})]


@pytest.mark.parametrize("type_", sorted(schemas.TYPES))
def test_what_a_type_needs_is_enough_and_each_part_of_it_is_missed(type_: str) -> None:
    assert flaws(type_, **COMPLETE[type_]) == []
    for name in COMPLETE[type_]:
        rest = {key: value for key, value in COMPLETE[type_].items() if key != name}
        if (type_, name) == ("k8s", "kubernetesURL") or (type_, name) == ("k8s", "token"):
            rest["authType"] = "token"
        said = flaws(type_, **rest)
        assert len(said) == 1 and said[0].startswith(f"{name} is required")


def test_every_secret_of_a_type_that_has_a_form_is_asked_for_by_it() -> None:
    asked = {name: {one.name for one in type_.properties} for name, type_ in schemas.TYPES.items()}
    for name, properties in asked.items():
        assert set(ENDPOINT_SECRETS[name]) - properties <= {"token"}  # a Slack token is hidden, and not used


def test_a_form_learns_which_properties_are_secret_and_when_each_is_asked_for() -> None:
    git = next(one for one in schemas.documents() if one["type"] == "git")
    by_name = {one["name"]: one for one in git["properties"]}
    assert by_name["privateKey"]["secret"] and not by_name["repoURL"]["secret"]
    assert by_name["privateKey"]["when"] == {"authType": ["privateKey"]}
    assert {"value": "GITHUB", "title": "GitHub"} in by_name["serverType"]["choices"]


def test_defaults_are_filled_in_and_choices_and_numbers_are_read_in_any_spelling() -> None:
    email = spelled("email", {"SenderAddress": "a@example.com", "outboundport": "465", "encryptionMethod": "ssl"})
    assert email == {
        "senderAddress": "a@example.com",
        "outboundPort": 465,
        "encryptionMethod": "SSL",
        "outboundProtocol": "smtp",
    }
    assert spelled("git", {"repoURL": "git@example.com:acme/web.git", "privateKey": "*****"})["authType"] == (
        "privateKey"
    )
    assert spelled("git", {"repoURL": "x", "serverType": "GitHub"})["serverType"] == "GITHUB"
    assert spelled("jira", {"URL": "https://jira.example.com"}) == {"URL": "https://jira.example.com"}


@pytest.mark.parametrize(
    ("type_", "properties", "said"),
    [
        ("email", {**COMPLETE["email"], "outboundPort": "many"}, "outboundPort must be a number from 1 to 65535"),
        ("email", {**COMPLETE["email"], "outboundPort": 0}, "outboundPort must be a number from 1 to 65535"),
        ("email", {**COMPLETE["email"], "encryptionMethod": "ROT13"}, "encryptionMethod 'ROT13' is not known"),
        ("webhook", {"url": "example.com/told"}, "url must begin with https:// or http://"),
        ("git", {"repoURL": "https://ann:secret@git.example.com/acme/web"}, "repoURL holds a password"),
        ("git", {"repoURL": "/etc"}, "repoURL is not the address of a Git server"),
        ("git", {"repoURL": "file:///etc/passwd"}, "repoURL is not the address of a Git server"),
        ("git", {"repoURL": "ext::sh -c id"}, "repoURL is not the address of a Git server"),
        ("git", {"repoURL": "--upload-pack=id@example.com:x"}, "repoURL is not the address of a Git server"),
        ("git", {**COMPLETE["git"], "authType": "password"}, "password is required with authType password"),
        ("docker", {"repoURL": "acme/we b"}, "'we b' is not a repository name"),
        ("docker", {"repoURL": "acme/web", "serverType": "OCI"}, "repoURL does not name the registry"),
        ("docker", {"repoURL": "r.example.com/web", "serverType": "DockerHub"}, "repoURL names the registry r.example"),
        ("docker", {"repoURL": "acme/web", "serverType": "Quay"}, "serverType 'Quay' is not known"),
        ("k8s", {"authType": "kerberos"}, "authType 'kerberos' is not known"),
        ("k8s", {"authType": "kubeconfig"}, "kubeconfig is required with authType kubeconfig"),
    ],
)
def test_what_is_wrong_is_said(type_: str, properties: dict[str, Any], said: str) -> None:
    found = flaws(type_, **properties)
    assert len(found) == 1 and found[0].startswith(said)


@pytest.mark.parametrize("type_", sorted(schemas.TYPES))
def test_references_are_taken_everywhere(type_: str) -> None:
    properties = {one.name: f"${{var.{one.name}}}" for one in schemas.TYPES[type_].properties}
    assert flaws(type_, **properties) == []


def test_endpoint_types_and_properties_are_read_in_any_spelling() -> None:
    assert {endpoint_type(one) for one in ("docker", "dockerRegistry", "Docker-Registry", "DOCKER_REGISTRY")} == {
        "docker"
    }
    assert endpoint_type("Something") == "Something"
    properties = spelled("docker", {"repoUrl": "acme/web", "servertype": "Docker_Trusted_Registry"})
    assert properties == {"repoURL": "acme/web", "serverType": "DTR"}
    assert spelled("docker", {"repoURL": "ghcr.io/acme/web"})["serverType"] == "OCI"
    assert spelled("k8s", {"kubernetesUrl": "https://c", "certData": "x"})["authType"] == "certificate"


def test_an_endpoint_without_a_cloud_has_nothing_of_one() -> None:
    assert spelled("docker", {"repoURL": "acme/web"}) == {"repoURL": "acme/web", "serverType": "DockerHub"}
    assert spelled("k8s", {"authType": "eks"})["cloudIdentity"] == "keys"


@pytest.mark.parametrize(
    ("type_", "properties", "lacking"),
    [
        ("k8s", {"authType": "EKS", "kubernetesURL": "https://x.example.com"},
         ["eksCluster", "awsAccessKeyId", "awsSecretAccessKey"]),
        ("k8s", {"authType": "GKE", "kubernetesURL": "https://x.example.com"}, ["googleKey"]),
        ("k8s", {"authType": "AKS", "kubernetesURL": "https://x.example.com"},
         ["azureTenantId", "azureClientId", "azureClientSecret"]),
        ("docker", {"serverType": "ECR", "repoURL": "public.ecr.aws/acme/web"},
         ["awsAccessKeyId", "awsSecretAccessKey"]),
        ("docker", {"serverType": "GAR", "repoURL": "europe-docker.pkg.dev/acme/apps/web", "cloudIdentity": "POD"}, []),
        ("docker", {"serverType": "ACR", "repoURL": "acme.azurecr.io/web", "cloudIdentity": "pod"}, []),
    ],
)  # fmt: skip
def test_a_cloud_needs_its_keys_unless_the_pod_has_an_identity(
    type_: str, properties: dict[str, Any], lacking: list[str]
) -> None:
    assert sorted(message.partition(" ")[0] for message in flaws(type_, **properties)) == sorted(lacking)


def test_an_endpoint_of_the_runners_pod_has_its_address_written_out() -> None:
    address = "${var.cluster}"
    assert flaws("k8s", authType="GKE", kubernetesURL=address, cloudIdentity="pod") == [
        "cloudIdentity needs an address that is written out, not taken from a variable"
    ]
