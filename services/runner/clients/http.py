"""HTTP for task types: one request, its answer in Code Stream's shape, every failure a TaskFailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.runner.task_protocol import OpenEndpoint, TaskFailed
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.outbound.http import PUBLIC, HttpClient, OutboundAccess, OutboundError, RequestLimits
from shared.outbound.tls import trust_of


@dataclass(frozen=True, slots=True)
class TextReply:
    """What came back, as text."""

    code: int
    headers: dict[str, str]
    body: str

    @property
    def ok(self) -> bool:
        """Below 400."""
        return self.code < 400

    @property
    def output(self) -> Json:
        """In Code Stream's shape; `responseJson` is null when the body is not JSON."""
        try:
            parsed = parse_json(self.body)
        except ValueError:
            parsed = None
        return {
            "responseCode": self.code,
            "responseHeaders": self.headers,
            "responseBody": self.body,
            "responseJson": parsed,
        }


def access_of(endpoint: OpenEndpoint) -> OutboundAccess:
    """Which servers requests of an endpoint may reach, and whose certificates they accept."""
    return OutboundAccess(trust_of(endpoint.properties), local=endpoint.may_be_local)


def ask(
    client: HttpClient, method: str, url: str, *, headers: Mapping[str, str], body: str | None = None,
    timeout_s: float = 60.0, access: OutboundAccess = PUBLIC,
) -> TextReply:  # fmt: skip
    """One request with its redirects, all within `timeout_s`. Raises TaskFailed with the reason."""
    _demand_headers(headers)
    data = body.encode() if body is not None else None
    limits = RequestLimits(overall_s=timeout_s, read_s=timeout_s)
    try:
        reply = client.request(method, url, headers=headers, body=data, limits=limits, access=access)
    except OutboundError as error:
        raise TaskFailed(error.message) from None
    return TextReply(reply.status, dict(reply.headers), reply.text)


def _demand_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not all(" " <= char <= "\xff" or char == "\t" for char in name + value):
            raise TaskFailed(
                f"The header {name.split()[0] if name.split() else '(without a name)'} cannot be sent: a header is one "
                "line of Latin characters. A token that was read from a file often ends with a line break: take that "
                "out of the variable."
            )
        if value != value.strip():
            raise TaskFailed(f"The header {name} cannot be sent: take the blanks around its value out.")
