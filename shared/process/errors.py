"""What is behind an exception: libraries wrap the reason in `__cause__`, `__context__`, `reason` or an argument, pika
in `exception` and, the last try last, `exceptions`.
"""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all behind it, each once, the nearest first."""
    visited: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        packed = (*reversed(getattr(cause, "exceptions", None) or ()), getattr(cause, "exception", None))
        behind = (*packed, getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args)
        waiting += [inner for inner in behind if isinstance(inner, BaseException)]


def innermost(error: BaseException) -> BaseException:
    """Where it began."""
    visited: set[int] = set()
    while id(error) not in visited:
        visited.add(id(error))
        reason = getattr(error, "reason", None)
        argument = next((part for part in error.args if isinstance(part, BaseException)), None)
        inner = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__ or argument
        error = error if inner is None else inner
    return error
