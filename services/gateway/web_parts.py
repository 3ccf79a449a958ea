"""What API and pages are built from."""

from __future__ import annotations

from dataclasses import dataclass

from shared.process.secrets import Sealer

from .desk import Desk
from .live import Live
from .sessions import Sessions
from .settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class WebParts:
    """Handed to every handler."""

    settings: GatewaySettings
    desk: Desk
    sessions: Sessions
    sealer: Sealer
    live: Live
