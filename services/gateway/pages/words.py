"""Values of the wire in words for people, each table once. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

NOTICE_EVENTS = {
    "STARTED": "it starts",
    "WAITING": "it waits for an answer",
    "SUCCESS": "it completes",
    "FAILURE": "it fails",
    "CANCELED": "it is canceled",
}
"""When a notification is sent."""
RUN_SOURCES = {"manual": "by hand", "nested": "by a task of another run", "rollback": "a rollback"}
"""What started a run; others say it in words already."""
ARRIVALS = {
    "hook": "by the registry's hook",
    "spool": "by the hook, kept while the broker was away",
    "look": "by polling the registry",
    "test": "as a test",
    "manual": "by hand",
}
"""How a push became known."""
AUDIT_ACTIONS = {
    "approve": "approved",
    "create": "created",
    "delete": "deleted",
    "deny": "denied",
    "discard": "discarded",
    "end-others": "ended all others",
    "export": "exported",
    "follow": "follows a repository",
    "unfollow": "no longer follows a repository",
    "import": "imported",
    "notice": "noticed",
    "password": "set the password",
    "patch": "changed",
    "replace": "changed",
    "replace-elsewhere": "replaced hooks elsewhere",
    "requeue": "requeued",
    "restore": "restored",
    "rotate": "rotated the token",
    "sign-in": "signed in",
    "sign-out": "signed out",
}
_TABLES: Mapping[str, Mapping[str, str]] = {
    "notice event": NOTICE_EVENTS,
    "run source": RUN_SOURCES,
    "arrival": ARRIVALS,
    "audit action": AUDIT_ACTIONS,
    "kind": {"DOCKER_WEBHOOK": "webhook", "PIPELINE": "pipeline"},
}
_CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def words(value: object, of: str) -> str:
    """A value of one of the tables in words; of another a constant in small letters, `GIT_WEBHOOK` as `git webhook`."""
    text = str(value or "")
    known = _TABLES[of].get(text)
    if known is not None:
        return known
    return text.replace("_", " ").lower() if _CONSTANT.fullmatch(text) else text
