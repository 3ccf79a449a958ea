"""The objects of the API, as JSON Schema. Objects take further fields: a client may send back all that it read."""

from __future__ import annotations

from shared.contracts.base import Json

_TEXT: Json = {"type": "string"}
_FLAG: Json = {"type": "boolean"}
_COUNT: Json = {"type": "integer"}
_MAP: Json = {"type": "object"}
_WHEN: Json = {"type": ["integer", "null"], "description": "Microseconds since the epoch."}
_TEXTS: Json = {"type": "array", "items": _TEXT}
_MAPS: Json = {"type": "array", "items": _MAP}
_READ_ONLY: Json = {**_TEXT, "readOnly": True}


def ref(name: str) -> Json:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str) -> Json:
    """A list of such objects."""
    return {"type": "array", "items": ref(name)}


def by_name(name: str) -> Json:
    """A map to such objects."""
    return {"type": "object", "additionalProperties": ref(name)}


def _object(required: tuple[str, ...] = (), /, **fields: Json) -> Json:
    schema: Json = {"type": "object", "properties": fields, "additionalProperties": True}
    if required:
        schema["required"] = list(required)
    return schema


_COMMON: dict[str, Json] = {
    "id": _READ_ONLY,
    "project": {**_TEXT, "description": "The project's name."},
    "kind": _TEXT,
    "description": _TEXT,
    "tags": _TEXTS,
    "version": _READ_ONLY,
    "createdAt": _READ_ONLY,
    "updatedAt": _READ_ONLY,
    "createdBy": _READ_ONLY,
    "updatedBy": _READ_ONLY,
    "_link": {**_READ_ONLY, "description": "The object's own address."},
    "_projectId": _READ_ONLY,
    "_createTimeInMicros": {**_COUNT, "readOnly": True},
    "_updateTimeInMicros": {**_COUNT, "readOnly": True},
}


def definition(**fields: Json) -> Json:
    """A definition within a project: what all have in common, and its own fields."""
    return _object(**_COMMON, name=_TEXT, **fields)


def record(*required: str, **fields: Json) -> Json:
    """An object of these fields."""
    return _object(required, **fields)


