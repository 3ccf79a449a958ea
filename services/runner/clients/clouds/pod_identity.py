"""What proves the identity of the runner's own pod: mounted tokens, and the metadata service of its cloud.

The metadata service hands out the pod's credentials to anybody who reaches it, so it is asked by a client of its own:
at addresses that come from the runner's environment alone, never from an endpoint or task, and past no redirect. The
client of tasks and endpoints refuses these addresses.

Facts: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html,
https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html,
https://cloud.google.com/compute/docs/metadata/querying-metadata and
https://learn.microsoft.com/azure/aks/workload-identity-overview.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient, OutboundAccess, OutboundError, RequestLimits

from .minted import CloudProblem

_LIMITS = RequestLimits(overall_s=10.0, connect_s=2.0, read_s=8.0, body_bytes=64 * 1024)
_AWS_AGENTS = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})
_MOST_TOKEN_BYTES = 64 * 1024


class PodIdentity:
    """The identity of the pod that this process runs in, as its cloud has prepared it."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._client = HttpClient(Guard(allow_local=True), user_agent="portside-runner")

    def setting(self, name: str) -> str:
        """A variable that the cloud sets in the pod, blank where it does not."""
        return self._environment.get(name, "").strip()

    def needed(self, name: str, advice: str) -> str:
        """The same where nothing works without it. Raises CloudProblem."""
        if value := self.setting(name):
            return value
        raise CloudProblem("no-pod-identity", f"The runner's pod has no identity: {name} is not set. {advice}")

    def token(self, name: str, advice: str) -> str:
        """The content of the token file that a variable names; its kubelet renews it, so it is read each time."""
        path = Path(self.needed(name, advice))
        try:
            if path.stat().st_size > _MOST_TOKEN_BYTES:
                raise CloudProblem("no-pod-identity", f"{path}, which {name} names, is too large for a token.")
            return path.read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise CloudProblem("no-pod-identity", f"{path}, which {name} names, cannot be read: {error}") from None

    def aws_credentials(self) -> Json | None:
        """What the agent of EKS Pod Identity hands out; None where this pod has no agent."""
        url = self.setting("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url:
            return None
        if not _is_agent(url):
            raise CloudProblem(
                "no-pod-identity",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI names neither loopback nor an agent of EKS: it is not asked.",
            )
        token = self.token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "EKS Pod Identity sets it.")
        return self._get(url, {"Authorization": token})

    def google_token(self) -> Json:
        """An access token of the Google service account that this pod runs as."""
        host = self.setting("GCE_METADATA_HOST") or "metadata.google.internal"
        url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
        return self._get(url, {"Metadata-Flavor": "Google"})

    def _get(self, url: str, headers: Mapping[str, str]) -> Json:
        try:
            reply = self._client.request(
                "GET", url, headers=headers, limits=_LIMITS, access=OutboundAccess(local=True), redirects=0
            )
        except OutboundError as error:
            raise CloudProblem("no-pod-identity", f"The runner's pod has no identity: {error.message}") from None
        if reply.status != 200:
            raise CloudProblem(
                "no-pod-identity", f"The metadata service answered {reply.status}: {' '.join(reply.text.split())[:300]}"
            )
        try:
            document = parse_json(reply.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise CloudProblem("odd-answer", "The metadata service answered without a JSON object.")
        return document


def _is_agent(url: str) -> bool:
    """Where AWS's libraries ask over plain HTTP: loopback, and the agents of ECS and EKS."""
    host = urlsplit(url).hostname or ""
    try:
        return host in _AWS_AGENTS or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
