"""Webhooks go out for real, signed and with their secrets; what cannot be sent is refused at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from services.runner.notifications.channels import signed
from services.runner.notifications.notifier import TRIES, Notifier
from shared.contracts.notices import Notice
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from tests.support.outbound import GUARDED
from tests.support.web import Web

from .sample import Keys, notice


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("?tag=${input.DOCKER_TAG}", "/hook?tag=1%2F..%26x%3D%20%23y"),
        ("/${input.DOCKER_TAG}?a=1", "/hook/1/..%26x%3D%20%23y?a=1"),
        ("#${input.DOCKER_TAG}", "/hook"),
    ],
)
def test_what_is_filled_into_an_address_stays_in_its_place(
    notifier: Notifier, web: Web, written: str, path: str
) -> None:
    base = web.url.partition("?")[0]
    refused = notice("webhook", {"url": f"{base}{written}"})
    assert notifier(refused.model_copy(update={"inputs": {"DOCKER_TAG": "1/..&x= #y"}}), 1).success
    assert web.requests[0]["path"] == path


def test_a_value_may_be_the_address_itself(notifier: Notifier, web: Web) -> None:
    refused = notice("webhook", {"url": "${input.HOOK}"}).model_copy(update={"inputs": {"HOOK": f"{web.url}&a=b%20c"}})
    assert notifier(refused, 1).success
    assert web.requests[0]["path"] == "/hook?key=1&a=b%20c"


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"k" * 24).decode(), "plain words"])
def test_a_webhook_is_signed_in_the_standard_way(notifier: Notifier, keys: Keys, web: Web, secret: str) -> None:
    secrets = {"secret": keys[0].seal(secret), "token": keys[0].seal("bearer-token")}
    endpoint = ResolvedEndpoint(name="ci", type="webhook", properties={"url": web.url}, secrets=secrets)
    entry = {"payload": '{"tag": "${input.DOCKER_TAG}"}', "headers": {"X-Team": "shop", "webhook-id": "forged"}}
    assert notifier(notice("webhook", entry, endpoint), 1).success
    (got,) = web.requests
    headers = got["headers"]
    assert got["body"] == '{"tag": "1.4.1"}'
    assert (headers["webhook-id"], headers["X-Team"], headers["Authorization"]) == (
        "n-1",
        "shop",
        "Bearer bearer-token",
    )
    key = b"k" * 24 if secret.startswith("whsec_") else secret.encode()
    content = f"n-1.{headers['webhook-timestamp']}.{got['body']}".encode()
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_signature_is_the_one_of_the_standards_own_example() -> None:
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_quote_in_a_message_does_not_end_the_text_of_a_json_payload(notifier: Notifier, web: Web) -> None:
    tasks = {"S": {"T": {"status": "FAILED", "message": 'no "disk"\n${var.pw}', "output": {"n": 5}}}}
    payload = '{"said": "${S.T.message}", "n": "${S.T.output.n}", "list": ["#${executionIndex}", 1]}'
    assert notifier(notice("webhook", {"url": web.url, "payload": payload}, tasks=tasks), 1).success
    report = json.loads(web.requests[0]["body"])
    assert report == {"said": 'no "disk"\n${var.pw}', "n": "5", "list": ["#7", 1]}


def test_a_webhook_without_payload_brings_the_run_as_json(notifier: Notifier, web: Web) -> None:
    assert notifier(notice("webhook", {"url": web.url, "action": "put"}), 1).success
    (got,) = web.requests
    assert (got["method"], got["path"]) == ("PUT", "/hook?key=1")
    assert "webhook-signature" not in got["headers"]
    report = json.loads(got["body"])
    assert (report["type"], report["timestamp"]) == ("execution.failure", "2026-11-23T09:00:42Z")
    assert report["data"]["statusMessage"] == "Deploy.Apply: no disk"


@pytest.mark.parametrize(("code", "again"), [(400, False), (404, False), (410, False), (429, True), (503, True)])
def test_an_answer_says_whether_a_later_try_may_help(notifier: Notifier, web: Web, code: int, again: bool) -> None:
    web.code, web.body = code, "no way"
    report = notifier(notice("webhook", {"url": web.url}), 1)
    assert (report.success, report.final, report.code) == (False, not again, code)
    assert report.message.endswith(f"answers {code}: no way")
    assert notifier(notice("webhook", {"url": web.url}), TRIES).final


def test_an_answer_that_repeats_a_secret_at_the_end_of_what_is_shown_shows_no_half_of_it(
    notifier: Notifier, web: Web, keys: Keys
) -> None:
    endpoint = ResolvedEndpoint(
        name="ci", type="webhook", properties={"url": web.url}, secrets={"token": keys[0].seal("hunter2secret")}
    )
    # Nine lengths would show half of it, wherever the text is cut.
    for before in range(100, 500, 5):
        web.code, web.body = 400, "x" * before + "hunter2secret"
        report = notifier(notice("webhook", {}, endpoint), 1).message
        assert "hunt" not in report and len(report) <= 500


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (notice("email", {"to": "a@example.com"}), "names no endpoint"),
        (notice("slack", {"endpoint": "gone"}), "no endpoint gone"),
        (notice("jira", {}), "no notifications of kind jira; use email, slack, webhook"),
        (notice("webhook", {}), "has no `url`"),
        (notice("webhook", {"url": "https://x.example.com", "action": "get"}), "must be post, put or patch"),
        (notice("webhook", {"url": "https://x.example.com", "payload": "${input.nope}"}), "${input.nope} in payload"),
    ],
)
def test_what_can_never_be_sent_is_said_at_once(notifier: Notifier, refused: Notice, why: str) -> None:
    report = notifier(refused, 1)
    assert (report.success, report.final) == (False, True)
    assert why in report.message


def test_a_secret_goes_where_it_belongs_and_is_told_nowhere(notifier: Notifier, keys: Keys, web: Web) -> None:
    variables = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal("hunter2secret"))}
    web.code, web.body = 403, "hunter2secret is wrong"
    entry = {"url": web.url, "headers": {"X-Key": "${var.pw}"}}
    report = notifier(notice("webhook", entry, variables=variables), 1)
    assert web.requests[0]["headers"]["X-Key"] == "hunter2secret"
    assert "hunter2secret" not in report.model_dump_json()


def test_loopback_is_told_nothing_unless_an_administrator_allowed_it(keys: Keys, web: Web) -> None:
    outgoing = GUARDED
    report = Notifier(outgoing, keys[1], keys[0])(notice("webhook", {"url": web.url}), 1)
    outgoing.close()
    assert "OUTGOING_LOCAL" in report.message
    assert web.requests == []
