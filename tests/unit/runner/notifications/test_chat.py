"""Slack, Teams, Discord and PagerDuty get what they understand, and nothing filled in is markup."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.runner.notifications.notifier import Notifier
from shared.contracts.runs import ResolvedEndpoint
from tests.support.web import Web

from .sample import Keys, notice


def test_slack_gets_a_text(notifier: Notifier, keys: Keys, web: Web) -> None:
    endpoint = ResolvedEndpoint(
        name="chat", type="slack", properties={"channel": "#ops"}, secrets={"url": keys[0].seal(web.url)}
    )
    report = notifier(notice("slack", {"text": "${name} ${status}"}, endpoint), 1)
    assert json.loads(web.requests[0]["body"]) == {"text": "Deploy web FAILED", "channel": "#ops"}
    assert (report.success, report.code, report.target) == (True, 200, "127.0.0.1 #ops")


EVIL = "<!channel> a & b <none>"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("${input.DOCKER_TAG} done", "&lt;!channel&gt; a &amp; b &lt;none&gt; done"),
        ("${input.DOCKER_TAG}", "&lt;!channel&gt; a &amp; b &lt;none&gt;"),
        ("<!here> *${input.DOCKER_TAG}* <https://example.com/${executionIndex}|run> & more",
         "<!here> *&lt;!channel&gt; a &amp; b &lt;none&gt;* <https://example.com/7|run> & more"),
        ("$${input.DOCKER_TAG}", "${input.DOCKER_TAG}"),
    ],
)  # fmt: skip
def test_what_is_filled_into_slack_is_text_and_the_authors_markup_stays(
    notifier: Notifier, keys: Keys, web: Web, text: str, escaped: str
) -> None:
    endpoint = ResolvedEndpoint(name="chat", type="slack", secrets={"url": keys[0].seal(web.url)})
    sent = notice("slack", {"text": text}, endpoint).model_copy(update={"inputs": {"DOCKER_TAG": EVIL}})
    assert notifier(sent, 1).success
    assert json.loads(web.bodies[0]) == {"text": escaped}


def posting(kind: str, keys: Keys, web: Web, **properties: Any) -> ResolvedEndpoint:
    return ResolvedEndpoint(name="chat", type=kind, properties=properties, secrets={"url": keys[0].seal(web.url)})


def test_teams_gets_an_adaptive_card(notifier: Notifier, keys: Keys, web: Web) -> None:
    web.code = 202
    report = notifier(notice("teams", {}, posting("teams", keys, web)), 1)
    assert (report.success, report.code, report.target) == (True, 202, "127.0.0.1")
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
    sent = notice("discord", entry, posting("discord", keys, web))
    assert notifier(sent.model_copy(update={"inputs": {"DOCKER_TAG": "@everyone *x* <@1>"}}), 1).success
    body = json.loads(web.bodies[0])
    assert body["content"] == "<@&42> look"
    (embed,) = body["embeds"]
    assert (embed["title"], embed["url"]) == ("Deploy web #7: FAILED", sent.about["executionUrl"])
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
    sent = notice("pagerduty", {}, endpoint).model_copy(update={"event": event})
    sent = sent.model_copy(update={"about": {**sent.about, "project": "shop", "stageName": "", "taskName": ""}})
    report = notifier(sent, 1)
    assert report.success and report.target == "127.0.0.1"
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
    report = notifier(notice(kind, {}, endpoint), 1)
    assert not report.success and "key=1" not in report.model_dump_json()
