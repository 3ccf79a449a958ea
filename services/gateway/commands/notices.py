"""What administrators should do soon: config's notices, and what the processes say of themselves."""

from __future__ import annotations

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind
from shared.contracts.envelope import Caller

MOST = 500


def notices(context: AppContext, caller: Caller) -> list[Json]:
    """Each as `about`, `message`, `nextStep`, `page` and `until`. Raises `Refused` for who administers nothing."""
    defined = context.config.find(caller, Find(kind=Kind.NOTICES, top=MOST)).documents
    return [*_of_processes(context), *defined]


def _of_processes(context: AppContext) -> list[Json]:
    """Troubles such as a low disk, and notes such as an undeclared proxy; what several say counts once."""
    sentences: dict[str, str] = {}
    for line in context.health.lines():
        for sentence in (*line.troubles, *line.notes):
            sentences.setdefault(sentence, f"{line.service} on {line.host}" if line.host else line.service)
    return [
        {
            "kind": "NOTICE",
            "about": "process",
            "message": f"{where}: {sentence}",
            "nextStep": "",
            "page": "/health",
            "until": "",
        }
        for sentence, where in sentences.items()
    ]
