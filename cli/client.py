"""A client of the gateway's REST API, as any other program would write it."""

from __future__ import annotations

from urllib.parse import quote

import requests

from shared.contracts.base import Json
from shared.grammar.yaml_parser import parse_yaml


class ApiError(Exception):
    """The gateway refused a call; the message is its own, with the next step it names."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Signs in once and calls `/codestream/api`; every method raises ApiError with the gateway's own words."""

    def __init__(self, base_url: str, *, timeout_s: float = 20.0, certificate: str = "") -> None:
        """`certificate` is a file with the one certificate to trust; without it the machine's authorities count."""
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        # None leaves it to requests, which then reads the environment.
        self._verify = certificate or None
        self._timeout_s = timeout_s

    def sign_in(self, username: str, password: str) -> str:
        """Exchange a password for a refresh token, and that for the access token of the calls that follow: it."""
        login = self._send(
            "POST", "/csp/gateway/am/api/login?access_token", {"username": username, "password": password}
        )
        token = self._send("POST", "/iaas/api/login", {"refreshToken": login["refresh_token"]})["token"]
        self._session.headers["Authorization"] = f"Bearer {token}"
        return str(token)

    def sign_in_by_link(self, link: str) -> None:
        """Use a sign-in link that works once: a browser's session is an access token."""
        answer = self._session.get(link, timeout=self._timeout_s, verify=self._verify, allow_redirects=False)
        token = answer.cookies.get("portside_session")
        if token is None:
            raise ApiError(answer.status_code, f"the sign-in link to {self.base_url} was not accepted")
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str | int) -> Json:
        return self._send("GET", "/codestream/api" + path, query=query)

    def documents(self, path: str, **query: str | int) -> list[Json]:
        """The items of a list, in the list's order."""
        page = self.get(path, **query)
        return [page["documents"][link] for link in page["links"]]

    def post(self, path: str, body: Json) -> Json:
        return self._send("POST", "/codestream/api" + path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self._send("PATCH", "/codestream/api" + path, body)

    def delete(self, path: str) -> Json:
        return self._send("DELETE", "/codestream/api" + path)

    def import_yaml(self, text: str, action: str = "apply") -> list[Json]:
        """Import YAML documents; returns what the report says of each. Raises ApiError when one of them failed."""
        answer = self._raw(
            "POST", f"/codestream/api/import?action={action}", data=text, content_type="application/x-yaml"
        )
        reports: list[Json] = parse_yaml(answer.text)
        if failed := [report for report in reports if report.get("status") == "FAILED"]:
            raise ApiError(
                answer.status_code, "\n".join(f"{result['name']}: {result['statusMessage']}" for result in failed)
            )
        return reports

    def by_name(self, collection: str, project: str, name: str) -> Json:
        return self.get(f"/{collection}/{quote(project, safe='')}/{quote(name, safe='')}")

    def _send(self, method: str, path: str, body: Json | None = None, query: Json | None = None) -> Json:
        answer: Json = self._raw(method, path, json=body, query=query).json()
        return answer

    def _raw(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        data: str | None = None,
        query: Json | None = None,
        content_type: str | None = None,
    ) -> requests.Response:
        headers = {"Content-Type": content_type} if content_type else None
        answer = self._session.request(
            method,
            self.base_url + path,
            json=json,
            data=None if data is None else data.encode(),
            params=query,
            headers=headers,
            timeout=self._timeout_s,
            verify=self._verify,
        )
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, _words_of(answer))
        return answer


def _words_of(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return f"{answer.request.method} {answer.url.partition('?')[0]} answered {answer.status_code}"
    words = [str(body.get("message") or body.get("serverMessage") or answer.status_code)]
    words += [str(flaw.get("message")) for flaw in body.get("flaws", [])]
    if body.get("nextStep"):
        words.append(str(body["nextStep"]))
    return "\n".join(words)
