"""A git endpoint: does the server take the sign-in, and show the repository's branches?"""

from __future__ import annotations

from services.runner.clients.git import GitProblem, branches
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.contracts.texts import counted
from shared.outbound.http import HttpClient
from shared.outbound.tls import CHANGED, DISTRUSTED
from shared.process.addresses import parts_of

from .certificate import explain_url

SHOWN = 20

_STEPS = {
    "wrong-password": "Correct user name, password or token; most servers want a token in place of a password.",
    "no-such-repository": "Check the repository's address, and that this account may read it.",
    "unreachable": "Is the address right, and can the runner's machine reach it?",
    "host-key": "Compare the key with the one that the server's operator names.",
}


def check(endpoint: OpenEndpoint, options: Json, client: HttpClient) -> Validated:
    """List the branches."""
    try:
        names = branches(client, endpoint, lambda line: None)
    except GitProblem as problem:
        if problem.code in (DISTRUSTED, CHANGED):
            address = parts_of(endpoint.text("repoURL"))
            server = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
            return explain_url(server, endpoint, client.guard, problem.message)
        step = _STEPS.get(problem.code, "")
        return Validated(ok=False, code=problem.code, message=problem.message, next_step=step)
    branch = endpoint.text("branch")
    details: Json = {"branches": names[:SHOWN]}
    if branch and branch not in names:
        return Validated(
            ok=False,
            code="no-branch",
            message=f"The repository has no branch {branch}; it has {', '.join(names[:SHOWN]) or 'none'}.",
            next_step="Correct the branch, or leave it blank for the repository's own.",
            details=details,
        )
    return Validated(
        ok=True,
        code="ok",
        message=f"{endpoint.text('repoURL')} shows {counted(len(names), 'branch', 'branches')}.",
        details=details,
    )
