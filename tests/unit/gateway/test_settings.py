"""What the gateway reads from its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gateway.settings import GatewaySettings
from shared.process.settings import read


@pytest.mark.parametrize(
    ("host", "bind"),
    [("127.0.0.1", "127.0.0.1:80"), ("::", "[::]:80"), ("[::1]", "[::1]:80"), ("gateway.local", "gateway.local:80")],
)
def test_an_address_of_ipv6_is_listened_on_too(host: str, bind: str) -> None:
    assert GatewaySettings(host=host, port=80).bind == bind


def test_a_proxy_is_trusted_also_as_a_socket_for_both_families_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GatewaySettings().forwarders == "127.0.0.1/32,::ffff:7f00:1/128"
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    assert GatewaySettings().forwarders == "10.0.0.0/8,::ffff:a00:0/104,fd00::/8"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://tools.example.com/portside", r"no path.*in place of /portside"),
        ("https://tools.example.com/a/b/", r"no path"),
        ("tools.example.com", r"must be an address"),
        ("https://ann:secret@tools.example.com", r"no user name and no password"),
        ("https://tools.example.com:port", r"not an address"),
    ],
)
def test_a_public_address_that_pages_cannot_work_at_is_refused_with_the_reason(
    url: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", url)
    with pytest.raises(SystemExit, match=rf"^PUBLIC_URL: .*{why}"):
        read(GatewaySettings)


@pytest.mark.parametrize("url", ["", "https://portside.example.com/", "http://[::1]:8080"])
def test_a_public_address_is_a_scheme_a_host_and_a_port(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", url)
    settings = read(GatewaySettings)
    assert settings.public_url == url.rstrip("/")
    assert settings.first_address == (url.rstrip("/") or "http://127.0.0.1:8080")


@pytest.mark.parametrize("key", ["", "no-such-key.pem"])
def test_a_certificate_that_cannot_be_used_ends_the_process_with_a_line_that_names_its_files(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "chain.pem"
    certificate.write_text("no certificate")
    monkeypatch.setenv("TLS_CERTFILE", str(certificate))
    monkeypatch.setenv("TLS_KEYFILE", key)
    with pytest.raises(
        SystemExit, match=r"^TLS_CERTFILE and TLS_KEYFILE cannot be used: .*chain\.pem holds no certificate"
    ):
        read(GatewaySettings)
