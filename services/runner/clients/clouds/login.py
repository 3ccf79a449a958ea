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
                if self._minted is None or self._minted.ends_at <= now:
                    raise CloudProblem(problem.code, f"Endpoint {self._sign_in.endpoint}: {problem.message}") from None
                self._renew_at = now + _AGAIN_S
                return self._minted
            now = self._service.now()
            self._minted = minted
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
