"""The REST API over a fake config: addresses, authentication, errors, secrets."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from services.gateway.api.call import YAML_TYPES
from services.gateway.api.route import Route
from services.gateway.api.routes import PREFIXES, ROUTES
from shared.bus import RequestTimeout, Unavailable
from shared.contracts.catalog import Act, AdmissionAsk, Find, Get, Kind, Page
from shared.contracts.problems import Code, Flaw, Problem, Refused, refuse
from shared.process.secrets import password_digest, token_hash
from shared.version import __version__

from .site import Site

P = "/codestream/api"


@pytest.mark.parametrize(
    "path", ["/csp/gateway/am/api/login?access_token", "/csp/gateway/am/idp/auth/login?access_token"]
)
def test_a_password_gives_an_access_token_and_a_refresh_token(site: Site, path: str) -> None:
    answer = site.client().post(
        path + "?access_token", json={"username": "ann", "password": "right", "domain": "System Domain"}
    )
    tokens = answer.get_json()
    assert answer.status_code == 200 and tokens["expires_in"] == 28_800
    assert answer.headers["Authorization"] == f"Bearer {tokens['access_token']}"
    admission, asked = site.asked
    assert isinstance(admission, AdmissionAsk)
    assert asked.password_digest == password_digest("right")
    assert asked.new_token_hash == token_hash(tokens["refresh_token"])
    assert site.sessions.read(tokens["access_token"]).user == "ann"


def test_an_api_token_gives_an_access_token_in_both_forms(site: Site) -> None:
    as_json = site.client().post("/iaas/api/login", json={"refreshToken": "api-token"})
    assert as_json.get_json()["tokenType"] == "Bearer"
    as_form = site.client().post("/csp/gateway/am/api/auth/api-tokens/authorize", data={"refresh_token": "api-token"})
    assert as_form.get_json()["refresh_token"] == "api-token"
    for token in (as_json.get_json()["token"], as_form.get_json()["access_token"]):
        assert site.sessions.read(token).token_id == "t1"


def test_a_failed_sign_in_says_so_in_the_words_clients_print(site: Site) -> None:
    answer = site.client().post("/csp/gateway/am/api/login", json={"username": "ann", "password": "wrong"})
    assert answer.status_code == 401
    assert answer.get_json()["serverMessage"] == "The user name or the password is not right"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}])
def test_without_a_good_token_everything_else_is_401(site: Site, headers: dict[str, str]) -> None:
    answer = site.client().get(f"{P}/pipelines", headers=headers)
    assert answer.status_code == 401 and answer.get_json()["code"] == "unauthenticated"
    assert "nextStep" in answer.get_json() and site.asked == [Get(kind=Kind.SETTINGS)]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_is_an_alias(site: Site, prefix: str) -> None:
    site.pages["pipelines"] = Page(documents=({"id": "1", "_link": f"{P}/pipelines/1"},), total=1)
    answer = site.call("GET", f"{prefix}/pipelines?$filter=(name eq 'x')&$top=5&apiVersion=2019-10-17&piplines=z")
    assert answer.get_json()["documents"] == {f"{P}/pipelines/1": {"id": "1", "_link": f"{P}/pipelines/1"}}
    (asked,) = site.asked
    assert (asked.filter, asked.top) == ("(name eq 'x')", 5)
    assert site.post.asked[0][2].user == "ann"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("method", "path", "kind", "verb", "where"),
    [
        ("POST", "/pipelines", Kind.PIPELINES, "create", {}),
        ("PUT", "/pipelines/7", Kind.PIPELINES, "replace", {"id": "7"}),
        ("PATCH", "/pipelines/7", Kind.PIPELINES, "patch", {"id": "7"}),
        (
            "PATCH",
            "/pipelines/my%20project/a%20name",
            Kind.PIPELINES,
            "patch",
            {"project": "my project", "name": "a name"},
        ),
        ("POST", "/pipelines/7?action=clone", Kind.PIPELINES, "clone", {"id": "7"}),
        ("POST", "/pipelines/7/executions", Kind.PIPELINES, "execute", {"id": "7"}),
        ("POST", "/pipelines/p/n/executions", Kind.PIPELINES, "execute", {"project": "p", "name": "n"}),
        ("POST", "/executions/7?action=cancel", Kind.EXECUTIONS, "cancel", {"id": "7"}),
        ("DELETE", "/executions/7", Kind.EXECUTIONS, "delete", {"id": "7"}),
        ("POST", "/registry-events/7", Kind.EVENTS, "rerun", {"id": "7"}),
        ("PATCH", "/registry-webhooks/7", Kind.WEBHOOKS, "patch", {"id": "7"}),
        ("PATCH", "/user-operations/7", Kind.USER_OPERATIONS, "patch", {"id": "7"}),
        ("POST", "/dead-letters/7?action=requeue", Kind.DEAD_LETTERS, "requeue", {"id": "7"}),
    ],
)
def test_each_change_becomes_one_command(
    site: Site, method: str, path: str, kind: Kind, verb: str, where: dict[str, str]
) -> None:
    answer = site.call(method, P + path, json={"comments": "c"})
    assert answer.status_code == 200
    (act,) = site.asked
    assert isinstance(act, Act) and (act.kind, act.verb) == (kind, verb)
    assert {key: getattr(act, key) for key in ("id", "project", "name") if getattr(act, key)} == where
    assert act.body == ({} if method == "DELETE" else {"comments": "c"})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("pipelines=A,B", ["A", "B"]),
        ("pipelines=A, B", ["A", "B"]),
        ("pipelines= A ,, B with blanks ", ["A", "B with blanks"]),
        ("pipelines=A&pipelines=B, C", ["A", "B", "C"]),
        ("piplines=A , B", ["A", "B"]),
    ],
)
def test_a_list_in_a_parameter_may_be_written_with_blanks(site: Site, query: str, names: list[str]) -> None:
    site.texts["pipelines"] = "kind: PIPELINE\n"
    assert site.call("GET", f"{P}/export?{query}").status_code == 200
    (asked,) = site.asked
    assert isinstance(asked, Get) and asked.options["wanted"] == {"pipelines": names}


@pytest.mark.parametrize("path", ["/pipelines", "/executions", "/registry-events", "/pipelines/7/executions"])
def test_a_filter_that_is_given_twice_means_both(site: Site, path: str) -> None:
    query = "$filter=name eq 'a' or name eq 'b'&$filter=&$filter=(project eq 'p')"
    assert site.call("GET", f"{P}{path}?{query}").status_code == 200
    (asked,) = site.asked
    assert isinstance(asked, Find) and asked.filter == "(name eq 'a' or name eq 'b') and ((project eq 'p'))"


def test_projects_are_made_changed_and_deleted_as_the_iaas_api_does_it(site: Site) -> None:
    site.documents["projects"] = {"id": "p1", "name": "web", "createdBy": "ann", "orgId": "o"}
    body = {"name": "web", "administrators": [{"email": "ann@example.com", "type": "user"}]}
    made = site.call("POST", "/iaas/api/projects", json={**body, "zones": [], "operationTimeout": 0})
    assert made.status_code == 201
    assert made.get_json()["_links"] == {"self": {"href": "/iaas/api/projects/p1"}}
    changed = site.call("PATCH", "/iaas/api/projects/p1", json={"description": "d"})
    assert (changed.status_code, changed.get_json()["id"]) == (200, "p1")
    gone = site.call("DELETE", "/iaas/api/projects/p1")
    assert (gone.status_code, gone.data) == (204, b"")
    assert [(act.kind, act.verb, act.id) for act in site.asked if isinstance(act, Act)] == [
        (Kind.PROJECTS, "create", ""), (Kind.PROJECTS, "patch", "p1"), (Kind.PROJECTS, "delete", "p1"),
    ]  # fmt: skip
    assert site.asked[0].body == body


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_execution_needs_no_body(site: Site, body: bytes) -> None:
    assert site.call("POST", f"{P}/pipelines/7/executions", data=body).status_code == 200


def test_a_new_password_travels_as_its_digest(site: Site) -> None:
    body = {"password": "correct horse", "oldPassword": "battery staple"}
    assert site.call("POST", f"{P}/users/7?action=password", json=body).status_code == 200
    act = site.asked[-1]
    assert isinstance(act, Act) and (act.verb, set(act.hashes)) == ("password", set(body))
    assert "correct horse" not in act.model_dump_json() and "battery staple" not in act.model_dump_json()


def test_an_unknown_action_names_the_known_ones(site: Site) -> None:
    answer = site.call("POST", f"{P}/executions/7?action=explode", json={})
    assert answer.status_code == 400
    assert (
        answer.get_json()["message"]
        == "action must be one of pause, resume, cancel, tag, rerun, start-now, not explode."
    )


def test_executions_of_a_pipeline_are_found_by_its_name_too(site: Site) -> None:
    site.documents["pipelines"] = {"id": "p7"}
    assert site.call("GET", f"{P}/pipelines/default/Deploy%20web/executions").status_code == 200
    first, second = site.asked
    assert (first.project, first.name, second.parent) == ("default", "Deploy web", "p7")
    site.call("GET", f"{P}/pipelines/default/Deploy%20web/executions/3")
    assert site.asked[-1].options == {"pipeline": "", "index": 3} and site.asked[-1].name == "Deploy web"


def test_a_pipeline_comes_as_yaml_to_whoever_asks_for_it(site: Site) -> None:
    site.texts["pipelines"] = "kind: PIPELINE\n"
    plain = site.call("GET", f"{P}/pipelines/7", headers={"Accept": "application/json"})
    asked = site.call("GET", f"{P}/pipelines/7?version=2", headers={"Accept": "application/x-yaml"})
    assert plain.mimetype == "application/json" and asked.mimetype == "application/x-yaml"
    assert site.asked[-1].options == {"version": 2}


def test_a_yaml_pipeline_travels_as_text_where_positions_matter(site: Site) -> None:
    site.call("POST", f"{P}/pipelines", data="kind: PIPELINE\nname: x\n", content_type="application/x-yaml")
    assert site.asked[0].text == "kind: PIPELINE\nname: x\n" and site.asked[0].body == {}


def test_no_secret_of_a_body_reaches_the_bus(site: Site) -> None:
    body = {"name": "hub", "type": "docker", "properties": {"password": "s3cret"}}
    site.call("POST", f"{P}/endpoints", json=body)
    (act,) = site.asked
    assert "s3cret" not in act.model_dump_json() and set(act.sealed) == {"properties.password"}


def test_a_change_without_type_is_sealed_by_the_type_it_has(site: Site) -> None:
    site.documents["variables"] = {"id": "7", "type": "SECRET"}
    site.call("PUT", f"{P}/variables/7", json={"value": "s3cret"})
    assert isinstance(site.asked[0], Get)
    assert "s3cret" not in site.asked[1].model_dump_json()


def test_a_new_webhook_shows_its_token_once_and_in_its_address(site: Site) -> None:
    site.documents["registry-webhooks"] = {
        "id": "7",
        "secretToken": "*****",
        "hookUrl": "https://x.example.com/h?secureToken=*****",
    }
    made = site.call("POST", f"{P}/registry-webhooks", json={"name": "w"}).get_json()
    act = site.asked[0]
    assert act.hashes["secretToken"] == token_hash(made["secretToken"])
    assert made["hookUrl"].endswith(f"secureToken={made['secretToken']}")
    again = site.call("GET", f"{P}/registry-webhooks/7").get_json()
    assert again["secretToken"] == "*****"


def test_an_api_token_is_made_here_and_shown_once(site: Site) -> None:
    site.documents["api-tokens"] = {"id": "7", "name": "ci"}
    made = site.call("POST", "/portside/api/api-tokens", json={"name": "ci"}).get_json()
    assert site.asked[0].hashes == {"token": token_hash(made["token"])}


def test_an_import_answers_in_yaml_and_keeps_its_action(site: Site) -> None:
    site.texts["pipelines"] = "name: x\nstatus: CREATED\n"
    answer = site.call(
        "POST", "/pipeline/api/import?action=create&apiVersion=2019-10-17", data="kind: PIPELINE\n",
        content_type="application/x-yaml",
    )  # fmt: skip
    assert (answer.status_code, answer.mimetype) == (200, "application/x-yaml")
    assert answer.get_data(as_text=True) == "name: x\nstatus: CREATED\n"
    assert site.asked[0].options["action"] == "create" and site.asked[0].text == "kind: PIPELINE\n"


def test_an_export_understands_the_misspelt_parameter(site: Site) -> None:
    site.texts["pipelines"] = "---\n"
    answer = site.call("GET", "/pipeline/api/export?piplines=a&project=p")
    assert answer.mimetype == "application/x-yaml"
    assert site.asked[0].options == {"export": "yaml", "wanted": {"pipelines": ["a"]}} and site.asked[0].project == "p"


def test_projects_come_as_a_page(site: Site) -> None:
    site.pages["projects"] = Page(documents=({"id": "1", "name": "default"},), total=1)
    page = site.call("GET", "/iaas/api/projects?$filter=name eq 'default'").get_json()
    assert (page["totalElements"], page["numberOfElements"], page["content"][0]["name"]) == (1, 1, "default")


@pytest.mark.parametrize("name", ["CI/CD", "a/b/c", "100% ü/1", "%2F", "50%2F"])
def test_a_name_with_a_slash_is_an_address_too(site: Site, name: str) -> None:
    site.documents["pipelines"] = {"id": "7"}
    site.pages["executions"] = Page(documents=(), total=0)
    address = f"{P}/pipelines/acme%2fweb/{quote(name, safe='')}"
    for path in (address, f"{address}/executions"):
        assert site.call("GET", path).status_code == 200
        asked = next(one for one in site.asked if isinstance(one, Get))
        assert (asked.project, asked.name) == ("acme/web", name)
        site.asked.clear()
    assert (
        "acme/web/CI/CD does not support POST"
        in site.call("POST", f"{P}/variables/acme%2Fweb/CI%2FCD").get_json()["message"]
    )


@pytest.mark.parametrize("bad", ["a\u0000b", "\ud800", "a\udfffb"])
def test_what_no_database_keeps_is_refused_before_anybody_has_to(site: Site, bad: str) -> None:
    for body in ({"name": bad}, {bad: 1}, {"input": [{"x": bad}]}):
        refused = site.call("POST", f"{P}/variables", json=body)
        assert refused.status_code == 400 and "cannot be stored" in refused.get_json()["message"]
    assert site.asked == []


def test_a_secret_with_nul_is_not_imported(site: Site) -> None:
    text = 'kind: VARIABLE\ntype: SECRET\nvalue: "a\\u0000b"\n'
    assert site.call("POST", f"{P}/import", data=text, content_type="application/x-yaml").status_code == 400
    assert site.asked == []


@pytest.mark.parametrize("path", ["/pipelines/a%00b", "/pipelines?$filter=name%20eq%20'%00'", "/pipelines/%2F%00"])
def test_an_address_with_nul_is_refused(site: Site, path: str) -> None:
    assert site.call("GET", P + path).status_code == 400
    assert site.asked == []


def test_a_pair_of_surrogates_is_one_character(site: Site) -> None:
    data = b'{"name": "\\ud83d\\ude80", "project": "acme"}'
    assert site.call("POST", f"{P}/variables", data=data, content_type="application/json").status_code == 200
    (asked,) = site.asked
    assert asked.body["name"] == "\U0001f680"


def test_about_needs_no_token(site: Site) -> None:
    about = site.client().get(f"{P}/about").get_json()
    assert about["supportedApis"][0]["apiVersion"] == "2019-10-17" and about["_version"] == __version__


def test_preferences_name_the_user(site: Site) -> None:
    site.documents["users"] = {"userName": "ann"}
    assert site.call("GET", "/pipeline/api/user-preferences").get_json()["userName"] == "ann"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refuse(Code.NOT_FOUND, "m"), 404),
        (refuse(Code.FORBIDDEN, "m"), 403),
        (refuse(Code.CONFLICT, "m"), 409),
        (refuse(Code.TOO_MANY, "m"), 429),
        (Unavailable("x"), 503),
        (RequestTimeout("x"), 503),
        (ZeroDivisionError("secret detail"), 500),
    ],
)
def test_every_failure_has_the_error_shape_and_no_detail_of_ours(site: Site, error: Exception, status: int) -> None:
    site.refusal = error
    answer = site.call("GET", f"{P}/pipelines/7")
    assert answer.status_code == status and answer.mimetype == "application/json"
    body = answer.get_json()
    assert body["status"] == status and body["path"] == f"{P}/pipelines/7" and body["message"]
    assert "secret detail" not in answer.get_data(as_text=True)
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_flaws_come_with_their_places(site: Site) -> None:
    flaw = Flaw(message="no such variable", path="stages.Deploy", line=3, column=5, hint="did you mean tag?")
    site.refusal = Refused(Problem(code=Code.INVALID, message="m", flaws=(flaw,)))
    assert site.call("POST", f"{P}/pipelines", json={}).get_json()["flaws"][0]["line"] == 3


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"{", "line 1, column 2"), (b"[1]", "must be a JSON object"), (b"\xff", "line 1, column 1")],
)
def test_a_broken_body_is_400_with_its_place(site: Site, data: bytes, said: str) -> None:
    answer = site.call("POST", f"{P}/pipelines", data=data)
    assert answer.status_code == 400 and said in answer.get_json()["message"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json", ""])
@pytest.mark.parametrize("value", ["1", "a=b&c=%00", "x" * 600_000], ids=["short", "like a form", "long"])
def test_a_json_body_is_read_whatever_the_client_calls_it(site: Site, content_type: str, value: str) -> None:
    data = json.dumps({"name": "x1", "value": value})
    assert site.call("POST", f"{P}/variables", data=data, headers={"Content-Type": content_type}).status_code == 200
    assert next(ask for ask in site.asked if isinstance(ask, Act)).body["value"] == value


def test_an_unknown_address_and_a_wrong_method_have_the_error_shape(site: Site) -> None:
    lost, wrong = site.call("GET", f"{P}/nothing"), site.call("PUT", f"{P}/executions")
    assert (lost.status_code, wrong.status_code) == (404, 405)
    assert lost.get_json()["message"] == f"There is nothing at {P}/nothing." and "GET" in wrong.headers["Allow"]


@pytest.mark.parametrize(
    ("method", "path", "next_step"),
    [
        ("GET", f"{P}/execution", f"Did you mean {P}/executions?"),
        ("GET", f"{P}/webhooks/7", f"Did you mean {P}/git-webhooks or {P}/registry-webhooks?"),
        ("GET", "/iaas/api/project", "Did you mean /iaas/api/projects?"),
        ("GET", f"{P}/{'x' * 5_000}", "GET /openapi.json lists all addresses"),
        ("PUT", f"{P}/executions", "Use DELETE or GET."),
        ("GET", f"{P}/pipelines/7", f"GET {P}/pipelines lists those that you may read."),
        ("GET", f"{P}/pipelines/acme/web", f"GET {P}/pipelines lists those that you may read."),
    ],
)
def test_what_is_not_found_leads_to_what_there_is(site: Site, method: str, path: str, next_step: str) -> None:
    if "lists those" in next_step:
        site.refusal = refuse(Code.NOT_FOUND, "there is none", subject="7")
    assert site.call(method, path).get_json()["nextStep"].startswith(next_step)


def _filled(route: Route) -> str:
    path = route.path
    for name in ("id", "project", "name", "index"):
        path = path.replace("{" + name + "}", "1")
    return path if route.absolute else P + path


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_answers_200_or_a_refusal_in_the_error_shape(site: Site, route: Route) -> None:
    site.documents["endpoints"] = {"name": "hub", "type": "docker"}
    site.documents["pipelines"] = {"id": "p1", "questions": []}
    workload = {"apiVersion": "apps/v1", "workloadKind": "Deployment", "namespace": "apps", "name": "web", "images": []}
    site.documents["deployments"] = {**workload, "lookAt": {"name": "prod", "type": "k8s"}}
    more: dict[str, Any] = {"data": "name: x\n"} if route.takes == "Text" else {"json": {}}
    answer = site.call(route.method, _filled(route), **({} if route.method == "GET" else more))
    assert answer.status_code in (route.ok, 400, 403, 404, 503)
    assert answer.status_code == route.ok or answer.get_json()["message"]


@pytest.mark.parametrize("route", [r for r in ROUTES if not r.public], ids=lambda route: f"{route.method} {route.path}")
def test_no_route_but_the_public_ones_answers_a_stranger(site: Site, route: Route) -> None:
    assert site.client().open(_filled(route), method=route.method).status_code == 401
    assert site.asked == [Get(kind=Kind.SETTINGS)], "for the address that the refusal names"


def test_the_committed_description_is_the_one_that_is_served(site: Site) -> None:
    committed = Path(__file__).parents[3] / "docs" / "reference" / "rest-api" / "openapi.json"
    assert site.client().get("/openapi.json").get_json() == json.loads(committed.read_text())


SELF_ALIAS = "a: &a [*a]\n"


@pytest.mark.parametrize("path", sorted(route.path for route in ROUTES if route.tag == "Sign-in"))
@pytest.mark.parametrize("content_type", YAML_TYPES)
def test_a_sign_in_reads_no_yaml(site: Site, path: str, content_type: str) -> None:
    begin = time.monotonic()
    answer = site.client().post(path, data=SELF_ALIAS, content_type=content_type)
    assert answer.status_code == 400 and site.asked == []
    assert time.monotonic() - begin < 0.5


_OBJECTS = [one for one in ROUTES if one.takes not in ("", "Yaml") and not one.takes_also and not one.public]


@pytest.mark.parametrize("route", _OBJECTS, ids=lambda route: f"{route.method} {route.path}")
def test_a_body_that_repeats_itself_is_refused_everywhere(site: Site, route: Route) -> None:
    path = ("" if route.absolute else P) + re.sub(r"\{\w+\}", "7", route.path)
    action = f"?action={route.actions[0]}" if route.actions else ""
    answer = site.call(route.method, path + action, data=SELF_ALIAS, content_type="application/x-yaml")
    assert answer.status_code == 400 and site.asked == []
    assert "line 1, column 8" in answer.get_json()["message"]
