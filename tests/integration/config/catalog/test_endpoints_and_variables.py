from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.base import Sealed
from shared.contracts.catalog import Kind
from shared.contracts.mirror import WantedAsk
from shared.contracts.problems import Code, Refused
from tests.integration.config.accounts.test_people import refused
from tests.integration.config.office import Office


def opened(office: Office, box: dict[str, str]) -> str:
    return office.opener.open(Sealed.model_validate(box))


def for_validation(office: Office, **options: object) -> dict[str, Any]:
    return office.get(Kind.ENDPOINTS, options={"forValidation": True, **options})


def test_an_endpoint_has_the_common_fields_and_hides_its_secrets(office: Office) -> None:
    made = office.docker_endpoint()
    assert made["_link"] == f"/codestream/api/endpoints/{made['id']}"
    assert made["properties"]["password"] == "*****"
    assert made["createdAt"] == "2023-11-14 22:13:20.000000+00"
    assert made["_createTimeInMicros"] == 1_700_000_000_000_000
    assert made["_projectId"] == office.get(Kind.PROJECTS, name="default")["id"]
    assert (made["version"], made["validationOutput"], made["isRestricted"]) == ("1", "", False)


def test_writing_the_mask_back_keeps_the_secret_and_a_new_one_replaces_it(office: Office) -> None:
    made = office.docker_endpoint()
    same = office.act(Kind.ENDPOINTS, "replace", made, id=made["id"])
    assert same["version"] == "2"
    kept = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert opened(office, kept["secrets"]["password"]) == "dckr_pat_secret"
    office.act(Kind.ENDPOINTS, "replace", made, id=made["id"], sealed=office.sealed(properties__password="another"))
    changed = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert opened(office, changed["secrets"]["password"]) == "another"
    blank = {**made, "properties": {**made["properties"], "password": ""}}
    assert "password" not in office.act(Kind.ENDPOINTS, "replace", blank, id=made["id"])["properties"]


CLUSTER = {"kubernetesURL": "https://one.example.com:6443", "authType": "token", "token": "*****"}


def cluster(office: Office) -> dict[str, Any]:
    body = {"name": "cluster", "type": "k8s", "properties": CLUSTER}
    return office.act(Kind.ENDPOINTS, "create", body, sealed=office.sealed(properties__token="of-one"))


@pytest.mark.parametrize("verb", ["replace", "patch"])
def test_a_kept_secret_goes_to_no_other_server(office: Office, verb: str) -> None:
    made = cluster(office)
    moved = {"name": "cluster", "type": "k8s", "properties": {**CLUSTER, "kubernetesURL": "https://two.example.com"}}
    with pytest.raises(Refused) as caught:
        office.act(Kind.ENDPOINTS, verb, moved, id=made["id"])
    problem = caught.value.problem
    assert "given for https://one.example.com:6443 to https://two.example.com" in problem.message
    assert problem.next_step == "Give properties.token again together with the new address."
    # Nor does a check of what is only typed send it there.
    refused(Code.INVALID, for_validation, office, body={**made, **moved})
    office.act(Kind.ENDPOINTS, verb, moved, id=made["id"], sealed=office.sealed(properties__token="of-two"))
    ready = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert opened(office, ready["secrets"]["token"]) == "of-two"


def test_all_else_of_an_endpoint_may_change_without_its_secret(office: Office) -> None:
    made = cluster(office)
    same = {**CLUSTER, "kubernetesURL": "https://ONE.example.com:6443/", "namespace": "apps", "fingerprint": "AA:BB"}
    assert office.act(Kind.ENDPOINTS, "patch", {"properties": same}, id=made["id"])["properties"]["namespace"] == "apps"
    other = office.docker_endpoint()
    moved = {"properties": {"repoURL": "https://hub.docker.com/r/acme/api"}}
    assert office.act(Kind.ENDPOINTS, "patch", moved, id=other["id"])["properties"]["password"] == "*****"
    away = {"properties": {"repoURL": "registry.example.com/acme/api"}}
    refused(Code.INVALID, office.act, Kind.ENDPOINTS, "patch", away, id=other["id"])


