"""The broker's nodes: whose turn it is to be connected to, and how we connect."""

from __future__ import annotations

import copy
import random
import socket

import pika

from shared.process.broker_url import node_urls

HEARTBEAT_S = 6
"""Sent at half of it, so that on a connection that is cut off something always waits to be acknowledged."""
_UNACKNOWLEDGED_S = 8
"""The system gives a connection up when its peer has acknowledged nothing for so long (TCP_USER_TIMEOUT). pika's own
check takes 11 to 22 s, and is for a peer whose system answers while the broker does not."""
_CONNECT_LIMIT_S = 10.0

Address = tuple[str, int]


def parameters(url: str, name: str) -> list[pika.URLParameters]:
    """One for each host that a URL lists; `name` is shown on the broker's page. Raises ValueError."""
    return [_parameters(node, name) for node in node_urls(url)]


def _parameters(url: str, name: str) -> pika.URLParameters:
    result = pika.URLParameters(url)
    if "heartbeat=" not in url:
        result.heartbeat = HEARTBEAT_S
    result.connection_attempts = 1
    result.socket_timeout = _CONNECT_LIMIT_S / 2
    result.stack_timeout = _CONNECT_LIMIT_S
    result.client_properties = {"connection_name": name, "product": "Portside"}
    result.tcp_options = {"TCP_USER_TIMEOUT": _UNACKNOWLEDGED_S * 1000} if hasattr(socket, "TCP_USER_TIMEOUT") else None
    return result


class Nodes:
    """All addresses of all hosts, in an order of chance each time, so that processes spread over the nodes."""

    def __init__(self, url: str, name: str) -> None:
        self._hosts = parameters(url, name)

    def in_turn(self, last: Address | None) -> list[pika.URLParameters]:
        """Each address once, the one that was used last at the end. Looks names up, so it may take seconds.

        Raises OSError where no host's name is known.
        """
        nodes: dict[Address, pika.URLParameters] = {}
        failure: OSError | None = None
        for host in self._hosts:
            try:
                addresses = socket.getaddrinfo(host.host, host.port, type=socket.SOCK_STREAM)
            except OSError as error:
                failure = error
                continue
            for *_, address in addresses:
                # Only the address changes: a certificate is still checked against the host's name.
                nodes.setdefault((str(address[0]), host.port), copy.copy(host)).host = str(address[0])
        if not nodes and failure is not None:
            raise failure
        order = random.sample(sorted(nodes), len(nodes))
        order.sort(key=lambda address: address == last)
        return [nodes[address] for address in order]
