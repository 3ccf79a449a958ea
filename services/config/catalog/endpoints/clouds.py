"""How an endpoint signs in at Amazon, Google or Azure."""

from __future__ import annotations

from .properties import EndpointProperty

_AWS, _GOOGLE, _AZURE = ("ECR", "EKS"), ("GAR", "GKE"), ("ACR", "AKS")


def by_cloud(choice: str, *, cluster: bool) -> tuple[EndpointProperty, ...]:
    """How an endpoint signs in at a cloud, whose registry or cluster the property `choice` names."""
    entry = 1 if cluster else 0
    aws, google, azure = ({choice: (names[entry],)} for names in (_AWS, _GOOGLE, _AZURE))
    by_keys = {"cloudIdentity": ("keys",)}
    host_help = "By default taken from the address."
    cluster_properties = (
        EndpointProperty("eksCluster", "Name of the cluster", required=True, help="As EKS lists it.", when=aws),
        EndpointProperty(
            "azureServerId", "Server application", help="By default that of all AKS clusters.", when=azure
        ),
    )
    return (
        EndpointProperty(
            "cloudIdentity",
            "As whom",
            "choice",
            required=True,
            default="keys",
            choices=(("keys", "Keys that are given here"), ("pod", "The identity of the runner's pod")),
            help="Only administrators choose the runner's pod, and change what uses it.",
            when={choice: (_AWS[entry], _GOOGLE[entry], _AZURE[entry])},
        ),
        EndpointProperty("awsRegion", "Region", help=host_help, when=aws),
        EndpointProperty("awsAccessKeyId", "Access key ID", required=True, when={**aws, **by_keys}),
        EndpointProperty("awsSecretAccessKey", "Secret access key", required=True, when={**aws, **by_keys}),
        EndpointProperty("awsRoleArn", "Role to assume", help="arn:aws:iam::123456789012:role/deploy", when=aws),
        EndpointProperty(
            "googleKey",
            "Key of the service account",
            "lines",
            required=True,
            help="Its JSON file.",
            when={**google, **by_keys},
        ),
        EndpointProperty("azureTenantId", "Tenant ID", required=True, when={**azure, **by_keys}),
        EndpointProperty("azureClientId", "Client ID", required=True, when={**azure, **by_keys}),
        EndpointProperty("azureClientSecret", "Client secret", required=True, when={**azure, **by_keys}),
        *(cluster_properties if cluster else ()),
        EndpointProperty(
            "cloudURL",
            "Address of the cloud's sign-in service",
            "url",
            help="By default the vendor's own: for private endpoints and sovereign clouds.",
            when={choice: (_AWS[entry], _GOOGLE[entry], _AZURE[entry])},
        ),
    )
