"""Code Stream's command-line clients, as their users run them: exact paths, parameters, headers and bodies.

`docs/how-to/sign-in-with-cli-clients.md` says which programs these are. Each client decodes what it reads as its own
typed code would, and fails where that would.
"""

from __future__ import annotations

from typing import Any

import requests
import yaml

from tests.support import go_types
from tests.support.go_types import Struct
from tests.support.patience import PATIENCE_S

Json = dict[str, Any]
LOGIN, IDP_LOGIN = "/csp/gateway/am/api/login?access_token", "/csp/gateway/am/idp/auth/login?access_token"
VERSION = "2019-10-17"


class Failed(Exception):
    """What the client would have printed."""


class Rest:
    """What all of them have in common: one HTTPS server that they verify, a bearer token, JSON."""

    def __init__(self, base: str, certificate: str) -> None:
        self.base = base
        self.certificate = certificate
        self.session = requests.Session()
        # Else the environment's authorities would come before the one that we trust.
        self.session.trust_env = False
        self.session.verify = certificate
        self.session.headers.update({"User-Agent": "go-resty/2.3.0", "Accept": "application/json"})

    def call(self, method: str, path: str, query: Json | None = None, body: Any = None, **more: Any) -> Any:
        data = {"json": body} if body is not None else {}
        answer = self.session.request(method, self.base + path, params=query, timeout=PATIENCE_S, **data, **more)
        if answer.status_code != 200:
            raise Failed(self.error_words(answer))
        return answer

    def json(self, method: str, path: str, struct: Struct, query: Json | None = None, body: Any = None) -> Json:
        answer = self.call(method, path, query, body)
        # The library decodes nothing that does not say it is JSON.
        assert answer.headers["Content-Type"].split(";")[0] == "application/json", path
        return go_types.unmarshal(answer.json(), struct, what=f"{method} {path}")

    def items(self, path: str, struct: Struct, query: Json) -> list[Json]:
        """A list, each item decoded by Go field names."""
        page = self.json("GET", path, go_types.DOCUMENTS, query)
        assert page["count"] == len(page["documents"]) and set(page["links"]) == set(page["documents"])
        return [go_types.mapstructure(item, struct) for item in page["documents"].values()]

    def file(self, query: Json, path: str, accept: str) -> str:
        answer = self.call("GET", path, query, headers={"Accept": accept})
        assert "yaml" in answer.headers["Content-Type"]
        return str(answer.text)

    def bearer(self, token: str) -> None:
        self.session.headers["Authorization"] = f"Bearer {token}"

    @staticmethod
    def error_words(answer: requests.Response) -> str:
        return str(go_types.unmarshal(answer.json(), go_types.EXCEPTION)["message"])


