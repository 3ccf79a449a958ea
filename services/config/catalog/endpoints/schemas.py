"""What each endpoint type takes: one table for checks, forms and the reference page. Pure.

Names are Code Stream's where they are known (jenkins, jira, email, the certificates of k8s); the rest are ours and
stand in the compatibility page. Secret are the properties that `shared.contracts.secrets` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.base import Json
from shared.contracts.secrets import endpoint_secret_keys


@dataclass(frozen=True, slots=True)
class EndpointProperty:
    """One property of an endpoint. `kind` is `text`, `lines`, `url`, `number`, `date`, `boolean` or `choice`."""

    name: str
    title: str
    kind: str = "text"
    required: bool = False
    default: Any = None
    choices: tuple[tuple[str, str], ...] = ()
    """Value and title."""
    help: str = ""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Asked for only while another property has one of these values."""


@dataclass(frozen=True, slots=True)
class EndpointType:
    """One type of endpoint, with its properties in the order in which a form asks."""

    name: str
    title: str
    description: str
    properties: tuple[EndpointProperty, ...]

    def property(self, name: str) -> EndpointProperty:
        """A property by its name."""
        return next(entry for entry in self.properties if entry.name == name)


_FINGERPRINT = EndpointProperty(
    "fingerprint",
    "Accepted certificate",
    help="SHA-256 of a certificate that the system's authorities do not vouch for; Accept fills it in.",
)
_AUTHORITY = EndpointProperty(
    "caCertificate", "Private authority", "lines", help="PEM; trusted besides the system's authorities."
)

_LOCAL = EndpointProperty(
    "allowLocal",
    "May be on the runner's own machine",
    "boolean",
    help="Loopback, link-local and metadata addresses. Only administrators tick it, and change what is ticked.",
)


def _expires(**when: tuple[str, ...]) -> EndpointProperty:
    return EndpointProperty(
        "secretExpiresOn",
        "Sign-in expires on",
        "date",
        help="Where the other side says so; a notice names it 30 days before. Tokens that hold their end (JWT) and "
        "certificates need none.",
        when=when,
    )


_OWN_SERVERS = ("DockerHub", "DTR", "OCI")
_AWS, _GOOGLE, _AZURE = ("ECR", "EKS"), ("GAR", "GKE"), ("ACR", "AKS")


def _cloud(choice: str, *, cluster: bool) -> tuple[EndpointProperty, ...]:
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
        *_cloud("serverType", cluster=False),
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
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

_BY_TOKEN = {"authType": ("token",)}
_BY_CERTIFICATE = {"authType": ("certificate",)}
_BY_PASSWORD = {"authType": ("basicAuth",)}
_REMOTE = {"authType": ("token", "certificate", "basicAuth", "EKS", "GKE", "AKS")}

K8S = EndpointType(
    "k8s",
    "Kubernetes",
    "A cluster, as one user of it.",
    (
        EndpointProperty(
            "authType",
            "Sign in with",
            "choice",
            required=True,
            default="token",
            choices=(
                ("token", "Token of a ServiceAccount"),
                ("certificate", "Client certificate"),
                ("basicAuth", "User name and password"),
                ("EKS", "AWS (Amazon EKS)"),
                ("GKE", "Google Cloud (GKE)"),
                ("AKS", "Azure (AKS)"),
                ("kubeconfig", "A kubeconfig"),
                ("inCluster", "The ServiceAccount that Portside runs as"),
            ),
        ),
        EndpointProperty(
            "kubernetesURL",
            "Address of the cluster",
            "url",
            required=True,
            help="The address of the cluster's API, such as https://10.0.0.1:6443.",
            when=_REMOTE,
        ),
        EndpointProperty("token", "Token", "lines", required=True, when=_BY_TOKEN),
        EndpointProperty("certData", "Client certificate", "lines", required=True, help="PEM", when=_BY_CERTIFICATE),
        EndpointProperty("certKeyData", "Its private key", "lines", required=True, help="PEM", when=_BY_CERTIFICATE),
        *_cloud("authType", cluster=True),
        EndpointProperty("userName", "User name", required=True, when=_BY_PASSWORD),
        EndpointProperty("password", "Password", required=True, when=_BY_PASSWORD),
        EndpointProperty(
            "kubeconfig",
            "Kubeconfig",
            "lines",
            required=True,
            help="Address, sign-in and certificates are taken out of it; it is not kept.",
            when={"authType": ("kubeconfig",)},
        ),
        EndpointProperty("context", "Context", help="By default its current one.", when={"authType": ("kubeconfig",)}),
        EndpointProperty(
            "certAuthorityData",
            "Certificate authority of the cluster",
            "lines",
            help="PEM, where it is not a public one.",
            when=_REMOTE,
        ),
        EndpointProperty("namespace", "Namespace", help="Where an object names none; `default` if blank."),
        EndpointProperty(
            "tlsServerName",
            "Name in the cluster's certificate",
            help="Where it differs from the address, as tls-server-name in a kubeconfig.",
            when=_REMOTE,
        ),
        EndpointProperty(
            "proxyURL",
            "HTTP proxy",
            "url",
            help="Through which the cluster is reached (CONNECT), such as http://proxy.example.com:3128.",
            when=_REMOTE,
        ),
        EndpointProperty("proxyUser", "User name at the proxy", when=_REMOTE),
        EndpointProperty("proxyPassword", "Password at the proxy", when=_REMOTE),
        EndpointProperty(
            "impersonateUser",
            "Act as user",
            help="Requests are made as this user, whom the sign-in must be allowed to impersonate.",
            when=_REMOTE,
        ),
        EndpointProperty("impersonateGroups", "In groups", "lines", help="One each line.", when=_REMOTE),
        EndpointProperty("impersonateExtra", "With extra", "lines", help="key: value, one each line.", when=_REMOTE),
        EndpointProperty(
            "insecureSkipTLSVerify",
            "Do not check the cluster's certificate",
            "boolean",
            help="Anyone on the way can read the sign-in: accept the certificate instead.",
            when=_REMOTE,
        ),
        _expires(authType=_REMOTE["authType"]),
        _FINGERPRINT,
        _LOCAL,
    ),
)

