"""What is wrong with a server's certificate is said of the file that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from shared.process.certificates import flaw_of_files
from tests.support.tls import Signed, certificate

SERVER, OTHER = certificate(), certificate("other")


def _key(signed: Signed, passphrase: bytes = b"") -> bytes:
    sealed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return signed.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


@pytest.mark.parametrize("key", ["", "key.pem"])
def test_a_certificate_with_its_key_has_no_flaw_in_one_file_or_in_two(key: str, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(SERVER.whole)
    (tmp_path / "key.pem").write_bytes(_key(SERVER))
    assert flaw_of_files(str(chain), key and str(tmp_path / key)) == ""


@pytest.mark.parametrize(
    ("chain", "key", "flaw"),
    [
        (None, _key(SERVER), "chain.pem cannot be read (No such file or directory)"),
        (SERVER.pem.encode(), None, "key.pem cannot be read (No such file or directory)"),
        (b"nonsense", _key(SERVER), "chain.pem holds no certificate in PEM"),
        (SERVER.pem.encode(), b"nonsense", "key.pem holds no private key in PEM"),
        (SERVER.pem.encode(), _key(OTHER), "key.pem is not that of the certificate in"),
        (SERVER.pem.encode(), _key(SERVER, b"secret"), "key.pem is encrypted; write it without a passphrase"),
        (SERVER.pem.encode().replace(b"MII", b"!!!", 1), _key(SERVER), "chain.pem with "),
    ],
    ids=["no file", "no key", "no PEM", "no PEM key", "key of another", "encrypted", "broken"],
)
def test_a_flaw_names_its_file(chain: bytes | None, key: bytes | None, flaw: str, tmp_path: Path) -> None:
    for name, content in (("chain.pem", chain), ("key.pem", key)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
    assert flaw in flaw_of_files(str(tmp_path / "chain.pem"), str(tmp_path / "key.pem"))
