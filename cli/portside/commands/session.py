"""`login`, `logout`, `whoami` and `contexts`: where the command works, and as whom."""

from __future__ import annotations

import platform
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from .. import contexts as store
from ..connection import PortsideServer, server_version, version_note
from ..ending import CommandFailed, ExitCode, demand_terminal, note
from ..lazy import LazyGroup
from ..options import with_output, with_server
from ..output import Column, field, print_all, print_one

if TYPE_CHECKING:
    from ..api import Client

PLACES = {"list": f"{__name__}:contexts_list", "use": f"{__name__}:use", "delete": f"{__name__}:delete"}


@click.command()
@click.argument("url", required=False)
@click.option("--user", default="", help="User name; without it the command asks.")
@click.option("--with-token", is_flag=True, help="Read an API token from standard input instead of a password.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--browser", is_flag=True, help="Sign in on a page that opens in your browser.")
@click.option("--device", is_flag=True, help="Sign in on a page in any browser, with a code that is printed here.")
@click.option("--name", default="", help="Name of the context; by default the server's host name.")
@click.option("--project", default="", help="The project that commands use; by default `default`.")
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="File with the authorities to trust, for a certificate of your own.",
)
def login(
    url: str | None,
    user: str,
    with_token: bool,
    password_stdin: bool,
    browser: bool,
    device: bool,
    name: str,
    project: str,
    certificate: Path | None,
) -> None:
    """Sign in at a server and make it the current context.

    With a password, or on a page, this makes an API token of its own, which `logout` revokes; the password is not
    kept. A page lets you in however you sign in there, also with your company's directory.
    """
    from ..api import Client, checked_url

    if sum((with_token, password_stdin or bool(user), browser, device)) > 1:
        raise CommandFailed("choose one way in: a password, --browser, --device or --with-token", ExitCode.USAGE)

    contexts = store.read()
    former = contexts.by_name.get(name or contexts.current)
    if not url:
        if former is None:
            raise CommandFailed("name the server: portside login https://portside.example.com", ExitCode.USAGE)
        url = former.url
    url = checked_url(url)
    name = name or url.partition("://")[2]
    former = contexts.by_name.get(name)
    authorities = str(certificate or (former.certificate if former else ""))
    client = Client(url, certificate=authorities)
    if with_token:
        token, token_id = _secret("--with-token", "an API token"), ""
        client.sign_in_with(token)
    elif browser or device:
        token, token_id = _by_page(client, opens=browser)
    else:
        user = user or _prompted("User name", "name it with --user")
        password = _secret("--password-stdin", "a password") if password_stdin else _password(user)
        client.sign_in(user, password)
        api_token = client.post("/api-tokens", {"name": _token_name()})
        token, token_id = str(api_token["token"]), str(api_token["id"])
    me = client.get("/users/me")
    project = project or (former.project if former else "default")
    context = store.ServerContext(name, url, project, str(me.get("userName")), token, authorities, token_id)
    store.write(contexts.with_context(context))
    note(f"Signed in at {url} as {context.user}, project {project}; context {name}.")
    if differs := version_note(server_version(client)):
        note(f"note: {differs}")


def _token_name() -> str:
    return f"portside on {platform.node()[:60] or 'a computer'}"


def _by_page(client: Client, *, opens: bool) -> tuple[str, str]:
    """Sign in by a code that somebody confirms on a page: an API token and its id."""
    from ..device_grant import begin, redeem

    codes = begin(client, _token_name())
    note(f"Compare this code in the browser: {codes.user_code}")
    if not (opens and webbrowser.open(codes.link)):
        note(f"Open {codes.link}")
    note("Waiting for you to allow it there; Ctrl-C stops.")
    return redeem(client, codes)


def _secret(option: str, noun: str) -> str:
    text = sys.stdin.readline(10_000).strip("\r\n")
    if not text:
        raise CommandFailed(f"{option} reads {noun} from standard input, which is empty", ExitCode.USAGE)
    return text


