"""The pushed image in a manifest, deployed by its digest."""

from __future__ import annotations

from services.runner.tasks.references import Pushed, parse

from .manifests import Object, containers


def uses(obj: Object, push: Pushed) -> bool:
    """Whether an object's pods run the pushed image."""
    return any(_names(container.get("image"), push) for container in containers(obj))


def running(obj: Object) -> list[str]:
    """The images that an object's pods run."""
    return [str(container["image"]) for container in containers(obj) if container.get("image")]


def pin(obj: Object, push: Pushed) -> list[str]:
    """Put the digest behind the pushed image wherever the object names it by tag; answers what was written."""
    pinned = []
    for container in containers(obj):
        if push.digest and _names(container.get("image"), push) and "@" not in container["image"]:
            reference = container["image"].strip()
            tagged = reference if ":" in reference.rpartition("/")[2] else f"{reference}:{push.image.tag}"
            container["image"] = f"{tagged}@{push.digest}"
            pinned.append(container["image"])
    return pinned


def pull_anew(obj: Object, push: Pushed) -> list[str]:
    """Have nodes pull the pushed tag again where it has no digest: one that has the tag already may have its
    earlier content. Answers the images for which the manifest itself says that they shall not."""
    by_tag = [
        container
        for container in containers(obj)
        if _names(container.get("image"), push) and "@" not in container["image"]
    ]
    policies = [(container["image"], container.setdefault("imagePullPolicy", "Always")) for container in by_tag]
    return [f"{image} (imagePullPolicy: {policy})" for image, policy in policies if policy != "Always"]


def _names(reference: object, push: Pushed) -> bool:
    """The pushed image itself, or its copy under the same name and tag in a registry that the run knows of."""
    if not isinstance(reference, str):
        return False
    named = parse(reference)
    is_copy = (named.repository, named.tag) == (push.image.repository, push.image.tag) and named.host in push.copies_at
    return named.same_tag(push.image) or is_copy
