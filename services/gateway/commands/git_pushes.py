"""What a Git server announces, in one form for GitHub, GitLab, Bitbucket and Gitea. Pure.

Field names: docs.github.com/webhooks, docs.gitlab.com/user/project/integrations/webhook_events, and
support.atlassian.com/bitbucket-cloud/docs/event-payloads. Every field of a payload may be missing or of another type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.gateway.receiver.trimming import clean_text
from shared.contracts.base import Json
from shared.contracts.texts import whole_number

MAX_TEXT = 500
MAX_FILES = 1_000
PUSH, PULL_REQUEST = "PUSH", "PULL_REQUEST"
_FIELDS: dict[str, tuple[str, ...]] = {
    "commitId": (
        "after", "checkout_sha", "push.changes.0.new.target.hash", "pull_request.head.sha",
        "object_attributes.last_commit.id", "pullrequest.source.commit.hash",
    ),
    "targetBranch": (
        "ref", "push.changes.0.new.name", "pull_request.base.ref", "object_attributes.target_branch",
        "pullrequest.destination.branch.name",
    ),
    "subject": (
        "head_commit.message", "commits.0.message", "push.changes.0.new.target.message", "pull_request.title",
        "object_attributes.title", "pullrequest.title",
    ),
    "owner": (
        "pusher.name", "user_username", "user_name", "user.username", "sender.login", "actor.display_name",
        "actor.nickname",
    ),
    "repo": ("repository.full_name", "project.path_with_namespace", "repository.name"),
    "httpUrl": ("repository.html_url", "project.web_url", "repository.links.html.href"),
}  # fmt: skip
"""Where each field is, in the order in which the places are tried."""


def read_git_push(body: Any) -> Json | None:
    """The announcement, or None when the body announces neither a push nor a pull request, such as a ping."""
    category = _category(body)
    if category is None:
        return None
    push = {name: _first(body, paths) for name, paths in _FIELDS.items()}
    return {
        **push,
        "targetBranch": push["targetBranch"].removeprefix("refs/heads/"),
        "subject": push["subject"].partition("\n")[0],
        "serverURL": _server(push["httpUrl"]),
        "eventCategory": category,
        "files": list(_files(body)),
    }


def _category(body: Any) -> str | None:
    if not isinstance(body, dict):
        return None
    if any(isinstance(body.get(key), dict) for key in ("pull_request", "pullrequest")):
        return PULL_REQUEST
    if body.get("object_kind") == "merge_request":
        return PULL_REQUEST
    return PUSH if "ref" in body or isinstance(body.get("push"), dict) else None


def _files(body: Json) -> Iterator[str]:
    """The files of all commits, each once."""
    names: dict[str, None] = {}
    for commit in _list(body.get("commits")):
        for key in ("added", "modified", "removed"):
            for name in _list(commit.get(key) if isinstance(commit, dict) else None):
                if isinstance(name, str) and len(names) < MAX_FILES:
                    names[clean_text(name, MAX_TEXT)] = None
    return iter(names)


def _list(value: Any) -> list[Any]:
    return value[:MAX_FILES] if isinstance(value, list) else []


def _first(body: Any, paths: tuple[str, ...]) -> str:
    return next((text for path in paths if (text := _at(body, path))), "")


def _at(body: Any, path: str) -> str:
    value = body
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and (index := whole_number(step)) is not None and index < len(value):
            value = value[index]
        else:
            return ""
    return clean_text(value, MAX_TEXT) if isinstance(value, str) else ""


def _server(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0]}" if separator else ""
