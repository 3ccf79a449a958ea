"""Every address of the API, in one table.

A path is below a prefix and answers under each of `PREFIXES`, so that clients of either generation find it; those
marked `absolute` are whole.
"""

from __future__ import annotations

from dataclasses import replace

from shared.contracts.catalog import Kind

from . import approvals, endpoints, generic, handlers, iaas, integrations, oauth, sign_in, sources, templates
from .route import LIST, Route, clones, collection, events_of

PREFIXES = ("/codestream/api", "/pipeline/api", "/portside/api")

AS_YAML = (("application/x-yaml", "Yaml"),)
AS_FILE = (("text/csv", "Text"), ("application/x-ndjson", "Text"))


def _pipelines() -> list[Route]:
    tag = "Pipelines"
    rows = [_pipeline_row(row) for row in collection(Kind.PIPELINES, "Pipeline", "pipeline", tag)]
    verbs = ("clone", "tag", "restore", "dry-run")
    act = generic.action(Kind.PIPELINES, verbs, default="clone")
    summary = "Clone, tag, restore a version, or dry-run"
    patch = generic.change(Kind.PIPELINES, "patch")
    for where in ("/pipelines/{id}", "/pipelines/{project}/{name}"):
        rows += [
            Route("POST", where, act, summary, tag, "PipelineAction", query=("action",), actions=verbs),
            Route(
                "PATCH",
                f"{where}/global",
                patch,
                "Mark as global, or not",
                tag,
                "Pipeline",
                "Pipeline",
                takes_also=AS_YAML,
            ),
        ]
        runs = f"{where}/executions"
        rows += [
            Route("POST", runs, handlers.execute, "Run a pipeline", tag, "ExecutionRequest", "ExecutionResponse"),
            Route("GET", runs, handlers.executions_of, "List its executions", tag, gives="[Execution]", query=LIST),
            Route(
                "GET",
                f"{where}/snippets",
                handlers.snippets_of,
                "Scripts that start it from a build",
                tag,
                gives="Snippets",
            ),
            Route(
                "GET",
                f"{runs}/{{index}}",
                handlers.execution_by_index,
                "Get an execution by number",
                tag,
                gives="Execution",
            ),
        ]
    versions, diff = "/pipelines/{id}/versions", "/pipelines/{id}/diff"
    return [
        *rows,
        Route("GET", versions, handlers.versions_of, "List its versions", tag, gives="[PipelineVersion]", query=LIST),
        Route(
            "GET", diff, handlers.difference, "What changed between two versions", tag, gives="Text",
            query=("from", "to"), gives_type="text/plain",
        ),
    ]  # fmt: skip


def _templates_and_tiles() -> list[Route]:
    tag = "Pipelines"
    return [
        Route("GET", "/pipeline-templates", templates.listing, "List pipeline templates", tag,
              gives="PipelineTemplates"),
        Route("GET", "/pipeline-templates/{name}", templates.template, "Get a template with its choices", tag,
              gives="PipelineTemplate"),
        Route("POST", "/pipeline-templates/{name}", templates.fill, "Create a pipeline from a template", tag,
              "PipelineAnswers", "Pipeline"),
        Route("GET", "/pipeline-tiles", handlers.tiles, "List task types", tag, gives="Tiles"),
    ]  # fmt: skip


def _pipeline_row(row: Route) -> Route:
    """Pipelines speak YAML too, both ways; an earlier version can be asked for."""
    if row.method == "GET" and "}" in row.path:
        return replace(row, handler=handlers.pipeline, query=("version",), gives_also=AS_YAML)
    return replace(row, takes_also=AS_YAML) if row.takes else row


