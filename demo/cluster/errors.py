"""What the API server answers when it refuses: `Status` objects with a code, a reason and details."""

from __future__ import annotations

from typing import Any

from .kinds import KindRow

Obj = dict[str, Any]


class ApiError(Exception):
    """A refusal on its way to the client."""

    def __init__(self, code: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        if details:
            self.status["details"] = details


def _details(row: KindRow, name: str) -> Obj:
    return {"name": name, "group": row.group, "kind": row.plural} if row.group else {"name": name, "kind": row.plural}


def not_found(row: KindRow, name: str) -> ApiError:
    """404 for an object that is not there."""
    return ApiError(404, "NotFound", f'{row.resource} "{name}" not found', _details(row, name))


def no_such_path() -> ApiError:
    """404 for an address that names no resource."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(row: KindRow, name: str) -> ApiError:
    """409 for a create of what is there."""
    return ApiError(409, "AlreadyExists", f'{row.resource} "{name}" already exists', _details(row, name))


def conflict(row: KindRow, name: str, why: str) -> ApiError:
    """409 for a write that builds on an older version."""
    message = f'Operation cannot be fulfilled on {row.resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(row, name))


def modified(row: KindRow, name: str) -> ApiError:
    """409 for a stale resourceVersion."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(row, name, why)


def apply_conflict(conflicts: list[tuple[str, str]]) -> ApiError:
    """409 of server-side apply: pairs of (owner, field)."""
    count = len(conflicts)
    head = f"Apply failed with {count} conflict{'s' if count != 1 else ''}: "
    if count == 1:
        body = f"conflict with {conflicts[0][0]}: {conflicts[0][1]}"
    else:
        by_owner: dict[str, list[str]] = {}
        for owner, field in conflicts:
            by_owner.setdefault(owner, []).append(field)
        body = "\n".join(
            f"conflicts with {owner}:\n" + "\n".join(f"- {field}" for field in fields)
            for owner, fields in by_owner.items()
        )
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": field}
        for owner, field in conflicts
    ]
    return ApiError(409, "Conflict", head + body, {"causes": causes})


def invalid(row: KindRow, name: str, causes: list[tuple[str, str]]) -> ApiError:
    """422 with one cause per wrong field: pairs of (field, message)."""
    texts = [f"{field}: {message}" for field, message in causes]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = _details(row, name)
    details["kind"] = row.kind
    details["causes"] = [
        {"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in causes
    ]
    kind = f"{row.kind}.{row.group}" if row.group else row.kind
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> ApiError:
    """400 for what cannot be understood."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401 for a missing or unknown bearer token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(row: KindRow, name: str, user: str, verb: str, namespace: str) -> ApiError:
    """403 by the rules set through the admin calls."""
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    subject = f'{row.resource} "{name}" is forbidden' if name else f"{row.resource} is forbidden"
    message = f'{subject}: User "{user}" cannot {verb} resource "{row.plural}" in API group "{row.group}"{where}'
    return ApiError(403, "Forbidden", message, _details(row, name))
