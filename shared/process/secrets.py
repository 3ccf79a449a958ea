"""Sealing and hashing: what may be sealed anywhere can be opened only by who holds the private key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from shared.contracts.base import Sealed

from .masking import opened_secrets
from .token_ends import token_end

KEY_FILES = {"seal.key": "SEAL_PRIVATE_KEY", "seal.pub": "SEAL_PUBLIC_KEY", "jwt.key": "JWT_KEY"}
"""The files in `<home>/keys`, and the variables that take their place."""
_TOKEN = re.compile(r"[\w-]{43}", re.ASCII)


class KeysMissing(Exception):
    """A key is missing, or not a key; the message says where and what to do."""


class CannotOpen(Exception):
    """A sealed secret was sealed for another key, or is damaged."""


def key_id(public_key: bytes) -> str:
    """The name of a key pair, derived from the public half, so that no file can name it wrongly."""
    return hashlib.sha256(public_key).hexdigest()[:12]


class Sealer:
    """Seals with the first of its public keys; it can open nothing."""

    def __init__(self, public_keys: Iterable[bytes]) -> None:
        current = next(iter(public_keys), None)
        if current is None:
            raise KeysMissing("No public key to seal secrets with. Run `portside system init`, or set SEAL_PUBLIC_KEY.")
        self.key_id = key_id(current)
        self._box = SealedBox(PublicKey(current))

    def seal(self, secret: str) -> Sealed:
        """Close a text so that only the private key's holder can read it; when a token ends stays readable."""
        box = base64.b64encode(self._box.encrypt(secret.encode())).decode()
        return Sealed(key_id=self.key_id, box=box, ends_at=token_end(secret))

    def seal_secret(self, secret: str) -> Sealed:
        """The same for what came in clear; no log line of this process shows it from now on."""
        opened_secrets.remember(secret)
        return self.seal(secret)

    @classmethod
    def load(cls, home: Path) -> Sealer:
        """Keys from SEAL_PUBLIC_KEY (or the file it names), else `<home>/keys/seal.pub`; the first line is current."""
        return cls(_keys("SEAL_PUBLIC_KEY", home / "keys" / "seal.pub"))


class Opener:
    """Opens what was sealed for any of its private keys; old ones stay listed while a rotation lasts."""

    def __init__(self, private_keys: Iterable[bytes]) -> None:
        pairs = [PrivateKey(key) for key in private_keys]
        if not pairs:
            raise KeysMissing(
                "No private key to open secrets with. Run `portside system init`, or set SEAL_PRIVATE_KEY."
            )
        self._boxes = {key_id(bytes(pair.public_key)): SealedBox(pair) for pair in pairs}
        self._first = bytes(pairs[0])

    def open(self, sealed: Sealed) -> str:
        """The text that was sealed; no log line of this process shows it from now on."""
        box = self._boxes.get(sealed.key_id)
        if box is None:
            raise CannotOpen(
                f"A secret was sealed with key {sealed.key_id}, which this process does not hold (it holds "
                f"{', '.join(self._boxes)}). Put the old private key back as a second line, or enter the secret again."
            )
        try:
            text = box.decrypt(base64.b64decode(sealed.box, validate=True)).decode()
        except (CryptoError, binascii.Error, ValueError, TypeError) as error:
            raise CannotOpen(f"A secret sealed with key {sealed.key_id} is damaged; enter it again.") from error
        opened_secrets.remember(text)
        return text

    def derived_key(self, purpose: bytes) -> bytes:
        """A key of its own for each purpose, which nobody without the first private key can make."""
        return hmac.digest(self._first, purpose, "sha256")

    @classmethod
    def load(cls, home: Path) -> Opener:
        """Keys from SEAL_PRIVATE_KEY (or the file it names), else `<home>/keys/seal.key`."""
        return cls(_keys("SEAL_PRIVATE_KEY", home / "keys" / "seal.key"))


