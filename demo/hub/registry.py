"""The registry on the same port: token service, manifests, blobs, tags, with the errors of the distribution API."""

from __future__ import annotations

import base64
import binascii
import re
import time

import jwt

from .http import Answer, Answered, Json, Request
from .world import Repository, World

SERVICE = "registry.docker.io"
TOKEN_LIFE_S = 300
_SCOPE = re.compile(r"repository:([^:]+):([a-z,*]+)")


def token(world: World, request: Request) -> Answer:
    """`GET /token?service=…&scope=…`: may grant less than asked, and still answers 200."""
    name = _basic_user(world, request)
    access: list[Json] = []
    for text in request.query.get("scope", []):
        match = _SCOPE.fullmatch(text)
        if match is None:
            raise Answered(400, {"details": f"invalid scope {text}"})
        repository = world.repositories.get(match[1])
        actions = match[2].split(",")
        allowed = _actions(repository, name) if repository is not None else _on_a_new_one(match[1], name, actions)
        granted = [action for action in actions if action in allowed]
        access.append({"type": "repository", "name": match[1], "actions": granted})
    now = time.time()
    claims = {"sub": name or "", "access": access, "exp": now + TOKEN_LIFE_S, "iat": now}
    encoded = jwt.encode(claims, world.key, algorithm="HS256")
    issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return Answer(200, {"token": encoded, "access_token": encoded, "expires_in": TOKEN_LIFE_S, "issued_at": issued})


def _on_a_new_one(repository: str, name: str | None, actions: list[str]) -> list[str]:
    """An account may push what does not exist yet below its own name; nobody may pull it."""
    return actions if "push" in actions and name and repository.partition("/")[0] == name else []


def _actions(repository: Repository, name: str | None) -> list[str]:
    if name in repository.admins:
        return ["pull", "push"]
    return ["pull"] if not repository.private or name in repository.readers else []


def _basic_user(world: World, request: Request) -> str | None:
    header = request.headers.get("authorization", "")
    if not header.startswith("Basic "):
        return None
    try:
        name, _, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as wrong:
        raise Answered(400, {"details": "malformed credentials"}) from wrong
    account = world.accounts.get(name)
    if account is None or (secret != account.password and secret not in account.tokens):
        raise Answered(401, {"details": "incorrect username or password"})
    return name


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answered:
    """A refusal in the shape of the distribution specification."""
    return Answered(status, {"errors": [{"code": code, "message": message, "detail": None}]}, headers)


def authorise(world: World, request: Request, name: str | None, action: str = "pull") -> str:
    """The account whose token allows the action on the repository; 401 with a challenge for any other."""
    scope = f',scope="repository:{name}:{"pull,push" if action == "push" else action}"' if name else ""
    challenge = {
        "WWW-Authenticate": f'Bearer realm="{request.base}/token",service="{SERVICE}"{scope}',
        "Docker-Distribution-Api-Version": "registry/2.0",
    }
    refused = error(401, "UNAUTHORIZED", "authentication required", challenge)
    header = request.headers.get("authorization", "")
    if not header.startswith("Bearer "):
        raise refused
    try:
        claims = jwt.decode(header[7:], world.key, algorithms=["HS256"])
    except jwt.InvalidTokenError as wrong:
        raise refused from wrong
    grants = claims.get("access") or ()
    if name is None or any(grant["name"] == name and action in grant["actions"] for grant in grants):
        return str(claims["sub"])
    raise refused


def probe(world: World, request: Request) -> Answer:
    """`GET /v2/`."""
    authorise(world, request, None)
    return Answer(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})


def manifest(world: World, request: Request, name: str, reference: str) -> Answer:
    """`GET` or `HEAD …/manifests/<tag or digest>`."""
    authorise(world, request, name)
    repository = world.repositories.get(name)
    with world.lock:
        digest = reference
        if repository is not None and not reference.startswith("sha256:"):
            digest = repository.tags.get(reference, ("", 0.0))[0]
        entry = repository.manifests.get(digest) if repository is not None else None
    if entry is None:
        raise error(404, "MANIFEST_UNKNOWN", "manifest unknown")
    media_type, data = entry
    accepted = request.headers.get("accept", "")
    if media_type not in accepted and ("index" in media_type or "*/*" not in accepted):
        # The trap of registries before 3.0: an index looks missing to a client that does not accept it.
        raise error(404, "MANIFEST_UNKNOWN", "OCI index found, but accept header does not support OCI indexes")
    headers = {
        "Content-Type": media_type,
        "Docker-Content-Digest": digest,
        "Docker-Distribution-Api-Version": "registry/2.0",
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": "98;w=21600",
        "docker-ratelimit-source": "127.0.0.1",
    }
    return Answer(200, data, headers)


def blob(world: World, request: Request, name: str, digest: str) -> Answer:
    """`GET` or `HEAD …/blobs/<digest>`."""
    authorise(world, request, name)
    repository = world.repositories.get(name)
    data = repository.blobs.get(digest) if repository else None
    if data is None:
        raise error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return Answer(200, data, {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"})


def tag_list(world: World, request: Request, name: str) -> Answer:
    """`GET …/tags/list`."""
    authorise(world, request, name)
    repository = world.repositories.get(name)
    if repository is None:
        raise error(404, "NAME_UNKNOWN", "repository name not known to registry")
    return Answer(200, {"name": name, "tags": sorted(repository.tags)})


def unsupported(world: World, request: Request, name: str, route: str) -> Answer:
    """Nothing is ever deleted."""
    raise error(405, "UNSUPPORTED", f"The operation is unsupported: {request.method} {name} {route}")
