"""The endpoints that the pages on the clouds write can be saved as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from services.config.catalog.endpoints.types import flaws_of, spelled
from shared.contracts.secrets import endpoint_secret_keys

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = {"aws": ["EKS", "ECR"], "google-cloud": ["GKE", "GAR"], "azure": ["AKS", "ACR"]}


def endpoints(page: str) -> list[dict[str, object]]:
    text = (DOCS / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    documents = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    return [document for document in documents if "properties" in document]


@pytest.mark.parametrize("page", PAGES)
def test_each_endpoint_of_a_page_on_a_cloud_can_be_saved(page: str) -> None:
    kinds = []
    for document in endpoints(page):
        type_ = str(document["type"])
        properties = spelled(type_, document["properties"])  # type: ignore[arg-type]
        secrets = {key: properties.pop(key) for key in endpoint_secret_keys(type_) if key in properties}
        assert flaws_of(type_, properties, secrets) == []
        kinds.append(properties.get("authType") or properties.get("serverType"))
    assert kinds == PAGES[page]
