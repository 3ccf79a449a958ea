"""For a library that makes its own urllib3 pool: the same bounds as of our client, around each of its requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from .cancel_scope import CancelScope
from .http import FAILURES, RequestLimits, StreamedReply, close_idle, failure, let_go


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer whose body has been read, with urllib3's names."""

    status: int
    reason: str | None
    headers: Mapping[str, str]
    data: bytes


class BoundedPool:
    """What such a library calls of its pool manager. Safe to use from several threads.

    Each answer is read at once, within the overall deadline and the bound on its decompressed body; a redirect is an
    answer like any other. Every request carries `headers` besides the library's own, which cannot repeat a name.
    """

    def __init__(
        self, manager: urllib3.PoolManager, limits: RequestLimits, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._manager = manager
        self._limits = limits
        self._headers = tuple(headers)

    def request(self, method: str, url: str, *, headers: Mapping[str, str], **options: Any) -> WholeAnswer:
        """Raises OutboundError for an answer that is too large or too slow, else what urllib3 raises."""
        merged = urllib3.HTTPHeaderDict(headers)
        for name, value in self._headers:
            merged.add(name, value)
        options |= {"preload_content": False, "redirect": False}
        response: urllib3.BaseHTTPResponse | None = None
        scope = CancelScope(self._limits.overall_s)
        try:
            try:
                with scope.active():
                    response = self._manager.request(method, url, headers=merged, **options)
            except FAILURES as error:
                if scope.ended is not None:
                    raise failure(url, error, scope) from None
                raise
            data = StreamedReply(response, url, scope, self._limits).read()
            return WholeAnswer(response.status, response.reason, response.headers, data)
        finally:
            scope.close()
            if response is not None:
                let_go(response)

    def clear(self) -> None:
        """Close idle connections."""
        close_idle(self._manager)
