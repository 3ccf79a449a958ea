"""Asking a provider whether it still vouches for open sessions: by their refresh tokens, else at its userinfo endpoint.

Facts: RFC 6749 (5.2: `invalid_grant` is a refresh token that is no longer good; 6: the answer may hold another one);
OpenID Connect Core 1.0 (5.3 userinfo, 12.2 the ID token of a refresh names the same issuer, audience and person).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from authlib.oauth2 import OAuth2Error

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.contracts.sign_on_checks import CheckedSignIn, HeldSignIn, SignOnCheck, SignOnChecked, Vouching
from shared.process.clock import monotonic as process_monotonic
from shared.process.clock import now as process_now
from shared.process.secrets import CannotOpen

from .grants import ProviderTokens, Revoked, missing
from .id_tokens import is_of_another
from .sign_on import Discovered, ProviderSignOn, Seal

ASK_FOR_S = 25.0
"""So long one question may take in all; sessions that are not reached are asked about with the next one."""
SOON_S = 30.0
"""An access token that ends within this time says nothing about the person when it is refused."""


@dataclass(frozen=True, slots=True)
class _Session:
    """An open session, and what its provider is asked with."""

    sign_in: HeldSignIn
    tokens: ProviderTokens
    needed_claims: Sequence[str]
    """Those that rules look at."""
    provider: OpenEndpoint
    discovered: Discovered


class SignOnChecker:
    """Answers `sign-on.check`; every way to fail is an answer with its reason."""

    def __init__(
        self,
        sign_on: ProviderSignOn,
        open_endpoint: Callable[[ResolvedEndpoint], OpenEndpoint],
        seal: Seal,
        *,
        now: Callable[[], float] = process_now,
        monotonic: Callable[[], float] = process_monotonic,
    ) -> None:
        self._sign_on = sign_on
        self._open = open_endpoint
        self._seal = seal
        self._now = now
        self._monotonic = monotonic

    def __call__(self, request: SignOnCheck) -> SignOnChecked:
        """One session after the other; once the provider is away nothing more is asked of it."""
        answers: list[CheckedSignIn] = []
        until = self._monotonic() + ASK_FOR_S
        away = ""
        for sign_in in request.sign_ins:
            if self._monotonic() >= until and not away:
                break
            if away:
                answers.append(_unknown(sign_in, away))
                continue
            try:
                answers.append(self._checked(request, sign_in))
            except Refused as refused:
                away = refused.problem.message
                answers.append(_unknown(sign_in, away))
            except CannotOpen as error:
                answers.append(_unknown(sign_in, str(error)))
        return SignOnChecked(provider=request.provider, asked_at=request.asked_at, sign_ins=tuple(answers))

    def _checked(self, request: SignOnCheck, sign_in: HeldSignIn) -> CheckedSignIn:
        endpoint = request.endpoint
        provider = self._open(endpoint.model_copy(update={"secrets": {**endpoint.secrets, "grant": sign_in.grant}}))
        tokens = ProviderTokens.read(provider.text("grant"))
        session = _Session(sign_in, tokens, request.claims, provider, self._sign_on.discover(provider))
        try:
            return self._by_refresh(session) if tokens.refresh else self._by_userinfo(session)
        except Revoked as revoked:
            return CheckedSignIn(session_id=sign_in.session_id, outcome=Vouching.GONE, detail=str(revoked))

    def _by_refresh(self, session: _Session) -> CheckedSignIn:
        sign_in, metadata = session.sign_in, session.discovered.metadata
        oauth = self._sign_on.oauth(session.provider, "", metadata)
        # Without one the scopes stay; a provider may have granted fewer than were asked for.
        oauth.scope = None
        try:
            answer = oauth.refresh_token(metadata["token_endpoint"], refresh_token=session.tokens.refresh)
        except OAuth2Error as error:
            if error.error == "invalid_grant":
                raise Revoked(
                    f"It no longer accepts the session's refresh token ({str(error.description or error.error)[:200]})."
                ) from None
            return _unknown(sign_in, f"Its token endpoint answered {error.error}.")
        except ValueError as error:
            return _unknown(sign_in, f"Its token endpoint answered with no token ({str(error)[:200]}).")
        fresh = ProviderTokens.of(answer, self._now())
        fresh = fresh if fresh.refresh else replace(fresh, refresh=session.tokens.refresh)
        claims = self._claims(replace(session, tokens=fresh), str(answer.get("id_token") or ""))
        sealed = self._seal(fresh.text())
        return CheckedSignIn(session_id=sign_in.session_id, outcome=Vouching.GOOD, grant=sealed, claims=claims)

    def _by_userinfo(self, session: _Session) -> CheckedSignIn:
        sign_in = session.sign_in
        if session.tokens.ends_at <= self._now() + SOON_S:
            return _unknown(sign_in, "It gave no refresh token, and the access token has ended.")
        claims = self._userinfo(session)
        if claims is None:
            return _unknown(sign_in, "It gave no refresh token, and has no userinfo endpoint.")
        return CheckedSignIn(
            session_id=sign_in.session_id,
            outcome=Vouching.GOOD,
            claims=None if missing(claims, session.needed_claims) else claims,
        )

    def _userinfo(self, session: _Session) -> Json | None:
        return self._sign_on.userinfo(
            session.provider, session.discovered, session.tokens.access, session.sign_in.subject
        )

    def _claims(self, session: _Session, token: str) -> Json | None:
        """All that the rules look at, as the provider says it now; None where it does not: nothing is decided then.

        The tokens are new, and kept whatever comes of this: a provider may take each refresh token only once.
        """
        try:
            claims = self._sign_on.verified(session.provider, session.discovered, token) if token else {}
            if claims and is_of_another(
                claims,
                issuer=str(session.discovered.metadata["issuer"]),
                client_id=session.provider.text("clientId"),
                subject=session.sign_in.subject,
            ):
                return None
            if missing(claims, session.needed_claims) or "sub" not in claims:
                claims = {**(self._userinfo(session) or {}), **claims}
        except (Refused, Revoked):
            return None
        return None if missing(claims, session.needed_claims) or "sub" not in claims else claims


def _unknown(sign_in: HeldSignIn, detail: str) -> CheckedSignIn:
    return CheckedSignIn(session_id=sign_in.session_id, outcome=Vouching.UNKNOWN, detail=detail[:500])
