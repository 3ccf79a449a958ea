"""Where the world reaches this gateway, as links and examples name it."""

from __future__ import annotations

from services.gateway.app_context import AppContext
from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import Caller


def public_address(context: AppContext, caller: Caller) -> str:
    """The address in force, which administrators may have changed since this process read its environment."""
    document = context.config.get(caller, Get(kind=Kind.SETTINGS)).document
    return str(document.get("publicUrl") or context.settings.first_address)
