"""The address that registries post to."""

from __future__ import annotations

import gzip
import hmac
import json
import logging
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client
from werkzeug.wrappers import Response

from services.gateway.receiver import rates
from services.gateway.receiver.allowlist_cache import AllowlistCache
from services.gateway.receiver.app import MAX_BODY, Receiver
from services.gateway.receiver.intake import Intake
from services.gateway.receiver.spool import Spool
from shared.contracts.pushes import HookReceived
from shared.process.secrets import token_hash
from tests.support.examples import share

from .fakes import FakePost, entry

URL = "/pipelines/api/docker-hub-webhooks"
PUSH = {"push_data": {"tag": "1.4.1", "pusher": "ann"}, "repository": {"repo_name": "acme/web"}}


def hmac_of(algorithm: str, body: bytes, secret: str = "good") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


BODY = json.dumps(PUSH).encode()
SIGNATURES = [
    {"X-Hub-Signature-256": "sha256=" + hmac_of("sha256", BODY)},
    {"X-Gitea-Signature": hmac_of("sha256", BODY)},
    {"X-JFrog-Event-Auth": hmac_of("sha256", BODY)},
    {"X-JFrog-Event-Auth": "good"},
    {"X-Nexus-Webhook-Signature": hmac_of("sha1", BODY)},
    {"X-Hub-Signature": "sha1=" + hmac_of("sha1", BODY)},
]


class Harness:
    def __init__(self, folder: Path) -> None:
        self.post = FakePost()
        self.post.knows(entry("good", "w1"), entry("old", "w2", good_until=1.0))
        self.keeper = AllowlistCache(self.post, folder / "allowlist.json")
        self.keeper.refresh()
        self.spool = Spool(folder / "spool", max_files=3, max_bytes=10**6)
        self.restart()

    def restart(self, *, cap_per_minute: int = 30_000, **more: Any) -> None:
        receiver = Receiver(self.keeper, Intake(self.post, self.spool), cap_per_minute=cap_per_minute, **more)
        self.client = Client(receiver, Response)

    def push(self, token: str | None = "good", body: Any = PUSH, path: str = URL, **more: Any) -> Response:
        query = {} if token is None else {"secureToken": token}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        response: Response = self.client.post(path, query_string=query, data=data, **more)
        return response


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return Harness(tmp_path)


def test_a_good_push_is_published_before_the_answer(harness: Harness) -> None:
    answer = harness.push(headers={"User-Agent": "Go-http-client/1.1"}, environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.status_code == 202
    (sent,) = harness.post.published
    assert answer.get_json() == {"status": "accepted", "delivery": sent.delivery_id}
    assert (sent.webhook_id, sent.token_hash, sent.via) == ("w1", token_hash("good"), "hook")
    assert (sent.pushes[0].repository, sent.pushes[0].tag) == ("acme/web", "1.4.1")
    assert (sent.source_address, sent.user_agent) == ("192.0.2.1", "Go-http-client/1.1")


def test_bad_tokens_of_every_kind_get_the_same_answer(harness: Harness) -> None:
    answers = [harness.push(token) for token in ("unknown", "old", "", None, "x" * 600, "\x00\xff")]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.data for answer in answers}) == 1
    assert harness.post.published == []


def test_a_bad_token_is_judged_before_the_body(harness: Harness) -> None:
    assert harness.push("unknown", b"not json").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer good"},
        {"Authorization": "good"},
        {"X-Secure-Token": "good"},
        {"Authorization": "Basic aG9vazpnb29k"},
    ],
)
def test_a_token_may_come_in_a_header(harness: Harness, headers: dict[str, str]) -> None:
    assert harness.push(None, headers=headers).status_code == 202


@pytest.mark.parametrize("prefix", ["/pipeline/api", "/codestream/api"])
def test_a_listener_takes_only_the_token_of_its_webhook(harness: Harness, prefix: str) -> None:
    assert harness.push(path=f"{prefix}/registry-webhook-listeners/w1").status_code == 202
    assert harness.push(path=f"{prefix}/registry-webhook-listeners/w2").status_code == 403


