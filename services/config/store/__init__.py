"""The only way to the database: the unit of work, and one module of queries and changes per noun.

`engines` connects to SQLite or PostgreSQL, `unit_of_work` opens transactions, `write_turns` says who writes next and
for how long; `definitions` holds what people define. `deliveries`, `activity` (their lists), `polls`, `pushed_images`
and `deployments` are about pushes; `executions`, `events`, `execution_views`, `slots`, `operations`, `notices` and
`logs` about runs; `answers`, `timers`, `dead_letters`, `lock` and `leadership` about the process. `figures` counts for
metrics, `filters` reads OData, `pruning` deletes, `copying` copies a whole database.

Sessions, statements and tables appear here and nowhere else in config. A module takes a unit of work and answers with
frozen values or plain JSON, never with a row. Never here: a decision.
"""

from .engines import READ_LIMIT_S, DatabaseUnavailable, TooSlow
from .unit_of_work import Deposed, Observer, Reading, Store, UnitOfWork
from .write_turns import Work

__all__ = [
    "READ_LIMIT_S",
    "DatabaseUnavailable",
    "Deposed",
    "Observer",
    "Reading",
    "Store",
    "TooSlow",
    "UnitOfWork",
    "Work",
]
