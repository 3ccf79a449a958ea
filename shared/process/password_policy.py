"""Which passwords are too easy to guess: the one rule, for pages, API and the command on the machine. Pure.

Length and a list, as NIST SP 800-63B has it: no demands on kinds of characters, which people meet in the same few ways.
The list is `common_passwords.txt`: those of the 20,000 most common passwords (Royce Williams's compilation, as Django
ships it) that are long enough to pass otherwise.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from shared.contracts.problems import Code, refuse
from shared.contracts.texts import counted

MIN_LENGTH = 10
MAX_LENGTH = 1_000
_LIST = Path(__file__).parent / "common_passwords.txt"


def rule(least: int = MIN_LENGTH) -> str:
    """The policy in words."""
    return f"At least {least} characters, and none of the most common passwords."


RULE = rule()
"""The policy unless an administrator has made it stricter."""


def password_flaw(password: str, *names: str, least: int = MIN_LENGTH) -> str:
    """Why a password cannot be used, as a sentence; empty where it can.

    `names` are those of its owner, such as user name and e-mail address; `least` is how many characters it needs.
    """
    folded = password.casefold()
    if len(password) < least:
        missing = least - len(password)
        return f"The password is too short: {counted(missing, 'more character')} needed."
    if len(password) > MAX_LENGTH:
        return f"The password is longer than {MAX_LENGTH:,} characters."
    if folded in _common():
        return "This is one of the most common passwords, which others try first."
    if len(set(folded)) == 1:
        return "The password repeats one character."
    if folded in {name.casefold() for name in names}:
        return "The password is the user's own name or address."
    return ""


def demand_good_password(password: str, *names: str, least: int = MIN_LENGTH) -> None:
    """Refuse a password that is too easy to guess."""
    if flaw := password_flaw(password, *names, least=least):
        raise refuse(Code.INVALID, flaw, subject="password", next_step=f"Choose another. {rule(least)}")


@cache
def _common() -> frozenset[str]:
    return frozenset(_LIST.read_text(encoding="utf-8").split("\n"))
