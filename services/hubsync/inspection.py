"""Looks at Docker Hub for a page or a check: may hooks be managed, which repositories and which last tags are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Inspect, Inspected, Validated
from shared.contracts.problems import Code, refuse
from shared.contracts.runs import ResolvedEndpoint
from shared.grammar.names import nearest
from shared.grammar.repositories import DOCKER_HUB, repository_of
from shared.process.addresses import may_be_local

from .mirror import CannotUnseal
from .plan import ListedHook
from .problems import (
    HubProblem,
    Limited,
    NoManagement,
    NoRepository,
    NotAllowed,
    TwoFactorDue,
    WrongCredentials,
)
from .signing import HubAccount

LAST_TAGS = 10
_TOKEN = "a personal access token with the rights Read, Write and Delete"


class Hub(Protocol):
    """What is looked at, as one account."""

    def list_hooks(self, repository: str) -> tuple[ListedHook, ...]: ...

    def repositories(self, namespace: str) -> tuple[str, ...]: ...

    def list_tags(self, repository: str, most: int) -> list[Json]: ...


class HubInspector:
    """Answers `hub.inspect`."""

    def __init__(self, connect: Callable[[HubAccount], Hub], open_sealed: Callable[[Sealed], str]) -> None:
        self._connect = connect
        self._open = open_sealed

    def __call__(self, query: Inspect) -> Inspected:
        """Look; what cannot be seen is refused with the reason, but for `rights`, whose answer it is."""
        look = _LOOKS.get(query.what)
        if look is None or query.endpoint is None:
            raise refuse(Code.UNSUPPORTED, f"There is no look at {query.what!r}; there is {', '.join(_LOOKS)}.")
        try:
            hub = self._connect(self._account(query.endpoint))
        except CannotUnseal as error:
            raise refuse(Code.INVALID, f"The endpoint's password cannot be read. {error}", subject=query.what) from None
        try:
            return Inspected(document=look(hub, query.endpoint, query.options))
        except HubProblem as problem:
            raise refuse(
                Code.UNAVAILABLE, str(problem), subject=query.what, next_step=_told(problem, query.endpoint.name)[1]
            ) from None

    def _account(self, endpoint: ResolvedEndpoint) -> HubAccount:
        sealed = endpoint.secrets.get("password") or endpoint.secrets.get("token")
        return HubAccount(
            hub_url=str(endpoint.properties.get("hubURL") or DOCKER_HUB).rstrip("/"),
            username=str(endpoint.properties.get("username") or ""),
            password=self._open(sealed) if sealed is not None else "",
            local=may_be_local(endpoint.properties),
        )


def _rights(hub: Hub, endpoint: ResolvedEndpoint, options: Json) -> Json:
    """Whether this account may manage the hooks of the endpoint's repository; for a namespace, which there are."""
    return _right(hub, endpoint, options).model_dump()


def _right(hub: Hub, endpoint: ResolvedEndpoint, options: Json) -> Validated:
    namespace, repository = _meant(endpoint, options)
    try:
        if not repository:
            names = list(hub.repositories(namespace))
            return Validated(
                ok=True,
                code="ok",
                message=f"Docker Hub shows {len(names)} repositories of {namespace}; each webhook names its own.",
                details={"repositories": names},
            )
        hub.list_hooks(repository)
    except NoRepository as problem:
        near = _near(hub, repository)
        step = f"Did you mean {near}?" if near else _told(problem, repository)[1]
        return Validated(ok=False, code="no-such-repository", message=str(problem), next_step=step)
    except HubProblem as problem:
        code, step = _told(problem, repository)
        details: Json = {"scope": "repo:admin"} if isinstance(problem, NotAllowed) else {}
        return Validated(ok=False, code=code, message=str(problem), next_step=step, details=details)
    return Validated(ok=True, code="ok", message=f"The hooks of {repository} can be managed.")


def _repositories(hub: Hub, endpoint: ResolvedEndpoint, options: Json) -> Json:
    namespace, _ = _meant(endpoint, options)
    return {"namespace": namespace, "repositories": list(hub.repositories(namespace))}


def _tags(hub: Hub, endpoint: ResolvedEndpoint, options: Json) -> Json:
    _, repository = _meant(endpoint, options)
    if not repository:
        raise refuse(Code.INVALID, "The endpoint is a whole namespace: name the repository.", subject="repository")
    tags = [
        {
            "name": str(entry.get("name") or ""),
            "digest": str(entry.get("digest") or ""),
            "pushedAt": str(entry.get("tag_last_pushed") or entry.get("last_updated") or ""),
        }
        for entry in hub.list_tags(repository, LAST_TAGS)
    ]
    return {"repository": repository, "tags": tags, "order": "newest first"}


def _meant(endpoint: ResolvedEndpoint, options: Json) -> tuple[str, str]:
    own = repository_of(endpoint.properties)
    repository = str(options.get("repository") or own.path)
    return repository.partition("/")[0] or own.namespace, repository


def _near(hub: Hub, repository: str) -> str | None:
    namespace, _, name = repository.partition("/")
    try:
        near = nearest(name, list(hub.repositories(namespace)))
    except HubProblem:
        return None
    return f"{namespace}/{near}" if near else None


def _told(problem: HubProblem, subject: str) -> tuple[str, str]:
    """A stable word and the next step."""
    match problem:
        case TwoFactorDue():
            return "second-factor", f"Put {_TOKEN} in place of the password."
        case WrongCredentials():
            return "wrong-password", f"Check user name and password; best is {_TOKEN}."
        case NotAllowed():
            return (
                "no-right",
                f"The account must administer {subject}, with {_TOKEN}; without that, hooks are set by hand.",
            )
        case NoRepository():
            return "no-such-repository", "Check its name, or let the account see it."
        case NoManagement():
            return "by-hand", "Pushes are received all the same once the Hook URL is set there by hand."
        case Limited():
            return "too-many", "Wait ten minutes, then try again."
        case _:
            return "unreachable", "Is the address right, and can this machine reach it?"


_LOOKS: dict[str, Callable[[Hub, ResolvedEndpoint, Json], Json]] = {
    "rights": _rights,
    "repositories": _repositories,
    "tags": _tags,
}
