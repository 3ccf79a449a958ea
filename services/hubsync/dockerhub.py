"""Docker Hub's hooks: the undocumented `webhook_pipeline` calls, behind one adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.outbound.http import HttpClient, OutboundAccess, OutboundError, RequestLimits

from . import answers, metrics
from .plan import ListedHook
from .problems import HubProblem, HubUnavailable, NoManagement, NoRepository, Rejected
from .signing import HubAccount, HubReply, HubSignIns

PAGE_SIZE = 100
MOST_PAGES = 100
CONNECT_S, READ_S = 5.0, 20.0
LARGEST_BYTES = 4 * 1024 * 1024
_READS = 3
"""An answer that comes in pieces may take this many times as long as may pass before the next piece."""


class HubCaller:
    """HTTP with time limits; redirects are not followed, since a POST would arrive as a GET."""

    def __init__(self, client: HttpClient, *, connect_s: float = CONNECT_S, read_s: float = READ_S) -> None:
        self._client = client
        self._limits = RequestLimits(
            overall_s=_READS * read_s, connect_s=connect_s, read_s=read_s, body_bytes=LARGEST_BYTES
        )

    def __call__(
        self, method: str, url: str, *, authorization: str = "", body: Any = None, doing: str, local: bool = False
    ) -> HubReply:
        """`local`: the Hub may be on this machine or network. Raises HubUnavailable where no whole answer comes."""
        headers = {"Authorization": authorization} if authorization else {}
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        try:
            reply = self._client.request(
                method, url, headers=headers, body=data, limits=self._limits, access=OutboundAccess(local=local),
                redirects=0,
            )  # fmt: skip
        except OutboundError as error:
            metrics.unanswered()
            raise HubUnavailable(f"Docker Hub gave no answer to {doing}: {error.message}") from None
        metrics.answered(reply.status, reply.headers)
        return HubReply(reply.status, reply.headers, reply.body.decode("utf-8", "replace"))


class DockerHub:
    """The hooks of one account's repositories."""

    def __init__(
        self,
        account: HubAccount,
        call: HubCaller,
        sign_ins: HubSignIns,
        now: Callable[[], float],
        scheme: str = "Bearer",
    ) -> None:
        self._account = account
        self._call = call
        self._sign_ins = sign_ins
        self._now = now
        self._scheme = scheme

    def list_hooks(self, repository: str) -> tuple[ListedHook, ...]:
        """All hooks of a repository, from all pages."""
        hooks: dict[str, ListedHook] = {}
        for page_number in range(1, MOST_PAGES + 1):
            address = f"{self._hooks(repository)}?page_size={PAGE_SIZE}&page={page_number}"
            reply = self._ask("GET", address, doing="listing the hooks")
            if reply.status == 404 and page_number > 1:
                # A hook deleted between two pages can take the last page along.
                break
            if reply.status == 404:
                raise self._missing(repository)
            page = self._page(reply)
            results = page.get("results")
            if not isinstance(results, list):
                raise HubUnavailable("Docker Hub's list of hooks has no results in it.")
            for entry in results:
                if (hook := _seen(entry)) is not None:
                    hooks[hook.slug] = hook
            if not page.get("next"):
                break
        return tuple(hooks.values())

    def create_hook(self, repository: str, name: str, url: str) -> ListedHook | None:
        """Make a hook with one URL. Away means: it may have been made; list before trying again."""
        body = {
            "name": name,
            "expect_final_callback": False,
            "webhooks": [{"name": name, "hook_url": url}],
            "registry": "registry-1.docker.io",
        }
        reply = self._ask("POST", self._hooks(repository), body=body, doing="creating the hook")
        if reply.status == 404:
            raise NoManagement("Docker Hub does not offer creating hooks by calls (404).")
        if reply.status == 409:
            # Perhaps what a name that is taken gets: the list will tell.
            raise HubUnavailable(f"Docker Hub says that the hook is already there: {answers.error_text(reply.body)}.")
        return _seen(self._object(reply, 201, "creating the hook"))

    def delete_hook(self, repository: str, slug: str) -> None:
        """Take a hook away; one that is not there any more is fine."""
        reply = self._ask("DELETE", f"{self._hooks(repository)}{slug}/", doing="deleting the hook")
        if reply.status != 404 and not 200 <= reply.status < 300:
            raise self._problem(reply, "deleting the hook")

    def list_tags(self, repository: str, most: int) -> list[dict[str, Any]]:
        """The newest tags as the Hub lists them, the last pushed first; also without an account."""
        address = f"{self._repository(repository)}tags/?page_size={most}&ordering=last_updated"
        reply = self._ask("GET", address, doing="listing the tags")
        if reply.status == 404:
            reader = self._account.username or "the public"
            raise NoRepository(f"Docker Hub shows {reader} no repository {repository}.")
        results = self._object(reply, 200, "listing the tags").get("results")
        if not isinstance(results, list):
            raise HubUnavailable("Docker Hub's list of tags has no results in it.")
        return [entry for entry in results if isinstance(entry, dict)]

    def repositories(self, namespace: str) -> tuple[str, ...]:
        """The names of a namespace's repositories that this account may see, from all pages."""
        names: list[str] = []
        for page_number in range(1, MOST_PAGES + 1):
            address = f"{self._account.hub_url}/v2/namespaces/{namespace.lower()}/repositories"
            reply = self._ask(
                "GET", f"{address}?page_size={PAGE_SIZE}&page={page_number}", doing="listing the repositories"
            )
            if reply.status == 404:
                raise NoRepository(f"Docker Hub knows no namespace {namespace}.")
            page = self._object(reply, 200, "listing the repositories")
            names += [str(entry["name"]) for entry in _results(page) if entry.get("name")]
            if not page.get("next"):
                break
        return tuple(sorted(names))

    def _repository(self, repository: str) -> str:
        # Docker Hub's names are lower case, and its addresses end with a slash.
        return f"{self._account.hub_url}/v2/repositories/{repository.lower()}/"

    def _hooks(self, repository: str) -> str:
        return f"{self._repository(repository)}webhook_pipeline/"

    def _ask(self, method: str, url: str, *, body: Any = None, doing: str) -> HubReply:
        """One call with a token; a token that is refused is replaced once."""
        for last in (False, True):
            anonymous = not self._account.username
            authorization = "" if anonymous else f"{self._scheme} {self._sign_ins.token(self._account)}"
            reply = self._call(
                method, url, authorization=authorization, body=body, doing=doing, local=self._account.local
            )
            if reply.status != 401 or anonymous:
                return reply
            self._sign_ins.forget(self._account)
            if last:
                raise self._problem(reply, doing)
        raise AssertionError("unreachable")

    def _page(self, reply: HubReply) -> dict[str, Any]:
        try:
            return self._object(reply, 200, "listing the hooks")
        except Rejected as odd:
            # There is nothing in a list's address that could be wrong: the Hub is.
            raise HubUnavailable(str(odd)) from odd

    def _object(self, reply: HubReply, expected_status: int, doing: str) -> dict[str, Any]:
        value = answers.as_json(reply.body)
        if reply.status == expected_status and isinstance(value, dict):
            return value
        if 200 <= reply.status < 400:
            text = answers.error_text(reply.body) or "an empty answer"
            raise HubUnavailable(f"Docker Hub answered {doing} with {reply.status} and {text}.")
        raise self._problem(reply, doing)

    def _problem(self, reply: HubReply, doing: str) -> HubProblem:
        return answers.problem(reply.status, reply.headers, reply.body, self._now(), doing)

    def _missing(self, repository: str) -> HubProblem:
        """404 on the list: is it the repository that is not there, or the call?"""
        reply = self._ask("GET", self._repository(repository), doing="looking for the repository")
        if reply.status == 200:
            return NoManagement("Docker Hub does not offer managing hooks by calls (404).")
        if reply.status == 404:
            return NoRepository(f"Docker Hub shows {self._account.username} no repository {repository}.")
        return self._problem(reply, "looking for the repository")


def _results(page: dict[str, Any]) -> list[dict[str, Any]]:
    results = page.get("results")
    return [entry for entry in results if isinstance(entry, dict)] if isinstance(results, list) else []


def _seen(entry: Any) -> ListedHook | None:
    """A listed hook, as far as its fields can be read."""
    if not isinstance(entry, dict):
        return None
    name, slug = entry.get("name"), entry.get("slug")
    if not isinstance(slug, str) or not slug:
        slug = name
    if not isinstance(slug, str) or not slug:
        return None
    hooks = entry.get("webhooks")
    urls = [hook.get("hook_url") for hook in hooks if isinstance(hook, dict)] if isinstance(hooks, list) else []
    return ListedHook(slug, name if isinstance(name, str) else slug, tuple(url for url in urls if isinstance(url, str)))
