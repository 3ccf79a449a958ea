"""Notices go out for real: to a mail server and an HTTP server on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.runner.handlers import send_notice
from services.runner.notifications.channels import signed
from services.runner.notifications.notifier import TRIES, Notifier
from shared.bus import Ack, Incoming, NotConfirmed, Outcome, Retry
from shared.contracts.envelope import Envelope
from shared.contracts.notices import Notice, NoticeTried
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from shared.contracts.topics import NOTICE_SEND
from shared.outbound.http import HttpClient
from shared.process.secrets import Opener, Sealer
from tests.support import tls
from tests.support.outbound import GUARDED, LOOPBACK
from tests.support.smtpd import Mail, Post, mail_server
from tests.support.web import Web, web_server

Keys = tuple[Sealer, Opener]


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as kept:
        yield kept


@pytest.fixture(scope="module")
def outgoing() -> Iterator[HttpClient]:
    """Of all tests: each new session reads the system's certificates."""
    yield LOOPBACK
    LOOPBACK.close()


@pytest.fixture
def notifier(keys: Keys, outgoing: HttpClient) -> Notifier:
    return Notifier(outgoing, keys[1], keys[0])


def notice(kind: str, entry: dict[str, Any], endpoint: ResolvedEndpoint | None = None, **more: Any) -> Notice:
    about = {
        "name": "Deploy web",
        "executionIndex": 7,
        "status": "FAILED",
        "statusMessage": "Deploy.Apply: no disk",
        "executionUrl": "https://portside.example.com/executions/e1",
        "startTime": "2026-11-23T09:00:00Z",
        "endTime": "2026-11-23T09:00:42Z",
        "duration": 42,
    }
    named = {"endpoint": endpoint.name} if endpoint is not None else {}
    return Notice(
        notice_id="n-1",
        execution_id="e1",
        kind=kind,
        event="FAILURE",
        entry={"event": "FAILURE", **named, **entry},
        endpoint=endpoint,
        about=about,
        inputs={"DOCKER_TAG": "1.4.1"},
        **more,
    )


# --------------------------------------------------------------------------------------------------------------- e-mail


def mail_endpoint(post: Post, keys: Keys, **more: Any) -> ResolvedEndpoint:
    password = more.pop("password", None)
    return ResolvedEndpoint(
        name="mail",
        type="email",
        properties={
            "senderAddress": "Portside <portside@example.com>",
            "outboundHost": "127.0.0.1",
            "outboundPort": post.port,
            "encryptionMethod": "NONE",
            **more,
        },
        secrets={} if password is None else {"outboundPassword": keys[0].seal(password)},
    )


