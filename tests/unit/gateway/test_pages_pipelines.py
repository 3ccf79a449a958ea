"""Pipelines and variables as pages, over a fake config."""

from __future__ import annotations

import html
import io
import json
import re
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from services.gateway.pages.pipeline_template import INJECTIONS, template
from services.gateway.roles import Role
from shared.contracts.catalog import Act, Inspected, Page
from shared.contracts.problems import Code, Flaw, refuse
from shared.grammar.checks import examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.task_schemas import TASK_SCHEMAS

from .site import Site, form_token

PIPELINE: dict[str, Any] = {
    "id": "p1",
    "name": "Deploy <web>",
    "project": "default",
    "state": "ENABLED",
    "enabled": True,
    "input": {"TAG": "", "NAMESPACE": "apps"},
    "_inputMeta": {"TAG": {"mandatory": True, "description": "What to deploy"}},
    "stageOrder": ["Build", "Deploy"],
    "stages": {
        "Build": {"taskOrder": ["A,B"], "tasks": {"A": {"type": "REST"}, "B": {"type": "Log"}}},
        "Deploy": {"taskOrder": ["Apply"], "tasks": {"Apply": {"type": "K8S", "input": {"action": "APPLY"}}}},
    },
}
GOOD = template("default", "Deploy web", "Docker")


@pytest.fixture
def site(site: Site) -> Site:
    site.documents["pipelines"] = PIPELINE
    site.texts["pipelines"] = GOOD
    site.pages["pipelines"] = Page(documents=(PIPELINE,), total=1)
    run = {
        "id": "e1",
        "name": "Deploy <web>",
        "project": "default",
        "index": 3,
        "status": "FAILED",
        "_pipelineId": "p1",
    }
    site.pages["executions"] = Page(documents=(run,), total=1)
    return site


def send(ann: FlaskClient, path: str, **fields: Any) -> Any:
    token = form_token(ann.get("/pipelines").get_data(as_text=True))
    return ann.post(path, data={"form_token": token, **fields})


def commands(site: Site) -> list[Act]:
    return [message for message in site.asked if isinstance(message, Act)]


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize("name", ["Deploy web", "yes", "a: b # c", "7"])
def test_a_new_pipeline_starts_from_a_text_without_problems(injection: str, name: str) -> None:
    (found,) = load_yaml(template("default", name, injection))
    assert found.tree["name"] == name and found.tree["enabled"] is True
    assert examine_pipeline(found.tree, task_schemas=TASK_SCHEMAS, position=found.position).flaws == []


def test_the_list_shows_state_stages_and_the_last_run(ann: FlaskClient) -> None:
    page = ann.get("/pipelines").get_data(as_text=True)
    assert (
        "Deploy &lt;web&gt;" in page and "enabled" in page and "Build <span" in page and 'href="/executions/e1"' in page
    )


def test_one_pipeline_shows_its_stages_and_a_field_per_input(ann: FlaskClient) -> None:
    page = ann.get("/pipelines/p1").get_data(as_text=True)
    assert page.index("Build") < page.index("Apply") and page.count('class="task none"') == 3
    assert re.search(r'name="in.TAG"[^>]*required', page) and 'placeholder="apps"' in page


def test_a_choice_of_injected_inputs_draws_the_text_anew(ann: FlaskClient) -> None:
    assert "GIT_TRIGGER" in ann.get("/pipelines/new?inputs=Git").get_data(as_text=True)
    assert "DOCKER_TRIGGER" in ann.get("/pipelines/new").get_data(as_text=True)


def test_a_check_marks_the_line_and_saves_nothing(site: Site, ann: FlaskClient) -> None:
    text = GOOD.replace("input.NAMESPACE}", "input.NAMESPAC}")
    line = text[: text.index("NAMESPAC}")].count("\n") + 1
    answer = send(ann, "/pipelines/new", text=text, do="check")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and f"Line {line}," in page and f'class="bad">{line}<' in page
    assert not [one for one in site.asked if getattr(one, "verb", "")]
    assert "No problems found" in send(ann, "/pipelines/new", text=GOOD, do="check").get_data(as_text=True)


def test_a_check_also_says_what_is_legal_and_probably_not_meant(ann: FlaskClient) -> None:
    text = GOOD.replace("type: Log", "type: Lgo")
    line = text[: text.index("type: Lgo")].count("\n") + 1
    page = send(ann, "/pipelines/new", text=text, do="check").get_data(as_text=True)
    assert "No problems found" in page and re.search(rf"Line {line}\b", page)


