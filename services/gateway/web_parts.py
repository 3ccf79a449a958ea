"""What API and pages are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import BrokerState
from shared.process.secrets import Sealer

from .desk import Desk
from .live import Live
from .roles import Roles
from .sessions import Sessions
from .settings import GatewaySettings
from .wellbeing import Wellbeing


@dataclass(frozen=True, slots=True)
class WebParts:
    """Handed to every handler."""

    settings: GatewaySettings
    desk: Desk
    sessions: Sessions
    sealer: Sealer
    live: Live
    roles: Roles
    wellbeing: Wellbeing
    look_at_broker: Callable[[], BrokerState]
