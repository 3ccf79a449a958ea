"""What config counts: pushes from reception to live, runs, and the four DORA figures.

Counted after the commit, by `UnitOfWork.observe`: what a failed transaction decided never happened.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.process.metrics import DAYS_S, FAST_S, SLOW_S

ACTIVE = Gauge("portside_config_active", "1 in the config process that works, 0 in a standby.")
DELIVERIES = Counter("portside_deliveries", "Pushes judged, by verdict.", ["project", "verdict"])
VERDICT = Histogram("portside_delivery_verdict_seconds", "From the reception of a push to its verdict.", buckets=SLOW_S)
FIRST_TASK = Histogram(
    "portside_push_first_task_seconds",
    "From the reception of a push to the start of its run's first task.",
    buckets=SLOW_S,
)
LIVE = Histogram(
    "portside_push_live_seconds",
    "From the reception of a push to its roll-out in a cluster, for each task that rolled out.",
    ["project", "pipeline"],
    buckets=SLOW_S,
)
RUN_QUEUE = Histogram(
    "portside_run_queue_seconds", "From the request of a run to its first take by a runner.", buckets=SLOW_S
)
RUNS = Gauge(
    "cicd_pipeline_run_active",
    "Runs that have not ended: pending (wait for a slot, a runner, a person or a time) or executing.",
    ["project", "cicd_pipeline_name", "cicd_pipeline_run_state"],
)
RUN_DURATION = Histogram(
    "cicd_pipeline_run_duration_seconds",
    "From the start of a run to its end; cicd_pipeline_result is success, failure or cancellation.",
    ["project", "cicd_pipeline_name", "cicd_pipeline_run_state", "cicd_pipeline_result"],
    buckets=SLOW_S,
)
LEASES_EXPIRED = Counter("portside_lease_expired", "Runs taken from a runner that fell silent.")
APPROVALS = Gauge("portside_approvals_waiting", "User operations that wait for an answer.")
OUTBOX = Gauge("portside_outbox_waiting", "Messages promised by a commit and not yet confirmed by the broker.")
DEAD_LETTERS = Gauge("portside_dead_letters", "Messages set aside, neither requeued nor discarded.", ["queue"])
MIRROR = Gauge("portside_mirror_webhooks", "Webhooks by the state of their hook at the registry.", ["state"])
COMMIT = Histogram(
    "portside_commit_seconds", "A write transaction, from its first statement to durable.", buckets=FAST_S
)
WRITER_WAIT = Histogram(
    "portside_writer_wait_seconds",
    "From asking for the writer to having it, by kind of work.",
    ["work"],
    buckets=FAST_S,
)
WRITER_HELD = Histogram(
    "portside_writer_held_seconds",
    "A transaction, from having the writer to its end, by kind of work.",
    ["work"],
    buckets=FAST_S,
)
PRUNED = Counter("portside_prune_rows", "Rows forgotten by age, by kind.", ["kind"])
DATABASE_BYTES = Gauge("portside_db_bytes", "Size of the database.")
DEPLOYMENTS = Counter(
    "portside_deployments",
    "DORA: ended runs of pipelines that roll out, by endpoint; result is completed or failed.",
    ["project", "pipeline", "environment", "result"],
)
LEAD_TIME = Histogram(
    "portside_lead_time_seconds",
    "DORA: from a push to the end of the run that made it live.",
    ["project", "pipeline", "environment"],
    buckets=SLOW_S,
)
RESTORE = Histogram(
    "portside_restore_seconds",
    "DORA: from the first failed run in a row to the next completed one.",
    ["project", "pipeline", "environment"],
    buckets=DAYS_S,
)
