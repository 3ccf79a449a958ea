"""Notices to chats: Slack, Microsoft Teams, Discord."""

from __future__ import annotations

from typing import Any

from shared.contracts.base import Json

from .letters import FilledNotice, Sent, cut, host_of, judged, posted

_CARD_CHARS = 10_000
"""Teams takes messages of 28 KB."""
_TITLE_CHARS, _EMBED_CHARS, _CONTENT_CHARS = 256, 4096, 2000
"""Discord's limits."""
_COLOURS = {"SUCCESS": ("Good", 0x2E7D32), "FAILURE": ("Attention", 0xC62828), "WAITING": ("Warning", 0xF9A825)}
"""By event: a card's name of the colour, and an embed's number."""
_PLAIN = ("Default", 0x546E7A)


def slack(letter: FilledNotice) -> Sent:
    """An incoming webhook of Slack, or of a server that speaks like it."""
    endpoint = letter.need_endpoint()
    url = endpoint.text("url") or endpoint.text("webhookUrl")
    channel = letter.text("channel") or endpoint.text("channel")
    body = {"text": letter.text("text") or letter.text("message"), **({"channel": channel} if channel else {})}
    return judged(posted(letter, url, body), f"{host_of(url)} {channel}".strip())


def teams(letter: FilledNotice) -> Sent:
    """A workflow of Microsoft Teams ("Send webhook alerts to a channel"), which posts the Adaptive Card that it gets.

    https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
    """
    url = letter.need_endpoint().text("url")
    card = letter.own_payload() or _card(letter)
    return judged(posted(letter, url, card if "attachments" in card else _with_card(card)), host_of(url))


def _with_card(card: Json) -> Json:
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _card(letter: FilledNotice) -> Json:
    colour, _ = _COLOURS.get(letter.notice.event, _PLAIN)
    title = {"type": "TextBlock", "text": letter.text("title"), "weight": "Bolder", "size": "Medium", "color": colour}
    text = {"type": "TextBlock", "text": cut(letter.text("text"), _CARD_CHARS)}
    blocks = [{**block, "wrap": True} for block in (title, text) if block["text"]]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    if url := letter.fact("executionUrl"):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the run", "url": url}]
    return card


def discord(letter: FilledNotice) -> Sent:
    """A webhook of a Discord channel: an embed, with the author's `content` before it where there is one.

    https://discord.com/developers/docs/resources/webhook#execute-webhook
    """
    url = letter.need_endpoint().text("url")
    return judged(posted(letter, url, letter.own_payload() or _embedded(letter)), host_of(url))


def _embedded(letter: FilledNotice) -> Json:
    _, colour = _COLOURS.get(letter.notice.event, _PLAIN)
    embed = {
        "title": cut(letter.text("title"), _TITLE_CHARS),
        "description": cut(letter.text("text"), _EMBED_CHARS),
        "url": letter.fact("executionUrl"),
    }
    body: Json = {"embeds": [{**{key: value for key, value in embed.items() if value}, "color": colour}]}
    if content := letter.text("content"):
        body["content"] = cut(content, _CONTENT_CHARS)
    return body
