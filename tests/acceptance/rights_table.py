"""What each route needs, as a table. `docs/reference/compatibility.md` says the matrix in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from services.config.model.rights import ProjectRole, Right, ServiceRole, right_in

from .things import INTEGRATION, LISTENER, PROJECT, REGISTRY, SCHEDULE, TRIED, TRIGGER, stages

Json = dict[str, Any]


class Need(IntEnum):
    """What a call needs. Those within a project are the catalog's own rights."""

    NO_TOKEN = -3
    A_TOKEN = -2
    A_PROJECT = -1
    READ = Right.READ
    EXECUTE = Right.EXECUTE
    EDIT = Right.EDIT
    RESTRICTED = Right.RESTRICTED
    INSTALLATION = 5


@dataclass(frozen=True)
class Role:
    service: ServiceRole = ServiceRole.USER
    project: ProjectRole | None = None
    signed_in: bool = True

    def may(self, need: Need) -> bool:
        if not self.signed_in:
            return need is Need.NO_TOKEN
        right = right_in(self.service, self.project)
        if need is Need.INSTALLATION:
            return self.service is ServiceRole.ADMINISTRATOR
        if need is Need.A_PROJECT:
            return right >= Right.READ
        return need < 0 or right >= need


ROLES = {
    "nobody": Role(signed_in=False),
    **{f"service {role.value}": Role(role) for role in ServiceRole},
    **{f"project {role.value}": Role(project=role) for role in ProjectRole},
}


@dataclass(frozen=True)
class Row:
    """One call. `on` names what it is tried on: `reading` makes do with one object, a change gets a new one each."""

    need: Need
    call: str
    on: str = ""
    body: Json | str | None = None

    @property
    def method(self) -> str:
        return self.call.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.call.partition(" ")[2].partition("?")[0]

    @property
    def query(self) -> str:
        return self.call.partition("?")[2]


N = Need
EMPTY = ("cloud-proxy",)
TOKEN = {"refreshToken": "wrong"}
DEVICE_CODE = "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=wrong"
PASSWORD = {"username": "{new}", "password": "wrong"}


def of_a_kind(base: str, on: str, change: Json, *, named: bool = True) -> list[Row]:
    """The rows of a collection within projects."""
    where = [f"{base}/{{id}}"] + ([f"{base}/{{project}}/{{name}}"] if named else [])
    return [
        Row(N.A_PROJECT, f"GET {base}"),
        *(Row(N.READ, f"GET {one}", on) for one in where),
        *(Row(N.EDIT, f"PATCH {one}", on, {"description": "changed"}) for one in where),
        *(Row(N.EDIT, f"PUT {one}", on, change) for one in where),
        *(Row(N.EDIT, f"DELETE {one}", on) for one in where),
    ]


def restricted(base: str, on: str) -> list[Row]:
    one = f"{base}/{{id}}"
    return [
        Row(N.READ, f"GET {one}", on),
        Row(N.RESTRICTED, f"PATCH {one}", on, {"description": "changed"}),
        Row(N.RESTRICTED, f"DELETE {one}", on),
    ]


SSO = {"name": "{new}", "issuer": "https://sso.example.com", "clientId": "portside", "rules": [{"claim": "sub"}]}
IN_PROJECT = {"project": PROJECT, "name": "{new}"}
URL = {"type": "webhook", "properties": {"url": "https://hooks.example.com"}}
VARIABLE = {"type": "REGULAR", "value": "two"}
MEANT = f"project={PROJECT}&name={{name}}"
ANSWERS = {"project": PROJECT, "name": "{new}", "registry": REGISTRY, "target": REGISTRY, "repository": "acme/copy"}
FILE = f"project: {PROJECT}\nkind: VARIABLE\nname: {{new}}\ntype: REGULAR\nvalue: x\n"
CLONE = {"requestType": "CLONE", "name": "{new}"}
VERSION = "/custom-integrations/{id}/versions/{label}"
VERSION_VERBS = ("release", "deprecate", "withdraw", "restore")


def events_of(base: str, on: str) -> list[Row]:
    """The rows of what a source has announced."""
    item = f"{base}/{{id}}"
    return [
        Row(N.A_PROJECT, f"GET {base}"),
        Row(N.READ, f"GET {item}", on),
        Row(N.EXECUTE, f"POST {item}", on, {}),
        Row(N.EDIT, f"DELETE {item}", on),
    ]


