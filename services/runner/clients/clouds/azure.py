"""Azure: tokens of Microsoft Entra ID, which AKS clusters take, and refresh tokens of Azure Container Registry.

By a client's secret or by a federated token
(https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow). ACR exchanges a token for one
of its own, the password of a user name of zeros (https://azure.github.io/acr/AAD-OAuth.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import jwt

from shared.contracts.times import lifetime_s, numeric_date

from .minted import CloudProblem, Minted
from .pod_identity import PodIdentity
from .sign_in import CloudSignIn
from .vendor_service import VendorRequest, VendorService, text_of

USER = "00000000-0000-0000-0000-000000000000"
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""The application of all AKS clusters (https://azure.github.io/kubelogin/concepts/aks.html)."""
_ACR_SCOPE = "https://containerregistry.azure.net/.default"
_AUTHORITY = "https://login.microsoftonline.com"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ACR_LIFE_S = 3 * 3600.0
_POD_ADVICE = "Label the runner's pod for Azure Workload Identity, or use a client's secret."
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def mint(sign_in: CloudSignIn, service: VendorService, pod: PodIdentity) -> Minted:
    """A token for the endpoint's cluster or registry. Raises CloudProblem."""
    tenant = _identity(sign_in, pod, "azureTenantId", "AZURE_TENANT_ID")
    scope = _ACR_SCOPE if sign_in.host else f"{sign_in.value('azureServerId') or AKS_SERVER}/.default"
    token = _entra_token(sign_in, service, pod, tenant, scope)
    return _acr_password(sign_in, service, tenant, token.secret) if sign_in.host else token


def _entra_token(sign_in: CloudSignIn, service: VendorService, pod: PodIdentity, tenant: str, scope: str) -> Minted:
    client = _identity(sign_in, pod, "azureClientId", "AZURE_CLIENT_ID")
    authority = sign_in.value("cloudURL") or (sign_in.by_pod and pod.setting("AZURE_AUTHORITY_HOST")) or _AUTHORITY
    proof = {
        "client_assertion_type": _ASSERTION,
        "client_assertion": pod.token("AZURE_FEDERATED_TOKEN_FILE", _POD_ADVICE),
    } if sign_in.by_pod else {"client_secret": _own(sign_in, "azureClientSecret")}  # fmt: skip
    values = {"grant_type": "client_credentials", "client_id": client, "scope": scope, **proof}
    url = f"{str(authority).rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token"
    document = service.ask_json(lambda _now: _posted(url, values), f"a token of {client} for {scope}")
    life_s = lifetime_s(document.get("expires_in"), 3600.0)
    return Minted(text_of(document, "access_token", "Azure"), service.now() + life_s)


def _acr_password(sign_in: CloudSignIn, service: VendorService, tenant: str, token: str) -> Minted:
    url = f"{'http' if sign_in.plain_http else 'https'}://{sign_in.host}/oauth2/exchange"
    values = {"grant_type": "access_token", "service": sign_in.host, "tenant": tenant, "access_token": token}
    document = service.ask_json(lambda _now: _posted(url, values), f"the exchange at {sign_in.host} (AcrPull, AcrPush)")
    refresh = text_of(document, "refresh_token", sign_in.host)
    return Minted(refresh, _end(refresh) or service.now() + _ACR_LIFE_S, USER)


def _end(token: str) -> float:
    """The end that a token names; 0 where it names none. It comes from the registry itself, so it is not verified."""
    try:
        end = jwt.decode(token, options={"verify_signature": False, "verify_exp": False}).get("exp")
    except jwt.InvalidTokenError:
        return 0.0
    return numeric_date(end) or 0.0


def _identity(sign_in: CloudSignIn, pod: PodIdentity, name: str, variable: str) -> str:
    """The endpoint's own value, else for a pod that of its environment."""
    if sign_in.by_pod:
        return sign_in.value(name) or pod.needed(variable, _POD_ADVICE)
    return _own(sign_in, name)


def _own(sign_in: CloudSignIn, name: str) -> str:
    if value := sign_in.value(name):
        return value
    raise CloudProblem("incomplete", f"it lacks {name}.")


def _posted(url: str, values: Mapping[str, str]) -> VendorRequest:
    return VendorRequest(url, urlencode(values).encode(), _FORM)
