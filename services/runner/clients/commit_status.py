"""A status at a commit, as Git hosts show it beside the commit: GitHub's and GitLab's own API.

Sources: docs.github.com/rest/commits/statuses (`state`, `description` of at most 140 characters, `context`) and
docs.gitlab.com/api/commits (`POST projects/:id/statuses/:sha`; the same status again is refused with 400).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.outbound.http import HttpClient, OutboundError, RequestLimits
from shared.process.addresses import parts_of

from .http import access_of

CONTEXT = "portside"
MAX_DESCRIPTION = 140
_LIMITS = RequestLimits(overall_s=20.0, read_s=10.0, body_bytes=256 * 1024)


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What a commit is to show."""

    commit: str
    ok: bool
    description: str
    page_url: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    url: str
    headers: Mapping[str, str]
    body: Json


def post(client: HttpClient, endpoint: OpenEndpoint, status: CommitStatus) -> str:
    """Post the status where the endpoint's server has an API for it; answers in words what became of it."""
    build = _CALLS.get(endpoint.text("serverType").upper())
    if build is None:
        return "Only GitHub and GitLab show a status at a commit: what became of it is shown in Portside alone."
    url = (endpoint.text("repoURL") or endpoint.text("url")).strip()
    token = endpoint.text("token") or endpoint.text("password")
    parts = parts_of(url) if "://" in url else None
    if parts is None or parts.scheme not in ("http", "https") or not token:
        return (
            f"Endpoint {endpoint.name} signs in without an access token, by which alone a status can be posted at a "
            "commit: what became of it is shown in Portside alone."
        )
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    repository = parts.path.strip("/").removesuffix(".git")
    call = build(server, repository, token, status)
    headers = {"Content-Type": "application/json", "Accept": "application/json", **call.headers}
    try:
        reply = client.request(
            "POST", call.url, headers=headers, body=json.dumps(call.body).encode(), limits=_LIMITS,
            access=access_of(endpoint), redirects=0,
        )  # fmt: skip
    except OutboundError as error:
        return f"The status could not be posted at the commit: {error.message}"
    if reply.status < 300:
        return f"Posted at the commit: {'success' if status.ok else 'failure'}."
    advice = " Its access token needs the right to set commit statuses." if reply.status in (401, 403, 404) else ""
    return f"The status could not be posted at the commit: {call.url} answered {reply.status}.{advice}"


def _github(server: str, repository: str, token: str, status: CommitStatus) -> _Call:
    base = "https://api.github.com" if parts_of(server).hostname == "github.com" else f"{server}/api/v3"
    return _Call(
        f"{base}/repos/{quote(repository)}/statuses/{status.commit}",
        {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"},
        {"state": "success" if status.ok else "failure", "context": CONTEXT, **_described(status)},
    )


def _gitlab(server: str, repository: str, token: str, status: CommitStatus) -> _Call:
    return _Call(
        f"{server}/api/v4/projects/{quote(repository, safe='')}/statuses/{status.commit}",
        {"PRIVATE-TOKEN": token},
        {"state": "success" if status.ok else "failed", "name": CONTEXT, **_described(status)},
    )


def _described(status: CommitStatus) -> Json:
    text = status.description
    description = text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"
    return {"description": description, **({"target_url": status.page_url} if status.page_url else {})}


_CALLS: dict[str, Callable[[str, str, str, CommitStatus], _Call]] = {
    "GITHUB": _github,
    "GITHUB_ENTERPRISE": _github,
    "GITLAB": _gitlab,
    "GITLAB_ENTERPRISE": _gitlab,
}
