"""Mails go out for real, to a mail server on loopback."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.runner.notifications.notifier import Notifier
from shared.contracts.runs import ResolvedEndpoint
from tests.support import tls
from tests.support.smtpd import Mail, Post, mail_server
from tests.support.web import Web

from .sample import Keys, notice


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
        report = notifier(notice("email", entry, mail_endpoint(post, keys), tasks=tasks), 1)
        (mail,) = post.mails
    assert (report.success, report.code, report.target) == (True, 250, "ann@example.com, bob@example.com")
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
    ("answers", "change", "again", "code", "reason"),
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
    notifier: Notifier, keys: Keys, answers: dict[str, str], change: dict[str, Any], again: bool, code: int, reason: str
) -> None:
    with mail_server() as post:
        post.answers |= answers
        post.users["portside"] = "s3cret-word"
        tried = notifier(notice("email", {"to": "ann@example.com"}, mail_endpoint(post, keys, **change)), 1)
    assert (tried.success, tried.final, tried.code) == (False, not again, code)
    assert reason in tried.message
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
        report = notifier(notice("email", {"to": "ann@example.com"}, mail_endpoint(post, keys)), 1)
        assert len(post.mails) == 1
    assert (report.success, report.final, report.code) == (True, True, 250), report.message


def test_what_a_server_says_is_stored_without_control_characters(notifier: Notifier, keys: Keys, web: Web) -> None:
    with mail_server() as post:
        post.answers["RCPT"] = "550 no\x1b[31m such\x00 user\x07\u2028here"
        sent = notice("email", {"to": "ann\x1b@example.com"}, mail_endpoint(post, keys))
        report = notifier(sent, 1)
    assert report.message.endswith("no[31m such user here")
    web.code, web.body = 400, "no\x00pe\x1b]0;x\x07\r\nm"
    assert notifier(notice("webhook", {"url": web.url}), 1).message.endswith("answers 400: nope]0;x m")


def test_a_line_break_in_an_address_or_a_subject_makes_no_header(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        entry = {"to": ["ann@example.com\nBcc: eve@example.com"], "subject": "a\r\nBcc: eve@example.com\x00"}
        report = notifier(notice("email", entry, mail_endpoint(post, keys)), 1)
        assert report.final
        assert all(mail.message["Bcc"] is None for mail in post.mails)


def parts(mail: Mail) -> list[tuple[str, str]]:
    """The types and the texts of a mail."""
    return [(one.get_content_type(), str(one.get_payload()).strip()) for one in mail.message.walk()][1:]


def test_values_in_an_html_mail_are_text_and_the_authors_tags_stay(notifier: Notifier, keys: Keys) -> None:
    with mail_server() as post:
        entry = {"to": "ann@example.com", "html": "<b>${input.DOCKER_TAG}</b>", "body": "${input.DOCKER_TAG}"}
        sent = notice("email", entry, mail_endpoint(post, keys)).model_copy(update={"inputs": {"DOCKER_TAG": "<i>&"}})
        assert notifier(sent, 1).success
        page = {"to": "ann@example.com", "body": '<!DOCTYPE html><p title="${input.DOCKER_TAG}">done</p>'}
        other = sent.model_copy(update={"entry": {**sent.entry, "html": "", **page}})
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
        report = notifier(notice("email", {"to": "ann@example.com"}, endpoint), 1)
        assert post.mails == []
    assert "not the one that was accepted" in report.message
