"""Kubernetes clusters."""

from __future__ import annotations

from .clouds import by_cloud
from .properties import FINGERPRINT, LOCAL, EndpointProperty, EndpointType, expires

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
        *by_cloud("authType", cluster=True),
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
        expires(authType=_REMOTE["authType"]),
        FINGERPRINT,
        LOCAL,
    ),
)
