"""A sign-in's token, minted when it is first wanted and again before it ends."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from shared.outbound.http import HttpClient
from shared.process import clock

from . import aws, azure, google
from .minted import CloudProblem, Minted
from .pod_identity import PodIdentity
from .sign_in import CloudSignIn
from .vendor_service import VendorService

_VENDORS: dict[str, tuple[str, Callable[[CloudSignIn, VendorService, PodIdentity], Minted]]] = {
    "aws": ("AWS", aws.mint),
    "google": ("Google Cloud", google.mint),
    "azure": ("Azure", azure.mint),
}
_EARLY_S = 300.0
"""A token is renewed so long before its end, or in the last quarter of a shorter life."""
_AGAIN_S = 10.0
_MOST_NOTED = 5
_FAILED_FOR_S = 3_600.0
"""So long after its last failure a sign-in is reported: an endpoint may be corrected, or no longer used."""


class CloudLogin:
    """One sign-in. Safe to use from several threads."""

    def __init__(
        self,
        sign_in: CloudSignIn,
        client: HttpClient,
        pod: PodIdentity | None = None,
        now: Callable[[], float] = clock.now,
    ) -> None:
        title, self._mint = _VENDORS[sign_in.vendor]
        self._sign_in = sign_in
        self._service = VendorService(title, client, sign_in.access, now)
        self._pod = pod or PodIdentity()
        self._lock = threading.Lock()
        self._minted: Minted | None = None
        self._renew_at = 0.0
        self._failure: tuple[float, str] | None = None

    @property
    def system(self) -> tuple[str, str, str]:
        """The endpoint's name, and what it signs in to; corrected keys change neither."""
        return self._sign_in.endpoint, self._sign_in.host, self._sign_in.cluster_url

    @property
    def failure(self) -> str:
        """Why the last try failed to bring a token; empty where it succeeded, or is long ago."""
        failure = self._failure
        return failure[1] if failure and self._service.now() - failure[0] < _FAILED_FOR_S else ""

    def minted(self) -> Minted:
        """A token that is good for a while yet. Raises CloudProblem.

        While the vendor cannot renew it, one that has not ended is still given out.
        """
        with self._lock:
            now = self._service.now()
            if self._minted is not None and now < self._renew_at:
                return self._minted
            try:
                minted = self._mint(self._sign_in, self._service, self._pod)
            except CloudProblem as problem:
                self._failure = (now, problem.message)
                if self._minted is None or self._minted.ends_at <= now:
                    raise CloudProblem(problem.code, f"Endpoint {self._sign_in.endpoint}: {problem.message}") from None
                self._renew_at = now + _AGAIN_S
                return self._minted
            now = self._service.now()
            self._minted, self._failure = minted, None
            self._renew_at = minted.ends_at - min(_EARLY_S, (minted.ends_at - now) / 4)
            return minted


class CloudLogins:
    """The logins of this process, as long as they are used. Safe to use from several threads."""

    def __init__(self, client: HttpClient, keep: int = 64) -> None:
        self._client = client
        self._keep = keep
        self._lock = threading.Lock()
        self._logins: OrderedDict[CloudSignIn, CloudLogin] = OrderedDict()

    def of(self, sign_in: CloudSignIn) -> CloudLogin:
        """The login of a sign-in, the same for all who use it."""
        with self._lock:
            login = self._logins.pop(sign_in, None) or CloudLogin(sign_in, self._client)
            self._logins[sign_in] = login
            if len(self._logins) > self._keep:
                self._logins.popitem(last=False)
            return login

    def note(self) -> str:
        """Which endpoints cannot renew their tokens, and why; empty where all can.

        Of several sign-ins of one endpoint the last used counts: earlier ones had keys that were corrected since.
        """
        with self._lock:
            newest = {login.system: login for login in self._logins.values()}
        failures = [f"{name} ({login.failure})" for (name, *_), login in newest.items() if login.failure]
        if not failures:
            return ""
        noun = "endpoint" if len(failures) == 1 else "endpoints"
        first_failures = "; ".join(failures[:_MOST_NOTED])
        return f"The cloud renews no token for {noun} {first_failures}. Correct its keys or its role."