@contextmanager
def tls_context(folder: Path) -> Iterator[tuple[ssl.SSLContext, str]]:
    file = tls.write_server(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    yield context, file.read_text().partition("-----BEGIN PRIVATE")[0]


def test_a_mail_says_what_its_author_wrote_with_everything_filled_in(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        entry = {
            "to": ["ann@example.com", "bob@example.com"],
            "subject": "${name} #${executionIndex}:\n${status}",
            "body": "Tag ${input.DOCKER_TAG}, ${Deploy.Apply.message}, after ${duration} s.",
        }
        tasks = {"Deploy": {"Apply": {"status": "FAILED", "message": "no disk"}}}
        said = notifier(notice("email", entry, mail_endpoint(post, keys), tasks=tasks), 1)
        (mail,) = post.mails
    assert (said.success, said.code, said.target) == (True, 250, "ann@example.com, bob@example.com")
    assert mail.to == ["ann@example.com", "bob@example.com"]
    assert mail.message["Subject"] == "Deploy web #7: FAILED"
    assert mail.message.get_payload().strip() == "Tag 1.4.1, no disk, after 42 s."  # type: ignore[union-attr]
    assert mail.message["Message-ID"] == "<n-1@example.com>"


def test_a_mail_without_words_of_its_own_says_the_essentials(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        assert notifier(notice("email", {"to": "ann@example.com"}, mail_endpoint(post, keys)), 1).success
        (mail,) = post.mails
    assert "https://portside.example.com/executions/e1" in str(mail.message.get_payload())


@pytest.mark.parametrize("method", ["TLS", "SSL"])
@pytest.mark.parametrize("trust", ["authority", "fingerprint"])
def test_mail_goes_encrypted_with_a_password(
    notifier: Notifier, keys: Keys, tmp_path: Path, method: str, trust: str
) -> None:
    with tls_context(tmp_path) as (context, pem), mail_server(context, encrypted=method == "SSL") as post:
        post.users["portside"] = "s3cret-word"
        der = ssl.PEM_cert_to_DER_cert(pem)
        trusted = {"caCertificate": pem} if trust == "authority" else {"fingerprint": hashlib.sha256(der).hexdigest()}
        endpoint = mail_endpoint(
            post, keys, encryptionMethod=method, outboundUsername="portside", password="s3cret-word", **trusted
        )
        assert notifier(notice("email", {"to": "ann@example.com"}, endpoint), 1).success
        (mail,) = post.mails
    assert (mail.encrypted, mail.user) == (True, "portside")


@pytest.mark.parametrize(
    ("answers", "change", "again", "code", "said"),
    [
        ({"RCPT": "550 no such user"}, {}, False, 550, "refuses ann@example.com: no such user"),
        ({"RCPT": "450 come back later"}, {}, True, 450, "come back later"),
        ({"DATA": "554 looks like spam"}, {}, False, 554, "looks like spam"),
        ({"MAIL": "421 too busy"}, {}, True, 421, "too busy"),
        ({}, {"outboundUsername": "x", "password": "wrong-s3cret"}, False, 535, "who are you?"),
        ({}, {"encryptionMethod": "TLS"}, True, 0, "STARTTLS"),
        ({}, {"outboundPort": 1}, True, 0, "Cannot send by 127.0.0.1:1: connection refused"),
    ],
)
def test_a_mail_that_is_not_taken_says_why_and_whether_a_later_try_may_help(
    notifier: Notifier, keys: Keys, answers: dict[str, str], change: dict[str, Any], again: bool, code: int, said: str
) -> None:
    with mail_server() as post:
        post.answers |= answers
        post.users["portside"] = "s3cret-word"
        tried = notifier(notice("email", {"to": "ann@example.com"}, mail_endpoint(post, keys, **change)), 1)
    assert (tried.success, tried.final, tried.code) == (False, not again, code)
    assert said in tried.message
    assert "wrong-s3cret" not in tried.message


@pytest.mark.parametrize(
    ("hangs_up", "farewell"),
    [(True, None), (False, "421 4.7.0 too many connections"), (False, "500 what?"), (False, "not SMTP at all")],
)
def test_once_the_server_has_taken_a_mail_nothing_changes_that(
    notifier: Notifier, keys: Keys, hangs_up: bool, farewell: str | None
) -> None:
    with mail_server() as post:
        post.hangs_up = hangs_up
        post.answers |= {"QUIT": farewell} if farewell is not None else {}
        said = notifier(notice("email", {"to": "ann@example.com"}, mail_endpoint(post, keys)), 1)
        assert len(post.mails) == 1
    assert (said.success, said.final, said.code) == (True, True, 250), said.message


def test_what_a_server_says_is_stored_without_control_characters(notifier: Notifier, keys: Keys, web: Web) -> None:
    with mail_server() as post:
        post.answers["RCPT"] = "550 no\x1b[31m such\x00 user\x07\u2028here"
        asked = notice("email", {"to": "ann\x1b@example.com"}, mail_endpoint(post, keys))
        said = notifier(asked, 1)
    assert said.message.endswith("no[31m such user here")
    web.code, web.body = 400, "no\x00pe\x1b]0;x\x07\r\nm"
    assert notifier(notice("webhook", {"url": web.url}), 1).message.endswith("answers 400: nope]0;x m")


def test_a_line_break_in_an_address_or_a_subject_makes_no_header(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        entry = {"to": ["ann@example.com\nBcc: eve@example.com"], "subject": "a\r\nBcc: eve@example.com\x00"}
        said = notifier(notice("email", entry, mail_endpoint(post, keys)), 1)
        assert said.final
        assert all(mail.message["Bcc"] is None for mail in post.mails)


def parts(mail: Mail) -> list[tuple[str, str]]:
    """The types and the texts of a mail."""
    return [(one.get_content_type(), str(one.get_payload()).strip()) for one in mail.message.walk()][1:]


def test_values_in_an_html_mail_are_text_and_the_authors_tags_stay(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        entry = {"to": "ann@example.com", "html": "<b>${input.DOCKER_TAG}</b>", "body": "${input.DOCKER_TAG}"}
        asked = notice("email", entry, mail_endpoint(post, keys)).model_copy(update={"inputs": {"DOCKER_TAG": "<i>&"}})
        assert notifier(asked, 1).success
        page = {"to": "ann@example.com", "body": '<!DOCTYPE html><p title="${input.DOCKER_TAG}">done</p>'}
        other = asked.model_copy(update={"entry": {**asked.entry, "html": "", **page}})
        assert notifier(other, 1).success
        both, alone = post.mails
    assert parts(both) == [("text/plain", "<i>&"), ("text/html", "<b>&lt;i&gt;&amp;</b>")]
    assert parts(alone) == [
        ("text/plain", "done"),
        ("text/html", '<!DOCTYPE html><p title="&lt;i&gt;&amp;">done</p>'),
    ]


def test_another_certificate_than_the_accepted_one_is_not_spoken_to(
    notifier: Notifier, keys: Keys, tmp_path: Path
) -> None:
    with tls_context(tmp_path) as (context, _), mail_server(context) as post:
        endpoint = mail_endpoint(post, keys, encryptionMethod="TLS", fingerprint="00" * 32)
        said = notifier(notice("email", {"to": "ann@example.com"}, endpoint), 1)
        assert post.mails == []
    assert "not the one that was accepted" in said.message


# ------------------------------------------------------------------------------------------------------ Slack, webhooks


def test_slack_gets_a_text(notifier: Notifier, keys: Keys, web: Web) -> None:
    endpoint = ResolvedEndpoint(
        name="chat", type="slack", properties={"channel": "#ops"}, secrets={"url": keys[0].seal(web.url)}
    )
    said = notifier(notice("slack", {"text": "${name} ${status}"}, endpoint), 1)
    assert json.loads(web.requests[0]["body"]) == {"text": "Deploy web FAILED", "channel": "#ops"}
    assert (said.success, said.code, said.target) == (True, 200, "127.0.0.1 #ops")


EVIL = "<!channel> a & b <none>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${input.DOCKER_TAG} done", "&lt;!channel&gt; a &amp; b &lt;none&gt; done"),
        ("${input.DOCKER_TAG}", "&lt;!channel&gt; a &amp; b &lt;none&gt;"),
        ("<!here> *${input.DOCKER_TAG}* <https://example.com/${executionIndex}|run> & more",
         "<!here> *&lt;!channel&gt; a &amp; b &lt;none&gt;* <https://example.com/7|run> & more"),
        ("$${input.DOCKER_TAG}", "${input.DOCKER_TAG}"),
    ],
)  # fmt: skip
def test_what_is_filled_into_slack_is_text_and_the_authors_markup_stays(
    notifier: Notifier, keys: Keys, web: Web, text: str, said: str
) -> None:
    endpoint = ResolvedEndpoint(name="chat", type="slack", secrets={"url": keys[0].seal(web.url)})
    asked = notice("slack", {"text": text}, endpoint).model_copy(update={"inputs": {"DOCKER_TAG": EVIL}})
    assert notifier(asked, 1).success
    assert json.loads(web.bodies[0]) == {"text": said}


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
    asked = notice("webhook", {"url": f"{base}{written}"})
    assert notifier(asked.model_copy(update={"inputs": {"DOCKER_TAG": "1/..&x= #y"}}), 1).success
    assert web.requests[0]["path"] == path


def test_a_value_may_be_the_address_itself(notifier: Notifier, web: Web) -> None:
    asked = notice("webhook", {"url": "${input.HOOK}"}).model_copy(update={"inputs": {"HOOK": f"{web.url}&a=b%20c"}})
    assert notifier(asked, 1).success
    assert web.requests[0]["path"] == "/hook?key=1&a=b%20c"


def posting(kind: str, keys: Keys, web: Web, **properties: Any) -> ResolvedEndpoint:
    return ResolvedEndpoint(name="chat", type=kind, properties=properties, secrets={"url": keys[0].seal(web.url)})


def test_teams_gets_an_adaptive_card(notifier: Notifier, keys: Keys, web: Web) -> None:
    web.code = 202
    said = notifier(notice("teams", {}, posting("teams", keys, web)), 1)
    assert (said.success, said.code, said.target) == (True, 202, "127.0.0.1")
    message = json.loads(web.bodies[0])
    (attachment,) = message["attachments"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [block["text"] for block in card["body"]] == ["Deploy web #7: FAILED", "Deploy.Apply: no disk"]
    assert card["body"][0]["color"] == "Attention" and all(block["wrap"] for block in card["body"])
    assert card["actions"][0]["url"] == "https://portside.example.com/executions/e1"


def test_teams_gets_the_authors_own_card_in_its_envelope(notifier: Notifier, keys: Keys, web: Web) -> None:
    own = '{"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "${input.DOCKER_TAG}"}]}'
    assert notifier(notice("teams", {"payload": own}, posting("teams", keys, web)), 1).success
    (attachment,) = json.loads(web.bodies[0])["attachments"]
    assert attachment["content"]["body"] == [{"type": "TextBlock", "text": "1.4.1"}]
    assert "not a JSON object" in notifier(notice("teams", {"payload": "[1]"}, posting("teams", keys, web)), 1).message


def test_discord_gets_an_embed_in_which_a_value_mentions_nobody(notifier: Notifier, keys: Keys, web: Web) -> None:
    web.code, web.body = 204, ""
    entry = {"content": "<@&42> look", "text": "**${input.DOCKER_TAG}**"}
    asked = notice("discord", entry, posting("discord", keys, web))
    assert notifier(asked.model_copy(update={"inputs": {"DOCKER_TAG": "@everyone *x* <@1>"}}), 1).success
    body = json.loads(web.bodies[0])
    assert body["content"] == "<@&42> look"
    (embed,) = body["embeds"]
    assert (embed["title"], embed["url"]) == ("Deploy web #7: FAILED", asked.about["executionUrl"])
    assert embed["description"] == "**@\u200beveryone \\*x\\* \\<@\u200b1\\>**"


@pytest.mark.parametrize(
    ("event", "action", "severity"),
    [("FAILURE", "trigger", "error"), ("CANCELED", "trigger", "warning"), ("SUCCESS", "resolve", None)],
)
def test_pagerduty_is_alerted_and_the_alert_resolved(
    notifier: Notifier, keys: Keys, web: Web, event: str, action: str, severity: str | None
) -> None:
    web.code = 202
    endpoint = ResolvedEndpoint(
        name="oncall", type="pagerduty", properties={"url": web.url}, secrets={"routingKey": keys[0].seal("R0UT1NGKEY")}
    )
    asked = notice("pagerduty", {}, endpoint).model_copy(update={"event": event})
    asked = asked.model_copy(update={"about": {**asked.about, "project": "shop", "stageName": "", "taskName": ""}})
    said = notifier(asked, 1)
    assert said.success and said.target == "127.0.0.1"
    assert web.requests[0]["path"] == "/v2/enqueue"
    body = json.loads(web.bodies[0])
    assert (body["routing_key"], body["event_action"]) == ("R0UT1NGKEY", action)
    assert body["dedup_key"] == "portside/shop/Deploy web"
    assert body["links"] == [{"href": "https://portside.example.com/executions/e1", "text": "Open the run"}]
    if severity is None:
        assert "payload" not in body
    else:
        payload = body["payload"]
        assert (payload["severity"], payload["source"]) == (severity, "portside/shop")
        assert payload["summary"] == "Deploy web #7: FAILED Deploy.Apply: no disk"
        assert payload["custom_details"]["status"] == "FAILED"


@pytest.mark.parametrize("kind", ["teams", "discord", "pagerduty"])
def test_each_kind_says_what_it_lacks_and_shows_no_address(notifier: Notifier, keys: Keys, web: Web, kind: str) -> None:
    assert f"one of type {kind}" in notifier(notice(kind, {}), 1).message
    web.code, web.body = 404, f"no such hook {web.url}"
    endpoint = posting(kind, keys, web)
    said = notifier(notice(kind, {}, endpoint), 1)
    assert not said.success and "key=1" not in said.model_dump_json()


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
    written = '{"said": "${S.T.message}", "n": "${S.T.output.n}", "list": ["#${executionIndex}", 1]}'
    assert notifier(notice("webhook", {"url": web.url, "payload": written}, tasks=tasks), 1).success
    said = json.loads(web.requests[0]["body"])
    assert said == {"said": 'no "disk"\n${var.pw}', "n": "5", "list": ["#7", 1]}


def test_a_webhook_without_payload_brings_the_run_as_json(notifier: Notifier, web: Web) -> None:
    assert notifier(notice("webhook", {"url": web.url, "action": "put"}), 1).success
    (got,) = web.requests
    assert (got["method"], got["path"]) == ("PUT", "/hook?key=1")
    assert "webhook-signature" not in got["headers"]
    said = json.loads(got["body"])
    assert (said["type"], said["timestamp"]) == ("execution.failure", "2026-11-23T09:00:42Z")
    assert said["data"]["statusMessage"] == "Deploy.Apply: no disk"


@pytest.mark.parametrize(("code", "again"), [(400, False), (404, False), (410, False), (429, True), (503, True)])
def test_an_answer_says_whether_a_later_try_may_help(notifier: Notifier, web: Web, code: int, again: bool) -> None:
    web.code, web.body = code, "no way"
    said = notifier(notice("webhook", {"url": web.url}), 1)
    assert (said.success, said.final, said.code) == (False, not again, code)
    assert said.message.endswith(f"answers {code}: no way")
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
        said = notifier(notice("webhook", {}, endpoint), 1).message
        assert "hunt" not in said and len(said) <= 500


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (notice("email", {"to": "a@example.com"}), "names no endpoint"),
        (notice("slack", {"endpoint": "gone"}), "no endpoint gone"),
        (notice("jira", {}), "no notifications of kind jira; use email, slack, webhook"),
        (notice("webhook", {}), "has no `url`"),
        (notice("webhook", {"url": "https://x.example.com", "action": "get"}), "must be post, put or patch"),
        (notice("webhook", {"url": "https://x.example.com", "payload": "${input.nope}"}), "${input.nope} in payload"),
    ],
)
def test_what_can_never_be_sent_is_said_at_once(notifier: Notifier, asked: Notice, why: str) -> None:
    said = notifier(asked, 1)
    assert (said.success, said.final) == (False, True)
    assert why in said.message


def test_a_secret_goes_where_it_belongs_and_is_told_nowhere(notifier: Notifier, keys: Keys, web: Web) -> None:
    variables = {"pw": ResolvedVariable(name="pw", type="SECRET", sealed=keys[0].seal("hunter2secret"))}
    web.code, web.body = 403, "hunter2secret is wrong"
    entry = {"url": web.url, "headers": {"X-Key": "${var.pw}"}}
    said = notifier(notice("webhook", entry, variables=variables), 1)
    assert web.requests[0]["headers"]["X-Key"] == "hunter2secret"
    assert "hunter2secret" not in said.model_dump_json()


def test_loopback_is_told_nothing_unless_an_administrator_allowed_it(keys: Keys, web: Web) -> None:
    outgoing = GUARDED
    said = Notifier(outgoing, keys[1], keys[0])(notice("webhook", {"url": web.url}), 1)
    outgoing.close()
    assert "OUTGOING_LOCAL" in said.message
    assert web.requests == []


# --------------------------------------------------------------------------------------------------------- the queue


def incoming(failures: int = 0) -> Incoming:
    asked = notice("webhook", {"url": "https://x.example.com"})
    envelope = Envelope(id="m1", source="x", type="notice.send.v1", subject="n-1", time="", data={})
    return Incoming(NOTICE_SEND, envelope, asked, failures=failures)


def tried(success: bool, final: bool) -> NoticeTried:
    return NoticeTried(notice_id="n-1", execution_id="e1", try_number=1, success=success, final=final, message="busy")


@pytest.mark.parametrize(
    ("success", "final", "outcome"),
    [(True, True, Ack()), (False, True, Ack()), (False, False, Retry(None, "busy"))],
)
def test_a_try_is_reported_and_goes_round_the_ladder_while_that_may_help(
    success: bool, final: bool, outcome: Outcome
) -> None:
    said: list[NoticeTried] = []
    numbers: list[int] = []

    def tell(_notice: Notice, number: int) -> NoticeTried:
        numbers.append(number)
        return tried(success, final)

    handle = send_notice(tell, lambda one, _cause: said.append(one))
    assert handle(incoming(failures=2)) == outcome
    assert (numbers, len(said)) == ([3], 1)


def test_what_cannot_be_reported_is_tried_again_rather_than_forgotten() -> None:
    def away(_said: NoticeTried, _cause: str) -> None:
        raise NotConfirmed("broker away")

    assert send_notice(lambda *_: tried(True, True), away)(incoming()) == Retry(1.0, "broker away")
