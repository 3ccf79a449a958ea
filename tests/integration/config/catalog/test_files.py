from __future__ import annotations

from typing import Any

import pytest
import yaml

from services.config.store.definitions.endpoints import VARIABLES
from services.gateway.commands.imports import seal_yaml
from shared.contracts.base import Sealed
from shared.contracts.catalog import Document, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from tests.integration.config.accounts.test_people import refused
from tests.integration.config.office import Office

THEIRS = """\
---
project: default
kind: PIPELINE
name: cd-demo
icon: organization,left, is-info
enabled: true
concurrency: 10
options: [
  GIT_TRIGGER]
input:
  IMAGE_X: ''
_inputMeta:
  IMAGE_X:
    mandatory: false
    description: ''
workspace:
  image: ''
  path: ''
  endpoint: ''
  limits:
    cpu: 1.0
    memory: 512
stageOrder:
- Stage0
stages:
  Stage0:
    taskOrder:
    - Build,Get Token
    - Deploy
    tasks:
      Build:
        type: Jenkins
        input:
          job: build
      Get Token:
        type: REST
        preCondition: ${input.IMAGE_X} == "a"
        input:
          action: get
          url: https://example.com/${input.IMAGE_X}
          headers: {}
      Deploy:
        type: Blueprint
        input:
          action: CreateDeployment
          parameters:
            token: ${Stage0.Build.output.exports.TOKEN}
"""


def take(office: Office, text: str, action: str = "apply", *, by: str = "admin", **more: Any) -> Document:
    project = more.pop("project", "")
    options = {"action": action, "project": project}
    return office.document(Kind.PIPELINES, "import", by=by, text=text, options=options, **more)


