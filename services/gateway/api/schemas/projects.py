"""Projects, and what else they hold: variables, custom integrations, definitions from Git, imports."""

from __future__ import annotations

from shared.contracts.base import Json

from .parts import COMMON, COUNT, FLAG, MAP, MAPS, READ_ONLY, TEXT, TEXTS, definition, listed, record

SCHEMAS: dict[str, Json] = {
    "Project": definition(
        administrators=MAPS,
        members=MAPS,
        viewers=MAPS,
    ),
    "IaasProject": record(
        ("id", "_links"),
        **COMMON,
        name=TEXT,
        administrators=MAPS,
        members=MAPS,
        viewers=MAPS,
        organizationId=TEXT,
        owner=TEXT,
        customProperties=MAP,
        zones=MAPS,
        _links=MAP,
    ),
    "ProjectPage": record(
        ("content", "totalElements", "numberOfElements"),
        content=listed("Project"),
        totalElements=COUNT,
        numberOfElements=COUNT,
        totalPages=COUNT,
    ),
    "Variable": definition(
        type={**TEXT, "examples": ["REGULAR", "SECRET", "RESTRICTED"]},
        value={**TEXT, "description": "A mask for secrets; sending the mask keeps the value."},
    ),
    "CustomIntegration": definition(
        yaml={**TEXT, "description": "runtime, code, inputProperties and outputProperties."},
        status={**TEXT, "readOnly": True, "description": "DRAFT, RELEASED, DEPRECATED or WITHDRAWN."},
        changeLog=TEXT,
        parentId={**TEXT, "readOnly": True},
        sourceVersion={**TEXT, "readOnly": True},
    ),
    "IntegrationVersion": record(("version",), version=TEXT, description=TEXT, changeLog=TEXT),
    "IntegrationPatch": record(("setLatest",), setLatest=FLAG),
    "ServiceRequest": record(requestType={**TEXT, "description": "CLONE"}, name=TEXT, description=TEXT),
    "DefinitionSource": record(
        kind=READ_ONLY,
        project=READ_ONLY,
        following={**FLAG, "readOnly": True},
        endpoint={**TEXT, "description": "The Git endpoint of the repository."},
        branch={**TEXT, "description": "By default the repository's own."},
        folder={**TEXT, "description": "Where the YAML files are; by default the whole repository."},
        everySeconds={"type": ["integer", "string"], "description": "How often to poll; by default 60."},
        prune={**FLAG, "description": "Whether an object is deleted with its file; by default false."},
        repository=READ_ONLY,
        followedBy={**READ_ONLY, "description": "The user with whose rights the definitions are written."},
        state={**READ_ONLY, "enum": ["NEW", "CURRENT", "BROKEN", "AWAY"]},
        commit={**READ_ONLY, "description": "The commit whose definitions are in force."},
        takenAt=READ_ONLY,
        seenCommit={**READ_ONLY, "description": "The newest commit that was read, in force or not."},
        subject=READ_ONLY,
        lookedAt=READ_ONLY,
        problem=READ_ONLY,
        flaws={**listed("FileFlaw"), "readOnly": True},
        objects={**MAPS, "readOnly": True},
        notInGit={**MAPS, "readOnly": True, "description": "Definitions that no file of the commit names, and why."},
        commitStatus={**READ_ONLY, "description": "What became of the status at the commit, on the Git host."},
    ),
    "FileFlaw": record(
        ("file", "line", "column", "message"), file=TEXT, line=COUNT, column=COUNT, path=TEXT, message=TEXT
    ),
    "ImportAnswer": record(
        ("name", "status", "statusMessage"),
        name=TEXT,
        status={**TEXT, "description": "CREATED, UPDATED or FAILED. One document for each object, parted by ---."},
        statusMessage=TEXT,
    ),
    "ImportReport": record(
        ("objects", "needsSecrets"),
        kind=TEXT,
        name=TEXT,
        objects=listed("Imported"),
        needsSecrets={**TEXTS, "description": "What to fill in, over all objects."},
    ),
    "Imported": record(
        ("name", "status", "statusMessage"),
        name=TEXT,
        kind=TEXT,
        project=TEXT,
        id=TEXT,
        status=TEXT,
        statusMessage=TEXT,
        changed={**TEXTS, "description": "What became different from the file, with the reason."},
        warnings=TEXTS,
        willNotRun={**MAPS, "description": "Stage, task, type and reason."},
        needsSecrets=TEXTS,
        lacks=TEXTS,
        flaws=listed("Flaw"),
    ),
}
REQUIRED: dict[str, tuple[str, ...]] = {
    "Project": ("name",),
    "Variable": ("name", "type", "value"),
    "CustomIntegration": ("name", "yaml"),
    "DefinitionSource": ("endpoint",),
}
