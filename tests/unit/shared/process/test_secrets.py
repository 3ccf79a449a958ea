from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import Sealed
from shared.contracts.secrets import ANY_SECRET, MASK, endpoint_secret_keys
from shared.process import secrets
from shared.process.masking import Masker
from shared.process.secrets import CannotOpen, KeysMissing, Opener, Sealer

TOLD = "password Passwd userPass passphrase pwd token apiToken secretKey client_secret accessKey privateKey sshkey"
HIDDEN = [*TOLD.split(), "credentials", "proxy-authorization", "Cookie", "publicKeyToken", *sorted(ANY_SECRET)]
SHOWN = [
    "publicKey",
    "public_key",
    "sshPublicKey",
    "url",
    "username",
    "passive",
    "compass-url",
    "repoURL",
    "fingerprint",
]


@pytest.mark.parametrize("name", HIDDEN)
def test_of_an_unknown_endpoint_type_what_looks_like_a_secret_is_one(name: str) -> None:
    assert endpoint_secret_keys("brand-new", {name: "x", "url": "y"}) == {name}


@pytest.mark.parametrize("name", SHOWN)
def test_of_an_unknown_endpoint_type_everything_else_is_shown(name: str) -> None:
    assert endpoint_secret_keys("brand-new", {name: "x"}) == frozenset()


