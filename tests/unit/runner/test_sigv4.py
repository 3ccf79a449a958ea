"""AWS Signature Version 4 against what AWS has published: its test suite and the examples of its documentation."""

from __future__ import annotations

import pytest

from services.runner.clients.clouds.sigv4 import AwsKeys, SigningScope, presigned_url, signed_headers

KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = SigningScope("us-east-1", "service")
AT = 1440938160.0
"""20150830T123600Z, the time of the whole suite."""
URL = "https://example.amazonaws.com/"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("name", "method", "url", "headers", "body", "signature"),
    [
        ("get-vanilla", "GET", URL, {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("post-vanilla", "POST", URL, {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("get-vanilla-query-order-key-case", "GET", f"{URL}?Param2=value2&Param1=value1", {}, b"",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("get-vanilla-empty-query-key", "GET", f"{URL}?Param1=value1", {}, b"",
         "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        ("post-vanilla-query", "POST", f"{URL}?Param1=value1", {}, b"",
         "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        ("get-utf8", "GET", f"{URL}\u1234", {}, b"",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("get-header-key-duplicate", "GET", URL, {"My-Header1": "value2,value2,value1"}, b"",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        ("get-header-value-trim", "GET", URL, {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("post-x-www-form-urlencoded", "POST", URL, FORM, b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ],
)  # fmt: skip
def test_requests_are_signed_as_in_the_test_suite_of_aws(
    name: str, method: str, url: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    signed = signed_headers(KEYS, SCOPE, method, url, headers, body, AT)
    names = ";".join(sorted({"host", "x-amz-date", *map(str.lower, headers)}))
    assert signed["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_the_documented_request_to_iam_is_signed_as_documented() -> None:
    signed = signed_headers(
        KEYS,
        SigningScope("us-east-1", "iam"),
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"",
        AT,
    )
    assert signed["authorization"].endswith(
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_an_address_is_presigned_as_documented() -> None:
    keys = AwsKeys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    url = presigned_url(
        keys, SigningScope("us-east-1", "s3"), "https://examplebucket.s3.amazonaws.com/test.txt", {}, 1369353600.0,
        86_400, payload_hash="UNSIGNED-PAYLOAD",
    )  # fmt: skip
    assert url == (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"
        "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&"
        "X-Amz-Expires=86400&X-Amz-SignedHeaders=host&"
        "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )


def test_a_session_token_is_signed_too() -> None:
    keys = AwsKeys(KEYS.key_id, KEYS.secret, "AQoDYXdz")
    signed = signed_headers(keys, SCOPE, "GET", URL, {}, b"", AT)
    assert signed["x-amz-security-token"] == "AQoDYXdz"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in signed["authorization"]
