"""The management API's view of repositories and tags."""

from __future__ import annotations

import json

from .auth import readable
from .http import Answer, Answered, Json, Request, not_found, page
from .world import OCI_INDEX, Repository, World, iso


def repositories(world: World, request: Request, namespace: str) -> Answer:
    """The repositories of a namespace that the caller may see."""
    with world.lock:
        names = sorted(name for name in world.repositories if name.startswith(f"{namespace}/"))
    rows = []
    for name in names:
        try:
            readable(world, request, name)
        except Answered as hidden:
            if hidden.answer.status != 404:
                raise
        else:
            rows.append({"name": name.partition("/")[2], "namespace": namespace, "repository_type": "image"})
    return Answer(200, page(rows, request))


def repository(world: World, request: Request, name: str) -> Answer:
    """One repository."""
    repo = readable(world, request, name)
    namespace, _, short = name.partition("/")
    newest = max((at for _, at in repo.tags.values()), default=0.0)
    return Answer(
        200,
        {
            "user": namespace,
            "namespace": namespace,
            "name": short,
            "repository_type": "image",
            "status": 1,
            "status_description": "active",
            "is_private": repo.private,
            "star_count": 0,
            "pull_count": 0,
            "last_updated": iso(newest) if newest else None,
            "permissions": {"read": True, "write": False, "admin": False},
        },
    )


def listing(world: World, request: Request, name: str) -> Answer:
    """The tags, newest first."""
    repo = readable(world, request, name)
    with world.lock:
        newest_first = sorted(repo.tags.items(), key=lambda item: item[1][1], reverse=True)
        documents = [_tag(repo, tag) for tag, _ in newest_first if request.text("name") in tag]
    return Answer(200, page(documents, request))


def one(world: World, request: Request, name: str, tag: str) -> Answer:
    """One tag."""
    repo = readable(world, request, name)
    with world.lock:
        if tag not in repo.tags:
            raise not_found("tag")
        return Answer(200, _tag(repo, tag))


def _tag(repo: Repository, tag: str) -> Json:
    digest, at = repo.tags[tag]
    media_type, data = repo.manifests.get(digest, ("", b"{}"))
    document = json.loads(data)
    children = document.get("manifests") if media_type == OCI_INDEX else None
    images = [
        {
            "architecture": child["platform"]["architecture"],
            "os": child["platform"]["os"],
            "digest": child["digest"],
            "size": child["size"],
            "status": "active",
            "last_pushed": iso(at),
        }
        for child in children or [{"platform": {"architecture": "amd64", "os": "linux"}, "digest": digest, "size": 64}]
    ]
    return {
        "name": tag,
        "digest": digest,
        "media_type": media_type,
        "content_type": "image",
        "full_size": sum(image["size"] for image in images),
        "images": images,
        "last_updated": iso(at),
        "tag_last_pushed": iso(at),
        "tag_status": "active",
        "v2": True,
    }
