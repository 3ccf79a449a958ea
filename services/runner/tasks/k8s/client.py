"""The way to a cluster: its address, the sign-in, and which certificates are taken."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from pathlib import Path
from typing import cast
from urllib.parse import quote

import urllib3
from kubernetes import config as kube_config
from kubernetes.client import ApiClient, Configuration

from services.runner.clients.clouds import CloudLogins, sign_in_of
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from shared.outbound.guard import Guard, Reach
from shared.outbound.http import RequestLimits, guarded_pool_classes
from shared.outbound.library_pool import BoundedPool
from shared.outbound.tls import Trust, context, trust_of

LIMITS = RequestLimits(overall_s=60.0, connect_s=5.0, read_s=30.0, body_bytes=64 * 1024 * 1024)
"""Of each request. 500 objects of a list come at a time, each of at most 1.5 MiB and mostly of a few KiB."""


def address(endpoint: OpenEndpoint) -> str:
    """The API server's address; blank for the cluster that the runner is in. Raises `TaskFailed`."""
    url = endpoint.text("kubernetesURL").strip().rstrip("/")
    if not url and endpoint.text("authType").lower() != "incluster":
        raise TaskFailed(
            f"Endpoint {endpoint.name} has no kubernetesURL: enter the address of the cluster's API server."
        )
    if url and not re.match(r"https?://[^/\s]+", url):
        raise TaskFailed(f"Endpoint {endpoint.name}: its kubernetesURL {url!r} must begin with https:// (or http://).")
    return url


def connect(endpoint: OpenEndpoint, url: str, folder: Path, guard: Guard, logins: CloudLogins) -> ApiClient:
    """A client that signs in as the endpoint says; certificates are written into the folder. Raises `TaskFailed`."""
    proxy = _proxy(endpoint, url)
    # Named also where there is none: the library would take one from the process' environment.
    settings = Configuration(host=url or None, proxy=proxy, no_proxy="", proxy_headers=_proxy_headers(endpoint))
    settings.retries = urllib3.Retry(total=0)
    settings.keep_alive = True
    settings.connection_pool_maxsize = 16
    basic = ""
    if endpoint.text("authType").lower() == "incluster":
        try:
            kube_config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        except kube_config.ConfigException as error:
            raise TaskFailed(f"Endpoint {endpoint.name}: the runner is not inside a cluster ({error}).") from None
    if (sign_in := sign_in_of(endpoint)) is not None:
        login = logins.of(sign_in)

        def renew(configuration: Configuration) -> None:
            configuration.api_key = {"BearerToken": f"Bearer {login.minted().secret}"}

        # The library calls it before each request, once there is a token at all.
        settings.api_key = {"BearerToken": ""}
        settings.refresh_api_key_hook = renew  # type: ignore[assignment]
    elif token := endpoint.text("token").strip():
        settings.api_key = {"BearerToken": f"Bearer {token}"}
    elif endpoint.text("userName") and endpoint.text("password"):
        basic = f"{endpoint.text('userName')}:{endpoint.text('password')}"
    if endpoint.text("certData") and endpoint.text("certKeyData"):
        settings.cert_file = _file(folder, "client.crt", _pem(endpoint, "certData"))
        settings.key_file = _file(folder, "client.key", _pem(endpoint, "certKeyData"))
    settings.verify_ssl = not endpoint.flag("insecureSkipTLSVerify")
    settings.tls_server_name = endpoint.text("tlsServerName").strip() or None
    api = ApiClient(settings)
    manager = api.rest_client.pool_manager
    in_cluster = endpoint.text("authType").lower() == "incluster"
    reach = Reach(local=in_cluster or endpoint.may_be_local)
    manager.pool_classes_by_scheme = guarded_pool_classes(guard, trust_of(endpoint.properties), reach)
    if settings.verify_ssl and endpoint.text("certAuthorityData"):
        # A cluster's own authority stands alone, as it does for kubectl.
        manager.connection_pool_kw["ssl_context"] = _authority(endpoint)
    if basic:
        header = "Basic " + base64.b64encode(basic.encode()).decode()
        api.set_default_header("Authorization", header)  # type: ignore[no-untyped-call]
    bounded = BoundedPool(manager, LIMITS, _impersonation(endpoint))
    api.rest_client.pool_manager = cast("urllib3.PoolManager", bounded)
    return api


def _proxy(endpoint: OpenEndpoint, url: str) -> str:
    """The endpoint's HTTP proxy, empty for none. Raises `TaskFailed`."""
    proxy = endpoint.text("proxyURL").strip().rstrip("/")
    if proxy and not re.fullmatch(r"https?://[^/\s@]+", proxy):
        raise TaskFailed(f"Endpoint {endpoint.name}: its proxyURL must look like http://proxy.example.com:3128.")
    if proxy and not url.startswith("https://"):
        raise TaskFailed(
            f"Endpoint {endpoint.name}: through a proxy its kubernetesURL must begin with https://, or the proxy could "
            "read the sign-in."
        )
    return proxy


def _proxy_headers(endpoint: OpenEndpoint) -> dict[str, str] | None:
    user, password = endpoint.text("proxyUser"), endpoint.text("proxyPassword")
    return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}")) if user or password else None


def _impersonation(endpoint: OpenEndpoint) -> list[tuple[str, str]]:
    """Kubernetes' impersonation headers (kubernetes.io/docs/reference/access-authn-authz/user-impersonation).

    Raises `TaskFailed` for groups without a user, for an extra without its key, and for control characters."""
    user = endpoint.text("impersonateUser").strip()
    groups, extra = (_lines(endpoint, name) for name in ("impersonateGroups", "impersonateExtra"))
    if not user:
        if groups or extra:
            raise TaskFailed(f"Endpoint {endpoint.name} names groups or extra to act with, but no impersonateUser.")
        return []
    headers = [("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)]
    for line in extra:
        key, colon, value = line.partition(":")
        if not colon or not key.strip():
            raise TaskFailed(f"Endpoint {endpoint.name}: impersonateExtra takes lines of key: value, not {line!r}.")
        headers.append((f"Impersonate-Extra-{quote(key.strip().lower(), safe='')}", value.strip()))
    if any(not value.isprintable() for _, value in headers):
        raise TaskFailed(f"Endpoint {endpoint.name}: whom it acts as contains control characters.")
    return headers


def _lines(endpoint: OpenEndpoint, name: str) -> list[str]:
    return [line.strip() for line in endpoint.text(name).splitlines() if line.strip()]


def _authority(endpoint: OpenEndpoint) -> ssl.SSLContext:
    try:
        return context(Trust(authority=_pem(endpoint, "certAuthorityData")), alone=True)
    except ssl.SSLError:
        raise TaskFailed(f"Endpoint {endpoint.name}: its certAuthorityData holds no certificate.") from None


def _file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")
    return str(path)


def _pem(endpoint: OpenEndpoint, key: str) -> str:
    """PEM as it is, or in base64 as kubeconfig files hold it."""
    text = endpoint.text(key).strip()
    if "-----BEGIN" not in text:
        try:
            text = base64.b64decode(text, validate=True).decode("ascii").strip()
        except (binascii.Error, UnicodeDecodeError):
            text = ""
    if "-----BEGIN" not in text:
        raise TaskFailed(f"Endpoint {endpoint.name}: its {key} is neither PEM nor PEM in base64.")
    return text + "\n"


def quiet_insecure_warnings() -> None:
    """An endpoint that skips verification says so in the product; a warning for each request says nothing more."""
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
