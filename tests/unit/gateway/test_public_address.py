"""Links name the address in force, not the one that a process read as it started."""

from __future__ import annotations

import pytest

from services.gateway.api.routes import PREFIXES
from services.gateway.config_client import ConfigClient
from services.gateway.public_address import KEEP_S, PublicAddress
from shared.bus import RequestTimeout
from shared.contracts.catalog import Document
from shared.contracts.problems import Refused
from tests.unit.gateway.fakes import FakePost
from tests.unit.gateway.site import Site

P = PREFIXES[0]
MOVED = "https://moved.example.com"


@pytest.mark.parametrize("path", [f"{P}/pipelines", f"{P}/endpoints/e1"])
def test_whoever_is_not_signed_in_is_led_to_the_address_in_force(site: Site, path: str) -> None:
    site.documents["settings"] = {"publicUrl": MOVED}
    assert f"{MOVED}/account" in site.client().get(path).get_json()["nextStep"]


@pytest.mark.parametrize("path", ["/iaas/api/about", f"{P}/about"])
def test_the_documentation_is_at_the_address_in_force(site: Site, path: str) -> None:
    site.documents["settings"] = {"publicUrl": MOVED}
    (version,) = site.client().get(path).get_json()["supportedApis"]
    assert version["documentationLink"] == f"{MOVED}/openapi.json"


def test_a_program_that_signs_in_by_a_page_is_led_to_the_address_in_force(site: Site) -> None:
    site.documents["settings"] = {"publicUrl": MOVED}
    site.documents["device-sign-ins"] = {"userCode": "AAAA-BBBB", "goodForSeconds": 600, "intervalSeconds": 5}
    begun = site.client().post("/oauth/device", data={"client_id": "portside"}).get_json()
    assert begun["verification_uri"] == f"{MOVED}/device"


class Story:
    """A config whose answer a test changes, and a clock."""

    def __init__(self) -> None:
        self.post, self.at, self.public_url, self.away = FakePost(), 0.0, MOVED, False
        self.post.answers["catalog.get"] = self._answer
        self.address = PublicAddress(ConfigClient(self.post), "https://first.example.com", lambda: self.at)

    def _answer(self, _ask: object) -> Document:
        if self.away:
            raise RequestTimeout("config is away")
        return Document(document={"publicUrl": self.public_url})


@pytest.fixture
def story() -> Story:
    return Story()


def test_many_strangers_cost_config_one_question(story: Story) -> None:
    assert {story.address.last_known() for _ in range(50)} == {MOVED}
    assert len(story.post.asked) == 1


def test_a_changed_address_counts_within_seconds(story: Story) -> None:
    story.address.last_known()
    story.public_url = "https://again.example.com"
    assert story.address.in_force() == "https://again.example.com"
    story.public_url = MOVED
    story.at += KEEP_S
    assert story.address.last_known() == MOVED


def test_while_config_is_away_the_last_address_counts_and_config_is_asked_rarely(story: Story) -> None:
    story.away = True
    assert {story.address.last_known() for _ in range(50)} == {"https://first.example.com"}
    assert len(story.post.asked) == 1
    story.away, story.at = False, KEEP_S
    assert story.address.last_known() == MOVED
    story.away, story.at = True, 2 * KEEP_S
    assert story.address.last_known() == MOVED
    with pytest.raises(Refused):
        story.address.in_force()
