"""What a webhook lacks: the one list that its card, the API and matching read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.config.catalog.hooks import wanted
from services.config.model.definitions import Endpoint, Pipeline, Webhook
from shared.grammar.inputs import DOCKER, blank, mandatory_blanks
from shared.grammar.patterns import check_pattern
from shared.grammar.repositories import registry_names
from shared.grammar.spec import IMPORTED


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that keeps a webhook from starting runs."""

    sentence: str
    own_verdict: bool = False
    """A push gets a verdict of its own for it, in place of "incomplete webhook"."""


def lacks(value: Webhook, endpoint: Endpoint | None, pipeline: Pipeline | None, actor_problem: str) -> list[Lack]:
    """All that a webhook lacks, in the order in which to mend it."""
    result = [*_of_pipeline(value, pipeline), *map(Lack, _of_endpoint(value, endpoint)), *_of_patterns(value)]
    if pipeline is not None:
        unfilled = _unfilled(value, pipeline.tree)
        result += [Lack(f"Input {name} is mandatory and has no value.", own_verdict=True) for name in unfilled]
    return [*result, Lack(actor_problem, own_verdict=True)] if actor_problem else result


def sentences(items: Iterable[Lack], *, for_matching: bool = False) -> list[str]:
    """The list in words; for matching without what has a verdict of its own."""
    return [item.sentence for item in items if not (for_matching and item.own_verdict)]


def _of_pipeline(value: Webhook, pipeline: Pipeline | None) -> Iterator[Lack]:
    if not value.pipeline:
        yield Lack("It names no pipeline.")
    elif pipeline is None:
        yield Lack(f"There is no pipeline {value.pipeline} in project {value.project}.")
    elif pipeline.state == "DISABLED":
        yield Lack(f"Pipeline {value.pipeline} is disabled: pushes are kept and not run.", own_verdict=True)


def _of_patterns(value: Webhook) -> Iterator[Lack]:
    patterns = {"image pattern": value.image_pattern, "tag pattern": value.tag_pattern}
    patterns |= {f"exclusion {text}": text for text in value.exclude}
    for which, pattern in patterns.items():
        for flaw in check_pattern(pattern):
            yield Lack(f"Its {which} cannot be read: {flaw.message}.", own_verdict=True)


def _of_endpoint(value: Webhook, endpoint: Endpoint | None) -> Iterator[str]:
    if not value.endpoint:
        yield "It names no endpoint, so no hook can be made at the registry."
    elif endpoint is None:
        yield f"There is no endpoint {value.endpoint} in project {value.project}."
    elif endpoint.type != "docker":
        yield f"Endpoint {value.endpoint} is of type {endpoint.type}, not docker."
    else:
        yield from _of_repository(value, endpoint)


def _of_repository(value: Webhook, endpoint: Endpoint) -> Iterator[str]:
    place = wanted.repository(value, endpoint)
    names = registry_names(endpoint.properties)
    if place.host not in names:
        own = " and ".join(sorted(names))
        yield f"Its repoName is at {place.host}, and endpoint {value.endpoint} is for {own}: choose another endpoint."
    elif not place.path and not value.whole_namespace:
        where = f"namespace {place.namespace}" if place.namespace else f"registry {place.host}"
        yield (
            f"It names no repository: the endpoint is the whole {where}, so repoName is needed, or all of it must be "
            "chosen (wholeNamespace)."
        )
    elif not place.path and value.mode == "look":
        yield "It polls for pushes, and a whole namespace cannot be polled: repoName is needed."


def _unfilled(value: Webhook, tree: Mapping[str, Any]) -> list[str]:
    if tree.get(IMPORTED):
        return []
    values = {**(tree.get("input") or {}), **{name: item for name, item in value.input.items() if not blank(item)}}
    return [name for name in mandatory_blanks(tree.get("_inputMeta") or {}, values) if name not in DOCKER]
