"""What pika's errors mean, in words."""

from __future__ import annotations

import socket
import ssl

import pika.exceptions

from shared.process.errors import causes

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (pika.exceptions.ProbableAuthenticationError, "the broker refused user name and password; check AMQP_URL"),
    (pika.exceptions.ProbableAccessDeniedError, "the virtual host is not there or not for this user; check AMQP_URL"),
    (ConnectionRefusedError, "nobody listens at the broker's address"),
    (socket.gaierror, "the broker's host name is unknown"),
    (ssl.SSLError, "TLS failed"),
)


def describe(error: BaseException) -> str:
    """Why a connection ended or did not begin, in words."""
    if isinstance(error, pika.exceptions.ConnectionClosed | pika.exceptions.ChannelClosed):
        return f"{error.reply_code} {error.reply_text}"
    for cause in causes(error):
        for kind, words in _REASONS:
            if isinstance(cause, kind):
                return words
    return f"{type(error).__name__}: {error}".rstrip(": ")
