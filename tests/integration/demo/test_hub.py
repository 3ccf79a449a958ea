"""The fake Docker Hub, met over HTTP: sign-in, hooks, tags, the registry, deliveries, faults."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
import requests

from demo.hub.server import FakeHub

Obj = dict[str, Any]
HOOKS = "/v2/repositories/acme/web/webhook_pipeline/"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    fake.world.add_repository("acme/web")
    yield fake
    fake.close()


class Listener:
    """What stands at the end of a hook URL."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?secureToken=abc"
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


def sign_in(hub: FakeHub, identifier: str = "acme", secret: str = "demo-password") -> dict[str, str]:
    answer = requests.post(f"{hub.url}/v2/auth/token", json={"identifier": identifier, "secret": secret}, timeout=30)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def hook(name: str, url: str) -> Obj:
    return {"name": name, "expect_final_callback": False, "webhooks": [{"name": name, "hook_url": url}]}


def steer(hub: FakeHub, call: str, **body: Any) -> Obj:
    answer = requests.post(f"{hub.url}/_fake/{call}", json=body, timeout=30)
    assert answer.status_code < 300, answer.text
    return dict(answer.json()) if answer.content else {}


def test_a_token_lives_ten_minutes_and_one_that_ended_is_refused(hub: FakeHub) -> None:
    headers = sign_in(hub)
    claims = jwt.decode(headers["Authorization"][7:], options={"verify_signature": False})
    assert 540 < claims["exp"] - time.time() <= 600
    assert requests.get(hub.url + HOOKS, headers=headers, timeout=30).status_code == 200
    steer(hub, "expire")
    assert requests.get(hub.url + HOOKS, headers=headers, timeout=30).status_code == 401


def test_the_older_sign_in_tells_when_a_second_factor_is_due(hub: FakeHub) -> None:
    hub.world.add_account("ann", "pw", two_factor_code="123456", tokens={"dckr_pat_x": "repo:admin"})
    login = f"{hub.url}/v2/users/login"
    first = requests.post(login, json={"username": "ann", "password": "pw"}, timeout=30)
    assert (first.status_code, first.json()["detail"]) == (
        401,
        "Require secondary authentication on MFA enabled account",
    )
    second = requests.post(
        f"{hub.url}/v2/users/2fa-login",
        json={"login_2fa_token": first.json()["login_2fa_token"], "code": "123456"},
        timeout=30,
    )
    assert second.json()["token"]
    assert requests.post(login, json={"username": "ann", "password": "dckr_pat_x"}, timeout=30).status_code == 200
    assert requests.post(login, json={"username": "ann", "password": "no"}, timeout=30).json().keys() == {"detail"}


def test_hooks_are_created_listed_by_pages_read_and_deleted(hub: FakeHub) -> None:
    headers = sign_in(hub)
    for number in range(5):
        body = hook(f"Hook {number}", f"https://ci.example.com/{number}")
        made = requests.post(hub.url + HOOKS, json=body, headers=headers, timeout=30)
        assert (made.status_code, made.json()["slug"]) == (201, f"hook-{number}")
    names, url = [], f"{hub.url}{HOOKS}?page_size=2"
    while url:
        answer = requests.get(url, headers=headers, timeout=30).json()
        assert answer["count"] == 5
        names += [one["name"] for one in answer["results"]]
        url = answer["next"]
    assert names == [f"Hook {number}" for number in range(5)]
    one = f"{hub.url}{HOOKS}hook-3/"
    assert requests.get(one, headers=headers, timeout=30).json()["webhooks"][0]["hook_url"].endswith("/3")
    assert requests.delete(one, headers=headers, timeout=30).status_code == 204
    assert requests.get(one, headers=headers, timeout=30).status_code == 404


def test_an_address_without_its_last_slash_is_redirected(hub: FakeHub) -> None:
    answer = requests.post(
        hub.url + HOOKS.rstrip("/"),
        json=hook("a", "https://ci.example.com"),
        headers=sign_in(hub),
        timeout=30,
        allow_redirects=False,
    )
    assert answer.status_code == 301


@pytest.mark.parametrize(
    ("body", "flaws"),
    [
        (hook("a", " https://ci.example.com"), {"webhooks": [{"hook_url": ["Invalid value."]}]}),
        (hook("a", "ftp://ci.example.com"), {"webhooks": [{"hook_url": ["Invalid value."]}]}),
        (hook("", "https://ci.example.com"), {"name": ["This field may not be blank."]}),
        ({"name": "a"}, {"webhooks": ["This field is required."]}),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary."]}),
    ],
)
def test_a_wrong_hook_is_refused_with_its_field(hub: FakeHub, body: Any, flaws: Obj) -> None:
    answer = requests.post(hub.url + HOOKS, json=body, headers=sign_in(hub), timeout=30)
    assert answer.status_code == 400
    assert flaws.items() <= answer.json().items()


def test_a_name_is_taken_once_and_a_url_may_be_there_twice(hub: FakeHub) -> None:
    headers = sign_in(hub)

    def create(name: str) -> int:
        body = hook(name, "https://ci.example.com")
        return requests.post(hub.url + HOOKS, json=body, headers=headers, timeout=30).status_code

    assert [create("a"), create("a"), create("b")] == [201, 400, 201]


def test_who_may_not_manage_hooks_learns_it_by_401_403_or_404(hub: FakeHub) -> None:
    hub.world.add_account("bob", "pw")
    hub.world.accounts["acme"].tokens["dckr_pat_write"] = "repo:write"
    hub.world.add_repository("acme/open", private=False)
    assert requests.get(hub.url + HOOKS, timeout=30).status_code == 401
    writer = requests.get(hub.url + HOOKS, headers=sign_in(hub, secret="dckr_pat_write"), timeout=30)
    assert (writer.status_code, "personal access token" in writer.text) == (403, True)
    bob = sign_in(hub, "bob", "pw")
    assert requests.get(hub.url + HOOKS, headers=bob, timeout=30).status_code == 404
    assert requests.get(hub.url + HOOKS.replace("/web/", "/open/"), headers=bob, timeout=30).status_code == 403


