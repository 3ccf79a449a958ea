"""IMAGE: an image under another tag, in another repository, at another registry, its digest unchanged.

The phases stand in the handle: `copy` brings all that the image consists of, `tag` makes the tags name it. Before the
latter the ledger has on record what will be pushed, so that the registry's hook is known as the work of this run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from services.runner.clients.registry import Registries, Registry, RegistryProblem
from services.runner.clients.registry.content import Content, Raw
from services.runner.task_protocol import Done, Effect, OpenEndpoint, Running, Step, Task, TaskFailed, TaskRequest
from services.runner.tasks.references import pushed
from shared.contracts.base import Json
from shared.contracts.history import Pushing

from .copying import Copy, Tally
from .manifests import media_type
from .places import ImageLocation, place

SLICE_S = 10.0
"""So long one look copies before others get the thread."""


class ImageTask(Task):
    """Copies whole images; the tags move last."""

    name = "IMAGE"

    def __init__(self, registries: Registries) -> None:
        self._registries = registries

    def effect(self, task_input: Json) -> Effect:
        return Effect.REPEATABLE

    def start(self, request: TaskRequest) -> Step:
        source, targets = _source(request), _targets(request)
        with _told():
            with self._registries.use(source.account) as registry:
                digest = _digest(registry, source)
            with self._registries.use(targets[0].account) as registry:
                there = {target.tag: _named(registry, target) for target in targets}
        moving = [target for target in targets if there[target.tag] != digest]
        if not moving:
            names = " and ".join(map(str, targets))
            return Done(_output(targets, digest, there, Tally(), moved=False), f"{names}: already {digest}.")
        _check_overwrite(request, moving, there)
        request.tools.log(f"{source} is {digest}")
        handle = {"phase": "copy", "digest": digest, "tags": [target.tag for target in moving], "there": there}
        return Running(handle, f"Copying {source} to {moving[0].name}", again_after_s=0.0, effect_next=True)

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        return self._copy(request, handle) if handle["phase"] == "copy" else self._tag(request, handle)

    def _copy(self, request: TaskRequest, handle: Json) -> Step:
        source, target = _source(request), _targets(request)[0]
        copy = request.memory.get("copy")
        with (
            _told(),
            self._registries.use(source.account) as source_registry,
            self._registries.use(target.account) as other,
        ):
            from_ = Content(source_registry.connection, source.repository)
            beside = from_.repository if source.account.base == target.account.base else ""
            ends = from_, Content(other.connection, target.repository, beside)
            if copy is None:
                copy = Copy(*ends, handle["digest"], request.tools.log, request.tools.stopping)
                request.memory["copy"] = copy
            copy.source, copy.target = ends
            if not copy.go_on(SLICE_S):
                return Running(handle, f"Copied {copy.tally.bytes} bytes", again_after_s=0.0, effect_next=True)
        pushing = tuple(
            Pushing(registry_host=target.host, repository=target.repository, tag=tag, digest=handle["digest"])
            for tag in handle["tags"]
        )
        following = {**handle, "phase": "tag", "tally": asdict(copy.tally)}
        message = f"Tagging {', '.join(handle['tags'])}"
        return Running(following, message, again_after_s=0.0, effect_next=True, pushing=pushing)

    def _tag(self, request: TaskRequest, handle: Json) -> Step:
        targets, digest = _targets(request), handle["digest"]
        with _told(), self._registries.use(targets[0].account) as registry:
            content = Content(registry.connection, targets[0].repository)
            raw = content.manifest(digest)
            if raw is None:
                raise TaskFailed(f"{targets[0].name} has lost {digest} since it was copied there; run the task again.")
            for target in (place for place in targets if place.tag in handle["tags"]):
                self._move(request, registry, content, target, Raw(digest, media_type(raw), raw.body))
        output = _output(targets, digest, handle["there"], Tally(**handle["tally"]), moved=True)
        return Done(output, f"{' and '.join(map(str, targets))}: now {digest}.")

    def _move(
        self, request: TaskRequest, registry: Registry, content: Content, target: ImageLocation, raw: Raw
    ) -> None:
        now = _named(registry, target)
        _check_overwrite(request, [target], {target.tag: "" if now == raw.digest else now})
        content.put(target.tag, raw)
        current = _named(registry, target)
        if current != raw.digest:
            raise TaskFailed(
                f"{target} names {current or 'nothing'} right after it was made to name {raw.digest}: somebody else "
                "pushes to it, or the registry is several that disagree."
            )
        request.tools.log(f"{target} is {raw.digest}")


@contextmanager
def _told() -> Iterator[None]:
    """A registry's problem is the task's message."""
    try:
        yield
    except RegistryProblem as problem:
        raise TaskFailed(problem.message) from None


def _source(request: TaskRequest) -> ImageLocation:
    """The image that is written down, else the one that was pushed; the pushed one by the digest of its push."""
    push = pushed(request)
    pushed_tag = (push.image.host, push.image.repository, push.image.tag) if push is not None else None
    text = request.text("source").strip() or ("{}/{}:{}".format(*pushed_tag) if pushed_tag else "")
    if not text:
        raise TaskFailed("Which image? Write it into `source`: the run was not started by a push.")
    source = place(text, request.endpoint("source") if request.roles.get("source") else _same_registry(request, text))
    if push is not None and not source.digest and (source.host, source.repository, source.tag) == pushed_tag:
        return replace(source, digest=push.digest)
    return source


def _same_registry(request: TaskRequest, text: str) -> OpenEndpoint | None:
    """Without an endpoint of its own the source is read with the target's, where it can be in that registry."""
    target = request.endpoint("target")
    try:
        place(text, target)
    except TaskFailed:
        return None
    return target


