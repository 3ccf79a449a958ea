"""What each endpoint type takes: one table for checks, forms and the reference page. Pure.

Names are Code Stream's where they are known (jenkins, jira, email, the certificates of k8s); the compatibility page
lists ours. Secret are the properties that `shared.contracts.secrets` names.
"""

from __future__ import annotations

from shared.contracts.base import Json
from shared.contracts.secrets import endpoint_secret_keys

from .docker import DOCKER
from .git import GIT
from .k8s import K8S
from .messengers import DISCORD, EMAIL, PAGERDUTY, SLACK, TEAMS, WEBHOOK
from .properties import EndpointProperty, EndpointType

TYPES: dict[str, EndpointType] = {
    endpoint_type.name: endpoint_type
    for endpoint_type in (DOCKER, K8S, GIT, EMAIL, SLACK, TEAMS, DISCORD, PAGERDUTY, WEBHOOK)
}


def documents() -> list[Json]:
    """The table as the API gives it: enough to draw a form of each type."""
    return [
        {
            "type": endpoint_type.name,
            "title": endpoint_type.title,
            "description": endpoint_type.description,
            "properties": [_document(endpoint_type.name, entry) for entry in endpoint_type.properties],
        }
        for endpoint_type in TYPES.values()
    ]


def _document(type_: str, entry: EndpointProperty) -> Json:
    return {
        "name": entry.name,
        "title": entry.title,
        "kind": entry.kind,
        "secret": entry.name in endpoint_secret_keys(type_),
        "required": entry.required,
        "default": entry.default,
        "choices": [{"value": value, "title": title} for value, title in entry.choices],
        "help": entry.help,
        "when": {name: list(values) for name, values in entry.when.items()},
    }


def page() -> str:
    """The reference page of endpoint types, as Markdown."""
    lines = [
        "# Endpoint types",
        "",
        "What an endpoint of each type takes in `properties`. Secrets are sealed on arrival and shown as `*****`;",
        "any value may be a reference such as `${var.password}`. `GET /codestream/api/endpoint-types` gives this",
        "table. Generated: `make documents`.",
    ]
    for endpoint_type in TYPES.values():
        lines += ["", f"## {endpoint_type.name}: {endpoint_type.title}", "", endpoint_type.description, ""]
        lines += ["| property | title | takes | when |", "|---|---|---|---|"]
        lines += [_row(endpoint_type.name, entry) for entry in endpoint_type.properties]
    return "\n".join(lines) + "\n"


def _row(type_: str, entry: EndpointProperty) -> str:
    takes = ", ".join(f"`{value}` ({title})" for value, title in entry.choices) or entry.kind
    takes = "secret " + takes if entry.name in endpoint_secret_keys(type_) else takes
    takes += ", required" if entry.required else ""
    takes += f"; default `{entry.default}`" if entry.default is not None else ""
    when = " and ".join(f"`{name}` is {' or '.join(values)}" for name, values in entry.when.items())
    help_ = f". {entry.help}" if entry.help else ""
    return f"| `{entry.name}` | {entry.title} | {takes}{help_} | {when} |"
