"""Docker registries."""

from __future__ import annotations

from .clouds import by_cloud
from .properties import AUTHORITY, FINGERPRINT, LOCAL, EndpointProperty, EndpointType, expires

_OWN_SERVERS = ("DockerHub", "DTR", "OCI")


DOCKER = EndpointType(
    "docker",
    "Docker registry",
    "A repository whose pushes start pipelines, or a registry that images are copied to.",
    (
        EndpointProperty(
            "serverType",
            "Server type",
            "choice",
            required=True,
            default="DockerHub",
            choices=(
                ("DockerHub", "Docker Hub"),
                ("DTR", "Docker Trusted Registry (Mirantis Secure Registry)"),
                ("ECR", "Amazon ECR"),
                ("GAR", "Google Artifact Registry"),
                ("ACR", "Azure Container Registry"),
                ("OCI", "Another registry"),
            ),
        ),
        EndpointProperty(
            "repoURL",
            "Repository URL",
            required=True,
            help="https://hub.docker.com/r/acme/web, acme/web, or a namespace such as acme",
        ),
        EndpointProperty(
            "username",
            "User name",
            help="Docker Hub and most other registries want it with an access token too.",
            when={"serverType": _OWN_SERVERS},
        ),
        EndpointProperty(
            "password",
            "Password or access token",
            help="With two-factor authentication: an access token.",
            when={"serverType": _OWN_SERVERS},
        ),
        EndpointProperty(
            "token",
            "Access token",
            when={"serverType": ("DTR", "OCI")},
            help="Instead of the password. Without a user name it is sent as that of the user token.",
        ),
        *by_cloud("serverType", cluster=False),
        EndpointProperty("hubURL", "Address of the Hub's API", "url", help="By default Docker Hub's own."),
        EndpointProperty(
            "registryURL", "Address of the registry", "url", help="By default taken from the repository URL."
        ),
        EndpointProperty(
            "registryAliases",
            "Other names of the registry",
            help="By commas: hosts by which it calls itself in its events, such as registry:5000 behind a proxy.",
        ),
        EndpointProperty(
            "realm",
            "Accepted token service",
            "url",
            help="Another server that the registry sends sign-ins to, where the password may go. Accept fills it in.",
        ),
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
    ),
)
