"""Signing in by a provider (OpenID Connect): from the button on the sign-in page to the session, and out again.

What the browser carries meanwhile is a signed cookie: state, nonce, PKCE verifier, the provider and where to go next.
config knows the providers and decides who is let in; a runner calls the provider and checks its token, since it alone
can open the client secret. The code and the verifier travel sealed.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Get, Inspect, Kind, SignedIn
from shared.contracts.envelope import SYSTEM
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.runs import ResolvedEndpoint
from shared.process.clock import monotonic, now
from shared.process.secrets import Sealer

from .config_client import ConfigClient
from .sessions import Sessions
from .sign_ins import MAX_FIELD, SignIns

CALLBACK = "/sign-in/callback"
KEEP_OFFERED_S = 5.0
AT_ONCE = 8
"""Calls to providers that one worker has under way: strangers cannot fill the runners' queue with them."""
MAX_CODE = 4_000
MAX_ID_TOKEN = 2_000
"""Characters of an ID token that a cookie has room for; a longer one is left out, and the provider asks the person."""
_AGAIN = "Begin again at the sign-in page."


@dataclass(frozen=True, slots=True)
class OfferedProvider:
    """A button of the sign-in page."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class OfferedWays:
    """What the sign-in page shows."""

    providers: tuple[OfferedProvider, ...] = ()
    passwords: bool = True


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it must bring back."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Somebody is signed in; `sign_out` is a cookie for when they leave, empty where the provider has none."""

    signed_in: SignedIn
    next: str
    sign_out: str


class SignOn:
    """The ways in by providers. Safe to use from several threads."""

    def __init__(
        self,
        config: ConfigClient,
        sign_ins: SignIns,
        sessions: Sessions,
        sealer: Sealer,
        *,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._config = config
        self._sign_ins = sign_ins
        self._sessions = sessions
        self._sealer = sealer
        self._monotonic = monotonic
        self._offered: tuple[float, OfferedWays] = (float("-inf"), OfferedWays())
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def offered(self) -> OfferedWays:
        """The ways in; as they were last known while config cannot be asked."""
        at, ways = self._offered
        if self._monotonic() - at < KEEP_OFFERED_S:
            return ways
        try:
            document = self._config.get(SYSTEM, Get(kind=Kind.PROVIDERS, options={"offered": True})).document
        except Refused:
            return ways
        buttons = [OfferedProvider(str(row["name"]), str(row["title"])) for row in document.get("providers") or ()]
        ways = OfferedWays(tuple(buttons), bool(document.get("passwords", True)))
        self._offered = (self._monotonic(), ways)
        return ways

    def begin(self, provider: str, next: str) -> Begun:
        """Send a browser to the provider. Raises `Refused`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        options, endpoint = self._connection(provider, {"verifier": verifier})
        answer = self._ask("sign-on-begin", endpoint, {**options, "state": state, "nonce": nonce})
        attempt = {"provider": provider, "state": state, "nonce": nonce, "verifier": verifier, "next": next}
        return Begun(str(answer["url"]), self._sessions.issue_sign_on(attempt, now()))

    def finish(self, request: Request, cookie: str) -> Finished:
        """The browser is back with the provider's answer in its query. Raises `Refused`."""
        attempt = self._sessions.read_sign_on(cookie)
        if not attempt:
            raise refuse(
                Code.FORBIDDEN,
                "This browser has begun no sign-in in the last ten minutes at this address",
                next_step=_AGAIN,
            )
        query = request.args
        if not compare_digest(query.get("state", "").encode(), attempt["state"].encode()):
            raise refuse(
                Code.FORBIDDEN, "The provider's answer belongs to another sign-in (the state differs)", next_step=_AGAIN
            )
        provider = attempt["provider"]
        if error := query.get("error", ""):
            reason = query.get("error_description") or error
            raise refuse(
                Code.UNAUTHENTICATED,
                f"The provider {provider} did not sign you in: {reason[:300]}",
                subject=provider,
                next_step=_AGAIN,
            )
        code = query.get("code", "")
        if not 0 < len(code) <= MAX_CODE:
            raise refuse(Code.INVALID, "The provider's answer holds no code", next_step=_AGAIN)
        options, endpoint = self._connection(provider, {"verifier": attempt["verifier"], "code": code})
        options |= {"nonce": attempt["nonce"], "issuer": query.get("iss", "")[:MAX_FIELD]}
        answer = self._ask("sign-on-finish", endpoint, options)
        grant = Sealed.model_validate(answer["grant"]) if answer.get("grant") else None
        signed_in = self._sign_ins.by_provider(request, provider, dict(answer["claims"]), grant)
        return Finished(signed_in, attempt["next"], self._sign_out_cookie(endpoint, options, answer))

    def sign_out_url(self, cookie: str) -> str:
        """The provider's page that ends its own session; empty where there is none."""
        return self._sessions.read_sign_out(cookie)

    def _sign_out_cookie(self, endpoint: ResolvedEndpoint, options: Json, answer: Json) -> str:
        page, token = str(answer.get("endSession") or ""), str(answer.get("idToken") or "")
        if not page:
            return ""
        base = str(options["redirectUri"]).removesuffix(CALLBACK)
        fields = {"client_id": str(endpoint.properties["clientId"]), "post_logout_redirect_uri": f"{base}/sign-in"}
        if len(token) <= MAX_ID_TOKEN:
            fields["id_token_hint"] = token
        return self._sessions.issue_sign_out(f"{page}{'&' if '?' in page else '?'}{urlencode(fields)}", now())

    def _connection(self, provider: str, sealed: dict[str, str]) -> tuple[Json, ResolvedEndpoint]:
        """The provider as an endpoint with these secrets beside its own, and the options that each step needs."""
        ask = Get(kind=Kind.PROVIDERS, name=provider, options={"connect": True})
        document = self._config.get(SYSTEM, ask).document
        endpoint = ResolvedEndpoint.model_validate(document["endpoint"])
        boxes = {name: self._sealer.seal(value) for name, value in sealed.items()}
        endpoint = endpoint.model_copy(update={"secrets": {**endpoint.secrets, **boxes}})
        options = {"redirectUri": f"{document['publicUrl']}{CALLBACK}", "claims": document.get("claims") or []}
        return options, endpoint

    def _ask(self, step: str, endpoint: ResolvedEndpoint, options: Json) -> Json:
        with self._turn():
            return self._config.inspect(SYSTEM, Inspect(what=step, endpoint=endpoint, options=options)).document

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(blocking=False):
            message = "Too many people sign in by a provider at once"
            problem = Problem(code=Code.TOO_MANY, message=message, next_step="Try again.", retry_after_s=2.0)
            raise Refused(problem)
        try:
            yield
        finally:
            self._turns.release()
