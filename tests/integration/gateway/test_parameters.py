"""Parameters of paths and queries have types: whatever stands there, no route of API or pages answers 5xx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from services.gateway.api.route import Route
from services.gateway.api.routes import PREFIXES, ROUTES
from shared.contracts.catalog import Kind
from tests.support.in_process import InProcess

HOSTILE = (
    "9" * 30,
    "9" * 5_000,
    "-1",
    "1e999",
    "abc",
    "NaN",
    "²",
    "٣",
    "0x10",
    "true",
    "[]",
    "\u202e",
    "%00",
    "a/../b",
    "x" * 3_000,
)
"""What stands where a number, a time, a name or an id is expected."""
TIMES = ("0001-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9" * 18, "9" * 400, "12:30", "²")
PAGE_PARAMETERS = ("page", "size", "at", "after", "version", "from", "to", "id", "try", "$top", "$skip")
FILTERS = (
    "index eq " + "9" * 400,
    "index eq 1e999",
    "_requestTimeInMicros ge 1e999",
    "_createTimeInMicros ge 0001-01-01T00:00:00%2B23:59",
    "name eq '" + "x" * 5_000 + "'",
    "not " * 200 + "name eq 'x'",
    "(" * 90 + "name eq 'x'" + ")" * 90,
    "name in ('a','b')",
    "startswith(name,1)",
    "name eq null",
    "id eq " + "9" * 30,
)


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    opened = InProcess(Path(tmp_path_factory.mktemp("in-process")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ids(inside: InProcess) -> dict[str, str]:
    """An object of every kind that can be made, by its collection."""
    office = inside.office
    pipeline = office.pipeline()["id"]
    run = office.act(Kind.PIPELINES, "execute", {"input": {"namespace": "web"}}, id=pipeline)
    return {
        "pipelines": pipeline,
        "executions": run["executionId"],
        "endpoints": office.docker_endpoint()["id"],
        "registry-webhooks": office.webhook()["id"],
        "projects": office.get(Kind.PROJECTS, name="default")["id"],
        "users": office.get(Kind.USERS, id="me")["id"],
        "audit": "1",
    }


def filled(path: str, values: Mapping[str, str]) -> str:
    """A path of the table with values, 1 where there is none."""
    return re.sub(r"\{(\w+)\}", lambda match: quote(values.get(match[1], "1"), safe=""), path)


def addresses(route: Route, ids: Mapping[str, str]) -> list[str]:
    """The route's address with each hostile value in each of its places, and in each parameter of its query."""
    prefix = "" if route.absolute else PREFIXES[0]
    real = {"id": ids.get(route.path.split("/")[-2 if route.path.endswith("{id}") else 1], "1")}
    action = {"action": route.actions[0]} if route.actions else {}
    names = re.findall(r"\{(\w+)\}", route.path)
    paths = [filled(route.path, real | {name: value}) for name in names for value in HOSTILE]
    queries = [
        f"{filled(route.path, real)}?{urlencode(action | {name: value})}"
        for name in route.query
        for value in {"$filter": FILTERS, "at": TIMES + HOSTILE}.get(name, HOSTILE)
    ]
    with_action = [f"{path}?{urlencode(action)}" if action else path for path in paths]
    return [prefix + address for address in with_action + queries]


@pytest.mark.parametrize(
    "route", [one for one in ROUTES if one.method != "DELETE"], ids=lambda route: f"{route.method} {route.path}"
)
def test_no_parameter_of_the_api_is_an_error_inside(inside: InProcess, ids: dict[str, str], route: Route) -> None:
    for address in addresses(route, ids):
        answer = inside.call(route.method, address, json={} if route.takes else None)
        assert answer.status_code < 500 or answer.status_code in (501, 503), (address[:200], answer.get_json())


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("audit/" + "9" * 30, 404),
        ("audit/²", 404),
        ("executions/{executions}/logs?after=abc", 400),
        ("executions/{executions}/logs?after=" + "9" * 30, 400),
        ("executions/{executions}/logs?after=3", 200),
        ("pipelines/{pipelines}/executions/abc", 400),
        ("pipelines/{pipelines}/executions/1", 200),
        ("pipelines/{pipelines}?version=abc", 400),
        ("pipelines/{pipelines}?version=1", 200),
        ("registry-events/why?repository=acme/web&at=" + "9" * 18, 400),
        ("executions?$top=abc", 400),
    ],
)
def test_what_is_no_number_is_refused_or_not_there(
    inside: InProcess, ids: dict[str, str], address: str, status: int
) -> None:
    answer = inside.call("GET", f"{PREFIXES[0]}/{address.format(**ids)}")
    assert answer.status_code == status, answer.get_json()


def test_no_parameter_of_a_page_is_an_error_inside(inside: InProcess, ids: dict[str, str]) -> None:
    browser, tried = inside.browser(), 0
    for rule in inside.app.url_map.iter_rules():
        if rule.endpoint.startswith("api.") or "GET" not in (rule.methods or ()) or "events" in rule.rule:
            continue
        real = ids.get(rule.rule.split("/")[1], "1")
        for value in HOSTILE[:10]:
            query = urlencode(dict.fromkeys(PAGE_PARAMETERS, value))
            for place in {value, real}:
                path = re.sub(r"<[^>]+>", quote(place, safe=""), rule.rule)
                answer = browser.get(f"{path}?{query}")
                tried += 1
                assert answer.status_code < 500 or answer.status_code == 503, (
                    path[:200],
                    value,
                    answer.get_data()[:500],
                )
                answer.close()
    assert tried > 300
