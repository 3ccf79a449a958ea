"""`/_fake/…`: how tests and the demo steer the Hub."""

from __future__ import annotations

import time
from dataclasses import asdict

from . import delivery
from .faults import Faults
from .http import Answer, Answered, Json, Request
from .world import World


def handle(world: World, faults: Faults, request: Request) -> Answer:
    """One admin call."""
    resource = request.path.removeprefix("/_fake/").strip("/")
    if request.method == "GET" and resource == "state":
        return Answer(200, _state(world, faults))
    if request.method == "GET" and resource == "calls":
        return Answer(200, {"calls": list(world.calls)})
    if request.method == "DELETE" and resource == "faults":
        faults.clear()
        return Answer(204)
    if request.method == "DELETE" and resource == "calls":
        world.calls.clear()
        return Answer(204)
    body = request.json() if request.body else {}
    if not isinstance(body, dict):
        raise Answered(400, {"detail": "the body must be an object"})
    if request.method == "POST" and resource in _POSTS:
        return _POSTS[resource](world, faults, body)
    calls = ", ".join(f"POST {name}" for name in _POSTS)
    raise Answered(404, {"detail": f"no such call; there are GET state, GET calls, DELETE faults, {calls}"})


def _push(world: World, faults: Faults, body: Json) -> Answer:
    """An image is pushed: a manifest with a new digest, the tag moved, the hooks told.

    `{"repository", "tag", "pusher", "platforms", "same_as", "digest", "deliver", "wait", "pushed_at", "repeat"}`;
    with `digest` nothing is made here (the image is at another registry).
    """
    name, tag = body.get("repository"), body.get("tag")
    if not isinstance(name, str) or "/" not in name or (tag is not None and not isinstance(tag, str)):
        raise Answered(400, {"detail": "repository (namespace/name) and tag are needed"})
    repository = world.repositories.get(name) or world.add_repository(name)
    digest = body.get("digest")
    if digest is None and tag is not None:
        digest = world.push(repository, tag, list(body.get("platforms") or ["linux/amd64"]), body.get("same_as"))
    text = delivery.payload(
        repository, tag, str(body.get("pusher") or "ann"), float(body.get("pushed_at") or time.time())
    )
    deliveries: list[Json] = []
    if body.get("deliver", True) and not world.settings.suppress:
        for _ in range(int(body.get("repeat") or 1)):
            if body.get("wait", True):
                deliveries += delivery.send_all(world, repository, text)
            else:
                delivery.in_background(lambda: delivery.send_all(world, repository, text))
    reports = [{name: entry[name] for name in ("hook", "status", "answer", "took_s", "number")} for entry in deliveries]
    return Answer(200, {"repository": name, "tag": tag, "digest": digest, "deliveries": reports})


def _redeliver(world: World, faults: Faults, body: Json) -> Answer:
    """Send a delivery again, byte for byte: `{"number": 0}`."""
    with world.lock:
        index = int(body.get("number", -1))
        if not -len(world.deliveries) <= index < len(world.deliveries):
            raise Answered(404, {"detail": f"no delivery {index}"})
        old = world.deliveries[index]
    return Answer(200, delivery.send(world, old["repository"], None, old["url"], old["body"]))


def _fault(world: World, faults: Faults, body: Json) -> Answer:
    faults.add(body)
    return Answer(201, {"waiting": len(faults.waiting)})


def _account(world: World, faults: Faults, body: Json) -> Answer:
    switches = {"two_factor_code", "tokens", "sso_only"}
    rest = {name: value for name, value in body.items() if name in switches}
    world.add_account(str(body["name"]), str(body.get("password", "")), **rest)
    return Answer(201, {"name": body["name"]})


def _repository(world: World, faults: Faults, body: Json) -> Answer:
    repository = world.add_repository(
        str(body["name"]), private=bool(body.get("private", True)), admins=list(body.get("admins") or ())
    )
    repository.readers |= set(body.get("readers") or ())
    return Answer(201, {"name": repository.name})


def _remove(world: World, faults: Faults, body: Json) -> Answer:
    """Take a repository away, or one hook of it, as its owner would by hand: `{"repository", "slug"}`."""
    with world.lock:
        if "slug" in body:
            world.repository(str(body["repository"])).hooks.pop(str(body["slug"]), None)
        else:
            world.repositories.pop(str(body["repository"]), None)
    return Answer(204)


def _settings(world: World, faults: Faults, body: Json) -> Answer:
    for name, value in body.items():
        if not hasattr(world.settings, name):
            raise Answered(400, {"detail": f"no setting {name}; there are {', '.join(asdict(world.settings))}"})
        setattr(world.settings, name, value)
    return Answer(200, asdict(world.settings))


def _expire(world: World, faults: Faults, body: Json) -> Answer:
    """Every management token issued so far ends now."""
    world.epoch += 1
    return Answer(200, {"epoch": world.epoch})


_POSTS = {
    "push": _push,
    "redeliver": _redeliver,
    "faults": _fault,
    "accounts": _account,
    "repositories": _repository,
    "remove": _remove,
    "settings": _settings,
    "expire": _expire,
}


def _state(world: World, faults: Faults) -> Json:
    with world.lock:
        repositories = {
            name: {
                "private": entry.private,
                "admins": sorted(entry.admins),
                "tags": {tag: digest for tag, (digest, _) in entry.tags.items()},
                "hooks": [hook.shown() for hook in entry.hooks.values()],
            }
            for name, entry in world.repositories.items()
        }
        return {
            "accounts": sorted(world.accounts),
            "repositories": repositories,
            "deliveries": [dict(entry) for entry in world.deliveries],
            "faults": [vars(fault) for fault in faults.waiting],
            "settings": asdict(world.settings),
        }