def test_an_endpoint_of_another_product_keeps_what_looks_like_a_secret_hidden(office: Office) -> None:
    properties = {
        "url": "https://ci.example.com",
        "apiToken": "*****",
        "publicKey": "ssh-ed25519 AAAA",
        "useToken": True,
    }
    body = {"name": "ci", "type": "jenkins", "properties": properties}
    made = office.act(Kind.ENDPOINTS, "create", body, sealed=office.sealed(properties__apiToken="t0ken"))
    assert made["properties"] == properties
    office.act(Kind.ENDPOINTS, "replace", made, id=made["id"])
    changed = office.act(Kind.ENDPOINTS, "patch", {"properties": {"url": "https://two.example.com"}}, id=made["id"])
    assert changed["properties"] == {**properties, "url": "https://two.example.com"}
    kept = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert opened(office, kept["secrets"]["apiToken"]) == "t0ken"
    refused(Code.INVALID, office.act, Kind.ENDPOINTS, "patch", {"properties": {"apiToken": "clear"}}, id=made["id"])


def test_a_secret_that_comes_in_clear_is_refused_and_not_stored(office: Office) -> None:
    body = {"name": "e", "type": "docker", "properties": {"repoURL": "acme/web", "password": "clear"}}
    assert "sealed" in refused(Code.INVALID, office.act, Kind.ENDPOINTS, "create", body)
    assert office.find(Kind.ENDPOINTS).total == 0


def test_everything_that_an_endpoint_lacks_is_said_at_once(office: Office) -> None:
    with pytest.raises(Refused) as caught:
        office.act(Kind.ENDPOINTS, "create", {"name": "c", "type": "k8s", "properties": {"authType": "basicAuth"}})
    assert [flaw.path for flaw in caught.value.problem.flaws] == [
        "properties.kubernetesURL",
        "properties.userName",
        "properties.password",
    ]


def test_a_reference_in_a_property_is_filled_in_for_the_runner(office: Office) -> None:
    office.act(Kind.VARIABLES, "create", {"name": "pw", "type": "SECRET"}, sealed=office.sealed(value="hidden"))
    office.act(Kind.VARIABLES, "create", {"name": "org", "type": "REGULAR", "value": "acme"})
    properties = {"repoURL": "${var.org}/web", "username": "${var.org}", "password": "${var.pw}"}
    made = office.act(Kind.ENDPOINTS, "create", {"name": "hub", "type": "docker", "properties": properties})
    assert made["properties"]["password"] == "${var.pw}"
    ready = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert ready["properties"]["repoURL"] == "acme/web"
    assert opened(office, ready["secrets"]["password"]) == "hidden"
    assert "endpoint hub" in refused(Code.IN_USE, office.act, Kind.VARIABLES, "delete", name="pw", project="default")


def test_a_repository_named_by_a_variable_is_matched_and_mirrored_and_follows_the_variable(office: Office) -> None:
    office.act(Kind.VARIABLES, "create", {"name": "org", "type": "REGULAR", "value": "acme"})
    office.docker_endpoint(repo="${var.org}/web")
    office.pipeline()
    made = office.webhook(endpoint="hub", pipeline="Deploy web", input={"namespace": "web"})
    assert (made["repository"], made["missing"]) == ("acme/web", [])
    office.act(Kind.VARIABLES, "patch", {"value": "emca"}, name="org", project="default")
    with office.store.read() as uow:
        hooks = office.catalog.wanted(uow, WantedAsk()).hooks
        match = office.catalog.webhook(uow, webhook_id=made["id"])
    assert [(hook.repository, hook.gone) for hook in hooks] == [("emca/web", False), ("acme/web", True)]
    assert match is not None and (match.registry_host, match.repository) == ("docker.io", "emca/web")


@pytest.mark.parametrize(
    ("type_", "secret", "properties"),
    [
        ("git", "privateKey", {"repoURL": "git@example.com:acme/web.git"}),
        ("email", "outboundPassword", {"senderAddress": "a@example.com", "outboundHost": "smtp.example.com"}),
        ("slack", "url", {}),
        ("webhook", "secret", {"url": "https://example.com/told"}),
    ],
)
def test_secrets_of_every_type_are_masked_and_reach_the_runner_sealed(
    office: Office, type_: str, secret: str, properties: dict[str, str]
) -> None:
    body = {"name": "one", "type": type_, "properties": {**properties, secret: "*****"}}
    made = office.act(Kind.ENDPOINTS, "create", body, sealed=office.sealed(**{f"properties__{secret}": "hidden"}))
    assert made["properties"][secret] == "*****"
    ready = office.get(Kind.ENDPOINTS, made["id"], options={"forValidation": True})
    assert opened(office, ready["secrets"][secret]) == "hidden" and secret not in ready["properties"]


