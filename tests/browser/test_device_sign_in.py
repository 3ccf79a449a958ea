"""`portside login` by a page: the command prints a code, a person allows it in a browser, and revokes it there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.portside_command import Command
from tests.support.patience import PATIENCE_S
from tests.support.world import World

from .conftest import a_system, confirm, hindrances

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from a_system(tmp_path_factory.mktemp("device"), define=False)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def _begun(command: Command, world: World, *words: str) -> tuple[subprocess.Popen[str], str, str]:
    """A `portside login` that waits, the code that it shows, and the link."""
    certificate = ("--certificate", str(world.layout.certificate)) if world.layout.certificate else ()
    login = command.start("login", world.layout.url, *certificate, *words)
    assert login.stderr is not None
    lines = login.stderr.readline() + login.stderr.readline()
    code, link = re.search(r"in the browser: ([A-Z]{4}-[A-Z]{4})", lines), re.search(r"Open (\S+)", lines)
    assert code and link, lines
    return login, code[1], link[1]


def test_a_command_is_let_in_by_a_page_narrowed_there_and_revoked_there(
    world: World, page: Page, command: Command
) -> None:
    login, code, link = _begun(command, world, "--device")
    page.goto(link)
    expect(page.locator(".usercode")).to_have_text(code)
    assert not hindrances(page)
    page.get_by_label("read only").check()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_text("is signed in within a few seconds")).to_be_visible()
    _, rest = login.communicate(timeout=PATIENCE_S)
    assert (login.returncode, f"Signed in at {world.layout.url} as admin" in rest) == (0, True), rest
    assert "admin" in command.out("whoami")
    refused = command.run("tokens", "create", "another")
    assert refused.returncode != 0 and "narrowed" in refused.stderr
    page.goto(f"{world.layout.url}/account")
    row = page.get_by_role("row").filter(has_text="portside on")
    expect(row).to_contain_text("read only")
    row.get_by_role("button", name="Revoke").click()
    confirm(page, "Revoke")
    expect(page.get_by_role("row").filter(has_text="portside on")).to_have_count(0)
    assert command.run("whoami").returncode == 3


def test_the_code_can_be_typed_and_the_sign_in_refused(world: World, page: Page, command: Command) -> None:
    login, code, _ = _begun(command, world, "--device")
    page.goto(f"{world.layout.url}/device")
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no such code")
    page.get_by_label("Code").fill(code.lower().replace("-", ""))
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("was refused")).to_be_visible()
    _, rest = login.communicate(timeout=PATIENCE_S)
    assert login.returncode == 3 and "refused on the page" in rest


def test_a_link_lets_nothing_in_by_itself_and_a_form_of_another_site_neither(
    world: World, page: Page, command: Command
) -> None:
    login, code, link = _begun(command, world, "--device")
    try:
        page.goto(link)
        expect(page.get_by_role("button", name="Allow")).to_be_visible()
        answer = page.request.post(
            f"{world.layout.url}/device",
            form={"userCode": code, "answer": "approve", "form_token": "forged"},
            fail_on_status_code=False,
        )
        assert answer.status == 403
        page.reload()
        expect(page.get_by_role("button", name="Allow")).to_be_visible()
        assert login.poll() is None
    finally:
        login.kill()
        login.communicate()