def test_a_new_pipeline_is_saved_as_its_text_says(site: Site, ann: FlaskClient) -> None:
    answer = send(ann, "/pipelines/new", text=GOOD.replace("\n", "\r\n"), do="save")
    assert answer.location == "/pipelines/p1"
    sent = site.asked[-1]
    assert (sent.verb, sent.text, sent.options) == ("create", GOOD, {"keepEnabled": True})
    send(ann, "/pipelines/p1/edit", text=GOOD, do="save")
    assert (site.asked[-1].verb, site.asked[-1].id) == ("replace", "p1")


def test_what_config_refuses_is_said_on_the_form_with_the_text(site: Site, ann: FlaskClient) -> None:
    def refused(_ask: Any) -> Any:
        flaw = Flaw(message="there is no endpoint cluster", line=12, column=3)
        raise refuse(Code.INVALID, "Not like this.", next_step="Create it first.", flaws=(flaw,))

    site.post.answers["catalog.act"] = refused
    answer = send(ann, "/pipelines/p1/edit", text=GOOD, do="save")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "Create it first." in page and 'class="bad">12<' in page
    assert "kubernetesServer: cluster" in page
    assert "Not like this." in send(ann, "/pipelines/p1/run", **{"in.TAG": "1"}).get_data(as_text=True)


def test_a_run_sends_what_was_filled_in(site: Site, ann: FlaskClient) -> None:
    site.documents["pipelines"] = {**PIPELINE, "executionId": "e7"}
    answer = send(ann, "/pipelines/p1/run", **{"in.TAG": "1.4", "in.NAMESPACE": " ", "comments": "by hand"})
    assert answer.location == "/executions/e7"
    assert site.asked[-1].body == {"input": {"TAG": "1.4"}, "comments": "by hand"}


def test_disable_export_and_delete(site: Site, ann: FlaskClient) -> None:
    assert send(ann, "/pipelines/p1/enabled", enabled="false").location == "/pipelines/p1"
    assert (site.asked[-1].verb, site.asked[-1].body) == ("patch", {"enabled": False})
    answer = ann.get("/pipelines/p1/export")
    assert answer.get_data(as_text=True) == GOOD and "deploy-web.yaml" in answer.headers["Content-Disposition"]
    assert send(ann, "/pipelines/p1/delete").location == "/pipelines"


def test_an_import_shows_its_plan_first_and_overwrites_nothing_by_itself(site: Site, ann: FlaskClient) -> None:
    rows = [{"name": "web", "kind": "PIPELINE", "status": "FAILED", "statusMessage": "pipeline web already exists."}]
    site.documents["pipelines"] = {"objects": rows}
    sent = {"text": "kind: PIPELINE\nname: web\n", "project": "shop", "action": "create"}
    assert re.search(r'<option value="create" selected>', ann.get("/pipelines/import").text)
    page = send(ann, "/pipelines/import", do="plan", **sent).text
    assert commands(site)[-1].options == {"action": "create", "project": "shop", "plan": True}
    assert "would be kept" in page and "nothing has changed yet" in page
    mark = re.search(r'name="planned" value="(\w+)"', page)
    assert mark
    # Another text than the plan's is planned first.
    send(ann, "/pipelines/import", do="import", planned=mark[1], **{**sent, "text": "kind: PIPELINE\nname: other\n"})
    assert commands(site)[-1].options["plan"]
    send(ann, "/pipelines/import", do="import", planned=mark[1], **sent)
    assert commands(site)[-1].options == {"action": "create", "project": "shop"}


def test_what_will_not_run_and_what_needs_a_secret_have_places_of_their_own(site: Site, ann: FlaskClient) -> None:
    reason = "tasks of type vRO do not run here; use SSH instead"
    rows = [
        {"name": "web", "kind": "PIPELINE", "status": "CREATED", "id": "p9", "statusMessage": "", "warnings": ["w1"],
         "willNotRun": [{"stage": "Build", "task": "Notes", "type": "vRO", "reason": reason}], "needsSecrets": []},
        {"name": "hub", "kind": "ENDPOINT", "status": "CREATED", "id": "e9", "statusMessage": "", "warnings": [],
         "willNotRun": [], "needsSecrets": ["endpoint hub: properties.password"]},
    ]  # fmt: skip
    site.documents["pipelines"] = {"objects": rows}
    plan = send(ann, "/pipelines/import", do="plan", text="kind: PIPELINE\nname: web\n").text
    mark = re.search(r'name="planned" value="(\w+)"', plan)
    assert mark and 'href="/endpoints/e9"' not in plan
    page = send(ann, "/pipelines/import", do="import", text="kind: PIPELINE\nname: web\n", planned=mark[1]).text
    table, _, rest = page.partition('id="will-not-run"')
    stuck, _, secrets = rest.partition('id="needs-secrets"')
    assert "w1" in table and reason not in table and "properties.password" not in table
    assert reason in stuck and "<td>Build</td><td>Notes</td>" in stuck
    assert '<a href="/endpoints/e9">endpoint hub: properties.password</a>' in secrets