def test_what_each_type_takes_can_be_asked(office: Office) -> None:
    types = office.get(Kind.ENDPOINTS, options={"types": True})["types"]
    assert [one["type"] for one in types] == [
        "docker",
        "k8s",
        "git",
        "email",
        "slack",
        "teams",
        "discord",
        "pagerduty",
        "webhook",
    ]


def test_a_body_that_is_not_stored_can_be_prepared_for_validation(office: Office) -> None:
    stored = office.docker_endpoint()
    body = {**stored, "properties": {**stored["properties"], "username": "other"}}
    ready = for_validation(office, body=body)
    assert ready["properties"]["username"] == "other"
    assert opened(office, ready["secrets"]["password"]) == "dckr_pat_secret"
    fresh = {"type": "docker", "properties": {"repoURL": "acme/api"}}
    box = office.sealer.seal("typed").model_dump()
    ready = for_validation(office, body=fresh, sealed={"properties.password": box})
    assert opened(office, ready["secrets"]["password"]) == "typed"
    assert office.find(Kind.ENDPOINTS).total == 1


def test_an_endpoint_in_use_is_not_deleted_and_says_by_whom(office: Office) -> None:
    office.docker_endpoint()
    office.pipeline()
    office.webhook(endpoint="hub")
    cluster = {"name": "cluster", "type": "k8s", "properties": {"authType": "inCluster"}}
    office.act(Kind.ENDPOINTS, "create", cluster)
    assert "webhook web" in refused(Code.IN_USE, office.act, Kind.ENDPOINTS, "delete", name="hub", project="default")
    said = refused(Code.IN_USE, office.act, Kind.ENDPOINTS, "delete", name="cluster", project="default")
    assert "pipeline Deploy web" in said


def test_the_day_on_which_a_certificate_was_accepted_is_kept(office: Office) -> None:
    def accept(fingerprint: str) -> dict[str, str]:
        body = {"properties": {"fingerprint": fingerprint}}
        return dict(office.act(Kind.ENDPOINTS, "patch", body, name="hub", project="default")["properties"])

    assert "fingerprintAcceptedAt" not in office.docker_endpoint()["properties"]
    assert accept("AA:BB")["fingerprintAcceptedAt"] == "14 November 2023"
    office.now += 86_400
    assert accept("AA:BB")["fingerprintAcceptedAt"] == "14 November 2023"
    assert accept("CC:DD")["fingerprintAcceptedAt"] == "15 November 2023"
    assert "fingerprintAcceptedAt" not in accept("")


def test_restricted_endpoints_are_for_project_administrators(office: Office) -> None:
    office.user("ann", default="members")
    office.user("boss", default="administrators")
    made = office.docker_endpoint(isRestricted=True)
    said = refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "delete", id=made["id"], by="ann")
    assert "restricted" in said and "boss" in said
    assert office.names(Kind.ENDPOINTS, by="ann") == ["hub"]
    change = {"properties": {"username": "eve"}}
    assert "restricted" in refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "patch", change, id=made["id"], by="ann")
    free = {"isRestricted": False}
    assert "restricted" in refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "patch", free, id=made["id"], by="ann")
    own = {"name": "own", "type": "slack", "isRestricted": True, "properties": {"url": "${var.slack}"}}
    assert "restricted" in refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "create", own, by="ann")
    made_own = office.act(Kind.ENDPOINTS, "create", {**own, "isRestricted": False}, by="ann")
    lock = {"isRestricted": True}
    assert "restrict" in refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "patch", lock, id=made_own["id"], by="ann")
    elsewhere = {"id": made["id"], "type": "docker", "properties": {"repoURL": "https://evil.example.com/acme/web"}}
    for options in ({}, {"body": elsewhere}):
        tried = {"forValidation": True, **options}
        ids = () if options else (made["id"],)
        assert "restricted" in refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, *ids, options=tried, by="ann")
    office.act(Kind.ENDPOINTS, "delete", id=made["id"], by="boss")


