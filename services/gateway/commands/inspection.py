"""Looks at the outside for the API and the pages: an endpoint tried, and what its registry or cluster shows.

config fills in the endpoint and checks the caller's rights; Docker Hub's own API is asked through hubsync, the rest
through a runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.gateway.config_client import ConfigClient
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Get, Inspect, Kind, ValidateAsk, Validated
from shared.contracts.envelope import Caller
from shared.contracts.problems import Refused
from shared.contracts.pushes import Push
from shared.contracts.runs import ResolvedEndpoint
from shared.contracts.times import epoch_or_none
from shared.grammar.patterns import judge
from shared.grammar.repositories import HUB_HOST, meant_repository, repository_of


def is_hub(endpoint: ResolvedEndpoint) -> bool:
    """Whether it is Docker Hub that the endpoint names."""
    return endpoint.type == "docker" and endpoint.properties.get("serverType") == "DockerHub"


def prepared(
    config: ConfigClient,
    caller: Caller,
    *,
    id: str = "",
    body: Json | None = None,
    sealed: dict[str, Sealed] | None = None,
    project: str = "",
    name: str = "",
) -> ResolvedEndpoint:
    """An endpoint, stored or only typed, with its variables filled in and its secrets sealed."""
    options: Json = {"forValidation": True}
    if body is not None:
        options |= {"body": body, "sealed": {path: box.model_dump() for path, box in (sealed or {}).items()}}
    ask = Get(kind=Kind.ENDPOINTS, id=id, project=project, name=name, options=options)
    return ResolvedEndpoint.model_validate(config.get(caller, ask).document)


def tried(config: ConfigClient, caller: Caller, endpoint: ResolvedEndpoint, options: Json | None = None) -> Validated:
    """Try an endpoint for real. Docker Hub's account is tried twice: may it manage webhooks, and can it pull."""
    options = options or {}
    manages = is_hub(endpoint) and endpoint.properties.get("username")
    hooks = _hooks(config, caller, endpoint, options) if manages else None
    if hooks is not None and not hooks.ok and hooks.code not in ("no-right", "by-hand", "unavailable"):
        return hooks
    pull = config.validate(caller, ValidateAsk(endpoint=endpoint, options=options))
    if hooks is None or not pull.ok:
        return pull
    message = f"{pull.message} {hooks.message}".strip()
    if hooks.code == "no-right":
        return hooks.model_copy(update={"message": message, "details": {**pull.details, **hooks.details}})
    step = pull.next_step if hooks.ok else hooks.next_step
    return pull.model_copy(update={"message": message, "next_step": step, "details": {**pull.details, **hooks.details}})


def _hooks(config: ConfigClient, caller: Caller, endpoint: ResolvedEndpoint, options: Json) -> Validated:
    try:
        inspected = config.inspect_hub(caller, Inspect(what="rights", endpoint=endpoint, options=options))
        return Validated.model_validate(inspected.document)
    except Refused as away:
        return Validated(
            ok=False,
            code="unavailable",
            message=f"Could not check whether its webhooks can be managed: {away.problem.message}",
            next_step=away.problem.next_step,
        )


def inspect_outside(
    config: ConfigClient, caller: Caller, subject: str, endpoint: ResolvedEndpoint | None, options: Json | None = None
) -> Json:
    """What is outside: `tags`, `repositories`, `workloads`, `certificate`."""
    ask = Inspect(what=subject, endpoint=endpoint, options=options or {})
    hub = endpoint is not None and is_hub(endpoint)
    return (config.inspect_hub if hub else config.inspect)(caller, ask).document


def certificates(config: ConfigClient, caller: Caller, url: str) -> Json:
    """The certificates that a server shows; only for who may make endpoints somewhere."""
    config.get(caller, Get(kind=Kind.ENDPOINTS, options={"mayTry": True}))
    return inspect_outside(config, caller, "certificate", None, {"url": url})


def last_tags(
    config: ConfigClient, caller: Caller, endpoint: ResolvedEndpoint, repository: str, pattern: str, exclude: list[str]
) -> Json:
    """The last tags of a repository, each with whether a push of it would run and why. Raises `BadPattern`."""
    listing = inspect_outside(config, caller, "tags", endpoint, {"repository": repository} if repository else {})
    return {**listing, "tags": [_judged(tag, pattern, exclude) for tag in listing["tags"]]}


