"""A part of a page that follows events: drawn again on each change, outside of any request, as its viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from flask import Response, current_app, g, request

from services.gateway.event_streams import TooManyStreams, hangs_up
from shared.contracts.problems import Refused
from shared.process.logging import get_logger

from . import session


def has_streams() -> bool:
    """Is there room for another stream? Otherwise a page asks again and again."""
    return session.context().streams.has_room


def stream(topic: str, draw: Callable[[], str], over: Callable[[], bool] = lambda: False) -> Response:
    """The frames of a topic as an event stream; 204 (which ends a browser's attempts) when there is no room.

    `draw` sees this request's address and its signed-in user, however much later it is called.
    """
    viewer_name, hung_up = session.caller(), hangs_up(request.environ.get("gunicorn.socket"))
    # A method of the application itself, since its proxy is unbound when `drawn` is called.
    as_request = current_app.test_request_context
    address, event_streams = request.full_path, session.context().streams
    place = ExitStack()
    try:
        viewer = place.enter_context(event_streams.watching(topic, (address, viewer_name)))
    except TooManyStreams:
        return Response("", 204)

    def drawn() -> str:
        with as_request(address):
            g.caller = viewer_name
            return draw()

    def frames() -> Iterator[str]:
        try:
            yield "retry: 2000\n\n"
            yield from event_streams.frames(viewer, drawn, over, hung_up)
        except Refused as error:
            get_logger().info("stream.ended", user=viewer_name.user, reason=error.problem.code.value)

    response = Response(frames(), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
    # Not in the generator: one that was never started would keep its place.
    response.call_on_close(place.close)
    return response
