"""What pika's errors mean, in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pika.exceptions

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
    for cause in _causes(error):
        for kind, words in _REASONS:
            if isinstance(cause, kind):
                return words
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """pika packs the real reason up to three deep, each layer in its own way."""
    inner: Any = error
    while isinstance(inner, BaseException):
        yield inner
        packed = getattr(inner, "exceptions", None) or (getattr(inner, "exception", None), *inner.args)
        inner = next((part for part in reversed(packed) if isinstance(part, BaseException)), inner.__cause__)