def objects(office: Office, text: str, action: str = "apply", **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = take(office, text, action, **more).document["objects"]
    return found


def exported(office: Office, project: str = "", **wanted: list[str]) -> str:
    ask = Get(kind=Kind.PIPELINES, project=project, options={"export": "yaml", "wanted": wanted})
    return office.desk.get(ask, Caller(user="admin")).text


def test_a_real_export_with_tasks_that_do_not_run_here_comes_in_whole(office: Office) -> None:
    (report,) = objects(office, THEIRS, "create")
    assert (report["status"], report["name"]) == ("CREATED", "cd-demo")
    assert [(one["stage"], one["task"], one["type"]) for one in report["willNotRun"]] == [
        ("Stage0", "Build", "Jenkins"),
        ("Stage0", "Deploy", "Blueprint"),
    ]
    pipeline = office.get(Kind.PIPELINES, project="default", name="cd-demo")
    assert pipeline["enabled"] is True
    assert pipeline["stages"] == yaml.safe_load(THEIRS)["stages"]
    assert pipeline["workspace"]["limits"] == {"cpu": 1.0, "memory": 512}


def test_the_answer_reads_as_the_yaml_that_clients_expect(office: Office) -> None:
    assert yaml.safe_load(take(office, THEIRS, "create").text) == {
        "name": "cd-demo",
        "status": "CREATED",
        "statusMessage": "",
    }
    assert yaml.safe_load(take(office, THEIRS, "apply").text)["status"] == "UPDATED"


def test_creating_what_is_there_and_updating_what_is_not_fails_with_a_reason(office: Office) -> None:
    (missing,) = objects(office, THEIRS, "update")
    assert missing["status"] == "FAILED" and "no pipeline cd-demo" in missing["statusMessage"]
    take(office, THEIRS, "create")
    (there,) = objects(office, THEIRS, "create")
    assert there["status"] == "FAILED" and "already" in there["statusMessage"]


def test_what_comes_from_elsewhere_is_exported_as_it_came_and_ours_names_its_policy(office: Office) -> None:
    take(office, THEIRS)
    office.pipeline("ours")
    with office.store.read() as uow:
        theirs = office.catalog.pipeline(uow, "default", "cd-demo")
        ours = office.catalog.pipeline(uow, "default", "ours")
    assert theirs is not None and theirs.tree["_imported"] is True
    assert ours is not None and "_imported" not in ours.tree
    assert "_imported" not in exported(office, pipelines=["cd-demo"])
    again = exported(office, pipelines=["ours"])
    assert yaml.safe_load(again)["supersede"] == "queue-latest"
    take(office, again)
    with office.store.read() as uow:
        ours = office.catalog.pipeline(uow, "default", "ours")
    assert ours is not None and "_imported" not in ours.tree


def test_one_object_that_fails_leaves_the_others_alone(office: Office) -> None:
    text = THEIRS + "---\nproject: default\nkind: VARIABLE\nname: a b\ntype: REGULAR\nvalue: x\n"
    text += "---\nproject: default\nkind: VARIABLE\nname: good\ntype: REGULAR\nvalue: x\n"
    assert [one["status"] for one in objects(office, text)] == ["CREATED", "FAILED", "CREATED"]
    assert office.names(Kind.VARIABLES) == ["good"]


def test_a_flaw_in_a_later_document_has_the_line_of_the_file(office: Office) -> None:
    broken = THEIRS.replace("${input.IMAGE_X} ==", "${input.IMAGE_Y} ==").replace("cd-demo", "second")
    (_, report) = objects(office, THEIRS + broken)
    line = len(THEIRS.splitlines()) + 1 + next(n for n, t in enumerate(broken.splitlines()) if "IMAGE_Y" in t)
    assert report["status"] == "FAILED"
    assert [flaw["line"] for flaw in report["flaws"]] == [line]
    assert "IMAGE_X" in report["statusMessage"]


def test_secrets_come_in_sealed_and_missing_ones_are_listed(office: Office) -> None:
    text = """\
---
---
project: default
kind: VARIABLE
name: known
type: SECRET
value: '*****'
---
project: default
kind: VARIABLE
name: unknown
type: SECRET
value: '*****'
---
project: default
kind: ENDPOINT
name: hub
type: docker
properties: {repoURL: acme/web, username: acme, password: '*****'}
"""
    document = take(office, text, sealed=office.sealed(**{"1__value": "s3cret"})).document
    assert [one["status"] for one in document["objects"]] == ["CREATED"] * 3
    assert document["needsSecrets"] == ["variable unknown: value", "endpoint hub: properties.password"]
    with office.store.read() as uow:
        stored = VARIABLES.one(uow, project="default", name="known")
    assert stored is not None and office.opener.open(Sealed.model_validate(stored.sealed)) == "s3cret"


def test_another_project_can_be_named_for_what_comes_from_elsewhere(office: Office) -> None:
    text = THEIRS.replace("project: default", "project: My Project")
    (report,) = objects(office, text)
    assert report["status"] == "FAILED" and "My Project" in report["statusMessage"]
    (report,) = objects(office, text, project="default")
    assert report["status"] == "CREATED" and "My Project" in report["statusMessage"]
    (report,) = objects(office, text, project="default")
    assert report["status"] == "UPDATED"


def test_an_api_token_of_another_installation_does_not_keep_a_webhook_out(office: Office) -> None:
    text = "project: default\nkind: DOCKER_WEBHOOK\nname: web\nrefreshToken: '*****'\n"
    document = take(office, text, hashes={"0.refreshToken": "0" * 64}).document
    assert [one["status"] for one in document["objects"]] == ["CREATED"]
    assert office.get(Kind.WEBHOOKS, project="default", name="web")["actor"] == "admin"


def test_a_value_that_ends_in_a_question_mark_comes_in_sealed(office: Office) -> None:
    given = seal_yaml("{project: default, kind: VARIABLE, name: pw, type: SECRET, value: b?}", office.sealer.seal)
    assert "b?" not in given.text
    (one,) = take(office, given.text, sealed=given.sealed).document["objects"]
    assert one["status"] == "CREATED"
    (other,) = take(office, seal_yaml("{a: b?}", office.sealer.seal).text).document["objects"]
    assert other["status"] == "FAILED", other


@pytest.mark.parametrize("text", ["kind: [\n", 'kind: VARIABLE\ntype: SECRET\nvalue: "\\ud800"\n'])
def test_text_that_is_no_yaml_is_refused_with_its_place(office: Office, text: str) -> None:
    with pytest.raises(Refused) as caught:
        take(office, seal_yaml(text, office.sealer.seal).text)
    assert caught.value.problem.flaws[0].line is not None


@pytest.mark.parametrize("text", ["---\n", "# nothing\n", "---\n---\n"])
def test_a_file_without_any_object_is_refused(office: Office, text: str) -> None:
    refused(Code.INVALID, take, office, text)


def test_a_viewer_imports_nothing(office: Office) -> None:
    office.user("ann", default="viewers")
    (report,) = objects(office, THEIRS, by="ann")
    assert report["status"] == "FAILED" and office.find(Kind.PIPELINES).total == 0


def test_everything_goes_out_and_comes_back_the_same(office: Office) -> None:
    office.docker_endpoint()
    office.act(Kind.VARIABLES, "create", {"name": "greeting", "type": "REGULAR", "value": "hello"})
    office.act(Kind.VARIABLES, "create", {"name": "pw", "type": "SECRET"}, sealed=office.sealed(value="hidden"))
    office.pipeline()
    office.webhook(endpoint="hub", pipeline="Deploy web", tagNamePattern="1.*")
    text = exported(office)
    assert "hidden" not in text and "dckr_pat" not in text and "first-token" not in text
    assert [one["kind"] for one in yaml.safe_load_all(text)] == [
        "VARIABLE",
        "VARIABLE",
        "ENDPOINT",
        "PIPELINE",
        "DOCKER_WEBHOOK",
    ]
    office.act(Kind.PROJECTS, "create", {"name": "copy"})
    moved = text.replace("project: default", "project: copy")
    document = take(office, moved).document
    assert [one["status"] for one in document["objects"]] == ["CREATED"] * 5
    assert exported(office, "copy") == moved.replace("  password: '*****'\n", "")
    assert take(office, text).document["needsSecrets"] == []


def test_one_pipeline_goes_out_with_the_endpoints_that_it_needs(office: Office) -> None:
    cluster = {"name": "cluster", "type": "k8s", "properties": {"authType": "inCluster"}}
    office.act(Kind.ENDPOINTS, "create", cluster)
    office.docker_endpoint()
    office.pipeline()
    kinds = [one["name"] for one in yaml.safe_load_all(exported(office, "default", pipeline=["Deploy web"]))]
    assert kinds == ["cluster", "Deploy web"]
    refused(Code.NOT_FOUND, exported, office, "default", endpoints=["nope"])


def test_an_export_of_a_pipeline_is_read_back_to_the_same_document(office: Office) -> None:
    take(office, THEIRS)
    text = exported(office, pipelines=["cd-demo"])
    assert {**yaml.safe_load(THEIRS), "description": "", "tags": []} == yaml.safe_load(text)


def test_a_dry_run_shows_resolved_tasks_and_what_stays_open(office: Office) -> None:
    take(office, THEIRS)
    shown = office.act(Kind.PIPELINES, "dry-run", {"input": {"IMAGE_X": "a"}}, project="default", name="cd-demo")
    (build, token), (deploy,) = shown["stages"][0]["groups"]
    assert token["input"]["url"] == "https://example.com/a" and token["skipped"] is False
    assert build["runs"] is False
    assert deploy["unresolved"] == ["Stage0.Build.output.exports.TOKEN"]
    skipped = office.act(Kind.PIPELINES, "dry-run", {}, project="default", name="cd-demo")
    assert skipped["stages"][0]["groups"][0][1]["skipped"] is True


def test_the_catalogue_of_tasks_names_inputs_with_type_and_whether_they_are_mandatory(office: Office) -> None:
    tiles = office.get(Kind.PIPELINES, options={"tiles": True})["tiles"]
    by_id = {tile["tileId"]: tile for tile in tiles}
    assert by_id["k8s"]["inputProperties"]["yaml"]["type"] == "string"
    assert by_id["pipeline"]["inputProperties"]["pipeline"]["mandatory"] is True


def test_tags_are_shown_as_would_run_or_would_not(office: Office) -> None:
    made = office.webhook(tagNamePattern="semver:>=1.2")
    shown = office.act(Kind.WEBHOOKS, "test", {"tags": ["1.3.0", "latest"]}, id=made["id"])
    assert [(one["tag"], one["wouldRun"]) for one in shown["tags"]] == [("1.3.0", True), ("latest", False)]
    other = office.act(Kind.WEBHOOKS, "test", {"tags": ["latest"], "tagNamePattern": ""}, id=made["id"])
    assert other["tags"][0]["wouldRun"] is True
    assert office.get(Kind.WEBHOOKS, made["id"])["tagNamePattern"] == "semver:>=1.2"


def test_an_object_of_a_wrong_shape_fails_alone(office: Office) -> None:
    text = """\
kind: ENDPOINT
project: default
name: listed
type: docker
properties: [1]
---
kind: PROJECT
name: crowd
members: 5
---
kind: VARIABLE
project: default
name: fine
type: REGULAR
value: x
"""
    done = office.document(Kind.PIPELINES, "import", text=text, options={"action": "apply"}).document
    assert [one["status"] for one in done["objects"]] == ["FAILED", "FAILED", "CREATED"]
    assert "properties must be an object" in done["objects"][0]["statusMessage"]
    assert "members must be a list" in done["objects"][1]["statusMessage"]


def test_a_plan_says_what_an_import_would_do_and_keeps_nothing(office: Office) -> None:
    office.pipeline("Deploy web")
    before = len(office.find(Kind.AUDIT).documents)
    office.recorder.promised.clear()
    text = "kind: VARIABLE\nproject: default\nname: REGION\ntype: REGULAR\nvalue: eu\n---\n" + THEIRS
    options = {"action": "create", "project": "", "plan": True}
    planned = office.document(Kind.PIPELINES, "import", text=text, options=options).document["objects"]
    assert [(entry["name"], entry["status"]) for entry in planned] == [("REGION", "CREATED"), ("cd-demo", "CREATED")]
    assert office.names(Kind.VARIABLES) == [] and office.names(Kind.PIPELINES) == ["Deploy web"]
    assert len(office.find(Kind.AUDIT).documents) == before and not office.promised
    assert objects(office, text, "create") != []
    assert office.names(Kind.VARIABLES) == ["REGION"]
