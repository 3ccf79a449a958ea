"""What API and pages are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import BrokerState
from shared.process.secrets import Sealer

from .config_client import ConfigClient
from .event_streams import EventStreams
from .health_board import HealthBoard
from .roles import Roles
from .sessions import Sessions
from .settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class AppContext:
    """Handed to every handler."""

    settings: GatewaySettings
    desk: ConfigClient
    sessions: Sessions
    sealer: Sealer
    live: EventStreams
    roles: Roles
    wellbeing: HealthBoard
    look_at_broker: Callable[[], BrokerState]