def _executions() -> list[Route]:
    tag, kind = "Executions", Kind.EXECUTIONS
    verbs = ("pause", "resume", "cancel", "tag", "rerun", "start-now")
    act = generic.action(kind, verbs)
    item = "/executions/{id}"
    return [
        Route("GET", "/executions", generic.listing(kind), "List executions", tag, gives="[Execution]", query=LIST),
        Route("GET", item, generic.detail(kind), "Get an execution", tag, gives="Execution"),
        Route("POST", item, act, "Pause, resume, cancel, tag, rerun, or start past the queue", tag, "ExecutionAction",
              "Execution", ("action",), actions=verbs),
        Route("DELETE", item, generic.change(kind, "delete"), "Delete an execution", tag, gives="Execution"),
        Route("DELETE", "/executions", handlers.delete_executions, "Delete executions that have ended", tag,
              gives="[Execution]", query=("$filter",), ok=202),
        Route("GET", f"{item}/logs", handlers.logs_of, "Task output", tag, gives="Logs",
              query=("stage", "task", "after", "$top")),
    ]  # fmt: skip


def _deployments() -> list[Route]:
    tag, kind, item = "Deployments", Kind.DEPLOYMENTS, "/deployments/{id}"
    return [
        Route("GET", "/deployments", generic.listing(kind), "List deployments", tag, gives="[Deployment]",
              query=LIST),
        Route("GET", item, generic.detail(kind), "Get a deployment", tag, gives="Deployment"),
        Route("GET", f"{item}/history", handlers.deployments_before, "Earlier deployments of the same workload", tag,
              gives="[Deployment]", query=LIST),
        Route("GET", "/dora", handlers.dora, "DORA figures of each pipeline", tag, gives="Dora",
              query=("days", "project")),
        Route("GET", f"{item}/now", handlers.deployment_now, "What its cluster runs now", tag, gives="DeploymentNow"),
    ]  # fmt: skip


def _endpoints() -> list[Route]:
    tag = "Endpoints"
    meant = ("id", "project", "name")
    return [
        *collection(Kind.ENDPOINTS, "Endpoint", "endpoint", tag),
        Route("GET", "/endpoint-types", endpoints.types, "List endpoint types", tag, gives="EndpointTypes"),
        Route("GET", "/endpoint-tiles", endpoints.tiles, "List endpoint types as tiles", tag, gives="Tiles"),
        Route("GET", "/endpoint-tiles/{type}", endpoints.tile, "Get the tile of an endpoint type", tag),
        Route("POST", "/endpoint-validation", endpoints.validate, "Validate an endpoint", tag, "Endpoint", "Validation",
              query=("repository", "namespace")),
        Route("GET", "/endpoint-certificate", endpoints.certificate, "Get a server's certificates", tag,
              gives="Certificates", query=("url",)),
        Route("GET", "/endpoint-tags", endpoints.tags, "List recent tags and which of them a pattern matches", tag,
              gives="Tags", query=(*meant, "repository", "tagNamePattern", "exclude")),
        Route("GET", "/endpoint-repositories", endpoints.repositories, "List repositories in its namespace", tag,
              gives="Repositories", query=meant),
        Route("GET", "/endpoint-workloads", endpoints.workloads, "List workloads in a namespace of its cluster", tag,
              gives="Workloads", query=(*meant, "namespace", "repository")),
        Route("POST", "/kubeconfig", endpoints.kubeconfig, "List the contexts of a kubeconfig", tag, "Kubeconfig",
              "KubeconfigContexts"),
    ]  # fmt: skip


def _hooks() -> list[Route]:
    tag, events = "Docker webhooks", "Docker events"
    verbs = ("rerun", "resume", "run-anyway")
    event = generic.action(Kind.EVENTS, verbs, default="rerun")
    exported = generic.exported(Kind.EVENTS)
    return [
        *collection(Kind.WEBHOOKS, "DockerWebhook", "Docker webhook", tag),
        Route(
            "POST", "/registry-webhooks/{id}", handlers.act_on_webhook, "Rotate its token, or test it", tag,
            "WebhookAction", "DockerWebhook", ("action",), actions=handlers.WEBHOOK_ACTIONS,
        ),
        Route(
            "GET", "/registry-events", exported, "List events", events, gives="[DockerEvent]",
            query=(*LIST, "export"), gives_also=AS_FILE,
        ),
        Route(
            "GET", "/registry-events/why", handlers.why, "Why was an image not deployed?", events,
            query=("repository", "tag", "at"),
        ),
        Route("GET", "/registry-events/{id}", generic.detail(Kind.EVENTS), "Get an event", events, gives="DockerEvent"),
        Route(
            "POST", "/registry-events/{id}", event, "Run an event again", events, "Object", "DockerEvent", ("action",),
            actions=verbs,
        ),
        Route(
            "DELETE", "/registry-events/{id}", generic.change(Kind.EVENTS, "delete"), "Delete an event", events,
            gives="DockerEvent",
        ),
    ]  # fmt: skip


