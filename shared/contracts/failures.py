"""Why a task failed, for programs: what `failureCode` in its output may be, beside the message for people."""

from __future__ import annotations

from enum import StrEnum

FAILURE_CODE = "failureCode"
"""The field of a failed task's output."""


class FailureCode(StrEnum):
    """Failures that something can be offered for."""

    OBJECT_EXISTS = "object-exists"
    """CREATE found an object that it was to make."""
