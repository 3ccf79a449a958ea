"""Log lines: named `object.verb`, with fields, as JSON to stderr, and never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.contracts.secrets import ANY_SECRET, MASK, WEBHOOK_SECRETS

from .masking import opened_secrets

_SECRET_KEYS = frozenset(
    key.lower().replace("_", "").replace("-", "")
    for key in (
        *ANY_SECRET,
        *WEBHOOK_SECRETS,
        "api_key",
        "api_token",
        "access_token",
        "authorization",
        "client_secret",
        "cookie",
        "csrf_token",
        "jwt",
        "jwt_key",
        "kubeconfig",
        "passwd",
        "query_string",
        "secure_token",
        "set_cookie",
    )
)

_OURS = ("services", "shared", "cli", "demo", "__main__")
"""Whose debug lines may be asked for."""
_SCRUBS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"((?:docker-hub-webhooks|registry-webhook-listeners)[^\s\"'?]{0,500}\?)[^\s\"']+", re.I),
        rf"\1{MASK}",
    ),
    (re.compile(r"(secureToken(?:=|%3D))[^&\s\"']+", re.I), rf"\1{MASK}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{MASK}@"),
    (re.compile(r"\b(Bearer|Basic|JWT)(\s+)[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1\2{MASK}"),
)
_WORTH_SCRUBBING = re.compile(r"webhook|secureToken|://|bearer|basic|jwt", re.I)


def scrub_text(text: str) -> str:
    """A text without hook query strings, passwords in URLs, authorization values, and what this process has opened."""
    text = opened_secrets.hide(text)
    if _WORTH_SCRUBBING.search(text):
        for pattern, replacement in _SCRUBS:
            text = pattern.sub(replacement, text)
    return text


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, Mapping):
        return {key: MASK if _is_secret(key) and item else _scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_scrub(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return scrub_text(str(value))


def _is_secret(key: object) -> bool:
    return str(key).lower().replace("_", "").replace("-", "") in _SECRET_KEYS


def scrub(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """The structlog processor: the last one before rendering, so that tracebacks are cleaned too."""
    hidden = {"exc_info", "_record", "_from_structlog"}
    return {
        key: value if key in hidden else MASK if _is_secret(key) and value else _scrub(value)
        for key, value in event.items()
    }


def configure(service: str, *, instance: str = "", level: str = "INFO") -> None:
    """Send every log line of this process, ours and the libraries', through one chain to stderr."""
    pretty = sys.stderr.isatty()

    def add_service(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        if instance:
            event.setdefault("instance", instance)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
    ]
    # On a terminal the renderer draws tracebacks itself; then they are made text first so that `scrub` sees them.
    render: Processor = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(default=str)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                scrub,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries print what they send and receive when they debug.
    root.setLevel(max(logging.getLevelName(level.upper()), logging.INFO))
    for package in _OURS:
        logging.getLogger(package).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # What a handler cannot format it would print as it is.
    logging.raiseExceptions = False
    sys.excepthook = _report_uncaught


def _report_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    get_logger().critical("process.failed", exc_info=(kind, error, trace))


def get_logger(**fields: object) -> structlog.stdlib.BoundLogger:
    """A logger; `fields` go with each of its lines."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(**fields)
    return logger
