"""Notifications in the editor: rows of a form, written into the YAML; what the form does not know stays."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from services.gateway.pages import notification_form as form
from services.gateway.pages.pipeline_edits import applying
from services.gateway.pages.pipeline_template import template
from services.gateway.pages.words import NOTICE_EVENTS
from shared.contracts.catalog import Act
from shared.grammar.checks import EVENTS, NOTIFIERS, examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.task_schemas import TASK_SCHEMAS

from .site import Site, form_token

TREE: dict[str, Any] = {
    "name": "p",
    "stages": {"Deploy": {"taskOrder": ["Apply"], "tasks": {"Apply": {"type": "K8S"}}}},
    "notifications": {
        "email": [{"event": "FAILURE", "endpoint": "mail", "to": ["ops@example.com"], "replyTo": "x@example.com"}],
        "webhook": [{"event": "success", "url": "https://example.com", "payload": {"run": 1}, "stage": "Deploy"}],
    },
}


def test_every_kind_that_is_sent_and_every_event_has_its_form() -> None:
    assert set(form.KINDS) == set(NOTIFIERS) - {"jira"} and set(NOTICE_EVENTS) == set(EVENTS)


def test_the_rows_show_what_the_text_says() -> None:
    mail, hook = form.rows(TREE)
    assert (mail.position, mail.kind, mail.event, mail.endpoint, mail.of) == (0, "email", "FAILURE", "mail", "")
    assert {field.name: field.value for field in mail.fields} == {"to": "ops@example.com", "subject": "", "body": ""}
    assert (hook.event, hook.of) == ("SUCCESS", "Deploy")


def test_what_is_filled_in_is_written_and_what_the_form_does_not_know_is_kept() -> None:
    sent = {
        "event.0": "CANCELED",
        "endpoint.0": "mail",
        "of.0": "Deploy / Apply",
        "body.0": "",
        "to.0": "ops@example.com, ann@example.com",
        "subject.0": "${name} was canceled",
    }
    changed = form.changed(TREE, sent)["notifications"]
    assert changed["email"] == [
        {
            "event": "CANCELED",
            "endpoint": "mail",
            "to": ["ops@example.com", "ann@example.com"],
            "replyTo": "x@example.com",
            "stage": "Deploy",
            "task": "Apply",
            "subject": "${name} was canceled",
        }
    ]
    # A row that the form did not send, with a payload that is no text.
    assert changed["webhook"] == TREE["notifications"]["webhook"]


def test_an_object_that_was_not_touched_stays_an_object() -> None:
    (row,) = (row for row in form.rows(TREE) if row.kind == "webhook")
    sent = {f"{field.name}.1": field.value for field in row.fields} | {"event.1": "SUCCESS", "of.1": "Deploy"}
    assert form.changed(TREE, sent)["notifications"]["webhook"][0]["payload"] == {"run": 1}


def test_one_is_added_and_removed_and_the_last_takes_the_key_with_it() -> None:
    more = form.added({"name": "p"}, "slack", {"notifyTo": "ops@example.com"})
    assert more == {"name": "p", "notifications": {"slack": [{"event": "FAILURE"}]}}
    assert form.removed(more, 0) == {"name": "p"}
    assert form.added(more, "smoke signals") == more


def test_the_editor_writes_an_added_notification_into_the_text(site: Site, ann: FlaskClient) -> None:
    text = template("default", "Deploy web", "Docker")
    token = form_token(ann.get("/variables").text)
    sent = {"form_token": token, "text": text, "change": "add-notification", "tab": "notifications", "kind": "slack"}
    page = ann.post("/pipelines/change", data=sent).text
    assert "notifications:\n  slack:\n  - event: FAILURE" in page and 'name="event.0"' in page


def test_a_task_that_creates_is_changed_to_apply_in_the_stored_text(site: Site, ann: FlaskClient) -> None:
    text = template("default", "Deploy web", "Docker").replace("action: APPLY", "action: CREATE  # once")
    site.texts["pipelines"] = text
    site.documents["pipelines"] = {"id": "p1", "name": "Deploy web"}
    token = form_token(ann.get("/variables").text)
    sent = {"form_token": token, "run": "e1", "stage": "Deploy", "task": "Apply"}
    assert ann.post("/pipelines/p1/change-to-apply", data=sent).location == "/executions/e1"
    (act,) = [message for message in site.asked if isinstance(message, Act)]
    (document,) = load_yaml(act.text)
    assert act.verb == "replace" and applying(document.tree, "Deploy", "Apply") is None
    assert examine_pipeline(document.tree, task_schemas=TASK_SCHEMAS, position=document.position).flaws == []
    site.texts["pipelines"] = act.text
    assert ann.post("/pipelines/p1/change-to-apply", data=sent).status_code == 409


def test_one_that_is_added_begins_with_the_defaults_of_the_installation() -> None:
    defaults = {"notifyEvent": "WAITING", "notifyEndpoint": "mail", "notifyTo": "ops@example.com, dev@example.com"}
    mail = {"event": "WAITING", "endpoint": "mail", "to": ["ops@example.com", "dev@example.com"]}
    assert form.added({}, "email", defaults) == {"notifications": {"email": [mail]}}
