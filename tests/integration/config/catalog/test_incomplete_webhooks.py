"""What a webhook lacks is one list: its card shows it, the API gives it, and while it is not empty nothing starts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from services.config.migrations import migrate
from services.config.model.push_events import PushEvent
from services.config.pushes.deliveries import Deliveries
from services.config.runs.batch import RunBatch
from shared.contracts.catalog import Kind
from shared.contracts.pushes import HookReceived, Push
from shared.process.ids import new_id
from shared.process.secrets import token_hash
from tests.integration.config.office import Office
from tests.support.schema import take_back

NAMESPACE = "the endpoint is the whole namespace acme"


def pushed(office: Office, repository: str = "acme/web", host: str = "docker.io", **about: Any) -> PushEvent:
    """What becomes of a push that comes in by the webhook's token."""
    digest = f"sha256:{hashlib.sha256(new_id().encode()).hexdigest()}"
    push = Push(provider="generic", registry_host=host, repository=repository, tag="1.4", digest=digest, **about)
    hook = HookReceived(
        delivery_id=new_id(), received_at=office.now, token_hash=token_hash("first-token"), pushes=(push,)
    )
    with office.store.write() as uow, RunBatch(uow) as movement:
        (recorded,) = Deliveries(office.catalog).receive(movement, hook)
    return recorded


def registry_endpoint(office: Office, url: str, **properties: Any) -> None:
    about = {"serverType": "OCI", "repoURL": url, **properties}
    office.act(Kind.ENDPOINTS, "create", {"name": "oci", "project": "default", "type": "docker", "properties": about})


def test_what_the_card_says_lacks_starts_nothing(office: Office) -> None:
    office.docker_endpoint(repo="acme")
    office.pipeline()
    cases: list[tuple[dict[str, Any], str]] = [
        ({"pipeline": "Deploy web"}, "It names no endpoint"),
        ({"endpoint": "hub"}, "It names no pipeline."),
        ({"pipeline": "Deploy web", "endpoint": "hub"}, NAMESPACE),
        ({"pipeline": "Deploy web", "endpoint": "gone"}, "There is no endpoint gone"),
        ({"pipeline": "gone", "endpoint": "hub", "repoName": "web"}, "There is no pipeline gone"),
        ({"pipeline": "Deploy web", "endpoint": "hub", "wholeNamespace": True, "mode": "look"}, "cannot be polled"),
    ]
    made = office.webhook()
    for body, lack in cases:
        shown = office.act(Kind.WEBHOOKS, "replace", {"name": "web", **body}, id=made["id"])
        assert not shown["complete"] and any(lack in said for said in shown["missing"]), (body, shown["missing"])
        event = pushed(office)
        assert event.verdict == "not started: incomplete webhook", (body, event.reason)
        assert lack in event.reason
    whole = {"name": "web", "pipeline": "Deploy web", "endpoint": "hub", "repoName": "web", "input": {"namespace": "x"}}
    assert office.act(Kind.WEBHOOKS, "replace", whole, id=made["id"])["missing"] == []
    assert pushed(office).verdict == "started"


def test_a_namespace_is_meant_as_a_whole_only_by_choice_and_never_another(office: Office) -> None:
    office.docker_endpoint(repo="acme")
    office.pipeline()
    made = office.webhook(endpoint="hub", pipeline="Deploy web", wholeNamespace=True)
    assert (made["complete"], made["repository"], made["wholeNamespace"]) == (True, "", True)
    assert made["hubState"] == "create it by hand" and "each repository of acme" in made["hubMessage"]
    assert pushed(office, "acme/web").verdict == pushed(office, "acme/api").verdict == "started"
    other = pushed(office, "evil/web")
    assert other.verdict == "ignored: repository"
    assert other.reason == "evil/web was pushed; webhook web is for all of acme."
    assert pushed(office, "acme-evil/web").verdict == "ignored: repository"


def test_a_registrys_repository_of_one_segment_matches(office: Office) -> None:
    registry_endpoint(office, "https://registry.example.com/hello-world")
    office.pipeline()
    made = office.webhook(endpoint="oci", pipeline="Deploy web")
    assert (made["complete"], made["repository"]) == (True, "hello-world")
    host = "registry.example.com"
    assert pushed(office, "hello-world", host).verdict == "waiting for the registry"
    assert pushed(office, "hello-world/web", host).verdict == "ignored: repository"
    assert pushed(office, "hello-world", "other.example.com").verdict == "ignored: registry"


def test_a_registry_that_calls_itself_otherwise_is_known_by_its_other_names(office: Office) -> None:
    registry_endpoint(office, "https://registry.example.com/acme/web")
    office.pipeline()
    office.webhook(endpoint="oci", pipeline="Deploy web")
    event = pushed(office, host="registry:5000")
    assert event.verdict == "ignored: registry"
    assert event.reason == "registry:5000/acme/web was pushed; webhook web is for registry.example.com/acme/web."
    assert event.next_step.startswith(
        "If registry:5000 is the same registry, add it to registryAliases of endpoint oci"
    )
    by_address = pushed(office, host="registry:5000", also_at=("registry.example.com:443",))
    assert by_address.verdict == "waiting for the registry"
    assert by_address.push is not None and by_address.push.image == "registry.example.com/acme/web"
    change = {"properties": {"registryAliases": "registry:5000"}}
    office.act(Kind.ENDPOINTS, "patch", change, name="oci", project="default")
    assert pushed(office, host="registry:5000").verdict == "waiting for the registry"


def test_webhooks_that_worked_for_a_whole_namespace_keep_it_as_their_choice_and_are_told(office: Office) -> None:
    office.act(Kind.VARIABLES, "create", {"name": "org", "project": "default", "type": "REGULAR", "value": "acme"})
    office.docker_endpoint(repo="${var.org}")
    office.docker_endpoint("one", repo="acme/web")
    office.pipeline()
    namespace = office.webhook("namespace", "t1", endpoint="hub", pipeline="Deploy web")
    one = office.webhook("one", "t2", endpoint="one", pipeline="Deploy web")
    none = office.webhook("none", "t3", pipeline="Deploy web")
    take_back(office.store, "0018")
    migrate(office.store)
    shown = {id: office.get(Kind.WEBHOOKS, id=id) for id in (namespace["id"], one["id"], none["id"])}
    assert [document["wholeNamespace"] for document in shown.values()] == [True, False, False]
    assert shown[namespace["id"]]["missing"] == []
    told = [json.dumps(document["history"]) for document in shown.values()]
    assert "all of namespace acme is its choice now (wholeNamespace)" in told[0]
    assert "wholeNamespace" not in told[1]
    assert "from this release on it starts nothing until it has one" in told[2]


@pytest.mark.parametrize("choice", [True, False])
def test_the_choice_is_exported_and_kept_by_a_change_of_something_else(office: Office, choice: bool) -> None:
    office.docker_endpoint(repo="acme")
    made = office.webhook(endpoint="hub", wholeNamespace=choice)
    changed = office.act(Kind.WEBHOOKS, "patch", {"description": "x"}, id=made["id"])
    assert changed["wholeNamespace"] is choice
