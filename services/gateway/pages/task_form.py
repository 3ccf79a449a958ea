"""The panel of a task, drawn from its type's schema, and the task that a filled-in panel means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.contracts.texts import whole_number
from shared.grammar.export import plain_yaml
from shared.grammar.malformed import Malformed
from shared.grammar.task_schemas import TASK_SCHEMAS, spelled_input
from shared.grammar.yaml_parser import parse_one_yaml

Form = Mapping[str, str]
INPUT, ENDPOINT = "i.", "e."
SOURCE = "source"
LOCAL, CONTROL, KUSTOMIZE, CHART = "Local Definition", "Source Control", "Kustomize", "Helm chart"
SOURCES = (LOCAL, CONTROL, KUSTOMIZE, CHART)
_OF_SOURCES = {
    "yaml": (LOCAL,),
    **dict.fromkeys(("filePath", "scmConstants"), (CONTROL,)),
    **dict.fromkeys(("kustomization", "images", "namePrefix", "nameSuffix", "patches"), (KUSTOMIZE,)),
    **dict.fromkeys(("chart", "chartRepository", "chartVersion", "values", "valuesFiles", "runTests"), (CHART,)),
    **dict.fromkeys(("releaseName", "prune", "takeOver"), (KUSTOMIZE, CHART)),
}
"""Of a Kubernetes task: the payload sources that a field goes with; the others go with all."""
_FIRST = ("action", *_OF_SOURCES, "timeout", "rollbackOnFailure")
"""Of a Kubernetes task: what is always asked; the rest waits behind More."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a panel. `kind` is `text`, `lines`, `flag` or `choice`."""

    name: str
    title: str
    about: str
    kind: str
    value: str
    choices: tuple[str, ...] = ()
    must: bool = False
    more: bool = False
    source: str = ""
    """Asked for only with these payload sources, separated by commas."""


def fields(schema: Json, task: Json) -> list[Field]:
    """The panel's fields, with the values that the task has."""
    values = spelled_input(schema, task.get("input") or {})
    kubernetes = "kubernetesServer" in (schema.get("x-endpoints") or {})
    panel = []
    for name, about in (schema.get("properties") or {}).items():
        value = values.get(name, about.get("default"))
        panel.append(
            Field(
                INPUT + name,
                about.get("title") or name,
                about.get("description") or "",
                _kind(about, value),
                _shown(value),
                tuple(about.get("enum") or ()),
                name in (schema.get("required") or ()),
                kubernetes and name not in _FIRST,
                ",".join(_OF_SOURCES.get(name, ())) if kubernetes else "",
            )
        )
    return panel


def source_of(task: Json) -> str:
    """Where a Kubernetes task takes its payload from."""
    values = spelled_input(TASK_SCHEMAS["K8S"], task.get("input") or {})
    endpoints = task.get("endpoints") or {}
    if values.get("kustomization"):
        return KUSTOMIZE
    if values.get("chart"):
        return CHART
    return CONTROL if values.get("filePath") or endpoints.get("scm") else LOCAL


def read(schema: Json, task: Json, form: Form) -> Json:
    """The task of the panel; a field left at its default is not written, what the panel does not know is kept."""
    values = spelled_input(schema, task.get("input") or {})
    for name, about in (schema.get("properties") or {}).items():
        if about.get("type") == "object" or (INPUT + name not in form and not _is_unticked(name, about, values, form)):
            continue
        value = _meant(about, form.get(INPUT + name, ""))
        if value in ("", None) or (name not in values and value == (about.get("default") or False)):
            values.pop(name, None)
        else:
            values[name] = value
    endpoints = {
        **(task.get("endpoints") or {}),
        **{role: form.get(ENDPOINT + role, "") for role in schema.get("x-endpoints") or {} if ENDPOINT + role in form},
    }
    if (source := form.get(SOURCE)) in SOURCES:
        values = {name: value for name, value in values.items() if source in _OF_SOURCES.get(name, SOURCES)}
    if source == LOCAL:
        endpoints.pop("scm", None)
    if source in SOURCES and source != CHART:
        endpoints.pop("charts", None)
    changed = {**task, "endpoints": {role: name for role, name in endpoints.items() if name}, "input": values}
    for key in ("preCondition", "ignoreFailure"):
        changed[key] = form.get(key, "") if key == "preCondition" else bool(form.get(key))
    optional = ("endpoints", "preCondition", "ignoreFailure")
    return {key: value for key, value in changed.items() if value or key not in optional}


def _is_unticked(name: str, about: Json, values: Json, form: Form) -> bool:
    """Whether a box that the form does not send was there and left empty."""
    return _kind(about, values.get(name)) == "flag" and (name not in _OF_SOURCES or SOURCE in form)


def _kind(about: Json, value: Any) -> str:
    if about.get("enum"):
        return "choice"
    types = about.get("type")
    if isinstance(types, list) and "boolean" in types and not isinstance(value, str):
        return "flag"
    if about.get("x-multiline") or (isinstance(types, list) and {"object", "array"} & set(types)):
        return "lines"
    return "text"


def _shown(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, dict | list):
        return plain_yaml(value).rstrip("\n") if value else ""
    return str(value)


def _meant(about: Json, text: str) -> Any:
    """A text of the form as the type that the schema wants; an expression stays a text."""
    types = about.get("type")
    types = types if isinstance(types, list) else [types]
    text = text.replace("\r\n", "\n")
    if "boolean" in types:
        return text if text.startswith("${") else text in ("yes", "true")
    if "integer" in types and (number := whole_number(text.strip().removeprefix("-"))) is not None:
        return -number if text.strip().startswith("-") else number
    if {"object", "array"} & set(types) and text.strip() and not text.startswith("${"):
        try:
            return parse_one_yaml(text)
        except Malformed:
            return text
    return text if about.get("x-multiline") else text.strip()