def test_who_may_not_use_a_restricted_variable_makes_changes_and_tries_no_endpoint_that_names_it(
    office: Office,
) -> None:
    office.user("ann", default="members")
    office.user("boss", default="administrators")
    box = {"value": office.sealer.seal("s3cret")}
    office.act(Kind.VARIABLES, "create", {"name": "crown", "type": "RESTRICTED", "value": "*****"}, sealed=box)
    office.act(Kind.VARIABLES, "create", {"name": "plain", "type": "SECRET", "value": "*****"}, sealed=box)

    def names(variable: str) -> dict[str, Any]:
        properties = {
            "repoURL": "https://evil.example.com/acme/web",
            "username": "a",
            "password": f"${{var.{variable}}}",
        }
        return {"name": f"own-{variable}", "type": "docker", "properties": properties}

    assert "${var.crown}" in refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "create", names("crown"), by="ann")
    plain = office.act(Kind.ENDPOINTS, "create", names("plain"), by="ann")
    crown = office.act(Kind.ENDPOINTS, "create", names("crown"), by="boss")
    for endpoint, change in ((plain, names("crown")), (crown, names("plain")), (crown, {"description": "x"})):
        said = refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "patch", change, id=endpoint["id"], by="ann")
        assert "restricted ${var.crown}" in said and "SECRET variable" in said
    for options in ({"body": names("crown")}, {"body": {**names("plain"), "id": crown["id"]}}):
        tried = {"forValidation": True, **options}
        assert "restricted" in refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, options=tried, by="ann")
    tried = {"forValidation": True}
    assert "restricted" in refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, crown["id"], options=tried, by="ann")
    assert office.get(Kind.ENDPOINTS, crown["id"], options=tried, by="boss")["name"] == "own-crown"
    assert office.get(Kind.ENDPOINTS, plain["id"], options=tried, by="ann")["name"] == "own-plain"


def test_only_who_makes_endpoints_looks_at_servers(office: Office) -> None:
    office.user("ann", default="members")
    office.user("eve", default="viewers")
    assert office.get(Kind.ENDPOINTS, options={"mayTry": True}, by="ann") == {}
    refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, options={"mayTry": True}, by="eve")


def test_who_may_run_pipelines_has_the_tags_of_an_endpoint_listed_and_may_not_try_another_address(
    office: Office,
) -> None:
    made = office.docker_endpoint()
    office.user("eve", default="viewers")
    office.user("rob", service="Executor")
    ask = {"forTags": True}
    refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, made["id"], options=ask, by="eve")
    elsewhere = {**ask, "body": {"properties": {"repoURL": "https://evil.example.com/acme/web"}}}
    listed = office.get(Kind.ENDPOINTS, made["id"], options=elsewhere, by="rob")
    assert listed["properties"]["repoURL"] == made["properties"]["repoURL"]


def test_lists_are_filtered_and_scoped_to_ones_projects(office: Office) -> None:
    office.act(Kind.PROJECTS, "create", {"name": "other"})
    office.docker_endpoint()
    office.docker_endpoint("hub2", project="other")
    office.user("ann", default="viewers")
    assert office.names(Kind.ENDPOINTS) == ["hub", "hub2"]
    assert office.names(Kind.ENDPOINTS, by="ann") == ["hub"]
    assert office.names(Kind.ENDPOINTS, filter="((name eq 'hub2') and (project eq 'other'))") == ["hub2"]
    assert office.names(Kind.ENDPOINTS, filter="((id eq 'x') and (type eq 'docker'))") == []
    hidden = office.get(Kind.ENDPOINTS, project="other", name="hub2")
    refused(Code.NOT_FOUND, office.get, Kind.ENDPOINTS, hidden["id"], by="ann")
    said = refused(Code.INVALID, office.find, Kind.ENDPOINTS, filter="colour eq 'red'")
    assert "colour" in said and "name" in said