def test_a_yes_or_no_is_no_secret_and_a_known_type_has_its_own() -> None:
    assert endpoint_secret_keys("brand-new", {"useToken": True}) == frozenset()
    assert endpoint_secret_keys("Email", {"secretKey": "x"}) == {"outboundPassword"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    secrets.create_keys(tmp_path)
    return tmp_path


HEADER, SIGNATURE = "eyJhbGciOiJSUzI1NiJ9", "c2lnbmF0dXJl"
ENDS = [
    ('{"exp": 1800000000}', 1_800_000_000.0),
    ('{"exp": 1800000000.5}', 1_800_000_000.5),
    ('{"sub": "deployer"}', None),
    ('{"exp": true}', None),
    ('{"exp": "tomorrow"}', None),
    ('{"exp": 1e400}', None),
    ('{"exp": -1}', None),
    ('{"exp": 999999999999999}', None),
    ('["exp"]', None),
    ("[" * 20_000, None),
]


@pytest.mark.parametrize(("claims", "ends_at"), ENDS, ids=[claims[:25] for claims, _ in ENDS])
def test_a_sealed_token_still_tells_when_it_ends(home: Path, claims: str, ends_at: float | None) -> None:
    payload = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
    sealed = Sealer.load(home).seal(f"{HEADER}.{payload}.{SIGNATURE}")
    assert sealed.ends_at == ends_at
    assert ("ends_at" in sealed.model_dump()) is (ends_at is not None)
    assert Sealed.model_validate_json(sealed.model_dump_json()) == sealed


@pytest.mark.parametrize("secret", ["", "pa.ss.word", f"{HEADER}.e30.", "a" * 100_000 + "..", "ghp_0123"])
def test_what_is_no_token_tells_no_end(home: Path, secret: str) -> None:
    assert Sealer.load(home).seal(secret).ends_at is None


def test_what_the_sealer_closes_the_opener_reads(home: Path) -> None:
    sealed = Sealer.load(home).seal("pässwort\n")
    assert "pässwort" not in sealed.model_dump_json()
    assert Opener.load(home).open(sealed) == "pässwort\n"


def test_the_same_secret_is_never_sealed_alike(home: Path) -> None:
    sealer = Sealer.load(home)
    assert sealer.seal("x").box != sealer.seal("x").box


def test_key_files_are_made_once_and_only_their_user_reads_them(home: Path) -> None:
    before = {path.name: path.read_bytes() for path in (home / "keys").iterdir()}
    secrets.create_keys(home)
    assert {path.name: path.read_bytes() for path in (home / "keys").iterdir()} == before
    assert set(before) == {"seal.key", "seal.pub", "jwt.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home / "keys").iterdir()} == {0o600}
    assert stat.S_IMODE((home / "keys").stat().st_mode) == 0o700


def test_a_lost_public_key_is_derived_again_from_the_private_one(home: Path) -> None:
    public = (home / "keys" / "seal.pub").read_bytes()
    (home / "keys" / "seal.pub").unlink()
    secrets.create_keys(home)
    assert (home / "keys" / "seal.pub").read_bytes() == public


def test_an_old_key_on_a_second_line_still_opens_after_a_rotation(home: Path, tmp_path: Path) -> None:
    old = Sealer.load(home).seal("kept")
    newer = tmp_path / "newer"
    secrets.create_keys(newer)
    for name in ("seal.key", "seal.pub"):
        path = newer / "keys" / name
        path.write_text(path.read_text() + (home / "keys" / name).read_text())
    assert Opener.load(newer).open(old) == "kept"
    assert Sealer.load(newer).seal("fresh").key_id != old.key_id


def test_a_secret_for_another_key_is_refused_by_that_keys_name(home: Path, tmp_path: Path) -> None:
    secrets.create_keys(tmp_path / "other")
    sealed = Sealer.load(tmp_path / "other").seal("x")
    with pytest.raises(CannotOpen, match=sealed.key_id):
        Opener.load(home).open(sealed)


@pytest.mark.parametrize("box", ["", "AAAA", "not base64 !"])
def test_a_damaged_box_says_so(home: Path, box: str) -> None:
    sealed = Sealer.load(home).seal("x")
    with pytest.raises(CannotOpen, match="damaged"):
        Opener.load(home).open(Sealed(key_id=sealed.key_id, box=box))


def test_keys_come_from_the_environment_before_files(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEAL_PUBLIC_KEY", (home / "keys" / "seal.pub").read_text())
    monkeypatch.setenv("SEAL_PRIVATE_KEY_FILE", str(home / "keys" / "seal.key"))
    nowhere = tmp_path / "nowhere"
    assert Opener.load(nowhere).open(Sealer.load(nowhere).seal("x")) == "x"


def test_missing_keys_say_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match=r"seal\.pub.*portside system init"):
        Sealer.load(tmp_path)
    with pytest.raises(KeysMissing, match=r"jwt\.key.*portside system init"):
        secrets.load_jwt_key(tmp_path)


def test_a_key_that_is_none_is_refused(home: Path) -> None:
    (home / "keys" / "seal.pub").write_text("c2hvcnQ=\n")
    with pytest.raises(KeysMissing, match="32 bytes"):
        Sealer.load(home)


def test_the_password_digest_is_stable_and_ignores_how_accents_were_typed() -> None:
    assert secrets.password_digest("caf\u00e9") == secrets.password_digest("cafe\u0301")
    assert secrets.password_digest("a") != secrets.password_digest("b")
    assert len(secrets.password_digest("a")) == 64


def test_tokens_are_random_and_hash_to_hex() -> None:
    assert secrets.new_token() != secrets.new_token()
    assert secrets.token_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


SECRETS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=8, max_size=40).filter(
    lambda text: text == text.strip() and MASK not in text
)


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_is_masked_in_every_encoding(secret: str, before: bytes, after: bytes) -> None:
    masker = Masker([secret])
    raw = secret.encode()
    for shown in (
        secret,
        quote(secret, safe=""),
        json.dumps({"k": secret})[7:-2],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    ):
        masked = masker.mask(f"<<{shown}>>")
        assert shown not in masked
        assert MASK in masked
    within = base64.b64encode(before + raw + after).decode()
    assert masker.mask(within) != within


def test_json_is_masked_in_values_keys_and_numbers() -> None:
    masker = Masker(["s3cret-value", "12345678", ""])
    assert masker.mask({"a": ["x s3cret-value y", 12345678, True, None], "s3cret-value": 1}) == {
        "a": [f"x {MASK} y", MASK, True, None],
        MASK: 1,
    }


def test_a_very_short_secret_is_masked_only_where_it_stands_alone() -> None:
    masker = Masker(["ab"])
    assert masker.mask({"k": "ab", "text": "about"}) == {"k": MASK, "text": "about"}


def test_each_line_of_a_private_key_is_masked() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----\n"
    assert "MIIEvQIBADAN" not in Masker([pem]).mask("line 2: MIIEvQIBADANBgkqhkiG9w0BAQEFAASC")


def test_without_secrets_values_pass_as_they_are() -> None:
    value = {"a": (1, 2)}
    assert Masker([]).mask(value) is value
