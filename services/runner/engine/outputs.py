"""What a task brought, twice: for people, masked and cut; for other tasks exact, sealed where that differs. Pure."""

from __future__ import annotations

import json
from typing import Any, Protocol

from shared.contracts.base import Json, Sealed
from shared.contracts.history import Output
from shared.contracts.texts import mended
from shared.grammar.cutting import cut_deep, fitted

MAX_OUTPUT_BYTES = 256 * 1024
LIMITS = (MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES // 4, MAX_OUTPUT_BYTES // 16, 1024)
"""To what an output is cut: to the first, unless its event would be too large with what is sealed."""
MAX_MESSAGE_CHARS = 4_000


class Masks(Protocol):
    """Hides the secrets of a run."""

    def mask(self, value: Any) -> Any: ...


class Secrets(Protocol):
    """The secrets of a run."""

    @property
    def masker(self) -> Masks: ...

    def seal(self, value: Any) -> Sealed: ...

    def within(self, value: Any) -> list[str]: ...


def packed(exact: Json, secrets: Secrets, limit: int = MAX_OUTPUT_BYTES) -> tuple[Output, Json]:
    """The output for the ledger, and what later tasks of this holder may use; both within `limit` bytes of JSON."""
    if not exact:
        return Output(), {}
    usable = shown(exact, limit)
    view = secrets.masker.mask(usable)
    if view == usable:
        return Output(view=usable), usable
    return Output(view=view, sealed=secrets.seal(usable), secrets=secrets.seal(secrets.within(usable))), usable


def shown(value: Any, limit: int = MAX_OUTPUT_BYTES) -> Any:
    """A value as JSON and databases know it, small and shallow enough to be recorded."""
    text = json.dumps(cut_deep(value), ensure_ascii=False, default=str)
    return fitted(mended(json.loads(text)), limit)


def message(text: str, masks: Masks) -> str:
    """A status message: masked, and no longer than a page can show."""
    masked = str(mended(masks.mask(text)))
    return masked if len(masked) <= MAX_MESSAGE_CHARS else masked[: MAX_MESSAGE_CHARS - 1] + "…"