def _targets(request: TaskRequest) -> list[ImageLocation]:
    """What is to name the image: tags of one repository."""
    text = request.text("target").strip()
    first = place(text, request.endpoint("target"), _source(request).repository if text.startswith(":") else "")
    if first.digest:
        raise TaskFailed(f"`target` must name a tag, not a digest: {text}")
    more = request.input.get("tags") or ()
    names = [name.strip() for name in (more.split(",") if isinstance(more, str) else map(str, more)) if name.strip()]
    return [replace(first, tag=tag) for tag in dict.fromkeys((first.tag, *names))]


def _digest(registry: Registry, source: ImageLocation) -> str:
    if source.digest:
        return source.digest
    manifest = registry.resolve(source.repository, source.tag)
    if manifest is None:
        raise TaskFailed(f"There is no {source}: {source.account.base} knows no such repository or tag.")
    return manifest.digest


def _named(registry: Registry, target: ImageLocation) -> str:
    """The digest that the tag names now; empty when there is none, or no such repository yet."""
    try:
        manifest = registry.resolve(target.repository, target.tag)
    except RegistryProblem as problem:
        if problem.code == "no-right":
            return ""  # a repository that is not there yet looks the same; the push will tell
        raise
    return manifest.digest if manifest is not None else ""


def _check_overwrite(request: TaskRequest, targets: list[ImageLocation], there: Json) -> None:
    if request.flag("overwrite", default=True):
        return
    for target in targets:
        if there[target.tag]:
            raise TaskFailed(
                f"{target} already names {there[target.tag]}, and `overwrite` is false: choose another tag, or delete "
                "that one."
            )


def _output(targets: list[ImageLocation], digest: str, there: Json, tally: Tally, *, moved: bool) -> Json:
    first = targets[0]
    return {
        "image": f"{first.name}:{first.tag}@{digest}",
        "registry": first.host,
        "repository": first.repository,
        "tag": first.tag,
        "tags": [target.tag for target in targets],
        "digest": digest,
        "previousDigests": {tag: before for tag, before in there.items() if before},
        "moved": moved,
        "blobs": asdict(tally),
    }
