"""All operations of Code Stream's published description, over HTTPS, through a strict decoder and a restart of config.

Each test lives through one resource; `DescribedApi` decodes every answer by the description and remembers what was
called, and the last test asks for what was not.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from cli import system
from tests.support.patience import PATIENCE_S
from tests.support.world import World, wait_for

from .described_api import BY_TITLE, DescribedApi, Json
from .things import PROJECT, Things, stages

SENTENCE = "no Git push and no Gerrit event starts a pipeline yet"
INTEGRATION = """\
---
runtime: python3
code: |
  from context import getInput, setOutput
  setOutput("greeting", "hello " + getInput("who"))
inputProperties:
  - name: who
    type: text
    required: true
outputProperties:
  - name: greeting
    type: label
"""
VERSION = "GET /custom-integrations/{id}/versions/{version}"
LISTENER = {"description": "", "endpoint": "gerrit", "apiToken": "secret-of-gerrit"}
TRIGGER = {
    "description": "",
    "branch": "master",
    "gerritProject": "web",
    "listener": "listener",
    "configurations": [{"eventType": "patchset-created", "pipeline": "has run", "input": {"A": "1"}}],
    "inclusions": [{"type": "REGEX", "value": "src/.*"}],
}
GIT = {
    "description": "",
    "endpoint": "git-server",
    "pipeline": "has run",
    "serverType": "GITHUB",
    "repoName": "acme/web",
    "branchName": "main",
    "delayTimeInMins": 2,
    "exclusions": [{"type": "PLAIN", "value": "README.md"}],
}
PUSH = {
    "ref": "refs/heads/main",
    "after": "0a1b2c",
    "head_commit": {"message": "Faster\n\nmuch", "added": []},
    "commits": [{"modified": ["src/a.py"]}],
    "repository": {"full_name": "acme/web", "html_url": "https://git.example.com/acme/web"},
    "pusher": {"name": "ann"},
}


@pytest.fixture(scope="module")
def api(world: World, things: Things) -> DescribedApi:
    password = world.layout.password_file.read_text().strip()
    token = world.client.sign_in(system.ADMIN, password)
    assert things.ran
    return DescribedApi(world.layout.url, world.layout.certificate, token)


@pytest.fixture(scope="module")
def kept(world: World, api: DescribedApi, things: Things) -> dict[str, Json]:
    """One object of each resource, read back after config was killed and has started again."""

    def named(title: str, name: str, **body: Any) -> Json:
        made: Json = api(title, {"project": PROJECT, "name": name, **body})
        return made

    hook = named("POST /git-webhooks", "git hook", **GIT)
    token = hook["secretToken"]
    url = f"{world.layout.url}/{hook['externalListenerLink']}?token={token}"
    for push in (PUSH, {**PUSH, "ref": "refs/heads/other"}):
        requests.post(url, json=push, verify=world.layout.certificate, timeout=PATIENCE_S).raise_for_status()
    event = things.event()
    made = {
        "variables": named("POST /variables", "kept", type="REGULAR", value="1", description=""),
        "endpoints": named(
            "POST /endpoints", "kept", type="webhook", properties={"url": "https://x.example.com"}, description=""
        ),
        "pipelines": named("POST /pipelines", "kept", description="", **stages("Log")),
        "registry-webhooks": named("POST /registry-webhooks", "kept", description=""),
        "git-webhooks": hook,
        "gerrit-listeners": named("POST /gerrit-listeners", "listener", **LISTENER),
        "gerrit-triggers": named("POST /gerrit-triggers", "trigger", **TRIGGER),
        "custom-integrations": named("POST /custom-integrations", "greet", yaml=INTEGRATION, description="says hello"),
    }
    api("POST /gerrit-events", {"changeId": "I42", "project": PROJECT, "trigger": "trigger"})
    recorded = {
        "GET /executions/{id}": things.ended()["id"],
        "GET /user-operations/{id}": things.question()["id"],
        "GET /registry-events/{id}": event["id"],
        "GET /git-events/{id}": next(iter(api("GET /git-events")["documents"].values()))["id"],
        "GET /gerrit-events/{id}": next(iter(api("GET /gerrit-events")["documents"].values()))["id"],
    }
    reads = {f"GET /{kind}/{{id}}" for kind in made} | set(recorded)
    assert reads == {title for title in BY_TITLE if title.startswith("GET ") and title.endswith("s/{id}")}
    before = {title: api(title, id=id) for title, id in recorded.items()}
    numbered = {
        VERSION: {"id": made["custom-integrations"]["id"], "version": "0.1"},
        "GET /pipelines/{id}/executions/{index}": {"id": things.ran["id"], "index": "1"},
    }
    api("POST /custom-integrations/{id}/versions", {"version": "0.1"}, id=made["custom-integrations"]["id"])
    before |= {title: api(title, **place) for title, place in numbered.items()}
    world.kill("config")
    world.get("/codestream/api/about")
    wait_for(lambda: world.documents("/projects"), "config to serve again")
    after = {title: api(title, id=id) for title, id in recorded.items()}
    after |= {title: api(title, **place) for title, place in numbered.items()}
    assert after == before
    api("DELETE /custom-integrations/{id}/versions/{version}", **numbered[VERSION])
    again = {kind: api(f"GET /{kind}/{{id}}", id=one["id"]) for kind, one in made.items()}
    passing = {"secretToken", "hookUrl", "_warnings", "look"}
    for kind, one in made.items():
        assert {k: v for k, v in one.items() if k not in passing} == {
            k: v for k, v in again[kind].items() if k not in passing
        }, kind
    return {**again, "registry-events": world.client.get(f"/registry-events/{event['id']}")}


def test_the_api_says_what_it_is(api: DescribedApi) -> None:
    assert api("GET /about")["latestApiVersion"]
    assert {"k8s", "ci", "custom"} <= {tile["tileId"] for tile in api("GET /pipeline-tiles")["tiles"]}
    tiles = api("GET /endpoint-tiles")["tiles"]
    assert "k8s" in {tile["tileId"] for tile in tiles}
    assert api("GET /endpoint-tiles/{type}", type="k8s") in tiles
    assert api.refused("GET /endpoint-tiles/{type}", type="nothing")[0] == 404


def test_variables(api: DescribedApi, kept: dict[str, Json]) -> None:
    one = kept["variables"]
    api.pages("/variables", one)
    assert api("GET /variables/{project}/{name}", project=PROJECT, name="kept") == one
    changed = api("PUT /variables/{id}", {**one, "value": "2"}, id=one["id"])
    assert changed["value"] == "2" and changed["version"] == "2"
    body = {"name": "kept", "type": "REGULAR", "value": "3", "description": "d"}
    assert api("PUT /variables/{project}/{name}", body, project=PROJECT, name="kept")["description"] == "d"
    other = api(
        "POST /variables", {"project": PROJECT, "name": "other", "type": "SECRET", "value": "s", "description": ""}
    )
    assert other["value"] == "*****"
    assert api("DELETE /variables/{project}/{name}", project=PROJECT, name="other")["id"] == other["id"]
    assert api("DELETE /variables/{id}", id=one["id"])["id"] == one["id"]
    assert api.refused("GET /variables/{id}", id=one["id"])[0] == 404


def test_endpoints(api: DescribedApi, kept: dict[str, Json], things: Things) -> None:
    one = kept["endpoints"]
    api.pages("/endpoints", one, type="type eq 'webhook'")
    assert api("GET /endpoints/{project}/{name}", project=PROJECT, name="kept") == one
    body = {**one, "properties": {"url": "https://y.example.com"}}
    assert api("PUT /endpoints/{id}", body, id=one["id"])["properties"]["url"] == "https://y.example.com"
    assert api("PUT /endpoints/{project}/{name}", one, project=PROJECT, name="kept")["properties"] == one["properties"]
    cluster = things.cluster
    tried = api("POST /endpoint-validation", {**cluster, "description": ""})
    assert tried["status"] == "COMPLETED" and tried["duration"] >= 0
    assert api("GET /endpoint-certificate", query={"url": things.client.base_url})["certificates"]
    other = api("POST /endpoints", {**one, "name": "other"})
    assert api("DELETE /endpoints/{project}/{name}", project=PROJECT, name="other")["id"] == other["id"]
    assert api("DELETE /endpoints/{id}", id=one["id"])["id"] == one["id"]


def test_pipelines(api: DescribedApi, kept: dict[str, Json]) -> None:
    one = kept["pipelines"]
    named = {"project": PROJECT, "name": "kept"}
    api.pages("/pipelines", one, state="state eq 'DISABLED'")
    assert api("GET /pipelines/{project}/{name}", **named)["id"] == one["id"]
    assert api("PATCH /pipelines/{id}", {"state": "ENABLED"}, id=one["id"])["enabled"] is True
    assert api("PATCH /pipelines/{project}/{name}", {"tags": ["a"]}, **named)["tags"] == ["a"]
    assert api("PATCH /pipelines/{id}/global", {"global": True}, id=one["id"])["global"] is True
    assert api("PATCH /pipelines/{project}/{name}/global", {"global": False}, **named)["global"] is False
    now = api("GET /pipelines/{id}", id=one["id"])
    assert api("PUT /pipelines/{id}", {**now, "concurrency": 3}, id=one["id"])["concurrency"] == 3
    assert api("PUT /pipelines/{project}/{name}", {**now, "concurrency": 4}, **named)["concurrency"] == 4
    first = api("POST /pipelines/{id}", {"requestType": "CLONE", "name": "first copy"}, id=one["id"])
    second = api("POST /pipelines/{project}/{name}", {"requestType": "CLONE", "name": "second copy"}, **named)
    assert first["stages"] == second["stages"] == now["stages"] and first["state"] == "DISABLED"
    assert api("DELETE /pipelines/{project}/{name}", project=PROJECT, name="first copy")["id"] == first["id"]
    assert api("DELETE /pipelines/{id}", id=second["id"])["name"] == "second copy"


def completed(world: World, id: str) -> None:
    wait_for(lambda: world.get(f"/executions/{id}")["status"] == "COMPLETED", f"execution {id} to complete")


def test_executions(api: DescribedApi, kept: dict[str, Json], world: World) -> None:
    pipeline, named = kept["pipelines"], {"project": PROJECT, "name": "kept"}
    api("PATCH /pipelines/{id}", {"state": "ENABLED"}, id=pipeline["id"])
    body = {"comments": "by hand", "input": {}, "tags": ["t"]}
    started = [
        api("POST /pipelines/{id}/executions", body, id=pipeline["id"]),
        api("POST /pipelines/{project}/{name}/executions", body, **named),
    ]
    assert [set(one) for one in started] == [{"executionId", "executionIndex", "executionLink"}] * 2
    for one in started:
        completed(world, one["executionId"])
    id = started[0]["executionId"]
    whole = api("GET /executions/{id}", id=id)
    assert whole["comments"] == "by hand" and whole["stages"]["Only"]["tasks"]["Log"]["status"] == "COMPLETED"
    index = str(started[0]["executionIndex"])
    assert api("GET /pipelines/{id}/executions/{index}", id=pipeline["id"], index=index)["id"] == id
    assert api("GET /pipelines/{project}/{name}/executions/{index}", index=index, **named)["id"] == id
    mine = {"$filter": "status eq 'COMPLETED'", "$orderby": "_requestTimeInMicros desc", "$top": 1, "page": 0}
    for title, place in (
        ("GET /pipelines/{id}/executions", {"id": pipeline["id"]}),
        ("GET /pipelines/{project}/{name}/executions", named),
    ):
        page = api(title, query=mine, **place)
        assert (page["count"], page["totalCount"]) == (1, 2)
    assert api("GET /executions", query={"$filter": "name eq 'kept'"})["totalCount"] == 2
    assert api("POST /executions/{id}", {"tags": ["a"]}, {"action": "tag"}, id=id)["tags"] == ["a"]
    assert api("DELETE /executions/{id}", id=id)["id"] == id
    status, refusal = api.refused("DELETE /executions")
    assert status == 400 and "$filter" in refusal["message"]
    gone = api("DELETE /executions", query={"$filter": f"(name eq 'kept') and (project eq '{PROJECT}')"})
    assert [one["id"] for one in gone["documents"].values()] == [started[1]["executionId"]]
    assert api("GET /executions", query={"$filter": "name eq 'kept'"})["totalCount"] == 0


def test_user_operations(api: DescribedApi, things: Things) -> None:
    questions = [things.question() for _ in range(4)]
    ids = [one["id"] for one in questions]
    api(
        "GET /user-operations",
        query={"$filter": "status eq 'ACTIVE'", "$top": 50, "$orderby": "_requestedOnInMicros asc"},
    )
    first = api("GET /user-operations/{id}", id=ids[0])
    assert first["status"] == "ACTIVE" and first["expirationUnit"] in ("MINUTES", "HOURS", "DAYS")
    assert api.refused("DELETE /user-operations/{id}", id=ids[0])[0] == 409
    answer = {"status": "Approved", "responseMessage": "go"}
    assert api("PATCH /user-operations/{id}", answer, id=ids[0])["status"] == "APPROVED"
    rejected = api("POST /user-operations/{id}", {**answer, "status": "Rejected"}, id=ids[1])
    assert (rejected["status"], rejected["responseMessage"]) == ("REJECTED", "go")
    batch = api("POST /batch-user-operations", {"ids": [*ids, "nothing"], **answer})
    assert (batch["success"], batch["failure"]) == (2, 3)
    assert {one["id"] for one in batch["errors"]} == {ids[0], ids[1], "nothing"}
    assert api("DELETE /user-operations/{id}", id=ids[0])["id"] == ids[0]
    assert api.refused("GET /user-operations/{id}", id=ids[0])[0] == 404


def test_docker_webhooks_and_events(api: DescribedApi, kept: dict[str, Json], things: Things) -> None:
    one, named = kept["registry-webhooks"], {"project": PROJECT, "name": "kept"}
    api.pages("/registry-webhooks", one)
    assert api("GET /registry-webhooks/{project}/{name}", **named)["id"] == one["id"]
    assert api("PATCH /registry-webhooks/{id}", {"enabled": False}, id=one["id"])["enabled"] is False
    assert api("PATCH /registry-webhooks/{project}/{name}", {"enabled": True}, **named)["enabled"] is True
    assert api("PUT /registry-webhooks/{id}", {**one, "tagNamePattern": "1.*"}, id=one["id"])["tagNamePattern"] == "1.*"
    assert api("PUT /registry-webhooks/{project}/{name}", one, **named)["tagNamePattern"] == ""
    other = api("POST /registry-webhooks", {"project": PROJECT, "name": "other", "description": ""})
    assert api("DELETE /registry-webhooks/{id}", id=other["id"])["id"] == other["id"]
    assert api("DELETE /registry-webhooks/{project}/{name}", **named)["id"] == one["id"]
    event = kept["registry-events"]
    page = api(
        "GET /registry-events", query={"$filter": f"tag eq '{event['tag']}'", "$orderby": "_createTimeInMicros desc"}
    )
    assert [item["id"] for item in page["documents"].values()] == [event["id"]]
    assert api("GET /registry-events/{id}", id=event["id"])["tag"] == event["tag"]
    again = api("POST /registry-events/{id}", {}, {"action": "rerun"}, id=event["id"])
    assert api("DELETE /registry-events/{id}", id=again["id"])["id"] == again["id"]
    assert api.refused("GET /registry-events/{id}", id=again["id"])[0] == 404


def warned(document: Json) -> list[str]:
    return [one["message"]["message"] for one in document["_warnings"]]


def test_git_webhooks_and_events(api: DescribedApi, kept: dict[str, Json]) -> None:
    one, named = kept["git-webhooks"], {"project": PROJECT, "name": "git hook"}
    assert SENTENCE in warned(one)[0] and "there is no endpoint git-server in this project yet" in warned(one)
    assert one["secretToken"] == "*****"
    api.pages("/git-webhooks", one, server="serverType eq 'GITHUB'", branch="branchName eq 'main'")
    assert api("GET /git-webhooks/{project}/{name}", **named) == one
    changed = api("PUT /git-webhooks/{id}", {**one, "branchName": "release"}, id=one["id"])
    assert changed["branchName"] == "release" and changed["secretToken"] == "*****"
    assert api("PUT /git-webhooks/{project}/{name}", one, **named)["branchName"] == "main"
    status, error = api.refused(
        "POST /git-webhooks", {**GIT, "project": PROJECT, "name": "x", "inclusions": [{"type": "REGEX", "value": "("}]}
    )
    assert status == 400 and "inclusions[0].value" in error["message"]
    page = api("GET /git-events", query={"$filter": "name eq 'git hook'", "$orderby": "_createTimeInMicros asc"})
    fits, other = page["documents"].values()
    assert fits["message"].startswith("It fits Git webhook git hook.") and SENTENCE in fits["message"]
    assert other["message"].startswith("Branch other is not main.")
    read = api("GET /git-events/{id}", id=fits["id"])
    assert (read["commitId"], read["owner"], read["targetBranch"]) == ("0a1b2c", "ann", "main")
    assert (read["subject"], read["repo"], read["serverURL"]) == ("Faster", "acme/web", "https://git.example.com")
    api("PUT /git-webhooks/{id}", {**one, "branchName": "other"}, id=one["id"])
    assert api("POST /git-events/{id}", {}, {"action": "rerun"}, id=other["id"])["message"].startswith("It fits")
    assert api("DELETE /git-events/{id}", id=other["id"])["id"] == other["id"]
    assert api.refused("GET /git-events/{id}", id=other["id"])[0] == 404
    second = api("POST /git-webhooks", {**GIT, "project": PROJECT, "name": "second"})
    assert api("DELETE /git-webhooks/{project}/{name}", project=PROJECT, name="second")["id"] == second["id"]
    assert api("DELETE /git-webhooks/{id}", id=one["id"])["id"] == one["id"]


def test_a_git_server_without_the_token_is_not_heard(api: DescribedApi, world: World) -> None:
    hook = api("POST /git-webhooks", {**GIT, "project": PROJECT, "name": "closed"})
    url = f"{world.layout.url}/{hook['externalListenerLink']}"
    for query, headers in (
        ("", {}),
        ("?token=wrong", {}),
        (f"?token={hook['secretToken']}", {"X-Hub-Signature-256": "sha256=00"}),
    ):
        answer = requests.post(
            url + query, json=PUSH, headers=headers, verify=world.layout.certificate, timeout=PATIENCE_S
        )
        assert answer.status_code == 403, answer.text
    headers = {"X-Gitlab-Token": hook["secretToken"]}
    ping = requests.post(url, json={"zen": "x"}, headers=headers, verify=world.layout.certificate, timeout=PATIENCE_S)
    assert ping.json()["status"] == "ignored"
    assert api("GET /git-events", query={"$filter": "name eq 'closed'"})["count"] == 0
    api("DELETE /git-webhooks/{id}", id=hook["id"])


def test_gerrit(api: DescribedApi, kept: dict[str, Json]) -> None:
    listener, trigger = kept["gerrit-listeners"], kept["gerrit-triggers"]
    at_listener, at_trigger = ({"project": PROJECT, "name": name} for name in ("listener", "trigger"))
    assert SENTENCE in warned(listener)[0] and SENTENCE in warned(trigger)[0]
    assert listener["apiToken"] == "*****"
    api.pages("/gerrit-listeners", listener, connected="connected eq 'false'")
    api.pages("/gerrit-triggers", trigger, listener="listener eq 'listener'")
    assert api("GET /gerrit-listeners/{project}/{name}", **at_listener) == listener
    assert api("GET /gerrit-triggers/{project}/{name}", **at_trigger) == trigger
    assert api("GET /gerrit-listeners/{id}/projects", id=listener["id"]) == "web"
    assert api("GET /gerrit-listeners/{project}/{name}/projects", **at_listener) == "web"
    spec = {**LISTENER, "project": PROJECT, "name": "to try"}
    assert api("POST /gerrit-listeners/validate", spec)["name"] == "to try"
    assert api.refused("GET /gerrit-listeners/{project}/{name}", project=PROJECT, name="to try")[0] == 404
    assert api.refused("POST /gerrit-listeners/validate", {**spec, "apiToken": ""})[0] == 400
    assert api("PATCH /gerrit-listeners/{id}", {"connected": True}, id=listener["id"])["connected"] is True
    assert api("PATCH /gerrit-listeners/{project}/{name}", {"connected": False}, **at_listener)["connected"] is False
    assert api("PUT /gerrit-listeners/{id}", {**listener, "description": "d"}, id=listener["id"])["description"] == "d"
    assert api("PUT /gerrit-listeners/{project}/{name}", listener, **at_listener)["description"] == ""
    clone = {"requestType": "CLONE", "name": "copy"}
    copies = [
        api("POST /gerrit-listeners/{id}", clone, id=listener["id"]),
        api("POST /gerrit-listeners/{project}/{name}", {**clone, "name": "copy 2"}, **at_listener),
    ]
    assert [one["apiToken"] for one in copies] == ["*****"] * 2
    assert api("PATCH /gerrit-triggers/{id}", {"enabled": False}, id=trigger["id"])["enabled"] is False
    refusal = api.refused("POST /gerrit-events", {"changeId": "I43", "project": PROJECT, "trigger": "trigger"})
    assert refusal[0] == 409
    assert api("PATCH /gerrit-triggers/{project}/{name}", {"enabled": True}, **at_trigger)["enabled"] is True
    assert api("PUT /gerrit-triggers/{id}", {**trigger, "branch": "b"}, id=trigger["id"])["branch"] == "b"
    assert api("PUT /gerrit-triggers/{project}/{name}", trigger, **at_trigger)["branch"] == "master"
    triggers = [
        api("POST /gerrit-triggers/{id}", clone, id=trigger["id"]),
        api("POST /gerrit-triggers/{project}/{name}", {**clone, "name": "copy 2"}, **at_trigger),
    ]
    assert triggers[0]["configurations"] == trigger["configurations"]
    page = api("GET /gerrit-events", query={"$filter": "trigger eq 'trigger'", "$orderby": "_createTimeInMicros desc"})
    (event,) = page["documents"].values()
    read = api("GET /gerrit-events/{id}", id=event["id"])
    assert (read["pipeline"], read["gerritProject"], read["triggerType"]) == ("has run", "web", "MANUAL")
    assert SENTENCE in read["message"]
    assert api("POST /gerrit-events/{id}", {}, {"action": "rerun"}, id=event["id"])["id"] == event["id"]
    assert api("DELETE /gerrit-events/{id}", id=event["id"])["id"] == event["id"]
    assert api.refused("DELETE /gerrit-listeners/{id}", id=listener["id"])[0] == 409
    for one in triggers:
        api("DELETE /gerrit-triggers/{id}", id=one["id"])
    assert api("DELETE /gerrit-triggers/{project}/{name}", **at_trigger)["id"] == trigger["id"]
    assert api("DELETE /gerrit-listeners/{project}/{name}", project=PROJECT, name="copy")["id"] == copies[0]["id"]
    assert api("DELETE /gerrit-listeners/{id}", id=listener["id"])["id"] == listener["id"]


def test_custom_integrations(api: DescribedApi, kept: dict[str, Json]) -> None:
    one = kept["custom-integrations"]
    api.pages("/custom-integrations", one)
    place = {"id": one["id"]}
    assert one["status"] == "DRAFT" and one["yaml"] == INTEGRATION
    assert api.refused("PUT /custom-integrations/{id}", {**one, "yaml": "runtime: cobol\n"}, **place)[0] == 400
    first = api("POST /custom-integrations/{id}/versions", {"version": "1.0", "changeLog": "first"}, **place)
    assert (first["status"], first["parentId"], first["version"]) == ("DRAFT", one["id"], "1.0")
    changed = INTEGRATION.replace("hello", "good day")
    assert api("PUT /custom-integrations/{id}", {**one, "yaml": changed}, **place)["yaml"] == changed
    api("POST /custom-integrations/{id}/versions", {"version": "2.0"}, **place)
    at = {**place, "version": "1.0"}
    version = "/custom-integrations/{id}/versions/{version}"
    assert api.refused(f"POST {version}/deprecate", {}, **at)[0] == 409
    assert api(f"POST {version}/release", {}, **at)["status"] == "RELEASED"
    assert api(f"PATCH {version}", {"setLatest": True}, **at)["latest"] is True
    assert api(f"POST {version}/deprecate", {}, **at)["status"] == "DEPRECATED"
    assert api(f"POST {version}/withdraw", {}, **at)["status"] == "WITHDRAWN"
    assert api(f"GET {version}", **at)["yaml"] == INTEGRATION
    assert api(f"POST {version}/restore", {}, **at)["sourceVersion"] == "1.0"
    assert api("GET /custom-integrations/{id}", **place)["yaml"] == INTEGRATION
    page = api("GET /custom-integrations/{id}/versions", query={"$orderby": "version desc", "$top": 1}, **place)
    assert [item["version"] for item in page["documents"].values()] == ["2.0"] and page["totalCount"] == 2
    withdrawn = api("GET /custom-integrations/{id}/versions", query={"$filter": "status eq 'WITHDRAWN'"}, **place)
    assert [item["version"] for item in withdrawn["documents"].values()] == ["1.0"]
    assert api(f"DELETE {version}", **at)["version"] == "1.0"
    assert api.refused(f"GET {version}", **at)[0] == 404
    assert api("DELETE /custom-integrations/{id}", **place)["id"] == one["id"]


def test_what_is_exported_comes_back_as_it_was(api: DescribedApi, things: Things) -> None:
    made = {
        "git-webhooks": api("POST /git-webhooks", {**GIT, "project": PROJECT, "name": "moved"}),
        "gerrit-listeners": api("POST /gerrit-listeners", {**LISTENER, "project": PROJECT, "name": "moved"}),
        "gerrit-triggers": api(
            "POST /gerrit-triggers", {**TRIGGER, "project": PROJECT, "name": "moved", "listener": "moved"}
        ),
        "custom-integrations": api(
            "POST /custom-integrations", {"project": PROJECT, "name": "moved", "yaml": INTEGRATION, "description": "d"}
        ),
    }
    integration = made["custom-integrations"]["id"]
    api("POST /custom-integrations/{id}/versions", {"version": "1.0", "changeLog": "c"}, id=integration)
    api("POST /custom-integrations/{id}/versions/{version}/release", {}, id=integration, version="1.0")
    text = api(
        "GET /export",
        query={
            "project": PROJECT,
            "git-webhooks": "moved",
            "gerrit-listeners": "moved",
            "gerrit-triggers": " moved ",
            "customIntegration": "moved",
            "exportAllCustomIntegrationVersions": "true",
        },
    )
    for kind in ("git-webhooks", "gerrit-triggers", "gerrit-listeners", "custom-integrations"):
        api(f"DELETE /{kind}/{{id}}", id=made[kind]["id"])
    taken = api("POST /import", text, {"action": "apply"})
    assert {one["status"] for one in taken} == {"CREATED"} and len(taken) == 5
    for kind in ("git-webhooks", "gerrit-listeners", "gerrit-triggers"):
        again = api(f"GET /{kind}/{{project}}/{{name}}", project=PROJECT, name="moved")
        own = {"id", "_link", "createdAt", "updatedAt", "_createTimeInMicros", "_updateTimeInMicros", "apiToken"}
        own |= {"secretToken", "hookUrl", "externalListenerLink"}
        assert {k: v for k, v in again.items() if k not in own} == {k: v for k, v in made[kind].items() if k not in own}
    (found,) = api("GET /custom-integrations", query={"$filter": "name eq 'moved'"})["documents"].values()
    version = api("GET /custom-integrations/{id}/versions/{version}", id=found["id"], version="1.0")
    assert (version["status"], version["yaml"], version["changeLog"]) == ("RELEASED", INTEGRATION, "c")


def test_nothing_of_the_description_was_left_out(api: DescribedApi, kept: dict[str, Json]) -> None:
    assert set(BY_TITLE) - api.called == set()
    assert len(BY_TITLE) == 127
