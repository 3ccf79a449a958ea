"""gunicorn's log lines in the process's own chain, without what nobody may read: the query string of a hook."""

from __future__ import annotations

import logging
import re
from typing import Any

from gunicorn.glogging import Logger

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
        # The workers log their starts and stops themselves.
        self.error_log.setLevel(max(self.loglevel, logging.WARNING))

    def reopen_files(self) -> None:
        """There are none."""