def test_an_imported_secret_is_sealed_and_not_shown_again(site: Site, ann: FlaskClient) -> None:
    text = "kind: VARIABLE\nname: key\ntype: SECRET\nvalue: hunter2\n"
    rows = [{"name": "key", "kind": "VARIABLE", "status": "CREATED", "id": "v1", "statusMessage": ""}]
    site.documents["pipelines"] = {"objects": rows}
    plan = send(ann, "/pipelines/import", file=(io.BytesIO(text.encode()), "all.yaml")).text
    assert "would be created" in plan
    mark = re.search(r'name="planned" value="(\w+)"', plan)
    assert mark
    page = send(ann, "/pipelines/import", do="import", text=text, planned=mark[1]).text
    assert "created" in page and "hunter2" not in page
    assert "hunter2" not in commands(site)[-1].text and list(commands(site)[-1].sealed) == ["0.value"]


def test_pages_have_no_inline_script_or_style(ann: FlaskClient) -> None:
    for path in ("/pipelines", "/pipelines/new", "/pipelines/p1", "/pipelines/p1/edit", "/pipelines/import"):
        page = ann.get(path).get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|<style|\bon\w+=", page), path


def test_a_secret_variable_leaves_sealed_and_is_not_shown_again(site: Site, ann: FlaskClient) -> None:
    fields = {"project": "default", "name": "key", "type": "SECRET", "value": "hunter2", "description": ""}
    assert send(ann, "/variables/new", **fields).location == "/variables"
    sent = site.asked[-1]
    assert sent.verb == "create" and list(sent.sealed) == ["value"] and "hunter2" not in str(sent.body)

    def refused(_ask: Any) -> Any:
        raise refuse(Code.CONFLICT, "There is a variable key already.")

    site.post.answers["catalog.act"] = refused
    page = send(ann, "/variables/new", **fields).get_data(as_text=True)
    assert "There is a variable key already." in page and "hunter2" not in page


def test_a_secret_left_blank_stays_and_a_regular_value_is_sent(site: Site, ann: FlaskClient) -> None:
    site.documents["variables"] = {"id": "v1", "name": "key", "type": "SECRET", "value": "*****", "project": "default"}
    assert "to keep the present value" in ann.get("/variables/v1").get_data(as_text=True)
    send(ann, "/variables/v1", name="key", type="SECRET", value="")
    assert site.asked[-1].verb == "patch" and "value" not in site.asked[-1].body
    send(ann, "/variables/v1", name="key", type="REGULAR", value="seen")
    assert site.asked[-1].body["value"] == "seen" and not site.asked[-1].sealed


def test_variables_are_listed_and_deleted(site: Site, ann: FlaskClient) -> None:
    site.pages["variables"] = Page(documents=({"id": "v1", "name": "key", "type": "REGULAR", "value": "<b>"},), total=1)
    page = ann.get("/variables").get_data(as_text=True)
    assert "&lt;b&gt;" in page and 'href="/variables/v1"' in page
    assert send(ann, "/variables/v1/delete").location == "/variables"
    assert site.asked[-1].verb == "delete"


def test_a_rerun_leads_to_the_new_execution(site: Site, ann: FlaskClient) -> None:
    failed = {"id": "e1", "name": "Deploy", "status": "FAILED", "stages": {"Build": {"status": "FAILED"}}}
    site.documents["executions"] = {**failed, "executionId": "e8"}
    assert 'value="rerun-from-failed"' in ann.get("/executions/e1").get_data(as_text=True)
    assert send(ann, "/executions/e1/act", verb="rerun").location == "/executions/e8"
    assert (site.asked[-1].verb, site.asked[-1].id) == ("rerun", "e1")


