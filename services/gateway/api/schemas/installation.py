"""The installation itself: settings, notices, health, audit, queues."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import COUNT, FLAG, KNOWN_COUNT, KNOWN_RATE, MAP, MAPS, NUMBER, TEXT, TEXTS, WHEN, listed, record

SCHEMAS: dict[str, Json] = {
    "About": record(
        ("latestApiVersion", "supportedApis"),
        latestApiVersion=TEXT,
        supportedApis=MAPS,
        _version={**TEXT, "description": "The release of Portside."},
    ),
    "Settings": record(
        installation=TEXT,
        publicUrl=TEXT,
        localSignIn={**FLAG, "description": "Whether passwords let people in."},
        **dict.fromkeys(
            (
                *("lookEverySeconds", "missedEverySeconds", "missedPatienceSeconds", "keepDays", "keepAuditDays"),
                *("keepRuns", "minPasswordLength"),
            ),
            NUMBER,
        ),
        **{key: {"type": ["number", "null"]} for key in ("keepEventDays", "keepLogDays", "keepDeadLetterDays")},
        **dict.fromkeys(("notifyEvent", "notifyEndpoint", "notifyTo"), TEXT),
        fromEnvironment={
            **MAP,
            "description": "What the environment says and nobody changes here, with its variable.",
        },
        hooks={**COUNT, "description": "Hooks that move when the public address changes."},
        hookUrl={**TEXT, "description": "What hooks call, with a place for the token."},
        administrators=TEXTS,
        notices={**TEXTS, "description": "What administrators should know now, such as an API token that ends soon."},
    ),
    "Notices": record(
        ("count", "notices"),
        count=COUNT,
        notices=listed("Notice"),
    ),
    "Notice": record(
        ("about", "message", "page"),
        kind=TEXT,
        about={**TEXT, "description": "What kind of thing it is about, such as `certificate`, `secret` or `process`."},
        message=TEXT,
        nextStep={**TEXT, "description": "What to do; blank where the message says it."},
        page={**TEXT, "description": "The page on which to act."},
        until={**TEXT, "description": "When something ends, as other times are printed; blank where nothing does."},
    ),
    "Health": record(("status",), status=TEXT, config=TEXT),
    "AuditEntry": record(
        ("id", "at", "user", "action", "objectKind"),
        id=TEXT,
        at=TEXT,
        user=TEXT,
        action=TEXT,
        objectKind=TEXT,
        objectId=TEXT,
        project={"type": ["string", "null"]},
        name=TEXT,
        before={"type": ["object", "null"], "description": "The object before, without secrets."},
        after={"type": ["object", "null"]},
    ),
    "Queues": record(
        ("queues", "deadLetters"),
        queues=listed("Queue"),
        deadLetters={**COUNT, "description": "How many are kept."},
        oldestDeadLetterInMicros=WHEN,
        brokerVersion=TEXT,
        missing={**TEXT, "description": "What could not be learned from the broker, and what would change that."},
    ),
    "Queue": record(
        ("name",),
        name=TEXT,
        note={**TEXT, "description": "What it is for."},
        ready=KNOWN_COUNT,
        unacknowledged=KNOWN_COUNT,
        consumers=KNOWN_COUNT,
        publishedPerSecond=KNOWN_RATE,
        deliveredPerSecond=KNOWN_RATE,
        depths={"type": "array", "items": COUNT, "description": "Messages over the last five minutes, oldest first."},
    ),
    "DeadLetter": record(
        id=TEXT,
        queue=TEXT,
        reason=TEXT,
        type=TEXT,
        subject=TEXT,
        state=TEXT,
        handledBy=TEXT,
        handledAt=TEXT,
        body=TEXT,
    ),
}
