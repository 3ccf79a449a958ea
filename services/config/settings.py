"""What config reads from its environment."""

from __future__ import annotations

from shared.process import settings


class Settings(settings.Settings):
    """Beside the common fields."""

    rpc_threads: int = 8
    """Threads that answer queries and carry out commands."""
    keep_days: float = 90.0
    """Ended executions and their deliveries are forgotten after so many days; 0 keeps them for ever."""
    admin_password: str = ""
    """The first administrator's, read once when there is no user yet; else it stands in `<home>/admin-password`."""
