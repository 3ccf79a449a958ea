"""The options on the page *Settings* and on *Health*: their titles, and when a change of each counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .words import words


@dataclass(frozen=True, slots=True)
class SettingField:
    """One option; `wire` is its name in the API."""

    wire: str
    title: str
    hint: str
    kind: str = "number"
    """`number`, `text` or `event`."""
    picks: str = ""
    """What a picker beside it finds, such as `people and groups`."""
    zero: str = ""
    """What 0 means."""
    blank: str = "none"
    """What it means to be blank."""


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Options that belong together, and when a change counts."""

    title: str
    counts: str
    fields: tuple[SettingField, ...]


_AS_EXECUTIONS = {"zero": "for ever", "blank": "as executions"}
GROUPS = (
    SettingGroup(
        "Polling registries",
        "A change counts from the next poll of each webhook.",
        (
            SettingField("lookEverySeconds", "Poll every (seconds)", "For webhooks that poll for pushes."),
            SettingField(
                "missedEverySeconds",
                "Check for missed pushes every (seconds)",
                "For webhooks with a hook. 0 never checks.",
                zero="never",
            ),
            SettingField(
                "missedPatienceSeconds",
                "Wait for a hook (seconds)",
                "A push seen at the registry is recovered when its hook has not come by then.",
            ),
        ),
    ),
    SettingGroup(
        "Days to keep",
        "A change counts within the hour. 0 keeps for ever.",
        (
            SettingField("keepDays", "Executions", "With their tasks and outputs.", zero="for ever"),
            SettingField(
                "keepEventDays", "Events", "Of Activity, Git and Gerrit. Blank: as executions.", **_AS_EXECUTIONS
            ),
            SettingField("keepLogDays", "Logs", "Blank: as executions, and never longer.", **_AS_EXECUTIONS),
            SettingField("keepDeadLetterDays", "Handled dead letters", "Blank: as executions.", **_AS_EXECUTIONS),
            SettingField("keepAuditDays", "Audit log", "For ever unless this is set.", zero="for ever"),
            SettingField("keepRuns", "Newest executions of each pipeline", "How many are kept, however old."),
        ),
    ),
    SettingGroup(
        "Passwords",
        "A change counts for the next password. Present ones stay valid.",
        (
            SettingField(
                "minPasswordLength", "Minimum length", "At least 10 characters. The most common passwords are refused."
            ),
        ),
    ),
    SettingGroup(
        "New notifications",
        "The defaults of a notification that is added in the pipeline editor.",
        (
            SettingField("notifyEvent", "Sent when", "", kind="event"),
            SettingField("notifyEndpoint", "Mail endpoint", "By the name that projects give it.", kind="text"),
            SettingField(
                "notifyTo",
                "Mail goes to",
                "Addresses, people or groups, by commas.",
                kind="text",
                picks="people and groups",
            ),
        ),
    ),
)
OPTIONS = tuple(option for group in GROUPS for option in group.fields)


def shown(option: SettingField, value: object) -> str:
    """The value of an option as people say it."""
    if value in (None, ""):
        return option.blank
    if value == 0 and option.zero:
        return option.zero
    return words(value, "notice event") if option.kind == "event" else str(value)