def _password(user: str) -> str:
    demand_terminal("asking for a password", "use --password-stdin, or --with-token.")
    return str(click.prompt(f"Password of {user}", hide_input=True, err=True))


def _prompted(question: str, instead: str) -> str:
    demand_terminal(f"asking for the {question.lower()}", instead)
    return str(click.prompt(question, err=True))


@click.command()
@click.option("--context", "context_name", default="", metavar="NAME", help="Sign out of this context.")
def logout(context_name: str) -> None:
    """Forget a context's token, and revoke it where `login` made it."""
    contexts = store.read()
    name = context_name or contexts.current
    if not name:
        raise CommandFailed("not signed in anywhere", ExitCode.NOT_ALLOWED)
    context = contexts.named(name)
    store.write(replace(contexts, by_name={**contexts.by_name, name: replace(context, token="", token_id="")}))
    try:
        _revoke(context)
    except CommandFailed as failure:
        raise CommandFailed(
            f"the token was forgotten here, but could not be revoked: {failure.message}", ExitCode.UNREACHABLE
        ) from None
    note(f"Signed out of {context.url}.")


def _revoke(context: store.ServerContext) -> None:
    from ..api import ApiError, Client

    if not (context.token and context.token_id):
        return
    client = Client(context.url, certificate=context.certificate)
    try:
        client.sign_in_with(context.token)
        client.delete(f"/api-tokens/{quote(context.token_id, safe='')}")
    except ApiError as error:
        # Revoked or expired before.
        if error.status not in (401, 404):
            raise


@click.command()
@with_output
@with_server
def whoami(server: PortsideServer, form: str) -> None:
    """Show the user, the role and the server of the current context."""
    me = server.client.get("/users/me")
    version = server_version(server.client)
    columns = (
        field("USER", "userName"),
        field("ROLE", "serviceRole"),
        Column("PROJECTS", lambda user: [f"{name} ({role})" for name, role in (user.get("projects") or {}).items()]),
        Column("GROUPS", lambda user: user.get("groups")),
        Column("CONTEXT", lambda _: server.context.name),
        Column("SERVER", lambda _: f"{server.context.url} ({version or 'release unknown'})"),
        Column("PROJECT", lambda _: server.project),
    )
    print_one(me, columns, form, name="userName")
    if differs := version_note(version):
        note(f"note: {differs}")


@click.group(cls=LazyGroup, places=PLACES, name="contexts")
def contexts() -> None:
    """Servers that this command knows, and which of them it uses."""


@click.command("list")
@with_output
def contexts_list(form: str) -> None:
    """List contexts; no token is shown."""
    stored = store.read()
    rows = [
        {
            "current": context.name == stored.current,
            "name": context.name,
            "url": context.url,
            "user": context.user,
            "project": context.project,
            "signedIn": bool(context.token),
        }
        for context in stored.by_name.values()
    ]
    columns = (
        Column("", lambda row: "*" if row["current"] else ""),
        field("NAME", "name"),
        field("SERVER", "url"),
        field("USER", "user"),
        field("PROJECT", "project"),
        field("SIGNED IN", "signedIn"),
    )
    print_all(rows, columns, form, empty=f"No context yet; {store.SIGN_IN_FIRST}")


@click.command()
@click.argument("name", required=False)
@click.option("--project", default="", metavar="NAME", help="Use this project from now on.")
def use(name: str | None, project: str) -> None:
    """Make a context the current one, or change its project."""
    stored = store.read()
    context = stored.named(name or stored.current)
    store.write(stored.with_context(replace(context, project=project or context.project)))
    note(f"Context {context.name}: {context.url}, project {project or context.project}.")


@click.command()
@click.argument("name")
def delete(name: str) -> None:
    """Forget a context. Sign out first to revoke its token."""
    stored = store.read()
    stored.named(name)
    store.write(stored.without(name))
    note(f"Forgot context {name}.")
