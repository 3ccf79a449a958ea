"""What API and pages are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.bus import BrokerState
from shared.process.secrets import Sealer

from .config_client import ConfigClient
from .event_streams import EventStreams
from .health_board import HealthBoard
from .origins import Origins
from .public_address import PublicAddress
from .roles import Roles
from .sessions import Sessions
from .settings import GatewaySettings
from .sign_ins import SignIns
from .sign_on import SignOn

EXTENSION = "portside"
"""Where the Flask application keeps its context."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """What every handler and every view may use."""

    settings: GatewaySettings
    config: ConfigClient
    public_address: PublicAddress
    sessions: Sessions
    origins: Origins
    sign_ins: SignIns
    sign_on: SignOn
    sealer: Sealer
    streams: EventStreams
    roles: Roles
    health: HealthBoard
    look_at_broker: Callable[[], BrokerState]
    recent_looks: Callable[[], tuple[BrokerState, ...]]
    """The last two looks, taken in the background; none while there are fewer."""
