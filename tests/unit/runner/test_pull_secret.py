"""Under which registry the sign-in of an endpoint is written, and as whom."""

from __future__ import annotations

import base64
import json

import pytest

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s.pull_secrets import pull_secret
from tests.support.outbound import GUARDED

HUB = "https://index.docker.io/v1/"


def auths(**properties: str) -> dict[str, dict[str, str]]:
    endpoint = OpenEndpoint(name="oci1", type="docker", properties={"username": "ci", "password": "x", **properties})
    document = json.loads(base64.b64decode(pull_secret(endpoint, CloudLogins(GUARDED))["data"][".dockerconfigjson"]))
    assert list(document) == ["auths"]
    return dict(document["auths"])


@pytest.mark.parametrize(
    ("properties", "key"),
    [
        ({"serverType": "OCI", "repoURL": "https://registry.example.com/acme/web"}, "registry.example.com"),
        ({"serverType": "OCI", "repoURL": "registry.example.com/acme"}, "registry.example.com"),
        ({"serverType": "DTR", "repoURL": "https://registry.example.com:5443/acme"}, "registry.example.com:5443"),
        ({"serverType": "OCI", "repoURL": "localhost:5000/web"}, "localhost:5000"),
        ({"serverType": "OCI", "repoURL": "x.example.com/web", "registryURL": "https://pull.example.com/v2/"},
         "pull.example.com"),
        ({"serverType": "OCI", "repoURL": "acme/web", "registryURL": "https://Pull.example.com:5443/v2/acme"},
         "pull.example.com:5443"),
        ({"serverType": "OCI", "repoURL": "r.example.com/web", "registryURL": "https://registry-1.docker.io"},
         "r.example.com"),
        ({"serverType": "DockerHub", "repoURL": "https://registry.example.com/acme/web"}, "registry.example.com"),
        ({"serverType": "DockerHub", "repoURL": "acme/web"}, HUB),
        ({"serverType": "DockerHub", "repoURL": "https://hub.docker.com/r/acme/web"}, HUB),
        ({"serverType": "OCI", "repoURL": "index.docker.io/acme/web"}, HUB),
        ({"repoURL": "acme/web", "registryURL": "https://registry-1.docker.io/v2/"}, HUB),
    ],
)  # fmt: skip
def test_a_sign_in_is_written_under_the_registry_of_its_endpoint(properties: dict[str, str], key: str) -> None:
    assert list(auths(**properties)) == [key]


def test_a_token_without_a_user_name_pulls_too() -> None:
    registry = {"serverType": "OCI", "repoURL": "registry.example.com/acme/web"}
    (entry,) = auths(**registry, username="", password="", token="glpat-1").values()
    assert (entry["username"], entry["password"]) == ("token", "glpat-1")
    assert base64.b64decode(entry["auth"]) == b"token:glpat-1"


@pytest.mark.parametrize("given", [{"username": "", "password": ""}, {"password": ""}])
def test_without_a_password_there_is_nothing_to_pull_with(given: dict[str, str]) -> None:
    with pytest.raises(TaskFailed, match="no user name and password"):
        auths(serverType="OCI", repoURL="registry.example.com/acme/web", **given)
