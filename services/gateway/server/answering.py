"""What a thread does with a complete request: gunicorn's parser reads it, the application answers.

Nothing here waits for the other side: all bytes of the request are there, and what its reader does not take at once of
the answer stays in the connection's outlet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.wsgi import create

from services.gateway.request_bodies import DROPPED
from shared.process.logging import get_logger

from .connection import Connection
from .outlet import QueuedResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def answer(connection: Connection, application: Application, cfg: Any, *, keep_open: bool) -> bool:
    """Answer a connection's complete request; `cfg` is gunicorn's. True when the connection may carry another one."""
    try:
        request = next(get_parser(cfg, connection.store.pieces(), connection.client))
        return _respond(connection, request, application, cfg, keep_open=keep_open)
    except OSError as error:
        get_logger().debug("answer.not-sent", reason=type(error).__name__)
    except (StopIteration, ParseException, NoMoreData) as error:
        get_logger().warning("request.invalid", reason=type(error).__name__)
        connection.answer(400)
    except Exception:
        get_logger().exception("request.failed")
        connection.answer(500)
    return False


def _respond(connection: Connection, request: Any, application: Application, cfg: Any, *, keep_open: bool) -> bool:
    # The loop has said it already, and the whole body is here.
    request._expected_100_continue = False
    response, environ = create(
        request, connection.outlet, connection.client, connection.server, cfg, response_class=QueuedResponse
    )
    environ |= {"wsgi.multithread": True, DROPPED: connection.store.dropped}
    if not keep_open:
        response.force_close()
    pieces = application(environ, response.start_response)
    try:
        for piece in pieces:
            response.write(piece)
        response.close()
    except OSError:
        raise
    except Exception:
        if not response.headers_sent:
            raise
        get_logger().exception("answer.interrupted", path=environ.get("PATH_INFO", ""))
        return False
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return not response.should_close()
