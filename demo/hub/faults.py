"""Ways in which the next calls go wrong."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from .http import Answer, Answered, Json

ROUTES = {
    "sign-in": r"^/v2/(auth/token|users/login|users/2fa-login)/?$",
    "auth": r"^/v2/auth/token/?$",
    "login": r"^/v2/users/login/?$",
    "hooks": r"/webhook_pipeline/",
    "tags": r"/tags(/|$)",
    "token": r"^/token$",
    "manifests": r"/manifests/",
    "any": r"",
}

_HTML = (
    "<html>\n<head><title>502 Bad Gateway</title></head>\n"
    "<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>"
)
SHAPES: dict[str, tuple[int, Any]] = {
    "400-url": (400, {"webhooks": [{"hook_url": ["Invalid value."]}]}),
    "400-name": (400, {"name": ["Webhook pipeline with this name already exists."]}),
    "401": (401, {"detail": "Signature has expired."}),
    "403": (403, {"detail": "Forbidden"}),
    "403-pat": (403, {"message": "access to the resource is forbidden with personal access token"}),
    "404": (404, {"message": "object not found", "errinfo": {}}),
    "404-html": (404, "<!DOCTYPE html>\n<html><body><h1>Page not found (404)</h1></body></html>"),
    "405": (405, {"detail": 'Method "POST" not allowed.'}),
    "409": (409, {"detail": "Conflict"}),
    "429": (429, {"detail": "Rate limit exceeded", "error": False}),
    "429-text": (429, "Too Many Requests (HAP429).\n"),
    "500": (500, {"error": True, "detail": "internal error"}),
    "502-html": (502, _HTML),
    "503": (503, {"message": "service unavailable", "errinfo": {}}),
    "200-html": (200, _HTML.replace("502 Bad Gateway", "Down for maintenance")),
    "200-empty": (200, None),
    "drop": (0, None),
    "lost-answer": (0, None),
    "slow": (0, None),
}


@dataclass
class Fault:
    """What the next `times` calls of a route meet."""

    shape: str
    path: str = ""
    method: str = ""
    times: int = 1
    skip: int = 0
    """Let that many matching calls pass first."""
    retry_after_s: float | None = None
    """Adds `X-Retry-After`, or with `header` another header."""
    header: str = "X-Retry-After"
    delay_s: float = 0.0

    def answer(self) -> Answer:
        status, body = SHAPES[self.shape]
        headers = {}
        if self.retry_after_s is not None:
            value = time.time() + self.retry_after_s if self.header == "X-Retry-After" else self.retry_after_s
            headers[self.header] = str(int(value + 0.999))
        return Answer(status, body, headers)


@dataclass
class Faults:
    """The faults that wait for their calls, in order."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, body: Json) -> None:
        """From `{"shape", "route" or "path", "method", "times", …}`."""
        wish = dict(body)
        route = wish.pop("route", None)
        if route is not None and route not in ROUTES:
            raise Answered(400, {"detail": f"no route {route}; there are {', '.join(ROUTES)}"})
        if wish.get("shape") not in SHAPES:
            raise Answered(400, {"detail": f"no shape {wish.get('shape')}; there are {', '.join(SHAPES)}"})
        try:
            fault = Fault(**wish)
        except TypeError as wrong:
            raise Answered(400, {"detail": str(wrong)}) from wrong
        if route is not None:
            fault.path = ROUTES[route]
        with self.lock:
            self.waiting.append(fault)

    def clear(self) -> None:
        with self.lock:
            self.waiting.clear()

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault of this call, counted down."""
        with self.lock:
            for fault in list(self.waiting):
                if fault.method not in ("", method) or not re.search(fault.path, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
