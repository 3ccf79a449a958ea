"""The server of the chosen context, signed in; and what is said where it is older or newer than this command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from . import contexts
from .ending import CommandFailed, ExitCode
from .texts import quoted
from .version import __version__

if TYPE_CHECKING:
    from .api import Client, Json


@dataclass(frozen=True, slots=True)
class PortsideServer:
    """A signed-in client, and the project that commands mean unless another is named."""

    client: Client
    context: contexts.ServerContext

    @property
    def project(self) -> str:
        return self.context.project

    def page(self, path: str) -> str:
        """The address of a page for people."""
        return f"{self.context.url}/{path.lstrip('/')}"

    def find(self, collection: str, reference: str) -> Json:
        """An object of the project by its name, else by its id. Raises `ApiError`."""
        from .api import ApiError

        try:
            return self.client.by_name(collection, self.project, reference)
        except ApiError as error:
            if error.status != 404:
                raise
            if not looks_like_id(reference):
                raise CommandFailed(
                    f"there is no {quoted(reference)} in project {self.project}\n"
                    f"List them: portside {collection.rpartition('-')[2]} list; another project: --project NAME",
                    ExitCode.NOT_FOUND,
                ) from None
        return self.client.get(f"/{collection}/{quote(reference, safe='')}")

    def rows(self, path: str, limit: int, **fields: str) -> list[Json]:
        """A list's objects with these values. Raises `CommandFailed` where they name a project that does not exist."""
        from .runs import ask_filter

        rows = list(self.client.pages(path, limit, **ask_filter(**fields)))
        project = fields.get("project", "")
        if not rows and project and not list(self.client.pages("/projects", 1, **ask_filter(name=project))):
            raise CommandFailed(f"there is no project {project}\nList them: portside projects list", ExitCode.NOT_FOUND)
        return rows


def looks_like_id(reference: str) -> bool:
    """Whether it is a UUID, as the server's ids are."""
    return len(reference) == 36 and all(character in "0123456789abcdef-" for character in reference)


def connect(context_name: str = "", project: str = "") -> PortsideServer:
    """Sign in at the chosen context. Raises `CommandFailed`."""
    from .api import ApiError, Client

    context = contexts.chosen(context_name, project)
    if not context.token:
        raise CommandFailed(f"signed out of {context.url}; {contexts.SIGN_IN_FIRST}", ExitCode.NOT_ALLOWED)
    client = Client(context.url, certificate=context.certificate)
    try:
        client.sign_in_with(context.token)
    except ApiError as error:
        if error.status != 401:
            raise
        again = (
            "PORTSIDE_TOKEN is not a good API token"
            if context.name == contexts.ENVIRONMENT
            else f"sign in again: portside login {context.url}"
        )
        raise CommandFailed(f"{context.url} refused the token: {again}", ExitCode.NOT_ALLOWED) from None
    return PortsideServer(client, context)


def server_version(client: Client) -> str:
    """The release that the server runs; empty for one that does not say."""
    return str(client.get("/about").get("_version") or "")


def version_note(server: str, own: str = __version__) -> str:
    """What to say where server and command are of different releases; empty where they fit."""
    theirs, ours = _release(server), _release(own)
    if theirs == ours or not theirs:
        return "" if theirs else "the server does not say its release: it is older than this command, or not Portside"
    relation = "older" if theirs < ours else "newer"
    return f"the server ({server}) is {relation} than this command ({own}): some commands may not fit"


def _release(version: str) -> tuple[int, ...]:
    """Major and minor, which are what must agree."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if len(parts) == 2 and all(part.isdigit() for part in parts) else ()
