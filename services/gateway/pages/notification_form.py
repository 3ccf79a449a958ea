"""Notifications of a pipeline as rows of a form, and the pipeline that a filled-in form means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.grammar.checks import EVENTS
from shared.grammar.export import plain_yaml

Form = Mapping[str, str]
KEY = "notifications"
KINDS: dict[str, tuple[str, ...]] = {
    "email": ("to", "subject", "body"),
    "slack": ("text",),
    "teams": ("title", "text"),
    "discord": ("title", "text"),
    "pagerduty": ("summary",),
    "webhook": ("url", "payload"),
}
"""What can be sent, and its fields that the form asks for; others are kept as the text has them."""
_LISTS, _LONG = {"to"}, {"body", "text", "payload"}
_LEVEL = " / "


@dataclass(frozen=True, slots=True)
class NotificationField:
    """One field of a row."""

    name: str
    value: str
    long: bool


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """One notification; `of` is what it is about: blank for the run, a stage, or `stage / task`."""

    position: int
    kind: str
    event: str
    endpoint: str
    of: str
    fields: tuple[NotificationField, ...]


def rows(tree: Json) -> list[NotificationRow]:
    """The notifications in the order of the text."""
    return [
        NotificationRow(
            position,
            kind,
            str(entry.get("event") or "").upper(),
            str(entry.get("endpoint") or ""),
            _LEVEL.join(str(entry[key]) for key in ("stage", "task") if entry.get(key)),
            tuple(NotificationField(name, _shown(entry.get(name)), name in _LONG) for name in KINDS.get(kind, ())),
        )
        for position, (kind, entry) in enumerate(_entries(tree))
    ]


def changed(tree: Json, form: Form) -> Json:
    """With what the form says of each notification; a blank field is left out."""
    entries = [(kind, _read(kind, entry, position, form)) for position, (kind, entry) in enumerate(_entries(tree))]
    return _with(tree, entries)


def added(tree: Json, kind: str, defaults: Json | None = None) -> Json:
    """With one more, which begins with the installation's defaults (`notifyEvent`, `notifyEndpoint`, `notifyTo`)."""
    if kind not in KINDS:
        return tree
    defaults = defaults or {}
    entry: Json = {"event": defaults.get("notifyEvent") or EVENTS[3]}
    if kind == "email":
        addresses = [part.strip() for part in str(defaults.get("notifyTo") or "").split(",") if part.strip()]
        endpoint = defaults.get("notifyEndpoint") or ""
        entry |= ({"endpoint": endpoint} if endpoint else {}) | ({"to": addresses} if addresses else {})
    return _with(tree, [*_entries(tree), (kind, entry)])


def removed(tree: Json, position: int) -> Json:
    """Without one of them."""
    return _with(tree, [entry for place, entry in enumerate(_entries(tree)) if place != position])


def levels(stages: list[Json]) -> list[str]:
    """What a notification can be about besides the whole run."""
    names = []
    for stage in stages:
        tasks = [task["name"] for group in stage["groups"] for task in group]
        names += [stage["name"], *(f"{stage['name']}{_LEVEL}{name}" for name in tasks)]
    return names


def _entries(tree: Json) -> list[tuple[str, Json]]:
    kinds = tree.get(KEY)
    if not isinstance(kinds, dict):
        return []
    return [(str(kind), dict(entry)) for kind, entries in kinds.items() for entry in entries or ()]


def _with(tree: Json, entries: list[tuple[str, Json]]) -> Json:
    kinds: dict[str, list[Json]] = {}
    for kind, entry in entries:
        kinds.setdefault(kind, []).append(entry)
    if kinds:
        return {**tree, KEY: kinds}
    return {key: value for key, value in tree.items() if key != KEY}


def _read(kind: str, entry: Json, position: int, form: Form) -> Json:
    if f"event.{position}" not in form:
        return entry
    stage, _, task = form.get(f"of.{position}", "").partition(_LEVEL)
    values: dict[str, Any] = {"stage": stage, "task": task}
    for name in ("event", "endpoint"):
        values[name] = form.get(f"{name}.{position}", "").strip()
    for name in KINDS.get(kind, ()):
        field_text = form.get(f"{name}.{position}", "").replace("\r\n", "\n").strip()
        # What was not touched stays as the text has it, be it no text.
        values[name] = entry.get(name) if field_text == _shown(entry.get(name)).strip() else _meant(name, field_text)
    return {key: value for key, value in {**entry, **values}.items() if value not in ("", None, [])}


def _meant(name: str, field_text: str) -> str | list[str]:
    return [part for part in field_text.replace(",", " ").split() if part] if name in _LISTS else field_text


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return plain_yaml(value) if isinstance(value, dict) else str(value or "")
