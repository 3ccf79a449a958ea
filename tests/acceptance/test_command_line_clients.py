"""Clients that were written for Code Stream do all that they can do here, unchanged and over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import yaml

from cli import system
from tests.support.patience import PATIENCE_S
from tests.support.world import World, wait_for

from .clients import Cs1, Cs2, Failed, Rest, Vracli

PIPELINE = """\
---
project: default
kind: PIPELINE
name: {name}
icon: organization,left, is-info
enabled: true
description: from a file
concurrency: 10
options: [
  ]
input:
  WHO: world
_inputMeta:
  WHO:
    mandatory: false
    description: ''
workspace:
  type: DOCKER
  endpoint: ''
  image: ''
  registry: ''
  path: ''
  cache: [
    ]
  autoCloneForTrigger: false
  limits:
    cpu: 1.0
    memory: 512
stageOrder:
- Stage0
stages:
  Stage0:
    taskOrder:
    - Task0
    tasks:
      Task0:
        type: Condition
        input:
          condition: ${{input.WHO}} != ""
"""
ENDPOINT = """\
---
project: default
kind: ENDPOINT
name: {name}
description: a cluster
type: k8s
properties:
  kubernetesURL: https://kubernetes.example.com:6443
  authType: token
  token: {token}
"""


@pytest.fixture
def password(world: World) -> str:
    return world.layout.password_file.read_text().strip()


@pytest.fixture
def cs1(world: World, password: str) -> Iterator[Cs1]:
    """A client that has just been started; each command of the real one is a process of its own."""
    client = Cs1(world.layout.url, world.layout.certificate)
    client.sign_in(system.ADMIN, password)
    yield client
    client.session.close()


def again(client: Cs1) -> Cs1:
    """The next command of the same user: nothing leaked from the last one, the token from its file."""
    fresh = Cs1(client.base, client.certificate)
    fresh.session.headers["Authorization"] = client.session.headers["Authorization"]
    return fresh


def run_to_the_end(client: Cs1, pipeline: str) -> str:
    started = again(client).execute(pipeline, {"WHO": "you"}, "from the command line")
    id = str(started["executionLink"].rpartition("/")[2])
    assert started["executionLink"] == f"/codestream/api/executions/{id}" and started["executionId"] == id
    wait_for(lambda: client.execution(id)["status"] == "COMPLETED", f"execution {id} to complete")
    return id


def test_signing_in_by_password_in_each_of_the_ways(world: World, password: str) -> None:
    first = Cs1(world.layout.url, world.layout.certificate)
    assert not first.is_signed_in()
    first.sign_in(system.ADMIN, password)
    assert first.is_signed_in()
    for domain in ("", "System Domain"):
        second = Cs2(world.layout.url, world.layout.certificate)
        assert not second.is_signed_in()
        second.sign_in(system.ADMIN, password, domain)
        assert second.is_signed_in()


def test_signing_in_by_api_token_in_both_forms(world: World, cs1: Cs1) -> None:
    made = cs1.session.post(
        f"{cs1.base}/codestream/api/api-tokens", json={"name": "ci", "email": ""}, timeout=PATIENCE_S
    ).json()
    token = made["token"]
    for client in (Cs1, Cs2):
        by_token = client(world.layout.url, world.layout.certificate)
        by_token.sign_in_with(token)
        assert by_token.is_signed_in()
    rest = Rest(world.layout.url, world.layout.certificate)
    authorize = "/csp/gateway/am/api/auth/api-tokens/authorize"
    form = rest.call("POST", authorize, data={"refresh_token": token}).json()
    assert form["expires_in"] > 300 and form["refresh_token"] == token and form["token_type"].capitalize() == "Bearer"
    rest.bearer(form["access_token"])
    assert rest.call("GET", "/codestream/api/about").json()["supportedApis"][0]["apiVersion"] == "2019-10-17"
    cs1.session.delete(f"{cs1.base}/codestream/api/api-tokens/{made['id']}", timeout=PATIENCE_S)
    with pytest.raises(Failed, match="token"):
        Cs2(world.layout.url, world.layout.certificate).sign_in_with(token)


def test_the_bearer_token_stands_in_the_header_of_the_sign_in_too(world: World, password: str) -> None:
    answer = requests.post(
        f"{world.layout.url}/csp/gateway/am/api/login?access_token",
        json={"username": system.ADMIN, "password": password},
        verify=world.layout.certificate,
        timeout=PATIENCE_S,
    )
    assert answer.headers["Authorization"] == f"Bearer {answer.json()['access_token']}"


def test_a_wrong_password_is_said_in_the_words_that_each_client_prints(world: World) -> None:
    with pytest.raises(Failed, match="password is not right"):
        Cs1(world.layout.url, world.layout.certificate).sign_in("nobody", "wrong")
    with pytest.raises(Failed, match="password is not right"):
        Cs2(world.layout.url, world.layout.certificate).sign_in("nobody", "wrong", "corp")
    with pytest.raises(Failed, match="API token"):
        Cs1(world.layout.url, world.layout.certificate).sign_in_with("wrong")


def test_a_client_verifies_the_certificate(world: World) -> None:
    stranger = Cs1(world.layout.url, "")
    stranger.session.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        stranger.is_signed_in()


def test_the_first_client_lives_a_pipelines_whole_life(cs1: Cs1) -> None:
    name = "cs1-demo"
    assert cs1.import_(PIPELINE.format(name=name), "create") == 200
    assert again(cs1).import_(PIPELINE.format(name=name).replace("from a file", "changed"), "apply") == 200
    (found,) = again(cs1).pipelines(name=name, project="default", export=True)
    assert found["input"] == {"WHO": "world"} and found["description"] == "changed"
    assert yaml.safe_load(found["file"])["workspace"]["limits"] == {"cpu": 1.0, "memory": 512}
    assert [one["name"] for one in again(cs1).pipelines(id=found["id"])] == [name]
    id = found["id"]
    for typed, state in (("disabled", "DISABLED"), ("Enabled", "ENABLED"), ("RELEASED", "RELEASED")):
        changed = again(cs1).set_state(id, typed)
        assert (changed["name"], changed["state"]) == (name, state)
    execution = run_to_the_end(cs1, id)
    whole = again(cs1).execution(execution)
    assert whole["input"] == {"WHO": "you"} and whole["comments"] == "from the command line" and whole["index"] == 1
    assert execution in [one["id"] for one in again(cs1).executions(status="completed")]
    assert [one["id"] for one in again(cs1).executions(name=name)] == [execution]
    assert execution in [one["id"] for one in again(cs1).executions()]
    assert again(cs1).delete_execution(execution) == execution
    assert again(cs1).delete_pipeline(id) == id
    assert again(cs1).pipelines(name=name) == []


def test_the_first_client_lives_a_variables_whole_life(cs1: Cs1) -> None:
    fields = {"project": "default", "name": "cs1-var", "description": "d", "type": "REGULAR", "value": "one"}
    made = cs1.create_variable(**fields)
    with pytest.raises(Failed, match="already"):
        again(cs1).create_variable(**fields)
    client = again(cs1)
    (listed,) = client.variables(name="cs1-var", project="default")
    assert listed["value"] == "one"
    # The filter of the list is still in the map when the client goes on to update.
    assert "$filter" in client.params
    assert client.update_variable(made["id"], value="two")["name"] == "cs1-var"
    assert again(cs1).variable(made["id"])["value"] == "two"
    assert client.delete_variable(made["id"]) == made["id"]


def test_a_secret_read_and_put_back_by_the_first_client_is_kept(cs1: Cs1) -> None:
    fields = {"project": "default", "name": "cs1-secret", "description": "", "type": "SECRET", "value": "s3cret"}
    made = cs1.create_variable(**fields)
    assert made["value"] == "*****"
    again(cs1).update_variable(made["id"], description="now described")
    report = again(cs1).variable(made["id"])
    assert report["value"] == "*****" and report["description"] == "now described"
    again(cs1).delete_variable(made["id"])


def test_the_first_client_lives_an_endpoints_whole_life(cs1: Cs1) -> None:
    assert cs1.import_(ENDPOINT.format(name="cs1-cluster", token="s3cret-token"), "create") == 200
    assert again(cs1).import_(ENDPOINT.format(name="cs1-cluster", token="'*****'"), "update") == 200
    (found,) = again(cs1).endpoints(name="cs1-cluster", project="default", type="k8s", export=True)
    assert found["type"] == "k8s" and "s3cret-token" not in found["file"]
    assert yaml.safe_load(found["file"])["kind"] == "ENDPOINT"
    assert again(cs1).delete_endpoint(found["id"]) == found["id"]
    assert again(cs1).custom_integrations("none") == []


@pytest.mark.parametrize("kind", [Cs2, Vracli])
def test_the_later_clients_live_a_pipelines_whole_life(world: World, password: str, kind: type[Cs2]) -> None:
    name = f"{kind.__name__.lower()}-demo"
    client = kind(world.layout.url, world.layout.certificate)
    client.sign_in(system.ADMIN, password)
    client.import_(PIPELINE.format(name=name), "create")
    with pytest.raises(Failed, match=r"FAILED - pipeline .* already exists"):
        client.import_(PIPELINE.format(name=name), "create")
    client.import_(PIPELINE.format(name=name), "apply")
    (found,) = client.find("pipelines", {"id": "string", "name": "string"}, name=name, project="default")
    assert yaml.safe_load(client.export("default", pipelines=name))["name"] == name
    path = f"/pipeline/api/pipelines/{found['id']}/executions"
    started = client.call("POST", path, {"apiVersion": "2019-10-17"}, {"comments": "", "input": {}}).json()
    wait_for(
        lambda: [one["id"] for one in client.executions(name=name, status="COMPLETED")] == [started["executionId"]],
        "the execution in the list",
    )
    nested = client.executions(_nested="false", _rollback="false", project="default", name=name)
    assert [one["id"] for one in nested] == [started["executionId"]]
    assert client.call("DELETE", f"/pipeline/api/pipelines/{found['id']}").json()["id"] == found["id"]


def test_the_later_clients_read_projects_and_endpoints(world: World, password: str) -> None:
    client = Vracli(world.layout.url, world.layout.certificate)
    client.sign_in(system.ADMIN, password, "corp.example.com")
    (project,) = client.projects("default")
    assert project["name"] == "default"
    client.import_(ENDPOINT.format(name="vra-cluster", token="x"), "create")
    (found,) = client.find("endpoints", {"id": "string"}, name="vra-cluster", project="default", type="k8s")
    assert client.endpoint(found["id"])["properties"]["token"] == "*****"
    assert client.call("DELETE", f"/pipeline/api/endpoints/{found['id']}").status_code == 200
