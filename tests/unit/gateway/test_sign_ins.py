"""Where a sign-in comes from, behind proxies and in browsers, and refusals that a gateway remembers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from services.gateway.origins import Origin, Origins
from services.gateway.sessions import BROWSER_COOKIE, Sessions
from services.gateway.sign_ins import DIGESTS_AT_ONCE, SignIns
from shared.contracts.catalog import Admission, AdmissionAsk, SignedIn, SignIn
from shared.contracts.problems import Code, Problem, Refused
from tests.support.clocks import SetClock

from .site import KEY, Site

PROXY, CLIENT, STRANGER = "10.0.0.5", "203.0.113.9", "198.51.100.7"
SESSIONS = Sessions(KEY)


def request_from(remote: str, *, browser: str = "", **headers: str) -> Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = EnvironBuilder(headers=Headers(fields)).get_environ() | {"REMOTE_ADDR": remote}
    if browser:
        environ["HTTP_COOKIE"] = f"{BROWSER_COOKIE}={browser}"
    return Request(environ)


@pytest.mark.parametrize(
    ("proxies", "remote", "headers", "origin"),
    [
        ((), CLIENT, {}, Origin(CLIENT)),
        ((), PROXY, {"X_Forwarded_For": CLIENT}, Origin(PROXY, proxied=True)),
        ((), PROXY, {"Forwarded": f"for={CLIENT}"}, Origin(PROXY, proxied=True)),
        (("10.0.0.0/24",), PROXY, {"X_Forwarded_For": CLIENT}, Origin(CLIENT)),
        (("10.0.0.0/24",), PROXY, {"X_Forwarded_For": f"{STRANGER}, {CLIENT}"}, Origin(CLIENT)),
        (("10.0.0.0/24",), PROXY, {}, Origin(PROXY, proxied=True)),
        (("10.0.0.0/24",), CLIENT, {"X_Forwarded_For": STRANGER}, Origin(CLIENT, proxied=True)),
    ],
)
def test_an_address_counts_as_far_as_proxies_are_declared(
    proxies: tuple[str, ...], remote: str, headers: dict[str, str], origin: Origin
) -> None:
    origins = Origins(SESSIONS, [ip_network(one) for one in proxies])
    assert origins.of(request_from(remote, **headers)) == origin


def test_health_speaks_of_an_undeclared_proxy_for_an_hour() -> None:
    clock = SetClock()
    origins = Origins(SESSIONS, (), monotonic=clock)
    origins.of(request_from(CLIENT))
    assert origins.note() == ""
    origins.of(request_from(PROXY, X_Forwarded_For=CLIENT))
    assert PROXY in origins.note() and "TRUSTED_PROXIES" in origins.note()
    clock.at = 3_601.0
    assert origins.note() == ""


def test_a_browser_is_known_by_a_mark_that_only_we_can_make_and_that_signs_nobody_in() -> None:
    origins = Origins(SESSIONS, ())
    mark = SESSIONS.issue_browser("ann", 2e9)
    assert origins.of(request_from(CLIENT, browser=mark)).browser_of == "ann"
    forged = Sessions(b"x" * 32).issue_browser("ann", 2e9)
    session = SESSIONS.issue(SignedIn(user="ann", token_id="t1"), 2e9).token
    old = SESSIONS.issue_browser("ann", 1e9)
    assert [origins.of(request_from(CLIENT, browser=one)).browser_of for one in (forged, session, old)] == [""] * 3
    with pytest.raises(Exception, match="not valid"):
        SESSIONS.read(mark)


class Desk:
    """Admits or refuses as config does, and counts."""

    def __init__(self) -> None:
        self.admissions: list[AdmissionAsk] = []
        self.asked: list[SignIn] = []
        self.refusal: Problem | None = Problem(code=Code.TOO_MANY, message="Too many", retry_after_s=20.0)
        self.familiar = ""
        """The address that has signed in before: the limit of strangers does not hold for it."""

    def admit_sign_in(self, ask: AdmissionAsk) -> Admission:
        self.admissions.append(ask)
        if self.refusal is not None and ask.source_address != self.familiar:
            raise Refused(self.refusal)
        familiar = ask.source_address == self.familiar or bool(ask.browser_of)
        return Admission(admission_id=f"a{len(self.admissions)}", familiar=familiar)

    def sign_in(self, ask: SignIn) -> SignedIn:
        self.asked.append(ask)
        return SignedIn(user="ann", token_id="t1")


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def sign_ins(desk: Desk, clock: SetClock) -> SignIns:
    return SignIns(desk, Origins(SESSIONS, ()), monotonic=clock)  # type: ignore[arg-type]


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords of which a digest was made."""
    passwords: list[str] = []

    def digest(password: str) -> str:
        passwords.append(password)
        return "d" * 64

    monkeypatch.setattr("services.gateway.sign_ins.password_digest", digest)
    return passwords


def retry_after(action: Callable[[], object]) -> float | None:
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.problem.retry_after_s


@pytest.mark.usefixtures("digests")
def test_what_config_refused_for_a_while_is_refused_without_asking_again(
    desk: Desk, sign_ins: SignIns, clock: SetClock
) -> None:
    here, elsewhere = request_from(CLIENT), request_from(STRANGER)
    assert retry_after(lambda: sign_ins.by_password(here, "ann", "a")) == 20.0
    clock.at = 5.0
    assert retry_after(lambda: sign_ins.by_password(here, "bob", "b")) == 15.0
    assert len(desk.admissions) == 1
    desk.refusal = None
    assert sign_ins.by_password(elsewhere, "ann", "a").user == "ann"
    assert sign_ins.by_token(here, "another way").user == "ann"
    clock.at = 20.0
    assert sign_ins.by_password(here, "ann", "a").user == "ann"
    assert [ask.admission_id for ask in desk.asked] == ["a2", "", "a3"]


