"""What the API server refuses: unknown fields and wrong types by the client's models, and the rules it is known for."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from kubernetes import client as models
from pydantic import ValidationError

from .errors import ApiError, Obj, bad_request, invalid
from .kinds import KindRow

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_QUANTITY_PARENTS = frozenset({"limits", "requests", "hard", "capacity", "allocatable", "default", "defaultRequest"})
_LABEL_NAMED = frozenset({"Namespace", "Service"})

Causes = list[tuple[str, str]]


def schema_flaws(row: KindRow, obj: Obj) -> list[str]:
    """Fields that the kind does not have and values of the wrong type, as sentences; none for custom resources."""
    if not row.model:
        return []
    try:
        getattr(models, row.model).model_validate(obj, by_alias=True, by_name=False)
    except ValidationError as wrong:
        return [text for text in map(_sentence, wrong.errors()) if text]
    return []


def _sentence(error: Any) -> str:
    place = [part for part in error["loc"] if not str(part).startswith(("function-", "constrained-"))]
    if any(part in _QUANTITY_PARENTS for part in place) and isinstance(error["input"], int | float):
        return ""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    if error["type"] == "extra_forbidden":
        return f"{path}: field not declared in schema"
    if error["type"] == "missing":
        return ""
    return f"{path}: {error['msg']}, got {error['input']!r:.60}"


def check_schema(row: KindRow, obj: Obj, *, strict: bool) -> None:
    """400 for what the schema does not know; without `strict` only wrong types count, as for a plain create."""
    flaws = schema_flaws(row, obj)
    if not strict:
        flaws = [flaw for flaw in flaws if not flaw.endswith("not declared in schema")]
    if flaws:
        name = obj.get("metadata", {}).get("name", "")
        kind = f"{row.kind}.{row.group}" if row.group else row.kind
        if strict:
            raise bad_request(
                f"failed to create typed patch object ({obj.get('metadata', {}).get('namespace', '')}/{name}; "
                f"{row.api_version}, Kind={row.kind}): {'; '.join(flaws)}"
            )
        raise bad_request(f'{row.kind} in version "{row.version}" cannot be handled as a {kind}: {"; ".join(flaws)}')


def check(row: KindRow, obj: Obj, old: Obj | None) -> None:
    """422 with every wrong value, or nothing."""
    causes: Causes = []
    metadata = obj["metadata"]
    name = str(metadata.get("name", ""))
    pattern, limit = (_LABEL, 63) if row.kind in _LABEL_NAMED else (_SUBDOMAIN, 253)
    if row.group != "rbac.authorization.k8s.io" and (not pattern.fullmatch(name) or len(name) > limit):
        causes.append(
            (
                "metadata.name",
                f'Invalid value: "{name}": a lowercase RFC 1123 name must consist of lower case '
                "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            )
        )
    _labels(metadata.get("labels"), "metadata.labels", causes)
    rule = _RULES.get(row.kind)
    if rule and row.model:
        rule(obj, old, causes)
    if causes:
        raise invalid(row, name, causes)


def _labels(labels: Any, path: str, causes: Causes) -> None:
    for key, value in (labels or {}).items():
        if not _LABEL_KEY.fullmatch(str(key)):
            causes.append((path, f'Invalid value: "{key}": name part must consist of alphanumeric characters'))
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            causes.append(
                (
                    path,
                    f'Invalid value: "{value}": a valid label must be an empty string or consist of '
                    "alphanumeric characters, '-', '_' or '.', at most 63",
                )
            )


def _pod_spec(spec: Any, path: str, causes: Causes) -> None:
    spec = spec if isinstance(spec, dict) else {}
    containers = spec.get("containers") or []
    if not containers:
        causes.append((f"{path}.containers", "Required value"))
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    names: set[str] = set()
    for index, container in enumerate(containers):
        field = f"{path}.containers[{index}]"
        name = container.get("name") or ""
        if not name:
            causes.append((f"{field}.name", "Required value"))
        elif not _LABEL.fullmatch(name) or len(name) > 63:
            causes.append((f"{field}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is required'))
        elif name in names:
            causes.append((f"{field}.name", f'Duplicate value: "{name}"'))
        names.add(name)
        image = container.get("image") or ""
        if not image:
            causes.append((f"{field}.image", "Required value"))
        elif image != image.strip():
            causes.append((f"{field}.image", f'Invalid value: "{image}": must not have leading or trailing whitespace'))
        for place, port in enumerate(container.get("ports") or ()):
            if not 0 < int(port.get("containerPort") or 0) < 65536:
                causes.append((f"{field}.ports[{place}].containerPort", "Invalid value: must be between 1 and 65535"))
        for place, mount in enumerate(container.get("volumeMounts") or ()):
            if mount.get("name") not in volumes:
                causes.append((f"{field}.volumeMounts[{place}].name", f'Not found: "{mount.get("name")}"'))


def _workload(obj: Obj, old: Obj | None, causes: Causes) -> None:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    if int(spec.get("replicas") or 0) < 0:
        causes.append(("spec.replicas", "Invalid value: must be greater than or equal to 0"))
    selector = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        causes.append(("spec.selector", "Required value"))
    elif any(labels.get(key) != value for key, value in selector.items()):
        causes.append(
            ("spec.template.metadata.labels", f"Invalid value: {labels}: `selector` does not match template `labels`")
        )
    _labels(labels, "spec.template.metadata.labels", causes)
    _pod_spec(template.get("spec"), "spec.template.spec", causes)
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in (None, "Always"):
        causes.append(
            ("spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": supported values: "Always"')
        )
    if old and old["spec"].get("selector") != spec.get("selector"):
        causes.append(("spec.selector", f"Invalid value: {spec.get('selector')}: field is immutable"))


def _job(obj: Obj, old: Obj | None, causes: Causes) -> None:
    template = (obj.get("spec") or {}).get("template") or {}
    _pod_spec(template.get("spec"), "spec.template.spec", causes)
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        causes.append(("spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'))
    if old and old["spec"].get("template") != template:
        causes.append(("spec.template", "Invalid value: field is immutable"))


def _pod(obj: Obj, old: Obj | None, causes: Causes) -> None:
    _pod_spec(obj.get("spec"), "spec", causes)
    if old and len(old["spec"].get("containers") or ()) != len((obj.get("spec") or {}).get("containers") or ()):
        causes.append(("spec.containers", "Forbidden: pod updates may not add or remove containers"))


def _service(obj: Obj, old: Obj | None, causes: Causes) -> None:
    spec = obj.get("spec") or {}
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(("spec.ports", "Required value"))
    for index, port in enumerate(ports):
        if not 0 < int(port.get("port") or 0) < 65536:
            causes.append((f"spec.ports[{index}].port", "Invalid value: must be between 1 and 65535, inclusive"))
        if len(ports) > 1 and not port.get("name"):
            causes.append((f"spec.ports[{index}].name", "Required value"))
    if old and old["spec"].get("clusterIP") not in (None, spec.get("clusterIP")):
        causes.append(("spec.clusterIPs[0]", "Invalid value: may not change once set"))


def _data(obj: Obj, old: Obj | None, causes: Causes) -> None:
    for key in obj.get("data") or {}:
        if not _DATA_KEY.fullmatch(key):
            causes.append(
                (
                    f"data[{key}]",
                    f'Invalid value: "{key}": a valid config key must consist of alphanumeric '
                    "characters, '-', '_' or '.'",
                )
            )
    if old and old.get("immutable") and old.get("data") != obj.get("data"):
        causes.append(("data", "Forbidden: field is immutable when `immutable` is set"))
    if old and obj.get("kind") == "Secret" and old.get("type") != obj.get("type"):
        causes.append(("type", "Invalid value: field is immutable"))


_RULES = {
    "Deployment": _workload,
    "StatefulSet": _workload,
    "DaemonSet": _workload,
    "ReplicaSet": _workload,
    "Job": _job,
    "Pod": _pod,
    "Service": _service,
    "ConfigMap": _data,
    "Secret": _data,
}


def check_secret_encoding(obj: Obj) -> None:
    """400 for `data` that is not base64."""
    if obj.get("kind") != "Secret":
        return
    for value in (obj.get("data") or {}).values():
        try:
            base64.b64decode(str(value), validate=True)
        except (binascii.Error, ValueError) as wrong:
            raise bad_request(
                'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
            ) from wrong


def check_body(row: KindRow, obj: Any, name: str, namespace: str) -> Obj:
    """400 when the body is not an object of this kind, or names another object than the address does."""
    if not isinstance(obj, dict):
        raise bad_request("couldn't get version/kind; json parse error: the body must be an object")
    kind, api_version = obj.get("kind"), obj.get("apiVersion")
    if not kind or not api_version:
        raise bad_request(f"Object 'Kind' or 'apiVersion' is missing in '{str(obj)[:80]}'")
    if (kind, api_version) != (row.kind, row.api_version):
        raise bad_request(
            f"the API version in the data ({api_version}, {kind}) does not match the expected API version "
            f"({row.api_version}, {row.kind})"
        )
    metadata = obj.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request("metadata must be an object")
    checked: Obj = {**obj, "metadata": dict(metadata or {})}
    if name and checked["metadata"].setdefault("name", name) != name:
        raise bad_request(
            f"the name of the object ({obj['metadata']['name']}) does not match the name on the URL ({name})"
        )
    if row.namespaced:
        if checked["metadata"].setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    else:
        checked["metadata"].pop("namespace", None)
    return checked


__all__ = ["ApiError", "check", "check_body", "check_schema", "check_secret_encoding", "schema_flaws"]
