"""Every schema by its name."""

from __future__ import annotations

from shared.contracts.base import Json

from . import accounts, endpoints, executions, general, installation, pipelines, projects, triggers

SCHEMAS: dict[str, Json] = {
    **general.SCHEMAS,
    **pipelines.SCHEMAS,
    **executions.SCHEMAS,
    **endpoints.SCHEMAS,
    **triggers.SCHEMAS,
    **projects.SCHEMAS,
    **accounts.SCHEMAS,
    **installation.SCHEMAS,
}
REQUIRED: dict[str, tuple[str, ...]] = {
    **pipelines.REQUIRED,
    **endpoints.REQUIRED,
    **triggers.REQUIRED,
    **projects.REQUIRED,
    **accounts.REQUIRED,
}
"""What an object must have when it is made. A change may leave anything out."""
