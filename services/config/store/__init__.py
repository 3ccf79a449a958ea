"""The only door to the database: the unit of work, and one module of questions and changes per noun.

Sessions, statements and tables are seen here and nowhere else in `services.config`. A module of this package takes a
unit of work and answers with frozen values or plain JSON, never with a row. It decides nothing: `matching`,
`lanes`, `protocol` and their like do.
"""

from .work import READ_LIMIT_S, Away, Reading, Store, TooSlow, UnitOfWork

__all__ = ["READ_LIMIT_S", "Away", "Reading", "Store", "TooSlow", "UnitOfWork"]
