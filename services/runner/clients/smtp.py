"""A session with the mail server of an email endpoint: connected, encrypted as asked, signed in."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.texts import finite
from shared.outbound.cancel_scope import CancelScope
from shared.outbound.guard import ForbiddenAddress, Guard, Reach
from shared.outbound.http import forbidden_message
from shared.outbound.tls import certificate_trouble, context, trust_of

from .certificates import Connect

TIMEOUT_S = 15.0
SESSION_S = 60.0
"""From the connection to the last answer."""
MAX_REPLY_BYTES = 1024 * 1024
"""Of all that a server says in one session."""
_LEAVE_S = 2.0


class MailProblem(Exception):
    """The mail server could not be used; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@contextmanager
def session(endpoint: OpenEndpoint, guard: Guard) -> Iterator[smtplib.SMTP]:
    """The server, ready for `send_message`. Raises `MailProblem`."""
    with CancelScope(SESSION_S), taking_leave(_signed_in(endpoint, guard)) as client:
        yield client


@contextmanager
def taking_leave(client: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    """End the session in the end. What the server says to that, or that it is gone, changes nothing that it took."""
    try:
        yield client
    finally:
        with suppress(smtplib.SMTPException, OSError, ValueError):
            if client.sock is not None:
                client.sock.settimeout(_LEAVE_S)
            client.quit()
        client.close()


def place_of(endpoint: OpenEndpoint) -> tuple[str, int]:
    """The server's host and port."""
    return endpoint.text("outboundHost"), int(finite(endpoint.text("outboundPort", "587")) or 0)


def connector(endpoint: OpenEndpoint, guard: Guard) -> Connect:
    """Connects up to where the TLS handshake begins, for a look at the certificate."""
    host, port = place_of(endpoint)
    reach = Reach(endpoint.may_be_local)
    if _method(endpoint) == "SSL":
        return lambda: guard.connect(host, port, reach=reach, timeout_s=TIMEOUT_S)

    def connect() -> socket.socket:
        client = _Session(guard, reach, host, port)
        client.ehlo()
        client.docmd("STARTTLS")
        assert client.sock is not None
        return client.sock

    return connect


def _method(endpoint: OpenEndpoint) -> str:
    return endpoint.text("encryptionMethod", "TLS").upper()


def _signed_in(endpoint: OpenEndpoint, guard: Guard) -> smtplib.SMTP:
    host, port = place_of(endpoint)
    place, doing = f"{host}:{port}", "connecting"
    user = endpoint.text("outboundUsername")
    try:
        with ExitStack() as failing:
            client = connected(endpoint, guard)
            failing.callback(client.close)
            if user:
                doing = "signing in"
                client.login(user, endpoint.text("outboundPassword"))
            failing.pop_all()
            return client
    except smtplib.SMTPAuthenticationError as error:
        raise MailProblem(
            "wrong-password", f"{place} does not accept the password of {user}: {_reply(error)}."
        ) from None
    except smtplib.SMTPNotSupportedError:
        if doing == "signing in":
            raise MailProblem("no-sign-in", f"{place} offers no sign-in over this connection.") from None
        raise MailProblem("no-tls", f"{place} offers no STARTTLS.") from None
    except smtplib.SMTPResponseException as error:
        raise MailProblem("refused", f"{place} refused {doing}: {_reply(error)}.") from None
    except ForbiddenAddress as error:
        raise MailProblem("forbidden-address", forbidden_message(place, error)) from None
    except (smtplib.SMTPException, OSError) as error:
        code = certificate_trouble(error) or "unreachable"
        raise MailProblem(code, f"Cannot reach {place}: {_reason(error)}.") from None


def connected(endpoint: OpenEndpoint, guard: Guard) -> smtplib.SMTP:
    """The server, greeted and encrypted as asked. Raises what smtplib and ssl raise, and ForbiddenAddress."""
    trust = trust_of(endpoint.properties)
    try:
        return _open(endpoint, guard, context(trust))
    except ssl.SSLCertVerificationError:
        if not trust.fingerprint:
            raise
    bare = ssl.create_default_context()
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    client = _open(endpoint, guard, bare)
    assert isinstance(client.sock, ssl.SSLSocket)
    if hashlib.sha256(client.sock.getpeercert(binary_form=True) or b"").hexdigest() != trust.fingerprint:
        client.close()
        raise ssl.SSLError("Fingerprints did not match")
    return client


def _open(endpoint: OpenEndpoint, guard: Guard, tls: ssl.SSLContext) -> smtplib.SMTP:
    host, port = place_of(endpoint)
    method, reach = _method(endpoint), Reach(endpoint.may_be_local)
    client = _Session(guard, reach, host, port, tls if method == "SSL" else None)
    if method == "SSL":
        return client
    try:
        client.ehlo_or_helo_if_needed()
        if method == "TLS":
            client.starttls(context=tls)
            client.ehlo()
    except BaseException:
        client.close()
        raise
    return client


class _Session(smtplib.SMTP):
    """A session over a connection that the guard opens; `tls` encrypts it from the first byte.

    `_get_socket` is what `smtplib.SMTP_SSL` overrides too.
    """

    def __init__(self, guard: Guard, reach: Reach, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._reach = reach
        self._tls = tls
        super().__init__(host, port, timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = self._guard.connect(host, port, reach=self._reach, timeout_s=timeout)
        if self._tls is None:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class _Bounded:
    """Lines of a server until there are too many: smtplib itself reads a reply that never ends."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = MAX_REPLY_BYTES

    def readline(self, limit: int = -1) -> bytes:
        line = self._stream.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the server says more than any mail server has to")
        return line

    def close(self) -> None:
        self._stream.close()


def _reply(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    return " ".join(f"{error.smtp_code} {text}".split())[:200].rstrip(".")


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return "it does not speak TLS from the first byte; should the encryption be TLS (STARTTLS)?"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:200] or type(error).__name__
