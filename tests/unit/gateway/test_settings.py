"""What the gateway reads from its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.gateway.settings import GatewaySettings
from shared.process.settings import read


@pytest.mark.parametrize("key", ["", "no-such-key.pem"])
def test_a_certificate_that_cannot_be_used_ends_the_process_with_a_line_that_names_its_files(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "chain.pem"
    certificate.write_text("no certificate")
    monkeypatch.setenv("TLS_CERTFILE", str(certificate))
    monkeypatch.setenv("TLS_KEYFILE", key)
    with pytest.raises(SystemExit, match=rf"^TLS_CERTFILE and TLS_KEYFILE cannot be used: .*chain\.pem.*{key}"):
        read(GatewaySettings)
