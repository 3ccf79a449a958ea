"""Every link within the documentation leads somewhere, and every page can be reached from the README."""

from __future__ import annotations

import re
from pathlib import Path

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
