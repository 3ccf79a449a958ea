"""What each task type takes as input, as JSON Schema: checked when a pipeline is saved, and forms are drawn from it.

Any value may be an expression such as `${input.replicas}`, so a field that is not text takes text as well.
`x-endpoints` names the endpoint roles of the type and the endpoint types that fit; `x-multiline` asks for a
large field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


def _text(title: str, description: str = "", **more: Any) -> Schema:
    return {"type": "string", "title": title, "description": description, **more}


def _image(title: str, description: str) -> Schema:
    return _text(title, description, **{"x-image": True})


def _whole(title: str, description: str = "", **more: Any) -> Schema:
    return {"type": ["integer", "string"], "title": title, "description": description, **more}


def _flag(title: str, description: str = "", **more: Any) -> Schema:
    return {"type": ["boolean", "string"], "title": title, "description": description, **more}


def _map(title: str, description: str = "", **more: Any) -> Schema:
    return {"type": ["object", "string"], "title": title, "description": description, **more}


def _list(title: str, description: str = "", **more: Any) -> Schema:
    return {"type": ["array", "string"], "title": title, "description": description, **more}


def _schema(title: str, description: str, properties: Schema, *, required: tuple[str, ...] = (), **more: Any) -> Schema:
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(required),
        **more,
    }


CUSTOM = "Custom"
K8S_ACTIONS = ("GET", "CREATE", "APPLY", "DELETE", "ROLLBACK", "PATCH", "DIFF", "WAIT")

_WAYS = ["email", "slack", "teams", "discord", "pagerduty", "webhook"]
"""In which notices go out: types of endpoints."""

TASK_SCHEMAS: dict[str, Schema] = {
    "K8S": _schema(
        "Kubernetes",
        "Reads, applies, waits for or puts back objects of a Kubernetes cluster.",
        {
            "action": _text(
                "Action",
                "APPLY creates what is missing and updates what is there. CREATE fails where an object exists, so from "
                "the second run on, unless `continueOnConflict` leaves it as it is.",
                enum=list(K8S_ACTIONS),
            ),
            "timeout": _whole("Timeout (minutes)", "How long to wait until the objects are ready.", default=5),
            "yaml": _text("Local YAML", "One or several documents.", **{"x-multiline": True}),
            "references": _text(
                "References",
                "`text`: the text of variables is put into the YAML before it is read, fields and all.",
                enum=["values", "text"],
                default="values",
            ),
            "filePath": _text("File path", "A file at the Git endpoint `scm`, instead of local YAML."),
            "branch": _text("Branch", "Of the file: a branch or tag; else the endpoint's, else the repository's own."),
            "scmConstants": _map("Parameters", "Values for `$${NAME}` in the file from Git."),
            "kustomization": _text("Folder", "Kustomize: of an overlay or base at the Git endpoint `scm`."),
            "images": _list(
                "Images",
                "Kustomize: by name what to run instead, as in `acme/web: acme/web:1.4`.",
                type=["object", "array", "string"],
            ),
            "namePrefix": _text("Name prefix", "Kustomize: put before each object's name."),
            "nameSuffix": _text("Name suffix", "Kustomize: put behind each object's name."),
            "patches": _list(
                "Patches", "Kustomize: objects to merge, or `target` and `patch`.", **{"x-multiline": True}
            ),
            "chart": _text("Chart", "Helm: its folder at the Git endpoint, `oci://…`, or its name in a repository."),
            "chartRepository": _text(
                "Chart repository", "Helm: where a named chart is, as in `https://charts.example.com`."
            ),
            "chartVersion": _text("Chart version", "Helm: of a fetched chart, as in `1.4.2` or `^1.4`."),
            "values": _map("Values", "Helm: as in a chart's values.yaml.", **{"x-multiline": True}),
            "valuesFiles": _list("Values files", "Helm: files at the Git endpoint `scm`; later ones win."),
            "releaseName": _text("Release name", "Helm, Kustomize: else the chart's name; names what the task made."),
            "prune": _flag("Prune", "Helm, Kustomize: delete what the release no longer has.", default=True),
            "takeOver": _flag("Take over", "Helm, Kustomize: deploy an existing Helm release from here from now on."),
            "runTests": _flag("Run the chart's tests", "Helm: after the roll-out.", default=False),
            "namespace": _text("Namespace", "Where an object names none; else the endpoint's, else `default`."),
            "kind": _text("Kind", "GET: kind of the objects to read, as in `Deployment`."),
            "apiVersion": _text("API version", "GET: where the kind alone is ambiguous."),
            "name": _text("Name", "GET: one object's name."),
            "filterByLabel": _text("Filter by label", "GET: a label selector, as in `app=web`."),
            "continueOnConflict": _flag("Continue on conflict", "CREATE: leave what exists as it is.", default=False),
            "force": _flag("Force", "APPLY: take over fields that another manager owns.", default=False),
            "partial": _flag(
                "Only what changes", "APPLY, DIFF: of workloads that are there the manifest names only what changes."
            ),
            "dryRun": _flag("Dry run", "APPLY, CREATE: the cluster checks everything and changes nothing."),
            "pinDigest": _flag("Pin the digest", "Deploy the pushed image by its digest.", default=True),
            "rollbackOnFailure": _flag("Put back on failure", "Apply the last good manifest again.", default=False),
            "waitFor": _text(
                "Wait for", 'As in `object.status.phase == "Ready"`, for kinds whose readiness is not known.'
            ),
            "patch": _map("Patch", "PATCH: what to change, as YAML or JSON.", **{"x-multiline": True}),
            "patchType": _text("Kind of patch", "PATCH", enum=["merge", "strategic", "json"], default="merge"),
            "resourceType": _text("Resource type", "ROLLBACK", enum=["Deployment", "StatefulSet", "DaemonSet"]),
            "resourceName": _text("Resource name", "ROLLBACK"),
            "revision": _whole("Revision", "ROLLBACK: a revision's number, or -1 for the one before.", default=-1),
            "imagePullSecretFrom": _text("Pull secret from", "A Docker endpoint whose sign-in the pods pull with."),
        },
        required=("action",),
        **{
            "x-endpoints": {"kubernetesServer": ["k8s"], "scm": ["git"], "charts": ["docker"]},
            "x-required-endpoints": ["kubernetesServer"],
        },
    ),
    "IMAGE": _schema(
        "Image",
        "Copies an image to another tag, repository or registry; the digest stays the same.",
        {
            "source": _image("Source", "As in `acme/web:1.4.1`; by default the image that was pushed."),
            "target": _image("Target", "As in `acme/web:prod`; `:prod` is another tag of the source's repository."),
            "tags": _list("Further tags", "That are to name the image in the target's repository too."),
            "overwrite": _flag("Overwrite", "Let a tag that names another image name this one.", default=True),
        },
        required=("target",),
        **{"x-endpoints": {"source": ["docker"], "target": ["docker"]}, "x-required-endpoints": ["target"]},
    ),
    "CI": _schema(
        "CI",
        "Runs shell commands in the pipeline's workspace, as a Job in a Kubernetes cluster.",
        {
            "steps": _list("Steps", "Commands of one shell, one after the other.", **{"x-multiline": True}),
            "export": _list("Export", "Environment variables that the steps set and later tasks need."),
            "artifacts": _list("Artifacts", "Small files to keep in the output, as in `reports/*.xml`."),
            "process": _list("Process", "Kept for imported pipelines; has no effect."),
        },
        required=("steps",),
        **{"x-endpoints": {"kubernetesServer": ["k8s"]}, "x-required-endpoints": []},
    ),
    CUSTOM: _schema(
        "Custom integration",
        "Runs a custom integration of the project, as a Job in the pipeline's workspace.",
        {
            "name": _text("Custom integration", "Its name."),
            "version": _text("Version", "A released version; else the latest one."),
            "properties": _map("Inputs", "Values for its inputs, by name."),
        },
        required=("name",),
        **{"x-endpoints": {"kubernetesServer": ["k8s"]}, "x-required-endpoints": []},
    ),
    "SSH": _schema(
        "SSH",
        "Runs a script on a host.",
        {
            "host": _text("Host", "As in `app.example.com`, or with its port `app.example.com:2222`."),
            "port": _whole("Port", default=22),
            "username": _text("User name"),
            "password": _text("Password", "Better a secret variable, as in `${var.password}`."),
            "privatekey": _text("Private key", "Better a secret variable: `${var.key}`.", **{"x-multiline": True}),
            "passphrase": _text("Passphrase", "Of the private key."),
            "hostKey": _text("Host key", "As `ssh-keyscan` prints it: no other host is spoken to."),
            "script": _text("Script", "Shell, unless its first line names an interpreter.", **{"x-multiline": True}),
            "arguments": _list("Arguments"),
            "environmentVariables": _map("Environment variables"),
            "workingDirectory": _text("Working folder", "Else the account's home."),
            "continueOnCommandFailure": _flag("Continue after a command that fails", default=False),
        },
        required=("host", "username", "script"),
    ),
    "Condition": _schema(
        "Condition",
        "Fails the run when its condition is false.",
        {"condition": _text("Condition", 'As in `${input.DOCKER_TAG} == "latest"`.')},
        required=("condition",),
    ),
    "Log": _schema(
        "Log",
        "Writes a message to the task's log.",
        {"message": _text("Message", "", **{"x-multiline": True})},
    ),
    "REST": _schema(
        "REST",
        "Makes one HTTP request.",
        {
            "action": _text(
                "Action", enum=["get", "post", "put", "patch", "delete", "GET", "POST", "PUT", "PATCH", "DELETE"]
            ),
            "url": _text("URL"),
            "headers": _map("Headers"),
            "payload": {
                "type": ["string", "object", "array", "null"],
                "title": "Payload",
                "description": "The body; an object is sent as JSON.",
                "x-multiline": True,
            },
            "timeout": _whole("Timeout (seconds)", default=60),
            "repeatable": _flag(
                "May be repeated",
                "Whether to send it again if a runner died while it was on its way. By default GET, PUT and DELETE "
                "are, POST and PATCH are not. Give it for a GET that changes something.",
            ),
        },
        required=("action", "url"),
    ),
    "POLL": _schema(
        "POLL",
        "Asks an address again and again until a condition holds.",
        {
            "url": _text("URL"),
            "headers": _map("Headers"),
            "pollCount": _whole("Poll count", "How often to ask at most.", default=30),
            "pollIntervalSeconds": _whole("Interval (seconds)", default=10),
            "ignoreFailure": _flag("Ignore failures", "Ask on when an answer is an error."),
            "exitCriteria": {
                "type": "object",
                "title": "Exit criteria",
                "description": "Conditions over `response`: the first that holds ends the task.",
                "properties": {
                    "success": _text("Success", 'As in `response.responseJson.status == "ok"`.'),
                    "failure": _text("Failure"),
                },
            },
        },
        required=("url",),
    ),
    "Notify": _schema(
        "Notify",
        "Tells people or a program something in the middle of a run.",
        {
            "kind": _text("Way", "By default the endpoint's type.", enum=_WAYS),
            "to": _list("To", "email: addresses."),
            "subject": _text("Subject", "email"),
            "body": _text("Body", "email", **{"x-multiline": True}),
            "html": _text("Page", "email: the body as HTML, beside or in place of the text.", **{"x-multiline": True}),
            "title": _text("Title", "teams, discord"),
            "text": _text("Text", "slack, teams, discord", **{"x-multiline": True}),
            "content": _text("Before the box", "discord: plain message, such as one that mentions people."),
            "channel": _text("Channel", "slack: by default the endpoint's own."),
            "url": _text("URL", "webhook: instead of an endpoint."),
            "action": _text("Action", "webhook", enum=["post", "put", "patch", "POST", "PUT", "PATCH"]),
            "headers": _map("Headers", "webhook"),
            "payload": _text("Payload", "webhook, teams, discord: in place of ours", **{"x-multiline": True}),
            "summary": _text("Summary", "pagerduty"),
            "severity": _text("Severity", "pagerduty", enum=["critical", "error", "warning", "info"]),
            "eventAction": _text("Action", "pagerduty", enum=["trigger", "acknowledge", "resolve"]),
            "dedupKey": _text("Key of the alert", "pagerduty: by default names the pipeline and the task."),
            "source": _text("Source", "pagerduty"),
            "component": _text("Component", "pagerduty"),
            "details": _map("Details", "pagerduty"),
        },
        required=(),
        **{"x-endpoints": {"notify": _WAYS}, "x-required-endpoints": []},
    ),
    "UserOperation": _schema(
        "User operation",
        "Waits until somebody approves or rejects.",
        {
            "approvers": _list("Approvers"),
            "approverGroups": _list("Approver groups"),
            "summary": _text("Summary"),
            "description": _text("Description", "", **{"x-multiline": True}),
            "sendemail": _flag("Send e-mail"),
            "expiration": _whole("Expires after", default=3),
            "expirationUnit": _text("Unit", enum=["DAYS", "HOURS", "MINUTES"], default="DAYS"),
            "expirationInDays": _whole("Expires after (days)"),
            "pipelineName": _text("Pipeline name"),
            "cancelPreviousPendingUserOp": _flag("Cancel earlier pending ones"),
            "quorum": _whole("Approvals needed", default=1),
        },
    ),
    "Pipeline": _schema(
        "Pipeline",
        "Runs another pipeline and waits for it.",
        {
            "pipeline": _text("Pipeline"),
            "inputProperties": _map("Inputs"),
        },
        required=("pipeline",),
    ),
}
"""By the `type` of a task."""

ENDPOINT_INPUTS = {"K8S": ("imagePullSecretFrom",)}
"""Inputs that name an endpoint which the task uses beside those of its roles."""


def spelled_input(schema: Mapping[str, Any], input: Mapping[str, Any]) -> dict[str, Any]:
    """A task's input under the names of its type's schema, whatever their case; a name written right wins."""
    properties = schema.get("properties") or {}
    names = {name.casefold(): name for name in properties if name not in input}
    return {(key if key in properties else names.get(str(key).casefold(), key)): value for key, value in input.items()}
