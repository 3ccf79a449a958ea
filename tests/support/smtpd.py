"""A mail server on loopback that keeps what it is given; it speaks enough SMTP for real clients, STARTTLS included."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from io import BufferedIOBase
from typing import cast


@dataclass
class Mail:
    sender: str
    to: list[str]
    message: Message
    encrypted: bool
    user: str


@dataclass
class Post:
    """What the server took, and how it answers."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    taken: str = "250 taken"
    """What is said once a message is there; `hangs_up` ends the connection after it."""
    hangs_up: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    """What is answered to a command instead of yes, by its first word."""


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("220 mail.example.com ready")
        self._encrypted, self._user = isinstance(self.connection, ssl.SSLSocket), ""
        self._begin()
        while line := self.rfile.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if (answer := self.server.post.answers.get(word.upper())) is not None:
                self._say(answer)
            elif not getattr(self, f"_{word.lower()}", self._unknown)(rest):
                return

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _begin(self) -> None:
        self._sender: str = ""
        self._to: list[str] = []

    def _say(self, *lines: str) -> bool:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
        return True

    def _unknown(self, _rest: str) -> bool:
        return self._say("502 not here")

    def _ehlo(self, _rest: str) -> bool:
        offered = [] if self._encrypted or self.server.context is None else ["STARTTLS"]
        offered += ["AUTH PLAIN"] if self.server.post.users else []
        lines = ["mail.example.com", *offered, "8BITMIME"]
        return self._say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def _starttls(self, _rest: str) -> bool:
        assert self.server.context is not None
        self._say("220 go on")
        self.connection: socket.socket = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = cast("BufferedIOBase", self.connection.makefile("wb", buffering=0))
        self._encrypted = True
        return True

    def _auth(self, rest: str) -> bool:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        if self.server.post.users.get(user) != password:
            return self._say("535 5.7.8 who are you?")
        self._user = user
        return self._say("235 welcome")

    def _mail(self, rest: str) -> bool:
        self._sender = rest.partition("<")[2].partition(">")[0]
        return self._say("250 ok")

    def _rcpt(self, rest: str) -> bool:
        self._to.append(rest.partition("<")[2].partition(">")[0])
        return self._say("250 ok")

    def _data(self, _rest: str) -> bool:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        said = message_from_bytes(b"".join(lines))
        self.server.post.mails.append(Mail(self._sender, self._to, said, self._encrypted, self._user))
        self._begin()
        self._say(self.server.post.taken)
        return not self.server.post.hangs_up

    def _rset(self, _rest: str) -> bool:
        self._begin()
        return self._say("250 ok")

    def _quit(self, _rest: str) -> bool:
        self._say("221 bye")
        return False


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, post: Post, context: ssl.SSLContext | None, *, encrypted: bool) -> None:
        self.post = post
        self.context = context
        super().__init__(("127.0.0.1", 0), _Talk)
        if encrypted:
            assert context is not None
            self.socket = context.wrap_socket(self.socket, server_side=True)


@contextmanager
def mail_server(context: ssl.SSLContext | None = None, *, encrypted: bool = False) -> Iterator[Post]:
    """A server; with a context it offers STARTTLS, with `encrypted` it speaks TLS from the first byte."""
    post = Post()
    server = _Server(post, context, encrypted=encrypted)
    post.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield post
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
