"""Values of the wire in words."""

from __future__ import annotations

import pytest

from services.gateway.pages.words import words


@pytest.mark.parametrize(
    ("value", "of", "sentence"),
    [
        ("FAILURE", "notice event", "it fails"),
        ("manual", "run source", "by hand"),
        ("rerun of Deploy web #3", "run source", "rerun of Deploy web #3"),
        ("sign-in", "audit action", "signed in"),
        ("GERRIT_LISTENER", "kind", "gerrit listener"),
        ("K8S", "kind", "k8s"),
        (None, "arrival", ""),
    ],
)
def test_a_value_is_said_in_words(value: object, of: str, sentence: str) -> None:
    assert words(value, of) == sentence
