"""The ways in which a registry's management API can refuse: what the mirror tells apart, whatever the registry."""

from __future__ import annotations


class HubProblem(Exception):
    """Something did not work; the message is a sentence for a person."""


class WrongCredentials(HubProblem):
    """The user name or password is not accepted."""


class TwoFactorDue(WrongCredentials):
    """The password is right, but the account asks for a second factor that a daemon cannot give."""


class NotAllowed(HubProblem):
    """Signed in, and still not permitted."""


class NoRepository(HubProblem):
    """The repository is not there, or this account cannot see it."""


class NoManagement(HubProblem):
    """The hooks of this registry cannot be managed by calls."""


class Rejected(HubProblem):
    """The call was understood and refused: something in it is wrong."""


class Limited(HubProblem):
    """Too many calls."""

    def __init__(self, message: str, retry_at: float | None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class HubUnavailable(HubProblem):
    """No usable answer. What was asked for may have happened all the same."""

    def __init__(self, message: str, retry_at: float | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at
