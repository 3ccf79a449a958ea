from __future__ import annotations

import pytest

from shared.grammar.repositories import (
    is_named,
    join_repository,
    meant_repository,
    read_repository,
    registry_name,
    registry_names,
    registry_of,
    repository_of,
    upper_case_in,
)

CASES = [
    ("acme/Web:1.4.0-RC1", "Web"),
    ("Acme/web", "Acme"),
    ("Web", "Web"),
    ("registry.Example.com/acme/web:RC1", ""),
    ("Localhost:5000/acme/web", ""),
    ("acme/web@sha256:ABC", ""),
    ("acme/Web@sha256:abc", "Web"),
    (":RC1", ""),
    ("${input.DOCKER_IMAGE}:${input.DOCKER_TAG}", ""),
    ("${input.DOCKER_IMAGE}-RC1", ""),
    ("${input.REGISTRY}/Acme/web:1", "Acme"),
    ("acme/Web:${input.DOCKER_TAG}", "Web"),
]


@pytest.mark.parametrize(("reference", "part"), CASES)
def test_upper_case_is_found_in_the_name_of_a_repository_alone(reference: str, part: str) -> None:
    assert upper_case_in(reference) == part


PASTED = [
    ("https://hub.docker.com/r/acme/web", "docker.io", "acme/web"),
    ("https://hub.docker.com/repository/docker/acme/web", "docker.io", "acme/web"),
    ("https://hub.docker.com/repository/docker/acme/web/tags?page=1", "docker.io", "acme/web"),
    ("hub.docker.com/r/acme/web/", "docker.io", "acme/web"),
    ("https://hub.docker.com/_/nginx", "docker.io", "library/nginx"),
    ("docker.io/acme/web", "docker.io", "acme/web"),
    ("docker.io/acme/web:1.2", "docker.io", "acme/web"),
    ("acme/web", "docker.io", "acme/web"),
    ("acme/web@sha256:abc", "docker.io", "acme/web"),
    ("Acme/Web", "docker.io", "acme/web"),
    ("https://registry.hub.docker.com/v2/repositories/acme/web/", "docker.io", "acme/web"),
    ("ghcr.io/acme/web", "ghcr.io", "acme/web"),
    ("https://ghcr.io/acme/team/web", "ghcr.io", "acme/team/web"),
    ("localhost:5000/acme/web", "localhost:5000", "acme/web"),
    ("http://127.0.0.1:5000/v2/acme/web", "127.0.0.1:5000", "acme/web"),
    ("https://user@registry.example.com/acme/web", "registry.example.com", "acme/web"),
]


@pytest.mark.parametrize(("written", "host", "path"), PASTED)
def test_a_repository_is_read_from_every_form_that_people_paste(written: str, host: str, path: str) -> None:
    found = read_repository(written)
    assert (found.host, found.path, found.problems) == (host, path, ())


@pytest.mark.parametrize(
    "written",
    ["acme", "https://hub.docker.com/u/acme", "https://hub.docker.com/repositories/acme", "https://ghcr.io/acme"],
)
def test_a_namespace_alone_leaves_the_name_open(written: str) -> None:
    found = read_repository(written)
    assert (found.namespace, found.name, found.path) == ("acme", "", "")


@pytest.mark.parametrize("written", ["acme/we b", "acme/web!", "-acme/web"])
def test_what_is_no_repository_name_says_which_part(written: str) -> None:
    assert read_repository(written).problems


@pytest.mark.parametrize(
    ("endpoint", "own", "path"),
    [
        ("acme", "web", "acme/web"),
        ("acme/web", "", "acme/web"),
        ("acme/web", "api", "acme/api"),
        ("acme", "other/api", "other/api"),
        ("acme", "https://hub.docker.com/r/acme/web", "acme/web"),
    ],
)
def test_a_webhooks_own_repository_is_read_within_its_endpoint(endpoint: str, own: str, path: str) -> None:
    assert join_repository(read_repository(endpoint), own).path == path


def test_docker_hubs_images_are_at_docker_io_whatever_serves_them() -> None:
    found = repository_of({"serverType": "DockerHub", "repoURL": "http://127.0.0.1:8000/r/acme/web"})
    assert (found.host, found.path) == ("docker.io", "acme/web")


