"""Signing in: config decides; what it refused for a while is refused here meanwhile, so that a flood ends here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from werkzeug.wrappers import Request

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import SignedIn, SignIn
from shared.contracts.problems import Code, Problem, Refused
from shared.process.clock import monotonic
from shared.process.secrets import password_digest, token_hash

from .config_client import ConfigClient
from .origins import Origin, Origins

MAX_FIELD = 1_000
MAX_BROWSER = 300
MOST_REMEMBERED = 10_000
DIGESTS_AT_ONCE = 1
"""Of passwords, in each worker: one takes 16 MiB and a core for a twentieth of a second, before config has a say."""
DIGEST_WITHIN_S = 10.0
"""So long a sign-in waits for its turn."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    problem: Problem
    until: float
    """In monotonic seconds."""


class SignIns:
    """One home for the ways in; none of what is shown travels in clear."""

    def __init__(self, config: ConfigClient, origins: Origins, *, monotonic: Callable[[], float] = monotonic) -> None:
        self._config = config
        self._origins = origins
        self._monotonic = monotonic
        self._refusals: OrderedDict[tuple[str, str], _Refusal] = OrderedDict()
        self._lock = threading.Lock()
        # Threads of its own: each thread that has made a digest keeps the memory that it took.
        self._digests = ThreadPoolExecutor(DIGESTS_AT_ONCE, thread_name_prefix="digest")

    def by_password(self, request: Request, username: str, password: str, *, new_token: str = "") -> SignedIn:
        """`new_token` becomes good with the sign-in. Raises `Refused`."""
        ask = SignIn(
            username=username[:MAX_FIELD],
            password_digest=self._digest(request, password[:MAX_FIELD]),
            new_token_hash=token_hash(new_token) if new_token else "",
        )
        return self._ask("password", request, ask)

    def _digest(self, request: Request, password: str) -> str:
        """In its turn, and not for an origin that is refused anyway."""
        key = ("password", self._origins.of(request).key)
        self._demand_not_refused(key)
        digest = self._digests.submit(self._digest_now, key, password)
        try:
            return digest.result(DIGEST_WITHIN_S)
        except TimeoutError:
            digest.cancel()
            message = "Too many people sign in at once."
            problem = Problem(code=Code.TOO_MANY, message=message, next_step="Try again.", retry_after_s=1.0)
            raise Refused(problem) from None

    def _digest_now(self, key: tuple[str, str], password: str) -> str:
        self._demand_not_refused(key)
        return password_digest(password)

    def by_token(self, request: Request, token: str) -> SignedIn:
        """With an API token. Raises `Refused`."""
        return self._ask("token", request, SignIn(api_token_hash=token_hash(token[:MAX_FIELD])))

    def by_code(self, request: Request, code: str) -> SignedIn:
        """With the code of a sign-in link. Raises `Refused`."""
        return self._ask("code", request, SignIn(one_time_code_hash=token_hash(code[:MAX_FIELD])))

    def by_provider(self, request: Request, provider: str, claims: Json, grant: Sealed | None = None) -> SignedIn:
        """With the claims of an ID token that a runner has verified, and the provider's tokens. Raises `Refused`."""
        return self._ask("provider", request, SignIn(provider=provider, claims=claims, grant=grant))

    def _ask(self, way: str, request: Request, ask: SignIn) -> SignedIn:
        origin = self._origins.of(request)
        key = (way, origin.key)
        self._demand_not_refused(key)
        try:
            browser = request.headers.get("User-Agent", "")[:MAX_BROWSER]
            return self._config.sign_in(ask.model_copy(update={**_fields(origin), "browser": browser}))
        except Refused as refused:
            if refused.problem.code is Code.TOO_MANY:
                self._remember(key, refused.problem)
            raise

    def _demand_not_refused(self, key: tuple[str, str]) -> None:
        with self._lock:
            refusal = self._refusals.get(key)
            if refusal is None:
                return
            wait_s = refusal.until - self._monotonic()
            if wait_s <= 0:
                del self._refusals[key]
                return
        raise Refused(refusal.problem.model_copy(update={"retry_after_s": max(1.0, wait_s)}))

    def _remember(self, key: tuple[str, str], problem: Problem) -> None:
        with self._lock:
            self._refusals[key] = _Refusal(problem, self._monotonic() + (problem.retry_after_s or 0.0))
            self._refusals.move_to_end(key)
            if len(self._refusals) > MOST_REMEMBERED:
                self._refusals.popitem(last=False)


def _fields(origin: Origin) -> dict[str, object]:
    return {"source_address": origin.address, "proxied": origin.proxied, "browser_of": origin.browser_of}
