"""The pushed image in a manifest, deployed by its digest."""

from __future__ import annotations

from services.runner.tasks.references import Pushed, parse

from .manifests import Object, containers


def uses(obj: Object, what: Pushed) -> bool:
    """Whether an object's pods run the pushed image."""
    return any(_names(one.get("image"), what) for one in containers(obj))


def running(obj: Object) -> list[str]:
    """The images that an object's pods run."""
    return [str(one["image"]) for one in containers(obj) if one.get("image")]


def pin(obj: Object, what: Pushed) -> list[str]:
    """Put the digest behind the pushed image wherever the object names it by tag; answers what was written."""
    written = []
    for container in containers(obj):
        if what.digest and _names(container.get("image"), what) and "@" not in container["image"]:
            reference = container["image"].strip()
            tagged = reference if ":" in reference.rpartition("/")[2] else f"{reference}:{what.image.tag}"
            container["image"] = f"{tagged}@{what.digest}"
            written.append(container["image"])
    return written


def pull_anew(obj: Object, what: Pushed) -> list[str]:
    """Have nodes pull the pushed tag again where it has no digest: one that has the tag already may have its
    earlier content. Answers the images for which the manifest itself says that they shall not."""
    by_tag = [one for one in containers(obj) if _names(one.get("image"), what) and "@" not in one["image"]]
    policies = [(one["image"], one.setdefault("imagePullPolicy", "Always")) for one in by_tag]
    return [f"{image} (imagePullPolicy: {policy})" for image, policy in policies if policy != "Always"]


def _names(reference: object, what: Pushed) -> bool:
    """The pushed image itself, or its copy under the same name and tag in a registry that the run knows of."""
    if not isinstance(reference, str):
        return False
    named = parse(reference)
    is_copy = (named.repository, named.tag) == (what.image.repository, what.image.tag) and named.host in what.copies_at
    return named.same_tag(what.image) or is_copy