@pytest.mark.parametrize(
    ("properties", "registry"),
    [
        ({"repoURL": "acme/web"}, ("docker.io", False)),
        ({"repoURL": "acme", "serverType": "DockerHub"}, ("docker.io", False)),
        ({"repoURL": "acme/web", "registryURL": "https://registry-1.docker.io/"}, ("docker.io", False)),
        ({"repoURL": "http://127.0.0.1:5000/acme/web", "serverType": "OCI"}, ("127.0.0.1:5000", True)),
        ({"repoURL": "https://dtr.example.com/acme/web", "serverType": "DTR"}, ("dtr.example.com", False)),
        ({"repoURL": "acme/web", "registryURL": "http://127.0.0.1:8000"}, ("127.0.0.1:8000", True)),
        ({"repoURL": "acme/web", "registryURL": "mirror.example.com/v2"}, ("mirror.example.com", False)),
        (
            {"repoURL": "acme/web", "registryURL": "HTTP://ann@Mirror.example.com:5000"},
            ("mirror.example.com:5000", True),
        ),
        ({"repoURL": "r.example.com/web", "registryURL": "https://index.docker.io"}, ("r.example.com", False)),
        ({"repoURL": "https://r.example.com/web", "serverType": "DockerHub"}, ("r.example.com", False)),
    ],
)
def test_a_registrys_address_is_told_by_the_endpoint(properties: dict[str, str], registry: tuple[str, bool]) -> None:
    assert registry_of(properties) == registry


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("https://registry-1.docker.io/v2/", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("https://user@Registry.Example.com:5000/v2/acme", "registry.example.com:5000"),
        ("[::1]:5000/acme", "[::1]:5000"),
        ("", ""),
    ],
)
def test_a_registry_has_one_name_however_it_is_written(written: str, name: str) -> None:
    assert registry_name(written) == name


def test_a_repository_without_a_host_is_in_the_endpoints_registry() -> None:
    properties = {"serverType": "OCI", "repoURL": "acme/web", "registryURL": "https://pull.example.com"}
    assert repository_of(properties).host == "pull.example.com"


@pytest.mark.parametrize(
    ("url", "own", "whole", "host", "namespace", "path"),
    [
        ("acme", "", False, "docker.io", "acme", ""),
        ("acme", "", True, "docker.io", "acme", ""),
        ("acme/web", "", True, "docker.io", "acme", ""),
        ("acme", "web", True, "docker.io", "acme", "acme/web"),
        ("https://r.example.com/hello-world", "", False, "r.example.com", "", "hello-world"),
        ("https://r.example.com", "hello-world", False, "r.example.com", "", "hello-world"),
        ("https://r.example.com/acme", "", True, "r.example.com", "acme", ""),
        ("https://r.example.com/acme/shop", "", True, "r.example.com", "acme/shop", ""),
        ("https://r.example.com", "", True, "r.example.com", "", ""),
        ("https://r.example.com/acme", "web", False, "r.example.com", "acme", "acme/web"),
    ],
)
def test_a_webhook_is_about_a_repository_or_by_choice_a_whole_namespace(
    url: str, own: str, whole: bool, host: str, namespace: str, path: str
) -> None:
    found = meant_repository({"repoURL": url}, own, whole_namespace=whole)
    assert (found.host, found.namespace, found.path) == (host, namespace, path)


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("r.example.com", True),
        ("r.example.com:443", True),
        ("registry:5000", True),
        ("r.example.com:5000", False),
        ("other.example.com", False),
    ],
)
def test_a_registry_may_have_other_names(host: str, named: bool) -> None:
    properties = {
        "repoURL": "https://r.example.com/acme/web",
        "registryAliases": "registry:5000, https://R2.example.com/",
    }
    assert registry_names(properties) == {"r.example.com", "registry:5000", "r2.example.com"}
    assert is_named(host, registry_names(properties)) is named


def test_a_registry_is_known_by_the_names_of_both_its_addresses() -> None:
    properties = {"serverType": "OCI", "repoURL": "r.example.com/acme", "registryURL": "https://pull.example.com"}
    assert registry_names(properties) == {"r.example.com", "pull.example.com"}
