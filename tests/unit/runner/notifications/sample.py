"""A notice of a run that failed, which each channel sends in its own form."""

from __future__ import annotations

from typing import Any

from shared.contracts.notices import Notice
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer

Keys = tuple[Sealer, Opener]


def notice(kind: str, entry: dict[str, Any], endpoint: ResolvedEndpoint | None = None, **more: Any) -> Notice:
    about = {
        "name": "Deploy web",
        "executionIndex": 7,
        "status": "FAILED",
        "statusMessage": "Deploy.Apply: no disk",
        "executionUrl": "https://portside.example.com/executions/e1",
        "startTime": "2026-11-23T09:00:00Z",
        "endTime": "2026-11-23T09:00:42Z",
        "duration": 42,
    }
    named = {"endpoint": endpoint.name} if endpoint is not None else {}
    return Notice(
        notice_id="n-1",
        execution_id="e1",
        kind=kind,
        event="FAILURE",
        entry={"event": "FAILURE", **named, **entry},
        endpoint=endpoint,
        about=about,
        inputs={"DOCKER_TAG": "1.4.1"},
        **more,
    )
