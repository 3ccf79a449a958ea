"""Kustomize as the source of a manifest: a folder of a Git endpoint, built by `kubectl kustomize`.

Images, name prefix and suffix, and patches of the task are laid over it by a kustomization of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from .programs import ProgramFailed, render

_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_OVERLAY = ".portside-overlay"
_IMAGE_KEYS = frozenset({"name", "newName", "newTag", "digest", "tagSuffix"})
_LISTS = (
    *("resources", "bases", "components", "generators", "transformers", "validators", "configurations", "crds"),
    "patchesStrategicMerge",
)
_WITH_FILES = ("configMapGenerator", "secretGenerator", "patches", "patchesJson6902", "replacements", "openapi")
_FILE_KEYS = ("files", "envs", "env", "path")
"""Fields of a kustomization, and of the entries of some, that may name something at another server."""
_REMOTE = re.compile(r"[a-z+]+://|git@|git::|github\.com[/:]|[^/]+\.[a-z]+/[^?]*\?(?:ref|version)=|.*\.git(?:[/?]|$)")
_KEY_OF_FILE = re.compile(r"^[\w.-]+=")
_MAX_FOLDERS = 200


def build(request: TaskRequest, folder: Path, checkout: Path) -> str:
    """The manifest that the overlay in `folder` builds, with the task's own changes. Raises TaskFailed."""
    path = folder.relative_to(checkout)
    refuse_remote(folder, checkout)
    overlay = checkout / _OVERLAY
    overlay.mkdir()
    (overlay / _FILES[0]).write_text(yaml.safe_dump(_kustomization(request, path), sort_keys=False), "utf-8")
    try:
        return render("kubectl", ["kustomize", _OVERLAY], checkout).text
    except ProgramFailed as failed:
        words = str(failed).replace(str(checkout.resolve()) + "/", "").replace(str(checkout) + "/", "")
        raise TaskFailed(f"kustomize cannot build {path}: {words.removeprefix('error: ')}") from None


def _kustomization(request: TaskRequest, path: Path) -> Json:
    own = {
        "resources": [f"../{path}"],
        "images": images(request.input.get("images")),
        "namePrefix": request.text("namePrefix").strip(),
        "nameSuffix": request.text("nameSuffix").strip(),
        "patches": patches(request.input.get("patches")),
    }
    return {name: value for name, value in own.items() if value}


def images(entries_of_task: Any) -> list[Json]:
    """Kustomize's `images` from a map of names to references, or from its own list. Raises TaskFailed."""
    if not entries_of_task:
        return []
    if isinstance(entries_of_task, dict):
        return [_image(str(name), str(reference)) for name, reference in entries_of_task.items()]
    if isinstance(entries_of_task, list) and all(
        isinstance(entry, dict) and set(entry) <= _IMAGE_KEYS for entry in entries_of_task
    ):
        return [{key: str(value) for key, value in entry.items()} for entry in entries_of_task]
    raise TaskFailed("`images` must be a map, as in `acme/web: acme/web:1.4`, or a list as kustomize has it.")


def _image(name: str, reference: str) -> Json:
    rest, _, digest = reference.strip().partition("@")
    host, slash, last = rest.rpartition("/")
    base, _, tag = last.partition(":")
    if not base:
        raise TaskFailed(f"`images` gives {name} the image {reference!r}, which names none: write acme/web:1.4.")
    image = {"name": name, "newName": f"{host}{slash}{base}", "newTag": tag, "digest": digest}
    # Kustomize takes either; a digest says more than the tag beside it.
    return {key: value for key, value in image.items() if value and not (key == "newTag" and digest)}


def patches(entries_of_task: Any) -> list[Json]:
    """Kustomize's `patches`: each an object to merge, or `{target, patch}`. Raises TaskFailed."""
    if not entries_of_task:
        return []
    try:
        entries = parse_one_yaml(entries_of_task, MANIFESTS) if isinstance(entries_of_task, str) else entries_of_task
    except Malformed as error:
        raise TaskFailed(f"`patches` cannot be read{error.described}.") from None
    entries = [entries] if isinstance(entries, dict) else entries
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise TaskFailed("`patches` must be a list of objects, or of `target` and `patch`, as kustomize has them.")
    return [_patch(entry) for entry in entries]


def _patch(entry: Json) -> Json:
    if "path" in entry:
        raise TaskFailed("`patches` names a file by `path`: write the patch itself, or name it in the overlay.")
    if "patch" not in entry:
        return {"patch": yaml.safe_dump(entry, sort_keys=False)}
    patch = entry["patch"]
    return {**entry, "patch": patch if isinstance(patch, str) else yaml.safe_dump(patch, sort_keys=False)}


# ---------------------------------------------------------------------------------------------------- what it may name


def refuse_remote(folder: Path, checkout: Path) -> None:
    """Raise TaskFailed for what another server has: everything must lie in the commit, pinned and bounded."""
    waiting, visited = [folder], set[Path]()
    while waiting and len(visited) <= _MAX_FOLDERS:
        place = waiting.pop().resolve()
        if place in visited or not place.is_relative_to(checkout.resolve()):
            continue
        visited.add(place)
        file = next((place / name for name in _FILES if (place / name).is_file()), None)
        if file is None:
            if place == folder.resolve():
                raise TaskFailed(f"{place.name} has no kustomization.yaml: name the folder of an overlay or a base.")
            continue
        for name in _names(file, checkout):
            if _REMOTE.match(name) and not (place / name).exists():
                relative = file.relative_to(checkout.resolve())
                raise TaskFailed(
                    f"{relative} names {name}, which is at another server: put a copy into the repository, so that a "
                    "commit says all that is deployed."
                )
            if (place / name).is_dir():
                waiting.append(place / name)


def _names(file: Path, checkout: Path) -> Iterator[str]:
    try:
        tree = parse_one_yaml(file.read_text("utf-8"), MANIFESTS) or {}
    except (Malformed, UnicodeDecodeError) as error:
        words = error.described if isinstance(error, Malformed) else ": not UTF-8"
        raise TaskFailed(f"{file.relative_to(checkout.resolve())} cannot be read{words}.") from None
    if isinstance(tree, dict):
        yield from (name for field in _LISTS for name in _texts(tree.get(field)))
        entries = [entry for field in _WITH_FILES for entry in _listed(tree.get(field)) if isinstance(entry, dict)]
        named_files = (name for entry in entries for key in _FILE_KEYS for name in _texts(entry.get(key)))
        yield from (_KEY_OF_FILE.sub("", name) for name in named_files)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str]:
    return [entry for entry in _listed(value) if isinstance(entry, str) and "\n" not in entry]
