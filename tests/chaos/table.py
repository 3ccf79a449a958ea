"""The account for people."""

from __future__ import annotations

from rich.console import Console

from .account import Account

_ROWS = (
    ("accepted", "hooks answered with 2xx, or received all the same"),
    ("executed", "run exactly once, to the end"),
    ("superseded", "a newer push took their place"),
    ("held", "came behind a newer one"),
    ("uncertain", "killed within a task that may happen only once, and reported"),
    ("refused", "not accepted: the Hub shows them as failed"),
    ("waiting", "still wait their turn, and no run before them ends"),
    ("lost", ""),
    ("doubled", ""),
    ("disordered", "writes to the cluster out of order"),
    ("wrong", "repositories whose last image is not live"),
)


def show(console: Console, account: Account) -> None:
    """The numbers, who died how often, and each problem."""
    for name, what in _ROWS:
        console.print(f"  {name:<12}{getattr(account, name):>6}  {what}".rstrip(), soft_wrap=True)
    console.print(f"  {'deaths':<12}{sum(account.kills.values()):>6}  {_deaths(account)}", soft_wrap=True)
    for problem in account.problems:
        console.print(f"  ! {problem}", soft_wrap=True)
    console.print("clean" if account.clean else "NOT clean")


def _deaths(account: Account) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(account.kills.items()))
