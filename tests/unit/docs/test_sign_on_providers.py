"""The page on sign-in providers: what it says of Portside holds, and its Dex configurations are whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from services.gateway.sign_on import CALLBACK

DOCS = Path(__file__).parents[3] / "docs" / "how-to"
PAGE = (DOCS / "sign-on-providers.md").read_text()


def configurations() -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


def test_dex_configurations_name_the_connectors_and_our_address() -> None:
    static, *others = configurations()
    assert static["staticClients"][0]["redirectURIs"] == [f"https://portside.example.com{CALLBACK}"]
    connectors = [connector for part in others for connector in part["connectors"]]
    assert [connector["type"] for connector in connectors] == ["ldap", "saml", "github"]
    assert all({"id", "name", "config"} <= set(connector) for connector in connectors)
    back = [connector["config"]["redirectURI"] for connector in connectors if connector["type"] != "ldap"]
    assert back == [f"{static['issuer']}/callback"] * 2


def test_every_provider_of_the_short_table_has_its_section() -> None:
    table = (DOCS / "sign-on.md").read_text().split("## Providers")[1].split("\n## ")[0]
    names = re.findall(r"^\| (\w[\w ]*) \|", table, re.MULTILINE)
    titles = re.findall(r"^#{2,3} (.+)$", PAGE, re.MULTILINE)
    assert names
    assert all(any(title.startswith(name) for title in titles) for name in names)