ROWS = (
    *of_a_kind("/pipelines", "pipeline", stages("Log")),
    Row(N.EDIT, "POST /pipelines", body={**IN_PROJECT, **stages("Log")}),
    Row(N.EDIT, "POST /pipelines/{project}/{name}", "pipeline", CLONE),
    *(
        Row(N.EDIT, f"PATCH /pipelines/{where}/global", "pipeline", {"global": True})
        for where in ("{id}", "{project}/{name}")
    ),
    Row(N.EDIT, "POST /pipelines/{id}?action=tag", "pipeline", {"tags": ["a"]}),
    Row(N.EDIT, "POST /pipelines/{id}?action=clone", "pipeline", {"name": "{new}"}),
    Row(N.EDIT, "POST /pipelines/{id}?action=restore", "pipeline", {"version": 1}),
    Row(N.READ, "POST /pipelines/{id}?action=dry-run", "ran", {"input": {}}),
    *(
        row
        for where in ("/pipelines/{id}", "/pipelines/{project}/{name}")
        for row in (
            Row(N.EXECUTE, f"POST {where}/executions", "ran", {}),
            Row(N.READ, f"GET {where}/executions", "ran"),
            Row(N.READ, f"GET {where}/executions/{{index}}", "numbered"),
            Row(N.READ, f"GET {where}/snippets", "ran"),
        )
    ),
    Row(N.READ, "GET /pipelines/{id}/versions", "ran"),
    Row(N.READ, "GET /pipelines/{id}/diff?from=1&to=2", "ran"),
    Row(N.A_TOKEN, "GET /pipeline-tiles"),
    Row(N.A_TOKEN, "GET /pipeline-templates"),
    Row(N.A_TOKEN, "GET /pipeline-templates/{name}", "template"),
    Row(N.EDIT, "POST /pipeline-templates/{name}", "template", {"answers": ANSWERS}),
    *of_a_kind("/schedules", "schedule", {}),
    Row(N.EDIT, "POST /schedules", "ran", {**IN_PROJECT, **SCHEDULE}),
    Row(N.A_PROJECT, "GET /executions"),
    Row(N.READ, "GET /executions/{id}", "ended"),
    Row(N.READ, "GET /executions/{id}/logs", "ended"),
    Row(N.EXECUTE, "POST /executions/{id}?action=tag", "ended", {"tags": ["a"]}),
    Row(N.EXECUTE, "POST /executions/{id}?action=cancel", "going", {"reason": "enough"}),
    Row(N.EXECUTE, "POST /executions/{id}?action=rerun", "ended", {}),
    Row(N.EDIT, "DELETE /executions/{id}", "ended"),
    Row(N.EDIT, "DELETE /executions?$filter=name eq 'no such pipeline'"),
    Row(N.A_PROJECT, "GET /deployments"),
    Row(N.A_PROJECT, "GET /dora"),
    Row(N.READ, "GET /deployments/{id}", "deployed"),
    Row(N.READ, "GET /deployments/{id}/history", "deployed"),
    Row(N.READ, "GET /deployments/{id}/now", "deployed"),
    *of_a_kind("/endpoints", "endpoint", URL),
    *restricted("/endpoints", "restricted_endpoint"),
    Row(N.EDIT, "POST /endpoints", body={**IN_PROJECT, **URL}),
    Row(N.RESTRICTED, "POST /endpoints", body={**IN_PROJECT, **URL, "isRestricted": True}),
    *of_a_kind("/variables", "variable", VARIABLE),
    *restricted("/variables", "restricted_variable"),
    Row(N.EDIT, "POST /variables", body={**IN_PROJECT, **VARIABLE}),
    Row(N.RESTRICTED, "POST /variables", body={**IN_PROJECT, "type": "RESTRICTED", "value": "x"}),
    *of_a_kind("/registry-webhooks", "webhook", {}),
    Row(N.EDIT, "POST /registry-webhooks", body=IN_PROJECT),
    Row(N.EDIT, "POST /registry-webhooks/{id}?action=rotate", "webhook", {}),
    Row(N.READ, "POST /registry-webhooks/{id}?action=test", "webhook", {"tags": ["1.0"]}),
    Row(N.EXECUTE, "POST /registry-webhooks/{id}?action=check", "webhook", {}),
    Row(N.EDIT, "POST /registry-webhooks/{id}?action=replace-elsewhere", "webhook", {}),
    Row(N.A_PROJECT, "GET /registry-events"),
    Row(N.A_PROJECT, "GET /registry-events/why?repository=acme/web&tag=1.0"),
    Row(N.READ, "GET /registry-events/{id}", "event"),
    Row(N.EXECUTE, "POST /registry-events/{id}", "event", {}),
    Row(N.EDIT, "DELETE /registry-events/{id}", "event"),
    *of_a_kind("/git-webhooks", "git_webhook", {}),
    Row(N.EDIT, "POST /git-webhooks", body=IN_PROJECT),
    *events_of("/git-events", "git_event"),
    *of_a_kind("/gerrit-listeners", "gerrit_listener", {"endpoint": "other"}),
    Row(N.EDIT, "POST /gerrit-listeners", body={**IN_PROJECT, **LISTENER}),
    Row(N.EDIT, "POST /gerrit-listeners/validate", body={**IN_PROJECT, **LISTENER}),
    *of_a_kind("/gerrit-triggers", "gerrit_trigger", TRIGGER),
    Row(N.EDIT, "POST /gerrit-triggers", body={**IN_PROJECT, **TRIGGER}),
    *(
        row
        for where in ("{id}", "{project}/{name}")
        for row in (
            Row(N.READ, f"GET /gerrit-listeners/{where}/projects", "gerrit_listener"),
            Row(N.EDIT, f"POST /gerrit-listeners/{where}", "gerrit_listener", CLONE),
            Row(N.EDIT, f"POST /gerrit-triggers/{where}", "gerrit_trigger", CLONE),
        )
    ),
    *events_of("/gerrit-events", "gerrit_event"),
    Row(
        N.EXECUTE,
        "POST /gerrit-events",
        "gerrit_trigger_tried",
        {"changeId": "I1", "project": PROJECT, "trigger": TRIED},
    ),
    *of_a_kind("/custom-integrations", "integration", {"yaml": INTEGRATION}),
    Row(N.EDIT, "POST /custom-integrations", body={**IN_PROJECT, "yaml": INTEGRATION}),
    Row(N.READ, "GET /custom-integrations/{id}/versions", "integration"),
    Row(N.EDIT, "POST /custom-integrations/{id}/versions", "integration", {"version": "{new}"}),
    Row(N.READ, f"GET {VERSION}", "integration_version"),
    Row(N.EDIT, f"PATCH {VERSION}", "integration_version", {"setLatest": True}),
    Row(N.EDIT, f"DELETE {VERSION}", "integration_version"),
    *(Row(N.EDIT, f"POST {VERSION}/{verb}", "integration_version", {}) for verb in VERSION_VERBS),
    Row(N.A_PROJECT, "GET /user-operations"),
    Row(N.READ, "GET /user-operations/{id}", "question"),
    Row(N.EXECUTE, "PATCH /user-operations/{id}", "question", {"status": "Approved"}),
    Row(N.EXECUTE, "POST /user-operations/{id}", "question", {"status": "Approved"}),
    Row(N.EDIT, "DELETE /user-operations/{id}", "settled"),
    # Their lists are of what one may see; nothing is an answer.
    Row(N.A_TOKEN, "GET /projects"),
    Row(N.A_TOKEN, "GET /iaas/api/projects"),
    Row(N.A_TOKEN, "GET /project-service/api/projects"),
    Row(N.READ, "GET /projects/{id}", "matrix"),
    Row(N.READ, "GET /iaas/api/projects/{id}", "matrix"),
    Row(N.READ, "GET /project-service/api/projects/{id}", "matrix"),
    Row(N.RESTRICTED, "PATCH /iaas/api/projects/{id}", "matrix", {"description": "changed"}),
    Row(N.INSTALLATION, "DELETE /iaas/api/projects/{id}", "project"),
    Row(N.INSTALLATION, "POST /iaas/api/projects", body={"name": "{new}"}),
    Row(N.RESTRICTED, "PATCH /projects/{id}", "matrix", {"description": "changed"}),
    Row(N.RESTRICTED, "PUT /projects/{id}", "matrix", {"description": "changed"}),
    Row(N.INSTALLATION, "DELETE /projects/{id}", "project"),
    Row(N.INSTALLATION, "POST /projects", body={"name": "{new}"}),
    Row(N.READ, "GET /projects/{id}/source", "followed"),
    Row(N.RESTRICTED, "PUT /projects/{id}/source", "followed", {"endpoint": "git"}),
    Row(N.RESTRICTED, "DELETE /projects/{id}/source", "followed"),
    Row(N.EXECUTE, "POST /projects/{id}/source/sync", "followed", {}),
    Row(N.A_TOKEN, "GET /users"),
    Row(N.A_TOKEN, "GET /users/me"),
    # Whoever manages the people of a project must be able to see whom there is to add.
    Row(N.RESTRICTED, "GET /users/{id}", "user"),
    Row(N.INSTALLATION, "POST /users", body={"name": "{new}"}),
    Row(N.INSTALLATION, "PATCH /users/{id}", "user", {"description": "changed"}),
    Row(N.INSTALLATION, "PUT /users/{id}", "user", {"description": "changed"}),
    Row(N.INSTALLATION, "POST /users/{id}?action=password", "user", {"password": "another long one"}),
    Row(N.INSTALLATION, "DELETE /users/{id}", "user"),
    Row(N.A_TOKEN, "GET /api-tokens"),
    Row(N.A_TOKEN, "POST /api-tokens", body={"name": "{new}"}),
    # Of somebody else.
    Row(N.INSTALLATION, "GET /sign-in-providers"),
    Row(N.INSTALLATION, "POST /sign-in-providers", body=SSO),
    Row(N.INSTALLATION, "GET /sign-in-providers/{id}", "provider"),
    Row(N.INSTALLATION, "PATCH /sign-in-providers/{id}", "provider", {"title": "SSO"}),
    Row(
        N.INSTALLATION,
        "PUT /sign-in-providers/{id}",
        "provider",
        {"issuer": "https://sso.example.com", "clientId": "p"},
    ),
    Row(N.INSTALLATION, "POST /sign-in-providers/{id}?action=try", "provider", {"claims": {"sub": "s"}}),
    Row(N.INSTALLATION, "DELETE /sign-in-providers/{id}", "provider"),
    Row(N.A_TOKEN, "GET /sessions"),
    Row(N.A_TOKEN, "GET /sessions/{id}", "no_session"),
    Row(N.A_TOKEN, "DELETE /sessions/{id}", "no_session"),
    Row(N.INSTALLATION, "GET /api-tokens/{id}", "token"),
    Row(N.INSTALLATION, "PATCH /api-tokens/{id}", "token", {"name": "{new}"}),
    Row(N.INSTALLATION, "DELETE /api-tokens/{id}", "token"),
    Row(N.READ, f"GET /export?project={PROJECT}"),
    Row(N.EDIT, "POST /import", body=FILE),
    Row(N.RESTRICTED, "GET /audit"),
    Row(N.RESTRICTED, "GET /audit/{id}", "audited"),
    Row(N.INSTALLATION, "GET /queues"),
    Row(N.INSTALLATION, "GET /dead-letters"),
    Row(N.INSTALLATION, "GET /dead-letters/{id}", "no_letter"),
    Row(N.INSTALLATION, "POST /dead-letters/{id}?action=discard", "no_letter", {}),
    Row(N.INSTALLATION, "DELETE /dead-letters/{id}", "no_letter"),
    Row(N.A_TOKEN, "GET /settings"),
    Row(N.INSTALLATION, "PATCH /settings", body={}),
    Row(N.INSTALLATION, "GET /notices"),
    Row(N.A_TOKEN, "GET /user-preferences"),
    Row(N.A_TOKEN, "GET /health"),
    Row(N.A_TOKEN, "GET /endpoint-types"),
    Row(N.A_TOKEN, "GET /endpoint-tiles"),
    Row(N.A_TOKEN, "GET /endpoint-tiles/{type}"),
    Row(N.A_TOKEN, "POST /kubeconfig", body={"kubeconfig": "apiVersion: v1\nkind: Config\ncontexts: []\n"}),
    # They look at the outside with the endpoint's secrets.
    Row(N.EDIT, f"GET /endpoint-tags?{MEANT}", "registry"),
    Row(N.EDIT, f"GET /endpoint-repositories?{MEANT}", "registry"),
    Row(N.EDIT, f"GET /endpoint-workloads?{MEANT}&namespace=default", "cluster"),
    *(Row(N.A_TOKEN, f"GET /{name}") for name in EMPTY),
    Row(N.NO_TOKEN, "GET /about"),
    Row(N.NO_TOKEN, "GET /iaas/api/about"),
    Row(N.NO_TOKEN, "POST /csp/gateway/am/api/login", body=PASSWORD),
    Row(N.NO_TOKEN, "POST /csp/gateway/am/idp/auth/login", body=PASSWORD),
    Row(N.NO_TOKEN, "POST /iaas/api/login", body=TOKEN),
    Row(N.NO_TOKEN, "POST /csp/gateway/am/api/auth/api-tokens/authorize", body="refresh_token=wrong"),
    Row(N.NO_TOKEN, "POST /oauth/device", body="client_id=matrix"),
    Row(N.NO_TOKEN, "POST /oauth/token", body=DEVICE_CODE),
)
ELSEWHERE = {
    "POST /git-webhook-listeners/{id}": "test_every_operation tries it without and with its token",
    "POST /batch-user-operations": "each of its answers is judged as a PATCH of its own",
    "POST /endpoint-validation": "tests of endpoints try it for real",
    "GET /endpoint-certificate": "tests of endpoints try it for real",
}
READING = {"gerrit_trigger_tried", "ran", "matrix", "audited", "deployed", "template", "registry", "cluster"}


def calls() -> set[str]:
    """Every route that has a row, or is tried elsewhere."""
    return ({f"{row.method} {row.path}" for row in ROWS} | set(ELSEWHERE)) - {"GET /users/me"}
