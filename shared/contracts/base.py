"""What every message has in common: frozen, tolerant of unknown fields, plain JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""A JSON object whose shape another document defines."""


class Message(BaseModel):
    """A value that travels between two processes."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64")


class Sealed(Message):
    """A secret that only the holder of the private key named `key_id` can open (PyNaCl `SealedBox`, base64)."""

    key_id: str
    box: str
    ends_at: float | None = Field(default=None, exclude_if=lambda ends_at: ends_at is None)
    """When it ends, in seconds since the epoch, where it is a token that says so; nothing else is known of it."""
