"""Signing in: config decides, and is asked before a password costs anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from werkzeug.wrappers import Request

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Admission, AdmissionAsk, SignedIn, SignIn
from shared.contracts.problems import Code, Problem, Refused
from shared.process.clock import monotonic
from shared.process.giving_way import give_way
from shared.process.secrets import password_digest, token_hash

from .config_client import ConfigClient
from .origins import Origin, Origins
from .sign_in_refusals import SignInRefusals

MAX_FIELD = 1_000
MAX_BROWSER = 300
DIGESTS_AT_ONCE = 1
"""Of strangers' passwords, and of others', in each worker: one takes 16 MiB and a core for a twentieth of a second."""
DIGEST_WITHIN_S = 10.0
"""So long a sign-in waits for its turn; config admits few at once, so that it waits for few others."""
_Key = tuple[str, str]
"""The way in, and where from."""
_OF_AN_OLD_CONFIG = (Code.INVALID, Code.UNSUPPORTED)
"""How a config of 0.1 answers a request for admission: it admits with the sign-in itself."""


class SignIns:
    """One home for the ways in; none of what is shown travels in clear."""

    def __init__(self, config: ConfigClient, origins: Origins, *, monotonic: Callable[[], float] = monotonic) -> None:
        self._config = config
        self._origins = origins
        self._refusals = SignInRefusals(monotonic)
        # Threads of its own: each thread that has made a digest keeps the memory that it took.
        self._familiar = ThreadPoolExecutor(DIGESTS_AT_ONCE, "digest")
        self._strangers = ThreadPoolExecutor(DIGESTS_AT_ONCE, "stranger", initializer=give_way)

    def by_password(self, request: Request, username: str, password: str, *, new_token: str = "") -> SignedIn:
        """`new_token` becomes good with the sign-in. Raises `Refused`."""
        origin = self._origins.of(request)
        key = ("password", origin.key)
        self._refusals.demand_none(key)
        admission = self._admitted(key, origin)
        ask = SignIn(
            username=username[:MAX_FIELD],
            password_digest=self._digest(password[:MAX_FIELD], familiar=admission.familiar),
            admission_id=admission.admission_id,
            new_token_hash=token_hash(new_token) if new_token else "",
        )
        signed_in = self._send(key, request, origin, ask)
        self._refusals.forget(key)
        return signed_in

    def _admitted(self, key: _Key, origin: Origin) -> Admission:
        try:
            with self._remembering(key):
                return self._config.admit_sign_in(AdmissionAsk(**_fields(origin)))
        except Refused as refused:
            if refused.problem.code not in _OF_AN_OLD_CONFIG:
                raise
            return Admission(admission_id="", familiar=bool(origin.browser_of))

    def _digest(self, password: str, *, familiar: bool) -> str:
        """In its turn, which strangers hold up for strangers alone."""
        digest = (self._familiar if familiar else self._strangers).submit(password_digest, password)
        try:
            return digest.result(DIGEST_WITHIN_S)
        except TimeoutError:
            digest.cancel()
            message = "Too many people sign in at once."
            problem = Problem(code=Code.TOO_MANY, message=message, next_step="Try again.", retry_after_s=1.0)
            raise Refused(problem) from None

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
        self._refusals.demand_none(key)
        return self._send(key, request, origin, ask)

    def _send(self, key: _Key, request: Request, origin: Origin, ask: SignIn) -> SignedIn:
        browser = request.headers.get("User-Agent", "")[:MAX_BROWSER]
        with self._remembering(key):
            return self._config.sign_in(ask.model_copy(update={**_fields(origin), "browser": browser}))

    @contextmanager
    def _remembering(self, key: _Key) -> Iterator[None]:
        """Around a question to config alone: what it refuses for a while is refused here until then."""
        try:
            yield
        except Refused as refused:
            if refused.problem.code is Code.TOO_MANY:
                self._refusals.remember(key, refused.problem)
            raise


def _fields(origin: Origin) -> dict[str, Any]:
    return {"source_address": origin.address, "proxied": origin.proxied, "browser_of": origin.browser_of}
