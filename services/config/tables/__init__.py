"""The database's tables, and nothing that asks them anything: `ledger` is what happened, `catalog` what is defined.

Only `services.config.store` and `services.config.migrations` import this package.
"""
