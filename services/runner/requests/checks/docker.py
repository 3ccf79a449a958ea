"""A docker endpoint: does the registry take the sign-in, and show the repository?"""

from __future__ import annotations

from services.runner.clients.registry import Registry, RegistryAccount, RegistryProblem, account_of
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.contracts.texts import counted
from shared.grammar.repositories import repository_of
from shared.outbound.http import HttpClient
from shared.outbound.tls import CHANGED, DISTRUSTED
from shared.process.addresses import parts_of

from .certificate import explain_url

SHOWN = 50

_STEPS = {
    "wrong-password": "Correct user name and password; where the account has a second factor, use an access token.",
    "no-right": "Check the repository's name, or give this account the right to pull it.",
    "unreachable": "Is the address right, and can the runner's machine reach it?",
    "no-registry": "Check the address: it must be the registry's, not that of its pages.",
    "realm-not-accepted": "Accept it if the registry's operator says that its sign-in is there; else the password "
    "would go to a stranger.",
    "too-many": "Wait ten minutes, then try again.",
}


def check(endpoint: OpenEndpoint, options: Json, client: HttpClient) -> Validated:
    """Sign in, then list the repository's tags."""
    account = account_of(endpoint)
    if account.password and not account.user:
        return Validated(
            ok=False,
            code="incomplete",
            message="The endpoint has a password and no user name, which Docker Hub does not take.",
            next_step="Give the user name too; an access token needs that of the account that made it.",
        )
    repository = str(options.get("repository") or repository_of(endpoint.properties).path)
    try:
        return _registry(Registry(account, client), account, repository)
    except RegistryProblem as problem:
        if problem.code in (DISTRUSTED, CHANGED):
            return explain_url(_server(problem.url), endpoint, client.guard, problem.message)
        details: Json = {"scope": f"repository:{repository}:pull"} if problem.code == "no-right" else {}
        if problem.code == "realm-not-accepted":
            details = {"realm": problem.url, "accept": {"realm": {"properties": {"realm": problem.url}}}}
        return Validated(
            ok=False,
            code=problem.code,
            message=problem.message,
            next_step=_STEPS.get(problem.code, ""),
            details=details,
        )


def _server(url: str) -> str:
    """A server's address without what was asked of it."""
    address = parts_of(url)
    return f"{address.scheme}://{address.netloc}"


def _registry(registry: Registry, account: RegistryAccount, repository: str) -> Validated:
    # First without a repository: a wrong password and a missing right would look alike after it.
    registry.sign_in()
    user = account.username or "anybody"
    if not repository:
        return Validated(ok=True, code="ok", message=f"{account.base} takes the sign-in of {user}.")
    tags = registry.tags(repository)
    if tags is None:
        return Validated(
            ok=False,
            code="no-such-repository",
            message=f"{account.base} has no repository {repository}, or nothing was pushed to it yet.",
            next_step="Check its name, or push an image to it first.",
        )
    return Validated(
        ok=True,
        code="ok",
        message=f"{account.base} shows {repository} to {user}: {counted(len(tags), 'tag')}.",
        details={"tags": tags[:SHOWN]},
    )
