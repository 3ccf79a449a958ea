"""What config reads from its environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.process import settings


class Settings(settings.CommonSettings):
    """Beside the common fields."""

    lease_s: float = Field(default=20.0, ge=5.0)
    """Seconds without a sign of life after which a runner's executions go to another. Longer than a broker's failover,
    which is noticed after 11 s and over within 5 s more; a runner that is killed is replaced that much later."""
    rpc_threads: int = 8
    """Threads that answer queries and carry out commands."""
    keep_days: float = 90.0
    """Days that ended executions are kept; 0 keeps them for ever. Events, logs and dead letters are kept as long unless
    their own setting says otherwise."""
    keep_event_days: float | None = Field(default=None, ge=0)
    """The same for the events of *Activity* and of Git and Gerrit."""
    keep_log_days: float | None = Field(default=None, ge=0)
    """The same for what tasks printed; never longer than their execution."""
    keep_dead_letter_days: float | None = Field(default=None, ge=0)
    """The same for dead letters that were requeued or discarded. Those that wait for a person are kept."""
    keep_audit_days: float = Field(default=0.0, ge=0)
    """The same for the audit trail, which is kept for ever unless this is set."""
    keep_runs: int = Field(default=10, ge=0)
    """The last executions of each pipeline, which are kept however old they are."""
    look_every_s: float = 60.0
    """Seconds between looks at the registry of a webhook in the mode `look`."""
    missed_every_s: float = 300.0
    """Seconds between looks for pushes whose hook never came; 0 looks for none. Less costs calls at Docker Hub, which
    allows some hundred a minute."""
    missed_patience_s: float = 120.0
    """Seconds that a hook may take after its push was seen at the registry; then the push is recovered."""
    min_password_length: int = Field(default=10, ge=10, le=128)
    """Characters that a new password has at least."""
    notify_event: Literal["STARTED", "WAITING", "SUCCESS", "FAILURE", "CANCELED"] = "FAILURE"
    """What a notification that is added in the pipeline editor is sent for, until somebody changes it there."""
    notify_endpoint: str = ""
    """The endpoint by which it is sent, likewise."""
    notify_to: str = ""
    """Addresses, by commas, to which it is mailed, likewise."""
    admin_password: str = ""
    """The first administrator's, read once when there is no user yet, and refused then where it is easy to guess.
    Unset, `<home>/admin-password` holds it."""
