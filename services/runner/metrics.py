"""What a runner counts."""

from __future__ import annotations

from prometheus_client import Gauge, Histogram

from shared.process.metrics import SLOW_S

SLOTS = Gauge("portside_runner_slots", "Slots for runs: busy or free.", ["state"])
TASK_DURATION = Histogram(
    "portside_task_duration_seconds",
    "From the start of a task's try to its end, by task type and result (completed, failed, canceled, skipped).",
    ["type", "result"],
    buckets=SLOW_S,
)