def test_ten_wrong_passwords_lock_the_account_and_say_until_when(hub: FakeHub) -> None:
    url = f"{hub.url}/v2/auth/token"
    for _ in range(10):
        assert requests.post(url, json={"identifier": "acme", "secret": "no"}, timeout=30).status_code == 401
    locked = requests.post(url, json={"identifier": "acme", "secret": "demo-password"}, timeout=30)
    assert locked.status_code == 429
    assert 540 < int(locked.headers["X-Retry-After"]) - time.time() < 602


def test_past_the_minute_s_limit_comes_429_with_a_unix_time(hub: FakeHub) -> None:
    headers = sign_in(hub)
    steer(hub, "settings", calls_per_minute=1)
    requests.get(hub.url + HOOKS, headers=headers, timeout=30)
    answer = requests.get(hub.url + HOOKS, headers=headers, timeout=30)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["X-Retry-After"]) - time.time() <= 60


def test_a_push_makes_a_manifest_and_calls_every_hook_with_the_documented_body(
    hub: FakeHub, listener: Listener
) -> None:
    requests.post(hub.url + HOOKS, json=hook("a", listener.url), headers=sign_in(hub), timeout=30)
    pushed = steer(hub, "push", repository="acme/web", tag="1.4.0", pusher="ann")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", pushed["digest"])
    assert [one["status"] for one in pushed["deliveries"]] == [202]
    text = listener.bodies[0].decode()
    assert re.search(r'"pushed_at": \d\.\d+e\+09', text)
    assert "\\u0009" in text
    body = json.loads(text)
    assert body["push_data"]["images"] == [] and body["push_data"]["tag"] == "1.4.0"
    assert abs(body["push_data"]["pushed_at"] - time.time()) < 60
    assert (body["callback_url"], body["repository"]["repo_url"], body["repository"]["is_private"]) == ("", "", True)
    assert (body["repository"]["repo_name"], body["repository"]["comment_count"]) == ("acme/web", "0")
    again = steer(hub, "redeliver", number=0)
    assert (again["status"], listener.bodies[1]) == (202, listener.bodies[0])


def test_a_suppressed_hook_is_not_sent_though_the_tag_is_there(hub: FakeHub, listener: Listener) -> None:
    headers = sign_in(hub)
    requests.post(hub.url + HOOKS, json=hook("a", listener.url), headers=headers, timeout=30)
    steer(hub, "settings", suppress=True)
    digest = steer(hub, "push", repository="acme/web", tag="1.4.0")["digest"]
    assert listener.bodies == []
    for path in ("/v2/repositories/acme/web/tags", "/v2/namespaces/acme/repositories/web/tags"):
        listed = requests.get(hub.url + path, headers=headers, timeout=30).json()["results"]
        assert [(tag["name"], tag["digest"]) for tag in listed] == [("1.4.0", digest)]
    assert requests.get(f"{hub.url}/v2/repositories/acme/web/tags", timeout=30).status_code == 404


def resolve(hub: FakeHub, reference: str, credentials: tuple[str, str] | None, accept: str) -> requests.Response:
    """As a client of the registry does it: 401, token, again."""
    url = f"{hub.url}/v2/acme/web/manifests/{reference}"
    first = requests.head(url, timeout=30)
    assert first.status_code == 401
    facts = dict(re.findall(r'(\w+)="([^"]*)"', first.headers["WWW-Authenticate"]))
    token = requests.get(
        facts["realm"], params={"service": facts["service"], "scope": facts["scope"]}, auth=credentials, timeout=30
    )
    headers = {"Authorization": f"Bearer {token.json()['token']}", "Accept": accept}
    return requests.get(url, headers=headers, timeout=30)


def test_the_registry_resolves_a_tag_by_the_token_flow(hub: FakeHub) -> None:
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
    digest = steer(hub, "push", repository="acme/web", tag="1", platforms=["linux/amd64", "linux/arm64"])["digest"]
    found = resolve(hub, "1", ("acme", "demo-password"), accept)
    assert (found.status_code, found.headers["Docker-Content-Digest"]) == (200, digest)
    assert len(found.json()["manifests"]) == 2
    assert resolve(hub, "1", ("acme", "demo-password"), "application/json").status_code == 404
    assert resolve(hub, "none", ("acme", "demo-password"), accept).json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    refused = resolve(hub, "1", None, accept)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")


def test_a_fault_is_met_by_the_next_calls_of_its_route_only(hub: FakeHub) -> None:
    headers = sign_in(hub)
    steer(hub, "faults", shape="502-html", route="hooks", method="GET", times=2)
    steer(hub, "faults", shape="429-text", route="hooks", method="GET", retry_after_s=30)
    answers = [requests.get(hub.url + HOOKS, headers=headers, timeout=30) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [502, 502, 429, 200]
    assert answers[0].headers["Content-Type"].startswith("text/html")
    assert 0 < int(answers[2].headers["X-Retry-After"]) - time.time() < 35


def test_an_answer_can_get_lost_after_the_work_was_done(hub: FakeHub) -> None:
    headers = sign_in(hub)
    steer(hub, "faults", shape="lost-answer", route="hooks", method="POST")
    with pytest.raises(requests.ConnectionError):
        requests.post(hub.url + HOOKS, json=hook("a", "https://ci.example.com"), headers=headers, timeout=30)
    assert requests.get(hub.url + HOOKS, headers=headers, timeout=30).json()["count"] == 1
