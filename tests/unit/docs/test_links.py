"""Every link within the documentation leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from services.gateway.pages.site import HELP

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"


def links(page: Path) -> set[Path]:
    """What a page links to within the repository."""
    found = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in found if not link.startswith("http")}


def test_every_link_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert [(page.name, link.name) for page in pages for link in links(page) if not link.exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in links(page):
            found = link.glob("*.md") if link.is_dir() else [link]
            waiting += [one for one in found if one.suffix == ".md" and one not in reached]
    assert [page.name for page in (ROOT / "docs").rglob("*.md") if page not in reached] == []


def test_every_command_of_the_readme_can_be_given() -> None:
    """Each `make` line as it is, up to running it; what it does when run is shown by the tests of that command."""
    text = README.read_text(encoding="utf-8")
    commands = {line.partition("#")[0].strip() for line in re.findall(r"^    (.+)$", text, re.MULTILINE)}
    commands |= {command for command in re.findall(r"`((?:make|docker compose) [^`]+)`", text)}
    targets = {command.split()[1] for command in commands if command.startswith("make ")}
    assert {"demo", "up", "push", "link", "clean", "site"} <= targets
    for command in sorted(commands):
        if command.startswith("make "):
            words = ["make", "--dry-run", *shlex.split(command)[1:]]
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, done.stderr
            used = (ROOT / "Makefile").read_text(encoding="utf-8")
            settings = [word.partition("=")[0] for word in words if "=" in word]
            assert [name for name in settings if f"$({name})" not in used] == []


def test_the_readme_is_one_screen_and_a_half() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 60


PARTS_OF_PAGES = {
    f"how-to/{name}.html" for name in ("connect-a-cluster", "definitions-in-git", "notify", "run-from-a-build")
}
"""How-tos about a part of a page whose help leads elsewhere."""


def test_each_how_to_about_a_page_shows_that_page() -> None:
    taken = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "browser").glob("test_*.py"))
    chapters = {chapter for chapter in HELP.values() if chapter.startswith("how-to/")} | PARTS_OF_PAGES
    for chapter in sorted(chapters):
        page = (ROOT / "docs" / chapter).with_suffix(".md")
        pictures = re.findall(r"!\[[^\]]+\]\(\.\./images/([\w-]+)\.png\)", page.read_text(encoding="utf-8"))
        assert pictures, f"{page.name} shows no picture"
        for name in pictures:
            assert f'"{name}"' in taken, f"no test takes {name}"
            assert (ROOT / "docs" / "images" / f"{name}.png").stat().st_size < 256 * 1024, f"{name} is too large"
