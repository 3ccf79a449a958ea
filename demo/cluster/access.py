"""Who may do what, and which faults the next calls meet: set by tests through `/_fake/…`."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any

from .errors import Obj, bad_request
from .kinds import KindRow


@dataclass
class Fault:
    """What the next `times` matching calls meet instead of, or before, their answer."""

    method: str = ""
    path: str = ""
    """A regular expression searched in the path."""
    status: int = 0
    """Answer with this status; 0 with a delay only."""
    delay_s: float = 0.0
    drop: bool = False
    """Close the connection without an answer."""
    after: bool = False
    """Do the work first: the answer alone is lost."""
    body: str = ""
    times: int = 1

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


@dataclass
class Access:
    """Tokens with their users, refusals, faults, and a list of the calls so far."""

    tokens: dict[str, str]
    denied: list[Obj] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: list[Obj] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def user(self, header: str) -> str | None:
        """The user of an Authorization header."""
        scheme, _, token = header.partition(" ")
        return self.tokens.get(token.strip()) if scheme.lower() == "bearer" else None

    def allows(self, user: str, verb: str, row: KindRow, namespace: str) -> bool:
        """Whether no refusal matches; a rule's absent field matches all."""
        facts = {"user": user, "verb": verb, "resource": row.plural, "group": row.group, "namespace": namespace}
        return not any(all(facts.get(name) == value for name, value in rule.items()) for rule in self.denied)

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that this call meets, counted down."""
        with self.lock:
            for fault in self.faults:
                if fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None

    def note(self, method: str, path: str, query: str, status: int) -> None:
        """Remember a call."""
        with self.lock:
            self.calls.append({"method": method, "path": path, "query": query, "status": status})
            del self.calls[:-2_000]

    def admin(self, method: str, path: str, body: Any) -> Obj:
        """`/_fake/calls`, `/_fake/faults`, `/_fake/denied`, `/_fake/tokens`: GET shows, POST adds, DELETE empties."""
        resource = path.removeprefix("/_fake/")
        lists: dict[str, Any] = {
            "calls": self.calls,
            "faults": self.faults,
            "denied": self.denied,
            "tokens": self.tokens,
        }
        if resource not in lists:
            raise bad_request(f"no such call of the fake: {path}; there are {', '.join(sorted(lists))}")
        with self.lock:
            if method == "DELETE":
                lists[resource].clear()
            elif method == "POST" and resource == "faults":
                self.faults.append(Fault(**body))
            elif method == "POST" and resource == "denied":
                self.denied.append(body)
            elif method == "POST" and resource == "tokens":
                self.tokens.update(body)
            rows = lists[resource]
            if resource == "faults":
                rows = [{**vars(fault)} for fault in self.faults]
            return {resource: rows if isinstance(rows, dict) else list(rows)}
