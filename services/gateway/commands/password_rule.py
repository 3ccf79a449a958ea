"""The password policy as administrators have set it, for every change of a password."""

from __future__ import annotations

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.secrets import MASK
from shared.contracts.texts import whole_number
from shared.process.password_policy import MIN_LENGTH, demand_good_password


def least_length(context: AppContext, caller: Caller) -> int:
    """How many characters a new password needs. Raises `Refused` while config is away."""
    document = context.config.get(caller, Get(kind=Kind.SETTINGS)).document
    return max(MIN_LENGTH, whole_number(str(document.get("minPasswordLength") or "")) or MIN_LENGTH)


def demand_password(context: AppContext, caller: Caller, body: Json) -> None:
    """Refuse a body whose password is too easy to guess; one without a password is fine."""
    password = body.get("password")
    if isinstance(password, str) and password not in ("", MASK):
        names = (str(body[key]) for key in ("name", "email") if body.get(key))
        demand_good_password(password, *names, least=least_length(context, caller))
