"""Which values of a chart hold an image, and what to write there so that another one runs. Pure.

By the shapes that charts have: a map of `repository` with `tag`, `digest` or `registry`; an `image` with a `tag` beside
it; an image as one text. A shape only suggests: whether it works shows once the chart is rendered with a probe.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shared.contracts.base import Json

_DEPTH = 8
MOST = 60
_REPOSITORIES = ("repository", "repo", "name", "image")
_TAGS = ("tag", "imageTag", "version")
_IMAGE_KEY = re.compile(r"(?:.*[a-z0-9_-])?image", re.IGNORECASE)
_REFERENCE = re.compile(r"[a-z0-9][\w.-]*(?::\d+)?(?:/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?", re.IGNORECASE)


class Form(Enum):
    """How an image is written into a chart's values."""

    WHOLE = "whole"
    """As one text, with its tag."""
    JOINED = "joined"
    """The repository with its registry, and the tag; a registry of its own is blank."""
    SPLIT = "split"
    """Registry, repository and tag apart."""
    TAG = "tag"
    """The tag alone: registry and repository stay the chart's own."""


@dataclass(frozen=True, slots=True)
class ImageText:
    """An image as a task's values write it: references, or the parts of one."""

    image: str
    """With the registry, without the tag."""
    tag: str
    digest: str = ""
    registry: str = ""
    repository: str = ""
    """Both blank where they are not known apart."""


@dataclass(frozen=True, slots=True)
class ImageValue:
    """A place in a chart's values that holds an image."""

    path: tuple[str, ...]
    current: str
    """What it names now, as one reference."""
    keys: Mapping[str, str]
    """`repository`, `tag`, `digest`, `registry`: the key of each; none where the place is one text."""
    pinned: bool = False
    """It has a digest, which would count before a new tag."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """What may work, the best first."""
        if not self.keys:
            return (Form.WHOLE,)
        split = (Form.SPLIT,) if "registry" in self.keys else ()
        return (Form.JOINED, *split, *((Form.TAG,) if "tag" in self.keys else ()))


def image_values(values: Json) -> list[ImageValue]:
    """The places of a chart's values that look like an image, subcharts' under their names."""
    return [place for place, _ in zip(_find(values, ()), range(MOST), strict=False)]


def _find(value: Any, path: tuple[str, ...]) -> Iterator[ImageValue]:
    if not isinstance(value, dict) or len(path) > _DEPTH:
        return
    used = ""
    if (place := _map(value, path)) is not None:
        used = place.keys["repository"]
        yield place
    for key, inner in value.items():
        if isinstance(inner, str) and key != used and _IMAGE_KEY.fullmatch(str(key)) and _REFERENCE.fullmatch(inner):
            yield ImageValue((*path, str(key)), inner, {})
        yield from _find(inner, (*path, str(key)))


def _map(value: Json, path: tuple[str, ...]) -> ImageValue | None:
    def key_of(names: tuple[str, ...]) -> str:
        return next((name for name in names if isinstance(value.get(name), str | int | float)), "")

    named_image = bool(path) and _IMAGE_KEY.fullmatch(path[-1]) is not None
    repository = next((name for name in _REPOSITORIES if isinstance(value.get(name), str)), "")
    tag = key_of(_TAGS) or next((name for name in _TAGS if name in value), "")
    digest = "digest" if "digest" in value else ("sha" if "sha" in value else "")
    registry = "registry" if "registry" in value else ""
    if not repository or not (tag or digest):
        return None
    if (repository == "name" or tag == "version") and not named_image:
        return None
    keys = {"repository": repository, "tag": tag, "digest": digest, "registry": registry}
    host = str(value.get(registry) or "") if registry else ""
    current = "/".join(part for part in (host, str(value[repository])) if part)
    if tag and value.get(tag) not in (None, ""):
        current = f"{current}:{value[tag]}"
    pinned = bool(digest and value.get(digest))
    return ImageValue(path, current, {part: key for part, key in keys.items() if key}, pinned)


def written(place: ImageValue, form: Form, text: ImageText) -> Json | None:
    """The values that put an image there; None where the text lacks what the form needs."""
    inner: Json | str | None = f"{text.image}:{text.tag}" if form is Form.WHOLE else _parts(place, form, text)
    if inner is None:
        return None
    for key in reversed(place.path):
        inner = {key: inner}
    return inner if isinstance(inner, dict) else None


def _parts(place: ImageValue, form: Form, text: ImageText) -> Json | None:
    parts: dict[str, str] = {"tag": text.tag}
    if form is Form.JOINED:
        parts |= {"registry": "", "repository": text.image}
    elif form is Form.SPLIT:
        if not text.repository:
            return None
        parts |= {"registry": text.registry, "repository": text.repository}
    if "tag" not in place.keys:
        parts["digest"] = text.digest
    elif place.pinned:
        # The chart's own digest would count before the tag.
        parts["digest"] = ""
    return {key: parts[part] for part, key in place.keys.items() if part in parts}


def is_rendered(place: ImageValue, form: Form, text: ImageText, manifest: str) -> bool:
    """Whether a manifest that was rendered with the probe `text` names it."""
    if form is Form.TAG:
        return f":{text.tag}" in manifest
    separator, end = ("@", text.digest) if place.keys and "tag" not in place.keys else (":", text.tag)
    # Nothing before it: a template that puts a slash behind a blank registry makes no image of it.
    return re.search(rf"(?<![\w./-]){re.escape(f'{text.image}{separator}{end}')}", manifest) is not None


def merged(under: Json, over: Json) -> Json:
    """Values as Helm lays one map over another."""
    result = copy.deepcopy(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result