def test_a_form_beside_the_editor_writes_into_the_text_and_stores_nothing(site: Site, ann: FlaskClient) -> None:
    task = {"stage": "Deploy", "task": "Apply", "tab": "tasks", "change": "task", "i.action": "GET", "text": GOOD}
    page = send(ann, "/pipelines/change", **task, **{"e.kubernetesServer": "prod"}).get_data(as_text=True)
    assert 'id="next-text"' in page and "kubernetesServer: prod" in page and "action: GET" in page
    assert "Payload source" not in page, "the form stays as it is while one types"
    page = send(ann, "/pipelines/change", text=GOOD, change="head", name="Shop", project="default").get_data(
        as_text=True
    )
    assert "name: Shop" in page and "enabled: false" in page
    page = send(ann, "/pipelines/change", text=GOOD, change="inject", inputs="Git", tab="input").get_data(as_text=True)
    assert "GIT_COMMIT_ID" in page and "DOCKER_EVENT_OWNER_NAME" not in page
    assert not [one for one in site.asked if getattr(one, "verb", "")]


def test_the_values_of_a_chart_that_hold_an_image_are_offered_beside_the_form(site: Site, ann: FlaskClient) -> None:
    values = {"image": {"repository": "${input.DOCKER_IMAGE}", "tag": "${input.DOCKER_TAG}"}}
    place = {"path": "image", "current": "nginx:1", "rendered": True, "values": values}
    chart = {"name": "web", "version": "0.3.0", "values": "image: {}\n", "schema": '{"type": "<object>"}',
             "problem": "", "images": [{**place, "filledIn": {"mode": "fast", **values}}]}  # fmt: skip
    site.post.answers["outside.inspect"] = lambda _: Inspected(document=chart)
    site.documents["endpoints"] = {"name": "source", "type": "git"}
    text = "project: shop\nname: a\ninput: {DOCKER_IMAGE: ghcr.io/acme/web}\n"
    form = {"text": text, "source": "Helm chart", "i.action": "APPLY", "i.chart": "charts/web", "e.scm": "source",
            "i.values": "mode: fast"}  # fmt: skip
    page = send(ann, "/pipelines/chart", **form).get_data(as_text=True)
    look = site.asked[-1]
    assert (look.what, set(look.roles), look.options["chart"]) == ("chart", {"scm"}, "charts/web")
    assert (look.options["image"], look.options["values"]) == ("ghcr.io/acme/web", {"mode": "fast"})
    (fills,) = re.findall(r'data-fills="([^"]*)"', page)
    (filled_in,) = json.loads(html.unescape(fills)).values()
    assert yaml.safe_load(filled_in) == {"mode": "fast", **values}
    assert "&lt;object&gt;" in page and "nginx:1" in page
    site.post.answers["outside.inspect"] = lambda _: (_ for _ in ()).throw(refuse(Code.UNAVAILABLE, "There is none."))
    assert "The chart cannot be shown: There is none." in send(ann, "/pipelines/chart", **form).get_data(as_text=True)


def test_a_text_that_cannot_be_read_has_no_forms_and_says_so(ann: FlaskClient) -> None:
    page = send(ann, "/pipelines/side", text="stages: [", tab="tasks").get_data(as_text=True)
    assert "cannot be read" in page
    assert send(ann, "/pipelines/change", text="- 1", change="add-stage").status_code == 200


def test_versions_show_what_changed_and_an_older_one_is_restored(site: Site, ann: FlaskClient) -> None:
    site.pages["pipelines"] = Page(documents=({"version": "4"}, {"version": "3"}), total=2)
    site.texts["pipelines"] = "--- 3\n+++ 4\n-  replicas: 1\n+  replicas: 2\n"
    page = ann.get("/pipelines/p1/versions").get_data(as_text=True)
    assert "From version 3 to 4" in page and '<span class="add">+  replicas: 2</span>' in page
    assert send(ann, "/pipelines/p1/restore", version="3").location == "/pipelines/p1"
    assert (site.asked[-1].verb, site.asked[-1].body) == ("restore", {"version": 3})


def test_a_dry_run_says_what_would_happen(site: Site, ann: FlaskClient) -> None:
    groups = [[{"name": "Apply", "type": "K8S", "input": {"action": "APPLY"}}]]
    site.documents["pipelines"] = {"problems": ["TAG is missing"], "stages": [{"name": "Deploy", "groups": groups}]}
    page = send(ann, "/pipelines/p1/dry-run").get_data(as_text=True)
    assert "TAG is missing" in page and "APPLY" in page and site.asked[-1].verb == "dry-run"


