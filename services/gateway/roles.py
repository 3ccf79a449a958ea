"""What pages show to whom: a short memory of each user's role. Only for drawing; config authorises every call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Refused
from shared.contracts.secrets import SECRET_VARIABLE_TYPES
from shared.process.clock import monotonic as process_monotonic

from .config_client import ConfigClient

KEEP_S = 30.0
MAX_USERS = 10_000
RIGHTS = ("NOTHING", "READ", "EXECUTE", "EDIT", "RESTRICTED")
"""What one may do in a project; each includes those before it."""


@dataclass(frozen=True, slots=True)
class Role:
    """The signed-in user, as far as pages care."""

    administrator: bool = False
    email: str = ""
    administrators: tuple[str, ...] = ()
    """Whom to ask."""
    rights: Mapping[str, str] | None = None
    """By project; None where config could not be asked."""
    in_git: Mapping[str, str] = field(default_factory=dict)
    """Projects whose definitions come from Git: folder, repository, branch and commit in words."""

    def may(self, project: str, right: str) -> bool:
        """Is a button for this worth drawing? Yes where nothing is known: config has the last word."""
        right_here = (self.rights or {}).get(project, RIGHTS[-1])
        return right_here not in RIGHTS or RIGHTS.index(right_here) >= RIGHTS.index(right)

    def may_change(self, document: Json) -> bool:
        """The same, for changing an object: what is restricted asks for more, what Git holds is changed there."""
        if (document.get("_source") or {}).get("commit") and document.get("type") not in SECRET_VARIABLE_TYPES:
            return False
        restricted = document.get("isRestricted") or document.get("type") == RIGHTS[-1]
        return self.may(str(document.get("project") or ""), RIGHTS[-1] if restricted else "EDIT")

    def may_define(self, project: str) -> bool:
        """Is a form for something new in this project worth drawing? Not where Git decides what there is."""
        return self.may(project, "EDIT") and project not in self.in_git

    def may_define_somewhere(self) -> bool:
        """The same, of any project."""
        return self.rights is None or any(self.may_define(project) for project in self.rights)

    def may_somewhere(self, right: str) -> bool:
        """The same, of any project."""
        return self.rights is None or any(self.may(project, right) for project in self.rights)


class Roles:
    """Asks config at most every half minute and user."""

    def __init__(self, config: ConfigClient, monotonic: Callable[[], float] = process_monotonic) -> None:
        self._config = config
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Role]] = {}
        self._lock = threading.Lock()

    def of(self, caller: Caller) -> Role:
        """The role; that of nobody in particular while config cannot be asked."""
        at = self._monotonic()
        with self._lock:
            cached = self._known.get(caller.user)
        if cached is not None and at - cached[0] < KEEP_S:
            return cached[1]
        try:
            me = self._config.get(caller, Get(kind=Kind.USERS, id="me")).document
        except Refused:
            return cached[1] if cached else Role()
        role = Role(
            administrator=me.get("serviceRole") == "Administrator",
            email=str(me.get("email") or ""),
            administrators=tuple(map(str, me.get("administrators") or ())),
            in_git={str(project): str(source) for project, source in (me.get("definitionsFrom") or {}).items()},
            rights={str(project): str(right) for project, right in me["rights"].items()} if "rights" in me else None,
        )
        with self._lock:
            if len(self._known) >= MAX_USERS:
                self._known.clear()
            self._known[caller.user] = (at, role)
        return role