def test_a_password_that_config_does_not_admit_costs_no_digest(
    desk: Desk, sign_ins: SignIns, digests: list[str]
) -> None:
    for last in range(20):
        assert retry_after(lambda: sign_ins.by_password(request_from(f"203.0.113.{last}"), "ann", "guess"))  # noqa: B023
    assert (digests, desk.asked) == ([], [])
    desk.refusal = None
    sign_ins.by_password(request_from(STRANGER), "ann", "right")
    assert digests == ["right"]


@pytest.mark.usefixtures("digests")
def test_one_stranger_asks_for_all_while_the_familiar_are_let_in(
    desk: Desk, sign_ins: SignIns, clock: SetClock
) -> None:
    desk.refusal = Problem(code=Code.TOO_MANY, message="Too many", retry_after_s=1.0, details={"limit": "strangers"})
    desk.familiar = CLIENT
    strangers = [request_from(f"203.0.113.{last}") for last in range(100, 120)]
    for step in range(40):
        clock.at = step / 10
        for stranger in strangers:
            assert retry_after(lambda: sign_ins.by_password(stranger, "ann", "guess"))  # noqa: B023
        assert sign_ins.by_password(request_from(CLIENT), "ann", "right").user == "ann"
    asked = [ask.source_address for ask in desk.admissions if ask.source_address != CLIENT]
    assert set(asked[:20]) == {stranger.remote_addr for stranger in strangers}
    assert len(asked) <= 20 + 4


def test_digests_are_made_in_turn(desk: Desk, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = [0], [0]

    def digest(_password: str) -> str:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.005)
        at_once[0] -= 1
        return "d" * 64

    monkeypatch.setattr("services.gateway.sign_ins.password_digest", digest)
    desk.refusal = None
    with ThreadPoolExecutor(10) as people:
        list(people.map(lambda number: sign_ins.by_password(request_from(CLIENT), f"u{number}", "p"), range(10)))
    assert (most[0], len(desk.asked)) == (DIGESTS_AT_ONCE, 10)


@pytest.mark.parametrize("release_before", [False, True])
def test_who_has_signed_in_before_waits_for_no_strangers_digest(
    desk: Desk, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch, release_before: bool
) -> None:
    begun, hold = threading.Event(), threading.Event()

    def digest(password: str) -> str:
        if password == "guess":
            begun.set()
            hold.wait(20)
        return "d" * 64

    monkeypatch.setattr("services.gateway.sign_ins.password_digest", digest)
    desk.refusal = Problem(code=Code.INVALID, message="is unknown") if release_before else None
    mark = SESSIONS.issue_browser("ann", 2e9)
    with ThreadPoolExecutor(4) as strangers:
        for number in range(4):
            strangers.submit(sign_ins.by_password, request_from(f"203.0.113.{number}"), "ann", "guess")
        assert begun.wait(20)
        assert sign_ins.by_password(request_from(CLIENT, browser=mark), "ann", "right").user == "ann"
        assert len(desk.asked) == 1
        hold.set()


def test_a_gateway_that_is_itself_too_busy_remembers_no_refusal(
    desk: Desk, sign_ins: SignIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """config admitted it: the clock stands still, and the next try is made all the same."""
    desk.refusal = None
    hold = threading.Event()
    monkeypatch.setattr("services.gateway.sign_ins.DIGEST_WITHIN_S", 0.01)
    monkeypatch.setattr("services.gateway.sign_ins.password_digest", lambda _: str(hold.wait(5)))
    assert retry_after(lambda: sign_ins.by_password(request_from(CLIENT), "ann", "right")) == 1.0
    hold.set()
    monkeypatch.setattr("services.gateway.sign_ins.DIGEST_WITHIN_S", 10.0)
    assert sign_ins.by_password(request_from(CLIENT), "ann", "right").user == "ann"
    assert len(desk.admissions) == 2


@pytest.mark.usefixtures("digests")
def test_a_config_of_the_release_before_admits_with_the_sign_in_itself(desk: Desk, sign_ins: SignIns) -> None:
    desk.refusal = Problem(code=Code.INVALID, message="auth.admit-sign-in.v1 is unknown")
    assert sign_ins.by_password(request_from(CLIENT), "ann", "right").user == "ann"
    assert [ask.admission_id for ask in desk.asked] == [""]


def test_a_client_with_a_whole_network_of_ipv6_has_one_key() -> None:
    origins = Origins(SESSIONS, ())
    keys = {origins.of(request_from(f"2001:db8:1:2::{last}")).key for last in range(5)}
    assert keys == {"2001:db8:1:2::/64"}


def test_a_sign_in_by_form_marks_the_browser_and_its_next_one_says_so(site: Site) -> None:
    client = site.client()
    client.get("/sign-in?code=once")
    mark = client.get_cookie(BROWSER_COOKIE, path="/sign-in")
    assert mark is not None and mark.http_only and mark.same_site == "Strict"
    client.get("/sign-in?code=once")
    assert [ask.browser_of for ask in site.asked] == ["", "ann"]
