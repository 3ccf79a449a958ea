"""Addresses that cannot be read end nothing with an internal error."""

from __future__ import annotations

import pytest

from services.config.catalog.endpoints.types import flaws_of, servers
from services.config.catalog.hooks.public_url import is_local, why_in_clear
from services.gateway.commands.kubeconfig import loopback_warning
from services.runner.notifications.letters import host_of
from services.runner.requests.checks.docker import _server
from tests.unit.gateway.site import Site

ODD = ["https://k.example[.com", "https://a]b", "https://[::1", "https://a:99999999", "http://["]


@pytest.mark.parametrize("url", ODD)
def test_an_address_that_cannot_be_read_is_only_odd(url: str) -> None:
    assert loopback_warning(url) == "" and host_of(url) == "" and _server(url) == "://"
    assert is_local(url) and why_in_clear(url, url) == ""
    for type_, key in (("docker", "repoURL"), ("git", "repoURL"), ("k8s", "kubernetesURL"), ("webhook", "url")):
        flaws_of(type_, {key: url}, {})
        servers(type_, {key: url})


@pytest.mark.parametrize("url", ODD)
def test_a_page_that_is_asked_for_from_an_odd_address_is_drawn(site: Site, url: str) -> None:
    for path in ("/executions", "/pipelines"):
        assert site.call("GET", path, headers={"HX-Current-URL": url, "HX-Request": "true"}).status_code < 500
