"""`…/webhook_pipeline/`: create, list, read, delete, history."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from .auth import administered
from .http import Answer, Answered, Json, Request, not_found, page
from .world import Hook, Repository, World, slug_of


def listing(world: World, request: Request, name: str) -> Answer:
    """GET of the collection."""
    repository = administered(world, request, name)
    with world.lock:
        documents = [hook.shown() for hook in repository.hooks.values()]
    return Answer(200, page(documents, request))


def create(world: World, request: Request, name: str) -> Answer:
    """POST to the collection."""
    repository = administered(world, request, name)
    if "json" not in request.headers.get("content-type", ""):
        kind = request.headers.get("content-type", "")
        raise Answered(415, {"detail": f'Unsupported media type "{kind}" in request.'})
    body = request.json()
    with world.lock:
        flaws = _flaws(body, repository)
        if flaws:
            raise Answered(400, flaws)
        slug = base = slug_of(body["name"])
        suffix = 1
        while slug in repository.hooks:
            suffix += 1
            slug = f"{base}-{suffix}"
        urls = [entry["hook_url"] for entry in body["webhooks"]]
        hook = Hook(slug, body["name"], urls, time.time(), bool(body.get("expect_final_callback", True)))
        repository.hooks[slug] = hook
        return Answer(201, hook.shown())


def _flaws(body: Any, repository: Repository) -> Json:
    if not isinstance(body, dict):
        return {"non_field_errors": ["Invalid data. Expected a dictionary."]}
    flaws: Json = {}
    name = body.get("name")
    if not isinstance(name, str):
        flaws["name"] = ["This field is required."]
    elif not slug_of(name):
        flaws["name"] = ["This field may not be blank."]
    elif len(name) > 128:
        flaws["name"] = ["Ensure this field has no more than 128 characters."]
    elif any(hook.name == name for hook in repository.hooks.values()):
        flaws["name"] = ["Webhook pipeline with this name already exists."]
    entries = body.get("webhooks")
    if not isinstance(entries, list) or not entries:
        flaws["webhooks"] = ["This field is required."]
        return flaws
    wrong = [_entry_flaws(entry) for entry in entries]
    if any(wrong):
        flaws["webhooks"] = wrong
    return flaws


def _entry_flaws(entry: Any) -> Json:
    if not isinstance(entry, dict):
        return {"non_field_errors": ["Invalid data."]}
    flaws: Json = {}
    if not isinstance(entry.get("name"), str) or not entry["name"].strip():
        flaws["name"] = ["This field is required."]
    url = entry.get("hook_url")
    if not isinstance(url, str):
        flaws["hook_url"] = ["This field is required."]
        return flaws
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and url == url.strip() and " " not in url
    except ValueError:
        good = False
    if not good or len(url) > 2_000:
        flaws["hook_url"] = ["Invalid value."]
    return flaws


def _one(world: World, request: Request, name: str, slug: str) -> tuple[Repository, Hook]:
    repository = administered(world, request, name)
    hook = repository.hooks.get(slug)
    if hook is None:
        raise not_found("webhook pipeline")
    return repository, hook


def read(world: World, request: Request, name: str, slug: str) -> Answer:
    """GET of one."""
    return Answer(200, _one(world, request, name, slug)[1].shown())


def delete(world: World, request: Request, name: str, slug: str) -> Answer:
    """DELETE of one."""
    repository, hook = _one(world, request, name, slug)
    with world.lock:
        repository.hooks.pop(hook.slug, None)
    return Answer(204)


def history(world: World, request: Request, name: str, slug: str) -> Answer:
    """GET of what was sent."""
    return Answer(200, page(list(reversed(_one(world, request, name, slug)[1].history)), request))
