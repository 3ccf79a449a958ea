"""Git repositories."""

from __future__ import annotations

from .properties import AUTHORITY, FINGERPRINT, LOCAL, EndpointProperty, EndpointType, expires

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
        expires(authType=("password", "token", "privateKey")),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
    ),
)
