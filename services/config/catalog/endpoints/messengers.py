"""Where notices go: mail, chats, on-call services, addresses of your own."""

from __future__ import annotations

from .properties import AUTHORITY, FINGERPRINT, LOCAL, EndpointProperty, EndpointType, expires

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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
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
        expires(),
        FINGERPRINT,
        AUTHORITY,
        LOCAL,
    ),
)
