"""A session's tokens at its provider, and which claims are missing. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.contracts.times import lifetime_s
from shared.grammar.json_parser import parse_json

MAX_TOKEN = 16 * 1024
"""Characters of an access or refresh token that are kept; a longer one is left out."""
USUAL_S = 300.0
"""How long an access token is taken to be good when the provider does not say."""


class Revoked(Exception):
    """The provider no longer takes a token; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """`refresh` and `access` tokens, empty where there is none; `ends_at` is the access token's end, in seconds since
    the epoch."""

    refresh: str = ""
    access: str = ""
    ends_at: float = 0.0

    @classmethod
    def of(cls, answer: Mapping[str, Any], now: float) -> ProviderTokens:
        """The tokens of a token endpoint's answer."""
        ends_at = now + lifetime_s(answer.get("expires_in"), USUAL_S)
        return cls(_token(answer.get("refresh_token")), _token(answer.get("access_token")), ends_at)

    @classmethod
    def read(cls, text: str) -> ProviderTokens:
        """What `text` wrote."""
        tree = parse_json(text)
        return cls(str(tree["refresh"]), str(tree["access"]), float(tree["endsAt"]))

    def text(self) -> str:
        """To be sealed."""
        return json.dumps({"refresh": self.refresh, "access": self.access, "endsAt": self.ends_at})


def missing(claims: Json, paths: Sequence[str]) -> bool:
    """Whether claims lack one of these paths, as `claim_rules` of config reads them."""
    return any(path not in claims and path.split(".")[0] not in claims for path in paths)


def _token(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_TOKEN else ""
