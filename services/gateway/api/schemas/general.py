"""What every call shares: objects of any shape, errors, lists."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import COUNT, MAP, TEXT, TEXTS, listed, record

SCHEMAS: dict[str, Json] = {
    "Object": record(),
    "Text": TEXT,
    "Yaml": {"description": "YAML documents, parted by ---, each with its kind."},
    "Flaw": record(("message",), message=TEXT, path=TEXT, line=COUNT, column=COUNT, hint=TEXT),
    "Error": record(
        ("timestamp", "path", "status", "error", "message", "requestId", "code"),
        timestamp={**COUNT, "description": "Milliseconds since the epoch."},
        path=TEXT,
        status={"type": ["integer", "string"], "description": "Text, such as 401 UNAUTHORIZED, in answers to sign-in."},
        statusCode=COUNT,
        error=TEXT,
        message={**TEXT, "description": "What failed, on what, and why."},
        serverMessage=TEXT,
        requestId=TEXT,
        code={**TEXT, "description": "A stable word."},
        subject=TEXT,
        nextStep={**TEXT, "description": "What to do next."},
        documentation={**TEXT, "description": "The address of the chapter about it, where there is one."},
        flaws=listed("Flaw"),
        details=MAP,
    ),
    "List": record(
        ("count", "totalCount", "links", "documents"),
        count={**COUNT, "description": "Items in this answer."},
        totalCount={**COUNT, "description": "Items over all pages; exact up to 10,000."},
        links=TEXTS,
        documents={**MAP, "description": "The items by their link."},
    ),
}
