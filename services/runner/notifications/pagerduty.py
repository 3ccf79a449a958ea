"""Notices to PagerDuty: an alert is triggered by what goes wrong, and resolved by the next run that goes well.

Events API v2: https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

from urllib.parse import urljoin

from shared.contracts.base import Json
from shared.contracts.texts import one_line

from .letters import FilledNotice, NotSent, Sent, cut, host_of, judged, posted

US_URL = "https://events.pagerduty.com"
_PATH = "/v2/enqueue"
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")
_BY_EVENT = {
    "FAILURE": ("trigger", "error"),
    "CANCELED": ("trigger", "warning"),
    "WAITING": ("trigger", "info"),
    "SUCCESS": ("resolve", "info"),
}
_SUMMARY_CHARS, _KEY_CHARS = 1024, 255


def send(letter: FilledNotice) -> Sent:
    """One event. The same event again is the same alert: its key names the pipeline, and not the run."""
    endpoint = letter.need_endpoint()
    key = endpoint.text("routingKey")
    if not key:
        raise NotSent(
            f"Endpoint {endpoint.name} has no routingKey: give it the integration key of a PagerDuty service."
        )
    url = urljoin(endpoint.text("url", US_URL), _PATH)
    return judged(posted(letter, url, {"routing_key": key, **_event(letter)}), host_of(url))


def _event(letter: FilledNotice) -> Json:
    usual_action, usual_severity = _BY_EVENT.get(letter.notice.event, ("trigger", "info"))
    action = _one_of(letter, "eventAction", _ACTIONS, usual_action)
    event: Json = {
        "event_action": action,
        "dedup_key": cut(letter.text("dedupKey") or _usual_key(letter), _KEY_CHARS),
        "client": "Portside",
    }
    if url := letter.fact("executionUrl"):
        event |= {"client_url": url, "links": [{"href": url, "text": "Open the run"}]}
    if action == "trigger":
        event["payload"] = {
            "summary": cut(one_line(letter.text("summary")) or "Portside", _SUMMARY_CHARS),
            "source": letter.text("source") or f"portside/{letter.fact('project')}",
            "severity": _one_of(letter, "severity", _SEVERITIES, usual_severity),
            "component": letter.text("component") or letter.fact("name"),
            "custom_details": letter.entry.get("details") or _details(letter),
        }
    return event


def _usual_key(letter: FilledNotice) -> str:
    place = (letter.fact("project"), letter.fact("name"), letter.fact("stageName"), letter.fact("taskName"))
    return "/".join(("portside", *(part for part in place if part)))


def _details(letter: FilledNotice) -> Json:
    names = ("status", "statusMessage", "stageName", "taskName", "requestBy", "executionIndex", "comments")
    return {name: letter.notice.about[name] for name in names if letter.notice.about.get(name)}


def _one_of(letter: FilledNotice, key: str, words: tuple[str, ...], usual: str) -> str:
    value = letter.text(key).strip().lower() or usual
    if value not in words:
        raise NotSent(f"`{key}` must be one of {', '.join(words)}, not {value}.")
    return value
