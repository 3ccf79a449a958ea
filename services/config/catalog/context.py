"""What the catalog needs to know about the process it lives in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.config.settings import Settings
from shared.contracts.base import Sealed
from shared.process.ids import new_id
from shared.process.secrets import new_token, token_hash

from .options import Options

__all__ = ["Context", "new_id", "new_token", "token_hash"]


@dataclass(frozen=True, slots=True)
class Context:
    """`seal` closes a text with the public key; `options` are what the environment fixes and the page changes."""

    seal: Callable[[str], Sealed]
    options: Options = field(default_factory=lambda: Options(Settings()))
