"""The API's shapes: lists, errors, pages of a list, and the schemas that describe them; all pure."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from typing import Any

import pytest

from services.gateway.api import schemas, wire
from services.gateway.api.schemas import table
from shared.contracts.catalog import Kind, Page
from shared.contracts.problems import Code, Flaw, Problem, Refused
from tests.support import go_types


def test_a_list_is_a_map_from_link_to_document() -> None:
    page = Page(documents=({"id": "1", "_link": "/codestream/api/pipelines/1"}, {"id": "2"}), total=7)
    assert wire.listing(Kind.PIPELINES, page) == {
        "count": 2,
        "totalCount": 7,
        "links": ["/codestream/api/pipelines/1", "/codestream/api/pipelines/2"],
        "documents": {
            "/codestream/api/pipelines/1": {"id": "1", "_link": "/codestream/api/pipelines/1"},
            "/codestream/api/pipelines/2": {"id": "2"},
        },
    }


@pytest.mark.parametrize(
    ("document", "body"),
    [
        ({"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}'),
        ({"a": 'line\n"q"'}, b'{"a":"line\\n\\"q\\""}'),
        ({"a": "\u00e9"}, b'{"a":"\\u00e9"}'),
        ({"a": "\ud800"}, '{"a": "\\ud800"}'),
    ],
)
def test_an_answer_is_ascii_whatever_it_holds(document: Any, body: str | bytes) -> None:
    assert wire.encoded(document) == body
    assert json.loads(wire.encoded(document)) == document


@pytest.mark.parametrize("code", list(Code))
def test_every_error_has_a_next_step_and_its_own_comes_first(code: Code) -> None:
    problem = Problem(code=code, message="No.")
    _, body = wire.error_body(problem, path="/p", at=0.0, request_id="r")
    assert body["nextStep"].endswith(".")
    _, body = wire.error_body(problem.model_copy(update={"next_step": "Do this."}), path="/p", at=0.0, request_id="r")
    assert body["nextStep"] == "Do this."


def test_an_empty_list_has_an_empty_map() -> None:
    assert wire.listing(Kind.PIPELINES, Page())["documents"] == {}


@pytest.mark.parametrize(
    ("query", "top", "skip"),
    [
        ({}, 25, 0),
        ({"$top": "100", "$skip": "200"}, 100, 200),
        ({"page": "3", "$size": "10"}, 10, 30),
        ({"page": "2"}, 25, 50),
        ({"count": "2000"}, 2000, 0),
        ({"$top": "1000000"}, 2000, 0),
        ({"$top": "100", "$page": "4", "$skip": "0"}, 100, 0),
        ({"apiVersion": "2019-10-17", "expand": "true", "whatever": "x"}, 25, 0),
    ],
)
def test_pages_are_asked_for_in_every_form(query: dict[str, str], top: int, skip: int) -> None:
    ask = wire.find(Kind.PIPELINES, query)
    assert (ask.top, ask.skip) == (top, skip)


@pytest.mark.parametrize("written", ["-1", "x", "1.5", "١x"])
def test_a_page_that_is_no_number_is_refused_by_name(written: str) -> None:
    with pytest.raises(Refused) as caught:
        wire.find(Kind.PIPELINES, {"$top": written})
    assert caught.value.problem.subject == "$top"


def test_an_error_has_what_every_client_reads() -> None:
    problem = Problem(
        code=Code.NOT_FOUND,
        message="There is no pipeline x.",
        next_step="Look.",
        flaws=(Flaw(message="here", path="a.b", line=3, column=1),),
    )
    status, body = wire.error_body(problem, path="/codestream/api/pipelines/x", at=0.5, request_id="r1")
    assert status == 404
    assert body["timestamp"] == 500
    assert (body["status"], body["statusCode"], body["error"]) == (404, 404, "Not Found")
    assert body["message"] == body["serverMessage"] == "There is no pipeline x."
    assert body["nextStep"] == "Look." and body["requestId"] == "r1" and body["path"] == "/codestream/api/pipelines/x"
    assert body["flaws"] == [{"message": "here", "path": "a.b", "line": 3, "column": 1}]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 429, 500, 503])
def test_typed_clients_decode_every_error(status: int) -> None:
    problem = Problem(code=Code.INVALID, message="No.", next_step="Look.")
    _, body = wire.error_of_status(
        status, problem, path="/pipeline/api/pipelines", at=1_700_000_000.1234, request_id="r"
    )
    exception = go_types.unmarshal(body, go_types.EXCEPTION)
    assert (exception["timestamp"], exception["status"]) == (1_700_000_000_123, status)


@pytest.mark.parametrize("path", ["/csp/gateway/am/api/login", "/csp/gateway/am/idp/auth/login", "/iaas/api/login"])
def test_typed_clients_decode_a_refused_sign_in(path: str) -> None:
    problem = Problem(code=Code.UNAUTHENTICATED, message="Wrong password.")
    _, body = wire.error_body(problem, path=path, at=2.0, request_id="r")
    refusal = go_types.unmarshal(body, go_types.SIGN_IN_ERROR)
    assert (refusal["timestamp"], refusal["status"]) == (2_000, "401 UNAUTHORIZED")
    assert refusal["serverMessage"] == "Wrong password."
    go_types.unmarshal(body, go_types.TOKEN_ERROR)


@pytest.mark.parametrize("whole", ["SCHEMAS", "REQUIRED"])
def test_each_schema_is_in_one_module_and_each_module_is_in_the_table(whole: str) -> None:
    names = [info.name for info in pkgutil.iter_modules(schemas.__path__) if info.name != "table"]
    parts = [getattr(import_module(f"{schemas.__name__}.{name}"), whole, {}) for name in names]
    assert sorted(schema for part in parts for schema in part) == sorted(getattr(table, whole))
