"""Names with a slash in addresses: `/pipelines/acme/CI%2FCD` is the pipeline `CI/CD`.

WSGI hands over the path decoded, where that slash looks like any other. Servers keep the address as it was sent beside
it; from there such a slash travels to the handlers as a character that no address holds otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_STANDS_FOR_SLASH = "\ue02f"
_ENCODED = re.compile("%2f", re.IGNORECASE)

App = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]


def keep_encoded_slashes(app: App, is_api: Callable[[str], bool]) -> Any:
    """The application with encoded slashes kept apart in the addresses of the API."""

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("RAW_URI", "").partition("?")[0]
        if is_api(sent) and _ENCODED.search(sent):
            path = unquote_to_bytes(_ENCODED.sub(quote(_STANDS_FOR_SLASH), sent)).decode("latin-1")
            environ = {**environ, "PATH_INFO": path}
        return app(environ, start_response)

    return wrapped


def decode_slashes(value: str) -> str:
    """A part of an address as its sender meant it."""
    return value.replace(_STANDS_FOR_SLASH, "/")