def _text(variable: str, path: Path) -> tuple[str, str]:
    if value := os.environ.get(variable):
        return value, variable
    path = Path(os.environ.get(f"{variable}_FILE") or path)
    try:
        return path.read_text(encoding="ascii"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeysMissing(
            f"Key file {path} cannot be read ({reason}). Run `portside system init`, or set {variable}."
        ) from error


def _keys(variable: str, path: Path) -> list[bytes]:
    text, place = _text(variable, path)
    try:
        keys = [base64.b64decode(line, validate=True) for line in text.split()]
    except binascii.Error as error:
        raise KeysMissing(f"{place} holds no base64 key. Run `portside system init` to make new keys.") from error
    if any(len(key) != PrivateKey.SIZE for key in keys):
        raise KeysMissing(f"{place} holds a key that is not {PrivateKey.SIZE} bytes long. Run `portside system init`.")
    return keys


def load_jwt_key(home: Path) -> bytes:
    """The key that signs sessions: JWT_KEY (or the file it names), else `<home>/keys/jwt.key`."""
    text, place = _text("JWT_KEY", home / "keys" / "jwt.key")
    key = text.strip().encode()
    if len(key) < 32:
        raise KeysMissing(f"{place} is shorter than 32 characters, too short to sign sessions. Use a random one.")
    return key


def read_keys(home: Path) -> dict[str, str]:
    """The texts of the keys that this process may read, by their files' names; for a copy that is kept apart."""
    texts = {}
    for name, variable in KEY_FILES.items():
        with suppress(KeysMissing):
            texts[name] = _text(variable, home / "keys" / name)[0].strip() + "\n"
    return texts


def write_keys(home: Path, texts: Mapping[str, str]) -> None:
    """Put keys where there are none. Raises `KeysMissing` where others are, which stay."""
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in KEY_FILES:
        if name in texts:
            _create(folder / name, texts[name])
            if (folder / name).read_text(encoding="ascii").split() != texts[name].split():
                raise KeysMissing(f"{folder / name} is another key, and stays. Move it away to put back the old one.")


def key_ids(texts: Mapping[str, str]) -> set[str]:
    """The ids of the sealing keys among `read_keys`: of the private ones, else of the public ones."""
    private = [base64.b64decode(line) for line in texts.get("seal.key", "").split()]
    public = [base64.b64decode(line) for line in texts.get("seal.pub", "").split()]
    return {key_id(key) for key in ([bytes(PrivateKey(key).public_key) for key in private] or public)}


def create_keys(home: Path) -> None:
    """Make what is missing of the key files; what is there stays. Safe when several processes do it at once."""
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(folder / "seal.key", base64.b64encode(bytes(PrivateKey.generate())).decode() + "\n")
    private = _keys_in(folder / "seal.key")
    _create(
        folder / "seal.pub",
        "".join(base64.b64encode(bytes(PrivateKey(key).public_key)).decode() + "\n" for key in private),
    )
    _create(folder / "jwt.key", secrets.token_hex(32) + "\n")


def _keys_in(path: Path) -> list[bytes]:
    return [base64.b64decode(line) for line in path.read_text(encoding="ascii").split()]


def _create(path: Path, text: str) -> None:
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    # A hard link appears complete or not at all, and never over a file that another process just made.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def new_token() -> str:
    """A random token of 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def may_be_token(text: str) -> bool:
    """Has it the form of `new_token`? Only of such a text may a plain hash be kept: a password's could be guessed."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> str:
    """Hex SHA-256: enough for random tokens, and the same everywhere so that it can be looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def keyed_hash(value: str, key: bytes) -> str:
    """What may be shown of a secret, so that a change shows: nothing can be guessed from it without the key."""
    return "hash:" + hmac.digest(key, value.encode(), "sha256").hex()[:16]


def password_digest(password: str) -> str:
    """What travels instead of a password; config keeps an argon2 hash of it.

    It is slow and salted for Portside as a whole, so that who reads a message cannot simply look the password up.
    """
    normal = unicodedata.normalize("NFKC", password).encode()
    return hashlib.scrypt(normal, salt=b"portside/password/v1", n=2**14, r=8, p=1, dklen=32).hex()
