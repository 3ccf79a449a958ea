"""Endpoints, and what can be learned through one: certificates, tags, repositories, workloads."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import FLAG, MAP, MAPS, TEXT, TEXTS, definition, record

SCHEMAS: dict[str, Json] = {
    "Endpoint": definition(
        type={
            "type": "string",
            "examples": ["docker", "k8s", "git", "email", "slack", "teams", "discord", "pagerduty", "webhook"],
        },
        properties={**MAP, "description": "By type: see docs/reference/endpoints.md, or GET /endpoint-types."},
        isRestricted=FLAG,
    ),
    "EndpointTypes": record(("types",), types=MAPS),
    "Validation": record(("ok", "message"), ok=FLAG, status=TEXT, message=TEXT, nextStep=TEXT, code=TEXT, details=MAP),
    "Certificates": record(
        ("certificates",),
        trusted={**FLAG, "description": "By the system's authorities: nothing is to be accepted."},
        reason=TEXT,
        fingerprint=TEXT,
        certificates={**MAPS, "description": "The server's own first."},
    ),
    "Kubeconfig": record(
        ("kubeconfig",),
        kubeconfig={**TEXT, "description": "The file's text; it is not kept."},
        files={**MAP, "description": "Contents of the files that it names, by the names that it uses."},
    ),
    "KubeconfigContexts": record(("contexts",), contexts=MAPS),
    "Tags": record(("repository", "tags"), repository=TEXT, order=TEXT, tags=MAPS),
    "Repositories": record(("namespace", "repositories"), namespace=TEXT, repositories=TEXTS),
    "Workloads": record(("namespace", "workloads"), namespace=TEXT, workloads=MAPS),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "Endpoint": ("name", "type", "properties"),
}