def _approvals() -> list[Route]:
    tag, kind, schema = "User operations", Kind.USER_OPERATIONS, "UserOperation"
    item, answer, resource = "/user-operations/{id}", approvals.answer, "UserOperationResource"
    return [
        Route("GET", "/user-operations", generic.listing(kind), "List approvals", tag, gives=f"[{schema}]", query=LIST),
        Route("GET", item, generic.detail(kind), "Get an approval", tag, gives=schema),
        Route("PATCH", item, answer, "Approve or reject", tag, "UserOperationResponse", resource),
        Route("POST", item, answer, "Approve or reject", tag, "UserOperationResponse", resource),
        Route("DELETE", item, generic.change(kind, "delete"), "Delete a settled approval", tag, gives=schema),
        Route("POST", "/batch-user-operations", approvals.answer_all, "Approve or reject several", tag,
              "BatchUserOperation", "BatchUserOperationResult"),
    ]  # fmt: skip


def _sources() -> list[Route]:
    git, gerrit = "Git webhooks", "Gerrit"
    listener, trigger, listeners = "GerritListener", "GerritTrigger", "/gerrit-listeners"
    return [
        *collection(Kind.GIT_WEBHOOKS, "GitWebhook", "Git webhook", git),
        *events_of(Kind.GIT_EVENTS, "GitEvent", "Git event", git),
        Route("POST", "/git-webhook-listeners/{id}", sources.listen, "Where a Git server announces pushes", git,
              "Object", query=("token",), public=True),
        *collection(Kind.GERRIT_LISTENERS, listener, "Gerrit listener", gerrit),
        *clones(Kind.GERRIT_LISTENERS, listener, "Gerrit listener", gerrit),
        Route("POST", f"{listeners}/validate", sources.validate_listener, "Validate a Gerrit listener", gerrit,
              f"New {listener}", listener),
        *(
            Route("GET", f"{where}/projects", sources.gerrit_projects, "The projects that its triggers name", gerrit,
                  gives="Text")
            for where in (f"{listeners}/{{id}}", f"{listeners}/{{project}}/{{name}}")
        ),
        *collection(Kind.GERRIT_TRIGGERS, trigger, "Gerrit trigger", gerrit),
        *clones(Kind.GERRIT_TRIGGERS, trigger, "Gerrit trigger", gerrit),
        *events_of(Kind.GERRIT_EVENTS, "GerritEvent", "Gerrit event", gerrit),
        Route("POST", "/gerrit-events", generic.change(Kind.GERRIT_EVENTS, "create"), "Try a trigger on a change",
              gerrit, "GerritManualTrigger", "GerritManualAnswer"),
    ]  # fmt: skip


def _integrations() -> list[Route]:
    tag, schema = "Custom integrations", "CustomIntegration"
    versions = "/custom-integrations/{id}/versions"
    item, act = f"{versions}/{{label}}", integrations.act_on
    verbs = {
        "release": "Release a version: tasks can run it",
        "deprecate": "Deprecate a version: tasks still run it",
        "withdraw": "Withdraw a version: no task runs it",
        "restore": "Copy a version's content to the draft",
    }
    return [
        *collection(Kind.CUSTOM_INTEGRATIONS, schema, "custom integration", tag),
        Route("GET", versions, integrations.versions, "List its versions", tag, gives=f"[{schema}]", query=LIST),
        Route("POST", versions, act("version"), "Keep the draft as a version", tag, "IntegrationVersion", schema),
        Route("GET", item, integrations.version, "Get a version", tag, gives=schema),
        Route("PATCH", item, act("set-latest"), "Mark a version as the latest", tag, "IntegrationPatch", schema),
        Route("DELETE", item, act("delete-version"), "Delete a version", tag, gives=schema),
        *(Route("POST", f"{item}/{verb}", act(verb), title, tag, "Object", schema) for verb, title in verbs.items()),
    ]


