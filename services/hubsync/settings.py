"""hubsync's own settings beside the common ones."""

from __future__ import annotations

from typing import Literal

from shared.process.settings import OutgoingSettings


class HubsyncSettings(OutgoingSettings):
    """From the environment, as all settings."""

    hub_auth_scheme: Literal["Bearer", "JWT"] = "Bearer"
    """How a token is written in the Authorization header; `JWT` is what Docker Hub's own pages once sent."""
    hub_connect_timeout_s: float = 5.0
    """Seconds that a connection to Docker Hub may take."""
    hub_read_timeout_s: float = 20.0
    """Seconds that may pass between two pieces of Docker Hub's answer; a whole answer has three times as long."""
