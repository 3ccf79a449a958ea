"""How an endpoint signs in at a cloud: read from its properties. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.runner.task_protocol import OpenEndpoint
from shared.grammar.repositories import registry_of
from shared.outbound.http import PUBLIC, OutboundAccess
from shared.outbound.tls import trust_of

CLUSTERS = {"eks": "aws", "gke": "google", "aks": "azure"}
REGISTRIES = {"ecr": "aws", "gar": "google", "acr": "azure"}
_PROPERTIES = (
    "awsRegion", "awsAccessKeyId", "awsSecretAccessKey", "awsRoleArn", "eksCluster", "googleKey", "azureTenantId",
    "azureClientId", "azureClientSecret", "azureServerId", "cloudURL",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CloudSignIn:
    """As whom to ask which vendor for what. It holds secrets in clear, so it lives only while it is used."""

    vendor: str
    """`aws`, `google` or `azure`."""
    endpoint: str
    """The endpoint's name, for sentences."""
    host: str = ""
    """The registry; blank for a cluster."""
    plain_http: bool = False
    cluster_url: str = ""
    by_pod: bool = False
    """By the identity of the runner's pod, not by keys."""
    access: OutboundAccess = PUBLIC
    values: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def value(self, name: str) -> str:
        """A property of the endpoint, blank where it has none."""
        return dict(self.values).get(name, "")


def sign_in_of(endpoint: OpenEndpoint) -> CloudSignIn | None:
    """None for an endpoint that signs in by itself."""
    is_registry = endpoint.type == "docker"
    kind = endpoint.text("serverType" if is_registry else "authType").lower()
    vendor = (REGISTRIES if is_registry else CLUSTERS).get(kind)
    if vendor is None:
        return None
    host, plain_http = registry_of(endpoint.properties) if is_registry else ("", False)
    return CloudSignIn(
        vendor,
        endpoint.name,
        host,
        plain_http,
        endpoint.text("kubernetesURL"),
        endpoint.text("cloudIdentity").lower() == "pod",
        # A cluster's authority and fingerprint are its own, not the vendor's.
        OutboundAccess(trust_of(endpoint.properties), local=endpoint.may_be_local)
        if is_registry
        else OutboundAccess(local=endpoint.may_be_local),
        tuple((name, text) for name in _PROPERTIES if (text := endpoint.text(name).strip())),
    )
