"""The pages over a fake config: signing in, forms, lists, streams."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from services.gateway.event_streams import EVENTS, EXECUTIONS, EventStreams, TooManyStreams, hangs_up
from services.gateway.pages import AREAS
from services.gateway.sessions import COOKIE, NotSignedIn, Sessions
from shared.contracts.catalog import Page, SignedIn
from shared.contracts.problems import Code, refuse
from shared.contracts.pushes import DeliveryChanged
from shared.contracts.runs import ExecutionChanged
from shared.process.clock import now
from shared.version import __version__

from .site import Site, form_token

EXECUTION: dict[str, Any] = {
    "id": "e1",
    "name": "Deploy <web>",
    "index": 3,
    "project": "default",
    "status": "FAILED",
    "statusMessage": "Deploy.Apply: the cluster is unreachable",
    "stageOrder": ["Build", "Deploy"],
    "stages": {
        "Build": {"status": "COMPLETED", "taskOrder": ["A,B"], "tasks": {"A": {"status": "COMPLETED", "type": "REST"}}},
        "Deploy": {
            "status": "FAILED",
            "taskOrder": ["Apply"],
            "tasks": {"Apply": {"status": "FAILED", "type": "K8S", "failureMessage": "the cluster is unreachable"}},
        },
    },
    "input": {"TAG": "1.4"},
    "output": {},
    "_requestTimeInMicros": 1_700_000_000_000_000,
    "_durationInMicros": 2_500_000,
    "_executedBy": "ann",
}
EVENT = {
    "id": "d1",
    "imageName": "acme/web",
    "tag": "1.4",
    "verdict": "not started",
    "reason": "pipeline Deploy web is disabled",
    "name": "acme-web",
    "project": "default",
    "owner": "ann",
}


@pytest.fixture
def site(site: Site) -> Site:
    site.documents["executions"] = EXECUTION
    site.pages["executions"] = Page(documents=(EXECUTION,), total=1)
    site.pages["registry-events"] = Page(documents=(EVENT,), total=1)
    return site


def test_without_a_session_every_page_leads_to_the_sign_in_and_back(site: Site) -> None:
    answer = site.client().get("/executions?status=FAILED")
    assert answer.status_code == 302 and answer.location == "/sign-in?next=%2Fexecutions%3Fstatus%3DFAILED"


def test_a_password_opens_a_session_and_leads_back(site: Site) -> None:
    client = site.client()
    token = form_token(client.get("/sign-in?next=/activity").get_data(as_text=True))
    fields = {"username": "ann", "password": "right", "form_token": token, "next": "/activity"}
    answer = client.post("/sign-in", data=fields)
    assert (answer.status_code, answer.location) == (302, "/activity")
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith(COOKIE))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert client.get("/activity").status_code == 200


@pytest.mark.parametrize("target", ["//evil.example.com", "https://evil.example.com", "/\\evil.example.com", "x"])
def test_a_sign_in_leads_only_to_an_address_of_ours(site: Site, target: str) -> None:
    client = site.client()
    token = form_token(client.get("/sign-in").get_data(as_text=True))
    fields = {"username": "ann", "password": "right", "form_token": token, "next": target}
    assert client.post("/sign-in", data=fields).location == "/executions"


def test_a_sign_in_form_of_another_site_is_refused(site: Site) -> None:
    answer = site.client().post("/sign-in", data={"username": "ann", "password": "right"})
    assert answer.status_code == 403 and COOKIE not in str(answer.headers)


def test_a_wrong_password_is_said_on_the_form_and_never_repeated(site: Site) -> None:
    client = site.client()
    token = form_token(client.get("/sign-in").get_data(as_text=True))
    answer = client.post("/sign-in", data={"username": "ann", "password": "wr0ng", "form_token": token})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 401 and "The user name or the password is not right" in page and "wr0ng" not in page


def test_a_one_time_link_opens_a_session_and_leaves_no_code_in_the_address(site: Site) -> None:
    client = site.client()
    answer = client.get("/sign-in?code=once")
    assert answer.location == "/executions" and COOKIE in str(answer.headers)
    used = site.client().get("/sign-in?code=twice")
    assert used.status_code == 401 and COOKIE not in used.headers.get("Set-Cookie", "")


def test_signing_out_needs_the_form_of_the_session(site: Site, ann: FlaskClient) -> None:
    assert ann.post("/sign-out").status_code == 403
    token = form_token(ann.get("/executions").get_data(as_text=True))
    assert ann.post("/sign-out", data={"form_token": token}).location == "/sign-in"
    assert ann.get("/executions").status_code == 302


def test_the_list_shows_each_execution_with_its_message_and_escapes_names(ann: FlaskClient) -> None:
    page = ann.get("/executions").get_data(as_text=True)
    assert "Deploy &lt;web&gt; #3" in page and "the cluster is unreachable" in page and "<web>" not in page
    assert 'sse-connect="/executions/live"' in page


def test_filters_are_quoted_for_config(site: Site, ann: FlaskClient) -> None:
    ann.get("/executions?status=FAILED&name=it's")
    assert site.asked[-1].filter == "status eq 'FAILED' and contains(tolower(name),'it''s')"
    ann.get('/executions?name="It"')
    assert site.asked[-1].filter == "name eq 'It'"


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        ("acme/web", "_image eq 'acme/web'"),
        ("docker.io/acme/web:1.4.0", "_image eq 'acme/web' and _imageTag eq '1.4.0'"),
        ("web", "_imageName eq 'web'"),
        ("web:1.4", "_imageName eq 'web' and _imageTag eq '1.4'"),
    ],
)
def test_an_image_is_found_by_its_whole_name_or_the_last_part_of_it(
    site: Site, ann: FlaskClient, image: str, asked: str
) -> None:
    ann.get(f"/executions?image={image}")
    assert site.asked[-1].filter == asked


def test_two_portsides_on_one_host_do_not_sign_each_other_out(site: Site) -> None:
    client = site.app.test_client()
    for port in (8080, 8443):
        base = f"http://localhost:{port}"
        token = form_token(client.get("/sign-in", base_url=base).get_data(as_text=True))
        fields = {"username": "ann", "password": "right", "form_token": token}
        assert client.post("/sign-in", data=fields, base_url=base).status_code == 302
    assert client.get_cookie(f"{COOKIE}_8080") and client.get_cookie(f"{COOKIE}_8443") and not client.get_cookie(COOKIE)
    left = form_token(client.get("/executions", base_url="http://localhost:8443").get_data(as_text=True))
    client.post("/sign-out", data={"form_token": left}, base_url="http://localhost:8443")
    assert client.get("/executions", base_url="http://localhost:8080").status_code == 200
    assert client.get("/executions", base_url="http://localhost:8443").status_code == 302


@pytest.mark.parametrize(
    ("image", "asked"),
    [
        ("docker.io/acme/web:1.4.0", "imageName eq 'acme/web' and tag eq '1.4.0'"),
        ("web", "(imageName eq 'web' or endswith(imageName,'/web'))"),
    ],
)
def test_activity_finds_an_image_as_executions_do(site: Site, ann: FlaskClient, image: str, asked: str) -> None:
    ann.get(f"/activity?image={image}")
    assert site.asked[-1].filter == asked


def test_one_execution_shows_stages_as_columns_and_tasks_with_their_words(ann: FlaskClient) -> None:
    page = ann.get("/executions/e1").get_data(as_text=True)
    board = page[page.index('class="board"') :]
    assert board.index("Build") < board.index("Apply") and "group parallel" in page and "2.5 s" in page
    assert page.count('class="task ') == 3


def test_activity_shows_verdict_and_reason(ann: FlaskClient) -> None:
    page = ann.get("/activity").get_data(as_text=True)
    assert "not started" in page and "pipeline Deploy web is disabled" in page and "acme/web" in page


def test_an_action_is_one_command_with_its_reason(site: Site, ann: FlaskClient) -> None:
    site.documents["executions"] = {**EXECUTION, "status": "RUNNING"}
    token = form_token(ann.get("/executions/e1").get_data(as_text=True))
    answer = ann.post("/executions/e1/act", data={"form_token": token, "verb": "cancel", "reason": "wrong tag"})
    assert answer.location == "/executions/e1"
    assert (site.asked[-1].verb, site.asked[-1].body) == ("cancel", {"reason": "wrong tag"})


def test_a_form_of_another_session_is_refused(site: Site, ann: FlaskClient) -> None:
    other = Sessions(b"x" * 32).form_token(site.sessions.read(site.bearer["Authorization"][7:]))
    answer = ann.post("/executions/e1/act", data={"form_token": other, "verb": "cancel"})
    assert answer.status_code == 403 and "does not belong to your session" in answer.get_data(as_text=True)


def test_a_form_that_outlived_its_session_stays_as_typed_and_is_sent_again_after_signing_in_anew(
    site: Site, ann: FlaskClient
) -> None:
    within = {"HX-Request": "true", "HX-Current-URL": "https://portside.example.com/executions?status=FAILED"}
    old = form_token(ann.get("/executions").get_data(as_text=True))
    nobody = site.client()
    answer = nobody.post("/executions/e1/act", data={"form_token": old, "verb": "cancel"}, headers=within)
    assert answer.status_code == 401 and "HX-Redirect" not in answer.headers
    assert 'href="/sign-in" target="_blank"' in answer.get_data(as_text=True)
    assert nobody.get("/executions", headers=within).headers["HX-Redirect"] == (
        "/sign-in?next=%2Fexecutions%3Fstatus%3DFAILED"
    )

    anew = SignedIn(user="ann", token_id="t2")
    nobody.set_cookie(COOKIE, site.sessions.issue(anew, now()).token)
    answer = nobody.post("/executions/e1/act", data={"form_token": old, "verb": "cancel"}, headers=within)
    token = json.loads(answer.headers["HX-Trigger"])["portside:session"]["token"]
    assert answer.status_code == 403 and "Send it again" in answer.get_data(as_text=True)
    answer = nobody.post("/executions/e1/act", data={"form_token": token, "verb": "cancel"}, headers=within)
    assert answer.status_code == 204


def test_a_refusal_is_a_page_with_its_next_step(site: Site, ann: FlaskClient) -> None:
    site.refusal = refuse(Code.NOT_FOUND, "There is no execution e9.", next_step="Look in the list.")
    answer = ann.get("/executions/e9")
    assert answer.status_code == 404 and "Look in the list." in answer.get_data(as_text=True)


def test_a_revoked_session_leads_to_the_sign_in(site: Site, ann: FlaskClient) -> None:
    site.refusal = refuse(Code.UNAUTHENTICATED, "This session has ended.")
    assert ann.get("/executions").location.startswith("/sign-in")


def test_a_broken_page_shows_no_traceback(site: Site, ann: FlaskClient) -> None:
    site.refusal = ZeroDivisionError("secret detail")
    answer = ann.get("/executions")
    assert answer.status_code == 500 and "secret detail" not in answer.get_data(as_text=True)


def test_no_page_has_inline_script_or_style(ann: FlaskClient) -> None:
    for path in ("/executions", "/executions/e1", "/activity", "/sign-in", "/nothing"):
        page = ann.get(path).get_data(as_text=True)
        assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|<style|\bon\w+=", page), path
        policy = ann.get(path).headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy


def test_no_address_leaves_in_a_referrer(ann: FlaskClient) -> None:
    assert ann.get("/executions").headers["Referrer-Policy"] == "no-referrer"


def test_a_page_names_the_release_to_those_who_are_signed_in(site: Site, ann: FlaskClient) -> None:
    assert f"Portside {__version__}" in ann.get("/executions").get_data(as_text=True)
    assert __version__ not in site.client().get("/sign-in").get_data(as_text=True)


def test_everything_a_page_loads_is_served_by_us(ann: FlaskClient) -> None:
    page = ann.get("/executions").get_data(as_text=True)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        with ann.get(address) as answer:
            assert answer.status_code == 200, address


def test_a_stream_shows_the_state_and_ends_with_the_execution(ann: FlaskClient) -> None:
    stream = ann.get("/executions/e1/live")
    assert stream.mimetype == "text/event-stream"
    text = stream.get_data(as_text=True)
    assert text.startswith("retry: 2000\n\nevent: show\ndata: ") and text.endswith("event: over\ndata: \n\n")


def test_streams_are_bounded_and_their_places_come_back(site: Site) -> None:
    with site.streams.watching("a"), site.streams.watching("b"):
        assert not site.streams.has_room
        with pytest.raises(TooManyStreams), site.streams.watching("c"):
            pass
    assert site.streams.has_room


def test_a_page_without_room_for_a_stream_polls(site: Site, ann: FlaskClient) -> None:
    with site.streams.watching("a"), site.streams.watching("b"):
        page = ann.get("/executions").get_data(as_text=True)
        assert "sse-connect" not in page and 'hx-trigger="every 5s"' in page
        assert ann.get("/executions/live").status_code == 204


def news(message: object) -> Any:
    return cast("Any", SimpleNamespace(message=message))


def test_news_wakes_only_who_watches_it() -> None:
    live = EventStreams(9)
    change = ExecutionChanged(execution_id="e1", revision=1, project="p", pipeline="x", index=1, status="RUNNING")
    with live.watching(EXECUTIONS) as listing, live.watching(f"{EXECUTIONS}/e1") as one:
        with live.watching(f"{EXECUTIONS}/e2") as other, live.watching(EVENTS) as events:
            live.on_execution(news(change))
            assert [viewer.changed.is_set() for viewer in (listing, one, other, events)] == [True, True, False, False]
            live.on_delivery(news(DeliveryChanged(delivery_id="d", project="p")))
            assert events.changed.is_set()
            live.on_gap()
            assert other.changed.is_set()


def _never() -> bool:
    return False


def test_a_burst_of_changes_is_one_look_and_an_equal_frame_is_not_sent_again() -> None:
    live, looks = EventStreams(1), iter(["a", "a", "b"])
    looked: list[str] = []

    def draw() -> str:
        looked.append(next(looks))
        return looked[-1]

    with live.watching("t") as viewer:
        frames = live.frames(viewer, draw, lambda: len(looked) == 3, _never)
        assert "data: a" in next(frames)
        for _ in range(50):
            live._tell("t")
        # The second look shows nothing new; another change brings the third.
        threading.Timer(0.3, lambda: live._tell("t")).start()
        assert "data: b" in next(frames)
        assert next(frames).startswith("event: over")
    assert looked == ["a", "a", "b"]


def test_viewers_with_the_same_key_share_one_look_and_news_makes_it_old() -> None:
    live, looked = EventStreams(3), list[str]()

    def draw(who: str) -> str:
        looked.append(who)
        return f"{who} {len(looked)}"

    with live.watching("t", "ann") as one, live.watching("t", "ann") as two, live.watching("t", "bob") as other:
        streams = [
            live.frames(viewer, lambda who=who: draw(who), _never, _never)  # type: ignore[misc]
            for viewer, who in ((one, "ann"), (two, "ann"), (other, "bob"))
        ]
        firsts = [next(stream) for stream in streams]
        assert looked == ["ann", "bob"]
        assert firsts[0] == firsts[1] != firsts[2]
        live._tell("t")
        assert "data: ann 3" in next(streams[0])
        assert "data: ann 3" in next(streams[1])
    assert looked == ["ann", "bob", "ann"]


def test_a_stopping_process_ends_its_streams() -> None:
    live = EventStreams(1)
    with live.watching("t") as viewer:
        frames = live.frames(viewer, lambda: "a", _never, _never)
        next(frames)
        live.stop()
        assert list(frames) == []


def test_a_stream_says_that_it_lives_while_news_changes_nothing_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.event_streams.HEARTBEAT_S", 0.3)
    live, done = EventStreams(1), threading.Event()

    def news() -> None:
        while not done.wait(0.05):
            live._tell("t")

    with live.watching("t") as viewer:
        frames = live.frames(viewer, lambda: "a", _never, _never)
        next(frames)
        teller = threading.Thread(target=news)
        teller.start()
        try:
            assert next(frames).startswith(":")
        finally:
            done.set()
            teller.join()


@pytest.mark.skipif(not hasattr(select, "POLLRDHUP"), reason="only Linux tells that the other end was closed")
def test_a_stream_ends_when_its_browser_has_gone() -> None:
    live = EventStreams(1)
    ours, browsers = socket.socketpair()
    with ours, live.watching("t") as viewer:
        frames = live.frames(viewer, lambda: "a", _never, hangs_up(ours))
        browsers.sendall(b"still reading")
        next(frames)
        browsers.close()
        assert list(frames) == []


def test_a_token_of_another_key_or_age_is_not_a_session() -> None:
    sessions = Sessions(b"k" * 32)
    person = SignedIn(user="ann", token_id="t1", good_for_s=60)
    assert sessions.read(sessions.issue(person, now()).token).user == "ann"
    for token in (
        sessions.issue(person, now() - 61).token,
        Sessions(b"o" * 32).issue(person, now()).token,
        "",
        "a.b.c",
    ):
        with pytest.raises(NotSignedIn):
            sessions.read(token)


def test_an_unknown_address_keeps_the_navigation_for_who_is_signed_in(site: Site, ann: FlaskClient) -> None:
    answer = ann.get("/no-such-page")
    assert answer.status_code == 404 and 'aria-label="Main"' in answer.get_data(as_text=True)
    for page in (site.client().get("/no-such-page"), ann.get("/sign-in")):
        assert 'aria-label="Main"' not in page.get_data(as_text=True)


@pytest.mark.parametrize("text", ["abc", "²", "9" * 30, "-1"])
def test_what_is_no_number_in_an_address_is_left_out(ann: FlaskClient, site: Site, text: str) -> None:
    site.documents["executions"] = {"id": "e1", "stages": {"A": {"tasks": {"B": {"status": "COMPLETED"}}}}}
    for address in (
        f"/executions?page={text}",
        f"/executions/e1/log?stage=A&task=B&after={text}",
        f"/pipelines/p1/versions?from={text}&to={text}",
    ):
        assert ann.get(address).status_code == 200


def test_every_page_is_a_row_of_a_table_and_only_these_need_no_session(site: Site) -> None:
    public = [route.rule for area in AREAS for route in area.ROUTES if route.public]
    sign_in = ["/sign-in", "/sign-in", "/sign-in/with/<name>", "/sign-in/callback"]
    assert public == [*sign_in, "/docs/api", "/docs", "/docs/", "/docs/<path:path>"]
    rules = {rule.rule for rule in site.app.url_map.iter_rules()}
    assert {route.rule for area in AREAS for route in area.ROUTES} <= rules


@pytest.mark.parametrize(
    "target",
    ["/\t/evil.test", "/\n/evil.test", "/\r/evil.test", "//evil.test", "/\\evil.test", "https://evil.test",
     "\t//evil.test", "/a\nb", "javascript:alert(1)"],
)  # fmt: skip
def test_a_sign_in_leads_to_no_other_host(site: Site, target: str) -> None:
    client = site.client()
    token = form_token(client.get("/sign-in").get_data(as_text=True))
    data = {"username": "ann", "password": "right", "form_token": token, "next": target}
    answer = client.post("/sign-in", data=data)
    assert (answer.status_code, answer.location) == (302, "/executions")
