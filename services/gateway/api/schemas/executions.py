"""Executions, the approvals that they wait for, and the deployments that they leave."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import COUNT, FLAG, MAP, MAPS, TEXT, TEXTS, WHEN, by_name, definition, record

SCHEMAS: dict[str, Json] = {
    "ExecutionRequest": record(comments=TEXT, input=MAP, tags=TEXTS, source=TEXT),
    "ExecutionResponse": record(
        ("executionId", "executionLink"), executionId=TEXT, executionIndex=COUNT, executionLink=TEXT
    ),
    "ExecutionAction": record(
        reason=TEXT,
        tags=TEXTS,
        input={**MAP, "description": "For `rerun`: inputs that differ from the run's."},
        comments=TEXT,
        **{
            "from": {
                **TEXT,
                "description": "For `rerun`: `failed`, a stage, or `Stage.Task`; what came before is kept.",
            }
        },
    ),
    "TaskExecution": record(
        id={**TEXT, "description": "`<execution>~<stage>.<task>`, both from 0."},
        name=TEXT,
        type=TEXT,
        status=TEXT,
        statusMessage=TEXT,
        input=MAP,
        output=MAP,
        _startTime=WHEN,
        _endTime=WHEN,
        _durationInMicros=COUNT,
    ),
    "StageExecution": record(
        id=TEXT,
        name=TEXT,
        status=TEXT,
        statusMessage=TEXT,
        taskOrder=TEXTS,
        tasks=by_name("TaskExecution"),
        _startTime=WHEN,
        _endTime=WHEN,
        _durationInMicros=COUNT,
    ),
    "Execution": definition(
        name={**TEXT, "description": "The pipeline's name."},
        index=COUNT,
        status={**TEXT, "description": "COMPLETED, FAILED or CANCELED once it is over."},
        statusMessage=TEXT,
        comments=TEXT,
        input=MAP,
        output=MAP,
        starred=MAP,
        stageOrder=TEXTS,
        stages=by_name("StageExecution"),
        notifications=MAPS,
        workspaceResults=MAPS,
        _executedBy=TEXT,
        _pipelineLink=TEXT,
        _durationInMicros=COUNT,
        _requestTimeInMicros=COUNT,
        _nested=FLAG,
        _rollback=FLAG,
        _rerunOf={**TEXT, "description": "The run that this one repeats."},
        _queuePosition={
            **COUNT,
            "description": "1 for the next of those that wait for a place; 0 for one that does not.",
        },
    ),
    "Logs": record(
        ("count", "lines"),
        count=COUNT,
        totalCount=COUNT,
        lines={
            "type": "array",
            "items": record(stage=TEXT, task=TEXT, **{"try": COUNT}, firstLine=COUNT, lines=TEXTS, at=COUNT),
            "description": "Chunks, in order; `at` in microseconds since the epoch.",
        },
    ),
    "Deployment": definition(
        name={**TEXT, "description": "The workload's."},
        endpoint={**TEXT, "description": "The cluster's endpoint."},
        apiVersion=TEXT,
        workloadKind=TEXT,
        namespace=TEXT,
        images=TEXTS,
        newest={**FLAG, "description": "Whether this should run now."},
        pipeline=TEXT,
        pipelineId=TEXT,
        executionId=TEXT,
        executionIndex=COUNT,
        executionLink=TEXT,
    ),
    "Dora": record(
        ("count", "totalCount", "pipelines"),
        count=COUNT,
        totalCount=COUNT,
        pipelines={
            "type": "array",
            "items": record(
                ("project", "pipeline", "days", "deployments", "failedChanges", "changeFailureRate"),
                project=TEXT,
                pipeline=TEXT,
                pipelineLink=TEXT,
                environments={**TEXTS, "description": "Endpoints that it rolled out to."},
                days=COUNT,
                deployments={**COUNT, "description": "Completed runs."},
                deploymentsPerDay={"type": "number"},
                leadTimeSeconds={"type": ["number", "null"], "description": "Median, from push to the end of its run."},
                failedChanges={**COUNT, "description": "Failed runs."},
                changeFailureRate={"type": "number", "description": "Failed runs over all that ended, 0 to 1."},
                timeToRestoreSeconds={
                    "type": ["number", "null"],
                    "description": "Mean, from the first failed run in a row to the next completed one.",
                },
            ),
        },
    ),
    "DeploymentNow": record(
        ("state", "images", "ready", "message"),
        state={"enum": ["same", "differs", "gone"], "description": "Beside what the newest deployment left."},
        images=TEXTS,
        ready=FLAG,
        message=TEXT,
    ),
    "UserOperation": definition(
        status=TEXT,
        summary=TEXT,
        executionId=TEXT,
        executionLink=TEXT,
        responseMessage=TEXT,
    ),
    "UserOperationResponse": record(("status",), status=TEXT, responseMessage=TEXT),
    "UserOperationResource": record(
        id=TEXT,
        name=TEXT,
        status={**TEXT, "description": "ACTIVE, APPROVED, REJECTED, EXPIRED or CANCELED."},
        summary=TEXT,
        executionId=TEXT,
        createdAt={**TEXT, "format": "date-time"},
        updatedAt={**TEXT, "format": "date-time"},
        respondedBy=TEXT,
        responseMessage=TEXT,
    ),
    "BatchUserOperation": record(("ids", "status"), ids=TEXTS, status=TEXT, responseMessage=TEXT),
    "BatchUserOperationResult": record(
        success=COUNT, failure=COUNT, errors={**MAPS, "description": "`id` and `error` of each that was refused."}
    ),
}
