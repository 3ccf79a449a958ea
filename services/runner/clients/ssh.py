"""SSH connections on behalf of a task or an endpoint: one host, one account, a host key that somebody vouched for."""

from __future__ import annotations

import io
import re
import shlex
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import paramiko

from shared.outbound.cancel_scope import CancelScope, Ended
from shared.outbound.guard import ForbiddenAddress, Guard, Reach
from shared.outbound.http import forbidden_message

from .ssh_transport import BoundedTransport

CONNECT_S = 10.0
SIGN_IN_S = 20.0
SIGNED_IN_WITHIN_S = 45.0
"""From the first packet on."""
CALL_S = 60.0
MAX_OUTPUT_BYTES = 1024 * 1024
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SshProblem(Exception):
    """A host could not be reached or would not let us in; `code` is a stable word for the cause."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Login:
    """Where and as whom to sign in."""

    host: str
    username: str
    port: int = 22
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    """As `ssh-keygen` writes it."""
    passphrase: str = field(default="", repr=False)
    host_key: str = ""
    """Lines of known_hosts, or bare keys; empty: whichever the host shows is accepted."""

    @property
    def place(self) -> str:
        """`deploy@host:port`, for people."""
        return f"{self.username}@{self.host}" + ("" if self.port == 22 else f":{self.port}")


def connect(login: Login, guard: Guard, reach: Reach, unseen: Callable[[str], None]) -> paramiko.SSHClient:
    """Sign in. `unseen` gets the key of a host for which the login names none, as `hostKey` would name it."""
    client = paramiko.SSHClient()
    expected = _expected(login.host_key)
    name = login.host if login.port == 22 else f"[{login.host}]:{login.port}"
    for key in expected:
        client.get_host_keys().add(name, key.get_name(), key)
    client.set_missing_host_key_policy(_Policy(login, bool(expected), unseen))
    key = _private_key(login) if login.private_key.strip() else None
    with ExitStack() as failing, CancelScope(SIGNED_IN_WITHIN_S):
        try:
            connection = guard.connect(login.host, login.port, reach=reach, timeout_s=CONNECT_S)
            failing.callback(connection.close)
            failing.callback(client.close)
            client.connect(
                login.host,
                login.port,
                login.username,
                password=login.password or None,
                pkey=key,
                sock=connection,
                timeout=CONNECT_S,
                banner_timeout=SIGN_IN_S,
                auth_timeout=SIGN_IN_S,
                # Keys and agents of the runner's own user are none of a pipeline's business.
                allow_agent=False,
                look_for_keys=False,
                transport_factory=BoundedTransport,
            )
        except SshProblem:
            raise
        except Exception as error:
            raise _translated(error, login) from None
        failing.pop_all()
    return client


def run(client: paramiko.SSHClient, command: str, stdin: str = "") -> tuple[int, bytes]:
    """Run shell commands whatever the account's own shell is: their exit code and what they print.

    Raises SshProblem where they print more than MAX_OUTPUT_BYTES or take longer than CALL_S; OSError, EOFError and
    paramiko.SSHException where the connection is lost.
    """
    transport = client.get_transport()
    if transport is None:
        raise EOFError("the connection is closed")
    with CancelScope(CALL_S) as scope, closing(transport.open_session(timeout=CALL_S)) as channel:
        scope.watch(transport.sock)
        channel.settimeout(CALL_S)
        channel.exec_command(f"exec sh -c {shlex.quote(command)}")
        if stdin:
            channel.sendall(stdin.encode())
        channel.shutdown_write()
        printed = bytes(channel.makefile("rb").read(MAX_OUTPUT_BYTES + 1))
        if len(printed) > MAX_OUTPUT_BYTES:
            raise SshProblem("too-large", "The host prints more than 1 MiB where little is expected.")
        code = int(channel.recv_exit_status())
        if scope.ended is Ended.DEADLINE:
            raise SshProblem("too-slow", f"The host did not answer within {CALL_S:g} s.")
        # Without an exit code: of a command that a signal ended, or of a connection that did.
        if code == -1 and (error := transport.get_exception()) is not None:
            raise error
        return code, printed


class _Policy(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """A host shows a key that is not listed for its name."""

    def __init__(self, login: Login, must_match: bool, unseen: Callable[[str], None]) -> None:
        self._login = login
        self._must_match = must_match
        self._unseen = unseen

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        if self._must_match:
            raise _changed(self._login, key)
        self._unseen(_shown(key))


def _shown(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


def _changed(login: Login, key: paramiko.PKey) -> SshProblem:
    return SshProblem(
        "host-key",
        f"{login.place} shows another host key than `hostKey` names: {_shown(key)}. If the host was reinstalled and "
        "you know this key, put it into `hostKey`; else somebody may be intercepting the connection.",
    )


def _expected(text: str) -> list[paramiko.PKey]:
    """Keys out of known_hosts lines or bare `ssh-ed25519 AAAA…` lines."""
    keys: list[paramiko.PKey] = []
    for line in text.splitlines():
        match = re.search(r"(?:^|\s)((?:ssh|ecdsa|sk)-\S+)\s+([A-Za-z0-9+/=]+)", line)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"host {match[1]} {match[2]}") if match else None
        if entry is None or entry.key is None:
            raise SshProblem("host-key", "`hostKey` is not a host key: write it as `ssh-keyscan` prints it.")
        keys.append(entry.key)
    return keys


def _private_key(login: Login) -> paramiko.PKey:
    text = login.private_key.replace("\r\n", "\n").strip() + "\n"
    for kind in _KEYS:
        try:
            return kind.from_private_key(io.StringIO(text), password=login.passphrase or None)
        except paramiko.PasswordRequiredException:
            raise SshProblem("wrong-key", "The private key is encrypted: give its passphrase.") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    hint = " or its passphrase is wrong" if login.passphrase else ""
    advice = "it must be an Ed25519, ECDSA or RSA key as ssh-keygen writes"
    raise SshProblem("wrong-key", f"The private key cannot be read{hint}: {advice}.")


def _translated(error: BaseException, login: Login) -> SshProblem:
    if isinstance(error, paramiko.BadHostKeyException):
        return _changed(login, error.key)
    if isinstance(error, paramiko.AuthenticationException):
        credential = "key" if login.private_key.strip() else "password"
        return SshProblem(
            "wrong-password", f"{login.place} does not let us in: its user name or {credential} is wrong."
        )
    if isinstance(error, ForbiddenAddress):
        return SshProblem("forbidden-address", forbidden_message(login.place, error))
    if isinstance(error, socket.gaierror):
        return SshProblem("unreachable", f"Cannot reach {login.place}: its name cannot be resolved.")
    if isinstance(error, TimeoutError):
        return SshProblem("unreachable", f"Cannot reach {login.place}: no answer in time.")
    if isinstance(error, ConnectionRefusedError | paramiko.ssh_exception.NoValidConnectionsError):
        return SshProblem("unreachable", f"Cannot reach {login.place}: connection refused.")
    if isinstance(error, OSError) and error.strerror:
        return SshProblem("unreachable", f"Cannot reach {login.place}: {error.strerror.lower()}.")
    return SshProblem("unreachable", f"Cannot reach {login.place}: {str(error) or type(error).__name__}.")
