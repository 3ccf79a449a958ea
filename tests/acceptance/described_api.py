"""Code Stream's published description as a client: calls operations by title and decodes every answer strictly."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests
import yaml

from tests.support.codestream import Operation, decode, operations

Json = dict[str, Any]
BY_TITLE = {operation.title: operation for operation in operations()}


class DescribedApi:
    """Calls operations by their titles; every answer must be one of the description's."""

    def __init__(self, base: str, certificate: str, token: str) -> None:
        self.base = base
        self.called: set[str] = set()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = certificate
        self.session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})

    def __call__(self, title: str, body: Any = None, query: Any = None, **place: str) -> Any:
        """The decoded answer of an operation at `place`, the values of its path."""
        operation = BY_TITLE[title]
        answer = self.send(operation, body, query, place)
        assert answer.status_code in operation.statuses, (title, answer.status_code, answer.text)
        self.called.add(title)
        if operation.path == "/export":
            return answer.text
        if operation.path == "/import":
            return list(yaml.safe_load_all(answer.text))
        return decode(answer.json(), operation.answer) if operation.answer != "string" else _text(answer.json())

    def refused(self, title: str, body: Any = None, **place: str) -> tuple[int, Json]:
        """The status and the decoded error."""
        answer = self.send(BY_TITLE[title], body, None, place)
        assert answer.status_code >= 400, (title, answer.text)
        return answer.status_code, decode(answer.json(), "Exception")

    def send(self, operation: Operation, body: Any, query: Json | None, place: Json) -> requests.Response:
        path = operation.path.format(**{key: quote(value, safe="") for key, value in place.items()})
        what: Json = {"json": body} if body is not None else {}
        if operation.body == "YAML":
            what = {"data": body.encode(), "headers": dict.fromkeys(("Content-Type", "Accept"), "application/x-yaml")}
        url = f"{self.base}/codestream/api{path}"
        return self.session.request(operation.method, url, params=query, timeout=60, **what)

    def pages(self, base: str, made: Json, **filters: str) -> None:
        """The list finds the object by filter, order and page, and leaves others out."""
        title = f"GET {base}"
        name = made["name"]
        mine = f"name eq '{name}'"
        for expression in (mine, f"({mine}) and (project eq '{made['project']}')", *filters.values()):
            found = self(title, query={"$filter": expression, "$orderby": "name desc", "$top": 5, "$skip": 0})
            assert made["id"] in {one["id"] for one in found["documents"].values()}, expression
        both = self(title, query={"$filter": [mine, f"project eq '{made['project']}'"], "page": 0, "$size": 5})
        assert made["id"] in {one["id"] for one in both["documents"].values()}
        assert self(title, query={"$filter": mine, "$skip": 100})["count"] == 0
        assert self(title, query={"$filter": "name eq 'no such name'"})["documents"] == {}
        whole = self(title, query={"$orderby": "name asc", "$top": 200})
        names = [one["name"] for one in whole["documents"].values()]
        first = self(title, query={"$orderby": "name asc", "$top": 1})
        assert first["count"] == 1 and first["totalCount"] == whole["totalCount"]
        assert next(iter(first["documents"].values()))["name"] == names[0]


def _text(value: Any) -> str:
    assert isinstance(value, str)
    return value
