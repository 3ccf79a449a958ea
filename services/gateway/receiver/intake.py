"""From a parsed body to a place from which nothing gets lost: confirmed by the broker, or in the spool."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from services.gateway.ports import PublishPort
from shared.contracts.pushes import HookReceived, HooksRefused
from shared.contracts.topics import HOOK_RECEIVED, HOOKS_REFUSED, Topic
from shared.process import tracing
from shared.process.clock import monotonic
from shared.process.health import Health
from shared.process.logging import get_logger

from .spool import Spool, SpoolFull

CONFIRM_TIMEOUT_S = 1.0
FINAL_CONFIRM_S = 6.0
"""Longer than the bus waits for any confirm."""
ROOM_WAIT_S = 0.5
"""For room in a full spool that is being drained."""
DRAIN_EVERY_S = 1.0
DRAIN_TIMEOUT_S = 5.0
DRAIN_AT_EXIT_S = 8.0
"""For what waits when the process ends; less than a supervisor's patience. The rest is the next start's."""
_DRAIN_AGAIN_S = 0.05


class Intake:
    """Takes deliveries and drains the spool. `take` returns once the delivery is safe."""

    def __init__(self, post: PublishPort, spool: Spool, health: Health | None = None) -> None:
        self._post = post
        self._spool = spool
        self._health = health
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._drain_for_ever, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=DRAIN_TIMEOUT_S + 1)
        self._drain_before_exit()

    def _drain_before_exit(self) -> None:
        """Send what is left while the broker takes it; where another process drains, wait for it."""
        deadline = monotonic() + DRAIN_AT_EXIT_S
        while not self._spool.empty and self._post.connected and monotonic() < deadline:
            if not self._spool.drain(self._publish, timeout_s=DRAIN_TIMEOUT_S):
                time.sleep(_DRAIN_AGAIN_S)

    def take(self, delivery: HookReceived, topic: Topic = HOOK_RECEIVED) -> None:
        """Make a delivery safe. Raises `SpoolFull` when it is kept nowhere."""
        if not self._post.connected:
            self._spool.put(delivery)
        elif self._spool.empty:
            self._publish_or_keep(delivery, topic)
        else:
            # Those that wait go first: overtaken, they would be held as older than this one.
            self._wake.set()
            self._spool.put(delivery, wait_s=ROOM_WAIT_S)

    def _publish_or_keep(self, delivery: HookReceived, topic: Topic) -> None:
        """What the broker does not confirm in time it may have all the same: it is never refused, only kept twice."""
        try:
            confirm = self._publish(delivery, topic)
        except Exception as error:
            _log_spooled(delivery, error)
            self._spool.put(delivery)
            return
        try:
            confirm.result(CONFIRM_TIMEOUT_S)
        except Exception as error:
            _log_spooled(delivery, error)
            self._keep_unconfirmed(delivery, confirm)

    def _keep_unconfirmed(self, delivery: HookReceived, confirm: Future[None]) -> None:
        try:
            path = self._spool.put(delivery, bounded=False)
        except SpoolFull:
            # The disk takes nothing. The bus gives every confirm an end, and that is the answer.
            try:
                confirm.result(FINAL_CONFIRM_S)
            except Exception:
                raise SpoolFull("neither the broker nor the disk took the delivery") from None
            return
        confirm.add_done_callback(lambda late: self._confirmed_late(late, path))

    def _confirmed_late(self, late: Future[None], path: Path) -> None:
        # The id is the same on both ways, so a delivery that is drained meanwhile is recognised as one.
        if not late.cancelled() and late.exception() is None:
            self._spool.forget(path)

    def _publish(self, delivery: HookReceived, topic: Topic = HOOK_RECEIVED) -> Future[None]:
        with tracing.under(tracing.of_push(delivery.delivery_id)):
            return self._post.publish_nowait(
                topic, delivery, subject=delivery.delivery_id, message_id=delivery.delivery_id
            )

    def tell_refused(self, refused: HooksRefused) -> None:
        """Tell config, as well as that goes now: the sender has its 429 in any case."""
        with suppress(Exception):
            self._post.publish_nowait(HOOKS_REFUSED, refused, subject=refused.webhook_id)

    def _drain_for_ever(self) -> None:
        while not self._closing:
            self._wake.wait(DRAIN_EVERY_S)
            self._wake.clear()
            try:
                self._drain()
            except Exception:
                get_logger().exception("spool.not-drained")

    def _drain(self) -> None:
        if self._spool.empty:
            if self._health is not None:
                self._health.clear("spool")
            return
        if self._post.connected:
            sent = self._spool.drain(self._publish, timeout_s=DRAIN_TIMEOUT_S)
            if sent:
                get_logger().info("spool.drained", deliveries=sent)
        elif self._health is not None:
            self._health.note(
                "spool", "The broker is unavailable; webhook calls wait in the spool and are sent when it is back."
            )


def _log_spooled(delivery: HookReceived, error: Exception) -> None:
    get_logger().warning("hook.spooled", delivery=delivery.delivery_id, reason=type(error).__name__)