def test_a_pipelines_page_shows_when_it_runs_and_who_is_told(site: Site, ann: FlaskClient) -> None:
    entry = {"event": "FAILURE", "stage": "Deploy", "endpoint": "mail", "to": ["ops@example.com"]}
    site.documents["pipelines"] = {**PIPELINE, "notifications": {"email": [entry], "jira": []}}
    nightly = {"id": "s1", "name": "nightly", "cron": "0 2 * * *", "timeZone": "UTC", "enabled": False}
    done = {"lastMessage": "Started web #3.", "executionLink": "/codestream/api/executions/e1"}
    site.pages["schedules"] = Page(documents=({**nightly, **done},), total=1)
    page = ann.get("/pipelines/p1").get_data(as_text=True)
    assert 'href="/pipelines/p1/schedules/s1"' in page and "disabled" in page
    assert '<a href="/executions/e1">Started web #3.</a>' in page
    assert "failure of <strong>Deploy</strong>: <strong>email</strong> through mail to ops@example.com" in page
    asked = next(ask for ask in site.asked if getattr(ask, "kind", "") == "schedules")
    assert asked.filter == "project eq 'default' and pipeline eq 'Deploy <web>'"


def test_a_schedule_is_made_changed_and_deleted_by_a_form(site: Site, ann: FlaskClient) -> None:
    fields = {"name": "nightly", "cron": "0 2 * * *", "timeZone": "UTC", "enabled": "yes", "in.TAG": "1.4"}
    assert 'name="in.TAG"' in ann.get("/pipelines/p1/schedules/new").get_data(as_text=True)
    assert send(ann, "/pipelines/p1/schedules/new", **fields).location == "/pipelines/p1"
    said = {"name": "nightly", "cron": "0 2 * * *", "timeZone": "UTC", "enabled": True, "input": {"TAG": "1.4"}}
    assert site.asked[-1].body == {**said, "pipeline": "Deploy <web>", "project": "default"}

    site.documents["schedules"] = {"id": "s1", **said}
    assert 'name="in.TAG" value="1.4"' in ann.get("/pipelines/p1/schedules/s1").get_data(as_text=True)
    send(ann, "/pipelines/p1/schedules/s1", **{**fields, "enabled": "", "in.TAG": ""})
    assert (site.asked[-1].verb, site.asked[-1].body) == ("patch", {**said, "enabled": False, "input": {}})
    send(ann, "/pipelines/p1/schedules/s1/delete")
    assert (site.asked[-1].verb, site.asked[-1].id) == ("delete", "s1")


@pytest.mark.parametrize(
    ("right", "drawn"), [("READ", ()), ("EXECUTE", ("Run",)), ("EDIT", ("Run", "Disable", "New Schedule"))]
)
def test_buttons_are_drawn_for_who_may_press_them(
    site: Site, ann: FlaskClient, right: str, drawn: tuple[str, ...]
) -> None:
    site.role = Role(rights={"default": right})
    page = ann.get("/pipelines/p1").get_data(as_text=True)
    assert [one for one in ("Run", "Disable", "New Schedule") if f">{one}</" in page] == list(drawn)
    assert ("New Pipeline" in ann.get("/pipelines").get_data(as_text=True)) == (right == "EDIT")
    assert ('value="rerun"' in ann.get("/executions").get_data(as_text=True)) == (right != "READ")
    event = {"id": "d1", "project": "default", "verdict": "not started"}
    site.pages["registry-events"], site.documents["registry-events"] = Page(documents=(event,), total=1), event
    for address in ("/activity", "/activity/d1"):
        assert ("Run anyway" in ann.get(address).get_data(as_text=True)) == (right != "READ")


ODD_PIPELINES = (
    "options: [{DOCKER_TRIGGER: }]",
    "_inputMeta: {a: 1}\ninput: {a: b}",
    "starred: [1]",
    "stages: {S: {tasks: {A: [1]}}}\nstageOrder: [S]",
    "stages: {S: 1}\nstageOrder: [[S]]",
    "notifications: {email: [1], webhook: 2}",
    "notifications: [1]",
    "schedules: {a: 1}",
    "[1]",
)


@pytest.mark.parametrize("text", ODD_PIPELINES)
def test_the_editor_takes_a_text_of_any_shape(site: Site, ann: FlaskClient, text: str) -> None:
    for tab in ("tasks", "inputs", "notifications", "schedules"):
        assert send(ann, "/pipelines/side", text=text, tab=tab, stage="S", task="A").status_code == 200
    for change in ("head", "inject", "inputs", "add-stage", "add-task", "task", "type", "add-notification"):
        answer = send(ann, "/pipelines/change", text=text, change=change, stage="S", task="A", inputs="Docker")
        assert answer.status_code == 200
    assert send(ann, "/pipelines/new", text=text).status_code == 200


