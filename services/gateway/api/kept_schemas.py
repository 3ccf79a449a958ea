"""The objects of Git, Gerrit, custom integrations and answers to several questions, as JSON Schema."""

from __future__ import annotations

from shared.contracts.base import Json

from .schemas import definition, listed, record

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
COUNT: Json = {"type": "integer"}
MAP: Json = {"type": "object"}
TEXTS: Json = {"type": "array", "items": TEXT}
MAPS: Json = {"type": "array", "items": MAP}

_WARNINGS: Json = {**listed("Warning"), "readOnly": True}
_FILTERS: Json = {**MAPS, "description": "Files: `type` is PLAIN or REGEX, `value` the name or pattern."}
_EVENT: dict[str, Json] = {
    "owner": TEXT,
    "pipeline": TEXT,
    "subject": TEXT,
    "message": TEXT,
    "executionIndex": COUNT,
    "executionLink": TEXT,
    "executionStatus": TEXT,
    "_warnings": _WARNINGS,
}

KEPT_SCHEMAS: dict[str, Json] = {
    "ServiceRequest": record(requestType={**TEXT, "description": "CLONE"}, name=TEXT, description=TEXT),
    "GitWebhook": definition(
        endpoint=TEXT,
        pipeline=TEXT,
        serverType=TEXT,
        repoName=TEXT,
        branchName=TEXT,
        eventCategory={**TEXT, "description": "PUSH or PULL_REQUEST."},
        inclusions=_FILTERS,
        exclusions=_FILTERS,
        prioritizeExclusion=FLAG,
        delayTimeInMins=COUNT,
        insecureSsl=FLAG,
        serverWebhookId=TEXT,
        input=MAP,
        secretToken=TEXT,
        refreshToken=TEXT,
        externalListenerLink={**TEXT, "readOnly": True},
        hookUrl={**TEXT, "readOnly": True, "description": "Where its Git server announces pushes."},
        _warnings=_WARNINGS,
    ),
    "GitEvent": definition(
        **_EVENT,
        commitId=TEXT,
        targetBranch=TEXT,
        repo=TEXT,
        httpUrl=TEXT,
        serverURL=TEXT,
        serverWebhookId=TEXT,
        timeStampInMicros=COUNT,
    ),
    "GerritListener": definition(
        endpoint=TEXT, apiToken=TEXT, connected=FLAG, reason=TEXT, expiresAt=TEXT, _warnings=_WARNINGS
    ),
    "GerritTrigger": definition(
        listener=TEXT,
        gerritProject=TEXT,
        branch=TEXT,
        enabled=FLAG,
        configurations={**MAPS, "description": "Which event means which pipeline."},
        inclusions=_FILTERS,
        exclusions=_FILTERS,
        prioritizeExclusion=FLAG,
        _warnings=_WARNINGS,
    ),
    "GerritEvent": definition(
        **_EVENT,
        trigger=TEXT,
        listener=TEXT,
        gerritProject=TEXT,
        branch=TEXT,
        changeNumber=COUNT,
        patchSetNumber=COUNT,
        properties=MAP,
        type=TEXT,
        triggerType=TEXT,
        createdOn=COUNT,
    ),
    "GerritManualTrigger": record("changeId", "project", "trigger", changeId=TEXT, project=TEXT, trigger=TEXT),
    "GerritManualAnswer": record(message=TEXT, pipelinesTriggered=TEXTS, events=TEXTS),
    "CustomIntegration": definition(
        yaml={**TEXT, "description": "runtime, code, inputProperties and outputProperties."},
        status={**TEXT, "readOnly": True, "description": "DRAFT, RELEASED, DEPRECATED or WITHDRAWN."},
        changeLog=TEXT,
        parentId={**TEXT, "readOnly": True},
        sourceVersion={**TEXT, "readOnly": True},
    ),
    "IntegrationVersion": record("version", version=TEXT, description=TEXT, changeLog=TEXT),
    "IntegrationPatch": record("setLatest", setLatest=FLAG),
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
    "BatchUserOperation": record("ids", "status", ids=TEXTS, status=TEXT, responseMessage=TEXT),
    "BatchUserOperationResult": record(
        success=COUNT, failure=COUNT, errors={**MAPS, "description": "`id` and `error` of each that was refused."}
    ),
}
KEPT_REQUIRED: dict[str, tuple[str, ...]] = {
    "GitWebhook": ("name",),
    "GerritListener": ("name", "endpoint", "apiToken"),
    "GerritTrigger": ("name", "branch", "gerritProject", "listener"),
    "CustomIntegration": ("name", "yaml"),
}
