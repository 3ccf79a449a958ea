"""Questions and commands to the other processes, with one kind of failure: `Refused`, in words for the caller."""

from __future__ import annotations

import time
from typing import TypeVar

from shared.bus import NotConfirmed, RequestTimeout, Unavailable
from shared.contracts.base import Message
from shared.contracts.catalog import (
    Act,
    Admission,
    AdmissionAsk,
    Document,
    Find,
    Get,
    Inspect,
    Inspected,
    Page,
    SignedIn,
    SignIn,
    ValidateAsk,
    Validated,
)
from shared.contracts.envelope import ANONYMOUS, Caller
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import (
    ADMIT_SIGN_IN,
    CATALOG_ACT,
    CATALOG_FIND,
    CATALOG_GET,
    ENDPOINT_VALIDATE,
    HUB_INSPECT,
    OUTSIDE_INSPECT,
    SIGN_IN,
    Topic,
)
from shared.process.ids import new_id

from .ports import RequestPort, expect

M = TypeVar("M", bound=Message)

TIMEOUT_S = 10.0
OUTSIDE_TIMEOUT_S = 40.0
AGAIN_AFTER_S = 0.3
AWAY_RETRY_S = 5.0


class ConfigClient:
    """Everything that the API and the pages ask for goes through here."""

    def __init__(self, post: RequestPort) -> None:
        self._post = post

    def find(self, caller: Caller, ask: Find) -> Page:
        """One page of a kind."""
        return self._ask(CATALOG_FIND, ask, Page, caller)

    def get(self, caller: Caller, ask: Get, *, timeout_s: float = TIMEOUT_S) -> Document:
        """One object."""
        return self._ask(CATALOG_GET, ask, Document, caller, timeout_s=timeout_s)

    def act(self, caller: Caller, act: Act, command_id: str = "") -> Document:
        """A change. It has an id, so that asking again after a lost answer changes nothing twice."""
        return self._ask(CATALOG_ACT, act, Document, caller, command_id=command_id or new_id())

    def admit_sign_in(self, ask: AdmissionAsk) -> Admission:
        """May a password be tried?"""
        return self._ask(ADMIT_SIGN_IN, ask, Admission, ANONYMOUS)

    def sign_in(self, ask: SignIn) -> SignedIn:
        """Who is this?"""
        return self._ask(SIGN_IN, ask, SignedIn, ANONYMOUS)

    def validate(self, caller: Caller, ask: ValidateAsk) -> Validated:
        """Validate an endpoint for real."""
        return self._ask(ENDPOINT_VALIDATE, ask, Validated, caller, timeout_s=OUTSIDE_TIMEOUT_S)

    def inspect(self, caller: Caller, ask: Inspect) -> Inspected:
        """Look at something outside."""
        return self._ask(OUTSIDE_INSPECT, ask, Inspected, caller, timeout_s=OUTSIDE_TIMEOUT_S)

    def inspect_hub(self, caller: Caller, ask: Inspect) -> Inspected:
        """Look at what only Docker Hub's own API tells."""
        return self._ask(HUB_INSPECT, ask, Inspected, caller, timeout_s=OUTSIDE_TIMEOUT_S)

    def _ask(
        self,
        topic: Topic,
        message: Message,
        answer: type[M],
        caller: Caller,
        *,
        command_id: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> M:
        try:
            try:
                reply = self._send(topic, message, caller, command_id, timeout_s)
            except (Unavailable, NotConfirmed):
                # A connection that has just been lost is usually back at once.
                time.sleep(AGAIN_AFTER_S)
                reply = self._send(topic, message, caller, command_id, timeout_s)
        except (Unavailable, NotConfirmed):
            raise Refused(_away("The message broker is unavailable, so nothing can be read or changed.")) from None
        except RequestTimeout:
            service = topic.queues[0].service.value
            raise Refused(
                _away(f"{service} did not answer within {timeout_s:.0f} seconds; it may be starting.")
            ) from None
        return expect(reply, answer)

    def _send(
        self, topic: Topic, message: Message, caller: Caller, command_id: str | None, timeout_s: float
    ) -> Message:
        return self._post.request(topic, message, caller=caller, command_id=command_id, timeout_s=timeout_s)


def _away(message: str) -> Problem:
    return Problem(
        code=Code.UNAVAILABLE,
        message=message,
        next_step="Try again in a few seconds.",
        retry_after_s=AWAY_RETRY_S,
    )