class Cs1(Rest):
    """cs-cli of March 2021: one map of parameters that every function adds to and none clears."""

    def __init__(self, base: str, certificate: str) -> None:
        super().__init__(base, certificate)
        self.params: Json = {"apiVersion": VERSION}

    def is_signed_in(self) -> bool:
        return self.session.get(self.base + "/iaas/api/projects", timeout=PATIENCE_S).status_code != 401

    def sign_in(self, username: str, password: str, domain: str = "") -> None:
        answer = self.session.post(
            self.base + IDP_LOGIN,
            json={"username": username, "password": password, "domain": domain},
            timeout=PATIENCE_S,
        )
        if answer.status_code != 200:
            raise Failed(go_types.unmarshal(answer.json(), go_types.SIGN_IN_ERROR)["serverMessage"])
        self.bearer(go_types.unmarshal(answer.json(), go_types.SIGN_IN)["access_token"])

    def sign_in_with(self, api_token: str) -> None:
        answer = self.session.post(self.base + "/iaas/api/login", json={"refreshToken": api_token}, timeout=PATIENCE_S)
        if answer.status_code != 200:
            raise Failed(go_types.unmarshal(answer.json(), go_types.SIGN_IN_ERROR)["serverMessage"])
        self.bearer(go_types.unmarshal(answer.json(), go_types.TOKEN)["token"])

    def _filter(self, **wanted: str) -> None:
        parts = [f"({field} eq '{value}')" for field, value in wanted.items() if value]
        if parts:
            self.params["$filter"] = "(" + " and ".join(parts) + ")"

    def pipelines(self, id: str = "", name: str = "", project: str = "", *, export: bool = False) -> list[Json]:
        self._filter(id=id, name=name, project=project)
        query = {"$filter": self.params["$filter"]} if "$filter" in self.params else {}
        found = self.items("/pipeline/api/pipelines", go_types.PIPELINE, query)
        for one in found if export else []:
            # The misspelling is the client's.
            self.params |= {"piplines": one["name"], "project": one["project"]}
            one["file"] = self.file(self.params, "/pipeline/api/export", "application/x-yaml;charset=UTF-8")
        return found

    def import_(self, text: str, action: str) -> int:
        self.params["action"] = action
        headers = {"Content-Type": "application/x-yaml"}
        return int(self.call("POST", "/pipeline/api/import", self.params, data=text, headers=headers).status_code)

    def set_state(self, id: str, state: str) -> Json:
        return self.json("PATCH", f"/pipeline/api/pipelines/{id}", go_types.PIPELINE, self.params, {"state": state})

    def delete_pipeline(self, id: str) -> str:
        return str(self.json("DELETE", f"/pipeline/api/pipelines/{id}", go_types.PIPELINE, self.params)["id"])

    def executions(self, status: str = "", name: str = "") -> list[Json]:
        query: Json = {"$orderby": "_requestTimeInMicros desc"}
        if name or status:
            said = f"name eq '{name}'" if name else f"status eq '{status.upper()}'"
            query["$filter"] = f"(({said}) and (_nested eq 'false'))"
        return self.items("/pipeline/api/executions", go_types.EXECUTION, query)

    def execution(self, id: str) -> Json:
        return self.json("GET", f"/codestream/api/executions/{id}", go_types.EXECUTION, self.params)

    def execute(self, id: str, inputs: Json, comments: str) -> Json:
        body = {"comments": comments, "input": inputs}
        path = f"/pipeline/api/pipelines/{id}/executions"
        return self.json("POST", path, go_types.EXECUTION_STARTED, self.params, body)

    def delete_execution(self, id: str) -> str:
        return str(self.json("DELETE", f"/pipeline/api/executions/{id}", go_types.EXECUTION, self.params)["id"])

    def variables(self, name: str = "", project: str = "") -> list[Json]:
        self._filter(name=name, project=project)
        return self.items("/pipeline/api/variables", go_types.VARIABLE, self.params)

    def variable(self, id: str) -> Json:
        return self.json("GET", f"/pipeline/api/variables/{id}", go_types.VARIABLE, self.params)

    def create_variable(self, **fields: str) -> Json:
        body = {"kind": "VARIABLE", **fields}
        return self.json("POST", "/pipeline/api/variables", go_types.VARIABLE, self.params, body)

    def update_variable(self, id: str, **changes: str) -> Json:
        """Reads the whole object and puts the whole object back, with every read-only field."""
        body = {**self.variable(id), **changes}
        return self.json("PUT", f"/pipeline/api/variables/{id}", go_types.VARIABLE, self.params, body)

    def delete_variable(self, id: str) -> str:
        return str(self.json("DELETE", f"/pipeline/api/variables/{id}", go_types.VARIABLE, self.params)["id"])

    def endpoints(self, name: str = "", project: str = "", type: str = "", *, export: bool = False) -> list[Json]:
        self._filter(name=name, project=project, type=type)
        self.params["expand"] = "true"
        found = self.items("/pipeline/api/endpoints", go_types.ENDPOINT, self.params)
        for one in found if export else []:
            self.params |= {"endpoints": one["name"], "project": one["project"]}
            one["file"] = self.file(self.params, "/pipeline/api/export", "application/x-yaml;charset=UTF-8")
        return found

    def delete_endpoint(self, id: str) -> str:
        return str(self.json("DELETE", f"/pipeline/api/endpoints/{id}", go_types.ENDPOINT, self.params)["id"])

    def custom_integrations(self, name: str) -> list[Json]:
        self._filter(name=name)
        return self.items("/pipeline/api/custom-integrations", go_types.VARIABLE, self.params)