FROM_GIT = "folder portside of https://git.example.com/acme/config, branch main, commit 0a1b2c3d4e5f"
NEW = ("/pipelines/new", "/variables/new", "/endpoints/new?type=docker", "/webhooks/new")


@pytest.mark.parametrize("form", NEW)
def test_a_project_that_follows_git_is_not_offered_for_anything_new(site: Site, ann: FlaskClient, form: str) -> None:
    listed = form.rpartition("/")[0]
    site.pages["projects"] = Page(documents=({"name": "default"}, {"name": "shop"}), total=2)
    site.role = Role(rights={"default": "EDIT", "shop": "EDIT"}, in_git={"shop": FROM_GIT})
    page = ann.get(form).text
    assert '<option value="default">' in page and '<option value="shop">' not in page
    assert f"shop is read-only: its definitions come from {FROM_GIT}." in page
    assert f'href="{listed}/new"' in ann.get(listed).text

    site.role = Role(rights={"shop": "EDIT"}, in_git={"shop": FROM_GIT})
    refused = ann.get(form)
    assert refused.status_code == 409 and f"Read-only: shop has its definitions from {FROM_GIT}." in refused.text
    shown = ann.get(listed).text
    assert f'href="{listed}/new"' not in shown and f"shop has its definitions from {FROM_GIT}" in shown


NEXT_STEPS = [
    ("enable-webhook", "READ", False),
    ("enable-webhook", "EXECUTE", False),
    ("enable-webhook", "EDIT", True),
    ("edit-webhook", "EXECUTE", False),
    ("edit-project", "EDIT", False),
    ("edit-project", "RESTRICTED", True),
    ("show-payload", "READ", True),
]


@pytest.mark.parametrize(("action", "right", "drawn"), NEXT_STEPS)
def test_the_next_step_of_a_push_is_drawn_for_who_may_take_it(
    site: Site, ann: FlaskClient, action: str, right: str, drawn: bool
) -> None:
    site.role = Role(rights={"default": right})
    event = {"id": "d1", "project": "default", "verdict": "ignored", "action": action, "actionLabel": "Do it"}
    site.pages["registry-events"] = Page(documents=(event,), total=1)
    assert ("Do it" in ann.get("/activity").get_data(as_text=True)) == drawn


@pytest.mark.parametrize("may", [True, False])
def test_an_approval_is_asked_of_who_may_answer(site: Site, ann: FlaskClient, may: bool) -> None:
    question = {"id": "q1", "status": "ACTIVE", "name": "Ask.May it", "approvers": ["eve"], "approverGroups": []}
    more = {"quorum": 1, "answers": [], "summary": "May it go on?", "_mayAnswer": may}
    site.pages["user-operations"] = Page(documents=({**question, **more},), total=1)
    page = ann.get("/approvals").get_data(as_text=True)
    assert "May it go on?" in page and ("Approve</button>" in page) == may


def test_a_template_has_what_there_is_only_one_of_already_chosen(site: Site, ann: FlaskClient) -> None:
    one, two = [{"value": "hub", "title": "hub"}], [{"value": name, "title": name} for name in ("a", "b")]
    project = {"name": "project", "kind": "project", "title": "Project", "required": True}
    project["choices"] = [{"value": "default", "title": "default"}]
    endpoint = {"kind": "endpoint", "required": True, "endpointType": "docker"}
    registry = {**endpoint, "name": "registry", "title": "Registry", "choices": one}
    target = {**endpoint, "name": "target", "title": "Target", "choices": two}
    site.documents["pipelines"] = {"name": "promote", "title": "Promote", "questions": [project, registry, target]}
    page = ann.get("/pipelines/templates/promote").get_data(as_text=True)
    assert '<option value="hub" selected>' in page and page.count("selected") == 2
    asked = [ask.options["answers"] for ask in site.asked if getattr(ask, "options", {}).get("template")]
    assert asked[-1] == {"project": "default", "registry": "hub"}
    again = send(ann, "/pipelines/templates/promote/form", **{"a.target": "b"}).get_data(as_text=True)
    assert '<option value="hub" selected>' in again and '<option value="b" selected>' in again
