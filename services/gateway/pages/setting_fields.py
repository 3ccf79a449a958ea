"""The options on the page *Settings* and on *Health*: their titles, and when a change of each counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettingField:
    """One option; `wire` is its name in the API."""

    wire: str
    title: str
    hint: str
    kind: str = "number"
    """`number`, `text` or `event`."""


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Options that belong together, and when a change counts."""

    title: str
    counts: str
    fields: tuple[SettingField, ...]


GROUPS = (
    SettingGroup(
        "Looking at registries",
        "Counts from the next look at each webhook.",
        (
            SettingField("lookEverySeconds", "Look every (seconds)", "For webhooks in the mode look."),
            SettingField(
                "missedEverySeconds",
                "Look for missed pushes every (seconds)",
                "For webhooks with a hook; 0 looks for none.",
            ),
            SettingField(
                "missedPatienceSeconds",
                "Wait for a hook (seconds)",
                "So long after its push was seen at the registry; then the push is recovered.",
            ),
        ),
    ),
    SettingGroup(
        "Days to keep",
        "Counts within the hour. 0 keeps for ever.",
        (
            SettingField("keepDays", "Executions", "With their tasks and outputs."),
            SettingField("keepEventDays", "Events", "Of Activity, Git and Gerrit; blank: as executions."),
            SettingField("keepLogDays", "Logs", "Blank: as executions, and never longer."),
            SettingField("keepDeadLetterDays", "Handled dead letters", "Blank: as executions."),
            SettingField("keepAuditDays", "Audit log", "For ever unless this is set."),
            SettingField("keepRuns", "Last executions of each pipeline", "Kept however old they are."),
        ),
    ),
    SettingGroup(
        "Passwords",
        "Counts for the next password that is set; present ones stay.",
        (SettingField("minPasswordLength", "Least characters", "At least 10. The most common passwords are refused."),),
    ),
    SettingGroup(
        "New notifications",
        "What a notification that is added in the pipeline editor begins with.",
        (
            SettingField("notifyEvent", "Sent when", "", kind="event"),
            SettingField("notifyEndpoint", "Mail endpoint", "By the name that projects give it.", kind="text"),
            SettingField("notifyTo", "Mail goes to", "Addresses, by commas.", kind="text"),
        ),
    ),
)
OPTIONS = tuple(option for group in GROUPS for option in group.fields)
