"""What the commands about executions and pushes share."""

from __future__ import annotations

import pytest

from cli.portside.runs import split_image


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("acme/web", ("acme/web", "")),
        ("acme/web:1.4.0", ("acme/web", "1.4.0")),
        ("registry.example.com:5000/acme/web", ("registry.example.com:5000/acme/web", "")),
        ("registry.example.com:5000/acme/web:1.4.0", ("registry.example.com:5000/acme/web", "1.4.0")),
    ],
)
def test_a_registrys_port_is_not_taken_for_a_tag(image: str, parts: tuple[str, str]) -> None:
    assert split_image(image) == parts
