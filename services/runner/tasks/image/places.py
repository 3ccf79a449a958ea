"""Which repository of which registry an image reference means, given an endpoint. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from services.runner.clients.registry import RegistryAccount, account_of
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.references import ImageReference, has_host, parse
from shared.grammar.repositories import HUB_HOST, registry_names, repository_of, upper_case_in


@dataclass(frozen=True, slots=True)
class ImageLocation:
    """A repository, a tag or a digest in it, and as whom to ask for it."""

    account: RegistryAccount
    host: str
    """As in an image reference: a stand-in for Docker Hub is called docker.io too."""
    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        """For people and manifests: without Docker Hub's host."""
        return self.repository if self.host == HUB_HOST else f"{self.host}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}" if self.tag else f"{self.name}@{self.digest}"


def place(text: str, endpoint: OpenEndpoint | None, default: str = "") -> ImageLocation:
    """Read a reference; without a host it is in the endpoint's registry, `:prod` is a tag of the default repository."""
    text = text.strip()
    if text.startswith(":"):
        text = f"{default}{text}"
    if part := upper_case_in(text):
        raise TaskFailed(f"{text} names no image: a repository's name is in lower case, and {part} is not.")
    if endpoint is None:
        image = parse(text)
        return _place(RegistryAccount(image.host), image.host, image)
    if endpoint.type != "docker":
        raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; an image needs one of type docker.")
    account = account_of(endpoint)
    host = _host(endpoint, account)
    image = parse(text or repository_of(endpoint.properties).path)
    if not has_host(text):
        repository = image.repository if account.is_hub else image.repository.removeprefix("library/")
        return _place(account, host, ImageReference(host, repository, image.tag, image.digest))
    if image.host not in registry_names(endpoint.properties) | {host}:
        raise TaskFailed(
            f"{text} is in the registry {image.host}, and endpoint {endpoint.name} is for {host}: choose the endpoint "
            "of that registry."
        )
    return _place(account, host, image)


def _place(account: RegistryAccount, host: str, image: ImageReference) -> ImageLocation:
    return ImageLocation(account, host, image.repository, image.tag, image.digest)


def _host(endpoint: OpenEndpoint, account: RegistryAccount) -> str:
    """A stand-in for Docker Hub has images without a host in their names."""
    return HUB_HOST if endpoint.text("serverType", "DockerHub").lower() == "dockerhub" else account.name
