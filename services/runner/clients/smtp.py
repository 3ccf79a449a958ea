"""A session with the mail server of an email endpoint: connected, encrypted as asked, signed in."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from services.runner.task_protocol import OpenEndpoint

from .certificates import Connect
from .tls import certificate_trouble, context, trust_of

TIMEOUT_S = 15.0
_LEAVE_S = 2.0


class MailProblem(Exception):
    """The mail server could not be used; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@contextmanager
def session(endpoint: OpenEndpoint) -> Iterator[smtplib.SMTP]:
    """The server, ready for `send_message`. Raises `MailProblem`."""
    with taking_leave(_signed_in(endpoint)) as client:
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
    return endpoint.text("outboundHost"), int(float(endpoint.text("outboundPort", "587")))


def connector(endpoint: OpenEndpoint) -> Connect:
    """Connects up to where the TLS handshake begins, for a look at the certificate."""
    host, port = place_of(endpoint)
    if _method(endpoint) == "SSL":
        return lambda: socket.create_connection((host, port), TIMEOUT_S)

    def connect() -> socket.socket:
        client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        client.ehlo()
        client.docmd("STARTTLS")
        assert client.sock is not None
        return client.sock

    return connect


def _method(endpoint: OpenEndpoint) -> str:
    return endpoint.text("encryptionMethod", "TLS").upper()


def _signed_in(endpoint: OpenEndpoint) -> smtplib.SMTP:
    host, port = place_of(endpoint)
    place, doing = f"{host}:{port}", "connecting"
    user = endpoint.text("outboundUsername")
    try:
        with ExitStack() as failing:
            client = connected(endpoint)
            failing.callback(client.close)
            if user:
                doing = "signing in"
                client.login(user, endpoint.text("outboundPassword"))
            failing.pop_all()
            return client
    except smtplib.SMTPAuthenticationError as error:
        raise MailProblem("wrong-password", f"{place} does not take the password of {user}: {_said(error)}.") from None
    except smtplib.SMTPNotSupportedError:
        if doing == "signing in":
            raise MailProblem("no-sign-in", f"{place} offers no sign-in over this connection.") from None
        raise MailProblem("no-tls", f"{place} offers no STARTTLS.") from None
    except smtplib.SMTPResponseException as error:
        raise MailProblem("refused", f"{place} refused {doing}: {_said(error)}.") from None
    except (smtplib.SMTPException, OSError) as error:
        code = certificate_trouble(error) or "unreachable"
        raise MailProblem(code, f"Cannot reach {place}: {_why(error)}.") from None


def connected(endpoint: OpenEndpoint) -> smtplib.SMTP:
    """The server, greeted and encrypted as asked. Raises what smtplib and ssl raise."""
    host, port = place_of(endpoint)
    method, trust = _method(endpoint), trust_of(endpoint.properties)
    try:
        return _open(host, port, method, context(trust))
    except ssl.SSLCertVerificationError:
        if not trust.fingerprint:
            raise
    bare = ssl.create_default_context()
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    client = _open(host, port, method, bare)
    assert isinstance(client.sock, ssl.SSLSocket)
    if hashlib.sha256(client.sock.getpeercert(binary_form=True) or b"").hexdigest() != trust.fingerprint:
        client.close()
        raise ssl.SSLError("Fingerprints did not match")
    return client


def _open(host: str, port: int, method: str, how: ssl.SSLContext) -> smtplib.SMTP:
    if method == "SSL":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=how)
    client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    try:
        client.ehlo_or_helo_if_needed()
        if method == "TLS":
            client.starttls(context=how)
            client.ehlo()
    except BaseException:
        client.close()
        raise
    return client


def _said(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
    return " ".join(f"{error.smtp_code} {text}".split())[:200].rstrip(".")


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return "it does not speak TLS from the first byte; should the encryption be TLS (STARTTLS)?"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())[:200] or type(error).__name__
