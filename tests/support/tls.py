"""Certificates of one's own, and a TLS door in front of a plain server."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOOPBACK = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


@dataclass(frozen=True)
class Signed:
    """A certificate, its key, and what was sent along with it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256, `AA:BB:…`."""
        return self.certificate.fingerprint(SHA256()).hex(":").upper()

    @property
    def whole(self) -> bytes:
        """With its key and what was sent along, as a server reads it."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return b"".join(one.public_bytes(Encoding.PEM) for one in (self.certificate, *self.above)) + key

    def context(self, folder: Path) -> ssl.SSLContext:
        """For a server that shows it."""
        chain = folder / f"{self.certificate.serial_number}.pem"
        chain.write_bytes(self.whole)
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(chain)
        return made


def certificate(name: str = "localhost", *, by: Signed | None = None, authority: bool = False) -> Signed:
    """A certificate for loopback, signed by an authority or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=60))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(LOOPBACK, critical=False)
    )
    made = builder.sign(by.key if by else key, SHA256())
    return Signed(made, key, (by.certificate,) if by else ())


def write_server(folder: Path) -> Path:
    """`server.pem`, a certificate for loopback with its key, which clients trust as it is."""
    file = folder / "server.pem"
    file.touch(mode=0o600)
    file.write_bytes(certificate("portside.example.com", authority=True).whole)
    return file


class Door:
    """Speaks TLS on a port of its own and passes what is said to a plain server; its certificate can be changed."""

    def __init__(self, folder: Path, shown: Signed, to: tuple[str, int]) -> None:
        self._folder, self._to = folder, to
        self.show(shown)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, name="door", daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self.port}"

    def show(self, shown: Signed) -> None:
        """Show another certificate from the next connection on."""
        self._context = shown.context(self._folder)

    def close(self) -> None:
        """Let nobody in from now on."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self._listener.accept()
                threading.Thread(target=self._pass, args=(inside,), daemon=True).start()

    def _pass(self, raw: socket.socket) -> None:
        with suppress(OSError), closing(self._context.wrap_socket(raw, server_side=True)) as front:
            with closing(socket.create_connection(self._to)) as back:
                threading.Thread(target=_pump, args=(back, front), daemon=True).start()
                _pump(front, back)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
