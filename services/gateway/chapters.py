"""Which chapter of the documentation an error leads to. Pure."""

from __future__ import annotations

from shared.contracts.problems import Code, Problem

SITE = "/docs/"
_SYSTEM = "how-to/troubleshooting.html#the-system"
_BY_CODE = {
    Code.FORBIDDEN: "how-to/users-and-roles.html",
    Code.UNAUTHENTICATED: "how-to/troubleshooting.html#pages-and-signing-in",
    Code.TOO_MANY: "how-to/troubleshooting.html#pages-and-signing-in",
    Code.UNAVAILABLE: _SYSTEM,
    Code.TIMEOUT: _SYSTEM,
    Code.INTERNAL: _SYSTEM,
    Code.UNSUPPORTED: "reference/compatibility.html",
}
_BY_PLACE = (
    ("properties.", "reference/endpoints.html"),
    ("stages.", "reference/tasks/index.html"),
    ("stageOrder", "reference/flow.html#order"),
    ("rollbacks", "reference/flow.html#rollbacks"),
    ("notifications.", "how-to/notify.html"),
    ("workspace", "reference/tasks/ci.html"),
    ("input.", "reference/flow.html"),
)
"""By the beginning of the place in the document that is wrong."""
_BY_WORD = (
    ("the condition cannot be read", "reference/expressions.html#conditions"),
    ("${", "reference/expressions.html#what-can-be-named"),
)
"""By what the first flaw says, before its place counts."""
_BY_TRIAL = {
    "certificate-not-trusted": "how-to/connect-a-registry.html#a-private-certificate",
    "certificate-changed": "how-to/connect-a-registry.html#a-private-certificate",
    "unreachable": "how-to/air-gapped-and-proxies.html#behind-an-http-proxy",
    "wrong-password": "reference/endpoints.html",
    "second-factor": "how-to/connect-a-registry.html#docker-hub",
    "no-such-repository": "how-to/connect-a-registry.html#try-it",
    "no-right": "reference/endpoints.html",
}
"""By the stable word that trying an endpoint ends with."""
CHAPTERS = frozenset({*_BY_CODE.values(), *_BY_TRIAL.values(), *(page for _, page in (*_BY_PLACE, *_BY_WORD))})


def chapter_of(problem: Problem) -> str:
    """The address of the chapter that says more about a problem; empty where none does."""
    chapter = of_trial(str(problem.details.get("code") or "")) or _of_flaws(problem)
    if chapter:
        return chapter
    return SITE + _BY_CODE[problem.code] if problem.code in _BY_CODE else ""


def of_trial(code: str) -> str:
    """The address of the chapter about an endpoint that was tried without success; empty where there is none."""
    return SITE + _BY_TRIAL[code] if code in _BY_TRIAL else ""


def _of_flaws(problem: Problem) -> str:
    if not problem.flaws:
        return ""
    flaw = problem.flaws[0]
    for word, chapter in _BY_WORD:
        if word in flaw.message:
            return SITE + chapter
    return next((SITE + chapter for start, chapter in _BY_PLACE if flaw.path.startswith(start)), "")
