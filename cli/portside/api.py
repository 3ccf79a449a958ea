"""A client of the gateway's REST API: signs in, calls, and turns every refusal into the server's own words."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests

from .ending import CommandFailed, ExitCode
from .texts import quoted

Json = dict[str, Any]
BASE = "/codestream/api"
SESSION_COOKIE = "portside_session"
"""How the name of the session's cookie begins; at another port than the usual the port follows."""
YAML_TYPE = "application/x-yaml"
CONNECT_LIMIT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
ANSWER_LIMIT_S = 120.0
"""A whole answer, however slowly it drips."""
_EXIT_CODES = {
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NOT_FOUND,
    502: ExitCode.UNREACHABLE,
    503: ExitCode.UNREACHABLE,
    504: ExitCode.UNREACHABLE,
}


class ApiError(CommandFailed):
    """The gateway refused a call; the message is its own, with the next step it names."""

    def __init__(self, status: int, message: str, error: str = "") -> None:
        super().__init__(message, _EXIT_CODES.get(status, ExitCode.FAILED))
        self.status = status
        self.error = error
        """OAuth's word for it, such as `authorization_pending`; empty where the call is none of OAuth's."""


class Unreachable(CommandFailed):
    """Nothing answered, or not in time, or not as Portside does."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What came back, read whole within the bounds."""

    status: int
    body: bytes
    address: str
    """Method and path, for messages."""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Raises `Unreachable` for anything but JSON: a proxy's page, as a rule."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreachable(f"{self.address} answered something other than JSON: is it Portside?") from None