SCHEMAS: dict[str, Json] = {
    "Object": _object(),
    "Text": _TEXT,
    "Yaml": {"description": "YAML documents, parted by ---, each with its kind."},
    "Flaw": _object(("message",), message=_TEXT, path=_TEXT, line=_COUNT, column=_COUNT, hint=_TEXT),
    "Error": _object(
        ("timestamp", "path", "status", "error", "message", "requestId", "code"),
        timestamp={**_COUNT, "description": "Milliseconds since the epoch."},
        path=_TEXT,
        status={"type": ["integer", "string"], "description": "Text, such as 401 UNAUTHORIZED, in answers to sign-in."},
        statusCode=_COUNT,
        error=_TEXT,
        message={**_TEXT, "description": "What failed, on what, and why."},
        serverMessage=_TEXT,
        requestId=_TEXT,
        code={**_TEXT, "description": "A stable word."},
        subject=_TEXT,
        nextStep={**_TEXT, "description": "What to do next."},
        flaws=listed("Flaw"),
        details=_MAP,
    ),
    "List": _object(
        ("count", "totalCount", "links", "documents"),
        count={**_COUNT, "description": "Items in this answer."},
        totalCount={**_COUNT, "description": "Items over all pages; exact up to 10,000."},
        links=_TEXTS,
        documents={**_MAP, "description": "The items by their link."},
    ),
    "Task": _object(
        type={**_TEXT, "examples": ["K8S", "REST", "Condition", "UserOperation"]},
        preCondition={**_TEXT, "description": "Empty means always; false skips the task."},
        ignoreFailure=_FLAG,
        endpoints={**_MAP, "description": "Roles and the names of endpoints, such as kubernetesServer."},
        input={**_MAP, "description": "By type; see /pipeline-tiles."},
        tags=_TEXTS,
    ),
    "Stage": _object(
        taskOrder={**_TEXTS, "description": "One after the other; names joined by commas run side by side."},
        tasks=by_name("Task"),
        tags=_TEXTS,
    ),
    "InputMeta": _object(description=_TEXT, mandatory=_FLAG),
    "Rollback": _object(name=_TEXT, stage=_TEXT, task=_TEXT, inputs=_MAP),
    "Warning": _object(classType=_TEXT, success=_FLAG, message=_MAP),
    "Pipeline": _object(
        **_COMMON,
        name=_TEXT,
        icon=_TEXT,
        enabled=_FLAG,
        state={**_TEXT, "description": "ENABLED, DISABLED or RELEASED, whatever the case."},
        concurrency={"type": ["integer", "string", "null"], "description": "Runs at a time at most; 10 unless told."},
        supersede={**_TEXT, "description": "How runs of one pipeline meet; see the reference of pipelines."},
        options={**_TEXTS, "description": "DOCKER_TRIGGER, GIT_TRIGGER or GERRIT_TRIGGER."},
        input={**_MAP, "description": "Names and default values."},
        _inputMeta=by_name("InputMeta"),
        output=_MAP,
        _outputMeta=_MAP,
        starred=_MAP,
        stageOrder=_TEXTS,
        stages=by_name("Stage"),
        notifications=_MAP,
        rollbacks=listed("Rollback"),
        workspace=_MAP,
        _warnings={**listed("Warning"), "readOnly": True},
    ),
    "PipelineAction": _object(
        name={**_TEXT, "description": "clone: the name of the copy."},
        tags={**_TEXTS, "description": "tag: the new tags."},
        version={"type": ["integer", "string"], "description": "restore: the version to come back to."},
        input={**_MAP, "description": "dry-run: values for inputs."},
    ),
    "PipelineVersion": _object(
        id=_TEXT,
        kind=_TEXT,
        version=_TEXT,
        updatedAt=_TEXT,
        updatedBy=_TEXT,
        what={**_TEXT, "description": "created, changed, described, or the state it went to."},
        state=_TEXT,
        pipeline=ref("Pipeline"),
    ),
    "Snippets": _object(
        ("tokenVariable", "shell", "githubActions", "gitlab"),
        tokenVariable={**_TEXT, "description": "The variable that must hold an API token."},
        inputs={**_MAP, "description": "Inputs that must be given, and the variables that hold them."},
        shell=_TEXT,
        githubActions={**_TEXT, "description": "A step, as YAML."},
        gitlab={**_TEXT, "description": "A job, as YAML."},
    ),
    "Tiles": _object(("tiles",), tiles=listed("Tile")),
    "Tile": _object(
        ("tileId", "displayName"),
        tileId=_TEXT,
        displayName=_TEXT,
        inputProperties=_MAP,
        outputProperties=_MAP,
    ),
    "PipelineTemplates": _object(("templates",), templates=_MAPS),
    "PipelineTemplate": _object(
        ("name", "title", "questions"),
        name=_TEXT,
        title=_TEXT,
        description=_TEXT,
        questions=_MAPS,
    ),
    "PipelineAnswers": _object(
        ("answers",),
        answers=_MAP,
        enabled={**_FLAG, "description": "Whether the pipeline runs at once; yes unless said."},
    ),
    "ExecutionRequest": _object(comments=_TEXT, input=_MAP, tags=_TEXTS, source=_TEXT),
    "ExecutionResponse": _object(
        ("executionId", "executionLink"), executionId=_TEXT, executionIndex=_COUNT, executionLink=_TEXT
    ),
    "ExecutionAction": _object(
        reason=_TEXT,
        tags=_TEXTS,
        input={**_MAP, "description": "For `rerun`: inputs that differ from the run's."},
        comments=_TEXT,
        **{
            "from": {
                **_TEXT,
                "description": "For `rerun`: `failed`, a stage, or `Stage.Task`; what came before is kept.",
            }
        },
    ),
    "TaskExecution": _object(
        id={**_TEXT, "description": "`<execution>~<stage>.<task>`, both from 0."},
        name=_TEXT,
        type=_TEXT,
        status=_TEXT,
        statusMessage=_TEXT,
        input=_MAP,
        output=_MAP,
        _startTime=_WHEN,
        _endTime=_WHEN,
        _durationInMicros=_COUNT,
    ),
    "StageExecution": _object(
        id=_TEXT,
        name=_TEXT,
        status=_TEXT,
        statusMessage=_TEXT,
        taskOrder=_TEXTS,
        tasks=by_name("TaskExecution"),
        _startTime=_WHEN,
        _endTime=_WHEN,
        _durationInMicros=_COUNT,
    ),
    "Execution": _object(
        **_COMMON,
        name={**_TEXT, "description": "The pipeline's name."},
        index=_COUNT,
        status={**_TEXT, "description": "COMPLETED, FAILED or CANCELED once it is over."},
        statusMessage=_TEXT,
        comments=_TEXT,
        input=_MAP,
        output=_MAP,
        starred=_MAP,
        stageOrder=_TEXTS,
        stages=by_name("StageExecution"),
        notifications=_MAPS,
        workspaceResults=_MAPS,
        _executedBy=_TEXT,
        _pipelineLink=_TEXT,
        _durationInMicros=_COUNT,
        _requestTimeInMicros=_COUNT,
        _nested=_FLAG,
        _rollback=_FLAG,
        _rerunOf={**_TEXT, "description": "The run that this one repeats."},
        _queuePosition={
            **_COUNT,
            "description": "1 for the next of those that wait for a place; 0 for one that does not.",
        },
    ),
    "Logs": _object(
        ("count", "lines"),
        count=_COUNT,
        totalCount=_COUNT,
        lines={
            "type": "array",
            "items": _object(stage=_TEXT, task=_TEXT, **{"try": _COUNT}, firstLine=_COUNT, lines=_TEXTS, at=_COUNT),
            "description": "Chunks, in order; `at` in microseconds since the epoch.",
        },
    ),
    "Deployment": _object(
        **_COMMON,
        name={**_TEXT, "description": "The workload's."},
        endpoint={**_TEXT, "description": "The cluster's endpoint."},
        apiVersion=_TEXT,
        workloadKind=_TEXT,
        namespace=_TEXT,
        images=_TEXTS,
        newest={**_FLAG, "description": "Whether this should run now."},
        pipeline=_TEXT,
        pipelineId=_TEXT,
        executionId=_TEXT,
        executionIndex=_COUNT,
        executionLink=_TEXT,
    ),
    "DeploymentNow": _object(
        ("state", "images", "ready", "message"),
        state={"enum": ["same", "differs", "gone"], "description": "Beside what the newest deployment left."},
        images=_TEXTS,
        ready=_FLAG,
        message=_TEXT,
    ),
    "Endpoint": _object(
        **_COMMON,
        name=_TEXT,
        type={
            "type": "string",
            "examples": ["docker", "k8s", "git", "email", "slack", "teams", "discord", "pagerduty", "webhook"],
        },
        properties={**_MAP, "description": "By type: see docs/reference/endpoints.md, or GET /endpoint-types."},
        isRestricted=_FLAG,
    ),
    "EndpointTypes": _object(("types",), types=_MAPS),
    "Validation": _object(
        ("ok", "message"), ok=_FLAG, status=_TEXT, message=_TEXT, nextStep=_TEXT, code=_TEXT, details=_MAP
    ),
    "Certificates": _object(
        ("certificates",),
        trusted={**_FLAG, "description": "By the system's authorities: nothing is to be accepted."},
        reason=_TEXT,
        fingerprint=_TEXT,
        certificates={**_MAPS, "description": "The server's own first."},
    ),
    "Kubeconfig": _object(
        ("kubeconfig",),
        kubeconfig={**_TEXT, "description": "The file's text; it is not kept."},
        files={**_MAP, "description": "Contents of the files that it names, by the names that it uses."},
    ),
    "KubeconfigContexts": _object(("contexts",), contexts=_MAPS),
    "Tags": _object(("repository", "tags"), repository=_TEXT, order=_TEXT, tags=_MAPS),
    "Repositories": _object(("namespace", "repositories"), namespace=_TEXT, repositories=_TEXTS),
    "Workloads": _object(("namespace", "workloads"), namespace=_TEXT, workloads=_MAPS),
    "Variable": _object(
        **_COMMON,
        name=_TEXT,
        type={**_TEXT, "examples": ["REGULAR", "SECRET", "RESTRICTED"]},
        value={**_TEXT, "description": "A mask for secrets; sending the mask keeps the value."},
    ),
    "Schedule": _object(
        **_COMMON,
        name=_TEXT,
        pipeline={**_TEXT, "description": "The name of the pipeline that runs."},
        cron={**_TEXT, "description": "Minute, hour, day of month, month, day of week."},
        timeZone={**_TEXT, "description": "As in Europe/Berlin; UTC unless given."},
        input=_MAP,
        enabled=_FLAG,
        actor={**_READ_ONLY, "description": "As whom it runs: who saved it last."},
        nextRuns={**_TEXTS, "readOnly": True},
        lastRun=_READ_ONLY,
        lastMessage=_READ_ONLY,
        executionLink=_READ_ONLY,
    ),
    "DockerWebhook": _object(
        **_COMMON,
        name=_TEXT,
        enabled=_FLAG,
        endpoint={
            "type": ["string", "object"],
            "description": "The name of a docker endpoint, or one to create in the same call.",
        },
        pipeline={**_TEXT, "description": "The name of the pipeline to start."},
        mode={**_TEXT, "description": "`hook`, or `look` where no hook can reach Portside."},
        serverType={**_TEXT, "description": "That of the endpoint unless given."},
        repoName={**_TEXT, "description": "That of the endpoint unless given."},
        wholeNamespace={
            **_FLAG,
            "description": "Without repoName: all repositories of the endpoint's namespace, and of no other.",
        },
        imageNameRegExPattern={**_TEXT, "description": "Must match the whole name; blank matches any."},
        tagNamePattern={
            **_TEXT,
            "description": "The same for tags; also `glob:1.*`, `semver:>=1.0`, and lines with !.",
        },
        exclude={**_TEXTS, "description": "Patterns of tags that start nothing."},
        input={**_MAP, "description": "Values for the pipeline's inputs that no push fills."},
        gatherSeconds={**_COUNT, "description": "A quiet period; what is pushed within it is one run. 0: none."},
        platforms={**_TEXTS, "description": "Wait until the image is there for all of these, such as linux/amd64."},
        sourceNetworks={**_TEXTS, "description": "Where deliveries may come from; empty: anywhere."},
        signed={**_FLAG, "description": "Refuse deliveries without a signature."},
        refreshToken={**_TEXT, "description": "The API token that runs act by, masked in answers; or ${var.name}."},
        secretToken={**_TEXT, "description": "Made here unless given; in clear only in the answer that made it."},
        hookUrl={**_TEXT, "readOnly": True, "description": "What the registry calls; masked as secretToken is."},
        externalListenerLink={**_TEXT, "readOnly": True},
        slug=_TEXT,
        actor={**_READ_ONLY, "description": "As whom its runs act."},
        missing={**_TEXTS, "readOnly": True, "description": "What it lacks before it can start anything."},
        notices={**_TEXTS, "readOnly": True},
        hubState={
            **_TEXT,
            "readOnly": True,
            "description": "The state of its hook at Docker Hub: pending, in step, needs credentials, not permitted, "
            "rate limited, create it by hand, looked at.",
        },
        hubMessage={**_TEXT, "readOnly": True, "description": "Why, and what to do."},
        history={
            "type": "array",
            "items": _MAP,
            "readOnly": True,
            "description": "What happened to its hook, newest first.",
        },
    ),
    "DockerEvent": _object(
        **_COMMON,
        name=_TEXT,
        timeStampInMicros=_COUNT,
        owner=_TEXT,
        repo=_TEXT,
        repoNamespace=_TEXT,
        repoStatus={**_TEXT, "description": "As the registry said it with the push, such as Active."},
        imageName=_TEXT,
        tag=_TEXT,
        digest={"type": ["string", "null"]},
        pipeline=_TEXT,
        verdict={**_TEXT, "description": "One of docs/reference/verdicts.md."},
        reason=_TEXT,
        nextStep=_TEXT,
        action={**_TEXT, "description": "The next step as a program takes it."},
        message=_TEXT,
        executionLink=_TEXT,
        executionIndex=_COUNT,
        executionStatus=_TEXT,
    ),
    "UserOperation": _object(
        **_COMMON,
        name=_TEXT,
        status=_TEXT,
        summary=_TEXT,
        executionId=_TEXT,
        executionLink=_TEXT,
        responseMessage=_TEXT,
    ),
    "WebhookAction": _object(
        tags={**_TEXTS, "description": "test: which of these would run?"},
        secretToken={**_TEXT, "description": "rotate: the new token; made here unless given."},
    ),
    "UserOperationResponse": _object(("status",), status=_TEXT, responseMessage=_TEXT),
    "Project": _object(
        **_COMMON,
        name=_TEXT,
        administrators=_MAPS,
        members=_MAPS,
        viewers=_MAPS,
    ),
    "IaasProject": _object(
        ("id", "_links"),
        **_COMMON,
        name=_TEXT,
        administrators=_MAPS,
        members=_MAPS,
        viewers=_MAPS,
        organizationId=_TEXT,
        owner=_TEXT,
        customProperties=_MAP,
        zones=_MAPS,
        _links=_MAP,
    ),
    "ProjectPage": _object(
        ("content", "totalElements", "numberOfElements"),
        content=listed("Project"),
        totalElements=_COUNT,
        numberOfElements=_COUNT,
        totalPages=_COUNT,
    ),
    "User": _object(
        **_COMMON,
        name=_TEXT,
        userName=_TEXT,
        email=_TEXT,
        serviceRole=_TEXT,
        groups={**_TEXTS, "description": "Names by which approvals ask several people at once."},
        enabled=_FLAG,
        password={**_TEXT, "writeOnly": True},
    ),
    "ApiToken": _object(
        id=_TEXT,
        name=_TEXT,
        user=_TEXT,
        email=_TEXT,
        goodForDays={"type": ["integer", "string", "null"]},
        expiresAt=_TEXT,
        lastUsedAt=_TEXT,
        project={**_TEXT, "description": "The only project in which it lets its owner do anything; blank for all."},
        access={"type": "string", "description": "At most `everything`, `run` (run pipelines, and read) or `read`."},
        token={**_READ_ONLY, "description": "In clear, only in the answer that made it."},
    ),
    "Session": _object(
        ("id",),
        id=_TEXT,
        name=_TEXT,
        user=_TEXT,
        address={**_TEXT, "description": "From where it was opened; blank where that is not known."},
        browser={**_TEXT, "description": "The `User-Agent` that opened it."},
        provider={**_TEXT, "description": "Who vouched for the person; blank for Portside itself."},
        current={**_FLAG, "description": "Whether it is the one that asks."},
        createdAt=_TEXT,
        expiresAt=_TEXT,
        lastUsedAt=_TEXT,
    ),
    "About": _object(
        ("latestApiVersion", "supportedApis"),
        latestApiVersion=_TEXT,
        supportedApis=_MAPS,
        _version={**_TEXT, "description": "The release of Portside."},
    ),
    "Preferences": _object(
        ("userName",),
        userName=_TEXT,
        preferences=_MAP,
        _link=_TEXT,
        _createTimeInMicros=_COUNT,
        _updateTimeInMicros=_COUNT,
    ),
    "Password": _object(("password",), password={**_TEXT, "writeOnly": True}, oldPassword={**_TEXT, "writeOnly": True}),
    "Settings": _object(
        installation=_TEXT,
        publicUrl=_TEXT,
        hookUrl={**_TEXT, "description": "What hooks call, with a place for the token."},
        administrators=_TEXTS,
        notices={**_TEXTS, "description": "What administrators should know now, such as an API token that ends soon."},
    ),
    "Health": _object(("status",), status=_TEXT, config=_TEXT),
    "AuditEntry": _object(
        ("id", "at", "user", "action", "objectKind"),
        id=_TEXT,
        at=_TEXT,
        user=_TEXT,
        action=_TEXT,
        objectKind=_TEXT,
        objectId=_TEXT,
        project={"type": ["string", "null"]},
        name=_TEXT,
        before={"type": ["object", "null"], "description": "The object before, without secrets."},
        after={"type": ["object", "null"]},
    ),
    "DeadLetter": _object(
        id=_TEXT,
        queue=_TEXT,
        reason=_TEXT,
        type=_TEXT,
        subject=_TEXT,
        state=_TEXT,
        handledBy=_TEXT,
        handledAt=_TEXT,
        body=_TEXT,
    ),
    "ImportAnswer": _object(
        ("name", "status", "statusMessage"),
        name=_TEXT,
        status={**_TEXT, "description": "CREATED, UPDATED or FAILED. One document for each object, parted by ---."},
        statusMessage=_TEXT,
    ),
    "ImportReport": _object(
        ("objects", "needsSecrets"),
        kind=_TEXT,
        name=_TEXT,
        objects=listed("Imported"),
        needsSecrets={**_TEXTS, "description": "What to fill in, over all objects."},
    ),
    "Imported": _object(
        ("name", "status", "statusMessage"),
        name=_TEXT,
        kind=_TEXT,
        project=_TEXT,
        id=_TEXT,
        status=_TEXT,
        statusMessage=_TEXT,
        changed={**_TEXTS, "description": "What became different from the file, with the reason."},
        warnings=_TEXTS,
        willNotRun={**_MAPS, "description": "Stage, task, type and reason."},
        needsSecrets=_TEXTS,
        lacks=_TEXTS,
        flaws=listed("Flaw"),
    ),
    "Login": _object(("username", "password"), username=_TEXT, password=_TEXT, domain=_TEXT),
    "TokenLogin": _object(("refreshToken",), refreshToken=_TEXT),
    "TokenForm": _object(("refresh_token",), refresh_token=_TEXT),
    "AccessToken": _object(("token",), token=_TEXT, tokenType=_TEXT),
    "Tokens": _object(
        ("access_token", "refresh_token", "token_type", "expires_in"),
        access_token=_TEXT,
        refresh_token=_TEXT,
        id_token=_TEXT,
        scope=_TEXT,
        token_type=_TEXT,
        expires_in=_COUNT,
    ),
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "Pipeline": ("name", "stageOrder", "stages"),
    "Endpoint": ("name", "type", "properties"),
    "Variable": ("name", "type", "value"),
    "DockerWebhook": ("name",),
    "Schedule": ("name", "pipeline", "cron"),
    "Project": ("name",),
    "User": ("name",),
    "ApiToken": ("name",),
}
"""What an object must have when it is made. A change may leave anything out."""