def test_a_project_may_be_named_by_its_id(office: Office) -> None:
    project = office.get(Kind.PROJECTS, name="default")["id"]
    made = office.act(Kind.VARIABLES, "create", {"project": project, "name": "x", "type": "REGULAR", "value": "1"})
    assert made["project"] == "default"
    assert office.get(Kind.VARIABLES, project=project, name="x")["id"] == made["id"]


def test_a_variables_secret_is_never_shown_and_the_mask_keeps_it(office: Office) -> None:
    body = {"project": "default", "kind": "VARIABLE", "name": "pw", "type": "SECRET", "value": "*****"}
    made = office.act(Kind.VARIABLES, "create", body, sealed=office.sealed(value="hidden"))
    assert made["value"] == "*****"
    office.act(Kind.VARIABLES, "replace", {**made, "description": "new"}, id=made["id"])
    with office.store.read() as uow:
        from services.config.store.definitions.endpoints import VARIABLES

        stored = VARIABLES.one(uow, id=made["id"])
    assert stored is not None and stored.sealed is not None and opened(office, stored.sealed) == "hidden"
    said = refused(
        Code.INVALID, office.act, Kind.VARIABLES, "replace", {"name": "pw", "type": "REGULAR"}, id=made["id"]
    )
    assert "again" in said


def test_a_regular_variable_that_becomes_secret_is_sealed(office: Office) -> None:
    made = office.act(Kind.VARIABLES, "create", {"name": "x", "type": "REGULAR", "value": "was open"})
    changed = office.act(Kind.VARIABLES, "patch", {"type": "SECRET"}, id=made["id"])
    assert changed["value"] == "*****"
    with office.store.read() as uow:
        from services.config.store.definitions.endpoints import VARIABLES

        stored = VARIABLES.one(uow, id=made["id"])
    assert stored is not None and stored.value is None and opened(office, stored.sealed or {}) == "was open"


def test_a_variable_is_updated_as_powervra_does_without_project(office: Office) -> None:
    made = office.act(Kind.VARIABLES, "create", {"name": "x", "type": "REGULAR", "value": "1"})
    changed = office.act(Kind.VARIABLES, "replace", {"name": "x", "type": "REGULAR", "value": "2"}, id=made["id"])
    assert (changed["value"], changed["version"]) == ("2", "2")


def test_a_name_that_is_taken_is_refused_and_a_near_one_is_offered(office: Office) -> None:
    office.docker_endpoint()
    assert "already" in refused(Code.CONFLICT, office.docker_endpoint)
    assert "hub" in refused(Code.NOT_FOUND, office.get, Kind.ENDPOINTS, project="default", name="hubb")


OF_THE_POD = {"authType": "GKE", "kubernetesURL": "https://one.example.com", "cloudIdentity": "pod"}


def test_only_administrators_send_the_token_of_the_runners_pod_somewhere(office: Office) -> None:
    office.user("ann", default="members")
    body = {"name": "pod", "type": "k8s", "properties": OF_THE_POD}
    message = refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "create", body, by="ann")
    assert "would sign in as the runner's own pod, which ann may not decide" in message
    refused(Code.FORBIDDEN, office.get, Kind.ENDPOINTS, options={"forValidation": True, "body": body}, by="ann")
    made = office.act(Kind.ENDPOINTS, "create", body)
    moved = {"properties": {"kubernetesURL": "https://two.example.com"}}
    refused(Code.FORBIDDEN, office.act, Kind.ENDPOINTS, "patch", moved, id=made["id"], by="ann")


def test_what_a_clouds_token_is_made_of_serves_no_other_cluster(office: Office) -> None:
    properties = {**OF_THE_POD, "cloudIdentity": "keys", "googleKey": "*****"}
    body = {"name": "gke", "type": "k8s", "properties": properties}
    made = office.act(Kind.ENDPOINTS, "create", body, sealed=office.sealed(properties__googleKey="{}"))
    assert made["properties"]["googleKey"] == "*****"
    moved = {"properties": {"kubernetesURL": "https://two.example.com"}}
    assert "to https://two.example.com" in refused(
        Code.INVALID, office.act, Kind.ENDPOINTS, "patch", moved, id=made["id"]
    )
