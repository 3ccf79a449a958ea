"""Settings that administrators change while Portside runs: kept in the database unless the environment says them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.config.settings import Settings
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings
from shared.contracts.base import Json
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import finite, whole_number
from shared.grammar.checks import EVENTS

from .documents import text

_KEY = "option."
_YEARS = 36_500
_DAY_S = 86_400
MOST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Option:
    """One of them; `wire` is its name in the API, `field` that of `Settings`, whose capitals the environment uses."""

    wire: str
    field: str
    least: float = 0
    most: float = 0
    whole: bool = True
    off: bool = False
    """0 is allowed too, whatever the least."""
    blank: bool = False
    """It may be left blank."""
    choices: tuple[str, ...] = ()
    is_text: bool = False


OPTIONS = (
    Option("lookEverySeconds", "look_every_s", 5, _DAY_S, whole=False),
    Option("missedEverySeconds", "missed_every_s", 30, _DAY_S, whole=False, off=True),
    Option("missedPatienceSeconds", "missed_patience_s", 5, _DAY_S, whole=False),
    Option("keepDays", "keep_days", 0, _YEARS, whole=False),
    Option("keepEventDays", "keep_event_days", 0, _YEARS, whole=False, blank=True),
    Option("keepLogDays", "keep_log_days", 0, _YEARS, whole=False, blank=True),
    Option("keepDeadLetterDays", "keep_dead_letter_days", 0, _YEARS, whole=False, blank=True),
    Option("keepAuditDays", "keep_audit_days", 0, _YEARS, whole=False),
    Option("keepRuns", "keep_runs", 0, 100_000),
    Option("minPasswordLength", "min_password_length", 10, 128),
    Option("notifyEvent", "notify_event", is_text=True, choices=EVENTS),
    Option("notifyEndpoint", "notify_endpoint", is_text=True, blank=True),
    Option("notifyTo", "notify_to", is_text=True, blank=True),
)
WIRES = frozenset(option.wire for option in OPTIONS)


class Options:
    """What is in force of them, given what the environment says."""

    def __init__(self, environment: Settings) -> None:
        self._environment = environment

    @property
    def public_url(self) -> str:
        """The public address that the environment says; blank where it says none or this machine's own, which
        `make up` and Compose fill in: then the page may change it."""
        address = self._environment.public_url
        return "" if address == self.local_url else address

    @property
    def local_url(self) -> str:
        """The public address until somebody says another."""
        return self._environment.local_url

    def in_force(self, uow: Reading) -> Settings:
        """The settings as they count now."""
        stored = settings.settings(uow)
        changed = {
            option.field: _read(option, stored[_KEY + option.field])
            for option in OPTIONS
            if _KEY + option.field in stored and not self._is_fixed(option)
        }
        return self._environment.model_copy(update=changed)

    def document(self, uow: Reading) -> Json:
        """What is in force by the API's names, and `fromEnvironment`: the variable of each that cannot be changed."""
        in_force = self.in_force(uow)
        values: Json = {option.wire: _shown(getattr(in_force, option.field)) for option in OPTIONS}
        fixed = {option.wire: option.field.upper() for option in OPTIONS if self._is_fixed(option)}
        if self.public_url:
            fixed["publicUrl"] = "PUBLIC_URL"
        return {**values, "fromEnvironment": fixed}

    def change(self, uow: UnitOfWork, body: Mapping[str, Any]) -> None:
        """Keep what a body says of them. Raises `Refused` for what cannot be."""
        for option in OPTIONS:
            if option.wire not in body:
                continue
            value_text = _checked(option, text(body, option.wire).strip())
            if self._is_fixed(option):
                if _read(option, value_text) == getattr(self._environment, option.field):
                    continue
                raise refuse(
                    Code.CONFLICT,
                    f"{option.wire} comes from the environment ({option.field.upper()}) and cannot be changed here",
                    subject=option.wire,
                    next_step=f"Change {option.field.upper()} and restart config, or remove it there.",
                )
            settings.set_setting(uow, _KEY + option.field, value_text)

    def _is_fixed(self, option: Option) -> bool:
        return option.field in self._environment.model_fields_set


def _checked(option: Option, value_text: str) -> str:
    """The text that is kept. Raises `Refused`."""
    if option.blank and not value_text:
        return ""
    if option.choices:
        if value_text.upper() not in option.choices:
            raise _not_a_value(option, f"one of {', '.join(option.choices)}", value_text)
        return value_text.upper()
    if option.is_text:
        if len(value_text) > MOST_TEXT or not value_text.isprintable():
            raise _not_a_value(option, f"one line of at most {MOST_TEXT:,} characters", value_text)
        return value_text
    value = _number(option, value_text)
    if value is None or not (option.least <= value <= option.most or (option.off and value == 0)):
        noun = "a whole number" if option.whole else "a number"
        off = "0, or " if option.off else ""
        raise _not_a_value(option, f"{off}{noun} from {option.least:g} to {option.most:,.0f}", value_text)
    return value_text


def _not_a_value(option: Option, expected: str, value_text: str) -> Exception:
    return refuse(Code.INVALID, f"{option.wire} must be {expected}, not {value_text[:100]!r}", subject=option.wire)


def _number(option: Option, value_text: str) -> float | None:
    if option.whole:
        return whole_number(value_text)
    return finite(value_text)


def _read(option: Option, value_text: str) -> Any:
    """The value that a kept text means."""
    if option.is_text:
        return value_text
    return _number(option, value_text) if value_text else None


def _shown(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