def _people() -> list[Route]:
    tag = "Projects and people"
    users = collection(Kind.USERS, "User", "user", tag, named=False)
    tokens = [row for row in collection(Kind.TOKENS, "ApiToken", "API token", tag, named=False) if row.method != "PUT"]
    projects = collection(Kind.PROJECTS, "Project", "project", tag, named=False)
    provider = "SignInProvider"
    act = generic.action(Kind.PROVIDERS, ("try",), default="try")
    page, get_project = handlers.projects_page, generic.detail(Kind.PROJECTS)
    base, by_id = iaas.PROJECTS, f"{iaas.PROJECTS}/{{id}}"
    source, followed, git = "/projects/{id}/source", "DefinitionSource", "Definitions from Git"
    return [
        *projects,
        Route("GET", source, sources.definition_source, "Which repository a project follows, and its state", git,
              gives=followed),
        Route("PUT", source, generic.change(Kind.PROJECTS, "follow"), "Have a project follow a repository", git,
              f"New {followed}", followed),
        Route("DELETE", source, generic.change(Kind.PROJECTS, "unfollow"), "Have it no longer follow", git,
              gives=followed),
        Route("POST", f"{source}/sync", generic.change(Kind.PROJECTS, "sync"), "Look at the repository now", git,
              "Object", followed),
        *users,
        Route("POST", "/users/{id}", generic.action(Kind.USERS, ("password",)), "Set a password", tag, "Password",
              "User", ("action",), actions=("password",)),
        *tokens,
        *collection(Kind.PROVIDERS, provider, "sign-in provider", tag, named=False),
        Route("POST", "/sign-in-providers/{id}", act, "What somebody with these claims would get", tag, "SignInTrial",
              "SignInGrants", ("action",), actions=("try",)),
        Route("GET", "/sessions", generic.listing(Kind.SESSIONS), "List your sessions", tag, gives="[Session]",
              query=LIST),
        Route("GET", "/sessions/{id}", generic.detail(Kind.SESSIONS), "Get a session of yours", tag, gives="Session"),
        Route("DELETE", "/sessions/{id}", generic.change(Kind.SESSIONS, "delete"), "End a session of yours", tag,
              gives="Session"),
        Route("GET", "/iaas/api/about", handlers.about, "Versions of the API", tag, gives="About", public=True,
              absolute=True),
        Route("GET", base, iaas.page, "Projects, as a page", tag, gives="ProjectPage", query=LIST, absolute=True),
        Route("POST", base, iaas.change("create"), "Create a project", tag, "New Project", "IaasProject", ok=201,
              absolute=True),
        Route("GET", by_id, iaas.read, "One project", tag, gives="IaasProject", absolute=True),
        Route("PATCH", by_id, iaas.change("patch"), "Change a project", tag, "Project", "IaasProject", absolute=True),
        Route("DELETE", by_id, iaas.change("delete"), "Delete a project", tag, gives="", ok=204, absolute=True),
        Route("GET", "/project-service/api/projects", page, "Projects, as a page", tag, gives="ProjectPage",
              query=LIST, absolute=True),
        Route("GET", "/project-service/api/projects/{id}", get_project, "One project", tag, gives="Project",
              absolute=True),
    ]  # fmt: skip


