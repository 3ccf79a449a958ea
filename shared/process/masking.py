"""Removing secret values from what people will see, in whatever encoding they turn up."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from shared.contracts.secrets import MASK

SHORTEST = 4
"""Shorter values are masked only as whole words: cutting them out of running text would shred it."""
_SHORTEST_LINE = 12
_SHORTEST_CORE = 8
MAX_OPENED = 1024
_LONGEST = 64 * 1024
_COMMON = frozenset({"true", "false", "null", "none"})


class Masker:
    """Knows the secret values in play and hides them: raw, base64, hex, URL-, JSON- and HTML-encoded."""

    def __init__(self, values: Iterable[str]) -> None:
        secrets = {value for value in values if value}
        self._alone = secrets | {value.strip() for value in secrets} - {""}
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        self._pattern = (
            re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))) if forms else None
        )

    def text(self, text: str) -> str:
        """The text with every secret replaced by the mask."""
        if text in self._alone:
            return MASK
        return self._pattern.sub(MASK, text) if self._pattern else text

    def mask(self, value: Any) -> Any:
        """The same for a text or any JSON value; keys are masked too."""
        if not self._alone:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self.mask(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.mask(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = str(value)
            return value if self.text(text) == text else MASK
        return value


class OpenedSecrets:
    """The secrets that this process has opened or was handed, of which no log line may hold one. For any thread.

    The newest MAX_OPENED are known: a process opens what it uses again and again.
    """

    def __init__(self) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def remember(self, secret: str) -> None:
        """Hide this from now on. A word that any line may hold, and what is too long for a line, is left out."""
        if not SHORTEST <= len(secret) <= _LONGEST or secret in _COMMON:
            return
        with self._lock:
            forms = self._forms.pop(secret, None) or tuple(
                sorted({form for form in _forms(secret) if len(form) >= SHORTEST}, key=len, reverse=True)
            )
            self._forms[secret] = forms
            if len(self._forms) > MAX_OPENED:
                del self._forms[next(iter(self._forms))]

    def hide(self, text: str) -> str:
        """The text with the mask in place of each of them, in whatever encoding."""
        with self._lock:
            opened = list(self._forms.values())
        for form in (form for forms in opened for form in forms):
            # Looking for a text is much faster than an expression with thousands of alternatives.
            if form in text:
                text = text.replace(form, MASK)
        return text


opened_secrets = OpenedSecrets()
"""Of this process."""


def _forms(secret: str) -> Iterable[str]:
    lines = [line.strip() for line in secret.splitlines()]
    parts = {secret, secret.strip(), *(line for line in lines if len(line) >= _SHORTEST_LINE)}
    for part in parts:
        raw = part.encode()
        yield part
        yield from (quote(part, safe=""), quote(part), quote_plus(part), quote(part, safe="").lower())
        yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        # JSON within JSON, as in an annotation that holds the last applied manifest.
        yield json.dumps(json.dumps(part)[1:-1])[1:-1]
        yield from (html.escape(part), html.escape(part, quote=False))
        yield from (raw.hex(), raw.hex().upper())
        for encoded in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
            yield encoded
            yield encoded.rstrip("=")
        yield from _base64_cores(raw)


def _base64_cores(raw: bytes) -> Iterable[str]:
    """The characters that stay the same wherever the secret is within a longer text that was encoded.

    `user:password` in a Basic header is the usual case.
    """
    for before in (0, 1, 2):
        padded = bytes(before) + raw
        first = -(-before * 8 // 6)
        last = len(padded) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            core = encode(padded).decode()[first:last]
            if len(core) >= _SHORTEST_CORE:
                yield core
