"""What a task brought, twice: for people, masked and cut; for other tasks exact, sealed where that differs. Pure."""

from __future__ import annotations

import json
from typing import Any, Protocol

from shared.contracts.base import Json, Sealed
from shared.contracts.history import Output
from shared.contracts.texts import mended
from shared.grammar.resolving import CUT_MARK

MAX_OUTPUT_BYTES = 256 * 1024
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


def size(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode())


def cut(value: Any, limit: int = MAX_OUTPUT_BYTES) -> Any:
    """The value with its largest parts replaced by a mark until it fits."""
    total = size(value)
    if total <= limit:
        return value
    if isinstance(value, dict) and value:
        return _cut_parts(value, total, limit)
    if isinstance(value, list) and value:
        kept = _cut_parts(dict(enumerate(value)), total, limit)
        return [kept[index] for index in range(len(value))] if len(kept) == len(value) else {CUT_MARK: total}
    return {CUT_MARK: total}


def _cut_parts(parts: dict[Any, Any], total: int, limit: int) -> dict[Any, Any]:
    """Cut within the largest part, as far down as one part alone is to blame."""
    sizes = {key: size(part) for key, part in parts.items()}
    kept = dict(parts)
    for key, taken in sorted(sizes.items(), key=lambda pair: pair[1], reverse=True):
        room = limit - (total - taken)
        kept[key] = cut(parts[key], room) if room > taken // 4 and room > 1024 else {CUT_MARK: taken}
        total += size(kept[key]) - taken
        if total <= limit:
            return kept
    return {CUT_MARK: sum(sizes.values())}


def packed(exact: Json, secrets: Secrets) -> tuple[Output, Json]:
    """The output for the ledger, and what later tasks of this holder may use."""
    if not exact:
        return Output(), {}
    usable = shown(exact)
    view = secrets.masker.mask(usable)
    if view == usable:
        return Output(view=usable), usable
    return Output(view=view, sealed=secrets.seal(usable), secrets=secrets.seal(secrets.within(usable))), usable


def shown(value: Any) -> Any:
    """A value as JSON and databases know it, small enough to be recorded."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    usable = mended(json.loads(text))
    # Not even four bytes for each character would be too much.
    return usable if 4 * len(text) <= MAX_OUTPUT_BYTES else cut(usable)


def message(text: str, masks: Masks) -> str:
    """A status message: masked, and no longer than a page can show."""
    shown = str(mended(masks.mask(text)))
    return shown if len(shown) <= MAX_MESSAGE_CHARS else shown[: MAX_MESSAGE_CHARS - 1] + "…"
