"""What the commands about executions and pushes share."""

from __future__ import annotations

import pytest

from cli.portside.ending import CommandFailed, ExitCode
from cli.portside.runs import image_of, split_image


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("acme/web", ("acme/web", "")),
        ("acme/web:1.4.0", ("acme/web", "1.4.0")),
        ("registry.example.com:5000/acme/web", ("registry.example.com:5000/acme/web", "")),
        ("registry.example.com:5000/acme/web:1.4.0", ("registry.example.com:5000/acme/web", "1.4.0")),
        (f"acme/web:1.4.0@sha256:{'a' * 64}", ("acme/web", "1.4.0")),
        ("", ("", "")),
    ],
)
def test_a_registrys_port_is_not_taken_for_a_tag(image: str, parts: tuple[str, str]) -> None:
    assert split_image(image) == parts


@pytest.mark.parametrize("image", [":::", "acme/web:", "acme/web@sha256:abc", "acme web:1", "acme/web:1:2"])
def test_what_is_no_image_is_refused_with_how_to_write_one(image: str) -> None:
    with pytest.raises(CommandFailed, match="write it as acme/web") as failure:
        split_image(image)
    assert failure.value.exit_code is ExitCode.USAGE


def test_an_event_without_an_image_shows_none() -> None:
    assert image_of({"imageName": "acme/web", "tag": "1.4.0"}) == "acme/web:1.4.0"
    assert image_of({"imageName": "", "tag": ""}) == image_of({}) == ""
