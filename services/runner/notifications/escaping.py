"""How values are written into what an author wrote, by the language of the text: a value never becomes markup. Pure.

What the author wrote stays as it is: their links, mentions and tags work, and a tag called `<!channel>` is that text.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote

_DISCORD = re.compile(r"([\\*_~`|>#\[\]()<-])")
_CARD = re.compile(r"([\\*_`\[\]()])")
_DOTS = {".": "%2E", "..": "%2E%2E"}


def slack(_before: str, value: str) -> str:
    """Slack's mrkdwn has three characters of its own (https://docs.slack.dev/messaging/formatting-message-text)."""
    return html.escape(value, quote=False)


def in_html(_before: str, value: str) -> str:
    """Text or an attribute's value within HTML."""
    return html.escape(value)


def discord(_before: str, value: str) -> str:
    """Discord's Markdown, and `@everyone`, which no backslash takes the meaning from."""
    return _DISCORD.sub(r"\\\1", value).replace("@", "@\N{ZERO WIDTH SPACE}")


def card(_before: str, value: str) -> str:
    """The Markdown of a text block of an Adaptive Card."""
    return _CARD.sub(r"\\\1", value)


def url(before: str, value: str) -> str:
    """A part of an address, by where in it the value is; one that the address begins with is the address itself."""
    if not before:
        return value
    rest = before.partition("://")[2] or before
    if "?" in rest or "#" in rest:
        return quote(value, safe="")
    if "/" not in rest:
        return quote(value, safe=":[]")
    return "/".join(_DOTS.get(part, quote(part, safe="")) for part in value.split("/"))
