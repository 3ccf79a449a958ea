"""Pages for administrators and approvers, over a fake config."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from services.gateway.health_board import SILENT_AFTER_S, HealthBoard
from services.gateway.pages.audit import changes
from services.gateway.pages.formats import plot
from services.gateway.roles import Role, Roles
from shared.bus import BrokerState, Incoming, QueueState
from shared.contracts.catalog import Kind, Page
from shared.contracts.envelope import Caller
from shared.contracts.health import ProcessHealth
from shared.contracts.problems import Code, refuse
from shared.contracts.times import rfc3339
from shared.process.clock import now
from tests.support.clocks import SetClock

from .site import Site, form_token

QUESTION: dict[str, Any] = {
    "id": "q1",
    "status": "ACTIVE",
    "summary": "Ship <it>?",
    "pipelineName": "Deploy web",
    "executionIndex": 7,
    "executionId": "e7",
    "name": "Deploy.Ask",
    "approvers": ["ann"],
    "approverGroups": [],
    "answers": [],
    "quorum": 1,
}
LETTER: dict[str, Any] = {
    "id": "d1",
    "queue": "config.hooks",
    "reason": "not JSON",
    "type": "hook.received.v1",
    "subject": "s",
    "state": "kept",
    "headers": {},
    "history": [],
    "body": "{<broken>",
}


def test_an_open_question_is_approved_with_one_click(site: Site, ann: FlaskClient) -> None:
    site.pages["user-operations"] = Page(documents=(QUESTION,), total=1)
    page = ann.get("/approvals").text
    assert "Ship &lt;it&gt;?" in page
    assert "status eq 'ACTIVE'" in [ask.filter for ask in site.asked if ask.kind is Kind.USER_OPERATIONS]
    sent = {"form_token": form_token(page), "status": "Approved", "message": "go"}
    assert ann.post("/approvals/q1", data=sent).status_code == 302
    done = site.asked[-1]
    assert (done.verb, done.id, done.body) == ("patch", "q1", {"status": "Approved", "responseMessage": "go"})


def test_an_answer_that_is_no_answer_reaches_nobody(site: Site, ann: FlaskClient) -> None:
    site.pages["user-operations"] = Page(documents=(QUESTION,), total=1)
    token = form_token(ann.get("/approvals").text)
    before = len(site.asked)
    ann.post("/approvals/q1", data={"form_token": token, "status": "Maybe"})
    assert len(site.asked) == before


def test_queues_show_depths_and_dead_letters_are_requeued_together(site: Site, ann: FlaskClient) -> None:
    site.broker = BrokerState((QueueState("config.hooks", "hooks", 3, 1, 1, 2.5, 2.0, (0, 3)),), "4.1.0")
    site.pages["dead-letters"] = Page(documents=(LETTER, {**LETTER, "id": "d2"}), total=2)
    page = ann.get("/queues").text
    assert "config.hooks" in page
    assert "<polyline" in page
    ann.post("/queues/dead", data={"form_token": form_token(page), "verb": "requeue", "id": ["d1", "d2"]})
    assert [(ask.verb, ask.id) for ask in site.asked[-2:]] == [("requeue", "d1"), ("requeue", "d2")]


def test_a_dead_letter_that_cannot_be_requeued_says_why(site: Site, ann: FlaskClient) -> None:
    site.pages["dead-letters"] = Page(documents=(LETTER,), total=1)
    token = form_token(ann.get("/queues").text)

    def refused(_: Any) -> Any:
        raise refuse(Code.CONFLICT, "It still cannot be read", subject="d1")

    site.post.answers["catalog.act"] = refused
    form = {"form_token": token, "verb": "requeue", "id": "d1"}
    answer = ann.post("/queues/dead", data=form, follow_redirects=True)
    assert "It still cannot be read" in answer.text


def test_a_dead_letter_is_read_with_its_body(site: Site, ann: FlaskClient) -> None:
    site.documents["dead-letters"] = LETTER
    assert "{&lt;broken&gt;" in ann.get("/queues/dead/d1").text


NOTICE = {
    "about": "hook",
    "message": "The hook of web is <out> of step.",
    "nextStep": "Correct it.",
    "page": "/webhooks/w1",
    "until": "",
}


def test_notices_of_config_and_of_the_processes_are_on_one_page_and_counted(site: Site, ann: FlaskClient) -> None:
    site.pages["notices"] = Page(documents=(NOTICE,), total=1)
    disk, proxy = "The disk of /data is nearly full.", "Requests come through 192.0.2.1."
    for instance in ("g", "g2"):
        site.wellbeing.on_health(_said(instance=instance, troubles=(disk,), notes=(proxy,)))
    page = ann.get("/notices").text
    assert "&lt;out&gt; of step." in page and 'href="/webhooks/w1"' in page and "Correct it." in page
    assert page.count(f"runner on h: {disk}") == page.count(f"runner on h: {proxy}") == 1
    answer = site.call("GET", "/codestream/api/notices").json
    assert answer["notices"][-1] == NOTICE and answer["count"] == len(answer["notices"]) >= 3
    assert f'<span class="count">{answer["count"]}<' in ann.get("/notices/count").text
    for instance in ("g", "g2"):
        site.wellbeing.on_health(_said(instance=instance, ended=True))


@pytest.mark.parametrize("path", ["/queues", "/health", "/notices", "/notices/count"])
def test_who_is_no_administrator_is_told_whom_to_ask(site: Site, ann: FlaskClient, path: str) -> None:
    site.role = Role(administrators=("root",))
    answer = ann.get(path)
    assert answer.status_code == 403
    assert "Ask root." in answer.text


def test_only_administrators_see_the_administration(site: Site, ann: FlaskClient) -> None:
    assert "Administration" in ann.get("/projects").text
    site.role = Role()
    assert "Administration" not in ann.get("/projects").text


def test_a_project_is_made_with_its_people(site: Site, ann: FlaskClient) -> None:
    token = form_token(ann.get("/projects/new").text)
    sent = {"form_token": token, "name": " web ", "members": "ann\n\nbob@example.com\n"}
    assert ann.post("/projects/new", data=sent).status_code == 302
    body = site.asked[-1].body
    assert body["name"] == "web"
    assert body["members"] == [{"email": "ann"}, {"email": "bob@example.com"}]


def test_pickers_ask_for_names_and_previews_for_rights(site: Site, ann: FlaskClient) -> None:
    site.documents["users"] = {"names": ["ann", "joanna"]}
    answer = ann.get("/people/names?q=an&of=people")
    assert (answer.json, answer.content_type) == (["ann", "joanna"], "application/json")
    assert site.asked[-1].options == {"suggest": "an", "of": "people"}
    row = {"name": "<bob>", "known": True, "enabled": True, "words": "read", "projectRole": "Viewer"}
    site.documents["users"] = {"people": [row, {"name": "eve", "known": False}]}
    token = form_token(ann.get("/projects/new").text)
    page = ann.post("/projects/would", data={"form_token": token, "viewers": "bob\neve"}).text
    assert site.asked[-1].options["wouldInProject"]["viewers"] == ["bob", "eve"]
    assert "&lt;bob&gt;" in page and "may read" in page and "nobody here has this name" in page
    site.documents["users"] = {"projects": [], "others": "run pipelines", "administers": False}
    page = ann.post("/people/u1/would", data={"form_token": token, "serviceRole": "Executor"}).text
    assert "In every project they may run pipelines." in page
    assert (site.asked[-1].id, site.asked[-1].options) == ("u1", {"wouldEverywhere": "Executor"})
    rights = {"serviceRole": "Viewer", "rights": ["READ", "EDIT"]}
    words = {"READ": "read", "EDIT": "change definitions"}
    site.documents["users"] = {"projectRoles": ["", "Member"], "rows": [rights], "words": words}
    page = ann.get("/people/roles").text
    assert "Not in the project" in page and ">change definitions</td>" in page


def test_a_refused_project_shows_what_was_typed_and_why(site: Site, ann: FlaskClient) -> None:
    token = form_token(ann.get("/projects/new").text)

    def refused(_: Any) -> Any:
        raise refuse(Code.INVALID, "there is no user bob", next_step="Create the user first.")

    site.post.answers["catalog.act"] = refused
    page = ann.post("/projects/new", data={"form_token": token, "name": "web", "members": "bob"}).text
    assert "there is no user bob" in page
    assert "Create the user first." in page
    assert ">bob</textarea>" in page


def test_a_users_password_never_leaves_in_clear(site: Site, ann: FlaskClient) -> None:
    token = form_token(ann.get("/people/new").text)
    sent = {"form_token": token, "name": "bob", "serviceRole": "Viewer", "enabled": "on", "password": "open sesame"}
    assert ann.post("/people/new", data=sent).status_code == 302
    made = site.asked[-1]
    assert "open sesame" not in made.model_dump_json()
    assert made.hashes["password"]
    assert made.body["enabled"] is True


def test_the_audit_log_shows_what_changed_and_is_exported_as_filtered(site: Site, ann: FlaskClient) -> None:
    changed = {"before": {"description": "old", "version": "1"}, "after": {"description": "new", "version": "2"}}
    row = {"id": "1", "user": "ann", "action": "patch", "objectKind": "pipelines", "name": "p", **changed}
    site.pages["audit"] = Page(documents=(row,), total=1)
    page = ann.get("/audit?user=ann").text
    assert "<del>old</del>" in page
    assert "version" not in page
    assert site.asked[-1].filter == "contains(tolower(user),'ann')"
    answer = ann.get("/audit/export.csv?user=o'hara")
    assert answer.headers["Content-Disposition"] == "attachment; filename=audit.csv"
    assert site.asked[-1].filter == "contains(tolower(user),'o''hara')"
    assert answer.text.splitlines()[0].startswith("at,user,action")


def test_changes_leave_bookkeeping_out() -> None:
    assert changes({"before": None, "after": {"name": "a", "_link": "/x", "updatedBy": "b"}}) == [("name", "", "a")]


def test_a_plot_spans_its_box() -> None:
    assert plot([5]) == ""
    assert plot([0, 2, 1]) == "0.0,19.0 50.0,1.0 100.0,10.0"


def _said(ahead_s: float = 0.0, **more: Any) -> Incoming:
    fields = {"service": "runner", "instance": "r1", "host": "h", "pid": 1, "since": 1.0} | more
    envelope = SimpleNamespace(time=rfc3339(now() + ahead_s))
    return cast("Incoming", SimpleNamespace(message=ProcessHealth(**fields), envelope=envelope))


@pytest.mark.parametrize(
    ("ahead_s", "shown"), [(0.0, ()), (-2.0, ()), (40.5, ("40 s ahead of",)), (-3600.0, ("3600 s behind",))]
)
def test_health_shows_a_clock_that_differs_and_the_process_is_well(ahead_s: float, shown: tuple[str, ...]) -> None:
    board = HealthBoard()
    board.on_health(_said(ahead_s))
    (line,) = board.lines()
    assert line.well
    assert len(line.notes) == len(shown)
    assert all(words in note for words, note in zip(shown, line.notes, strict=True))


def test_who_falls_silent_is_unwell_and_who_says_goodbye_is_gone() -> None:
    clock = SetClock(100.0)
    wellbeing = HealthBoard(clock)
    wellbeing.on_health(_said())
    assert [(line.service, line.well) for line in wellbeing.lines()] == [("runner", True)]
    clock.advance(SILENT_AFTER_S + 1)
    silent = next(line for line in wellbeing.lines() if line.service == "runner")
    assert not silent.well
    assert silent.troubles[0].startswith("No report for 11 s")
    assert {line.service for line in wellbeing.lines()} == {"gateway", "config", "runner", "hubsync"}
    wellbeing.on_health(_said(ended=True))
    assert [line.instance for line in wellbeing.lines() if line.service == "runner"] == [""]


def test_a_process_that_died_and_was_started_again_is_no_trouble() -> None:
    clock = SetClock(100.0)
    wellbeing = HealthBoard(clock)
    wellbeing.on_health(_said(instance="r1"))
    wellbeing.on_health(_said(instance="r2"))
    clock.advance(3)
    wellbeing.on_health(_said(instance="r2"))
    wellbeing.on_health(_said(instance="elsewhere", host="other"))
    clock.advance(SILENT_AFTER_S - 1)
    wellbeing.on_health(_said(instance="r2"))
    assert [line.well for line in wellbeing.lines() if line.instance == "r1"] == [False]
    wellbeing.on_health(_said(instance="r3"))
    assert {line.instance for line in wellbeing.lines()} >= {"r2", "r3", "elsewhere"}
    assert "r1" not in {line.instance for line in wellbeing.lines()}


def test_a_role_is_asked_for_once_and_remembered_while_config_is_away() -> None:
    clock, asked = SetClock(), []

    def get(_caller: Caller, ask: Any) -> Any:
        asked.append(ask)
        if len(asked) > 1:
            raise refuse(Code.UNAVAILABLE, "config is away")
        return SimpleNamespace(document={"serviceRole": "Administrator", "email": "a@example.com"})

    roles = Roles(cast("Any", SimpleNamespace(get=get)), clock)
    caller = Caller(user="ann", token_id="t")
    assert roles.of(caller).administrator
    assert roles.of(caller).administrator
    assert len(asked) == 1
    clock.advance(31)
    assert roles.of(caller).administrator
    assert len(asked) == 2


def test_health_shows_settings_in_words(site: Site, ann: FlaskClient) -> None:
    site.documents["settings"] = {"notifyEvent": "FAILURE", "keepDays": 0, "keepLogDays": None, "missedEverySeconds": 0}
    page = ann.get("/health").text
    assert "it fails" in page and "FAILURE" not in page
    assert "for ever" in page and "as executions" in page and "<dd>never" in page
