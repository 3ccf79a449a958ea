"""The pages that set things up, over a fake config: endpoints and Docker webhooks."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from nacl.public import PrivateKey

from shared.contracts.catalog import Inspected, Page, Validated
from shared.contracts.problems import Code, Flaw, refuse
from shared.contracts.secrets import MASK
from shared.process.secrets import Sealer

from .site import Site, form_token

HUB: dict[str, Any] = {
    "id": "h1",
    "name": "hub",
    "project": "default",
    "type": "docker",
    "properties": {"serverType": "DockerHub", "repoURL": "https://hub.docker.com/r/acme/web", "password": MASK},
}


@pytest.fixture
def site(site: Site) -> Site:
    site.pages["endpoints"] = Page(documents=(HUB,), total=1)
    return site


def send(client: FlaskClient, path: str, start: str, **fields: str) -> Any:
    token = form_token(client.get(start).get_data(as_text=True))
    return client.post(path, data={"form_token": token, **fields})


DOCKER = {
    "type": "docker",
    "name": "hub",
    "project": "default",
    "p.serverType": "DockerHub",
    "p.repoURL": "https://hub.docker.com/r/acme/web",
}


def test_endpoints_are_listed_with_their_repository(ann: FlaskClient) -> None:
    page = ann.get("/endpoints").get_data(as_text=True)
    assert "Docker registry" in page and "https://hub.docker.com/r/acme/web" in page and "New Endpoint" in page


def test_a_saved_endpoint_leaves_the_gateway_without_its_password(site: Site, ann: FlaskClient) -> None:
    answer = send(
        ann, "/endpoints", "/endpoints/new?type=docker", **{"p.username": "acme", "p.password": "s3cret"}, **DOCKER
    )
    assert answer.location == "/endpoints"
    act = site.asked[-1]
    assert (act.verb, act.body["type"], act.body["properties"]["password"]) == ("create", "docker", MASK)
    assert list(act.sealed) == ["properties.password"] and "s3cret" not in str(act.body)


def test_a_refused_endpoint_is_told_above_the_form_that_stays(site: Site, ann: FlaskClient) -> None:
    site.post.answers["catalog.act"] = lambda _: (_ for _ in ()).throw(
        refuse(Code.CONFLICT, "There is a hub already.", flaws=(Flaw(message="taken", path="name"),))
    )
    token = form_token(ann.get("/endpoints/new").get_data(as_text=True))
    answer = ann.post("/endpoints", data={"form_token": token, **DOCKER}, headers={"HX-Request": "true"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409 and "There is a hub already." in page and "taken" in page and "<html" not in page


def test_an_endpoint_made_in_a_dialog_fills_the_form_behind(site: Site, ann: FlaskClient) -> None:
    token = form_token(ann.get("/endpoints/new").get_data(as_text=True))
    data = {"form_token": token, "dialog": "yes", "role": "endpoint", **DOCKER}
    answer = ann.post("/endpoints", data=data, headers={"HX-Request": "true"})
    assert answer.status_code == 204 and '"endpoint": "hub"' in answer.headers["HX-Trigger"]


def test_validate_tries_the_endpoint_and_says_what_it_saw(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = {"name": "hub", "project": "default", "type": "docker", "properties": {}}
    site.post.answers["endpoint.validate"] = lambda _: Validated(ok=False, message="The password is wrong.")
    answer = send(ann, "/endpoints/validate", "/endpoints/new?type=docker", **{"p.password": "s3cret"}, **DOCKER)
    assert "The password is wrong." in answer.get_data(as_text=True)
    assert not any(getattr(ask, "verb", "") == "create" for ask in site.asked)


def test_a_pasted_kubeconfig_becomes_address_and_sealed_token(site: Site, ann: FlaskClient) -> None:
    config = """
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {token: t0ken}}]
"""
    send(
        ann,
        "/endpoints",
        "/endpoints/new?type=k8s",
        type="k8s",
        name="c",
        project="default",
        **{"p.authType": "kubeconfig", "p.kubeconfig": config},
    )
    act = site.asked[-1]
    assert act.body["properties"] == {"kubernetesURL": "https://10.0.0.1:6443", "authType": "token", "token": MASK}
    assert list(act.sealed) == ["properties.token"]


def test_a_kubeconfig_of_a_cloud_fills_in_the_form_which_then_asks_for_keys(site: Site, ann: FlaskClient) -> None:
    config = """
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://A1.gr7.eu-west-1.eks.amazonaws.com"}}]
users: [{name: u, user: {exec: {command: aws, args: [eks, get-token, --cluster-name, prod]}}}]
"""
    form = {"type": "k8s", "name": "c", "project": "default", "p.authType": "kubeconfig", "p.kubeconfig": config}
    answer = send(ann, "/endpoints", "/endpoints/new?type=k8s", **form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and not any(getattr(ask, "verb", "") == "create" for ask in site.asked)
    assert "fill in Access key ID, Secret access key, or choose the runner's pod" in page
    assert '<option value="EKS" selected>' in page and 'name="p.eksCluster" value="prod"' in page


def test_a_change_that_leaves_the_password_blank_keeps_it(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = HUB
    send(ann, "/endpoints", "/endpoints/h1", id="h1", **DOCKER)
    act = site.asked[-1]
    assert (act.verb, act.id, act.body["properties"]["password"], act.sealed) == ("patch", "h1", MASK, {})


def test_a_form_that_was_drawn_of_an_older_version_is_refused(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = {**HUB, "version": "3", "updatedBy": "eve"}
    answer = send(ann, "/endpoints", "/endpoints/h1", id="h1", version="2", **DOCKER)
    assert answer.status_code == 409 and "eve saved hub after this form was opened." in answer.get_data(as_text=True)
    assert send(ann, "/endpoints", "/endpoints/h1", id="h1", version="3", **DOCKER).location == "/endpoints"


def test_an_endpoint_in_use_stays_and_the_page_says_so(site: Site, ann: FlaskClient) -> None:
    site.post.answers["catalog.act"] = lambda _: (_ for _ in ()).throw(refuse(Code.IN_USE, "acme-web uses hub."))
    answer = send(ann, "/endpoints/h1/delete", "/endpoints")
    assert answer.status_code == 409 and "acme-web uses hub." in answer.get_data(as_text=True)


HOOK: dict[str, Any] = {
    "id": "w1",
    "name": "acme-web",
    "project": "default",
    "pipeline": "Deploy web",
    "repository": "acme/web",
    "enabled": True,
    "hubState": "in step",
    "hookUrl": f"https://portside.example.com/hooks/{MASK}",
    "lastPushAt": "2026-01-02 03:04:05.000000+00",
}
PIPELINE = {
    "name": "Deploy web",
    "project": "default",
    "options": ["DOCKER_TRIGGER"],
    "input": {"DOCKER_TAG": "", "NAMESPACE": "apps"},
}
OTHER: dict[str, Any] = {"id": "p2", "name": "Another", "project": "default", "options": [], "input": {"OTHER": "x"}}


def test_a_webhook_is_a_card_with_its_state_in_words(site: Site, ann: FlaskClient) -> None:
    site.pages["registry-webhooks"] = Page(documents=(HOOK,), total=1)
    page = ann.get("/webhooks").get_data(as_text=True)
    assert "acme/web" in page and "registered at Docker Hub" in page and "2026-01-02 03:04:05" in page


def test_the_form_offers_docker_pipelines_first_and_the_inputs_a_push_does_not_fill(
    site: Site, ann: FlaskClient
) -> None:
    site.pages["pipelines"] = Page(documents=(OTHER, PIPELINE), total=2)
    site.documents["pipelines"] = PIPELINE
    page = ann.get("/webhooks/new").get_data(as_text=True)
    assert page.index("With Docker inputs") < page.index("Deploy web</option>") < page.index("Another</option>")
    assert 'name="input.NAMESPACE"' in page and "input.DOCKER_TAG" not in page


def test_what_there_is_one_of_is_preset_and_the_name_follows_the_repository(site: Site, ann: FlaskClient) -> None:
    site.pages["pipelines"] = Page(documents=(OTHER, PIPELINE), total=2)
    page = ann.get("/webhooks/new").get_data(as_text=True)
    assert 'value="hub" selected' in page and 'value="Deploy web" selected' in page
    assert re.search(r'name="name" value="acme-web"', page)


def test_a_pipeline_without_docker_inputs_is_given_them_in_place(site: Site, ann: FlaskClient) -> None:
    site.pages["pipelines"] = Page(documents=(OTHER, PIPELINE), total=2)
    site.documents["pipelines"] = OTHER
    data = {"project": "default", "pipeline": "Another"}
    assert "Add them" in send(ann, "/webhooks/form", "/webhooks/new", **data).get_data(as_text=True)
    send(ann, "/webhooks/inputs", "/webhooks/new", **data)
    act = next(ask for ask in site.asked if getattr(ask, "verb", "") == "patch")
    assert act.id == "p2" and act.body["options"] == ["DOCKER_TRIGGER"]
    assert act.body["input"]["DOCKER_TAG"] == "" and act.body["input"]["OTHER"] == "x"


def test_a_mandatory_input_without_value_and_default_is_refused_by_name(site: Site, ann: FlaskClient) -> None:
    meta = {"NAMESPACE": {"mandatory": True}}
    site.documents["pipelines"] = {**PIPELINE, "input": {"NAMESPACE": ""}, "_inputMeta": meta}
    fields = {"name": "w", "project": "default", "endpoint": "hub", "pipeline": "Deploy web"}
    answer = send(ann, "/webhooks", "/webhooks/new", **fields)
    assert answer.status_code == 400 and "NAMESPACE is required" in answer.get_data(as_text=True)
    assert not any(hasattr(ask, "verb") for ask in site.asked)


def test_the_last_tags_say_which_would_run_and_are_asked_for_once(site: Site, ann: FlaskClient) -> None:
    site.documents["endpoints"] = {"name": "hub", "project": "default", "type": "docker", "properties": {}}
    site.post.answers["outside.inspect"] = lambda _: Inspected(document={"tags": [{"name": "1.4.0"}, {"name": "dev"}]})
    asked = {"project": "default", "endpoint": "hub", "tagNamePattern": "semver:>=1"}
    page = send(ann, "/webhooks/tags", "/webhooks/new", **asked).get_data(as_text=True)
    assert re.search(r"1\.4\.0</code></td><td class=\"done\">run", page)
    assert re.search(r"dev</code></td><td class=\"skipped\">not run", page)
    known = {"tagsOf": "default/hub/", "tag": "dev"}
    again = send(ann, "/webhooks/tags", "/webhooks/new", **asked, **known).get_data(as_text=True)
    assert "dev" in again and sum(type(ask).__name__ == "Inspect" for ask in site.asked) == 1


def test_what_is_kept_for_git_and_gerrit_is_listed_with_what_it_does_not_do(site: Site, ann: FlaskClient) -> None:
    sentence = "no Git push and no Gerrit event starts a pipeline yet"
    hook = {
        "name": "on main", "kind": "GIT_WEBHOOK", "project": "shop", "repoName": "acme/<web>", "branchName": "main",
        "_warnings": [{"message": {"message": sentence}}],
    }  # fmt: skip
    assert sentence not in ann.get("/webhooks").get_data(as_text=True)
    site.pages["git-webhooks"] = Page(documents=(hook,), total=1)
    shown = ann.get("/webhooks").get_data(as_text=True)
    assert sentence in shown and "on main" in shown and "git webhook" in shown and "acme/&lt;web&gt;" in shown


def test_a_saved_webhook_shows_its_hook_url_once_with_the_token(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = HOOK
    site.documents["pipelines"] = PIPELINE
    fields = {"name": "acme-web", "project": "default", "input.NAMESPACE": "shop", "exclude": "rc\nnightly"}
    fields |= {"endpoint": "hub", "pipeline": "Deploy web"}
    answer = send(ann, "/webhooks", "/webhooks/new", enabled="yes", **fields)
    act, page = site.asked[-1], answer.get_data(as_text=True)
    assert act.body["input"] == {"NAMESPACE": "shop"} and act.body["exclude"] == ["rc", "nightly"]
    assert act.body["secretToken"] == MASK and list(act.sealed) == ["secretToken"]
    assert re.search(r"https://portside.example.com/hooks/[\w-]{20,}", page) and MASK not in page
    assert answer.headers["Cache-Control"] == "no-store"


def test_asking_for_inputs_saves_nothing(site: Site, ann: FlaskClient) -> None:
    site.documents["pipelines"] = PIPELINE
    site.pages["pipelines"] = Page(documents=(PIPELINE,), total=1)
    answer = send(ann, "/webhooks/form", "/webhooks/new", pipeline="Deploy web", project="default")
    assert 'name="input.NAMESPACE"' in answer.get_data(as_text=True)
    assert not any(hasattr(ask, "verb") for ask in site.asked)


@pytest.mark.parametrize(("verb", "sent"), [("disable", "patch"), ("enable", "patch"), ("delete", "delete")])
def test_a_card_switches_and_deletes(site: Site, ann: FlaskClient, verb: str, sent: str) -> None:
    answer = send(ann, "/webhooks/w1/act", "/webhooks", verb=verb)
    assert answer.location == "/webhooks" and (site.asked[-1].verb, site.asked[-1].id) == (sent, "w1")


def test_a_rotated_token_is_shown_once(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = HOOK
    page = send(ann, "/webhooks/w1/act", "/webhooks", verb="rotate").get_data(as_text=True)
    assert site.asked[-1].verb == "rotate" and re.search(r"/hooks/[\w-]{20,}", page)


def test_no_page_of_these_has_inline_script_or_style(ann: FlaskClient) -> None:
    for path in ("/endpoints", "/endpoints/new?type=docker", "/endpoints/new?type=k8s", "/webhooks", "/webhooks/new"):
        page = ann.get(path).get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|<style|\bon\w+=", page), path


def test_a_push_that_started_nothing_can_be_run_anyway_also_from_a_live_row(site: Site, ann: FlaskClient) -> None:
    site.pages["registry-events"] = Page(documents=({"id": "d1", "verdict": "not started"},), total=1)
    live = ann.get("/activity/live")
    frame = next(piece for piece in live.response if b"event: show" in piece).decode()  # type: ignore[union-attr]
    live.close()
    assert "Run anyway" in frame
    token = form_token(frame)
    answer = ann.post("/activity/d1/act", data={"form_token": token, "verb": "run-anyway"})
    assert answer.location == "/activity/d1?follow"
    assert (site.asked[-1].verb, site.asked[-1].id) == ("run-anyway", "d1")


def test_a_push_that_is_run_again_leads_to_its_run_or_says_what_became_of_it(site: Site, ann: FlaskClient) -> None:
    again = {"id": "d2", "project": "default", "state": "resolving", "verdict": "waiting", "reason": "Asking."}
    site.documents["registry-events"] = again
    assert send(ann, "/activity/d1/act", "/activity/d1", verb="rerun").location == "/activity/d2?follow"
    assert 'hx-get="/activity/d2?follow"' in ann.get("/activity/d2?follow").get_data(as_text=True)
    site.documents["registry-events"] = {**again, "state": "judged", "verdict": "ignored: tag"}
    said = ann.get("/activity/d2?follow").get_data(as_text=True)
    assert "ignored: tag" in said and 'hx-get="/activity' not in said
    site.documents["registry-events"] = {**again, "state": "judged", "verdict": "started", "executionId": "e1"}
    assert ann.get("/activity/d2?follow").location == "/executions/e1"
    within = ann.get("/activity/d2?follow", headers={"HX-Request": "true"})
    assert within.headers["HX-Redirect"] == "/executions/e1"
    assert ann.get("/activity/d2").status_code == 200


def test_a_token_is_shown_once_with_its_end_and_kept_as_a_secret_variable(site: Site, ann: FlaskClient) -> None:
    site.documents["users"] = {"id": "u1", "name": "ann", "email": "ann@example.com"}
    assert 'value="ann@example.com"' in ann.get("/tokens/new").get_data(as_text=True)
    site.documents["api-tokens"] = {"id": "t2", "expiresAt": "2027-05-26 03:04:05.000000+00"}
    page = send(ann, "/tokens", "/tokens/new", email="ann@example.com").get_data(as_text=True)
    shown = re.search(r'id="token-text"[^>]*>([\w-]{20,})<', page)
    assert shown and "2027-05-26" in page and "data-keep" in page
    kept = send(ann, "/tokens/variable", "/tokens/new", name="HOOK_TOKEN", project="default", token=shown[1])
    assert "${var.HOOK_TOKEN}" in kept.get_data(as_text=True)
    act = site.asked[-1]
    assert (act.body["type"], act.body["value"], list(act.sealed)) == ("SECRET", MASK, ["value"])


def test_the_next_step_of_a_push_is_a_link_or_a_button(site: Site, ann: FlaskClient) -> None:
    row = {"id": "d1", "verdict": "ignored: tag", "action": "edit-webhook", "actionLabel": "Edit it", "webhookId": "w1"}
    disabled = {**row, "id": "d2", "action": "enable-webhook", "actionLabel": "Enable it"}
    site.pages["registry-events"] = Page(documents=(row, disabled), total=2)
    page = ann.get("/activity").get_data(as_text=True)
    assert re.search(r'href="/webhooks/w1">Edit it<', page) and 'value="enable-webhook"' in page
    site.documents["registry-events"] = {**disabled, "payload": {"push_data": {"tag": "<b>"}}}
    assert send(ann, "/activity/d2/act", "/activity", verb="enable-webhook").location == "/activity/d2"
    act = site.asked[-1]
    assert (act.kind.value, act.verb, act.id, act.body) == ("registry-webhooks", "patch", "w1", {"enabled": True})
    assert "&lt;b&gt;" in ann.get("/activity/d2").get_data(as_text=True)


ADVANCED: dict[str, Any] = {
    "description": "the shop's web",
    "repoName": "web",
    "gatherSeconds": 2.5,
    "platforms": ["linux/amd64", "linux/arm64"],
    "sourceNetworks": ["192.0.2.7/32", "10.0.0.0/8"],
    "signed": True,
}


def form_fields(page: str) -> dict[str, str]:
    """What a browser would send back of the form when nothing is touched."""
    form = page[page.index('id="webhook-form"') :]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        if given.get("type") != "checkbox" or " checked" in tag:
            fields[given["name"]] = given.get("value", "")
    for name, body in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"( selected)?', body)
        fields[name] = next((value for value, chosen in options if chosen), options[0][0])
    return {name: value for name, value in fields.items() if name != "form_token"}


def test_what_stands_in_a_webhooks_form_is_written_back_unchanged(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = {**HOOK, **ADVANCED, "mode": "look", "endpoint": "hub"}
    site.documents["pipelines"] = PIPELINE
    site.pages["pipelines"] = Page(documents=(PIPELINE,), total=1)
    page = ann.get("/webhooks/w1").get_data(as_text=True)
    assert '<details id="w-advanced" open>' in page
    send(ann, "/webhooks", "/webhooks/w1", **form_fields(page))
    act = site.asked[-1]
    written = {name: act.body[name] for name in ADVANCED}
    assert (act.verb, act.body["mode"]) == ("patch", "look")
    assert written == {**ADVANCED, "gatherSeconds": "2.5"}


def test_a_webhooks_page_says_what_happened_to_its_hook(site: Site, ann: FlaskClient) -> None:
    told = {"at": "2026-01-02 03:04:05.000000+00", "what": "It had been deleted at Docker Hub; it was made again."}
    site.documents["registry-webhooks"] = {**HOOK, "history": [told]}
    page = ann.get("/webhooks/w1").get_data(as_text=True)
    assert "2026-01-02 03:04:05 UTC" in page and told["what"] in page


def test_the_advanced_part_is_closed_while_nothing_stands_in_it(site: Site, ann: FlaskClient) -> None:
    nothing = {"gatherSeconds": 0.0, "platforms": [], "sourceNetworks": [], "signed": False, "mode": "hook"}
    site.documents["registry-webhooks"] = {**HOOK, **nothing}
    assert '<details id="w-advanced">' in ann.get("/webhooks/w1").get_data(as_text=True)


def test_the_variable_that_holds_the_api_token_is_shown_kept_and_can_be_taken_away(
    site: Site, ann: FlaskClient
) -> None:
    site.documents["registry-webhooks"] = {**HOOK, "endpoint": "hub", "refreshToken": "${var.HOOK_TOKEN}"}
    site.documents["pipelines"] = PIPELINE
    site.pages["pipelines"] = Page(documents=(PIPELINE,), total=1)
    fields = form_fields(ann.get("/webhooks/w1").get_data(as_text=True))
    send(ann, "/webhooks", "/webhooks/w1", **fields)
    assert (site.asked[-1].body["refreshToken"], site.asked[-1].hashes) == ("${var.HOOK_TOKEN}", {})
    send(ann, "/webhooks", "/webhooks/w1", **{**fields, "refreshToken": ""})
    assert site.asked[-1].body["refreshToken"] == ""


def test_an_api_token_that_nobody_sees_again_is_kept_by_a_blank_field(site: Site, ann: FlaskClient) -> None:
    site.documents["registry-webhooks"] = {**HOOK, "endpoint": "hub", "refreshToken": MASK}
    site.documents["pipelines"] = PIPELINE
    fields = form_fields(ann.get("/webhooks/w1").get_data(as_text=True))
    send(ann, "/webhooks", "/webhooks/w1", **{**fields, "pipeline": "Deploy web"})
    assert "refreshToken" not in site.asked[-1].body


def test_lists_are_taken_by_commas_and_blanks_and_an_emptied_field_clears(site: Site, ann: FlaskClient) -> None:
    site.documents["pipelines"] = PIPELINE
    fields = {"name": "w", "project": "default", "endpoint": "hub", "pipeline": "Deploy web"}
    send(ann, "/webhooks", "/webhooks/new", **fields, platforms="linux/amd64,linux/arm64  linux/arm/v7")
    body = site.asked[-1].body
    assert body["platforms"] == ["linux/amd64", "linux/arm64", "linux/arm/v7"]
    assert (body["sourceNetworks"], body["gatherSeconds"], body["signed"]) == ([], "", False)


FOR_CHECK: dict[str, Any] = {
    "id": "w1",
    "name": "acme-web",
    "urlBase": "https://portside.example.com/hooks?secureToken=",
    "signed": False,
    "registryHost": "docker.io",
    "repository": "acme/web",
    "lastTag": "1.4.0",
}


def checking(site: Site, ann: FlaskClient, sent: dict[str, Any], event: dict[str, Any], **facts: Any) -> str:
    """The test of a webhook, with what the runner and config would answer."""
    token = Sealer([bytes(PrivateKey.generate().public_key)]).seal("t0ken").model_dump()
    site.documents["registry-webhooks"] = {**FOR_CHECK, "token": token, **facts}
    site.documents["registry-events"] = {"id": "d1", "state": "judged", **event}
    site.post.answers["outside.inspect"] = lambda _: Inspected(document=sent)
    return str(send(ann, "/webhooks/w1/test", "/webhooks/new", tag="1.4.1").get_data(as_text=True))


def reached(status: int = 202, **answer: Any) -> dict[str, Any]:
    return {"reached": True, "message": "Reached in 7 ms.", "status": status, "answer": {"delivery": "d1", **answer}}


def hops(page: str) -> list[tuple[str, str]]:
    return re.findall(r'strong">([A-Za-z ]+)</span><span class="unseen">: (yes|no)<', page)


def test_a_webhooks_test_tells_every_hop_and_sends_the_tag_that_was_asked(site: Site, ann: FlaskClient) -> None:
    event = {"verdict": "tested", "reason": "Test: it would have started Deploy web.", "nextStep": ""}
    page = checking(site, ann, reached(), event)
    assert hops(page) == [(name, "yes") for name in ("Address reachable", "Token good", "Matched", "Would run")]
    assert "A push of acme/web:1.4.1 would run." in page and 'href="/activity/d1"' in page
    sent = next(ask for ask in site.asked if type(ask).__name__ == "Inspect").options
    assert (sent["body"]["push_data"]["tag"], sent["sign"]) == ("1.4.1", False)
    assert not any(hasattr(ask, "verb") for ask in site.asked)


def test_a_hop_that_failed_has_its_next_step_and_those_behind_it_were_not_tried(site: Site, ann: FlaskClient) -> None:
    ignored = {
        "verdict": "ignored: tag",
        "reason": "Tag 1.4.1 does not match 2.",
        "nextStep": "Change the tag pattern.",
    }
    page = checking(site, ann, reached(), ignored)
    assert hops(page)[2:] == [("Matched", "no"), ("Would run", "no")]
    assert "Change the tag pattern." in page and "Not tried" in page
    lost = checking(site, ann, {"reached": False, "message": "Cannot reach it.", "status": 0, "answer": {}}, ignored)
    assert hops(lost) == [("Address reachable", "no"), ("Token good", "no")] and "Check the public address" in lost


@pytest.mark.parametrize(
    ("subject", "step"),
    [("sourceNetworks", "own address"), ("signed", "Docker Hub does not sign"), ("", "Rotate the token.")],
)
def test_a_refused_test_says_which_field_refused_it(site: Site, ann: FlaskClient, subject: str, step: str) -> None:
    page = checking(site, ann, reached(403, message="Forbidden.", subject=subject), {})
    assert hops(page)[-1] == ("Token good", "no") and step in html.unescape(page)


def test_a_test_is_signed_where_the_webhook_demands_it_and_its_registry_can(site: Site, ann: FlaskClient) -> None:
    for host, signs in (("docker.io", False), ("ghcr.io", True)):
        site.post.asked.clear()
        checking(site, ann, reached(403), {}, signed=True, registryHost=host)
        assert next(ask for ask in site.asked if type(ask).__name__ == "Inspect").options["sign"] is signs


def test_why_an_image_was_not_deployed_is_asked_and_answered_on_a_page(site: Site, ann: FlaskClient) -> None:
    assert "Say why" in ann.get("/activity").get_data(as_text=True)
    site.documents["registry-events"] = {
        "answer": "Received on 2026-01-02, ignored: tag: Tag 1.4.1 does not match 2.",
        "nextStep": "Change the tag pattern.",
        "repository": "acme/web",
        "sentences": ["Received on 2026-01-02, ignored: tag: Tag 1.4.1 does not match 2."],
        "events": ["d1"],
        "webhooks": ["w1"],
    }
    page = ann.get("/activity/why?image=docker.io/acme/web:1.4.1&at=2026-01-02T03:04").get_data(as_text=True)
    ask = next(ask.options["why"] for ask in site.asked if "why" in getattr(ask, "options", {}))
    assert ask == {"repository": "acme/web", "tag": "1.4.1", "at": "2026-01-02T03:04+00:00"}
    assert "ignored: tag" in page and 'href="/activity/d1"' in page and 'value="docker.io/acme/web:1.4.1"' in page
