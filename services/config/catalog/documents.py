"""Wire documents: the fields that every definition shares, in the spelling of the API. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from services.config.model.definitions import InProject, Stamped
from shared.contracts.base import Json
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.times import micros, wire_time
from shared.grammar.names import did_you_mean, nearest

LINK_BASE = "/codestream/api"
ORGANISATION = "portside"
"""There is one; clients of Code Stream expect its id."""
MAX_NAME = 255


def stamps(created_at: float, updated_at: float, created_by: str, updated_by: str) -> Json:
    """When and by whom, in both generations' spellings."""
    return {
        "createdAt": wire_time(created_at),
        "updatedAt": wire_time(updated_at),
        "createdBy": created_by,
        "updatedBy": updated_by,
        "_createTimeInMicros": micros(created_at),
        "_updateTimeInMicros": micros(updated_at),
        "_createdBy": created_by,
        "_updatedBy": updated_by,
    }


def link(collection: str, object_id: str) -> str:
    """The partial URL of an object."""
    return f"{LINK_BASE}/{collection}/{object_id}"


def common(value: Stamped, *, kind: str, collection: str, project_id: str = "") -> Json:
    """The fields that every definition has, before its own."""
    document: Json = {}
    if isinstance(value, InProject):
        document["project"] = value.project
    document |= {
        "kind": kind,
        "id": value.id,
        "name": value.name,
        "description": value.description,
        "version": str(value.version),
        "tags": list(value.tags),
        "_link": link(collection, value.id),
        **stamps(value.created_at, value.updated_at, value.created_by, value.updated_by),
    }
    if isinstance(value, InProject):
        document["_projectId"] = project_id
    return document


READ_ONLY = frozenset(
    {
        "id",
        "kind",
        "version",
        "createdAt",
        "updatedAt",
        "createdBy",
        "updatedBy",
        "_link",
        "_createTimeInMicros",
        "_updateTimeInMicros",
        "_createdBy",
        "_updatedBy",
        "_projectId",
        "_warnings",
        "_source",
    }
)
"""What clients send back with an object that they read; ignored on the way in."""


def text(body: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text field; null and absent are the default."""
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        raise refuse(Code.INVALID, f"{key} must be text, not {_kind_of(value)}", subject=key)
    return value


def flag(body: Mapping[str, Any], key: str, default: bool) -> bool:
    """A yes or no; clients write them as text too."""
    value = body.get(key)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in ("true", "false"):
        raise refuse(Code.INVALID, f"{key} must be true or false, not {word!r}", subject=key)
    return word == "true"


def table(body: Mapping[str, Any], key: str) -> Json:
    """A map of fields; null and absent are empty."""
    value = body.get(key)
    if value is None or value == "" or value == []:
        return {}
    if not isinstance(value, dict):
        raise refuse(Code.INVALID, f"{key} must be an object, not {_kind_of(value)}", subject=key)
    return value


def texts(body: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts; a single text is a list of one."""
    value = body.get(key)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise refuse(Code.INVALID, f"{key} must be a list of texts", subject=key)
    return list(value)


def name_of(body: Mapping[str, Any], noun: str, default: str = "") -> str:
    """The name, which is required and can stand in a path and a reference."""
    name = text(body, "name", default).strip()
    if not name:
        raise refuse(Code.INVALID, f"the {noun} has no name: name is required", subject="name")
    if len(name) > MAX_NAME or any(ord(char) < 32 for char in name):
        raise refuse(
            Code.INVALID, f"the name of the {noun} must be one line of at most {MAX_NAME} characters", subject="name"
        )
    return name


def demand_known(
    body: Mapping[str, Any],
    noun: str,
    known: Collection[str],
    stored: Mapping[str, Any],
    computed: Collection[str] = (),
) -> None:
    """Refuse a field that would be ignored: a misspelt one, or one that cannot be changed here.

    What is `stored` may be sent back as it is; what is `computed` also as it was when the client read it. Code Stream's
    own clients send fields that Portside does not keep: bodies that they know are not judged by this rule.
    """
    for key, value in body.items():
        if key in known or key in computed or key in READ_ONLY or (key in stored and stored[key] == value):
            continue
        meant = did_you_mean(nearest(key[:MAX_NAME], known, cutoff=0.7))
        raise refuse(
            Code.INVALID,
            f"{_with_article(noun)} has no field {key[:50]!r} that can be set here{f'; {meant}' if meant else ''}",
            subject=key[:50],
            next_step=f"Use these: {', '.join(sorted(known))}.",
        )


def _with_article(noun: str) -> str:
    """`a schedule`, `an API token`."""
    return f"{'an' if noun[0] in 'aeioAEIO' else 'a'} {noun}"


def name_taken(sentence: str, subject: str) -> Refused:
    """The refusal of a name that another object has."""
    next_step = "Choose another name, or change the one that is there."
    return refuse(Code.CONFLICT, sentence, subject=subject, next_step=next_step)


def _kind_of(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "text", bool: "true or false"}.get(type(value), "a number")