class Client:
    """Signs in once and calls the API; every method raises `ApiError` or `Unreachable`."""

    def __init__(self, base_url: str, *, timeout_s: float = 20.0, certificate: str = "") -> None:
        """`certificate` is a file with the authorities to trust; without it the machine's own count."""
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        # A callable of our own keeps requests from sending what ~/.netrc has for this host instead of the token.
        self._session.auth = self._authorise
        self._authorisation = ""
        # None leaves it to requests, which then reads the environment.
        self._verify = certificate or None
        self._timeout_s = timeout_s

    def sign_in(self, username: str, password: str) -> str:
        """Exchange a password for an API token, and that for the access token of the calls that follow: the latter."""
        login = self.send(
            "POST", "/csp/gateway/am/api/login?access_token", {"username": username, "password": password}
        )
        return self.sign_in_with(login["refresh_token"])

    def sign_in_with(self, api_token: str) -> str:
        """Exchange an API token for the access token of the calls that follow, and return the latter."""
        access_token = str(self.send("POST", "/iaas/api/login", {"refreshToken": api_token})["token"])
        self._authorisation = f"Bearer {access_token}"
        return access_token

    def sign_in_by_link(self, link: str) -> None:
        """Use a sign-in link that works once: a browser's session is an access token."""
        try:
            answer = self._session.get(
                link,
                timeout=(CONNECT_LIMIT_S, self._timeout_s),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise Unreachable(f"{self.base_url} {_why(error)}") from None
        token = next((cookie.value for cookie in answer.cookies if cookie.name.startswith(SESSION_COOKIE)), None)
        answer.close()
        if token is None:
            raise ApiError(answer.status_code, f"the sign-in link to {self.base_url} was not accepted")
        self._authorisation = f"Bearer {token}"

    def get(self, path: str, **query: str | int) -> Json:
        return self.send("GET", BASE + path, query=query)

    def documents(self, path: str, **query: str | int) -> list[Json]:
        """The items of a list, in the list's order."""
        page = self.get(path, **query)
        return [page["documents"][link] for link in page["links"]]

    def post(self, path: str, body: Json) -> Json:
        return self.send("POST", BASE + path, body)

    def patch(self, path: str, body: Json) -> Json:
        return self.send("PATCH", BASE + path, body)

    def put(self, path: str, body: Json) -> Json:
        return self.send("PUT", BASE + path, body)

    def delete(self, path: str) -> Json:
        return self.send("DELETE", BASE + path)

    def act(self, link: str, action: str, body: Json | None = None) -> Json:
        """POST with `?action=` at an object's link or path."""
        return self.send("POST", BASE + link.removeprefix(BASE), body or {}, query={"action": action})

    def text(self, path: str, **query: str | int) -> str:
        """An answer that is YAML, such as an export."""
        return self._raw("GET", BASE + path, query=query, accept=YAML_TYPE).text

    def send_yaml(self, method: str, path: str, text: str, **query: str) -> Json:
        """Send YAML, such as a pipeline or an import; the answer is JSON."""
        answer: Json = self._raw(
            method, BASE + path, data=text, query=query, content_type=YAML_TYPE, accept="application/json"
        ).json()
        return answer

    def import_yaml(self, text: str, action: str = "apply") -> list[Json]:
        """Import YAML documents; returns what the report says of each. Raises ApiError when one of them failed."""
        from . import server_yaml

        answer = self._raw("POST", f"{BASE}/import", data=text, query={"action": action}, content_type=YAML_TYPE)
        reports: list[Json] = [report for report in server_yaml.load(answer.text) if report]
        if failed := [report for report in reports if report.get("status") == "FAILED"]:
            raise ApiError(
                answer.status, "\n".join(f"{report['name']}: {report['statusMessage']}" for report in failed)
            )
        return reports

    def by_name(self, collection: str, project: str, name: str) -> Json:
        return self.get(path_of(collection, project, name))

    def pages(self, path: str, limit: int, **query: str | int) -> Iterator[Json]:
        """The items of a list, page after page, at most `limit`."""
        skip, size = 0, min(limit, 200)
        while skip < limit:
            rows = self.documents(path, **{**query, "$top": min(size, limit - skip), "$skip": skip})
            yield from rows
            skip += len(rows)
            if len(rows) < size:
                return

    def form(self, path: str, **fields: str) -> Json:
        """POST a form, as OAuth's addresses take them."""
        answer: Json = self._raw(
            "POST", path, data=urlencode(fields), content_type="application/x-www-form-urlencoded"
        ).json()
        return answer

    def send(self, method: str, path: str, body: Json | None = None, query: Json | None = None) -> Json:
        """One call; its answer as JSON."""
        answer: Json = self._raw(method, path, json_body=body, query=query).json()
        return answer

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorisation:
            request.headers["Authorization"] = self._authorisation
        return request

    def _raw(
        self,
        method: str,
        path: str,
        *,
        json_body: Json | None = None,
        data: str | None = None,
        query: Json | None = None,
        content_type: str = "",
        accept: str = "",
    ) -> ApiAnswer:
        headers = {name: text for name, text in (("Content-Type", content_type), ("Accept", accept)) if text}
        try:
            with self._session.request(
                method,
                self.base_url + path,
                json=json_body,
                data=None if data is None else data.encode(),
                params=query,
                headers=headers,
                timeout=(CONNECT_LIMIT_S, self._timeout_s),
                verify=self._verify,
                # A redirect would turn a POST into a GET, or carry the token elsewhere.
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _whole(response)
        except requests.RequestException as error:
            raise Unreachable(f"{self.base_url} {_why(error)}") from None
        answer = ApiAnswer(response.status_code, body, f"{method} {self.base_url}{path.partition('?')[0]}")
        if 300 <= answer.status < 400:
            target = str(response.headers.get("Location", "elsewhere"))[:200]
            raise Unreachable(f"{answer.address} redirects to {target}: sign in at that address")
        if answer.status >= 400:
            raise ApiError(answer.status, words_of(answer), _oauth_error(answer))
        return answer


def path_of(collection: str, project: str, name: str) -> str:
    """The address of an object by its project and name."""
    return f"/{collection}/{quote(project, safe='')}/{quote(name, safe='')}"


def words_of(answer: ApiAnswer) -> str:
    """What a refusal says: the message, each flaw with its place, the next step."""
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return f"{answer.address} answered {answer.status}"
    message = body.get("message") or body.get("serverMessage") or body.get("error_description")
    lines = [str(message or answer.status)]
    flaws = body.get("flaws")
    flaws = [flaw for flaw in (flaws if isinstance(flaws, list) else ()) if isinstance(flaw, dict)]
    lines += [flaw_line(flaw) for flaw in flaws if str(flaw.get("message")) not in lines[0]]
    if body.get("nextStep"):
        lines.append(str(body["nextStep"]))
    return "\n".join(dict.fromkeys(lines))


def _oauth_error(answer: ApiAnswer) -> str:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    error = body.get("error") if isinstance(body, dict) else ""
    return error if isinstance(error, str) else ""


def flaw_line(flaw: Json) -> str:
    """One flaw with its line and column, where it has them."""
    path = f"{flaw['path']}: " if flaw.get("path") else ""
    place = f"line {flaw['line']}, column {flaw.get('column', 1)}: " if flaw.get("line") else path
    hint = f" ({flaw['hint']})" if flaw.get("hint") else ""
    return f"{place}{flaw.get('message')}{hint}"


def _whole(response: requests.Response) -> bytes:
    chunks, size, deadline = [], 0, time.monotonic() + ANSWER_LIMIT_S
    for chunk in response.iter_content(65_536):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise Unreachable(f"{response.url.partition('?')[0]} answered more than {MAX_ANSWER_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise Unreachable(f"{response.url.partition('?')[0]} took more than {ANSWER_LIMIT_S:.0f} s to answer")
        chunks.append(chunk)
    return b"".join(chunks)


def _why(error: requests.RequestException) -> str:
    """Why there is no answer, and what to do, in a line."""
    if isinstance(error, requests.exceptions.SSLError):
        if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            return "speaks HTTP there and not HTTPS; write http:// before its name"
        return "has a certificate that is not trusted; name its authority: portside login --certificate FILE"
    if isinstance(error, requests.exceptions.Timeout):
        return "did not answer in time; try again, or see: portside doctor"
    if isinstance(error, requests.exceptions.ProxyError):
        return "cannot be reached through the proxy that HTTPS_PROXY or HTTP_PROXY names"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "cannot be reached; is the address right, and does it run? See: portside doctor"
    return f"cannot be called: {error}"


def checked_url(text: str) -> str:
    """A server's address as it is kept: with its scheme, without a path. Raises `CommandFailed`."""
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.password or not parts.netloc.isprintable():
        raise CommandFailed(
            f"{quoted(text)} is not a server's address; write it as https://portside.example.com", ExitCode.USAGE
        )
    return f"{parts.scheme}://{parts.netloc}"