GIT = EndpointType(
    "git",
    "Git",
    "A repository that files are read from.",
    (
        EndpointProperty(
            "serverType",
            "Server type",
            "choice",
            required=True,
            default="GIT",
            choices=(
                ("GITHUB", "GitHub"),
                ("GITHUB_ENTERPRISE", "GitHub Enterprise"),
                ("GITLAB", "GitLab"),
                ("GITLAB_ENTERPRISE", "GitLab, self-managed"),
                ("BITBUCKET", "Bitbucket"),
                ("GIT", "Another"),
            ),
        ),
        EndpointProperty(
            "repoURL",
            "Repository URL",
            required=True,
            help="https://github.com/acme/web.git, ssh://git@example.com/acme/web.git or git@example.com:acme/web.git",
        ),
        EndpointProperty("branch", "Branch", help="By default the repository's own."),
        EndpointProperty(
            "authType",
            "Sign in with",
            "choice",
            required=True,
            default="none",
            choices=(
                ("none", "Nothing: the repository is public"),
                ("password", "User name and password"),
                ("token", "Access token"),
                ("privateKey", "SSH key"),
            ),
        ),
        EndpointProperty("username", "User name", when={"authType": ("password", "token")}),
        EndpointProperty("password", "Password", required=True, when={"authType": ("password",)}),
        EndpointProperty("token", "Access token", required=True, when={"authType": ("token",)}),
        EndpointProperty("privateKey", "Private key", "lines", required=True, when={"authType": ("privateKey",)}),
        EndpointProperty("passphrase", "Passphrase of the key", when={"authType": ("privateKey",)}),
        EndpointProperty(
            "hostKey",
            "Host key of the server",
            "lines",
            help="As in known_hosts; over SSH no other server is spoken to.",
            when={"authType": ("privateKey",)},
        ),
        _expires(authType=("password", "token", "privateKey")),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

EMAIL = EndpointType(
    "email",
    "E-mail",
    "A mail server that notifications and requests for approval are sent by.",
    (
        EndpointProperty("senderAddress", "Sender", required=True, help="portside@example.com"),
        EndpointProperty("outboundHost", "Mail server", required=True, help="smtp.example.com"),
        EndpointProperty("outboundPort", "Port", "number", required=True, default=587),
        EndpointProperty("outboundProtocol", "Protocol", "choice", default="smtp", choices=(("smtp", "SMTP"),)),
        EndpointProperty(
            "encryptionMethod",
            "Encryption",
            "choice",
            required=True,
            default="TLS",
            choices=(
                ("TLS", "STARTTLS (port 587)"),
                ("SSL", "TLS from the first byte (port 465)"),
                ("NONE", "None: for a server on the same machine"),
            ),
        ),
        EndpointProperty("outboundUsername", "User name"),
        EndpointProperty("outboundPassword", "Password"),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

SLACK = EndpointType(
    "slack",
    "Slack",
    "A channel that notifications are posted to, by an incoming webhook of Slack or a server that speaks like it.",
    (
        EndpointProperty(
            "url",
            "Incoming webhook",
            "url",
            required=True,
            help="The address that Slack shows once the webhook is made; anyone who has it can post.",
        ),
        EndpointProperty(
            "channel", "Channel", help="By default the webhook's own; Slack's newer webhooks have no other."
        ),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

TEAMS = EndpointType(
    "teams",
    "Microsoft Teams",
    "A channel or chat that notifications are posted to as Adaptive Cards, by a workflow of Teams.",
    (
        EndpointProperty(
            "url",
            "Workflow",
            "url",
            required=True,
            help="The address that Teams shows once a workflow 'Send webhook alerts to a channel' is made.",
        ),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

DISCORD = EndpointType(
    "discord",
    "Discord",
    "A channel that notifications are posted to, by a webhook of Discord.",
    (
        EndpointProperty(
            "url",
            "Webhook",
            "url",
            required=True,
            help="The address that the channel's settings show under Integrations; anyone who has it can post.",
        ),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

PAGERDUTY = EndpointType(
    "pagerduty",
    "PagerDuty",
    "A service whose on-call people are alerted, by Events API v2.",
    (
        EndpointProperty(
            "routingKey",
            "Integration key",
            required=True,
            help="Of the service's integration 'Events API V2'.",
        ),
        EndpointProperty(
            "url",
            "Address",
            "url",
            default="https://events.pagerduty.com",
            help="https://events.eu.pagerduty.com for accounts in the EU.",
        ),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

WEBHOOK = EndpointType(
    "webhook",
    "Outgoing webhook",
    "An address that notices are posted to, as JSON.",
    (
        EndpointProperty(
            "url", "Address", "url", required=True, help="Give it as ${var.name} where it holds a secret."
        ),
        EndpointProperty("token", "Bearer token", help="Sent as Authorization: Bearer."),
        EndpointProperty(
            "secret",
            "Signing secret",
            help="Signs what is sent in the way of Standard Webhooks; whsec_ and base64, or any text.",
        ),
        _expires(),
        _FINGERPRINT,
        _AUTHORITY,
        _LOCAL,
    ),
)

TYPES: dict[str, EndpointType] = {
    one.name: one for one in (DOCKER, K8S, GIT, EMAIL, SLACK, TEAMS, DISCORD, PAGERDUTY, WEBHOOK)
}


def documents() -> list[Json]:
    """The table as the API gives it: enough to draw a form of each type."""
    return [
        {
            "type": endpoint_type.name,
            "title": endpoint_type.title,
            "description": endpoint_type.description,
            "properties": [_document(endpoint_type.name, entry) for entry in endpoint_type.properties],
        }
        for endpoint_type in TYPES.values()
    ]


def _document(type_: str, entry: EndpointProperty) -> Json:
    return {
        "name": entry.name,
        "title": entry.title,
        "kind": entry.kind,
        "secret": entry.name in endpoint_secret_keys(type_),
        "required": entry.required,
        "default": entry.default,
        "choices": [{"value": value, "title": title} for value, title in entry.choices],
        "help": entry.help,
        "when": {name: list(values) for name, values in entry.when.items()},
    }


def page() -> str:
    """The reference page of endpoint types, as Markdown."""
    lines = [
        "# Endpoint types",
        "",
        "What an endpoint of each type takes in `properties`. Secrets are sealed on arrival and shown as `*****`;",
        "any value may be a reference such as `${var.password}`. `GET /codestream/api/endpoint-types` gives this",
        "table. Generated: `make documents`.",
    ]
    for endpoint_type in TYPES.values():
        lines += ["", f"## {endpoint_type.name}: {endpoint_type.title}", "", endpoint_type.description, ""]
        lines += ["| property | title | takes | when |", "|---|---|---|---|"]
        lines += [_row(endpoint_type.name, entry) for entry in endpoint_type.properties]
    return "\n".join(lines) + "\n"


def _row(type_: str, entry: EndpointProperty) -> str:
    takes = ", ".join(f"`{value}` ({title})" for value, title in entry.choices) or entry.kind
    takes = "secret " + takes if entry.name in endpoint_secret_keys(type_) else takes
    takes += ", required" if entry.required else ""
    takes += f"; default `{entry.default}`" if entry.default is not None else ""
    when = " and ".join(f"`{name}` is {' or '.join(values)}" for name, values in entry.when.items())
    help_ = f". {entry.help}" if entry.help else ""
    return f"| `{entry.name}` | {entry.title} | {takes}{help_} | {when} |"