def test_a_get_is_told_what_the_address_is_for(harness: Harness) -> None:
    answer = harness.client.get(URL, query_string={"secureToken": "good"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.get_json()["message"] == "Registries send push notifications here; only POST is supported."


def test_malformed_json_is_told_with_line_and_column(harness: Harness) -> None:
    answer = harness.push(body=b'{\n "push_data": oops}')
    assert answer.status_code == 400
    assert answer.get_json()["message"] == "The body is not valid JSON: Expecting value at line 2, column 15."


def test_a_body_over_a_mebibyte_is_refused_with_and_without_a_declared_length(harness: Harness) -> None:
    large = b'{"a": "' + b"x" * MAX_BODY + b'"}'
    assert harness.push(body=large).status_code == 413
    undeclared = harness.client.open(
        URL,
        method="POST",
        query_string={"secureToken": "good"},
        input_stream=BytesIO(large),
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )
    assert undeclared.status_code == 413


@pytest.mark.parametrize(
    ("body", "headers", "status", "problem"),
    [
        (b"oops", {}, 400, "The body is not valid JSON"),
        (b"{" + b" " * MAX_BODY + b"}", {}, 413, "The body is larger than"),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400, "The body is not valid gzip"),
        (
            gzip.compress(b"{" + b" " * MAX_BODY + b"}", mtime=0),
            {"Content-Encoding": "gzip"},
            413,
            "The body is larger than",
        ),
        (gzip.compress(b"{}", mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400, "The gzip body ends too early"),
        (b"{}", {"Content-Encoding": "br"}, 415, "Content-Encoding 'br' is not supported"),
    ],
    ids=["not JSON", "too large", "not gzip", "a bomb", "cut", "another encoding"],
)
def test_a_refused_body_leaves_a_trace_on_its_webhook_and_none_without_a_good_token(
    harness: Harness, body: bytes, headers: dict[str, str], status: int, problem: str
) -> None:
    assert harness.push("bad", body, headers=headers).status_code == 403
    answer = harness.push(body=body, headers=headers)
    assert answer.status_code == status and answer.get_json()["message"].startswith(problem)
    (sent,) = harness.post.published
    assert (sent.webhook_id, sent.pushes, sent.body) == ("w1", (), {}) and str(sent.problem).startswith(problem)


def test_a_gzip_body_is_read(harness: Harness) -> None:
    packed = gzip.compress(json.dumps(PUSH).encode())
    assert harness.push(body=packed, headers={"Content-Encoding": "gzip"}).status_code == 202
    assert harness.post.published[0].pushes[0].repository == "acme/web"


@pytest.mark.parametrize("body", [{}, {"repository": {"repo_name": "acme/web"}, "push_data": {}}, [], 5])
def test_a_body_without_repository_or_tag_is_kept_with_its_problem(harness: Harness, body: Any) -> None:
    answer = harness.push(body=body)
    assert answer.status_code == 202
    (sent,) = harness.post.published
    assert all(push.tag is None for push in sent.pushes)
    assert sent.problem
    assert answer.get_json()["message"] == sent.problem


def test_the_pull_events_of_a_registry_are_answered_and_not_kept(harness: Harness) -> None:
    body = {"events": [{"action": "pull", "target": {"repository": "acme/web", "tag": "1"}}]}
    assert harness.push(body=body).get_json()["status"] == "ignored"
    assert harness.post.published == []


def test_a_token_made_this_second_is_asked_for_before_it_is_refused(harness: Harness) -> None:
    harness.post.knows(entry("new", "w3"), revision=2)
    assert harness.push("new").status_code == 202
    assert harness.post.published[0].webhook_id == "w3"


def test_with_config_away_an_unknown_token_is_kept_unjudged(harness: Harness) -> None:
    harness.post.answers.clear()
    assert harness.push("unheard-of").status_code == 202
    (sent,) = harness.post.published
    assert (sent.webhook_id, sent.token_hash) == (None, token_hash("unheard-of"))


@pytest.mark.parametrize(
    ("headers", "signature"),
    [({}, "missing"), (SIGNATURES[0], "good"), ({"X-Hub-Signature-256": "sha256=00"}, "wrong")],
)
def test_what_is_kept_unjudged_carries_what_config_needs_to_judge_its_sender(
    harness: Harness, tmp_path: Path, headers: dict[str, str], signature: str
) -> None:
    harness.post.answers.clear()
    harness.keeper = AllowlistCache(harness.post, tmp_path / "no list")
    harness.restart()
    answer = harness.push(body=BODY, headers=headers, environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    (sent,) = harness.post.published
    assert answer.status_code == 202
    assert (sent.webhook_id, sent.source_address, sent.signature) == (None, "192.0.2.1", signature)


def test_with_config_away_a_registry_whose_token_is_not_listed_yet_may_send_more_than_a_stranger(
    harness: Harness,
) -> None:
    harness.post.answers.clear()
    assert [harness.push("unheard-of").status_code for _ in range(70)] == [202] * 70


def test_too_many_calls_without_a_good_token_must_wait(harness: Harness) -> None:
    codes = [harness.push("unknown").status_code for _ in range(70)]
    assert codes[0] == 403 and codes[-1] == 429
    assert int(harness.push("unknown").headers["Retry-After"]) >= 1
    assert harness.push("good").status_code == 202


def test_with_the_broker_away_hooks_are_spooled_until_the_spool_is_full(harness: Harness) -> None:
    harness.post.connected = False
    answers = [harness.push() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 503]
    assert "Retry-After" in answers[-1].headers
    assert len(harness.spool.waiting()) == 3


def test_no_log_line_and_no_answer_holds_the_token(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    harness.post.connected = False
    answers = [
        harness.push("very-secret", headers={"Referer": "x"}),
        harness.client.get(URL + "?secureToken=very-secret"),
    ]
    assert all("very-secret" not in answer.get_data(as_text=True) + str(answer.headers) for answer in answers)
    assert "very-secret" not in caplog.text
    assert all("very-secret" not in path.read_text() for path in harness.spool.waiting())


_words = st.text(max_size=8) | st.none() | st.integers() | st.floats(allow_nan=False)
_bodies = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["push_data", "repository", "events", "tag", "image", "payload"]),
    _words | st.dictionaries(st.sampled_from(["tag", "repo_name", "name", "pushed_at"]), _words) | st.lists(_words),
).map(lambda body: json.dumps(body).encode())


@settings(max_examples=share(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_bodies, content_type=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "x"]))
def test_no_body_gives_a_5xx(harness: Harness, body: bytes, content_type: str) -> None:
    assert harness.push(body=body, content_type=content_type).status_code in (202, 400)


@pytest.mark.parametrize("headers", SIGNATURES)
def test_a_signature_is_checked_over_the_raw_bytes(harness: Harness, headers: dict[str, str]) -> None:
    assert harness.push(body=BODY, headers=headers).status_code == 202
    if "good" not in headers.values():
        refused = harness.push(body=BODY + b" ", headers=headers)
        assert refused.status_code == 403
        assert "does not match the body" in refused.get_json()["message"]
    forged = {name: value[:-4] + "0000" for name, value in headers.items()}
    assert harness.push(body=BODY, headers=forged).status_code == 403


def test_a_webhook_that_demands_signatures_takes_nothing_without(harness: Harness) -> None:
    harness.post.knows(entry("good", "w1", signed=True), revision=2)
    harness.keeper.refresh()
    assert "is missing" in harness.push(body=BODY).get_json()["message"]
    assert harness.push(body=BODY, headers=SIGNATURES[0]).status_code == 202


def test_a_webhook_takes_hooks_from_its_networks_only(harness: Harness) -> None:
    harness.post.knows(entry("good", "w1", networks=("192.0.2.0/24", "2001:db8::/32")), revision=2)
    harness.keeper.refresh()

    def status(address: str) -> int:
        return harness.push(environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [status(one) for one in ("192.0.2.9", "2001:db8::1", "198.51.100.1", "")] == [202, 202, 403, 403]


def test_what_a_sender_calls_its_delivery_tells_a_repeat(harness: Harness) -> None:
    body = {"repository": "acme/web", "docker_url": "quay.io/acme/web", "updated_tags": ["1.4", "latest"]}
    harness.push(body=body, headers={"X-GitHub-Delivery": "g1"})
    assert [push.provider_delivery_id for push in harness.post.published[0].pushes] == ["g1", "g1#1"]


_headers = st.dictionaries(
    st.sampled_from(["X-Hub-Signature-256", "X-GitHub-Delivery", "X-Forwarded-For", "Authorization", "User-Agent"]),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30),
)


@settings(max_examples=share(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_bodies, headers=_headers, token=st.sampled_from(["good", "bad", None]))
def test_no_header_gives_a_5xx(harness: Harness, body: bytes, headers: dict[str, str], token: str | None) -> None:
    assert harness.push(token, body, headers=headers).status_code in (202, 400, 403, 429)


def test_a_flood_of_one_token_waits_behind_others_and_is_taken(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "BURST", 3)
    monkeypatch.setattr(rates, "PER_S", 0.001)
    harness.post.knows(entry("good", "w1"), entry("other", "w2"), revision=2)
    harness.keeper.refresh()
    harness.restart()
    assert [harness.push().status_code for _ in range(5)] == [202] * 5
    assert harness.push("other").status_code == 202
    assert harness.post.topics == ["hook.received"] * 3 + ["hook.in-bulk"] * 2 + ["hook.received"]


def test_past_the_hard_cap_comes_429_and_config_is_told_once_a_minute(harness: Harness) -> None:
    harness.restart(cap_per_minute=2)
    answers = [harness.push() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202, 202, 429, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert len(harness.post.published) == 2
    (told,) = harness.post.refused
    assert (told.webhook_id, told.count, told.cap_per_minute) == ("w1", 1, 2)


def test_a_good_token_is_never_refused_for_its_address(harness: Harness) -> None:
    for _ in range(70):
        harness.push("unknown", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert harness.push("unknown", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 429
    assert harness.push(environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 202


def test_what_was_refused_meanwhile_is_counted_until_it_is_told() -> None:
    seen = rates.Rates(cap_per_minute=1)
    assert seen.take("t", "w", 0.0, 1_000.0) == rates.NORMAL
    told = [seen.take("t", "w", at, 1_000.0 + at).refused for at in (1.0, 2.0, 3.0)]
    assert [one.count for one in told if one] == [1]
    later = seen.take("t", "w", 62.0, 1_062.0)
    assert later.wait_s == 0.0
    again = seen.take("t", "w", 62.1, 1_062.1).refused
    assert again is not None
    assert again.count == 3


def test_a_test_delivery_says_that_it_is_one_also_from_the_spool(harness: Harness) -> None:
    harness.push(headers={"X-Portside-Test": "1"})
    assert harness.post.published[0].via == "test"
    harness.post.connected = False
    harness.push(headers={"X-Portside-Test": "1"})
    harness.push()
    sent: list[str] = []

    def publish(delivery: HookReceived) -> Future[None]:
        sent.append(delivery.via)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    harness.spool.drain(publish)
    assert sent == ["test", "spool"]
