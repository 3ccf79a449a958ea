"""gunicorn's worker and logger, changed where they would show what nobody may read: the query string of a hook."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

_QUERY = re.compile(r"\?[^\s'\"]*")


class _NoQueries(logging.Filter):
    """Takes query strings out of whatever gunicorn says about a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True


class GatewayLogger(Logger):  # type: ignore[misc]
    """Sends gunicorn's lines through the process's own chain; there is no access log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers[:] = []
        self.error_log.filters[:] = [_NoQueries()]
        self.error_log.propagate = True
        self.access_log.propagate = False
        # Starts and stops are told by the workers themselves.
        self.error_log.setLevel(max(self.loglevel, logging.WARNING))

    def reopen_files(self) -> None:
        """There are none."""


class GatewayWorker(ThreadWorker):  # type: ignore[misc]
    """Ends streams when it stops, and answers a request that is not even HTTP without repeating it."""

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """SIGTERM: let the streams go, since they would hold the worker back."""
        stop = getattr(self.wsgi, "stop", None)
        if stop is not None:
            stop()
        super().handle_exit(sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Bad requests get one sentence; everything else is gunicorn's business."""
        if type(exc).__module__.startswith("gunicorn.http"):
            self.log.warning("Invalid request: %s", type(exc).__name__)
            body = json.dumps({"status": 400, "error": "Bad Request", "message": "The request is not valid HTTP."})
            head = (
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            try:
                util.write_nonblock(client, (head + body).encode("latin1"))
            except OSError:
                self.log.debug("The caller of an invalid request was gone.")
            return
        super().handle_error(req, client, addr, exc)
