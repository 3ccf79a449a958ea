"""Tables of custom integrations: code that tasks of type Custom run, with its versions."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base
from .catalog import InProjectColumns


class IntegrationRow(InProjectColumns, Base):
    """A custom integration as its author edits it: the draft."""

    __tablename__ = "custom_integrations"
    __table_args__ = (UniqueConstraint("project", "name"), Index(None, "name"))

    yaml: Mapped[str]
    source_version: Mapped[str]
    """The version whose content the draft was restored from."""


class IntegrationVersionRow(InProjectColumns, Base):
    """A version of a custom integration: its content never changes, its status does."""

    __tablename__ = "custom_integration_versions"
    __table_args__ = (UniqueConstraint("integration_id", "label"), Index(None, "project", "name"))

    integration_id: Mapped[str] = mapped_column(ForeignKey("custom_integrations.id", ondelete="CASCADE"))
    label: Mapped[str]
    """What its author calls the version."""
    status: Mapped[str] = mapped_column(index=True)
    yaml: Mapped[str]
    change_log: Mapped[str]
    latest: Mapped[bool]
    """Marked as the one to take where a task names no version."""
