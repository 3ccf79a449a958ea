"""What administrators should do soon, in pages: what the processes say of themselves, and then config's notices."""

from __future__ import annotations

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind, Page
from shared.contracts.envelope import Caller

PROCESS = "process"
"""What a notice of a process is about."""


def notices(context: AppContext, caller: Caller, *, skip: int, top: int, about: str = "", search: str = "") -> Page:
    """One page, each as `about`, `message`, `nextStep`, `page` and `until`; `about` and `search` leave some of them. A
    page of none counts them. Raises `Refused` for who administers nothing."""
    rows = [row for row in _of_processes(context) if about in ("", PROCESS)]
    rows = [row for row in rows if search.casefold() in str(row["message"]).casefold()]
    shown = rows[skip : skip + top]
    ask = Find(
        kind=Kind.NOTICES,
        skip=max(0, skip - len(rows)),
        top=top - len(shown),
        options={"about": about, "search": search},
    )
    defined = context.config.find(caller, ask)
    return Page(documents=(*shown, *defined.documents), total=len(rows) + defined.total)


def _of_processes(context: AppContext) -> list[Json]:
    """Troubles such as a low disk, and notes such as an undeclared proxy; what several say counts once."""
    sentences: dict[str, str] = {}
    for line in context.health.lines():
        for sentence in (*line.troubles, *line.notes):
            sentences.setdefault(sentence, f"{line.service} on {line.host}" if line.host else line.service)
    return [
        {
            "kind": "NOTICE",
            "about": PROCESS,
            "message": f"{where}: {sentence}",
            "nextStep": "",
            "page": "/health",
            "until": "",
        }
        for sentence, where in sentences.items()
    ]