def _system() -> list[Route]:
    tag, dead = "System", Kind.DEAD_LETTERS
    verbs = ("requeue", "discard")
    act = generic.action(dead, verbs)
    audit = generic.exported(Kind.AUDIT)
    delete = generic.change(dead, "delete")
    return [
        Route("GET", "/about", handlers.about, "Versions of the API", tag, gives="About", public=True),
        Route("GET", "/user-preferences", sign_in.preferences, "Who am I?", tag, gives="Preferences"),
        Route("GET", "/export", handlers.export, "Export definitions as YAML", tag, gives="Yaml",
              query=("project", *handlers.EXPORTED), gives_type="application/x-yaml"),
        Route("POST", "/import", handlers.import_, "Import definitions from YAML", tag, "Yaml", "ImportAnswer",
              ("action", "project"), actions=handlers.IMPORT_ACTIONS, takes_type="application/x-yaml",
              gives_type="application/x-yaml", gives_also=(("application/json", "ImportReport"),)),
        Route("GET", "/settings", handlers.settings, "Settings", tag, gives="Settings"),
        Route("PATCH", "/settings", handlers.change_settings, "Change the settings", tag,
              "Settings", "Settings"),
        Route("GET", "/notices", handlers.notices, "What administrators should do soon", tag, gives="Notices",
              query=("$top", "$skip", "about", "search")),
        Route("GET", "/audit", audit, "The audit log", tag, gives="[AuditEntry]", query=(*LIST, "export"),
              gives_also=AS_FILE),
        Route("GET", "/audit/{id}", generic.detail(Kind.AUDIT), "Get an audit log entry", tag, gives="AuditEntry"),
        Route("GET", "/queues", handlers.queues, "What waits in each queue", tag, gives="Queues"),
        Route("GET", "/dead-letters", generic.listing(dead), "List messages that could not be processed", tag,
              gives="[DeadLetter]", query=LIST),
        Route("GET", "/dead-letters/{id}", generic.detail(dead), "Get a dead letter", tag, gives="DeadLetter"),
        Route("POST", "/dead-letters/{id}", act, "Requeue or discard a dead letter", tag, "Object", "DeadLetter",
              ("action",), actions=verbs),
        Route("DELETE", "/dead-letters/{id}", delete, "Discard a dead letter", tag, gives="DeadLetter"),
        Route("GET", "/health", handlers.health, "Health of the configuration service", tag, gives="Health"),
        Route("GET", "/cloud-proxy", handlers.nothing, "Always empty", tag, gives="[Object]"),
    ]  # fmt: skip


def _sign_in() -> list[Route]:
    tag, form = "Sign-in", "application/x-www-form-urlencoded"
    paths = ("/csp/gateway/am/api/login", "/csp/gateway/am/idp/auth/login")
    by_form = "/csp/gateway/am/api/auth/api-tokens/authorize"
    return [
        *(
            Route("POST", path, sign_in.by_password, "Sign in with a password", tag, "Login", "Tokens",
                  ("access_token",), public=True, absolute=True)
            for path in paths
        ),
        Route("POST", "/iaas/api/login", sign_in.by_refresh_token, "Sign in with an API token", tag, "TokenLogin",
              "AccessToken", public=True, absolute=True),
        Route("POST", by_form, sign_in.by_form, "Sign in with an API token, as a form", tag, "TokenForm", "Tokens",
              public=True, absolute=True, takes_type=form),
        Route("POST", "/oauth/device", oauth.begin_device, "Begin to sign a program in by a page (RFC 8628)", tag,
              "DeviceForm", "DeviceCodes", public=True, absolute=True, takes_type=form),
        Route("POST", "/oauth/token", oauth.token, "Get the API token of a sign-in that was confirmed", tag,
              "DeviceTokenForm", "DeviceTokens", public=True, absolute=True, takes_type=form),
    ]  # fmt: skip


ROUTES: tuple[Route, ...] = (
    *_pipelines(),
    *_templates_and_tiles(),
    *_executions(),
    *_deployments(),
    *_endpoints(),
    *collection(Kind.VARIABLES, "Variable", "variable", "Variables"),
    *collection(Kind.SCHEDULES, "Schedule", "schedule", "Schedules"),
    *_hooks(),
    *_sources(),
    *_integrations(),
    *_approvals(),
    *_people(),
    *_system(),
    *_sign_in(),
)
