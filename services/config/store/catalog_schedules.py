"""Schedules."""

from __future__ import annotations

from services.config.catalog.objects import Schedule
from services.config.tables.catalog import ScheduleRow

from .catalog_rows import Table, project_fields
from .filters import Field

SCHEDULES = Table(
    ScheduleRow,
    Schedule,
    wire={
        **project_fields(ScheduleRow),
        "pipeline": Field(ScheduleRow.pipeline),
        "enabled": Field(ScheduleRow.enabled, "boolean"),
    },
)
