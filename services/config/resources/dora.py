"""The four DORA figures of each pipeline that rolls out, from the runs that the ledger has. Pure.

As https://dora.dev/guides/dora-metrics-four-keys/ defines them: deployment frequency, lead time for changes, change
failure rate, time to restore. A deployment is a completed run that nothing nests, a failed change a failed one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from statistics import fmean, median

from services.config.catalog.documents import link
from services.config.store.figures import EndedRun
from shared.contracts.base import Json
from shared.contracts.history import Status

DAY_S = 86_400.0


def documents(runs: Iterable[EndedRun], environments: Mapping[str, Sequence[str]], days: int) -> tuple[Json, ...]:
    """What the API shows of each pipeline; `runs` by pipeline and then by their end, `environments` by pipeline id."""
    return tuple(
        _document(tuple(of_pipeline), environments.get(pipeline_id, ()), days)
        for pipeline_id, of_pipeline in groupby(runs, key=lambda run: run.pipeline_id)
    )


def _document(runs: Sequence[EndedRun], environments: Sequence[str], days: int) -> Json:
    completed = [run for run in runs if run.status is Status.COMPLETED]
    lead_times = [run.ended_at - run.order_at for run in completed if run.is_push]
    restored = restore_times(runs)
    return {
        "project": runs[0].project,
        "pipeline": runs[0].pipeline,
        "pipelineLink": link("pipelines", runs[0].pipeline_id),
        "environments": sorted(environments),
        "days": days,
        "deployments": len(completed),
        "deploymentsPerDay": round(len(completed) / days, 3),
        "leadTimeSeconds": round(median(lead_times), 3) if lead_times else None,
        "failedChanges": len(runs) - len(completed),
        "changeFailureRate": round(1 - len(completed) / len(runs), 3),
        "timeToRestoreSeconds": round(fmean(restored), 3) if restored else None,
    }


def restore_times(runs: Iterable[EndedRun]) -> list[float]:
    """Seconds from each first failed run in a row to the completed one that ended the row."""
    times: list[float] = []
    failed_at: float | None = None
    for run in runs:
        if run.status is Status.FAILED:
            failed_at = run.ended_at if failed_at is None else failed_at
        elif failed_at is not None:
            times.append(run.ended_at - failed_at)
            failed_at = None
    return times
