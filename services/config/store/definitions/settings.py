"""Facts about this installation, and the audit log."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from services.config.model.definitions import AuditEntry
from services.config.store.filters import FilterField
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import AuditRow, SettingRow

from .rows import Table

LOCAL_SIGN_IN = "local_sign_in"
AUDIT = Table(
    AuditRow,
    AuditEntry,
    wire={
        "id": FilterField(AuditRow.id, "number"),
        "at": FilterField(AuditRow.at, "instant"),
        "createdAt": FilterField(AuditRow.at, "instant"),
        "_createTimeInMicros": FilterField(AuditRow.at, "instant"),
        "user": FilterField(AuditRow.user),
        "action": FilterField(AuditRow.action),
        "objectKind": FilterField(AuditRow.kind),
        "objectId": FilterField(AuditRow.object_id),
        "project": FilterField(AuditRow.project),
        "name": FilterField(AuditRow.name),
    },
    order="id desc",
)


def record(uow: UnitOfWork, change: AuditEntry) -> None:
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


def local_sign_in(uow: Reading) -> bool:
    """Whether passwords let people in."""
    return setting(uow, LOCAL_SIGN_IN, "on") != "off"


def next_revision(uow: UnitOfWork) -> int:
    """The allowlist's next revision."""
    revision = int(setting(uow, "allowlist_revision", "0")) + 1
    set_setting(uow, "allowlist_revision", str(revision))
    return revision
