"""Schedules."""

from __future__ import annotations

from services.config.model.definitions import Schedule
from services.config.store.filters import FilterField
from services.config.tables.catalog import ScheduleRow

from .rows import Table, project_fields

SCHEDULES = Table(
    ScheduleRow,
    Schedule,
    wire={
        **project_fields(ScheduleRow),
        "pipeline": FilterField(ScheduleRow.pipeline),
        "enabled": FilterField(ScheduleRow.enabled, "boolean"),
    },
)