@dataclass(frozen=True, slots=True)
class TagToRun:
    """A tag as the push that it would be; `at` is when it was pushed or, by `is_built`, built: ISO 8601 or blank."""

    push: Push
    at: str
    is_built: bool
    problem: str = ""


def tags_to_run(
    config: ConfigClient, caller: Caller, project: str, endpoint: str, repo_name: str
) -> tuple[TagToRun, ...]:
    """The last tags of a webhook's repository, each with its digest and time where the registry gives them; for who
    may run pipelines there. Raises `Refused`."""
    ask = Get(kind=Kind.ENDPOINTS, project=project, name=endpoint, options={"forTags": True})
    resolved = ResolvedEndpoint.model_validate(config.get(caller, ask).document)
    meant = meant_repository(resolved.properties, repo_name)
    host = HUB_HOST if is_hub(resolved) else meant.host
    listing = inspect_outside(config, caller, "tags", resolved, {"repository": meant.path, "details": True})
    return tuple(_to_run(host, meant.path, tag) for tag in listing.get("tags") or ())


def _to_run(host: str, repository: str, tag: Json) -> TagToRun:
    pushed, built = str(tag.get("pushedAt") or ""), str(tag.get("builtAt") or "")
    push = Push(
        provider="manual",
        registry_host=host,
        repository=repository,
        tag=str(tag.get("name") or ""),
        digest=str(tag.get("digest") or "") or None,
        pushed_at=epoch_or_none(pushed),
    )
    return TagToRun(push, pushed or built, not pushed and bool(built), str(tag.get("problem") or ""))


def chart(config: ConfigClient, caller: Caller, project: str, roles: Mapping[str, str], options: Json) -> Json:
    """A task's chart with its values, and which of them hold an image; only for who may make endpoints somewhere."""
    config.get(caller, Get(kind=Kind.ENDPOINTS, options={"mayTry": True}))
    endpoints = {
        role: prepared(config, caller, project=project, name=name) for role, name in roles.items() if name.strip()
    }
    return config.inspect(caller, Inspect(what="chart", roles=endpoints, options=options)).document


def template(config: ConfigClient, caller: Caller, name: str, answers: Json) -> Json:
    """A pipeline template with the choices of its questions, as far as the answers so far tell where to look."""
    ask = Get(kind=Kind.PIPELINES, options={"template": name, "answers": answers})
    document = config.get(caller, ask).document
    for question in document["questions"]:
        look = _CHOICES.get(question["kind"])
        of = {key: str(answers.get(other) or "") for key, other in (question.get("of") or {}).items()}
        if look is None or not all(of.values()):
            continue
        try:
            question["choices"] = look(config, caller, str(answers.get("project") or ""), of)
        except Refused as refused:
            question["problem"] = refused.problem.message
    return document


def _workload_choices(config: ConfigClient, caller: Caller, project: str, of: dict[str, str]) -> list[Json]:
    """Deployments whose image is the registry endpoint's repository; of a namespace alone, all of them."""
    registry = prepared(config, caller, project=project, name=of["registry"])
    meant = repository_of(registry.properties)
    options: Json = {"namespace": of["namespace"]}
    if meant.path:
        options["repository"] = f"{meant.host}/{meant.path}"
    cluster = prepared(config, caller, project=project, name=of["cluster"])
    return [
        {"value": f"{workload['name']}/{container['name']}", "title": f"{workload['name']}: {container['image']}"}
        for workload in inspect_outside(config, caller, "workloads", cluster, options)["workloads"]
        for container in workload["containers"]
    ]


def _repository_choices(config: ConfigClient, caller: Caller, project: str, of: dict[str, str]) -> list[Json]:
    endpoint = prepared(config, caller, project=project, name=of["registry"])
    listing = inspect_outside(config, caller, "repositories", endpoint)
    prefix = f"{listing['namespace']}/" if listing["namespace"] else ""
    return [{"value": f"{prefix}{name}", "title": f"{prefix}{name}"} for name in listing["repositories"]]


_CHOICES = {"workload": _workload_choices, "repository": _repository_choices}


def _judged(tag: Json, pattern: str, exclude: list[str]) -> Json:
    verdict = judge(pattern, str(tag["name"]), exclude)
    rest = {key: value for key, value in tag.items() if key != "name"}
    return {"tag": tag["name"], **rest, "wouldRun": verdict.wanted, "reason": verdict.reason}