class Cs2(Rest):
    """code-stream-cli of 2022: paging, nested parentheses, an import answer that it reads."""

    def is_signed_in(self) -> bool:
        answer = self.session.get(self.base + "/pipeline/api/user-preferences", timeout=PATIENCE_S)
        if answer.status_code == 401:
            return False
        return bool(go_types.unmarshal(answer.json(), go_types.USER_PREFERENCES)["userName"])

    def sign_in(self, username: str, password: str, domain: str = "") -> str:
        """Answers with the refresh token, which it keeps."""
        body = {"username": username, "password": password} | ({"domain": domain} if domain else {})
        answer = self.session.post(self.base + (IDP_LOGIN if domain else LOGIN), json=body, timeout=PATIENCE_S)
        if answer.status_code != 200:
            raise Failed(go_types.unmarshal(answer.json(), go_types.TOKEN_ERROR)["message"])
        refresh = str(go_types.unmarshal(answer.json(), go_types.SIGN_IN)["refresh_token"])
        self.sign_in_with(refresh)
        return refresh

    def sign_in_with(self, api_token: str) -> None:
        answer = self.session.post(self.base + "/iaas/api/login", json={"refreshToken": api_token}, timeout=PATIENCE_S)
        if answer.status_code != 200:
            raise Failed(go_types.unmarshal(answer.json(), go_types.TOKEN_ERROR)["message"])
        self.bearer(go_types.unmarshal(answer.json(), go_types.TOKEN)["token"])

    @staticmethod
    def filter(**wanted: str) -> Json:
        parts = [f"({field} eq '{value}')" for field, value in wanted.items() if value]
        return {"$filter": "(" + ") and (".join(parts) + ")"} if parts else {}

    def find(self, collection: str, struct: Struct, **wanted: str) -> list[Json]:
        query = {"$top": 100, "$skip": 0, "$orderby": "name asc", "apiVersion": VERSION, **self.filter(**wanted)}
        return self.items(f"/pipeline/api/{collection}", struct, query)

    def executions(self, **wanted: str) -> list[Json]:
        query = {"$top": 100, "$skip": 0, "$orderby": "_requestTimeInMicros desc", **self.filter(**wanted)}
        return self.items("/pipeline/api/executions", go_types.EXECUTION, query)

    def projects(self, name: str) -> list[Json]:
        query = {"apiVersion": VERSION, **self.filter(name=name)}
        page = self.json("GET", "/project-service/api/projects", go_types.SPRING_PAGE, query)
        return [go_types.unmarshal(one, go_types.PROJECT) for one in page["content"]]

    def export(self, project: str, **named: str) -> str:
        query = {"apiVersion": VERSION, "project": project, **named}
        return self.file(query, "/pipeline/api/export", "application/x-yaml;charset=UTF-8")

    def import_(self, text: str, action: str) -> None:
        wanted = "CREATED" if action == "create" else "UPDATED"
        headers = {"Content-Type": "application/x-yaml", "Accept": "*/*"}
        query = {"action": action, "apiVersion": VERSION}
        answer = self.call("POST", self.import_path, query, data=text, headers=headers)
        said = yaml.safe_load(answer.text)
        if said["status"] != wanted:
            raise Failed(f"{said['status']} - {said['statusMessage']}")

    import_path = "/pipeline/api/import"


class Vracli(Cs2):
    """vra-cli: the same calls with both prefixes, and pages counted twice."""

    import_path = "/codestream/api/import"

    def executions(self, **wanted: str) -> list[Json]:
        query = {"$top": 100, "$page": 0, "$skip": 0, "$orderby": "_requestTimeInMicros desc", **self.filter(**wanted)}
        return self.items("/pipeline/api/executions", go_types.EXECUTION, query)

    def export(self, project: str, **named: str) -> str:
        query = {"apiVersion": VERSION, "project": project, **named}
        return self.file(query, "/codestream/api/export", "application/x-yaml")

    def endpoint(self, id: str) -> Json:
        query = {"apiVersion": VERSION, "expand": "true"}
        return self.json("GET", f"/pipeline/api/endpoints/{id}", go_types.ENDPOINT, query)
