"""Facts about this installation, and the audit log."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from services.config.model.definitions import Change
from services.config.store.filters import Field
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import AuditRow, SettingRow

from .rows import Table

AUDIT = Table(
    AuditRow,
    Change,
    wire={
        "id": Field(AuditRow.id, "number"),
        "at": Field(AuditRow.at, "instant"),
        "createdAt": Field(AuditRow.at, "instant"),
        "_createTimeInMicros": Field(AuditRow.at, "instant"),
        "user": Field(AuditRow.user),
        "action": Field(AuditRow.action),
        "objectKind": Field(AuditRow.kind),
        "objectId": Field(AuditRow.object_id),
        "project": Field(AuditRow.project),
        "name": Field(AuditRow.name),
    },
    order="id desc",
)


def record(uow: UnitOfWork, change: Change) -> None:
    """Write a line of the audit log."""
    row = {
        "at": change.at,
        "user": change.user,
        "action": change.action,
        "kind": change.kind,
        "object_id": change.object_id,
        "project": change.project,
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }
    uow.session.execute(insert(AuditRow), row)


def setting(uow: Reading, key: str, default: str = "") -> str:
    """One fact."""
    value: str | None = uow.connection.scalar(_SETTING, {"wanted": key})
    return default if value is None else value


_SETTING = select(SettingRow.value).where(SettingRow.key == bindparam("wanted"))


def settings(uow: Reading) -> dict[str, str]:
    """All facts."""
    return {row.key: row.value for row in uow.session.execute(select(SettingRow.key, SettingRow.value))}


def set_setting(uow: UnitOfWork, key: str, value: str) -> None:
    """Write one fact."""
    uow.session.execute(delete(SettingRow).where(SettingRow.key == key))
    uow.session.execute(insert(SettingRow), {"key": key, "value": value})


def next_revision(uow: UnitOfWork) -> int:
    """The allowlist's next revision."""
    revision = int(setting(uow, "allowlist_revision", "0")) + 1
    set_setting(uow, "allowlist_revision", str(revision))
    return revision
