"""Keeps the allowlist current: subscribed first, then a snapshot; again after a gap, a reconnect or a quiet minute.

The last list is kept on disk, so that hooks are judged while config is down.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from services.gateway.ports import RequestPort, expect
from shared.contracts.problems import Refused
from shared.contracts.pushes import Allowlist, AllowlistAsk, AllowlistChanged, TokenEntry
from shared.contracts.topics import ALLOWLIST_ASK
from shared.process.clock import monotonic, now
from shared.process.logging import get_logger

from . import allowlist
from .allowlist import Tokens
from .reception_clock import ReceptionClock

if TYPE_CHECKING:
    from shared.bus import Incoming

QUIET_S = 60.0
RETRY_S = 2.0
ASK_TIMEOUT_S = 5.0
LOOK_UP_TIMEOUT_S = 2.0
MAX_LOOK_UPS_AT_ONCE = 8


class CannotAsk(Exception):
    """config did not answer: nobody knows whether this token is good."""


class AllowlistCache:
    """The tokens of this process. `on_change` and `on_gap` are what the broadcast listener calls."""

    def __init__(self, post: RequestPort, file: Path) -> None:
        self._post = post
        self._file = file
        self._lock = threading.Lock()
        self._tokens = _load(file)
        self._heard: list[AllowlistChanged] = []
        self._heard_at = -QUIET_S
        self._failed_at = -RETRY_S
        self._wake = threading.Event()
        self._closing = False
        self.clock = ReceptionClock()
        self._look_ups = threading.BoundedSemaphore(MAX_LOOK_UPS_AT_ONCE)
        self._thread = threading.Thread(target=self._keep, name="allowlist", daemon=True)

    def start(self) -> None:
        """Begin to ask; call it after the listener is subscribed."""
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=ASK_TIMEOUT_S + 1)

    @property
    def tokens(self) -> Tokens:
        return self._tokens

    def on_change(self, incoming: Incoming) -> None:
        """A broadcast change of the list."""
        change = expect(incoming.message, AllowlistChanged)
        with self._lock:
            self._tokens = allowlist.changed(self._tokens, change)
            self._heard.append(change)
            self._heard_at = monotonic()
            complete = self._tokens.complete
        if not complete:
            self._wake.set()

    def on_gap(self) -> None:
        """The subscription is new: something may have been missed."""
        self._heard_at = -QUIET_S
        self._wake.set()

    def look_up(self, token_hash: str) -> TokenEntry | None:
        """Ask config about one token that is not on the list. Raises `CannotAsk`."""
        if monotonic() - self._failed_at < RETRY_S or not self._look_ups.acquire(blocking=False):
            raise CannotAsk
        try:
            answer = self._post.request(ALLOWLIST_ASK, AllowlistAsk(token_hash=token_hash), timeout_s=LOOK_UP_TIMEOUT_S)
        except Refused as error:
            raise CannotAsk from error
        except Exception as error:
            self._failed_at = monotonic()
            raise CannotAsk from error
        finally:
            self._look_ups.release()
        entries = expect(answer, Allowlist).entries
        entry = next((entry for entry in entries if entry.token_hash == token_hash), None)
        if entry is not None:
            with self._lock:
                self._tokens = allowlist.learned(self._tokens, entry)
        return entry

    def refresh(self) -> None:
        """Ask for the whole list now."""
        with self._lock:
            self._heard.clear()
        asked_at = now()
        answer = expect(self._post.request(ALLOWLIST_ASK, AllowlistAsk(), timeout_s=ASK_TIMEOUT_S), Allowlist)
        self.clock.compare(asked_at, answer.answered_at)
        with self._lock:
            before = self._tokens
            self._tokens = allowlist.snapshot(answer, self._heard)
            self._heard.clear()
            self._heard_at = monotonic()
        if answer.revision != before.revision or not self._file.exists():
            _save(self._file, answer)

    def _keep(self) -> None:
        log = get_logger()
        silent_since: float | None = None
        while not self._closing:
            self._wake.wait(1.0)
            self._wake.clear()
            if self._closing or (self._tokens.complete and monotonic() - self._heard_at < QUIET_S):
                continue
            try:
                self.refresh()
            except Exception as error:
                if silent_since is None:
                    silent_since = monotonic()
                    log.warning("allowlist.not-refreshed", reason=str(error) or type(error).__name__)
                self._failed_at = monotonic()
                self._wake.wait(RETRY_S)
                continue
            if silent_since is not None:
                log.info("allowlist.refreshed", after_s=round(monotonic() - silent_since, 1))
                silent_since = None


def _load(file: Path) -> Tokens:
    try:
        return allowlist.snapshot(Allowlist.model_validate_json(file.read_bytes()))
    except FileNotFoundError:
        return Tokens()
    except (ValidationError, OSError) as error:
        get_logger().warning("allowlist.unreadable", file=str(file), reason=type(error).__name__)
        return Tokens()


def _save(file: Path, whole: Allowlist) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(whole.model_dump_json().encode())
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        get_logger().warning("allowlist.not-saved", file=str(file), reason=error.strerror)
