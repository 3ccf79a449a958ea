"""Pipelines, their versions and templates, and the types of tasks that they are made of."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import FLAG, MAP, MAPS, TEXT, TEXTS, by_name, definition, listed, record, ref

SCHEMAS: dict[str, Json] = {
    "Task": record(
        type={**TEXT, "examples": ["K8S", "REST", "Condition", "UserOperation"]},
        preCondition={**TEXT, "description": "Empty means always; false skips the task."},
        ignoreFailure=FLAG,
        endpoints={**MAP, "description": "Roles and the names of endpoints, such as kubernetesServer."},
        input={**MAP, "description": "By type; see /pipeline-tiles."},
        tags=TEXTS,
    ),
    "Stage": record(
        taskOrder={**TEXTS, "description": "One after the other; names joined by commas run side by side."},
        tasks=by_name("Task"),
        tags=TEXTS,
    ),
    "InputMeta": record(description=TEXT, mandatory=FLAG),
    "Rollback": record(name=TEXT, stage=TEXT, task=TEXT, inputs=MAP),
    "Warning": record(classType=TEXT, success=FLAG, message=MAP),
    "Pipeline": definition(
        icon=TEXT,
        enabled=FLAG,
        state={**TEXT, "description": "ENABLED, DISABLED or RELEASED, whatever the case."},
        concurrency={"type": ["integer", "string", "null"], "description": "Runs at a time at most; by default 10."},
        supersede={**TEXT, "description": "How runs of one pipeline meet; see the reference of pipelines."},
        options={**TEXTS, "description": "DOCKER_TRIGGER, GIT_TRIGGER or GERRIT_TRIGGER."},
        input={**MAP, "description": "Names and default values."},
        _inputMeta=by_name("InputMeta"),
        output=MAP,
        _outputMeta=MAP,
        starred=MAP,
        stageOrder=TEXTS,
        stages=by_name("Stage"),
        notifications=MAP,
        rollbacks=listed("Rollback"),
        workspace=MAP,
        _warnings={**listed("Warning"), "readOnly": True},
    ),
    "PipelineAction": record(
        name={**TEXT, "description": "clone: the name of the copy."},
        tags={**TEXTS, "description": "tag: the new tags."},
        version={"type": ["integer", "string"], "description": "restore: the version to come back to."},
        input={**MAP, "description": "dry-run: values for inputs."},
    ),
    "PipelineVersion": record(
        id=TEXT,
        kind=TEXT,
        version=TEXT,
        updatedAt=TEXT,
        updatedBy=TEXT,
        what={**TEXT, "description": "created, changed, described, or the state it went to."},
        state=TEXT,
        pipeline=ref("Pipeline"),
    ),
    "Snippets": record(
        ("tokenVariable", "shell", "githubActions", "gitlab", "jenkins"),
        tokenVariable={**TEXT, "description": "The variable that must hold an API token."},
        inputs={**MAP, "description": "Inputs that must be given, and the variables that hold them."},
        shell=TEXT,
        githubActions={**TEXT, "description": "A step, as YAML."},
        gitlab={**TEXT, "description": "A job, as YAML."},
        jenkins={**TEXT, "description": "A stage of a declarative pipeline."},
    ),
    "Tiles": record(("tiles",), tiles=listed("Tile")),
    "Tile": record(
        ("tileId", "displayName"),
        tileId=TEXT,
        displayName=TEXT,
        inputProperties=MAP,
        outputProperties=MAP,
    ),
    "PipelineTemplates": record(("templates",), templates=MAPS),
    "PipelineTemplate": record(
        ("name", "title", "questions"),
        name=TEXT,
        title=TEXT,
        description=TEXT,
        questions=MAPS,
    ),
    "PipelineAnswers": record(
        ("answers",),
        answers=MAP,
        enabled={**FLAG, "description": "Whether the pipeline runs at once; yes unless said."},
    ),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "Pipeline": ("name", "stageOrder", "stages"),
}
