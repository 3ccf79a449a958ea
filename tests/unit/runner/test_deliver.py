"""A webhook's test delivery, as the receiver would judge it."""

from __future__ import annotations

import pytest

from services.gateway.receiver.signatures import check
from services.runner.requests.test_delivery import send
from shared.contracts.pushes import BodySignature
from tests.support.outbound import GUARDED
from tests.support.web import web_server


@pytest.mark.parametrize(("sign", "seen"), [(True, BodySignature.GOOD), (False, BodySignature.MISSING)])
def test_a_test_delivery_is_signed_where_it_should_be_and_carries_its_token(sign: bool, seen: BodySignature) -> None:
    with web_server() as web:
        web.code, web.body = 202, '{"status": "accepted", "delivery": "d1"}'
        answer = send(GUARDED, f"{web.url}&secureToken=", "s/ecret", {"repository": "acme/web"}, sign=sign)
        (request,) = web.requests
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request["headers"].items()}
    assert (answer["status"], answer["answer"]["delivery"]) == (202, "d1")
    assert request["path"].endswith("&secureToken=s%2Fecret")
    assert check(headers, request["body"].encode(), "s/ecret") is seen
