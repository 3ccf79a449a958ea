"""Import: definitions as YAML, from a file chosen or dropped or from a text; a plan first, then what became of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256

from flask import render_template, request

from services.gateway.commands.imports import seal_yaml
from shared.contracts.base import Json
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.grammar.inputs import blank

from . import session
from .forms import definable_projects, field
from .pipeline_editor import written
from .routing import PageRoute

ACTIONS = {
    "create": "is kept; new objects are created",
    "apply": "is replaced; new objects are created",
    "update": "is replaced; nothing is created",
}
"""What becomes of what already exists."""
PRESET = "create"
"""It overwrites nothing."""
_WORDS = {
    True: {"CREATED": "would be created", "UPDATED": "would be replaced", "KEPT": "would be kept"},
    False: {"CREATED": "created", "UPDATED": "replaced", "KEPT": "kept"},
}
_FAILED = {True: "would fail", False: "failed"}
_FOLDERS = {"PIPELINE": "pipelines", "ENDPOINT": "endpoints", "VARIABLE": "variables"}
"""Where the page of an imported object is, by kind."""
_COLOURS = {"CREATED": "done", "UPDATED": "waiting", "KEPT": "skipped"}


@dataclass(frozen=True, slots=True)
class ImportForm:
    """What the form holds."""

    text: str = ""
    action: str = PRESET
    project: str = ""

    @property
    def mark(self) -> str:
        """Which form a plan was made for."""
        return sha256("\0".join((self.text, self.action, self.project)).encode()).hexdigest()


def form() -> str:
    session.demand_editor()
    return _page(ImportForm())


def take() -> str:
    """The plan, and its import when it was made for exactly this."""
    sent = _sent()
    planning = field("do") != "import" or field("planned") != sent.mark
    try:
        objects = _taken(sent, plan=planning)
    except Refused as refused:
        if refused.problem.code is Code.UNAUTHENTICATED:
            raise
        return _page(sent, problem=refused.problem)
    # What was taken is not shown again: it may hold secrets.
    reports = [reported(entry, sent.action, planned=planning) for entry in objects]
    return _page(sent if planning else ImportForm(), reports, planned=planning)


def reported(entry: Json, action: str, *, planned: bool) -> Json:
    """An object of the report with the word for its status; one that exists already was kept as wanted."""
    status = str(entry.get("status") or "")
    if action == "create" and "already exists" in str(entry.get("statusMessage") or ""):
        status = "KEPT"
    word = _WORDS[planned].get(status, _FAILED[planned])
    folder = _FOLDERS.get(str(entry.get("kind")).upper())
    # What a plan made is gone again, so it has no page.
    address = f"/{folder}/{entry['id']}" if folder and entry.get("id") and not planned else ""
    return {**entry, "status": status, "word": word, "colour": _COLOURS.get(status, "failed"), "address": address}


def _sent() -> ImportForm:
    upload = request.files.get("file")
    text = written() or (upload.read().decode("utf-8-sig", "replace") if upload and upload.filename else "")
    action = field("action")
    return ImportForm(text, action if action in ACTIONS else PRESET, field("project"))


def _taken(sent: ImportForm, *, plan: bool) -> list[Json]:
    if blank(sent.text):
        raise refuse(Code.INVALID, "There is nothing to import.", next_step="Choose or drop a file, or paste YAML.")
    sealed = seal_yaml(sent.text, session.context().sealer.seal_secret)
    objects = session.act(sealed.command(sent.action, sent.project, plan=plan)).document.get("objects")
    return objects if isinstance(objects, list) else []


def _page(
    sent: ImportForm, objects: list[Json] | None = None, *, planned: bool = False, problem: Problem | None = None
) -> str:
    words = Counter(str(entry["word"]) for entry in objects or ())
    return render_template(
        "pipelines_import.html",
        sent=sent,
        actions=ACTIONS,
        projects=definable_projects(),
        objects=objects,
        planned=planned,
        summary=", ".join(f"{count} {word}" for word, count in words.items()),
        problem=problem,
    )


ROUTES = (
    PageRoute("GET", "/pipelines/import", form),
    PageRoute("POST", "/pipelines/import", take),
)
