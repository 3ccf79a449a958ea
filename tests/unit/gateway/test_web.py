"""The application itself: what is true of every route."""

from __future__ import annotations

from .site import Site


def test_addresses_are_built_as_they_are_matched(site: Site) -> None:
    address = "/pipeline/api/executions/a%20b"
    with site.app.test_request_context(address):
        rule = site.app.url_map.bind("").match(address.replace("%20", " "), return_rule=True)[0]
        for _ in range(2):
            assert site.app.url_for(rule.endpoint, id="a b") == address
            assert site.app.url_for(rule.endpoint, id="a b", page="2") == address + "?page=2"
